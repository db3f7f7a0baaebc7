"""Policies of cold storage: what is boxed without being asked, when, and who wanted it so."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.models import ADDITION, CHANGE, DELETION
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern

from eventstore.admin.access import operates, user_of, visible_tenants
from eventstore.admin.fields import ReadField, ReasonForm
from eventstore.admin.filters import ListFilters, TenantBySlug, offer_tenants, slugs
from eventstore.admin.key_forms import NOT_YOURS
from eventstore.admin.pages import ListAdmin, PageLink, posted
from eventstore.admin.records import about_policy, note
from eventstore.application import get_application
from eventstore.box_policies import MOST_DAYS
from eventstore.input.parameters import Choice, Number
from eventstore.models import BoxPolicy, Tenant
from eventstore.tenancy import OPERATORS

POLICIES_PAGE = "admin:eventstore_boxpolicy_changelist"
NEW_PAGE = "admin:eventstore_boxpolicy_new"


def idle_days() -> ReadField:
    return ReadField(
        Number(1, MOST_DAYS),
        label="Idle days",
        help_text=f"1 to {MOST_DAYS:,}: so long nothing has happened to what is boxed.",
        widget=forms.TextInput({"autocomplete": "off", "inputmode": "numeric"}),
    )


class PolicyFilters(ListFilters):
    tenant = TenantBySlug()

    def suggestions(self, tenants: QuerySet[Tenant]) -> dict[str, list[str]]:
        return {"tenant": slugs(tenants)}

    def narrow(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        wanted = self.cleaned_data["tenant"]
        return rows.filter(tenant=wanted) if wanted else rows


class ChangeForm(ReasonForm):
    idle_days = idle_days()


class NewPolicyForm(ChangeForm):
    tenant = TenantBySlug(required=True, unknown=NOT_YOURS)

    def __init__(self, data: QueryDict | None, tenants: QuerySet[Tenant]) -> None:
        """`tenants` are those in which the user may make policies."""
        super().__init__(data)
        names = sorted(each.category for each in get_application().aggregates)
        select = forms.Select(choices=[(name, name) for name in names])
        self.fields["category"] = ReadField(Choice(names), widget=select)
        self.order_fields(["tenant", "category", "idle_days", "reason"])
        self.slugs = offer_tenants(self, tenants)

    def clean(self) -> dict[str, Any]:
        tenant, category = self.cleaned_data.get("tenant"), self.cleaned_data.get("category")
        if tenant and category and _policies().filter(tenant=tenant, category=category).exists():
            self.add_error("category", f"has a policy in {tenant} already; change that one")
        return self.cleaned_data


@dataclass(frozen=True, slots=True)
class PolicyLine:
    """A policy, and whether the user may change it."""

    policy: BoxPolicy
    may_act: bool

    @property
    def acts_at(self) -> datetime | None:
        """When what was reported is boxed; None: it has to report first, or found nothing."""
        policy = self.policy
        is_open = policy.acted_at is None or (
            policy.reported_at is not None and policy.acted_at < policy.reported_at
        )
        return policy.due_at if policy.reported and is_open else None


class BoxPolicyAdmin(ListAdmin):
    """Their rows are made and changed here, and looked at by any worker."""

    list_template = "box_policies.html"
    filters = PolicyFilters

    def get_urls(self) -> list[URLPattern]:
        return [
            *super().get_urls(),
            self.acting_url("new/", self.new_page, "new"),
            self.acting_url("<int:pk>/change/", self.change_page, "change"),
            self.acting_url("<int:pk>/drop/", self.drop_page, "drop"),
        ]

    def rows(self) -> QuerySet[Any]:
        return super().rows().select_related("tenant")

    def links(self, request: HttpRequest) -> list[PageLink]:
        if not visible_tenants(request.user, OPERATORS).exists():
            return []
        return [PageLink("Make a policy", NEW_PAGE)]

    def render(
        self, request: HttpRequest, template: str, context: dict[str, Any], *, status: int = 200
    ) -> TemplateResponse:
        """What may be done to a row depends on who asks."""
        if template == self.list_template:
            context["rows"] = _lines(request, context["rows"])
        return super().render(request, template, context, status=status)

    def new_page(self, request: HttpRequest) -> HttpResponse:
        """Asks for the category and the days."""
        data = posted(request) if request.method == "POST" else None
        form = NewPolicyForm(data, visible_tenants(request.user, OPERATORS))
        if not form.slugs:
            return self.forbidden(request, "make policies in any tenant")
        if form.is_valid():
            wanted = form.cleaned_data
            _put(request, wanted["tenant"], wanted["category"], wanted, flag=ADDITION)
            return redirect(POLICIES_PAGE)
        context = {"title": "Make a policy", "form": form}
        status = 400 if form.errors else 200
        return self.render(request, "box_policy_new.html", context, status=status)

    def change_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Asks for the days, and why there are others now."""
        policy = self.one_row(request, pk)
        if not operates(request.user, policy.tenant):
            return self.forbidden(request, f"change policies of {policy.tenant}")
        form = ChangeForm(posted(request) if request.method == "POST" else None)
        form.initial["idle_days"] = policy.idle_days
        if form.is_valid():
            _put(request, policy.tenant, policy.category, form.cleaned_data, flag=CHANGE)
            return redirect(POLICIES_PAGE)
        return self._ask(request, "Change", policy, form, "box_policy_change.html")

    def drop_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Asks for the reason, then ends the policy."""
        policy = self.one_row(request, pk)
        if not operates(request.user, policy.tenant):
            return self.forbidden(request, f"drop policies of {policy.tenant}")
        form = ReasonForm(posted(request) if request.method == "POST" else None)
        if form.is_valid():
            _drop(request, policy, form.cleaned_data["reason"])
            return redirect(POLICIES_PAGE)
        return self._ask(request, "Drop", policy, form, "box_policy_drop.html")

    def _ask(
        self, request: HttpRequest, verb: str, policy: Any, form: ReasonForm, template: str
    ) -> HttpResponse:
        title = f"{verb} the policy for {policy.category} in {policy.tenant}"
        context = {"title": title, "policy": policy, "form": form}
        return self.render(request, template, context, status=400 if form.errors else 200)


def _put(
    request: HttpRequest, tenant: Tenant, category: str, wanted: dict[str, Any], *, flag: int
) -> None:
    application, user = get_application(), user_of(request)
    days, reason = wanted["idle_days"], wanted["reason"]
    with application.database.transaction():
        done = application.box_policies.put(
            tenant.pk, category, days, user=user.get_username(), reason=reason
        )
        if done:
            about, what = about_policy(category), f"Box what is idle for {days} days"
            note(user, tenant, about, flag=flag, what=what, reason=reason)
    if done:
        messages.success(
            request, f"Each {category} of {tenant} is boxed once it is idle for {days} days."
        )
    else:
        messages.warning(request, "The policy says just that already. Nothing has changed.")


def _drop(request: HttpRequest, policy: Any, reason: str) -> None:
    application, user = get_application(), user_of(request)
    tenant, category = policy.tenant, policy.category
    with application.database.transaction():
        done = application.box_policies.drop(
            tenant.pk, category, user=user.get_username(), reason=reason
        )
        if done:
            about = about_policy(category)
            note(user, tenant, about, flag=DELETION, what="Dropped", reason=reason)
    if done:
        messages.success(request, f"No {category} of {tenant} is boxed by itself any more.")
    else:
        messages.warning(request, "The policy was dropped before. Nothing has changed.")


def _lines(request: HttpRequest, policies: Sequence[Any]) -> list[PolicyLine]:
    """With one statement for however many."""
    operated = set(visible_tenants(request.user, OPERATORS).values_list("pk", flat=True))
    return [PolicyLine(policy, policy.tenant_id in operated) for policy in policies]


def _policies() -> QuerySet[BoxPolicy]:
    return BoxPolicy.objects.using(get_application().database.alias)
