"""What the URL of a list may say: where to go on, and which rows to show.

Forms, because they check what they are given and can say what is wrong with it.
"""

from typing import Any
from uuid import UUID

from django import forms
from django.db.models import QuerySet
from django.forms.boundfield import BoundField
from django.http import QueryDict

from eventstore.admin.paging import Cursor
from eventstore.application import get_application
from eventstore.models import Tenant

#: As many tenants are suggested; the others can still be typed.
MAXIMUM_SUGGESTIONS = 100
_UUID_LENGTH = 36


class NumberKey(forms.IntegerField):
    """A cursor in a list by number."""

    def __init__(self) -> None:
        super().__init__(
            required=False, min_value=0, max_value=2**63 - 1, widget=forms.HiddenInput
        )


class StreamName(forms.CharField):
    """`account-<uuid>`, or the uuid alone. Cleaned: the category or None, and the uuid."""

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if not text:
            return None
        category, uuid = text[:-_UUID_LENGTH], text[-_UUID_LENGTH:]
        try:
            return category.removesuffix("-") or None, UUID(uuid)
        except ValueError:
            raise forms.ValidationError(
                "Enter an aggregate id, or a stream's name such as account-<aggregate id>."
            ) from None


class TenantBySlug(forms.ModelChoiceField):  # type: ignore[type-arg]  # as in `pages`
    """A tenant, typed. Another's is as unknown as one that does not exist."""

    def __init__(
        self, *, required: bool = False, unknown: str = "There is no such tenant."
    ) -> None:
        super().__init__(
            queryset=Tenant.objects.none(),
            required=required,
            to_field_name="slug",
            widget=forms.TextInput,
            error_messages={"invalid_choice": unknown, "required": "is required"},
        )
        #: What a form's template offers; see `offer_tenants`.
        self.suggestions: list[str] = []


class ListFilters(forms.Form):
    """The cursor alone. Subclasses add fields and narrow the rows by them."""

    after: forms.Field = NumberKey()
    before: forms.Field = NumberKey()

    def __init__(self, query: QueryDict, tenants: QuerySet[Tenant]) -> None:
        """`tenants` are those that the user may see."""
        super().__init__(query, label_suffix="")
        tenant = self.fields.get("tenant")
        if isinstance(tenant, TenantBySlug):
            tenant.queryset = tenants
        self._suggestions = self.suggestions(tenants)
        for name in self._suggestions:
            self.fields[name].widget.attrs["list"] = f"{name}-suggestions"

    def cursor(self) -> Cursor:
        return Cursor(self.cleaned_data["after"], self.cleaned_data["before"])

    def narrow(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """The rows that the URL asks for."""
        return rows

    def suggestions(self, tenants: QuerySet[Tenant]) -> dict[str, list[str]]:
        """What may be typed into a field, by its name; any other text is taken as well."""
        return {}

    def shown(self) -> list[tuple[BoundField, list[str]]]:
        """The fields that a person fills in, each with its suggestions."""
        return [(field, self._suggestions.get(field.name, [])) for field in self.visible_fields()]


class TenantAndUser(ListFilters):
    """For rows that tie a user to a tenant."""

    tenant = TenantBySlug()
    user = forms.CharField(required=False, max_length=150)

    def suggestions(self, tenants: QuerySet[Tenant]) -> dict[str, list[str]]:
        return {"tenant": slugs(tenants)}

    def narrow(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        wanted = self.cleaned_data
        if wanted["tenant"]:
            rows = rows.filter(tenant=wanted["tenant"])
        if wanted["user"]:
            rows = rows.filter(user__username=wanted["user"])
        return rows


def offer_tenants(form: forms.Form, tenants: QuerySet[Tenant]) -> list[str]:
    """Let the form's tenant be one of these and no other; the slugs that it suggests.

    The only one stands there from the start.
    """
    field = form.fields["tenant"]
    assert isinstance(field, TenantBySlug)
    field.queryset = tenants
    field.suggestions = slugs(tenants)
    field.widget.attrs["list"] = "tenant-suggestions"
    if len(field.suggestions) == 1:
        form.initial["tenant"] = field.suggestions[0]
    return field.suggestions


def categories() -> list[str]:
    """Those of the registered events."""
    # Event types are named after their category, as in account.money_deposited.
    return sorted({event.name.partition(".")[0] for event in get_application().events})


def slugs(tenants: QuerySet[Tenant]) -> list[str]:
    """The first tenants' short names."""
    return list(tenants.order_by("slug").values_list("slug", flat=True)[:MAXIMUM_SUGGESTIONS])
