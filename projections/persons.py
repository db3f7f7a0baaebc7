"""`person_summary`: each person with the number and the sum of their open accounts."""

from typing import assert_never, get_args

from eventstore.events import RecordedEvent
from eventstore.projections import Latest, Plus, Projection, Rows, Table
from ledger.accounts.events import AccountClosed, AccountOpened, MoneyDeposited, MoneyWithdrawn
from ledger.persons.events import PersonRegistered, PersonRenamed
from projections.models import PersonAccount, PersonSummary

PersonSummaryEvent = (
    PersonRegistered
    | PersonRenamed
    | AccountOpened
    | AccountClosed
    | MoneyDeposited
    | MoneyWithdrawn
)


def project_person_summary(recorded: RecordedEvent[PersonSummaryEvent], rows: Rows) -> None:
    event = recorded.event
    match event:
        case PersonRegistered():
            rows.insert(
                PersonSummary,
                recorded.aggregate_id,
                name=f"{event.first_name} {event.last_name}",
                registered_at=recorded.recorded_at,
                version=recorded.version,
                updated_at=recorded.recorded_at,
            )
        case PersonRenamed():
            rows.update(
                PersonSummary,
                recorded.aggregate_id,
                name=f"{event.first_name} {event.last_name}",
                version=recorded.version,
                updated_at=Latest(recorded.recorded_at),
            )
        case AccountOpened():
            rows.insert(PersonAccount, recorded.aggregate_id, person_id=event.owner_id)
            _change_owner(recorded, rows, open_account_count=Plus(1))
        case AccountClosed():
            _change_owner(recorded, rows, open_account_count=Plus(-1))
        case MoneyDeposited():
            _change_owner(recorded, rows, total_balance=Plus(event.amount))
        case MoneyWithdrawn():
            _change_owner(recorded, rows, total_balance=Plus(-event.amount))
        case _:
            assert_never(event)


def _change_owner(
    recorded: RecordedEvent[PersonSummaryEvent], rows: Rows, **changes: Plus
) -> None:
    """Change the row of the account's owner. Many accounts feed it, so all changes commute."""
    owned = rows.get(PersonAccount, recorded.aggregate_id)
    updated_at = Latest(recorded.recorded_at)
    rows.update(PersonSummary, owned["person_id"], updated_at=updated_at, **changes)


PERSON_SUMMARY = Projection(
    name="person_summary",
    project=project_person_summary,
    events=get_args(PersonSummaryEvent),
    tables=(
        # Each booking needs its owner: those of a whole batch are read at once.
        Table(PersonAccount, key=("account_id",), by_aggregate=True),
        Table(PersonSummary, key=("person_id",)),
    ),
)
