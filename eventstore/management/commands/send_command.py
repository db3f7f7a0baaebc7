"""`manage.py send_command NAME --tenant SLUG --user NAME`: one command, as over the API."""

import json
import os
import sys
from argparse import ArgumentParser
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID, uuid4, uuid5

from django.core.management.base import BaseCommand, CommandError

from eventstore.application import Application, get_application
from eventstore.command_types import CommandType
from eventstore.commands import Result
from eventstore.errors import (
    BodyTooLarge,
    DaybookError,
    MalformedJson,
    NotFound,
    ReplayedRefusal,
    ValidationFailed,
)
from eventstore.input.commands import ParsedCommand, parse_command
from eventstore.input.documents import MAXIMUM_BODY_SIZE
from eventstore.input.parameters import Number, ParameterReader
from eventstore.input.values import read_time, read_uuid
from eventstore.management.arguments import find_tenant, users
from eventstore.management.quiet import without_command_lines
from eventstore.models import Tenant
from eventstore.serialization import to_builtins
from eventstore.tenancy import Actor

#: Exit codes: the command was understood and not done; the arguments or the data are wrong.
REFUSED = 1
WRONG_INPUT = 2

FROM_STDIN = "-"


class Command(BaseCommand):
    requires_migrations_checks = True
    help = (
        "Send one command as a user of a tenant, as a POST to /api/commands/NAME would. Under the "
        "same --command-id it happens once. Exit 0 done, 1 refused, 2 wrong arguments or data."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="for example deposit-money")
        parser.add_argument("--tenant", required=True, help="the tenant's slug")
        parser.add_argument("--user", required=True, help="who sends it, with their role there")
        parser.add_argument(
            "--data",
            default="{}",
            metavar="JSON",
            help="its fields, an object; - reads stdin, as a password should come: others can see "
            "the arguments of a process",
        )
        parser.add_argument("--command-id", metavar="UUID", help="made where absent")
        parser.add_argument("--expected-version", metavar="N", help="the one that you have seen")
        parser.add_argument("--correlation-id", metavar="UUID", help="default: the command's id")
        parser.add_argument("--at", metavar="TIME", help="do it then, as 2027-12-31T12:00Z")
        parser.add_argument("--json", action="store_true", help="print what the API would answer")

    def handle(self, *args: Any, **options: Any) -> None:
        application = get_application()
        _refuse_undecodable(options)
        command_type = _find_command_type(application, options["name"])
        actor = _find_actor(application, find_tenant(options["tenant"]), options["user"])
        circumstances = _read_circumstances(options)
        parsed = _read_command(command_type, actor, circumstances["command_id"], options["data"])
        with without_command_lines(verbosity=options["verbosity"]):
            result = _send(application, parsed, actor, circumstances)
        self.stdout.write(as_json(result) if options["json"] else as_text(command_type, result))


# Arguments: what is wrong ends with exit code 2 --------------------------------------------------


def _refuse_undecodable(options: dict[str, Any]) -> None:
    """Bytes of an argument that are no text reach us as lone surrogates, which no table holds."""
    for name in ("name", "tenant", "user"):
        if not all(character.isprintable() for character in options[name]):
            raise CommandError(f"{name} {options[name]!a} is no text.", returncode=WRONG_INPUT)


def _find_command_type(application: Application, name: str) -> CommandType:
    try:
        return application.commands.named(name)
    except NotFound:
        known = ", ".join(
            sorted(command_type.name for command_type in application.commands.offered())
        )
        raise CommandError(
            f"There is no command {name!r}. Known: {known}.", returncode=WRONG_INPUT
        ) from None


def _find_actor(application: Application, tenant: Tenant, user_name: str) -> Actor:
    user = users().filter(username=user_name).first()
    role = application.access.role_of(user, tenant) if user else None
    if role is None:
        raise CommandError(
            f"{user_name!r} is no active member of tenant {tenant.slug}. "
            f"`manage.py create_api_key --tenant {tenant.slug} --user NAME` makes a member.",
            returncode=WRONG_INPUT,
        )
    return Actor(tenant_id=tenant.pk, user=user_name, role=role)


def _read_circumstances(options: dict[str, Any]) -> dict[str, Any]:
    """What the API reads from headers and from the query."""
    names = ("command_id", "expected_version", "correlation_id", "at")
    reader = ParameterReader(
        (_flag(name), [options[name]]) for name in names if options[name] is not None
    )
    circumstances = {
        "command_id": reader.take("--command-id", read_uuid) or uuid4(),
        "expected_version": reader.take("--expected-version", Number(0)),
        "correlation_id": reader.take("--correlation-id", read_uuid),
        "at": reader.take("--at", read_time),
    }
    try:
        reader.finish()
    except ValidationFailed as error:
        raise _wrong_input(error) from None
    return circumstances


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _read_command(
    command_type: CommandType, actor: Actor, command_id: UUID, data: str
) -> ParsedCommand:
    if data == FROM_STDIN:
        body = sys.stdin.buffer.read(MAXIMUM_BODY_SIZE + 1)
    else:
        body = os.fsencode(data)  # as it was typed, also where it is no text
    try:
        return parse_command(body, command_type, new_id=uuid5(actor.tenant_id, str(command_id)))
    except (BodyTooLarge, MalformedJson, ValidationFailed) as error:
        raise _wrong_input(error) from None


def _wrong_input(error: DaybookError) -> CommandError:
    """The sentence, or for fields a line for each; names come from outside, so they are quoted."""
    errors: dict[str, list[str]] = getattr(error, "errors", {})
    lines = [
        f"{name if name.isprintable() else ascii(name)}: {message}"
        for name, messages in errors.items()
        for message in messages
    ]
    return CommandError("\n".join(lines) or f"{error} ({error.code})", returncode=WRONG_INPUT)


# The command -------------------------------------------------------------------------------------


def _send(
    application: Application, parsed: ParsedCommand, actor: Actor, circumstances: dict[str, Any]
) -> Result:
    send: Callable[..., Result] = application.bus.send
    if at := circumstances["at"]:
        send = partial(application.scheduling.schedule, at=at)
    try:
        return send(
            parsed.command,
            actor=actor,
            command_id=circumstances["command_id"],
            expected_version=circumstances["expected_version"],
            correlation_id=circumstances["correlation_id"],
            client_fields=parsed.client_fields,
        )
    except ValidationFailed as error:
        raise _wrong_input(error) from None
    except ReplayedRefusal as error:
        sentence = f"{error} ({error.code}) It was refused before, and this is its first answer."
        raise CommandError(sentence, returncode=REFUSED) from None
    except DaybookError as error:
        raise CommandError(f"{error} ({error.code})", returncode=REFUSED) from None


def as_json(result: Result) -> str:
    """The body of the API's answer, to the byte."""
    body = to_builtins(result)
    # In HTTP its status, a header, and nothing; and a time where it is one for later.
    for ours in ("created", "replayed", "caused"):
        del body[ours]
    for told_if_any in ("due_at", "detail"):
        if not body[told_if_any]:
            del body[told_if_any]
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def as_text(command_type: CommandType, result: Result) -> str:
    lines = [f"{command_type.name} {result.status}, command {result.command_id}"]
    if result.due_at:
        known = ": it was sent before" if result.replayed else ""
        return f"{lines[0]}{known}\nIt is due at {result.due_at:%Y-%m-%dT%H:%M:%S.%fZ}."
    if result.replayed:
        lines = [f"{lines[0]}: it was done before, and this is its first answer"]
    lines += [
        f"  {event.type}, version {event.version}, position {event.position}"
        for event in result.events
    ]
    if result.version is not None:
        lines.append(f"{result.category} {result.aggregate_id} is at version {result.version}.")
    else:
        lines.append("Nothing was to be changed.")
    return "\n".join(lines)
