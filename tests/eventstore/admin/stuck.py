"""Transfers that come to an end, and ones that are stuck: by a mail server that is down, or by
rows that cannot be written. All are made by the engine itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from django.db import connection
from django.db.models.functions import Now

from eventstore.attempts import ATTEMPTS
from eventstore.models import ProcessInstance, Reaction, StoredCommand
from ledger.transfers.commands import StartTransfer
from tests.eventstore.support import World

BREAK = """
CREATE FUNCTION refuse_rows() RETURNS trigger LANGUAGE plpgsql
    AS $$ BEGIN RAISE EXCEPTION 'out of order'; END $$;
CREATE TRIGGER refuse_rows BEFORE INSERT OR UPDATE ON account_summary
    FOR EACH ROW EXECUTE FUNCTION refuse_rows()
"""
MEND = "DROP FUNCTION IF EXISTS refuse_rows CASCADE"


def transfer(world: World, amount: str = "69.00", holding: str = "20000.00") -> UUID:
    """A transfer between two new accounts, as far as it gets by itself; its id."""
    return start(world, world.account(holding), world.account(), amount)


def start(world: World, source: UUID, target: UUID, amount: str = "69.00") -> UUID:
    transfer_id = uuid4()
    world.send(
        StartTransfer(
            aggregate_id=transfer_id,
            from_account_id=source,
            to_account_id=target,
            amount=Decimal(amount),
        )
    )
    return transfer_id


def with_failed_command(world: World) -> UUID:
    """A transfer whose `withdraw-money` has been given up. Nothing is broken any more."""
    source, target = world.account("100.00"), world.account()
    with broken_rows():
        transfer_id = start(world, source, target)
        exhaust(world)
    return transfer_id


def with_parked_effect(elsewhere: World, settings: Any) -> UUID:
    """A large transfer of Umbrella's, completed, whose e-mail has been given up. No server yet."""
    return with_unsent_mail(elsewhere, settings, ATTEMPTS)


def with_unsent_mail(elsewhere: World, settings: Any, attempts: int) -> UUID:
    """The same after so many attempts."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    transfer_id = transfer(elsewhere, "10000.01")
    exhaust(elsewhere, attempts)
    return transfer_id


def exhaust(world: World, attempts: int = ATTEMPTS) -> None:
    """Let a worker try whatever is still to be done until it gives up, or so many times."""
    for _ in range(attempts):
        Reaction.objects.filter(status="pending").update(lease_until=Now())
        StoredCommand.objects.filter(status="pending").update(lease_until=Now())
        world.application.reactions.work()


@contextmanager
def broken_rows() -> Iterator[None]:
    """No account's row can be written."""
    with connection.cursor() as cursor:
        cursor.execute(BREAK)
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(MEND)


def instance_of(transfer_id: UUID) -> ProcessInstance:
    return ProcessInstance.objects.get(instance_id=transfer_id)


def page_of(transfer_id: UUID) -> str:
    return f"/admin/eventstore/processinstance/{instance_of(transfer_id).pk}/"
