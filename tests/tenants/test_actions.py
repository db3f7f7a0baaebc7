"""What can be done in the admin: not to another tenant's rows, one by one or in bulk."""

from collections.abc import Iterator
from urllib.parse import urlencode

import pytest

from tests.tenants.classification import IN_THE_ADMIN, What
from tests.tenants.findings import NUMBERS, UUIDS, twin
from tests.tenants.matrix import (
    FIELD,
    FORM,
    PATH,
    Request,
    Slot,
    differences,
    each,
    first_difference,
    leaks,
    request_for,
    tell,
    unchanged,
    without,
)
from tests.tenants.routes import ROUTES
from tests.tenants.tables import FORMS, filled
from tests.tenants.urls import address
from tests.tenants.world import BROWSER, Caller, Reply, World

#: Thousands of requests, through code that has tests of its own.
pytestmark = pytest.mark.no_cover

ADMIN = [name for name, route in ROUTES.items() if route.what in IN_THE_ADMIN]


def test_every_form_is_classified() -> None:
    actions = {name for name, route in ROUTES.items() if route.what is What.ADMIN_ACTION}
    assert actions == set(FORMS), (
        "Say for each ADMIN_ACTION of admin_routes.py in FORMS of tests/tenants/tables.py "
        f"what its form is sent; they differ in {sorted(actions ^ set(FORMS))}."
    )


def action(world: World, name: str) -> Request:
    def fields() -> dict[str, str]:
        return filled(FORMS[name].good, world)

    return request_for(name, world, method="POST", fields=fields, is_form=True)


def slots_of(name: str) -> Iterator[Slot]:
    for parameter, (reads, _) in ROUTES[name].path.items():
        yield Slot(PATH, parameter, reads)
    for field, reads in FORMS[name].reads.items():
        yield Slot(FIELD, field, reads)


@pytest.mark.parametrize("name", each(FORMS))
def test_an_action_takes_another_tenants_ids_for_random_ones(world: World, name: str) -> None:
    told = told_by(world, name, in_full=False)
    assert not told, told


@pytest.mark.soak
@pytest.mark.parametrize("name", FORMS)
def test_an_action_takes_all_of_another_tenants_ids_for_random_ones(
    world: World, name: str
) -> None:
    told = told_by(world, name, in_full=True)
    assert not told, told


def told_by(world: World, name: str, *, in_full: bool) -> str:
    request, callers = action(world, name), world.callers[BROWSER]
    with unchanged(world):
        return tell(differences(world, request, slots_of(name), callers, in_full=in_full))


@pytest.mark.long
@pytest.mark.parametrize("name", ADMIN)
def test_a_bulk_action_on_another_tenants_rows_is_one_on_nobodys(world: World, name: str) -> None:
    """All their keys in one request, as Django's own lists send them."""
    keys = [finding for finding in world.ids if finding.kind in (NUMBERS, UUIDS)]
    theirs, nobodys = [key.text for key in keys], [twin(key).text for key in keys]
    path = address(name, request_for(name, world).samples)
    with unchanged(world):
        for caller in world.callers[BROWSER]:
            one, other = (send(caller, path, chosen) for chosen in (theirs, nobodys))
            told = tell(leaks(world, one, f"POST {path} as {caller}"))
            assert not told, told
            assert one == other, first_difference(one, other)


def send(caller: Caller, path: str, chosen: list[str]) -> Reply:
    form = [("action", "delete_selected"), ("post", "yes"), ("index", "0")]
    form += [("_selected_action", key) for key in chosen]
    reply = caller.ask(path, "POST", data=urlencode(form), content_type=FORM)
    return without("delete_selected", reply)
