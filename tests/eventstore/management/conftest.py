"""Fixtures of the management commands' tests."""

from decimal import Decimal

import pytest

from ledger.accounts.commands import DepositMoney
from tests.eventstore.support import World


@pytest.fixture
def account(world: World) -> str:
    """A stream with five events: opened, then 1.00 to 4.00 paid in."""
    account_id = world.account()
    for amount in ("1.00", "2.00", "3.00", "4.00"):
        world.send(
            DepositMoney(aggregate_id=account_id, amount=Decimal(amount), reference="Žofie")
        )
    return f"account-{account_id}"
