"""One user in two tenants: whoever names the other sees and may other things, and only there."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from eventstore.application import get_application
from eventstore.models import StoredStream
from eventstore.tenancy import Role
from tests.http import Api, new_id
from tests.tenants.matrix import first_difference, without
from tests.tenants.world import KEY, SESSION, Caller, Reply, World, samples

UNKNOWN = "nowhere"


@pytest.fixture
def both(world: World) -> User:
    """A member of ours who is an operator in theirs."""
    user, _ = User.objects.get_or_create(username="dora", is_staff=True)
    access = get_application().access
    access.add_member(world.ours.tenant, user, Role.MEMBER, by="root")
    access.add_member(world.theirs.tenant, user, Role.OPERATOR, by="root")
    return user


def browser(user: User) -> Client:
    client = Client(SERVER_NAME="localhost")
    client.force_login(user)
    return client


def reader(user: User) -> Callable[[str, str], Reply]:
    """Reads a path in a tenant, by its slug."""
    caller = Caller(Role.MEMBER, SESSION, browser(user))
    return lambda path, slug: caller.ask(path, headers={"X-Tenant": slug})


def test_the_tenant_that_is_named_is_the_one_that_is_seen(world: World, both: User) -> None:
    read = reader(both)
    for side, other in ((world.ours, world.theirs), (world.theirs, world.ours)):
        for path in ("/api/persons", "/api/accounts"):
            page = read(path, side.tenant.slug)
            assert page.status == 200
            assert side.word in page.body.lower()
            assert other.word not in page.body.lower()
        assert read(f"/api/persons/{side.person_id}", side.tenant.slug).status == 200
        assert read(f"/api/persons/{other.person_id}", side.tenant.slug).status == 404


def test_the_role_is_that_of_the_tenant_that_is_named(world: World, both: User) -> None:
    """A member sees their own commands, which are none; an operator everyone's."""
    read = reader(both)
    assert read("/api/commands", world.ours.tenant.slug).body == '{"results":[],"next":0}'
    assert "quokka-member" in read("/api/commands", world.theirs.tenant.slug).body


def test_a_command_goes_to_the_tenant_that_is_named(world: World, both: User) -> None:
    client, person_id = browser(both), new_id()
    fields = {"aggregate_id": person_id, "first_name": "Dora", "last_name": "X"}
    for side in (world.ours, world.theirs):
        answer = client.post(
            "/api/commands/register-person",
            fields,
            content_type="application/json",
            headers={"X-Tenant": side.tenant.slug},
        )
        assert answer.status_code == 201, answer.content
    streams = StoredStream.objects.filter(aggregate_id=person_id)
    assert {row.tenant_id for row in streams} == {world.ours.tenant.id, world.theirs.tenant.id}


def test_in_the_admin_rights_are_those_in_the_rows_tenant(world: World, both: User) -> None:
    client = browser(both)
    list_of_keys = client.get("/admin/eventstore/apikey/").content.decode()
    assert "quokka-bank" in list_of_keys
    assert "wombat-member" not in list_of_keys
    for side, status in ((world.theirs, 200), (world.ours, 404)):
        number = samples(side)["key_number"]
        page = client.get(f"/admin/eventstore/apikey/{number}/revoke/")
        assert page.status_code == status


def test_a_key_with_another_tenants_slug_is_one_with_an_unknown_slug(world: World) -> None:
    for caller in world.callers[KEY]:
        check_unknown(caller, world)
        slug = world.ours.tenant.slug
        assert caller.ask("/api/persons", headers={"X-Tenant": slug}).status == 200


def test_a_session_with_another_tenants_slug_is_one_with_an_unknown_slug(world: World) -> None:
    for caller in world.callers[SESSION]:
        check_unknown(caller, world)


def check_unknown(caller: Caller, world: World) -> None:
    foreign, unknown = (
        without(slug, caller.ask("/api/persons", headers={"X-Tenant": slug}))
        for slug in (world.theirs.tenant.slug, UNKNOWN)
    )
    assert foreign.status == 404
    assert foreign == unknown, first_difference(foreign, unknown)


def test_whoever_leaves_a_tenant_finds_it_unknown(world: World, both: User) -> None:
    tenant = world.theirs.tenant
    get_application().access.remove_member(tenant, both, by="root")
    read = reader(both)
    left = without(tenant.slug, read("/api/persons", tenant.slug))
    assert left == without(UNKNOWN, read("/api/persons", UNKNOWN))
    assert left.status == 404
    assert read("/api/persons", world.ours.tenant.slug).status == 200


def test_a_superuser_is_an_operator_of_whatever_tenant_they_name(world: World) -> None:
    root, _ = User.objects.get_or_create(username="root", is_staff=True, is_superuser=True)
    read = reader(root)
    for side, other in ((world.ours, world.theirs), (world.theirs, world.ours)):
        commands = read("/api/commands", side.tenant.slug)
        assert f"{side.word}-member" in commands.body
        assert other.word not in commands.body
    assert read("/api/commands", UNKNOWN).status == 404
    assert not root.membership_set.exists()


def test_the_same_ids_in_both_tenants_are_two_of_everything(world: World) -> None:
    shared, key = new_id(), new_id()
    answers = [send(side.api(Role.MEMBER), shared, key, side.word) for side in sides(world)]
    assert [answer.status for answer in answers] == [201, 201]
    assert all("Idempotent-Replayed" not in answer.headers for answer in answers)
    for side in sides(world):
        row = side.api(Role.MEMBER).get(f"/api/persons/{shared}").body
        assert row["name"] == f"{side.word} X"
        assert (row["version"], row["total_balance"]) == (1, "0.00")


def send(api: Api, person_id: str, command_id: str, name: str):
    fields = {"aggregate_id": person_id, "first_name": name, "last_name": "X"}
    return api.send("register-person", fields, Idempotency_Key=command_id)


def sides(world: World):
    return (world.ours, world.theirs)
