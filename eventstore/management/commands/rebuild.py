"""`manage.py rebuild [NAME...]`: rows made anew from the events, mended, or only checked."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from eventstore.application import Application, get_application
from eventstore.management import rebuild_plans, rebuild_runs, row_copies
from eventstore.management.commands.projections import read_reason, who
from eventstore.management.rebuild_arguments import (
    Scope,
    read_moment,
    read_names,
    read_scope,
    refuse_contradictions,
)
from eventstore.rebuild_log import Order

INTERRUPTED = 130


class Command(BaseCommand):
    requires_migrations_checks = True
    help = (
        "Make the rows of projections anew from the events, while the old ones serve; of a "
        "tenant or a stream, replace what differs. --check only compares, --fix mends what "
        "differs. With --into a read-only copy as of a time or a position is made instead. "
        "Exit 0 done, 1 failed or rows that differ, 2 wrong arguments, 3 already running."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", nargs="*", help="of a projection")
        parser.add_argument("--all", action="store_true", help="every projection")
        parser.add_argument("--tenant", metavar="SLUG", help="only this tenant's rows")
        parser.add_argument(
            "--stream", help="only rows that it touches, such as account-<aggregate id>"
        )
        parser.add_argument("--check", action="store_true", help="compare with a replay; exit 1")
        parser.add_argument("--fix", action="store_true", help="mend only the rows that differ")
        parser.add_argument(
            "--dry-run", action="store_true", help="tell what would be done, and write nothing"
        )
        parser.add_argument("--into", metavar="LABEL", help="make a read-only copy beside")
        parser.add_argument("--as-of", metavar="TIME", help="of a copy, as 2027-12-31T12:00Z")
        parser.add_argument("--until", metavar="POSITION", help="of a copy: its last event's")
        parser.add_argument("--copies", action="store_true", help="list the copies")
        parser.add_argument("--drop", metavar="LABEL", help="remove a copy")
        parser.add_argument(
            "--asked", action="store_true", help="do what was asked for in the browser or the API"
        )
        parser.add_argument("--reason", help="1 to 200 characters, kept on record")
        parser.add_argument("--json", action="store_true", help="for programs")

    def handle(self, *args: Any, **options: Any) -> None:
        refuse_contradictions(options)
        try:
            self._handle(options)
        except KeyboardInterrupt:
            raise CommandError(
                "Interrupted. Each projection's rows are as before, or all of them are new.",
                returncode=INTERRUPTED,
            ) from None

    def _handle(self, options: dict[str, Any]) -> None:
        application = get_application()
        if options["asked"]:
            application.rebuilding.work()
        elif options["copies"]:
            self._list(as_json=options["json"])
        elif options["drop"] is not None:
            self._drop(options)
        else:
            self._do(application, options)

    def _do(self, application: Application, options: dict[str, Any]) -> None:
        names = read_names(application, options["name"], every=options["all"])
        scope = read_scope(options["tenant"], options["stream"])
        if options["dry_run"]:
            self._plan(names, scope, as_json=options["json"])
        elif options["into"] is not None:
            self._copy(names, scope, options)
        else:
            self._run(_orders(names, scope, options), as_json=options["json"])

    def _plan(self, names: list[str], scope: Scope, *, as_json: bool) -> None:
        plans = [rebuild_plans.plan(get_application(), name, scope) for name in names]
        if as_json:
            self.stdout.write(json.dumps([rebuild_plans.plain(plan) for plan in plans]))
            return
        for plan in plans:
            self.stdout.write("\n".join(rebuild_plans.lines(plan)))

    def _run(self, orders: list[Order], *, as_json: bool) -> None:
        runs = []
        for order in orders:
            run = rebuild_runs.run_order(get_application(), order)
            runs.append(run)
            if not as_json:
                self._write(rebuild_runs.lines(run))
        if as_json:
            self.stdout.write(json.dumps([rebuild_runs.plain(run) for run in runs]))
        code, sentence = rebuild_runs.verdict(runs)
        if code:
            raise CommandError(sentence, returncode=code)

    # Copies --------------------------------------------------------------------------------------

    def _copy(self, names: list[str], scope: Scope, options: dict[str, Any]) -> None:
        copy = row_copies.make(
            get_application(),
            options["into"],
            names,
            scope,
            moment=read_moment(options["as_of"], options["until"]),
            user=who(),
            reason=_reason(options),
        )
        if options["json"]:
            self.stdout.write(json.dumps(row_copies.plain([copy])[0]))
        else:
            self._write(row_copies.lines([copy]))

    def _list(self, *, as_json: bool) -> None:
        copies = get_application().copies.all()
        if as_json:
            self.stdout.write(json.dumps(row_copies.plain(copies)))
        else:
            self._write(row_copies.lines(copies))

    def _drop(self, options: dict[str, Any]) -> None:
        label, scope = options["drop"], read_scope(options["tenant"], None)
        row_copies.drop(get_application(), label, scope, user=who(), reason=_reason(options))
        self.stderr.write(f"{label} is dropped.")

    def _write(self, lines: list[str]) -> None:
        for line in lines:
            self.stdout.write(line)
        # The next one may take minutes.
        self.stdout.flush()


def _orders(names: list[str], scope: Scope, options: dict[str, Any]) -> list[Order]:
    kind = "check" if options["check"] else "fix" if options["fix"] else "rebuild"
    user, reason = who(), _reason(options)
    return [Order(kind, name, user, reason, scope.tenant_id, scope.stream) for name in names]


def _reason(options: dict[str, Any]) -> str:
    return "" if options["reason"] is None else read_reason(options["reason"])
