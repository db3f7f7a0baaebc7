"""`account_statement`: each booking of an account, with the balance after it."""

from decimal import Decimal
from typing import assert_never, get_args

from eventstore.events import RecordedEvent
from eventstore.projections import Plus, Projection, Rows, Table
from ledger.accounts.events import AccountOpened, MoneyDeposited, MoneyWithdrawn
from projections.bookings import Booking, day_of
from projections.models import AccountStatementBalance, AccountStatementLine

AccountStatementEvent = AccountOpened | MoneyDeposited | MoneyWithdrawn


def project_account_statement(recorded: RecordedEvent[AccountStatementEvent], rows: Rows) -> None:
    event = recorded.event
    match event:
        case AccountOpened():
            rows.insert(AccountStatementBalance, recorded.aggregate_id)
        case MoneyDeposited():
            _book(recorded, event, event.amount, rows)
        case MoneyWithdrawn():
            _book(recorded, event, -event.amount, rows)
        case _:
            assert_never(event)


def _book(
    recorded: RecordedEvent[AccountStatementEvent], event: Booking, amount: Decimal, rows: Rows
) -> None:
    before: Decimal = rows.get(AccountStatementBalance, recorded.aggregate_id)["balance"]
    rows.insert(
        AccountStatementLine,
        (recorded.aggregate_id, recorded.version),
        position=recorded.position,
        booked_on=day_of(event, recorded.recorded_at),
        reference=event.reference or "",
        amount=amount,
        balance=before + amount,
        recorded_at=recorded.recorded_at,
        updated_at=recorded.recorded_at,
    )
    rows.update(AccountStatementBalance, recorded.aggregate_id, balance=Plus(amount))


ACCOUNT_STATEMENT = Projection(
    name="account_statement",
    project=project_account_statement,
    events=get_args(AccountStatementEvent),
    tables=(
        Table(AccountStatementLine, key=("account_id", "version")),
        # Each line needs its account's balance: those of a whole batch are read at once.
        Table(AccountStatementBalance, key=("account_id",), by_aggregate=True),
    ),
)
