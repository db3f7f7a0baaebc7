"""Who is a member of which tenant, as what: the list, a membership's page, and changes of it."""

from typing import Any

from django.contrib import messages
from django.contrib.admin.models import ADDITION, CHANGE, DELETION
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern

from eventstore.admin.access import inspects, operates, user_of, visible_tenants
from eventstore.admin.fields import ReasonForm
from eventstore.admin.filters import TenantAndUser
from eventstore.admin.member_forms import NewMemberForm, RoleForm
from eventstore.admin.pages import ListAdmin, PageLink, posted
from eventstore.admin.records import about_member, last_notes, note
from eventstore.application import get_application
from eventstore.models import Membership
from eventstore.tenancy import EVERYONE, INSPECTORS, OPERATORS

MEMBERSHIP_PAGE = "admin:eventstore_membership_change"

OWN = "change or end your own membership, lest you lock yourself out"


class MembershipAdmin(ListAdmin):
    list_template = "members.html"
    filters = TenantAndUser
    roles = EVERYONE

    def get_urls(self) -> list[URLPattern]:
        return [
            *super().get_urls(),
            self.acting_url("new/", self.new_page, "new"),
            self.reading_url("<int:pk>/", self.membership_page, "change"),
            self.acting_url("<int:pk>/role/", self.role_page, "role"),
            self.acting_url("<int:pk>/end/", self.end_page, "end"),
        ]

    def rows(self) -> QuerySet[Any]:
        return super().rows().select_related("tenant", "user")

    def visible_rows(self, request: HttpRequest) -> QuerySet[Any]:
        """All of a tenant to its inspectors; their own to members."""
        inspected = visible_tenants(request.user, INSPECTORS)
        own = Q(user=user_of(request).pk)
        return super().visible_rows(request).filter(Q(tenant__in=inspected) | own)

    def links(self, request: HttpRequest) -> list[PageLink]:
        if not visible_tenants(request.user, OPERATORS).exists():
            return []
        return [PageLink("Add a member", "admin:eventstore_membership_new")]

    def membership_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The role, the keys, and what was done to both."""
        membership = self.one_row(request, pk)
        tenant = membership.tenant
        is_inspected = inspects(request.user, tenant)
        may_change = operates(request.user, tenant)
        context = {
            "title": str(membership),
            "membership": membership,
            "is_inspected": is_inspected,
            "may_change": may_change and not self._is_own(request, membership),
            "is_own": may_change and self._is_own(request, membership),
            "notes": last_notes(tenant, about_member(membership.user)) if is_inspected else [],
            "live_keys": live_keys(membership) if is_inspected else None,
        }
        return self.render(request, "member.html", context)

    def new_page(self, request: HttpRequest) -> HttpResponse:
        """Asks for whom, and as what."""
        tenants = visible_tenants(request.user, OPERATORS)
        data = posted(request) if request.method == "POST" else None
        form = NewMemberForm(data, tenants, user_of(request))
        if not form.slugs:
            return self.forbidden(request, "add members to any tenant")
        if form.is_valid():
            return self._add(request, form.cleaned_data)
        context = {"title": "Add a member", "form": form}
        return self.render(request, "member_new.html", context, status=400 if form.errors else 200)

    def role_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Asks for the new role and the reason."""
        membership = self.one_row(request, pk)
        if refused := self._refused(request, membership):
            return refused
        form = RoleForm(posted(request) if request.method == "POST" else None, membership.role)
        if form.is_valid():
            return self._change_role(request, membership, form.cleaned_data)
        context = {
            "title": f"Change the role of {membership.user.get_username()}",
            "membership": membership,
            "form": form,
            "live_keys": live_keys(membership),
        }
        return self.render(
            request, "member_role.html", context, status=400 if form.errors else 200
        )

    def end_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Asks for the reason, then ends the membership and the user's keys in the tenant."""
        membership = self.visible_rows(request).filter(pk=pk).first()
        if membership is None:
            return self._gone(request)
        if refused := self._refused(request, membership):
            return refused
        form = ReasonForm(posted(request) if request.method == "POST" else None)
        if form.is_valid():
            return self._end(request, membership, form.cleaned_data["reason"])
        context = {
            "title": f"End the membership of {membership.user.get_username()}",
            "membership": membership,
            "form": form,
            "live_keys": live_keys(membership),
        }
        return self.render(request, "member_end.html", context, status=400 if form.errors else 200)

    # What is done, each with its note in one transaction -----------------------------------------

    def _add(self, request: HttpRequest, wanted: dict[str, Any]) -> HttpResponse:
        tenant, member, role = wanted["tenant"], wanted["user"], wanted["role"]
        application, user = get_application(), user_of(request)
        with application.database.transaction():
            application.access.hold(tenant)
            if application.access.is_member(tenant, member):  # Since the form was checked.
                return self.forbidden(request, f"add who is a member of {tenant} already")
            application.access.add_member(tenant, member, role, by=user.get_username())
            about, what = about_member(member), f"Became {role}"
            note(user, tenant, about, flag=ADDITION, what=what, reason=wanted["reason"])
        messages.success(request, f"{member.get_username()} is {role} in {tenant}.")
        added = self.rows().get(tenant=tenant, user_id=member.pk)
        return redirect(MEMBERSHIP_PAGE, added.pk)

    def _change_role(
        self, request: HttpRequest, membership: Membership, wanted: dict[str, Any]
    ) -> HttpResponse:
        tenant, member, role = membership.tenant, membership.user, wanted["role"]
        application, user = get_application(), user_of(request)
        with application.database.transaction():
            application.access.hold(tenant)
            present = locked(membership)
            if present is None:  # Ended meanwhile, which a new role must not undo.
                return self._gone(request)
            application.access.add_member(tenant, member, role, by=user.get_username())
            about, what = about_member(member), f"Role changed from {present.role} to {role}"
            note(user, tenant, about, flag=CHANGE, what=what, reason=wanted["reason"])
        messages.success(request, f"{member.get_username()} is {role} in {tenant} now.")
        return redirect(MEMBERSHIP_PAGE, membership.pk)

    def _end(self, request: HttpRequest, membership: Membership, reason: str) -> HttpResponse:
        tenant, member = membership.tenant, membership.user
        application, user = get_application(), user_of(request)
        with application.database.transaction():
            application.access.hold(tenant)
            if locked(membership) is None:
                return self._gone(request)
            keys = live_keys(membership)
            application.access.remove_member(tenant, member, by=user.get_username())
            about, what = about_member(member), f"Membership ended, {keys} keys revoked with it"
            note(user, tenant, about, flag=DELETION, what=what, reason=reason)
        messages.success(request, f"{member.get_username()} is no member of {tenant} any more.")
        return redirect("admin:eventstore_tenant_change", tenant.pk)

    # What is refused -----------------------------------------------------------------------------

    def _refused(self, request: HttpRequest, membership: Membership) -> HttpResponse | None:
        if not operates(request.user, membership.tenant):
            return self.forbidden(request, f"change who is a member of {membership.tenant}")
        return self.forbidden(request, OWN) if self._is_own(request, membership) else None

    def _is_own(self, request: HttpRequest, membership: Membership) -> bool:
        user = user_of(request)
        return membership.user_id == user.pk and not user.is_superuser

    def _gone(self, request: HttpRequest) -> HttpResponse:
        """For a second click, too: the first one has ended the membership."""
        return self.render(
            request, "member_gone.html", {"title": "No such membership"}, status=404
        )


def live_keys(membership: Membership) -> int:
    """How many keys the user has in the tenant that nobody has revoked."""
    keys = get_application().access.keys()
    return keys.filter(
        tenant=membership.tenant_id, user=membership.user_id, revoked_at=None
    ).count()


def locked(membership: Membership) -> Membership | None:
    """The row as it is now, held until the transaction ends; None: it is gone."""
    rows = Membership.objects.using(get_application().database.alias).select_for_update()
    return rows.filter(pk=membership.pk).first()
