"""System check: what is registered on the application fits together."""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import fields
from typing import Any

from django.apps import AppConfig
from django.core import checks
from django.db.models import UniqueConstraint

from eventstore.aggregates import Aggregate
from eventstore.application import Application, get_application
from eventstore.checks.processes import check_processes
from eventstore.command_types import CommandType
from eventstore.errors import RegistrationError
from eventstore.input.commands import fields_of
from eventstore.input.schemas import schema_for
from eventstore.projections import Projection, Table
from eventstore.serialization import StateSerializer, UnreadableState, schema_of


def check_registration(
    app_configs: Sequence[AppConfig] | None, **kwargs: Any
) -> list[checks.CheckMessage]:
    """The application can be built, and what is registered on it fits together."""
    try:
        application = get_application()
    except RegistrationError as error:
        return [checks.Error(str(error), id="eventstore.E002")]
    return [
        *(
            message
            for command in application.commands.offered()
            for message in (*_check_command(command), *_check_secrets(command))
        ),
        *(
            message
            for aggregate_class in application.aggregates
            for message in _check_aggregate(aggregate_class)
        ),
        *(
            message
            for projection in application.projections
            for message in _check_projection(application, projection)
        ),
        *check_processes(application),
    ]


def _check_command(command_type: CommandType) -> Iterator[checks.CheckMessage]:
    """Each field can be read from outside, and takes the example that the API shows of it."""
    try:
        readable = fields_of(command_type)
        schemas = {field.name: schema_for(field.hint) for field in readable}
    except TypeError as error:
        yield checks.Error(
            f"Command {command_type.name} cannot be read: {error}.",
            hint="A field is a UUID, date or datetime, or Annotated with a bound of "
            "eventstore.fields; each may be `| None`.",
            obj=command_type.command_class.__name__,
            id="eventstore.E006",
        )
        return
    for field in readable:
        for example in schemas[field.name].get("examples", []):
            try:
                field.read(example)
            except ValueError as error:
                yield checks.Error(
                    f"The example {example!r} of {command_type.name}.{field.name} {error}.",
                    hint="Change the example, or the bound.",
                    obj=command_type.command_class.__name__,
                    id="eventstore.E006",
                )


def _check_secrets(command_type: CommandType) -> Iterator[checks.CheckMessage]:
    """What is secret is not printed with the command: in a log, a traceback, a failed test."""
    for field in fields(command_type.command_class):
        if field.name in command_type.secrets and field.repr:
            yield checks.Error(
                f"{command_type.name}.{field.name} is secret, and repr() of the command shows it.",
                hint="Declare it with `= field(repr=False)`.",
                obj=command_type.command_class.__name__,
                id="eventstore.E006",
            )


def _check_aggregate(aggregate_class: type[Aggregate[Any]]) -> Iterator[checks.CheckMessage]:
    """A shallow copy of its state is a copy; a snapshot can be taken of it, and read again."""
    try:
        problems = list(_problems_of_state(aggregate_class))
    except (TypeError, UnreadableState) as error:
        problems = [f"cannot be stored in a snapshot: {error}"]
    for problem in problems:
        yield checks.Error(
            f"The state of {aggregate_class.__name__} {problem}.",
            hint="Make it a dataclass whose fields have types with a form in JSON, and defaults "
            "that nobody can change: a tuple or frozenset instead of a list, dict or set.",
            obj=aggregate_class.category,
            id="eventstore.E009",
        )


def _problems_of_state(aggregate_class: type[Aggregate[Any]]) -> Iterator[str]:
    state = aggregate_class.state_type()
    serializer = StateSerializer(type(state), aggregate_class.state_version)
    restored = serializer.decode(serializer.encode(state))
    if restored != state:
        yield f"comes back from a snapshot as {restored!r}"
    for name, schema in schema_of(type(state))["properties"].items():
        value = getattr(state, name)
        if not isinstance(value, Hashable):
            yield f"has a {type(value).__name__} in {name}, which copies would share"
        if not schema.keys() - {"default"}:
            yield f"has no type for {name}, so a snapshot would not bring it back as it was"


def _check_projection(
    application: Application, projection: Projection
) -> Iterator[checks.CheckMessage]:
    for event_class in projection.events:
        try:
            application.events.of(event_class)
        except RegistrationError as error:
            yield checks.Error(str(error), obj=projection.name, id="eventstore.E003")
    for table in projection.tables:
        if not _has_key(table):
            yield checks.Error(
                f"{table.model.__name__} has no unique constraint on "
                f"({', '.join(('tenant_id', *table.key))}).",
                hint="Give the model a tenant_id and a UniqueConstraint on exactly these fields.",
                obj=projection.name,
                id="eventstore.E004",
            )


def _has_key(table: Table) -> bool:
    wanted = {"tenant_id", *table.key}
    return any(
        isinstance(constraint, UniqueConstraint)
        and set(constraint.fields) == wanted
        and constraint.condition is None
        for constraint in table.model._meta.constraints
    )
