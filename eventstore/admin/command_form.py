"""Forms to send a command: the choice of one, then a text for each field of any of them.

The texts are read by the parser that reads the API's JSON.
"""

from datetime import date, datetime
from inspect import cleandoc
from types import NoneType
from typing import Any, get_args
from uuid import UUID

from django import forms
from django.db.models import QuerySet
from django.http import QueryDict

from eventstore.admin.fields import ReadField
from eventstore.admin.filters import TenantBySlug, offer_tenants
from eventstore.application import get_application
from eventstore.command_types import CommandType
from eventstore.errors import ValidationFailed
from eventstore.fields import ExactDecimal, Secret, Text, bound_of
from eventstore.input.commands import CommandField, ParsedCommand, fields_of, read_command
from eventstore.input.parameters import Choice, Number
from eventstore.input.values import read_time
from eventstore.models import Tenant

#: Before the names of a command's fields, so that none can be mistaken for one of ours.
PREFIX = "field-"


class ChoiceOfCommand(forms.Form):
    """From the URL. A tenant alone is what a link suggests, not yet a choice."""

    use_required_attribute = False
    tenant = TenantBySlug(required=True, unknown="is no tenant in which you may send commands")

    def __init__(self, query: QueryDict, tenants: QuerySet[Tenant]) -> None:
        super().__init__(query if "command" in query else None, label_suffix="")
        names = sorted(command_type.name for command_type in get_application().commands.offered())
        select = forms.Select(choices=[("", "choose"), *((name, name) for name in names)])
        self.fields["command"] = ReadField(Choice(names), widget=select)
        self.slugs = offer_tenants(self, tenants)
        if "tenant" in query:
            self.initial["tenant"] = query["tenant"]


class UnreadField(forms.Field):
    """Any text, or none: what is wrong with it, the parser says for all fields at once."""

    def clean(self, value: Any) -> Any:
        return value


class CommandForm(forms.Form):
    """Valid: `parsed` is the command. Otherwise every wrong field has its errors."""

    use_required_attribute = False  # The browser would show one missing field at a time.

    def __init__(
        self, command_type: CommandType, data: QueryDict | None = None, *, new_id: UUID
    ) -> None:
        """`new_id` is for a new aggregate whose id is left blank."""
        super().__init__(data, label_suffix="")
        self.parsed: ParsedCommand | None = None
        self._command_type = command_type
        self._new_id = new_id
        for field in fields_of(command_type):
            self.fields[PREFIX + field.name] = _text_field(field, command_type)
        self.fields["expected_version"] = ReadField(
            Number(0),
            label="Expected version",
            required=False,
            help_text="The version that you have seen; the command is refused if the aggregate "
            "has moved on. Blank: any.",
        )
        if not command_type.secrets:  # What is for later is stored, and a secret never is.
            self.fields["at"] = ReadField(
                read_time,
                label="At",
                required=False,
                help_text="Do it later, at a time with its offset, such as 2027-12-31T12:00Z. "
                "Blank: at once.",
            )

    def clean(self) -> dict[str, Any]:
        errors, document = self._document()
        try:
            parsed = read_command(document, self._command_type, new_id=self._new_id)
        except ValidationFailed as error:
            errors = error.errors | errors
        if errors:
            self.report(errors)
        else:
            self.parsed = parsed
        return self.cleaned_data

    def report(self, errors: dict[str, list[str]]) -> None:
        """Show these errors beside their fields; those of fields that do not exist on top."""
        for name, found in errors.items():
            if PREFIX + name in self.fields:
                self.add_error(PREFIX + name, found)
            else:
                self.add_error(None, [f"{name} {text}" for text in found])

    def _document(self) -> tuple[dict[str, list[str]], dict[str, str]]:
        """Errors, and the texts by field. A blank optional field was not filled in."""
        optional = {field.name for field in fields_of(self._command_type) if not field.required}
        errors: dict[str, list[str]] = {}
        document: dict[str, str] = {}
        assert isinstance(self.data, QueryDict), "a form that is checked was sent"
        for key, values in self.data.lists():
            name = key.removeprefix(PREFIX)
            if name == key:
                continue
            if len(values) > 1:
                errors[name] = ["was given more than once"]
            # A secret is taken as it is: a blank at its end is part of it.
            text = values[-1] if name in self._command_type.secrets else values[-1].strip()
            if text or name not in optional:
                document[name] = text
        return errors, document


def purpose(command_type: CommandType) -> list[list[str]]:
    """The docstring of the command's class: paragraphs, of which every second piece is code.

    Empty where the class has none of its own.
    """
    command_class = command_type.command_class
    text = cleandoc(command_class.__doc__ or "")
    # A dataclass without one gets its signature.
    if not text or text.startswith(f"{command_class.__name__}("):
        return []
    return [paragraph.split("`") for paragraph in text.split("\n\n")]


def _text_field(field: CommandField, command_type: CommandType) -> forms.Field:
    help_text = _type_in_words(field.hint)
    if field.name == "aggregate_id" and command_type.creates:
        help_text = "The UUID of the new aggregate. Blank: one is made."
    elif field.name == "aggregate_id":
        help_text = "The UUID of the aggregate that the command is for."
    widget: forms.Widget = forms.TextInput({"autocomplete": "off"})
    if field.name in command_type.secrets:
        # Never rendered back, so it has to be typed again where anything is to be mended.
        widget = forms.PasswordInput({"autocomplete": "new-password"}, render_value=False)
    return UnreadField(
        required=field.required, label=field.name, help_text=help_text, widget=widget
    )


def _type_in_words(hint: Any) -> str:
    match bound_of(hint):
        case Text(minimum=0, maximum=maximum):
            return f"Up to {maximum} characters."
        case Text(minimum=minimum, maximum=maximum):
            return f"{minimum} to {maximum} characters."
        case Secret(minimum=minimum, maximum=maximum):
            return f"{minimum} to {maximum} characters, never shown: type it anew each time."
        case ExactDecimal(places=places):
            return f"A number such as {12.34:.{places}f}, with at most {places} decimals."
        case _:
            return _unbounded_in_words(hint)


def _unbounded_in_words(hint: Any) -> str:
    choices = [choice for choice in get_args(hint) if choice is not NoneType] or [hint]
    return _WORDS.get(choices[0], "")


_WORDS: dict[Any, str] = {
    UUID: "A UUID.",
    date: "A day, such as 1994-03-31.",
    datetime: "A time with its offset, such as 1994-03-31T12:00Z.",
}
