"""The audit sees what the crash proofs look for: here it is made to happen, by hand."""

from decimal import Decimal
from uuid import UUID

import pytest
from django.db import connection

from eventstore.application import Application
from ledger.accounts.commands import DepositMoney
from tests.crashes.audit import audit
from tests.crashes.bank import Bank
from tests.crashes.senders import answer_to
from tests.replay import bring_level

MONEY = 100

# What a crash could leave, and a word of what is said of it.
DAMAGES = {
    "UPDATE eventstore_reaction SET status = 'pending' WHERE id = 1": "is pending",
    "UPDATE eventstore_reaction SET status = 'parked' WHERE id = 1": "is parked",
    "DELETE FROM eventstore_reaction WHERE id = 1": "has 0 reactions of transfer, and is due 1",
    "UPDATE eventstore_process SET waits_for = 'Godot'": "still waits for Godot",
    "UPDATE eventstore_command SET status = 'pending' WHERE type = 'withdraw-money'": "is pending",
    "UPDATE eventstore_command SET status = 'failed' WHERE type = 'withdraw-money'": "is failed",
    "DELETE FROM eventstore_command WHERE type = 'withdraw-money'": "which that one does not say",
    "UPDATE eventstore_command SET status = 'refused' WHERE type = 'withdraw-money'": (
        "was told 0 times"
    ),
    "UPDATE eventstore_reaction SET kind = 'effect' WHERE id = 1": "has 0 outcomes",
    "UPDATE transfer_summary SET status = 'debited'": "ended with debited",
    "UPDATE transfer_summary SET status = 'failed'": "1 withdrawn, 1 deposited, 0 refunded",
    "UPDATE transfer_summary SET from_account_id = to_account_id": "1 withdrawn, 1 deposited",
    "UPDATE account_summary SET balance = balance + 1": "and 100 was paid in",
    "UPDATE user_summary SET status = 'started'": "is started with 1 credentials",
    "DELETE FROM ledger_credential": "with 0 credentials",
    "DELETE FROM eventstore_reservation": "holds 0 names",
    "UPDATE person_summary SET name = 'Eve'": "PersonSummary",
    "UPDATE eventstore_subscription SET position = position + 1 WHERE mode = 'async'": (
        "where there is no event"
    ),
    "UPDATE eventstore_subscription SET position = 1 WHERE mode = 'async'": (
        "AccountStatementLine is not as of position 1"
    ),
    "UPDATE eventstore_subscription SET status = 'stopped' WHERE mode = 'async'": "is stopped",
    "UPDATE eventstore_subscription SET attempts = 1 WHERE mode = 'scheduled'": "after 1 attempts",
    "UPDATE account_statement SET amount = amount + 1": "AccountStatementLine is not as of",
}


@pytest.fixture
def accounts(application: Application, bank: Bank) -> tuple[UUID, UUID]:
    """A source and a target, after a transfer and a registration that succeeded."""
    source, target = bank.opened(deposit=MONEY), bank.opened()
    answer_to(bank.transfer(source, target))
    answer_to(bank.registration("alice"))
    bring_level(application)
    return source, target


def test_an_undisturbed_history_passes(
    application: Application, accounts: tuple[UUID, UUID]
) -> None:
    audit(application, money=MONEY)


@pytest.mark.parametrize(("damage", "words"), DAMAGES.items())
def test_damage_is_found(
    damage: str, words: str, application: Application, accounts: tuple[UUID, UUID]
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(damage)
        assert cursor.rowcount
    with pytest.raises(AssertionError, match=words):
        audit(application, money=MONEY)


def test_money_that_a_transfer_deposits_twice_is_found(
    application: Application, bank: Bank, accounts: tuple[UUID, UUID]
) -> None:
    transfer = bank.transfer(*accounts, amount=1)
    answer_to(transfer)
    again = DepositMoney(
        aggregate_id=accounts[1],
        amount=Decimal(1),
        transfer_id=transfer.command.aggregate_id,
    )
    bank.send(again)
    with pytest.raises(AssertionError, match="1 withdrawn, 2 deposited") as raised:
        audit(application, money=MONEY)
    assert f"hold {MONEY + 1}" in str(raised.value)
