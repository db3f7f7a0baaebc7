"""The API keys: their list, a key's page, how to make one and how to end one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.admin.models import ADDITION, CHANGE
from django.db.models import BooleanField, Exists, ExpressionWrapper, OuterRef, Q, QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern

from eventstore.access import PREFIX_LENGTH
from eventstore.admin.access import operates, user_of, visible_tenants
from eventstore.admin.fields import ReasonForm
from eventstore.admin.filters import TenantAndUser
from eventstore.admin.key_forms import NewKeyForm
from eventstore.admin.pages import ListAdmin, PageLink, posted
from eventstore.admin.records import about_key, about_member, last_notes, note
from eventstore.application import get_application
from eventstore.models import ApiKey, Membership
from eventstore.tenancy import OPERATORS

KEY_PAGE = "admin:eventstore_apikey_change"


@dataclass(frozen=True, slots=True)
class KeyLine:
    """A key and what has become of it: valid, expired, revoked, or suspended."""

    key: ApiKey
    state: str


class ApiKeyAdmin(ListAdmin):
    list_template = "keys.html"
    filters = TenantAndUser

    def get_urls(self) -> list[URLPattern]:
        return [
            *super().get_urls(),
            self.acting_url("new/", self.new_page, "new"),
            self.reading_url("<int:pk>/", self.key_page, "change"),
            self.acting_url("<int:pk>/revoke/", self.revoke_page, "revoke"),
        ]

    def rows(self) -> QuerySet[Any]:
        membership = Membership.objects.filter(tenant=OuterRef("tenant"), user=OuterRef("user"))
        expired = ExpressionWrapper(Q(expires_at__lte=Now()), output_field=BooleanField())
        # The digest does not even leave the database.
        keys = super().rows().select_related("tenant", "user").defer("digest")
        rows: QuerySet[Any] = keys.annotate(is_expired=expired, is_of_member=Exists(membership))
        return rows

    def shown(self, rows: Sequence[Any]) -> Sequence[Any]:
        return [KeyLine(key, state_of(key)) for key in rows]

    def links(self, request: HttpRequest) -> list[PageLink]:
        if not visible_tenants(request.user, OPERATORS).exists():
            return []
        return [PageLink("Create a key", "admin:eventstore_apikey_new")]

    def key_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        """All that is known of a key, and what was done to it."""
        key = self.one_row(request, pk)
        context = {
            "title": f"API key {key.prefix}…",
            "key": key,
            "state": state_of(key),
            "notes": last_notes(key.tenant, about_key(key)),
            "may_revoke": key.revoked_at is None and operates(request.user, key.tenant),
        }
        return self.render(request, "key.html", context)

    # To end a key --------------------------------------------------------------------------------

    def revoke_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Asks for the reason, then ends the key from the next request on."""
        key = self.one_row(request, pk)
        if not operates(request.user, key.tenant):
            return self.forbidden(request, f"revoke keys of {key.tenant}")
        form = ReasonForm(posted(request) if request.method == "POST" else None)
        if key.revoked_at is not None or form.is_valid():
            self._revoke(request, key, form)
            return redirect(KEY_PAGE, key.pk)
        context = {"title": f"Revoke API key {key.prefix}…", "key": key, "form": form}
        return self.render(request, "key_revoke.html", context, status=400 if form.errors else 200)

    def _revoke(self, request: HttpRequest, key: ApiKey, form: ReasonForm) -> None:
        application, user = get_application(), user_of(request)
        done = False
        if key.revoked_at is None:
            reason = form.cleaned_data["reason"]
            with application.database.transaction():
                done = application.access.revoke_key(key, by=user.get_username(), reason=reason)
                if done:
                    about = about_key(key)
                    note(user, key.tenant, about, flag=CHANGE, what="Revoked", reason=reason)
        if done:
            messages.success(request, f"Key {key.prefix}… is revoked.")
        else:
            messages.warning(
                request, f"Key {key.prefix}… was revoked before, as below. Nothing has changed."
            )

    # To make a key -------------------------------------------------------------------------------

    def new_page(self, request: HttpRequest) -> HttpResponse:
        """Asks for whom, then shows the key: in this answer, and never again."""
        tenants = visible_tenants(request.user, OPERATORS).filter(active=True)
        form = NewKeyForm(
            posted(request) if request.method == "POST" else None, tenants, user_of(request)
        )
        if not form.slugs:
            return self.forbidden(request, "create keys in any tenant")
        if form.is_valid():
            return self._create(request, form.cleaned_data)
        context = {"title": "Create an API key", "form": form}
        return self.render(request, "key_new.html", context, status=400 if form.errors else 200)

    def _create(self, request: HttpRequest, wanted: dict[str, Any]) -> HttpResponse:
        tenant, owner, role = wanted["tenant"], wanted["user"], wanted["role"]
        application, user = get_application(), user_of(request)
        with application.database.transaction():
            application.access.hold(tenant)
            was_member = application.access.is_member(tenant, owner)
            if not (was_member or user.is_superuser):  # Their membership has ended meanwhile.
                return self.forbidden(request, f"make a key for who is no member of {tenant}")
            secret = application.access.create_key(
                tenant, owner, role, expires_at=wanted["expires"]
            )
            made = self.rows().filter(tenant=tenant, user_id=owner.pk)
            key = made.filter(prefix=secret[:PREFIX_LENGTH]).latest("pk")
            whose = f"for {owner.get_username()} as {role}"
            reason = wanted["reason"]
            note(
                user, tenant, about_key(key), flag=ADDITION, what=f"Created {whose}", reason=reason
            )
            if not was_member:
                what, about = f"Became {role}, with a key", about_member(owner)
                note(user, tenant, about, flag=ADDITION, what=what, reason=reason)
        context = {"title": "The new API key", "key": key, "secret": secret}
        return self.render(request, "key_shown.html", context)


def state_of(key: Any) -> str:
    """By the database's clock, and by whether the key's tenant, user and membership let it in."""
    if key.revoked_at is not None:
        return "revoked"
    if key.is_expired:
        return "expired"
    if not (key.tenant.active and key.user.is_active and key.is_of_member):
        return "suspended"
    return "valid"
