"""`account_statement`, stopped by a booking that its table does not take, and mended again."""

from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from django.db import connection
from django.db.models.functions import Now

from eventstore.application import get_application
from eventstore.attempts import ATTEMPTS
from eventstore.models import Subscription
from ledger.accounts.commands import DepositMoney
from projections.models import AccountStatementLine
from tests.eventstore.support import World

NAME = "account_statement"

#: The reference of a booking that cannot be stored, and what stands in the traceback then.
BREAKS, SECRET = "breaks", "666.00 is what it says"

BREAK = f"""
CREATE FUNCTION refuse_lines() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.reference = '{BREAKS}' THEN RAISE EXCEPTION '% is what it says', NEW.amount; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refuse_lines BEFORE INSERT OR UPDATE ON account_statement
    FOR EACH ROW EXECUTE FUNCTION refuse_lines()
"""
MEND = "DROP FUNCTION IF EXISTS refuse_lines CASCADE"


@contextmanager
def broken_statements() -> Generator[None]:
    run(BREAK)
    try:
        yield
    finally:
        run(MEND)


def run(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def booked(world: World, *references: str) -> list[int]:
    """Bookings of 666.00 on a new account, one of each reference; their positions."""
    account_id = world.account()
    return [
        world.send(
            DepositMoney(aggregate_id=account_id, amount=Decimal("666.00"), reference=reference)
        ).position
        or 0
        for reference in references
    ]


def exhaust(attempts: int = ATTEMPTS) -> None:
    """Let a worker try what failed as often, without waiting between."""
    for _ in range(attempts):
        work()


def work() -> None:
    Subscription.objects.update(lease_until=Now())
    get_application().subscriptions.work()


def wait_longer() -> None:
    """As after a later attempt: the first one is soon over on a slow machine."""
    Subscription.objects.update(lease_until=Now() + timedelta(minutes=1))


def subscription() -> Subscription:
    return Subscription.objects.get(projection=NAME)


def references(tenant_id: UUID) -> list[str]:
    """What the statements of the tenant's accounts say, in order."""
    lines = AccountStatementLine.objects.filter(tenant_id=tenant_id).order_by("position")
    return list(lines.values_list("reference", flat=True))
