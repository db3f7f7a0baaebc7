"""What tests of a domain need: given / when / then, rows in memory, and a clean database.

given(
    Stream(Account, account_id, AccountOpened(owner_id=alice, code="1")),
).when(
    WithdrawMoney(aggregate_id=account_id, amount=Decimal("5.00")), withdraw_money
).then_refused(InsufficientFunds)
"""

from eventstore.testing.given import Outcome, Stream, given
from eventstore.testing.memory_rows import MemoryRows, replay
from eventstore.testing.wipe import wipe

__all__ = ["MemoryRows", "Outcome", "Stream", "given", "replay", "wipe"]
