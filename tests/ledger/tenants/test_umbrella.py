"""Umbrella's own ways, without a database."""

from decimal import Decimal
from uuid import UUID

import pytest

from eventstore.testing import Stream, given
from ledger.mail import SendMail
from ledger.persons.aggregate import Person
from ledger.persons.commands import RenamePerson
from ledger.persons.events import PersonRegistered
from ledger.tenants.umbrella import keep_the_name, tell_the_owner
from ledger.transfers.events import TransferStarted
from ledger.transfers.process_manager import TransferProcess, TransferProcessState

SOURCE, TARGET, TRANSFER, ALICE = (UUID(int=number) for number in range(2, 6))


def started(amount: str) -> TransferStarted:
    return TransferStarted(from_account_id=SOURCE, to_account_id=TARGET, amount=Decimal(amount))


def wishes(amount: str) -> list[object]:
    state = TransferProcessState(id=TRANSFER)
    return tell_the_owner(TransferProcess(), state, started(amount), owner="owner@example.org")


def test_the_owner_is_told_of_a_transfer_over_10_000() -> None:
    (mail,) = [wish for wish in wishes("10000.01") if isinstance(wish, SendMail)]

    assert mail.to == "owner@example.org"
    assert mail.subject == "A transfer of 10,000.01 has started"
    assert str(SOURCE) in mail.text
    assert str(TARGET) in mail.text


@pytest.mark.parametrize("amount", ["0.01", "9999.99", "10000.00"])
def test_the_owner_is_not_told_of_a_transfer_of_10_000_or_less(amount: str) -> None:
    assert not any(isinstance(wish, SendMail) for wish in wishes(amount))


@pytest.mark.parametrize("amount", ["10000.00", "10000.01"])
def test_a_transfer_starts_as_everybodys(amount: str) -> None:
    own, everybodys = (TransferProcessState(id=TRANSFER) for _ in range(2))
    own_wishes = tell_the_owner(TransferProcess(), own, started(amount), owner="a@example.org")

    assert own_wishes[:1] == TransferProcess().react(everybodys, started(amount))
    assert own == everybodys


def test_nobody_is_renamed() -> None:
    alice = Stream(Person, ALICE, PersonRegistered(first_name="Alice", last_name="A"))
    rename = RenamePerson(aggregate_id=ALICE, first_name="Alice", last_name="Cooper")

    given(alice).when(rename, keep_the_name).then()
