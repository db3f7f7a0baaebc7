"""A tenant is removed while others are at work in it: no row of it is left behind."""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from threading import Event, Thread
from typing import Any
from uuid import uuid4

import pytest
from django.db import connections

from eventstore import fault_points
from eventstore.access import Access, ValidKey
from eventstore.errors import AggregateNotFound
from eventstore.events import RecordedEvent
from eventstore.models import StoredCommand, Tenant
from eventstore.projections import Rows
from ledger.persons.commands import RenamePerson
from tests.eventstore.boxes.support import cold_root
from tests.eventstore.management.rebuild_command import Said
from tests.eventstore.management.rebuild_command import said as said_by
from tests.eventstore.removal_world import tables_with
from tests.eventstore.support import World, raw_connection
from tests.http import Api, api_for

WHY = ("--reason", "the contract has ended")
ALL = ("acme", *WHY, "--yes", "--discard-events")


def said(*arguments: str) -> Said:
    return said_by(*arguments, command="remove_tenant")


def test_whoever_sends_commands_meanwhile_leaves_no_row_behind(world: World) -> None:
    tenant = Tenant.objects.get()
    api = api_for(tenant)
    ended = Event()

    def go_on(caller: Api, statuses: set[int]) -> None:
        while not ended.is_set():
            statuses.add(caller.send("register-person", name()).status)
        connections.close_all()

    answers: list[set[int]] = [set(), set()]
    threads = [Thread(target=go_on, args=(api, each)) for each in answers]
    for thread in threads:
        thread.start()
    finished = said(*ALL)
    ended.set()
    for thread in threads:
        thread.join()

    assert finished.code == 0, finished.error
    assert tables_with(str(tenant.pk)) == set()
    assert set().union(*answers) <= {201, 401, 404, 503}


def name() -> dict[str, str]:
    return {"first_name": "Ada", "last_name": "Lovelace"}


LATE = {
    "a new aggregate": ("register-person", ""),
    "one that was there": ("rename-person", ""),
    "one for later": ("rename-person", "?at=2999-01-01T00:00Z"),
}


@pytest.mark.parametrize(("command", "query"), LATE.values(), ids=LATE.keys())
def test_who_was_let_in_before_and_comes_too_late_leaves_no_row_behind(
    world: World, monkeypatch: pytest.MonkeyPatch, command: str, query: str
) -> None:
    """A request that has passed the door, and begins its transaction when the tenant is gone."""
    fields = {"aggregate_id": str(world.person()), **name()}
    if command == "register-person":
        del fields["aggregate_id"]
    api = api_for(Tenant.objects.get())
    find_key = Access.find_key
    removed: list[Said] = []

    def find_and_wait(access: Access, key: bytes) -> ValidKey | None:
        valid = find_key(access, key)
        removed.append(said(*ALL))
        return valid

    monkeypatch.setattr(Access, "find_key", find_and_wait)
    api.send(f"{command}{query}", fields).refused(404, "not_found")
    assert [each.code for each in removed] == [0]
    assert tables_with(str(world.actor.tenant_id)) == set()


def a_command(world: World, pause: Callable[[], None], patch: pytest.MonkeyPatch) -> None:
    fault_points.arm(lambda point: point == "append.ended" and pause())
    world.person()


def a_batch(world: World, pause: Callable[[], None], patch: pytest.MonkeyPatch) -> None:
    fault_points.arm(lambda point: point == "subscription.projected" and pause())
    world.application.subscriptions.work(lambda: False)


def a_batch_that_has_only_read(
    world: World, pause: Callable[[], None], patch: pytest.MonkeyPatch
) -> None:
    registered = world.application.projections._by_name
    statement = registered["account_statement"]

    def pause_and_project(recorded: RecordedEvent[Any], rows: Rows) -> None:
        pause()
        statement.project(recorded, rows)

    slow = replace(statement, project=pause_and_project)
    patch.setitem(registered, "account_statement", slow)
    world.application.subscriptions.work(lambda: False)


WAITED_FOR = """
SELECT FROM pg_locks WHERE locktype = 'relation' AND NOT granted
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


@pytest.mark.parametrize("work", [a_command, a_batch, a_batch_that_has_only_read])
def test_whoever_is_in_the_middle_of_it_is_waited_for(
    world: World, monkeypatch: pytest.MonkeyPatch, work: Callable[..., None]
) -> None:
    """What he will have written nobody else can see yet, so that nobody else could delete it."""
    world.account("5.00")
    begun, removed = Event(), Event()

    def pause() -> None:
        """Until somebody waits for a table; or, which is wrong, has not had to."""
        if begun.is_set():
            return
        begun.set()
        with raw_connection(autocommit=True) as raw:
            while not (removed.is_set() or raw.execute(WAITED_FOR).fetchone() is not None):
                removed.wait(0.005)

    def write() -> None:
        work(world, pause, monkeypatch)
        connections.close_all()

    writer = Thread(target=write)
    writer.start()
    assert begun.wait(30)
    finished = said(*ALL)
    removed.set()
    writer.join()
    fault_points.arm(None)

    assert finished.code == 0, finished.error
    assert tables_with(str(world.actor.tenant_id)) == set()


def test_what_is_written_while_rows_are_deleted_is_deleted_as_well(world: World) -> None:
    """By somebody who was let in before: his refusal is stored."""
    existing = world.person()

    def write() -> None:
        with suppress(AggregateNotFound):
            rename = RenamePerson(aggregate_id=uuid4(), first_name="Ada", last_name="Late")
            world.send(rename)
        wrote.append(StoredCommand.objects.filter(status="refused").count())
        connections.close_all()

    def strike(point: str) -> None:
        if point == "removal.deleted":
            fault_points.arm(None)
            thread = Thread(target=write)
            thread.start()
            thread.join()

    wrote: list[int] = []
    fault_points.arm(strike)
    assert said(*ALL).code == 0
    assert wrote == [1]
    certificate = cold_root() / "removed" / f"{world.actor.tenant_id}.json"
    assert json.loads(certificate.read_text())["tables"]["eventstore_command"] == 2
    assert tables_with(str(world.actor.tenant_id)) == tables_with(str(existing)) == set()
