"""What is asked for a new API key."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractUser
from django.db.models import QuerySet
from django.http import QueryDict

from eventstore.admin.fields import ReadField, ReasonForm, RoleField, read_expiry
from eventstore.admin.filters import TenantBySlug, offer_tenants
from eventstore.application import get_application
from eventstore.fields import Text
from eventstore.models import Membership, Tenant

USER_NAME = Text(minimum=1, maximum=150)
NOT_YOURS = "is no active tenant in which you are an operator"


class NewKeyForm(ReasonForm):
    tenant = TenantBySlug(required=True, unknown=NOT_YOURS)
    user = ReadField(USER_NAME.clean, help_text="Who acts under this key: a member's user name.")
    role = RoleField("What the key may do; it need not be all that its user may.")
    expires = ReadField(
        read_expiry,
        required=False,
        help_text="A day such as 2027-12-31, until its end in UTC, or a time with its offset "
        "such as 2027-12-31T12:00Z. Blank: never.",
    )

    def __init__(
        self, data: QueryDict | None, tenants: QuerySet[Tenant], maker: AbstractUser
    ) -> None:
        """`tenants` are those in which `maker` may make keys."""
        super().__init__(data)
        self.slugs = offer_tenants(self, tenants)
        self._maker = maker

    def clean_expires(self) -> datetime | None:
        expires: datetime | None = self.cleaned_data["expires"]
        if expires and expires <= get_application().access.present():
            raise forms.ValidationError("must be in the future")
        return expires

    def clean(self) -> dict[str, Any]:
        """The user's name becomes the user.

        Only superusers give keys to who is no member yet: an operator who could would act as
        anybody, superusers included.
        """
        tenant, name = self.cleaned_data.get("tenant"), self.cleaned_data.get("user")
        if tenant and name:
            users = active_users(name)
            if not self._maker.is_superuser:
                alias = get_application().database.alias
                members = Membership.objects.using(alias).filter(tenant=tenant).values("user")
                users = users.filter(pk__in=members, is_superuser=False)
            self.cleaned_data["user"] = users.first()
            if self.cleaned_data["user"] is None:
                self.add_error("user", self._no_user(tenant))
        return self.cleaned_data

    def _no_user(self, tenant: Tenant) -> str:
        if self._maker.is_superuser:
            return "is no active user's name; users are made by manage.py or by Django's admin"
        return f"is no active member of {tenant}; add them under Memberships first"


def active_users(name: str) -> QuerySet[AbstractUser]:
    """The user of this name, unless deactivated."""
    users: QuerySet[AbstractUser] = get_user_model()._default_manager.using(
        get_application().database.alias
    )
    return users.filter(username=name, is_active=True)
