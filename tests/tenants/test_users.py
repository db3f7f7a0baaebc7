"""A user of another tenant, by name: as unknown as a name that nobody has."""

from tests.tenants.classification import USER
from tests.tenants.matrix import FIELD, Slot, differences, tell, unchanged
from tests.tenants.test_actions import action
from tests.tenants.world import BROWSER, World


def test_a_key_is_made_for_no_user_of_another_tenant(world: World) -> None:
    found = differences_of(world, "admin/eventstore/apikey/new/")
    assert not found, found


def test_a_user_of_another_tenant_is_added_like_one_that_does_not_exist(world: World) -> None:
    found = differences_of(world, "admin/eventstore/membership/new/")
    assert not found, found


def differences_of(world: World, name: str) -> str:
    with unchanged(world):
        slots = [Slot(FIELD, "user", USER)]
        return tell(differences(world, action(world, name), slots, world.callers[BROWSER]))
