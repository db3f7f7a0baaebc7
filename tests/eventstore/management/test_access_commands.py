"""Keys and members by `manage.py`: made, ended, and each mistake named with exit code 2."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from eventstore.models import ApiKey, Membership, Tenant
from tests.eventstore.management.test_commands import exit_code, said
from tests.http import Api

MARY = ("--tenant", "acme", "--user", "mary")


def opens(key: str) -> bool:
    status = Api(key).get("/api/persons").status
    assert status in (200, 401)
    return status == 200


def test_a_key_makes_its_user_a_member_with_the_same_role(tenant: Tenant) -> None:
    said("create_api_key", *MARY, "--role", "operator")
    assert Membership.objects.get().role == "operator"


def test_a_second_key_leaves_the_membership_as_it_is(tenant: Tenant) -> None:
    said("create_api_key", *MARY)
    said("create_api_key", *MARY, "--role", "operator")
    assert Membership.objects.get().role == "member"


@pytest.mark.parametrize("expires", ["2999-12-31", "2999-12-31T12:00Z", "2999-12-31T12:00+02:00"])
def test_a_key_may_expire(tenant: Tenant, expires: str) -> None:
    key = said("create_api_key", *MARY, "--expires", expires).strip()
    assert opens(key)
    expires_at = ApiKey.objects.get().expires_at
    assert expires_at is not None
    assert (expires_at.year, expires_at.day) == (2999, 31)
    ApiKey.objects.update(expires_at=timezone.now())
    assert not opens(key)


@pytest.mark.parametrize("expires", ["2001-01-01", "tomorrow", "2999-12-31T12:00", "2999-02-30"])
def test_an_expiry_that_is_past_or_none_makes_no_key(tenant: Tenant, expires: str) -> None:
    assert exit_code("create_api_key", *MARY, "--expires", expires) == 2
    assert not ApiKey.objects.exists()
    assert not User.objects.exists()


def test_a_key_is_revoked_by_its_first_characters(tenant: Tenant) -> None:
    key = said("create_api_key", *MARY).strip()
    other = said("create_api_key", *MARY).strip()
    assert "revoked" in said("revoke_api_key", key[:16], "--reason", "lost")
    assert not opens(key)
    assert opens(other)
    revoked = ApiKey.objects.get(prefix=key[:16])
    assert (revoked.revoked_by, revoked.revoke_reason) == ("manage.py", "lost")


def test_a_key_is_revoked_once(tenant: Tenant) -> None:
    key = said("create_api_key", *MARY).strip()
    said("revoke_api_key", key, "--reason", "lost")
    revoked_at = ApiKey.objects.get().revoked_at
    assert "before" in said("revoke_api_key", key, "--reason", "again")
    assert (ApiKey.objects.get().revoked_at, ApiKey.objects.get().revoke_reason) == (
        revoked_at,
        "lost",
    )


def test_an_unknown_key_is_not_revoked(tenant: Tenant) -> None:
    assert exit_code("revoke_api_key", "daybook_", "--reason", "lost") == 2


def test_the_end_of_a_membership_ends_its_keys_for_ever(tenant: Tenant) -> None:
    key = said("create_api_key", *MARY).strip()
    assert "no member" in said("remove_member", *MARY)
    assert not opens(key)
    said("add_member", *MARY, "--role", "member")
    assert not opens(key)
    assert opens(said("create_api_key", *MARY).strip())


def test_a_membership_that_ends_elsewhere_leaves_this_tenants_keys(
    tenant: Tenant, other_tenant: Tenant
) -> None:
    key = said("create_api_key", *MARY).strip()
    said("add_member", "--tenant", "umbrella", "--user", "mary", "--role", "auditor")
    said("remove_member", "--tenant", "umbrella", "--user", "mary")
    assert opens(key)
    assert "nothing changed" in said("remove_member", "--tenant", "umbrella", "--user", "mary")


def test_a_member_gets_another_role(tenant: Tenant) -> None:
    for role in ("member", "operator"):
        assert role in said("add_member", *MARY, "--role", role)
    assert Membership.objects.get().role == "operator"


def test_a_new_role_ends_the_keys_that_may_do_what_it_may_not(tenant: Tenant) -> None:
    keys = {
        role: said("create_api_key", *MARY, "--role", role).strip()
        for role in ("member", "auditor", "operator")
    }
    said("add_member", *MARY, "--role", "operator")
    assert all(opens(key) for key in keys.values())
    said("add_member", *MARY, "--role", "auditor")
    assert {role for role, key in keys.items() if opens(key)} == {"auditor"}


def test_a_key_without_a_membership_opens_nothing(tenant: Tenant) -> None:
    """Also where somebody deletes the row by hand."""
    key = said("create_api_key", *MARY).strip()
    Membership.objects.all().delete()
    assert not opens(key)


@pytest.mark.parametrize(
    "arguments",
    [
        ("add_member", "--tenant", "acne", "--user", "mary", "--role", "member"),
        ("add_member", "--tenant", "acme", "--user", "a b/c", "--role", "member"),
        ("add_member", "--tenant", "acme", "--user", "\udcff", "--role", "member"),
        ("add_member", "--tenant", "\udcff", "--user", "mary", "--role", "member"),
        ("remove_member", "--tenant", "acme", "--user", "nobody"),
        ("create_tenant", "acme", "--name", "\udcff"),
        ("revoke_api_key", "\udcff", "--reason", "x"),
    ],
    ids=str,
)
def test_what_does_not_exist_or_cannot_be_written_is_refused(
    tenant: Tenant, arguments: tuple[str, ...]
) -> None:
    assert exit_code(*arguments) == 2
    assert not User.objects.exists()


def test_a_keys_last_use_is_known_to_the_minute(tenant: Tenant) -> None:
    key = said("create_api_key", *MARY).strip()
    assert ApiKey.objects.get().last_used_at is None
    opens(key)
    first = ApiKey.objects.get().last_used_at
    assert first is not None
    opens(key)
    assert ApiKey.objects.get().last_used_at == first
    ApiKey.objects.update(last_used_at=first - timedelta(seconds=61))
    opens(key)
    last = ApiKey.objects.get().last_used_at
    assert last is not None
    assert last >= first
