"""What is read: every URL that shows something, with every id of another tenant in every place."""

from collections.abc import Iterator

import pytest

from tests.tenants.classification import IN_THE_ADMIN, IN_THE_API, What
from tests.tenants.matrix import differences, each, leaks, request_for, slots_of, tell
from tests.tenants.routes import ROUTES
from tests.tenants.world import BROWSER, KEY, SESSION, World

#: Thousands of requests, through code that has tests of its own.
pytestmark = pytest.mark.no_cover

API = [name for name, route in ROUTES.items() if route.what in IN_THE_API]
ADMIN = [name for name, route in ROUTES.items() if route.what in IN_THE_ADMIN]
PUBLIC = [name for name, route in ROUTES.items() if route.what is What.PUBLIC]


def sentences(world: World, name: str, *doors: str, in_full: bool = False) -> Iterator[str]:
    route = ROUTES[name]
    callers = [caller for door in doors for caller in world.callers[door]]
    if route.what is What.DJANGO:
        callers = callers[-1:]  # No role of ours means anything there.
    request = request_for(name, world)
    for caller in callers:
        yield from leaks(world, request.ask(caller), f"{request} as {caller}")
    yield from differences(world, request, slots_of(route), callers, in_full=in_full)


@pytest.mark.parametrize("name", each(API))
def test_in_the_api_another_tenants_ids_answer_like_random_ones(world: World, name: str) -> None:
    told = tell(sentences(world, name, KEY, SESSION))
    assert not told, told


@pytest.mark.soak
@pytest.mark.parametrize("name", API)
def test_in_the_api_each_single_id_of_another_tenants_answers_like_a_random_one(
    world: World, name: str
) -> None:
    told = tell(sentences(world, name, KEY, SESSION, in_full=True))
    assert not told, told


@pytest.mark.parametrize("name", each(ADMIN))
def test_in_the_admin_another_tenants_ids_answer_like_random_ones(world: World, name: str) -> None:
    told = tell(sentences(world, name, BROWSER))
    assert not told, told


@pytest.mark.soak
@pytest.mark.parametrize("name", ADMIN)
def test_in_the_admin_all_ids_of_another_tenants_answer_like_random_ones(
    world: World, name: str
) -> None:
    told = tell(sentences(world, name, BROWSER, in_full=True))
    assert not told, told
