"""What `manage.py box` and `manage.py unbox` have in common: all but which way they go."""

import json
from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

from django.core.management.base import BaseCommand, CommandError

from eventstore.application import Application, get_application
from eventstore.box_commands import BoxAggregate, UnboxAggregate
from eventstore.management import box_plans, box_runs
from eventstore.management.box_choice import Choice, Target, read_choice
from eventstore.management.box_plans import Plan
from eventstore.management.commands.projections import read_reason, who
from eventstore.management.quiet import without_command_lines
from eventstore.models import StoredStream


class Way(NamedTuple):
    """`asks` is sent for streams in `status`, which are `done` then; `plan` tells beforehand."""

    asks: type[BoxAggregate | UnboxAggregate]
    status: StoredStream.Status
    done: str
    plan: Callable[[Application, Target], Plan]


class ColdStorageCommand(BaseCommand):
    requires_migrations_checks = True
    way: ClassVar[Way]

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("stream", nargs="?", help="one, such as account-<aggregate id>")
        parser.add_argument("--tenant", metavar="SLUG", help="its tenant, or all of a tenant")
        parser.add_argument("--category", help="all of a category, such as account")
        parser.add_argument("--reason", help="1 to 200 characters, kept on record")
        parser.add_argument(
            "--dry-run", action="store_true", help="tell what would be done, and change nothing"
        )
        parser.add_argument("--json", action="store_true", help="for programs")

    def handle(self, *args: Any, **options: Any) -> None:
        choice = read_choice(options, self.way.status)
        if options["dry_run"]:
            self._plan(choice, as_json=options["json"])
            return
        if options["reason"] is None:
            raise CommandError("--reason TEXT says why, and is kept on record.", returncode=2)
        reason = read_reason(options["reason"])
        with without_command_lines(verbosity=options["verbosity"]):
            result = box_runs.run(
                get_application(), choice, self.way.asks, user=who(), reason=reason
            )
        self._tell(result, choice, as_json=options["json"])

    def _tell(self, result: box_runs.Run, choice: Choice, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(box_runs.plain(result, self.way.done)))
        elif choice.is_one and not result.exit_code:
            self.stdout.write(result.detail)
        elif not choice.is_one:
            lines = [*box_runs.refusal_lines(result), box_runs.summary(result, self.way.done)]
            nothing = [f"Nothing to be {self.way.done}."]
            self.stdout.write("\n".join(lines if result.done or result.exit_code else nothing))
        if result.exit_code:
            sentence = box_runs.sentence(result)
            if choice.is_one and result.refusals:
                sentence = f"{result.refusals[0]['detail']} ({result.refusals[0]['code']})"
            raise CommandError(sentence, returncode=result.exit_code)

    def _plan(self, choice: Choice, *, as_json: bool) -> None:
        """Each is written as soon as it is known: they may be many."""
        application = get_application()
        plans = (self.way.plan(application, each) for each in choice.targets(application))
        would, refused = 0, 0
        for plan in plans:
            if as_json:
                self.stdout.write("," if would + refused else "[", ending="")
                self.stdout.write(json.dumps(box_plans.plain(plan)))
            else:
                self.stdout.write(box_plans.line(plan))
            refused += bool(plan.forbidden_by)
            would += not plan.forbidden_by
        if as_json:
            self.stdout.write("]" if would + refused else "[]")
        elif not choice.is_one:
            told = f"{would:,} would be {self.way.done}, {refused:,} refused. Nothing was changed."
            self.stdout.write(told if would + refused else f"Nothing to be {self.way.done}.")
