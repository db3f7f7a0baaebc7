"""Queries of a copy: one of all tenants has everybody's rows in it, and shows each its own."""

from collections.abc import Generator

import pytest

from eventstore.application import get_application
from tests.tenants.findings import twin
from tests.tenants.matrix import PATH, leaks, request_for, slots_of, tell, worth_trying
from tests.tenants.routes import ROUTES, WAITING
from tests.tenants.urls import address
from tests.tenants.world import KEY, World

pytestmark = pytest.mark.no_cover

LABEL = "everybody"
#: What takes `snapshot`.
QUERIES = [name for name, route in ROUTES.items() if WAITING.items() <= route.query.items()]


@pytest.fixture(scope="module")
def copied(world: World) -> Generator[World]:
    """With a copy of all tenants, of all projections."""
    get_application().copies.make(LABEL, user="root")
    yield world
    get_application().copies.drop(LABEL, None, user="root", reason="tried")


def path_to(name: str, samples: dict[str, str]) -> str:
    day = "booked_on=2999-12-31&" if name.endswith("/balance") else ""
    return f"{address(name, samples)}?{day}snapshot={LABEL}"


def test_the_queries_are_known() -> None:
    assert len(QUERIES) == 12


@pytest.mark.parametrize("name", QUERIES)
def test_a_copy_of_all_tenants_shows_nothing_of_another(copied: World, name: str) -> None:
    path = path_to(name, dict(request_for(name, copied).samples))
    for caller in copied.callers[KEY]:
        answer = caller.ask(path)
        assert answer.status == 200, answer.body
        told = tell(leaks(copied, answer, f"{path} as {caller}"))
        assert not told, told


@pytest.mark.parametrize("name", [name for name in QUERIES if ROUTES[name].path])
def test_in_a_copy_another_tenants_ids_answer_like_random_ones(copied: World, name: str) -> None:
    (slot,) = [slot for slot in slots_of(ROUTES[name]) if slot.place == PATH]
    samples, caller = dict(request_for(name, copied).samples), copied.callers[KEY][0]
    tried = worth_trying(slot, copied.ids, all_of_it=False, in_admin=False)
    assert tried
    for finding in tried:
        theirs, nobodys = finding, twin(finding)
        one, other = (
            caller.ask(path_to(name, samples | {slot.name: it.text})) for it in (theirs, nobodys)
        )
        assert one.status == other.status == 404
        assert one.body.replace(theirs.text, nobodys.text) == other.body
