"""`manage.py box_policy`: what is boxed by itself; list the policies, put one, or drop it."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from eventstore.application import get_application
from eventstore.box_policies import MOST_DAYS
from eventstore.errors import NotFound, ValidationFailed
from eventstore.management.arguments import find_tenant
from eventstore.management.commands.projections import read_reason, who
from eventstore.models import BoxPolicy

PUT, DROP = "put", "drop"


class Command(BaseCommand):
    requires_migrations_checks = True
    help = (
        "List the policies by which workers box aggregates that nothing happens to any more: what "
        "each has reported, when it acts on that, and what came of it. `put` makes or changes "
        "one, `drop` ends it; what it has boxed stays boxed. Without any, nothing is boxed by "
        "itself."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", nargs="?", choices=[PUT, DROP], help="default: list them")
        parser.add_argument("tenant", nargs="?", metavar="SLUG", help="the tenant's slug")
        parser.add_argument("category", nargs="?", help="such as person")
        parser.add_argument(
            "--idle-days",
            type=int,
            metavar="N",
            help=f"days since the last event, 1 to {MOST_DAYS}; put needs it",
        )
        parser.add_argument(
            "--reason",
            help="1 to 200 characters; put and drop need it, and put writes it on each box",
        )
        parser.add_argument("--json", action="store_true", help="for programs")

    def handle(self, *args: Any, action: str | None = None, **options: Any) -> None:
        if action is not None:
            _refuse_missing(action, options)
            (self._put if action == PUT else self._drop)(options)
        policies = list(get_application().box_policies.all())
        if options["json"]:
            self.stdout.write(json.dumps([plain(policy) for policy in policies]))
            return
        for policy in policies:
            for line in lines(policy):
                self.stdout.write(line)

    def _put(self, options: dict[str, Any]) -> None:
        tenant, reason = find_tenant(options["tenant"]), read_reason(options["reason"])
        application, category = get_application(), options["category"]
        try:
            is_new = application.box_policies.put(
                tenant.pk, category, options["idle_days"], user=who(), reason=reason
            )
        except NotFound:
            known = ", ".join(sorted(each.category for each in application.aggregates))
            raise CommandError(
                f"There is no category {category!r}. Known: {known or 'none'}.", returncode=2
            ) from None
        except ValidationFailed:
            raise CommandError(f"--idle-days goes from 1 to {MOST_DAYS}.", returncode=2) from None
        name = f"The policy for {category} of {tenant.slug}"
        self.stderr.write(
            f"{name} is put down: it reports first." if is_new else f"{name} says that already."
        )

    def _drop(self, options: dict[str, Any]) -> None:
        tenant, reason = find_tenant(options["tenant"]), read_reason(options["reason"])
        policies, category = get_application().box_policies, options["category"]
        if not policies.drop(tenant.pk, category, user=who(), reason=reason):
            raise CommandError(
                f"There is no policy for {category!r} of {tenant.slug}.", returncode=1
            )
        self.stderr.write(f"The policy for {category} of {tenant.slug} is dropped.")


def _refuse_missing(action: str, options: dict[str, Any]) -> None:
    needed = {"tenant": "SLUG", "category": "CATEGORY", "reason": "--reason TEXT"}
    if action == PUT:
        needed["idle_days"] = "--idle-days N"
    missing = [name for option, name in needed.items() if options[option] is None]
    if missing:
        raise CommandError(f"{action} needs {', '.join(missing)}.", returncode=2)


def plain(policy: BoxPolicy) -> dict[str, Any]:
    """With plain JSON values."""
    shown: dict[str, Any] = {
        name: getattr(policy, name)
        for name in ("category", "idle_days", "user", "reason", "reported", "boxed", "refused")
    }
    for name in ("made_at", "due_at", "reported_at", "acted_at"):
        moment = getattr(policy, name)
        shown[name] = moment.isoformat() if moment else None
    return {"tenant": policy.tenant.slug, **shown, "reported_position": policy.reported_position}


def lines(policy: BoxPolicy) -> list[str]:
    """What it says, what it has reported, and what came of the report before."""
    days = "day" if policy.idle_days == 1 else "days"
    found = [
        f"{policy.tenant.slug} {policy.category}: idle for {policy.idle_days} {days}, "
        f"by {policy.user}: {policy.reason}"
    ]
    if policy.reported_at is None:
        return [*found, "  Not reported yet: a worker does that."]
    reported = f"  {policy.reported_at:%Y-%m-%d %H:%M} UTC: {policy.reported:,} idle"
    if policy.reported:
        reported += (
            f", up to position {policy.reported_position:,}; "
            f"to be boxed from {policy.due_at:%Y-%m-%d %H:%M} UTC on"
        )
    found.append(reported)
    if policy.acted_at is not None:
        came = f"{policy.boxed:,} boxed, {policy.refused:,} refused"
        found.append(f"  {policy.acted_at:%Y-%m-%d %H:%M} UTC: {came}")
    return found
