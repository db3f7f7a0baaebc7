"""Positions and numbers are drawn for all tenants together: what that lets one see, and what not.

By design, as the package's docstring says: how much the whole system does, never who or what.
"""

from eventstore.models import StoredCommand, StoredEvent
from eventstore.tenancy import Role
from tests.tenants.seeding import nobodys_number
from tests.tenants.world import World


def numbers(world: World) -> list[int]:
    ours = StoredCommand.objects.filter(tenant=world.ours.tenant).order_by("pk")
    return list(ours.values_list("pk", flat=True))


def test_after_another_tenants_number_come_our_own(world: World) -> None:
    api = world.ours.api(Role.AUDITOR)
    foreign = StoredCommand.objects.filter(tenant=world.theirs.tenant).earliest("pk").pk
    behind = [number for number in numbers(world) if number > foreign]
    for cursor in (foreign, nobodys_number(foreign)):
        page = api.get(f"/api/commands?after={cursor}").body
        assert [row["number"] for row in page["results"]] == behind


def test_from_page_to_page_nobody_elses_number_appears(world: World) -> None:
    api, seen, after = world.ours.api(Role.OPERATOR), [], 0
    while rows := (page := api.get(f"/api/commands?after={after}&limit=2").body)["results"]:
        seen += [row["number"] for row in rows]
        assert page["next"] == rows[-1]["number"]
        after = page["next"]
    assert seen == numbers(world)


def test_a_position_of_another_tenant_may_be_waited_for(world: World) -> None:
    api = world.ours.api(Role.MEMBER)
    foreign = StoredEvent.objects.filter(tenant=world.theirs.tenant).latest("pk").pk
    for position in (foreign, nobodys_number(foreign)):
        assert api.get(f"/api/persons?min_position={position}&wait=1").status == 200


def test_x_position_tells_that_others_are_at_work(world: World) -> None:
    api = world.ours.api(Role.MEMBER)
    before = api.get("/api/persons")
    world.theirs.api(Role.MEMBER).registered_person("Quokka", "X")
    after = api.get("/api/persons")
    assert after.raw == before.raw
    assert int(after.headers["X-Position"]) > int(before.headers["X-Position"])
