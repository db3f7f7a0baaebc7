"""The tenants, and a tenant's page with the record of what was done here."""

from typing import Any

from django import forms
from django.db.models import OuterRef, QuerySet, Subquery, Value
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern

from eventstore.admin.access import inspects, user_of, visible_tenants
from eventstore.admin.filters import ListFilters
from eventstore.admin.pages import ListAdmin
from eventstore.admin.paging import Page, keyset_page
from eventstore.admin.records import notes_on
from eventstore.models import Membership, Tenant
from eventstore.tenancy import EVERYONE, Role


class TenantFilters(ListFilters):
    """By slug: a tenant's id is random and says nothing about its age."""

    after = forms.SlugField(required=False, empty_value=None, widget=forms.HiddenInput)
    before = forms.SlugField(required=False, empty_value=None, widget=forms.HiddenInput)


class TenantAdmin(ListAdmin):
    list_template = "tenants.html"
    filters = TenantFilters
    order = "slug"
    roles = EVERYONE

    def get_urls(self) -> list[URLPattern]:
        return [
            *super().get_urls(),
            self.reading_url("<uuid:pk>/", self.tenant_page, "change"),
        ]

    def visible_rows(self, request: HttpRequest) -> QuerySet[Any]:
        """The user's tenants, each with the role that they have there."""
        user = user_of(request)
        role: Value | Subquery = Value(Role.OPERATOR.value)
        if not user.is_superuser:
            own = Membership.objects.filter(tenant=OuterRef("pk"), user=user.pk)
            role = Subquery(own.values("role"))
        return visible_tenants(user, self.roles).annotate(own_role=role)

    def tenant_page(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """What the tenant is, and the record of what was done to what is its own."""
        tenant = self.one_row(request, pk)
        cursors = ListFilters(request.GET, Tenant.objects.none())
        if not cursors.is_valid():
            raise Http404
        is_inspected = inspects(request.user, tenant)
        page: Page[Any] = Page(rows=[])
        if is_inspected:
            page = keyset_page(notes_on(tenant), "-pk", cursors.cursor())
        context = {
            "title": tenant.slug,
            "tenant": tenant,
            "is_inspected": is_inspected,
            "page": page,
        }
        return self.render(request, "tenant.html", context)
