"""Sending one command at a time: its effect, its answer, and nothing at all when it fails."""

from dataclasses import replace
from decimal import Decimal
from uuid import uuid4

import pytest
from django.core.exceptions import ObjectDoesNotExist

from eventstore.commands import RecordedEventReference
from eventstore.errors import (
    AggregateNotFound,
    AlreadyExists,
    Boxed,
    ProjectionFailed,
    RegistrationError,
    StaleVersion,
    ValidationFailed,
)
from eventstore.events import Event, RecordedEvent
from eventstore.models import StoredCommand, StoredStream
from eventstore.projections import Projection, Rows
from eventstore.repository import Repository
from ledger.accounts.commands import CloseAccount, DepositMoney, OpenAccount, WithdrawMoney
from ledger.accounts.events import MoneyDeposited
from ledger.errors import InsufficientFunds
from ledger.persons.commands import RegisterPerson, RenamePerson
from tests.eventstore.own import LookAtAccount, MoveMoney, move_money, own_application
from tests.eventstore.support import World, stored_counts


def test_a_command_is_stored_with_its_event_and_its_answer(world: World) -> None:
    person, command_id, correlation_id = uuid4(), uuid4(), uuid4()

    result = world.send(
        RegisterPerson(aggregate_id=person, first_name="Alice", last_name="O'Wonderland"),
        command_id=command_id,
        correlation_id=correlation_id,
    )

    (recorded,) = world.application.reader.read_log()
    assert result.events == (
        RecordedEventReference(type="person.registered", version=1, position=recorded.position),
    )
    assert (result.status, result.category, result.aggregate_id) == ("completed", "person", person)
    assert (result.version, result.position) == (1, recorded.position)
    assert (result.created, result.replayed) == (True, False)
    assert (recorded.correlation_id, recorded.causation_id) == (correlation_id, command_id)
    assert recorded.user == "mary"
    stored = StoredCommand.objects.get()
    assert (stored.id, stored.type, stored.status) == (command_id, "register-person", "completed")
    assert (stored.correlation_id, stored.user, stored.code) == (correlation_id, "mary", "")
    assert stored.received_at == recorded.recorded_at <= stored.ended_at


def test_without_ids_a_command_gets_one_and_begins_its_own_correlation(world: World) -> None:
    result = world.deposit(world.account())

    assert result.correlation_id == result.command_id
    assert result.created is False


def test_a_command_that_changes_nothing_is_completed(world: World) -> None:
    account = world.account()
    own = World(own_application(), world.actor)
    before = stored_counts()

    result = own.send(LookAtAccount(aggregate_id=account))

    assert (result.status, result.events, result.version) == ("completed", (), None)
    streams, events, commands = before
    assert stored_counts() == (streams, events, commands + 1)
    assert StoredCommand.objects.get(id=result.command_id).ended_at is not None
    again = own.send(LookAtAccount(aggregate_id=account), command_id=result.command_id)
    assert again == replace(result, replayed=True)


def test_aggregates_of_one_command_are_stored_together(world: World) -> None:
    source, target = world.account("100.00"), world.account("100.00")
    own = World(own_application(), world.actor)

    result = own.send(
        MoveMoney(aggregate_id=source, to_account_id=target, amount=Decimal("69.00"))
    )

    assert [event.type for event in result.events] == [
        "account.money_deposited",
        "account.money_withdrawn",
    ]
    assert result.version == 3
    assert (world.balance(source), world.balance(target)) == (Decimal(31), Decimal(169))
    command = MoveMoney(aggregate_id=source, to_account_id=target, amount=Decimal("69.00"))
    again = own.send(command, command_id=result.command_id)
    assert again == replace(result, replayed=True)


def test_of_several_aggregates_none_is_stored_when_one_refuses(world: World) -> None:
    source, target = world.account("10.00"), world.account("100.00")
    own = World(own_application(), world.actor)
    streams, events, commands = stored_counts()

    with pytest.raises(InsufficientFunds):
        own.send(MoveMoney(aggregate_id=source, to_account_id=target, amount=Decimal("69.00")))

    assert stored_counts() == (streams, events, commands + 1)
    assert (world.balance(source), world.balance(target)) == (Decimal(10), Decimal(100))


def test_of_several_aggregates_none_is_stored_when_the_handler_breaks(world: World) -> None:
    source, target = world.account("100.00"), world.account("100.00")

    def break_after_saving(command: MoveMoney, repository: Repository) -> None:
        move_money(command, repository)
        raise ZeroDivisionError

    own = World(own_application(break_after_saving), world.actor)
    before = stored_counts()

    with pytest.raises(ZeroDivisionError):
        own.send(MoveMoney(aggregate_id=source, to_account_id=target, amount=Decimal("69.00")))

    assert stored_counts() == before
    assert (world.balance(source), world.balance(target)) == (Decimal(100), Decimal(100))


def test_an_aggregate_can_be_saved_twice_in_one_command(world: World) -> None:
    account = world.account("100.00")
    own = World(own_application(), world.actor)

    result = own.send(
        MoveMoney(aggregate_id=account, to_account_id=account, amount=Decimal("1.00"))
    )

    assert [event.version for event in result.events] == [3, 4]
    assert result.version == 4
    assert world.balance(account) == Decimal(100)


@pytest.mark.parametrize("expected_version", [0, 1, 3])
def test_a_command_with_a_stale_version_stores_nothing_and_leaves_its_id_free(
    world: World, expected_version: int
) -> None:
    account, command_id = world.account("10.00"), uuid4()
    before = stored_counts()

    with pytest.raises(StaleVersion) as refusal:
        world.deposit(account, expected_version=expected_version, command_id=command_id)

    assert (refusal.value.expected, refusal.value.actual) == (expected_version, 2)
    assert stored_counts() == before
    result = world.deposit(account, expected_version=2, command_id=command_id)
    assert (result.version, result.replayed) == (3, False)


def test_the_expected_version_of_a_new_aggregate_is_zero(world: World) -> None:
    person = uuid4()
    command = RegisterPerson(aggregate_id=person, first_name="A", last_name="B")

    with pytest.raises(StaleVersion):
        world.send(command, expected_version=1)

    assert world.send(command, expected_version=0).version == 1


@pytest.mark.parametrize("command_class", [DepositMoney, WithdrawMoney])
def test_an_unknown_aggregate_is_refused_with_its_type_and_id(
    world: World, command_class: type
) -> None:
    account = uuid4()

    with pytest.raises(AggregateNotFound, match=f"There is no account with id {account}"):
        world.send(command_class(aggregate_id=account, amount=Decimal("1.00")))


def test_an_aggregate_of_another_category_is_unknown(world: World) -> None:
    with pytest.raises(AggregateNotFound):
        world.deposit(world.person())
    with pytest.raises(AggregateNotFound):
        world.account(owner_id=world.account())


def test_an_id_that_is_taken_is_refused(world: World) -> None:
    person = world.person()

    with pytest.raises(AlreadyExists):
        world.send(RegisterPerson(aggregate_id=person, first_name="A", last_name="B"))
    with pytest.raises(AlreadyExists):
        world.send(OpenAccount(aggregate_id=person, owner_id=person, code="1"))


def test_a_boxed_aggregate_is_refused(world: World) -> None:
    person = world.person()
    account = world.account()
    StoredStream.objects.update(status="boxed")

    with pytest.raises(Boxed):
        world.deposit(account)
    with pytest.raises(Boxed):
        world.send(OpenAccount(aggregate_id=uuid4(), owner_id=person, code="1"))
    with pytest.raises(Boxed):
        world.send(RegisterPerson(aggregate_id=person, first_name="A", last_name="B"))


def test_a_boxed_aggregate_is_not_even_loaded(world: World) -> None:
    account = world.account()
    StoredStream.objects.update(status="boxed")

    with pytest.raises(Boxed):
        World(own_application(), world.actor).send(LookAtAccount(aggregate_id=account))


def test_an_invalid_command_is_stored_nowhere(world: World) -> None:
    with pytest.raises(ValidationFailed) as refusal:
        world.send(RegisterPerson(aggregate_id=uuid4(), first_name="", last_name="x" * 101))

    assert set(refusal.value.errors) == {"first_name", "last_name"}
    assert stored_counts() == (0, 0, 0)


def test_a_command_without_a_handler_is_an_error_of_registration(world: World) -> None:
    with pytest.raises(RegistrationError, match="LookAtAccount has no handler"):
        world.send(LookAtAccount(aggregate_id=uuid4()))


def project_badly(recorded: RecordedEvent[Event], rows: Rows) -> None:
    if isinstance(recorded.event, MoneyDeposited):
        raise ObjectDoesNotExist("this projection has a fault")


def test_a_projection_that_raises_refuses_the_command_and_leaves_its_id_free(
    world: World,
) -> None:
    account, command_id = world.account("10.00"), uuid4()
    broken = own_application()
    broken.projections.inline(
        Projection(name="broken", project=project_badly, events=(MoneyDeposited,), tables=())
    )
    before = stored_counts()

    with pytest.raises(ProjectionFailed, match="Projection broken failed") as refusal:
        World(broken, world.actor).deposit(account, command_id=command_id)

    assert isinstance(refusal.value.__cause__, ObjectDoesNotExist)
    assert stored_counts() == before
    assert world.balance(account) == Decimal(10)
    assert not world.deposit(account, command_id=command_id).replayed


def test_a_projection_that_does_not_want_an_event_does_not_get_it(world: World) -> None:
    broken = own_application()
    broken.projections.inline(
        Projection(name="broken", project=project_badly, events=(MoneyDeposited,), tables=())
    )

    World(broken, world.actor).send(CloseAccount(aggregate_id=world.account()))


def test_a_refusal_after_a_rename_leaves_the_first_answer(world: World) -> None:
    person = world.person("Alice", "Cooper")
    rename = RenamePerson(aggregate_id=person, first_name="Al", last_name="C")
    result = world.send(rename)

    assert world.send(rename, command_id=result.command_id) == replace(result, replayed=True)
