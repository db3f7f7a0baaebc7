"""How many statements a command sends, counted on the wire and not in Django's log of queries."""

import re
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from decimal import Decimal
from uuid import uuid4

import psycopg
import pytest
from django.db import connection

from ledger.transfers.commands import StartTransfer
from tests.eventstore.own import own_application
from tests.eventstore.support import World

#: DESIGN section 10 allows nine, BEGIN and COMMIT included. A rise needs a reason. The last one,
#: after the commit, calls the worker that books into the account's statement.
STATEMENTS_OF_A_DEPOSIT = 8
MOST = 9
#: `start-transfer` to completed in one call: five commands, each with its call, and four steps.
STATEMENTS_OF_A_TRANSFER = 50

PREPARED = re.compile(r'Bind\s.*?"(_pg3_\d+)"')


@contextmanager
def traced(sent: list[str]) -> Generator[None]:
    """Add to `sent` each statement that goes over Django's connection meanwhile."""
    pgconn = connection.connection.pgconn
    with tempfile.TemporaryFile("w+") as file:
        pgconn.trace(file.fileno())
        pgconn.set_trace_flags(psycopg.pq.Trace.SUPPRESS_TIMESTAMPS)
        try:
            yield
        finally:
            pgconn.untrace()
        file.seek(0)
        trace = file.read()
    prepared = dict(
        connection.connection.execute(
            "SELECT name, statement FROM pg_prepared_statements"
        ).fetchall()
    )
    sent += [readable(line, prepared) for line in trace.splitlines() if is_statement(line)]


def is_statement(line: str) -> bool:
    """One message for each statement: a simple Query, or the Bind before an Execute."""
    return bool(re.match(r"F\t\d+\t(Query|Bind)\t", line))


def readable(line: str, prepared: dict[str, str]) -> str:
    name = PREPARED.search(line)
    text = prepared.get(name[1], line) if name else line.split("\t", 3)[3]
    return " ".join(text.split())[:100]


def statements_of(call: Callable[[], object]) -> list[str]:
    """What a call sends on a connection that has done the same before."""
    for _ in range(10):
        call()
    sent: list[str] = []
    with traced(sent):
        call()
    return sent


def test_a_deposit_sends_as_many_statements_as_pinned(world: World) -> None:
    account = world.account("10.00")

    sent = statements_of(lambda: world.deposit(account))

    assert '"BEGIN"' in sent[0]
    assert '"COMMIT"' in sent[-2]
    assert "pg_notify" in sent[-1], "in the transaction it would make commits wait for each other"
    assert len(sent) <= MOST
    assert len(sent) == STATEMENTS_OF_A_DEPOSIT, (
        f"{len(sent)} statements instead of {STATEMENTS_OF_A_DEPOSIT}:\n" + "\n".join(sent)
    )


def test_a_transfer_to_its_end_sends_as_many_statements_as_pinned(world: World) -> None:
    source, target = world.account("100.00"), world.account()

    def transfer() -> None:
        start = StartTransfer(
            aggregate_id=uuid4(),
            from_account_id=source,
            to_account_id=target,
            amount=Decimal("1.00"),
        )
        world.application.bus.send(start, actor=world.actor)

    sent = statements_of(transfer)

    assert sum('"COMMIT"' in statement for statement in sent) == 9
    assert len(sent) == STATEMENTS_OF_A_TRANSFER, "\n".join(sent)


def test_a_process_that_has_not_cached_the_account_sends_one_more(world: World) -> None:
    uncached = World(own_application(cache_size=0), world.actor)
    account = uncached.account("10.00")

    sent = statements_of(lambda: uncached.deposit(account))

    assert len(sent) == STATEMENTS_OF_A_DEPOSIT + 1, "\n".join(sent)


def test_opening_an_account_does_not_look_for_it_twice(world: World) -> None:
    owner = world.person()

    sent = statements_of(lambda: world.account(owner_id=owner))

    # BEGIN, claim, the owner, append, three rows, COMMIT, NOTIFY.
    assert len(sent) == 9, "\n".join(sent)


def test_a_repeated_deposit_sends_no_more_than_its_answer_needs(world: World) -> None:
    account = world.account("10.00")
    command_id = world.deposit(account).command_id

    sent = statements_of(lambda: world.deposit(account, command_id=command_id))

    assert len(sent) == 4, "\n".join(sent)  # BEGIN, claim, stored answer, COMMIT


def test_the_count_sees_a_statement_that_django_does_not_log(world: World) -> None:
    """The measure itself can fail."""
    sent: list[str] = []
    with traced(sent):
        connection.connection.execute("SELECT 1")

    assert len(sent) == 1
    assert "SELECT 1" in sent[0]


@pytest.mark.long
@pytest.mark.parametrize("events", [10, 200])
def test_the_number_of_statements_does_not_grow_with_the_stream(world: World, events: int) -> None:
    account = world.account()
    for _ in range(events):
        world.deposit(account)

    assert len(statements_of(lambda: world.deposit(account))) == STATEMENTS_OF_A_DEPOSIT
