"""`manage.py projections`: how far each is; and pause, resume, retry and skip, with a reason."""

import json
import os
import pwd
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from eventstore.access import COMMAND_LINE
from eventstore.application import get_application
from eventstore.errors import Busy, NotApplicable, NotFound
from eventstore.fields import Text
from eventstore.lag import MOST_COUNTED, ProjectionLag
from eventstore.subscription_log import PAUSE, RESUME, RETRY, SKIP

ACTS = {act.action: act for act in (PAUSE, RESUME, RETRY, SKIP)}
FORGET = "forget"
REASON = Text(minimum=1, maximum=200)
#: As over the API: whoever stops the rows, or leaves an event out of them, says why.
NEED_A_REASON = (PAUSE.action, SKIP.action, FORGET)


class Command(BaseCommand):
    requires_migrations_checks = True
    help = (
        "List the projections: mode, status, how far each is, and why it stands still. Or pause, "
        "resume, retry or skip: `retry` tries the event that failed again, `skip` leaves it out "
        "for good. `forget` one that was taken out of the code. Ends with 1 where its mode or "
        "status does not allow it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "action", nargs="?", choices=[*ACTS, FORGET], help="default: list them"
        )
        parser.add_argument("name", nargs="?", help="the projection's")
        parser.add_argument(
            "--reason",
            help="1 to 200 characters, kept on record; all but resume and retry need it",
        )
        parser.add_argument("--json", action="store_true", help="for programs")

    def handle(
        self,
        *args: Any,
        action: str | None = None,
        name: str | None = None,
        reason: str | None = None,
        **options: Any,
    ) -> None:
        if action is None:
            self._list(as_json=options["json"])
            return
        if name is None:
            raise CommandError(f"{action} needs the projection's name.", returncode=2)
        if reason is None and action in NEED_A_REASON:
            raise CommandError(f"{action} needs --reason TEXT.", returncode=2)
        because = "" if reason is None else read_reason(reason)
        if action == FORGET:
            self._forget(name, because)
            return
        self._act(action, name, because)
        lag = get_application().lag.projection(name)
        assert lag is not None, "it was there just now"
        self.stdout.write(json.dumps(plain(lag)) if options["json"] else "\n".join(lines(lag)))

    def _list(self, *, as_json: bool) -> None:
        lags = get_application().lag.projections()
        if as_json:
            self.stdout.write(json.dumps([plain(lag) for lag in lags]))
            return
        for lag in lags:
            for line in lines(lag):
                self.stdout.write(line)

    def _act(self, action: str, name: str, reason: str) -> None:
        act = ACTS[action]
        with errors_told(name):
            subscriptions = get_application().subscriptions
            position = subscriptions.act(act, name, user=who(), reason=reason)
        self.stderr.write(f"{name} is {act.done}, at position {position}.")

    def _forget(self, name: str, reason: str) -> None:
        with errors_told(name):
            get_application().subscriptions.forget(name, user=who(), reason=reason)
        self.stderr.write(f"{name} is forgotten.")


@contextmanager
def errors_told(name: str) -> Iterator[None]:
    try:
        yield
    except NotFound:
        known = ", ".join(projection.name for projection in get_application().projections)
        raise CommandError(
            f"There is no projection {name!r}. Known: {known or 'none'}.", returncode=2
        ) from None
    except (NotApplicable, Busy) as error:
        raise CommandError(str(error), returncode=1) from None


def who() -> str:
    """On record: the user of this machine, not what the environment says that they are called."""
    number = os.getuid()
    try:
        return f"{COMMAND_LINE} ({pwd.getpwuid(number).pw_name})"
    except KeyError:  # In containers it often has no name.
        return f"{COMMAND_LINE} ({number})"


def read_reason(text: str) -> str:
    try:
        return REASON.clean(text)
    except ValueError as error:
        raise CommandError(f"--reason {error}.", returncode=2) from None


def plain(lag: ProjectionLag) -> dict[str, Any]:
    """With plain JSON values; nobody but the operators of the machine sees this."""
    shown = lag._asdict() | {"registered_mode": lag.registered_mode.value, "mode": lag.mode.value}
    for name in ("retry_at", "as_of", "due_at"):
        shown[name] = shown[name].isoformat() if shown[name] else None
    shown["failed_tenant_id"] = str(lag.failed_tenant_id) if lag.failed_tenant_id else None
    return shown


def lines(lag: ProjectionLag) -> list[str]:
    """One for how far it is, and more where something is wrong."""
    behind = "level"
    if lag.lag_events:
        more = "" if lag.is_exact else f"{MOST_COUNTED:,} or more"
        behind = f"{more or format(lag.lag_events, ',')} events, {lag.lag_seconds:,.1f} s behind"
    found = [
        f"{lag.name}: {lag.mode}, {lag.status}, at {lag.position:,} of {lag.settled:,}, {behind}"
    ]
    if lag.mode is not lag.registered_mode:
        found.append(f"  This code has it as {lag.registered_mode}, and does not write its rows.")
    if lag.as_of:
        found.append(f"  As of {lag.as_of.isoformat()}, due again at {lag.due_at}")
    if lag.failed_position is not None:
        found.append(f"  The event at position {lag.failed_position} failed: {_last_line(lag)}")
    elif lag.error:
        found.append(f"  It waits, and tries again: {_last_line(lag)}")
    return found


def _last_line(lag: ProjectionLag) -> str:
    """Of the traceback: the error itself; all of it is in the admin."""
    return next(iter(lag.error.strip().splitlines()[-1:]), "no error is kept")
