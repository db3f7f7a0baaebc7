"""The steps around a command: their order, a team's own, the log line, the retries."""

import logging
from collections.abc import Generator
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import InterfaceError, OperationalError, transaction

from eventstore.application import pipeline_from_settings
from eventstore.commands import Envelope, Result
from eventstore.errors import Busy, StaleVersion
from eventstore.pipeline import Proceed, Services
from eventstore.repository import Repository
from ledger.accounts.aggregate import Account
from ledger.errors import InsufficientFunds
from tests.eventstore.own import MoveMoney, move_money, own_application
from tests.eventstore.support import World, stored_counts

calls: list[str] = []


class First:
    """A step as a team would write it."""

    name = "first"

    def __init__(self, proceed: Proceed, services: Services) -> None:
        self._proceed = proceed
        self._command_types = services.command_types

    def __call__(self, envelope: Envelope) -> Result:
        command = self._command_types.of(type(envelope.command)).name
        calls.append(f"{self.name} before {command}")
        result = self._proceed(envelope)
        calls.append(f"{self.name} after {command}")
        return result


class Second(First):
    name = "second"


@pytest.fixture(autouse=True)
def _forget_calls() -> Generator[None]:
    yield
    calls.clear()


def test_steps_of_a_team_are_called_in_the_order_of_the_list(world: World) -> None:
    steps = [First, *pipeline_from_settings(), Second]
    own = World(own_application(steps=steps), world.actor)

    own.person()

    assert calls == [
        "first before register-person",
        "second before register-person",
        "second after register-person",
        "first after register-person",
    ]


def test_a_step_inside_the_transaction_can_undo_the_command(world: World) -> None:
    class Undo(First):
        def __call__(self, envelope: Envelope) -> Result:
            self._proceed(envelope)
            raise ZeroDivisionError

    own = World(own_application(steps=[*pipeline_from_settings(), Undo]), world.actor)

    with pytest.raises(ZeroDivisionError):
        own.person()

    assert stored_counts() == (0, 0, 0)


def test_a_step_inside_the_retry_is_called_for_each_attempt(world: World) -> None:
    attempts: list[int] = []

    class Collide(First):
        def __call__(self, envelope: Envelope) -> Result:
            attempts.append(envelope.attempt)
            if len(attempts) < 5:
                error = OperationalError()
                error.__cause__ = Deadlock()
                raise error
            return self._proceed(envelope)

    own = World(own_application(steps=[*pipeline_from_settings(), Collide]), world.actor)
    own.person()

    assert attempts == [1, 2, 3, 4, 5]


class Deadlock(Exception):
    sqlstate = "40P01"


@pytest.mark.parametrize("error_class", [OperationalError, InterfaceError])
def test_a_database_that_cannot_serve_is_busy(world: World, error_class: type[Exception]) -> None:
    class Unplugged(First):
        def __call__(self, envelope: Envelope) -> Result:
            raise error_class("the connection is gone")

    own = World(own_application(steps=[*pipeline_from_settings(), Unplugged]), world.actor)

    with pytest.raises(Busy):
        own.person()


def move_on_a_broken_transaction(command: MoveMoney, repository: Repository) -> None:
    """As after an inner savepoint that could not be rolled back, whose error was swallowed."""
    move_money(command, repository)
    transaction.set_rollback(True)


def test_a_transaction_that_django_rolls_back_is_not_called_completed(world: World) -> None:
    payer, payee = world.account("10.00"), world.account()
    broken = World(own_application(move_on_a_broken_transaction), world.actor)
    before = stored_counts()

    with pytest.raises(Busy, match="the transaction is broken"):
        broken.send(MoveMoney(aggregate_id=payer, to_account_id=payee, amount=Decimal("4.00")))

    assert stored_counts() == before
    assert world.balance(payer) == Decimal("10.00")


def test_a_second_attempt_stands_in_line_for_its_streams(world: World) -> None:
    """The lock is taken at the load, so that this attempt is the last one."""
    account = world.account("10.00")
    seen: list[str | None] = []

    def look_for_the_lock(command: MoveMoney, repository: Repository) -> None:
        loaded = repository.load(Account, command.aggregate_id)
        seen.append(locked_by(world))
        if len(seen) == 1:
            error = OperationalError()
            error.__cause__ = Deadlock()
            raise error
        loaded.deposit(command.amount, None, "")
        repository.save(loaded)

    own = World(own_application(look_for_the_lock), world.actor)
    own.send(MoveMoney(aggregate_id=account, to_account_id=account, amount=Decimal("1.00")))

    assert seen == [None, "RowShareLock"]


def locked_by(world: World) -> str | None:
    """The lock on the stream table that only SELECT ... FOR UPDATE takes."""
    row = world.application.database.row(
        "SELECT mode FROM pg_locks WHERE relation = 'eventstore_stream'::regclass "
        "AND pid = pg_backend_pid() AND mode = 'RowShareLock'"
    )
    return None if row is None else row[0]


class Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture
def lines() -> Generator[list[logging.LogRecord]]:
    handler = Lines()
    logger = logging.getLogger("daybook.commands")
    logger.addHandler(handler)
    yield handler.records
    logger.removeHandler(handler)


def test_each_command_leaves_one_line_with_ids_and_without_its_payload(
    world: World, lines: list[logging.LogRecord]
) -> None:
    account = world.account("10.00", owner_id=world.person("Zaphod", "Beeblebrox"))
    del lines[:-1]
    command_id = world.deposit(account, "987.65").command_id
    world.deposit(account, "987.65", command_id=command_id)
    with pytest.raises(InsufficientFunds):
        world.withdraw(account, "5432.10")
    with pytest.raises(StaleVersion):
        world.deposit(account, expected_version=1)

    outcomes = ["completed", "completed", "replayed", "insufficient_funds", "stale_version"]
    assert [line.__dict__["outcome"] for line in lines] == outcomes
    for line in lines:
        assert line.__dict__["tenant_id"] == world.actor.tenant_id
        assert line.__dict__["aggregate_id"] == account
        assert line.__dict__["ms"] > 0
        assert not any(secret in str(line.__dict__) for secret in ("987.65", "5432.10", "Zaphod"))


def test_a_breakdown_leaves_a_line_too(world: World, lines: list[logging.LogRecord]) -> None:
    def break_down(command: MoveMoney, repository: Repository) -> None:
        raise ZeroDivisionError

    own = World(own_application(break_down), world.actor)
    with pytest.raises(ZeroDivisionError):
        own.send(MoveMoney(aggregate_id=uuid4(), to_account_id=uuid4(), amount=Decimal("1.00")))

    assert [line.__dict__["outcome"] for line in lines] == ["error"]
