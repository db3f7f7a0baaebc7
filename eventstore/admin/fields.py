"""Fields of the admin's forms: read by the edge parser, so that its words are the errors."""

from datetime import datetime
from typing import Any

from django import forms
from django.http import QueryDict

from eventstore.fields import Text
from eventstore.input.parameters import Choice
from eventstore.input.values import Reader, read_date, read_time
from eventstore.tenancy import Role

REASON = Text(minimum=1, maximum=200)
ROLES = [role.value for role in Role]


class ReadField(forms.Field):
    """One line of text for a reader. Blank: None, where that is allowed."""

    def __init__(
        self,
        read: Reader,
        *,
        label: str | None = None,
        required: bool = True,
        help_text: str = "",
        widget: forms.Widget | None = None,
    ) -> None:
        super().__init__(
            label=label,
            required=required,
            help_text=help_text,
            widget=widget or forms.TextInput({"autocomplete": "off"}),
            error_messages={"required": "is required"},
        )
        self._read = read

    def to_python(self, value: Any) -> Any:
        text = (value or "").strip()
        if not text:
            return None
        try:
            return self._read(text)
        except ValueError as error:
            raise forms.ValidationError(str(error)) from None


class RoleField(ReadField):
    def __init__(self, help_text: str = "") -> None:
        widget = forms.Select(choices=[(role, role) for role in ROLES])
        super().__init__(Choice(ROLES), widget=widget, help_text=help_text)

    def to_python(self, value: Any) -> Role | None:
        text = super().to_python(value)
        return Role(text) if text else None


class ReasonField(ReadField):
    def __init__(self) -> None:
        super().__init__(REASON.clean, help_text="1 to 200 characters. It stays on record.")


class ReasonForm(forms.Form):
    """What is done here to members and keys takes a reason; subclasses add fields before it."""

    use_required_attribute = False  # The browser would show one missing field at a time.
    reason = ReasonField()

    def __init__(self, data: QueryDict | None = None) -> None:
        super().__init__(data, label_suffix="")
        self.order_fields([name for name in self.fields if name != "reason"])


def read_expiry(text: str) -> datetime:
    """A moment, or the end of a day in UTC, as `manage.py create_api_key` reads it."""
    try:
        return read_time(text if "T" in text else f"{read_date(text)}T23:59:59Z")
    except ValueError:
        raise ValueError(
            "must be a day, such as 2027-12-31, or a time with its offset, "
            "such as 2027-12-31T12:00Z"
        ) from None
