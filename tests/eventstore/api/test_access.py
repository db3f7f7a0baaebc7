"""API keys: stored as a digest, refused when revoked, expired or unknown."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import close_old_connections, connection
from django.utils import timezone

from eventstore.application import get_application
from eventstore.models import ApiKey, Tenant
from eventstore.tenancy import Role
from tests.eventstore.support import raw_connection
from tests.http import Api


@pytest.fixture
def key(tenant: Tenant) -> str:
    return get_application().access.create_key(
        tenant, User.objects.create_user("mary"), Role.MEMBER
    )


def test_a_valid_key_is_let_in(key: str) -> None:
    assert Api(key).get("/api/persons").status == 200


def test_the_key_itself_is_not_stored(key: str) -> None:
    row = ApiKey.objects.values().get()
    assert key not in str(row)
    assert len(row["digest"]) == 32


@pytest.mark.parametrize("header", [None, "", "x", "é", "daybook_" + "A" * 43])
def test_no_key_or_an_unknown_one_is_refused(database: None, header: str | None) -> None:
    answer = Api(header).get("/api/persons").refused(401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_revoked_key_is_refused(key: str) -> None:
    ApiKey.objects.update(revoked_at=timezone.now())
    Api(key).get("/api/persons").refused(401, "unauthenticated")


def test_an_expired_key_is_refused(key: str) -> None:
    ApiKey.objects.update(expires_at=timezone.now() + timedelta(hours=1))
    assert Api(key).get("/api/persons").status == 200
    ApiKey.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    Api(key).get("/api/persons").refused(401, "unauthenticated")


def test_a_connection_that_was_lost_between_two_requests_is_made_anew(key: str) -> None:
    api = Api(key)
    assert api.get("/api/persons").status == 200
    with raw_connection(autocommit=True) as other:
        lost = connection.connection.info.backend_pid
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [lost])
    close_old_connections()  # What Django does at the start of a request outside of tests.
    assert api.get("/api/persons").status == 200


def test_a_key_of_an_inactive_user_or_tenant_is_refused(key: str) -> None:
    User.objects.update(is_active=False)
    Api(key).get("/api/persons").refused(401, "unauthenticated")
    User.objects.update(is_active=True)
    Tenant.objects.update(active=False)
    Api(key).get("/api/persons").refused(401, "unauthenticated")
