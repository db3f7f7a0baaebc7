"""Checks a command's fields against the bounds in their types, all at once."""

from dataclasses import replace
from types import NoneType
from typing import Any, NamedTuple, get_args, get_type_hints

from eventstore.commands import Command
from eventstore.errors import ValidationFailed
from eventstore.fields import Bound, bound_of


def validated(command: Command) -> Command:
    """The command with every field in its normal form (trimmed, exact).

    So a command means the same, and has the same fingerprint, through whichever door it came.
    Raises ValidationFailed naming every field that is out of bounds.
    """
    errors: dict[str, list[str]] = {}
    changed: dict[str, Any] = {}
    for check in _checks(type(command)):
        value = getattr(command, check.name)
        if value is None and check.optional:
            continue
        try:
            clean = check.bound.clean(value)
        except ValueError as error:
            errors[check.name] = [str(error)]
            continue
        # By their texts: 5 and Decimal("5.00") are equal, but are not stored alike.
        if str(clean) != str(value):
            changed[check.name] = clean
    if errors:
        raise ValidationFailed(errors)
    return replace(command, **changed) if changed else command


class _Check(NamedTuple):
    name: str
    bound: Bound
    optional: bool


#: Made once for each command class.
_checks_by_class: dict[type[Command], tuple[_Check, ...]] = {}


def _checks(command_class: type[Command]) -> tuple[_Check, ...]:
    if command_class not in _checks_by_class:
        _checks_by_class[command_class] = _make_checks(command_class)
    return _checks_by_class[command_class]


def _make_checks(command_class: type[Command]) -> tuple[_Check, ...]:
    hints = get_type_hints(command_class, include_extras=True)
    return tuple(
        _Check(name, bound, optional=NoneType in get_args(hint))
        for name, hint in hints.items()
        if (bound := bound_of(hint)) is not None
    )
