"""All answers are the same whether another tenant is there or not: also counts, sums and menus."""

import re
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client

from tests.tenants.classification import IN_THE_ADMIN, IN_THE_API, What
from tests.tenants.findings import findings
from tests.tenants.matrix import first_difference, leaks, request_for, tell, without
from tests.tenants.routes import ROUTES
from tests.tenants.seeding import Side
from tests.tenants.urls import address
from tests.tenants.world import (
    BROWSER,
    KEY,
    Caller,
    Reply,
    World,
    callers_of,
    make_world,
    samples,
)

DOORS = {name: KEY for name, route in ROUTES.items() if route.what in IN_THE_API} | {
    name: BROWSER for name, route in ROUTES.items() if route.what in IN_THE_ADMIN
}
_AS_OF = re.compile(r'"as_of":"[^"]*",')
_ROWS_ARE = re.compile(r"up to position [0-9]+ are|at intervals: as of [-0-9T:]+Z")
#: By the beginning of a route, what says how far the whole system is, and when it was last so.
HOW_FAR = {
    "api/feed": re.compile(r',"(next|head|settled)":[0-9]+'),
    "api/daily-totals": _AS_OF,
    "admin/projections/": _ROWS_ARE,
}
PUBLIC = [name for name, route in ROUTES.items() if route.what is What.PUBLIC]


def look_around(ours: Side) -> dict[tuple[str, str], Reply]:
    """Every page, as each role."""
    callers, good = callers_of(ours), samples(ours)
    return {
        (name, str(caller)): ask(name, caller, good)
        for name, door in DOORS.items()
        for caller in callers[door]
    }


def ask(name: str, caller: Caller, good: dict[str, str]) -> Reply:
    values = {key: good.get(value, value) for key, (_, value) in ROUTES[name].path.items()}
    reply = without(address(name, values), caller.ask(address(name, values)))
    # How much the whole system has done, by design.
    reply.headers.pop("X-Position", None)
    for beginning, how_far in HOW_FAR.items():
        if name.startswith(beginning):
            return replace(reply, body=how_far.sub("", reply.body))
    return reply


@pytest.fixture(scope="module")
def world(unhurried: None) -> World:
    return make_world(look_around)


@pytest.mark.long
@pytest.mark.parametrize("name", DOORS)
def test_an_answer_is_the_same_without_the_other_tenant(world: World, name: str) -> None:
    for caller in world.callers[DOORS[name]]:
        before, now = world.before[name, str(caller)], ask(name, caller, world.samples())
        assert now == before, (
            f"GET {name} as {caller} has changed since another tenant came: "
            f"{first_difference(now, before)}"
        )


@pytest.mark.long
@pytest.mark.parametrize("name", PUBLIC)
def test_what_is_public_tells_nothing_of_any_tenant(world: World, name: str) -> None:
    anyone = Caller("nobody", "no login", Client(SERVER_NAME="localhost"))
    reply = anyone.ask(address(name, {}))
    ours = World(world.theirs, world.ours, findings(world.ours.tenant, world.theirs.tenant))
    told = tell([*leaks(world, reply, name), *leaks(ours, reply, name)])
    assert not told, told


@pytest.mark.parametrize("name", DOORS)
def test_what_is_not_public_is_not_for_the_anonymous(world: World, name: str) -> None:
    client: Any = Client(SERVER_NAME="localhost", raise_request_exception=False)
    answer = client.get(address(name, request_for(name, world).samples))
    if DOORS[name] == KEY:
        assert answer.status_code == 401, f"{name} answers {answer.status_code} to anybody"
    else:
        assert (answer.status_code, answer["Location"].split("?")[0]) == (302, "/admin/login/")
