"""Invariant 4: a command id happens once, and gives its first answer whenever it comes again."""

from collections import Counter
from dataclasses import replace
from decimal import Decimal
from functools import partial
from uuid import UUID, uuid4

import pytest

from eventstore.commands import Envelope, Result
from eventstore.errors import CommandIdReused, Refusal, ReplayedRefusal
from eventstore.models import StoredCommand, StoredEvent
from eventstore.pipeline import InTransaction, Proceed, Services, StoreRefusals
from ledger.accounts.commands import CloseAccount, DepositMoney, WithdrawMoney
from ledger.errors import InsufficientFunds
from ledger.persons.commands import RegisterPerson, RenamePerson
from tests.eventstore.own import own_application
from tests.eventstore.support import World, at_once, stored_counts


def test_a_repeated_command_gets_the_first_answer_and_has_no_second_effect(world: World) -> None:
    account = world.account("10.00")
    first = world.deposit(account, "5.00")
    world.deposit(account, "1.00")

    again = world.deposit(account, "5.00", command_id=first.command_id)

    assert again == replace(first, replayed=True)
    assert world.balance(account) == Decimal("16.00")


def test_a_repeated_command_that_made_a_stream_is_answered_as_the_first(world: World) -> None:
    command = RegisterPerson(aggregate_id=uuid4(), first_name="A", last_name="B")
    first = world.send(command)

    again = world.send(command, command_id=first.command_id, correlation_id=uuid4())

    assert again == replace(first, replayed=True)
    assert again.created


@pytest.mark.parametrize("change", ["field", "aggregate", "type"])
def test_a_command_id_with_other_content_is_refused(world: World, change: str) -> None:
    account, other = world.account("10.00"), world.account("10.00")
    command_id = world.deposit(account, "5.00").command_id
    before = stored_counts()
    command = {
        "field": DepositMoney(aggregate_id=account, amount=Decimal("6.00")),
        "aggregate": DepositMoney(aggregate_id=other, amount=Decimal("5.00")),
        "type": WithdrawMoney(aggregate_id=account, amount=Decimal("5.00")),
    }[change]

    with pytest.raises(CommandIdReused):
        world.send(command, command_id=command_id)

    assert stored_counts() == before


def test_a_default_that_the_sender_left_out_is_not_part_of_the_content(world: World) -> None:
    account = world.account()
    sent = frozenset({"aggregate_id", "amount"})
    first = world.deposit(account, client_fields=sent)

    changed = DepositMoney(aggregate_id=account, amount=Decimal("1.00"), reference="a default")
    again = world.send(changed, command_id=first.command_id, client_fields=sent)
    assert again == replace(first, replayed=True)

    with pytest.raises(CommandIdReused):
        world.send(changed, command_id=first.command_id, client_fields=sent | {"reference"})


def test_a_refusal_is_stored_and_given_again(world: World) -> None:
    account, command_id = world.account("10.00"), uuid4()
    with pytest.raises(InsufficientFunds) as first:
        world.withdraw(account, "11.00", command_id=command_id)
    world.deposit(account, "5.00")

    with pytest.raises(ReplayedRefusal) as again:
        world.withdraw(account, "11.00", command_id=command_id)

    assert (again.value.code, str(again.value)) == (first.value.code, str(first.value))
    stored = StoredCommand.objects.get(id=command_id)
    assert (stored.status, stored.code) == ("refused", "insufficient_funds")
    assert stored.ended_at is not None
    assert world.balance(account) == Decimal("15.00")


def test_a_refused_command_id_with_other_content_is_refused_as_reused(world: World) -> None:
    account, command_id = world.account("10.00"), uuid4()
    with pytest.raises(InsufficientFunds):
        world.withdraw(account, "11.00", command_id=command_id)

    with pytest.raises(CommandIdReused):
        world.withdraw(account, "1.00", command_id=command_id)


def test_another_tenant_may_use_the_same_command_id(world: World, elsewhere: World) -> None:
    command_id = world.deposit(world.account()).command_id
    account = elsewhere.account()

    result = elsewhere.deposit(account, "3.00", command_id=command_id)

    assert not result.replayed
    assert elsewhere.balance(account) == Decimal("3.00")
    assert StoredCommand.objects.filter(id=command_id).count() == 2


def fifty_times(call: partial[Result]) -> list[Result | Exception]:
    """The same command under the same id from fifty connections at once."""
    return at_once(*[call] * 50)


def test_one_id_fifty_times_at_once_deposits_once(world: World) -> None:
    account, command_id = world.account(), uuid4()

    answers = fifty_times(partial(world.deposit, account, "7.00", command_id=command_id))

    assert one_answer(answers) == {"first": 1, "replayed": 49}
    assert world.balance(account) == Decimal("7.00")
    assert StoredEvent.objects.filter(type="account.money_deposited").count() == 1


def test_one_id_fifty_times_at_once_withdraws_everything_once(world: World) -> None:
    """A late claim of the id would refuse the others: the account is empty by then."""
    account, command_id = world.account("7.00"), uuid4()

    answers = fifty_times(partial(world.withdraw, account, "7.00", command_id=command_id))

    assert one_answer(answers) == {"first": 1, "replayed": 49}
    assert world.balance(account) == Decimal("0.00")


def test_one_id_fifty_times_at_once_closes_an_account_once(world: World) -> None:
    close, command_id = CloseAccount(aggregate_id=world.account()), uuid4()

    answers = fifty_times(partial(world.send, close, command_id=command_id))

    assert one_answer(answers) == {"first": 1, "replayed": 49}


def test_one_id_fifty_times_at_once_makes_one_person(world: World) -> None:
    command = RegisterPerson(aggregate_id=uuid4(), first_name="A", last_name="B")

    answers = fifty_times(partial(world.send, command, command_id=uuid4()))

    assert one_answer(answers) == {"first": 1, "replayed": 49}
    assert StoredEvent.objects.count() == 1


def test_one_id_fifty_times_at_once_is_refused_with_one_answer(world: World) -> None:
    account, command_id = world.account("7.00"), uuid4()

    answers = fifty_times(partial(world.withdraw, account, "8.00", command_id=command_id))

    assert all(isinstance(answer, Refusal) for answer in answers), answers
    assert {(answer.code, str(answer)) for answer in answers} == {
        ("insufficient_funds", str(InsufficientFunds(account, Decimal("7.00"), Decimal("8.00"))))
    }
    assert Counter(type(answer) for answer in answers)[InsufficientFunds] == 1
    assert StoredCommand.objects.filter(id=command_id, status="refused").count() == 1


def test_a_refusal_gives_way_to_what_the_same_id_did_meanwhile(world: World) -> None:
    """Between the rollback of a refused withdrawal and its storing, the same id succeeds."""
    account, command_id = world.account("7.00"), uuid4()

    class AnsweredElsewhere:
        def __init__(self, proceed: Proceed, services: Services) -> None:
            self._proceed = proceed

        def __call__(self, envelope: Envelope) -> Result:
            try:
                return self._proceed(envelope)
            except InsufficientFunds:
                world.deposit(account, "1.00")
                world.withdraw(account, "8.00", command_id=command_id)
                raise

    steps = [StoreRefusals, AnsweredElsewhere, InTransaction]
    late = World(own_application(steps=steps), world.actor)
    answer = late.withdraw(account, "8.00", command_id=command_id)

    assert (answer.status, answer.replayed) == ("completed", True)
    assert StoredCommand.objects.get(id=command_id).status == "completed"
    assert world.balance(account) == Decimal("0.00")


def test_many_ids_at_once_each_happen(world: World) -> None:
    person = world.person()
    ids = [uuid4() for _ in range(10)]

    def rename(command_id: UUID) -> Result:
        command = RenamePerson(aggregate_id=person, first_name="A", last_name=str(command_id))
        return world.send(command, command_id=command_id)

    answers = at_once(*[partial(rename, command_id) for command_id in ids])

    versions = [answer.version for answer in answers if isinstance(answer, Result)]
    assert sorted(versions) == list(range(2, 12))


def one_answer(answers: list[Result | Exception]) -> dict[str, int]:
    """Check that all answers are the same, and count who was the first."""
    results = [answer for answer in answers if isinstance(answer, Result)]
    assert len(results) == len(answers), [a for a in answers if not isinstance(a, Result)][:3]
    assert len({replace(result, replayed=True) for result in results}) == 1
    replayed = sum(result.replayed for result in results)
    return {"first": len(results) - replayed, "replayed": replayed}
