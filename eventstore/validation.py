"""Checks a command's fields against the bounds in their types, all at once."""

from collections.abc import Callable
from types import NoneType
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from eventstore.commands import Command
from eventstore.errors import ValidationFailed


def validate(command: Command) -> None:
    """Raise ValidationFailed naming every field that is out of bounds."""
    errors: dict[str, list[str]] = {}
    for name, clean in _checks(type(command)):
        value = getattr(command, name)
        try:
            if value is not None and clean(value) != value:
                errors[name] = ["must be in its normal form (trimmed, exact)"]
        except ValueError as error:
            errors[name] = [str(error)]
    if errors:
        raise ValidationFailed(errors)


#: Made once for each command class.
_checks_by_class: dict[type[Command], tuple[tuple[str, Callable[[Any], Any]], ...]] = {}


def _checks(command_class: type[Command]) -> tuple[tuple[str, Callable[[Any], Any]], ...]:
    if command_class not in _checks_by_class:
        _checks_by_class[command_class] = _make_checks(command_class)
    return _checks_by_class[command_class]


def _make_checks(command_class: type[Command]) -> tuple[tuple[str, Callable[[Any], Any]], ...]:
    hints = get_type_hints(command_class, include_extras=True)
    bounds = ((name, bound_of(hint)) for name, hint in hints.items())
    return tuple((name, bound.clean) for name, bound in bounds if bound is not None)


def bound_of(hint: Any) -> Any:
    """The bound inside a type hint such as `Annotated[str, Text(1, 100)] | None`, or None."""
    if get_origin(hint) is Annotated:
        return next((extra for extra in get_args(hint)[1:] if hasattr(extra, "clean")), None)
    for part in get_args(hint):
        if part is not NoneType and (bound := bound_of(part)) is not None:
            return bound
    return None
