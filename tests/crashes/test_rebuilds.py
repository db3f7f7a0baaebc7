"""Whoever rebuilds dies at each step: readers see one whole version, and the next one succeeds."""

import signal
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from eventstore.application import Application
from eventstore.fault_points import POINTS
from eventstore.models import Rebuild, Subscription
from eventstore.testing import replay
from projections.models import AccountStatementLine, AccountSummary
from tests.crashes.audit import audit
from tests.crashes.bank import Bank
from tests.crashes.processes import Started, start
from tests.crashes.rebuilders import REBUILT, rebuild, rebuild_what_was_asked_for
from tests.crashes.striking import Place
from tests.crashes.workers import work_to_the_end
from tests.eventstore.rebuilding.support import differing, shadows
from tests.replay import live_rows

MONEY = 1000
STEPS = [point for point in POINTS if point.startswith("rebuild.")]
#: From here on the new rows are the live ones.
IN_PLACE = ("rebuild.committed",)


@pytest.mark.parametrize(
    "rounds", [1, pytest.param(20, marks=pytest.mark.soak)], ids=lambda rounds: f"{rounds} rounds"
)
def test_who_dies_at_any_step_leaves_one_whole_version_and_nothing_in_the_way(
    rounds: int, application: Application, bank: Bank
) -> None:
    source, target = bank.opened(deposit=MONEY), bank.opened()
    for _ in range(rounds):
        for name in REBUILT:
            for point in STEPS:
                bank.send(bank.transfer(source, target, 1).command)
                assert start(work_to_the_end).ended() == 0
                dies_and_another_one_does_it(application, name, point)
    assert start(work_to_the_end).ended() == 0
    audit(application, money=MONEY)


def dies_and_another_one_does_it(application: Application, name: str, point: str) -> None:
    before = tables()
    generation = Subscription.objects.get(projection=name).generation
    died = start(rebuild, name, Place(point, 1))
    assert died.ended() == -signal.SIGKILL, f"not met: {point}"
    assert died.told() == [point]

    # What readers see.
    assert (tables() != before) == (point in IN_PLACE)
    assert is_as_replayed(application, name)
    of_it = Subscription.objects.get(projection=name)
    assert (of_it.generation > generation) == (point in IN_PLACE)
    of_dead = Rebuild.objects.latest("id")
    assert (of_dead.projection, of_dead.status, of_dead.ended_at) == (name, "running", None)
    assert differing(application, name) == 0

    after = start(rebuild, name)
    assert after.ended() == 0
    assert len(after.told()) == 1
    assert shadows() == []
    assert tables() != before
    assert Rebuild.objects.latest("id").status == "done"
    assert differing(application, name) == 0

    # Nobody had asked a worker for the first one: it does not begin it again, and says so.
    worker = start(rebuild_what_was_asked_for)
    assert worker.ended() == 0
    assert worker.told() == [0]
    of_dead.refresh_from_db()
    assert (of_dead.status, of_dead.attempts) == ("failed", 1)
    assert shadows() == []
    assert is_as_replayed(application, name)


def is_as_replayed(application: Application, name: str) -> bool:
    projection = application.projections.named(name)
    assert projection is not None
    expected = replay(projection, application.reader.read_log()).tables
    return {table.model: live_rows(table) for table in projection.tables} == expected


def tables() -> list[Any]:
    """The numbers of the read tables: another number is another table."""
    names = (AccountSummary._meta.db_table, AccountStatementLine._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT oid FROM pg_class"
            " WHERE relname = ANY(%s) AND relnamespace = current_schema()::regnamespace",
            [list(names)],
        )
        return sorted(cursor.fetchall())


@pytest.mark.parametrize("name", REBUILT)
def test_who_dies_while_he_mends_leaves_the_rows_as_they_were_for_the_next_one(
    name: str, application: Application, bank: Bank
) -> None:
    bank.opened(deposit=MONEY)
    assert start(work_to_the_end).ended() == 0
    model = {"account_summary": AccountSummary, "account_statement": AccountStatementLine}[name]
    model.objects.update(version=77)
    for point in ("rebuild.begun", "rebuild.made", "rebuild.batch", "rebuild.filled"):
        died = start(rebuild, name, Place(point, 1), signal.SIGKILL, "fix")
        assert died.ended() == -signal.SIGKILL, f"not met: {point}"
        assert model.objects.get().version == 77
    assert differing(application, name)
    after = start(rebuild, name, None, signal.SIGKILL, "fix")
    assert after.ended() == 0
    assert after.told() == [1 if name == "account_summary" else 2]
    assert differing(application, name) == 0
    assert shadows() == []


@pytest.mark.parametrize("name", REBUILT)
def test_who_stands_still_while_he_fills_is_waited_for_and_told_so(
    name: str, application: Application, bank: Bank
) -> None:
    bank.opened(deposit=MONEY)
    assert start(work_to_the_end).ended() == 0
    frozen = start(rebuild, name, Place("rebuild.filled", 1), signal.SIGSTOP)
    assert frozen.next_message() == "rebuild.filled"
    other = start(rebuild, name)
    assert other.ended() == 1, "already running"
    bank.opened(deposit=MONEY)
    assert start(work_to_the_end).ended() == 0
    frozen.go_on()
    assert differing(application, name) == 0
    audit(application, money=2 * MONEY)


def rebuilders_that_die() -> Iterator[str]:
    for point in STEPS:
        died: Started = start(rebuild, REBUILT[0], Place(point, 1))
        assert died.ended() == -signal.SIGKILL, f"not met: {point}"
        yield from died.told()
