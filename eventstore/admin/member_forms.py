"""What is asked for a new membership, and for another role."""

from typing import Any

from django import forms
from django.contrib.auth.models import AbstractUser
from django.db.models import QuerySet
from django.http import QueryDict

from eventstore.admin.fields import ReadField, ReasonForm, RoleField
from eventstore.admin.filters import TenantBySlug, offer_tenants
from eventstore.admin.key_forms import NOT_YOURS, USER_NAME, active_users
from eventstore.application import get_application
from eventstore.models import Membership, Tenant
from eventstore.tenancy import Role


class NewMemberForm(ReasonForm):
    tenant = TenantBySlug(required=True, unknown=NOT_YOURS)
    user = ReadField(USER_NAME.clean, help_text="The name of a user that exists.")
    role = RoleField("member: commands; auditor: reading everything; operator: all.")

    def __init__(
        self, data: QueryDict | None, tenants: QuerySet[Tenant], maker: AbstractUser
    ) -> None:
        """`tenants` are those in which `maker` may add members."""
        super().__init__(data)
        self.slugs = offer_tenants(self, tenants)
        self._tenants = tenants
        self._maker = maker

    def clean(self) -> dict[str, Any]:
        """The user's name becomes the user, who is not a member yet.

        Only superusers add who is in none of their tenants: an operator who could would learn
        which users others have.
        """
        tenant, name = self.cleaned_data.get("tenant"), self.cleaned_data.get("user")
        if name:
            users = active_users(name)
            if not self._maker.is_superuser:
                colleagues = _memberships().filter(tenant__in=self._tenants)
                users = users.filter(pk__in=colleagues.values("user"))
            user = users.first()
            self.cleaned_data["user"] = user
            if user is None:
                self.add_error("user", self._no_user())
            elif tenant and (role := _role_in(tenant, user.pk)):
                self.add_error("user", f"is {role} in {tenant} already; change the role there")
        return self.cleaned_data

    def _no_user(self) -> str:
        if self._maker.is_superuser:
            return "is no active user's name; users are made by manage.py or by Django's admin"
        return "is nobody in your tenants; a superuser, or manage.py add_member, brings others in"


class RoleForm(ReasonForm):
    role = RoleField()

    def __init__(self, data: QueryDict | None, present: str) -> None:
        super().__init__(data)
        self.initial["role"] = present
        self._present = present

    def clean_role(self) -> Role | None:
        role: Role | None = self.cleaned_data["role"]
        if role == self._present:
            raise forms.ValidationError("is this already")
        return role


def _role_in(tenant: Tenant, user_pk: int) -> str | None:
    membership = _memberships().filter(tenant=tenant, user=user_pk).first()
    return membership.role if membership else None


def _memberships() -> QuerySet[Membership]:
    return Membership.objects.using(get_application().database.alias)
