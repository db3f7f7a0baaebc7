"""`manage.py stream show / state / tail`: a stream's events, and its state, in the terminal."""

import json
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from eventstore.application import get_application
from eventstore.errors import DaybookError, NoSuchVersion, ValidationFailed
from eventstore.input.parameters import Number, ParameterReader
from eventstore.input.values import read_time
from eventstore.inspection import all_events, version_at
from eventstore.management.event_lines import as_json, as_line
from eventstore.management.pipes import until_nobody_listens
from eventstore.management.streams import (
    LogTail,
    events_of,
    find_any_tenant,
    find_stream,
    refuse_boxed,
)
from eventstore.models import StoredStream

#: How long `tail --follow` waits before it looks again, in seconds.
POLL = 0.5

#: What each option's text is read by; a wrong one ends with exit code 2.
READERS: dict[str, Any] = {
    "from_version": Number(1),
    "to_version": Number(1),
    "limit": Number(1),
    "version": Number(0),
    "lines": Number(0),
    "at": read_time,
}
STREAM_HELP = "for example account-0a1b2c3d-0000-4000-8000-000000000000"
TIME_HELP = "as of this time, such as 2026-03-31T12:00Z"


class Command(BaseCommand):
    requires_migrations_checks = True
    help = (
        "Look at streams. show: a stream's events; state: what they come to at a version or time, "
        "replayed from the first; tail: the newest events, of one stream or of the log. "
        "Exit 0 shown, 1 there is something that cannot be shown, 2 wrong arguments."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="show|state|tail")
        show = actions.add_parser("show", help="the events of a stream, one on each line")
        show.add_argument("stream", help=STREAM_HELP)
        show.add_argument("--from-version", metavar="N", default="1")
        show.add_argument("--to-version", metavar="N")
        show.add_argument("--at", metavar="TIME", help=TIME_HELP)
        show.add_argument("--backward", action="store_true", help="the newest first")
        show.add_argument("--limit", metavar="N", help="so many events at most")
        state = actions.add_parser("state", help="the state of an aggregate; default: now")
        state.add_argument("stream", help=STREAM_HELP)
        moment = state.add_mutually_exclusive_group()
        moment.add_argument("--version", metavar="N", help="after so many events; 0: before any")
        moment.add_argument("--at", metavar="TIME", help=TIME_HELP)
        tail = actions.add_parser("tail", help="the newest events, oldest of them first")
        tail.add_argument("stream", nargs="?", help=f"{STREAM_HELP}; default: all")
        tail.add_argument("--lines", metavar="N", default="10", help="so many (default: 10)")
        tail.add_argument("--follow", action="store_true", help="go on until Ctrl-C")
        for action in (show, state, tail):
            action.add_argument("--tenant", metavar="SLUG", help="where several have the stream")
            action.add_argument("--json", action="store_true", help="an object on each line")

    def handle(self, *args: Any, **options: Any) -> None:
        options |= _read(options)
        with until_nobody_listens(self.stdout):
            match options["action"]:
                case "show":
                    self.show(find_stream(options["stream"], options["tenant"]), options)
                case "state":
                    self.state(find_stream(options["stream"], options["tenant"]), options)
                case _:
                    self.tail(options)

    def show(self, stream: StoredStream, options: dict[str, Any]) -> None:
        refuse_boxed(stream)
        last = stream.version
        if options["to_version"]:
            last = min(last, options["to_version"])
        if options["at"]:
            last = min(last, version_at(stream, options["at"]))
        event = None
        for event in events_of(
            stream,
            first=options["from_version"],
            last=last,
            backward=options["backward"],
            limit=options["limit"],
        ):
            self.stdout.write(as_json(event) if options["json"] else as_line(event))
        if event is None:
            self.stderr.write(f"{stream} has no events there; it is at version {stream.version}.")

    def state(self, stream: StoredStream, options: dict[str, Any]) -> None:
        refuse_boxed(stream)
        version = stream.version if options["version"] is None else options["version"]
        if options["at"]:
            version = version_at(stream, options["at"])
        history = get_application().history
        try:
            state = history.state_at(
                stream.tenant_id, stream.category, stream.aggregate_id, version
            )
        except NoSuchVersion as error:
            raise CommandError(str(error), returncode=2) from None
        except DaybookError as error:
            raise CommandError(str(error)) from None
        if options["json"]:
            where = {"tenant": stream.tenant.slug, "stream": str(stream), "version": version}
            told = where | {"state": state}
            self.stdout.write(json.dumps(told, ensure_ascii=False, separators=(",", ":")))
        else:
            self.stdout.write(f"{stream} at version {version} of {stream.version}")
            self.stdout.write(json.dumps(state, ensure_ascii=False, indent=2))

    def tail(self, options: dict[str, Any]) -> None:
        events = all_events()
        if options["stream"]:
            stream = find_stream(options["stream"], options["tenant"])
            refuse_boxed(stream)
            events = events.filter(stream=stream)
        elif options["tenant"]:
            events = events.filter(tenant=find_any_tenant(options["tenant"]))
        tail = LogTail(events, get_application().high_water_mark)
        found = iter(tail.newest(options["lines"]))
        while True:
            for event in found:
                of_many = not options["stream"]
                line = as_json(event) if options["json"] else as_line(event, with_stream=of_many)
                self.stdout.write(line)
            if not options["follow"]:
                return
            self.stdout.flush()
            time.sleep(POLL)
            found = tail.fresh()


def _read(options: dict[str, Any]) -> dict[str, Any]:
    """The options' values; a wrong one ends the command with all that is wrong."""
    given = {name: options.get(name) for name in READERS}
    reader = ParameterReader(
        (_flag(name), [text]) for name, text in given.items() if text is not None
    )
    values = {name: reader.take(_flag(name), READERS[name]) for name in READERS}
    try:
        reader.finish()
    except ValidationFailed as error:
        lines = [f"{flag} {'; '.join(texts)}." for flag, texts in error.errors.items()]
        raise CommandError("\n".join(lines), returncode=2) from None
    return values


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")
