"""`account_summary`: each account with its balance, status and owner."""

from typing import assert_never, get_args

from eventstore.events import RecordedEvent
from eventstore.projections import Latest, Plus, Projection, Rows, Table
from ledger.accounts.events import AccountClosed, AccountOpened, MoneyDeposited, MoneyWithdrawn
from ledger.persons.events import PersonRegistered, PersonRenamed
from projections.models import AccountOwner, AccountSummary

AccountSummaryEvent = (
    PersonRegistered
    | PersonRenamed
    | AccountOpened
    | AccountClosed
    | MoneyDeposited
    | MoneyWithdrawn
)


def project_account_summary(recorded: RecordedEvent[AccountSummaryEvent], rows: Rows) -> None:
    event = recorded.event
    match event:
        # First what there is most of.
        case MoneyDeposited():
            _change_account(recorded, rows, balance=Plus(event.amount))
        case MoneyWithdrawn():
            _change_account(recorded, rows, balance=Plus(-event.amount))
        case PersonRegistered():
            name = f"{event.first_name} {event.last_name}"
            rows.insert(AccountOwner, recorded.aggregate_id, name=name)
        case PersonRenamed():
            name = f"{event.first_name} {event.last_name}"
            rows.update(AccountOwner, recorded.aggregate_id, name=name)
        case AccountOpened():
            rows.insert(
                AccountSummary,
                recorded.aggregate_id,
                code=event.code,
                owner_id=event.owner_id,
                opened_at=recorded.recorded_at,
                version=recorded.version,
                updated_at=recorded.recorded_at,
            )
        case AccountClosed():
            _change_account(recorded, rows, status=AccountSummary.Status.CLOSED.value)
        case _:
            assert_never(event)


def _change_account(
    recorded: RecordedEvent[AccountSummaryEvent], rows: Rows, **changes: Plus | str
) -> None:
    rows.update(
        AccountSummary,
        recorded.aggregate_id,
        version=recorded.version,
        # A command may claim its time, then wait behind one that claimed later.
        updated_at=Latest(recorded.recorded_at),
        **changes,
    )


ACCOUNT_SUMMARY = Projection(
    name="account_summary",
    project=project_account_summary,
    events=get_args(AccountSummaryEvent),
    tables=(
        Table(AccountOwner, key=("person_id",)),
        Table(AccountSummary, key=("account_id",)),
    ),
)
