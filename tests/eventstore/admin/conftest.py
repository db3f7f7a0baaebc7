"""Users of the admin, and the addresses of its pages."""

from dataclasses import dataclass, fields
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from eventstore.models import ApiKey, Membership, StoredCommand, StoredStream, Tenant
from eventstore.tenancy import Actor
from tests.eventstore.admin.support import staff
from tests.eventstore.support import World

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def root(database: None) -> Client:
    """A superuser's browser."""
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client


@pytest.fixture
def auditor(tenant: Tenant) -> Client:
    """The browser of one of the staff who is an auditor, with a key, in Acme alone."""
    user = User.objects.create_user("audrey", is_staff=True)
    Membership.objects.create(tenant=tenant, user=user, role="auditor")
    ApiKey.objects.create(
        tenant=tenant, user=user, role="auditor", prefix="dbk_audrey", digest=b"a" * 32
    )
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def operator(tenant: Tenant) -> Client:
    """The browser of Olive, operator in Acme alone; CSRF is checked."""
    return staff("olive", tenant, "operator")


@pytest.fixture
def mary(tenant: Tenant) -> Client:
    """The browser of Mary, member in Acme alone; CSRF is checked."""
    return staff("mary", tenant, "member")


@dataclass(frozen=True)
class Addresses:
    """Every page that shows something, for one account and the command that opened it."""

    streams: str
    timeline: str
    state: str
    commands: str
    command: str
    tenants: str
    tenant: str
    memberships: str
    api_keys: str
    overrides: str
    send: str

    def all(self) -> list[str]:
        return [getattr(self, field.name) for field in fields(self)]


def addresses(actor: Actor, aggregate_id: UUID) -> Addresses:
    stream = StoredStream.objects.get(tenant=actor.tenant_id, aggregate_id=aggregate_id)
    command = StoredCommand.objects.filter(
        tenant=actor.tenant_id, aggregate_id=aggregate_id
    ).earliest("number")
    return Addresses(
        streams=reverse("admin:eventstore_storedstream_changelist"),
        timeline=reverse("admin:eventstore_storedstream_change", args=[stream.pk]),
        state=reverse("admin:eventstore_storedstream_state", args=[stream.pk]),
        commands=reverse("admin:eventstore_storedcommand_changelist"),
        command=reverse("admin:eventstore_storedcommand_change", args=[command.pk]),
        tenants=reverse("admin:eventstore_tenant_changelist"),
        tenant=reverse("admin:eventstore_tenant_change", args=[actor.tenant_id]),
        memberships=reverse("admin:eventstore_membership_changelist"),
        api_keys=reverse("admin:eventstore_apikey_changelist"),
        overrides=reverse("admin:eventstore_overrideswitch_changelist"),
        send=reverse("admin:eventstore_storedcommand_send"),
    )


@pytest.fixture
def pages(world: World) -> Addresses:
    """The pages of an account in Acme that holds 1.10."""
    return addresses(world.actor, world.account("1.10"))


@pytest.fixture
def account(world: World) -> StoredStream:
    """Opened; 1.10 and 2.20 paid in."""
    account_id = world.account("1.10")
    world.deposit(account_id, "2.20")
    return StoredStream.objects.get(aggregate_id=account_id)
