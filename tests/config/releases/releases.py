"""What a team has released of its read models, one after the other: a function builds each.

Two that follow each other run side by side while the later one is rolled out.
"""

from decimal import Decimal
from typing import Any

from django.db import models

import ledger.registration
from eventstore.application import Application, pipeline_from_settings
from eventstore.events import RecordedEvent
from eventstore.projections import Mode, Plus, Projection, Rows, Table
from ledger.accounts.events import AccountOpened, MoneyDeposited, MoneyWithdrawn

EVENTS = (AccountOpened, MoneyDeposited, MoneyWithdrawn)


class AccountRow(models.Model):
    tenant_id = models.UUIDField()
    account_id = models.UUIDField()
    version = models.BigIntegerField()

    class Meta:
        abstract = True
        app_label = "releases"

    def __str__(self) -> str:
        return str(self.account_id)


class Balance(AccountRow):
    balance = models.DecimalField(max_digits=24, decimal_places=2, default=Decimal(0))
    bookings = models.IntegerField(default=0)

    class Meta(AccountRow.Meta):
        abstract = False
        db_table = "released_balance"
        constraints = (
            models.UniqueConstraint(
                fields=["tenant_id", "account_id"], name="released_balance_account"
            ),
        )


class BalanceAndReceived(AccountRow):
    """The same table with one more column."""

    balance = models.DecimalField(max_digits=24, decimal_places=2, default=Decimal(0))
    bookings = models.IntegerField(default=0)
    #: The database has the default as well, for processes that do not know of this column.
    received = models.DecimalField(
        max_digits=24, decimal_places=2, default=Decimal(0), db_default=Decimal(0)
    )

    class Meta(AccountRow.Meta):
        abstract = False
        db_table = "released_balance"
        constraints = (
            models.UniqueConstraint(
                fields=["tenant_id", "account_id"], name="released_balance_account"
            ),
        )


class Turnover(AccountRow):
    """A new shape of the same, in a table of its own."""

    received = models.DecimalField(max_digits=24, decimal_places=2, default=Decimal(0))
    spent = models.DecimalField(max_digits=24, decimal_places=2, default=Decimal(0))

    class Meta(AccountRow.Meta):
        abstract = False
        db_table = "released_turnover"
        constraints = (
            models.UniqueConstraint(
                fields=["tenant_id", "account_id"], name="released_turnover_account"
            ),
        )


def project_balance(recorded: RecordedEvent[Any], rows: Rows) -> None:
    match recorded.event:
        case AccountOpened():
            rows.insert(Balance, recorded.aggregate_id, version=recorded.version)
        case MoneyDeposited() | MoneyWithdrawn() as event:
            amount = event.amount if isinstance(event, MoneyDeposited) else -event.amount
            rows.update(
                Balance,
                recorded.aggregate_id,
                version=recorded.version,
                balance=Plus(amount),
                bookings=Plus(1),
            )


def project_balance_anew(recorded: RecordedEvent[Any], rows: Rows) -> None:
    """New code for the same rows: only what is paid in counts as a booking."""
    match recorded.event:
        case AccountOpened():
            rows.insert(Balance, recorded.aggregate_id, version=recorded.version)
        case MoneyDeposited() | MoneyWithdrawn() as event:
            is_paid_in = isinstance(event, MoneyDeposited)
            rows.update(
                Balance,
                recorded.aggregate_id,
                version=recorded.version,
                balance=Plus(event.amount if is_paid_in else -event.amount),
                bookings=Plus(1 if is_paid_in else 0),
            )


def project_received(recorded: RecordedEvent[Any], rows: Rows) -> None:
    match recorded.event:
        case AccountOpened():
            rows.insert(BalanceAndReceived, recorded.aggregate_id, version=recorded.version)
        case MoneyDeposited() | MoneyWithdrawn() as event:
            is_paid_in = isinstance(event, MoneyDeposited)
            rows.update(
                BalanceAndReceived,
                recorded.aggregate_id,
                version=recorded.version,
                balance=Plus(event.amount if is_paid_in else -event.amount),
                bookings=Plus(1),
                received=Plus(event.amount if is_paid_in else Decimal(0)),
            )


def project_turnover(recorded: RecordedEvent[Any], rows: Rows) -> None:
    match recorded.event:
        case AccountOpened():
            rows.insert(Turnover, recorded.aggregate_id, version=recorded.version)
        case MoneyDeposited() as event:
            rows.update(
                Turnover,
                recorded.aggregate_id,
                version=recorded.version,
                received=Plus(event.amount),
            )
        case MoneyWithdrawn() as event:
            rows.update(
                Turnover,
                recorded.aggregate_id,
                version=recorded.version,
                spent=Plus(event.amount),
            )


def _projection(name: str, project: Any, model: type[models.Model]) -> Projection:
    tables = (Table(model, key=("account_id",)),)
    return Projection(name=name, project=project, events=EVENTS, tables=tables)


BALANCES = _projection("balances", project_balance, Balance)
BALANCES_ANEW = _projection("balances", project_balance_anew, Balance)
BALANCES_AND_RECEIVED = _projection("balances", project_received, BalanceAndReceived)
TURNOVERS = _projection("turnovers", project_turnover, Turnover)


def _bank() -> Application:
    application = Application(pipeline=pipeline_from_settings())
    ledger.registration.register(application)
    return application


# Each of these is a release; the first projection that is registered is what its queries read.


def inline() -> Application:
    application = _bank()
    application.projections.inline(BALANCES)
    return application


def new_code() -> Application:
    application = _bank()
    application.projections.inline(BALANCES_ANEW)
    return application


def new_column() -> Application:
    application = _bank()
    application.projections.inline(BALANCES_AND_RECEIVED)
    return application


def becoming_async() -> Application:
    application = _bank()
    application.projections.asynchronous(BALANCES, formerly=Mode.INLINE)
    return application


def in_background() -> Application:
    application = _bank()
    application.projections.asynchronous(BALANCES)
    return application


def becoming_inline() -> Application:
    application = _bank()
    application.projections.inline(BALANCES, formerly=Mode.ASYNC)
    return application


def two_shapes() -> Application:
    """The new one is filled beside the old one, which still serves."""
    application = _bank()
    application.projections.inline(BALANCES)
    application.projections.asynchronous(TURNOVERS)
    return application


def changing_places() -> Application:
    """Queries read the new one from now on."""
    application = _bank()
    application.projections.inline(TURNOVERS, formerly=Mode.ASYNC)
    application.projections.asynchronous(BALANCES, formerly=Mode.INLINE)
    return application


def new_shape() -> Application:
    application = _bank()
    application.projections.inline(TURNOVERS)
    return application
