"""What the sender hears when the connection to the database breaks, and how the id settles it."""

from decimal import Decimal
from uuid import uuid4

import pytest

from eventstore.errors import Busy, DaybookError, OutcomeUnknown, ReplayedRefusal
from eventstore.models import StoredCommand
from ledger.errors import InsufficientFunds
from tests.eventstore.cut_off import ALIAS, cut_off
from tests.eventstore.own import own_application
from tests.eventstore.support import World, stored_counts


@pytest.fixture
def over_the_wire(world: World) -> World:
    """The same user, over the connection that will be cut."""
    return World(own_application(alias=ALIAS), world.actor)


def test_a_commit_whose_answer_is_lost_is_settled_by_its_id(
    world: World, over_the_wire: World
) -> None:
    account, command_id = world.account("10.00"), uuid4()

    with cut_off(at=b"COMMIT", answered=True) as wire, pytest.raises(OutcomeUnknown) as unknown:
        over_the_wire.deposit(account, "5.00", command_id=command_id)

    assert (wire.cuts, unknown.value.command_id) == (1, command_id)
    assert world.balance(account) == Decimal("15.00")
    assert world.deposit(account, "5.00", command_id=command_id).replayed
    assert world.balance(account) == Decimal("15.00")


def test_a_commit_that_never_arrived_is_settled_by_its_id(
    world: World, over_the_wire: World
) -> None:
    account, command_id = world.account("10.00"), uuid4()

    with cut_off(at=b"COMMIT") as wire, pytest.raises(OutcomeUnknown):
        over_the_wire.deposit(account, "5.00", command_id=command_id)

    assert wire.cuts == 1
    assert not world.deposit(account, "5.00", command_id=command_id).replayed
    assert world.balance(account) == Decimal("15.00")


@pytest.mark.parametrize(
    "statement",
    [b"BEGIN", b"INSERT INTO eventstore_command", b"FROM eventstore_stream", b"eventstore_append",
     b'UPDATE "account_summary"'],
    ids=["begin", "claim", "load", "append", "project"],
)  # fmt: skip
@pytest.mark.parametrize("answered", [True, False])
def test_a_connection_lost_before_commit_is_busy_and_stores_nothing(
    world: World, over_the_wire: World, statement: bytes, answered: bool
) -> None:
    account, command_id = world.account("10.00"), uuid4()
    before = stored_counts()

    with cut_off(at=statement, answered=answered) as wire, pytest.raises(Busy):
        over_the_wire.deposit(account, "5.00", command_id=command_id)

    assert wire.cuts == 1
    assert stored_counts() == before
    assert not world.deposit(account, "5.00", command_id=command_id).replayed


def test_the_next_command_after_a_lost_connection_makes_a_new_one(
    world: World, over_the_wire: World
) -> None:
    account = world.account("10.00")

    with cut_off(at=b"eventstore_append") as wire:
        with pytest.raises(Busy):
            over_the_wire.deposit(account, "5.00")
        over_the_wire.deposit(account, "5.00")

    assert wire.cuts == 1
    assert world.balance(account) == Decimal("15.00")


@pytest.mark.parametrize("answered", [True, False])
@pytest.mark.parametrize(
    ("moment", "expected"),
    [(b"'refused'", Busy), (b"COMMIT", OutcomeUnknown)],
    ids=["insert", "commit"],
)
def test_a_connection_lost_while_a_refusal_is_stored_is_an_error_of_ours(
    world: World,
    over_the_wire: World,
    moment: bytes,
    expected: type[DaybookError],
    answered: bool,
) -> None:
    """The sender gets a 503 of ours and the id settles it; not Django's OperationalError."""
    account, command_id = world.account("10.00"), uuid4()

    with cut_off(at=moment, answered=answered) as wire, pytest.raises(expected):
        over_the_wire.withdraw(account, "11.00", command_id=command_id)

    assert wire.cuts == 1
    stored = StoredCommand.objects.filter(id=command_id).exists()
    with pytest.raises(ReplayedRefusal if stored else InsufficientFunds):
        world.withdraw(account, "11.00", command_id=command_id)
