"""`tenant_overview`: a tenant in a few numbers."""

from typing import assert_never, get_args

from eventstore.events import RecordedEvent
from eventstore.projections import Latest, Plus, Projection, Rows, Table
from ledger.accounts.events import AccountClosed, AccountOpened, MoneyDeposited, MoneyWithdrawn
from ledger.persons.events import PersonRegistered
from ledger.transfers.events import TransferCompleted, TransferFailed, TransferStarted
from ledger.users.events import UserRegistrationSucceeded
from projections.models import TenantOverview

TenantOverviewEvent = (
    PersonRegistered
    | UserRegistrationSucceeded
    | AccountOpened
    | AccountClosed
    | MoneyDeposited
    | MoneyWithdrawn
    | TransferStarted
    | TransferCompleted
    | TransferFailed
)


def project_tenant_overview(recorded: RecordedEvent[TenantOverviewEvent], rows: Rows) -> None:
    event = recorded.event
    match event:
        case PersonRegistered():
            _add(recorded, rows, person_count=Plus(1))
        case UserRegistrationSucceeded():
            _add(recorded, rows, user_count=Plus(1))
        case AccountOpened():
            _add(recorded, rows, account_count=Plus(1), open_account_count=Plus(1))
        case AccountClosed():
            _add(recorded, rows, open_account_count=Plus(-1))
        case MoneyDeposited():
            _add(recorded, rows, total_balance=Plus(event.amount))
        case MoneyWithdrawn():
            _add(recorded, rows, total_balance=Plus(-event.amount))
        case TransferStarted():
            _add(recorded, rows, transfer_count=Plus(1))
        case TransferCompleted():
            _add(recorded, rows, completed_transfer_count=Plus(1))
        case TransferFailed():
            _add(recorded, rows, failed_transfer_count=Plus(1))
        case _:
            assert_never(event)


def _add(recorded: RecordedEvent[TenantOverviewEvent], rows: Rows, **sums: Plus) -> None:
    rows.upsert(
        TenantOverview,
        (),  # The tenant alone is the key.
        version=Plus(1),
        updated_at=Latest(recorded.recorded_at),
        **sums,
    )


TENANT_OVERVIEW = Projection(
    name="tenant_overview",
    project=project_tenant_overview,
    events=get_args(TenantOverviewEvent),
    tables=(Table(TenantOverview, key=()),),
)
