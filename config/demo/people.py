"""The tenants, users and keys of the scenarios: each run finds or makes them."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.contrib.auth.models import User

from config.demo.callers import HttpCaller, caller_with_key
from eventstore.application import get_application
from eventstore.models import Tenant
from eventstore.tenancy import Role

#: Who ends the demo's keys, as the admin shows it.
DEMO = "demo"


def find_or_make_tenant(slug: str) -> Tenant:
    tenant, _ = Tenant.objects.get_or_create(slug=slug, defaults={"name": slug.capitalize()})
    return tenant


def find_or_make_user(name: str) -> User:
    """A user without a password, so that nobody can log in as them."""
    return User.objects.filter(username=name).first() or User.objects.create_user(name)


def fresh_key(tenant: Tenant, user_name: str, role: Role) -> str:
    """A new key. Those of earlier runs end, so that there is one that opens and not ever more."""
    user = find_or_make_user(user_name)
    end_keys(tenant, user, "a later run of the demo has made another")
    return get_application().access.create_key(tenant, user, role)


@contextmanager
def key_for_now(tenant: Tenant, user_name: str, role: Role) -> Iterator[str]:
    """A key that nobody is shown: it ends with the block."""
    key = fresh_key(tenant, user_name, role)
    try:
        yield key
    finally:
        end_keys(tenant, find_or_make_user(user_name), "the scenario is over")


@contextmanager
def key_caller(slug: str, user_name: str, role: Role) -> Iterator[HttpCaller]:
    """Calls the API as somebody of another tenant; the key ends with the block."""
    with key_for_now(find_or_make_tenant(slug), user_name, role) as key:
        yield caller_with_key(key)


@contextmanager
def overrides_on(slug: str) -> Iterator[None]:
    """With all of a tenant's overrides; those that an operator has switched off are off again."""
    overrides, tenant = get_application().overrides, find_or_make_tenant(slug)
    names = [overrides.name_of(each.target) for each in overrides if each.tenant_slug == slug]
    why = "the demo plays it"
    off = [
        name
        for name in names
        if overrides.switch(tenant.id, name, active=True, user=DEMO, reason=why)
    ]
    try:
        yield
    finally:
        for name in off:
            overrides.switch(tenant.id, name, active=False, user=DEMO, reason="as it was before")


def end_keys(tenant: Tenant, user: User, reason: str) -> None:
    """Revoke all keys that a user of the demo has in a tenant."""
    access = get_application().access
    for key in access.keys().filter(tenant=tenant, user=user, revoked_at=None):
        access.revoke_key(key, by=DEMO, reason=reason)
