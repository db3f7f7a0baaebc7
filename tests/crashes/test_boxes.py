"""Whoever boxes or unboxes dies at each step: the stream is online or boxed, never neither."""

import signal
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection

from eventstore.application import Application
from eventstore.box_commands import BoxAggregate, UnboxAggregate
from eventstore.box_files import BoxReader
from eventstore.cold_storage import StoredFile
from eventstore.commands import Result
from eventstore.fault_points import POINTS
from eventstore.models import Box, Snapshot, StoredCommand, StoredEvent, StoredStream
from eventstore.tenancy import Actor, Role
from ledger.persons.commands import RegisterPerson, RenamePerson
from tests.crashes.bank import Bank
from tests.crashes.processes import Started, start
from tests.crashes.senders import Job, send_one
from tests.crashes.striking import Place

#: On the way of each command.
OF_COMMANDS = ("command.claimed", "command.handled", "command.projected", "command.committed")
#: Where somebody dies once the stream has changed.
TOO_LATE = "command.committed"
ROUNDS = [2, pytest.param(20, marks=pytest.mark.soak)]
RENAMES = 3


@dataclass(frozen=True)
class Person:
    """An aggregate of the bank's tenant, and who may box it."""

    id: UUID
    operator: Actor

    def box(self) -> Job:
        command = BoxAggregate(aggregate_id=self.id, category="person", reason="it has ended")
        return Job(uuid4(), command, self.operator)

    def unbox(self) -> Job:
        command = UnboxAggregate(aggregate_id=self.id, category="person", reason="it goes on")
        return Job(uuid4(), command, self.operator)

    def rename(self, name: str) -> RenamePerson:
        return RenamePerson(aggregate_id=self.id, first_name="Ada", last_name=name)


def registered(bank: Bank) -> Person:
    person = Person(uuid4(), replace(bank.actor, user="olga", role=Role.OPERATOR))
    bank.send(RegisterPerson(aggregate_id=person.id, first_name="Ada", last_name="King"))
    for number in range(RENAMES):
        bank.send(person.rename(f"King {number}"))
    return person


def steps(kind: str) -> list[str]:
    return [*OF_COMMANDS, *(point for point in POINTS if point.startswith(f"{kind}."))]


@pytest.mark.parametrize("rounds", ROUNDS, ids=lambda rounds: f"{rounds} rounds")
def test_who_dies_at_any_step_leaves_the_stream_online_or_boxed(
    rounds: int, application: Application, bank: Bank
) -> None:
    person = registered(bank)
    before = content(person.id)
    for _ in range(rounds):
        for point in steps("box"):
            boxer_dies_at(application, person, point)
            assert content(person.id) == before
        for point in steps("unbox"):
            unboxer_dies_at(application, person, point)
            assert content(person.id) == before
    bank.send(person.rename("Byron"))
    assert StoredStream.objects.get(aggregate_id=person.id).version == RENAMES + 2


def boxer_dies_at(application: Application, person: Person, point: str) -> None:
    """And is followed by one who is told the same each time, and one who unboxes."""
    job = person.box()
    dies(job, point)
    expected = "boxed" if point == TOO_LATE else "online"
    assert where_is(application, person.id) == expected, point

    tried_again(application, job, was_done=point == TOO_LATE)
    assert where_is(application, person.id) == "boxed", point
    sent(application, person.unbox())
    assert where_is(application, person.id) == "online", point
    assert_leftovers_can_go(application)


def unboxer_dies_at(application: Application, person: Person, point: str) -> None:
    sent(application, person.box())
    job = person.unbox()
    dies(job, point)
    expected = "online" if point == TOO_LATE else "boxed"
    assert where_is(application, person.id) == expected, point

    tried_again(application, job, was_done=point == TOO_LATE)
    assert where_is(application, person.id) == "online", point
    assert_leftovers_can_go(application)


def dies(job: Job, point: str) -> None:
    died = start(send_one, job, Place(point, 1))
    assert died.ended() == -signal.SIGKILL, f"not met: {point}"
    assert died.told() == [point]


def tried_again(application: Application, job: Job, *, was_done: bool) -> None:
    """Under the same id there is one answer, whoever has heard it first."""
    first, second = (sent(application, job) for _ in range(2))
    assert (first.replayed, second.replayed) == (was_done, True)
    assert first.detail == second.detail
    assert " events" in first.detail, "it was done, and not found done"
    assert StoredCommand.objects.filter(id=job.command_id).count() == 1


def sent(application: Application, job: Job) -> Result:
    result = application.bus.send(job.command, actor=job.actor, command_id=job.command_id)
    assert result.status == "completed"
    return result


def where_is(application: Application, aggregate_id: UUID) -> str:
    """ "online" or "boxed", whole; fails for anything between."""
    stream = StoredStream.objects.get(aggregate_id=aggregate_id)
    events = StoredEvent.objects.filter(stream=stream).count()
    boxes = list(Box.objects.filter(stream=stream, unboxed_at=None))
    if stream.status == "active":
        assert (events, boxes) == (stream.version, [])
        return "online"
    assert (stream.status, events, len(boxes)) == ("boxed", 0, 1)
    assert not Snapshot.objects.filter(stream=stream).exists()
    (box,) = boxes
    stored = StoredFile(box.path, box.size, bytes(box.digest))
    with application.cold_storage.opened(stored) as file:
        reader = BoxReader(file, box.path)
        assert reader.header.event_count == stream.version == box.last_version
        assert reader.header.head_hash == bytes(stream.head_hash)
        for _ in reader.parts():  # It checks the chain of hashes, and the counts.
            pass
    return "boxed"


def assert_leftovers_can_go(application: Application) -> None:
    """The files of those who died, once the streams are online: nothing else is in them."""
    for path in list(application.orphans.unknown()):
        removed = application.orphans.remove(path)
        assert removed is not None
        assert removed.is_needless, removed
    known = set(Box.objects.values_list("path", flat=True))
    assert set(application.cold_storage.paths()) == known


def content(aggregate_id: UUID) -> list[tuple[Any, ...]]:
    """All that is stored of the events, and of what was sent to the aggregate."""
    fields = [field.attname for field in StoredEvent._meta.concrete_fields]
    events = StoredEvent.objects.filter(stream__aggregate_id=aggregate_id).order_by("version")
    commands = StoredCommand.objects.filter(aggregate_id=aggregate_id, status="completed")
    ours = commands.exclude(type__in=("box-aggregate", "unbox-aggregate")).order_by("number")
    return [*events.values_list(*fields), *ours.values_list("id", "data")]


# Who stands still meanwhile ----------------------------------------------------------------------


@pytest.mark.parametrize("point", ["box.written", "box.kept", "box.deleted"])
def test_who_wakes_up_after_another_one_has_boxed_it_changes_nothing(
    point: str, application: Application, bank: Bank
) -> None:
    """His transaction is over: the server ends one that stands still for a minute."""
    person = registered(bank)
    before = content(person.id)
    frozen = stands_still_without_connection(person.box(), point)
    sent(application, person.box())
    assert where_is(application, person.id) == "boxed"
    (box,) = Box.objects.all()
    frozen.go_on()

    assert where_is(application, person.id) == "boxed"
    assert Box.objects.get() == box
    sent(application, person.unbox())
    assert content(person.id) == before
    assert_leftovers_can_go(application)


def stands_still_without_connection(job: Job, point: str) -> Started:
    frozen = start(send_one, job, Place(point, 1), signal.SIGSTOP)
    assert frozen.next_message() == point
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
            " WHERE state = 'idle in transaction' AND datname = current_database()"
        )
        assert cursor.fetchall() == [(True,)]
    return frozen


# With all the others -----------------------------------------------------------------------------


def boxers_that_die(application: Application, bank: Bank) -> Iterator[str]:
    """At each place of their own; where they were. The stream is online at the end."""
    person = registered(bank)
    for kind, job_of in (("box", person.box), ("unbox", person.unbox)):
        for point in steps(kind):
            if point not in OF_COMMANDS:
                dies(job_of(), point)
                yield point
        sent(application, job_of())
