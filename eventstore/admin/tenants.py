"""The tenants, and the API keys that tie users to them."""

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest

from eventstore.admin.access import visible_tenants
from eventstore.admin.filters import ListFilters, TenantBySlug, slugs
from eventstore.admin.pages import ReadOnlyAdmin
from eventstore.models import Tenant
from eventstore.tenancy import EVERYONE


class TenantFilters(ListFilters):
    """By slug: a tenant's id is random and says nothing about its age."""

    after = forms.SlugField(required=False, empty_value=None, widget=forms.HiddenInput)
    before = forms.SlugField(required=False, empty_value=None, widget=forms.HiddenInput)


class TenantAdmin(ReadOnlyAdmin):
    list_template = "tenants.html"
    filters = TenantFilters
    order = "slug"
    roles = EVERYONE

    def visible_rows(self, request: HttpRequest) -> QuerySet[Any]:
        return visible_tenants(request.user, self.roles)


class ApiKeyFilters(ListFilters):
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


class ApiKeyAdmin(ReadOnlyAdmin):
    list_template = "api_keys.html"
    filters = ApiKeyFilters

    def rows(self) -> QuerySet[Any]:
        # The digest does not even leave the database.
        return super().rows().select_related("tenant", "user").defer("digest")
