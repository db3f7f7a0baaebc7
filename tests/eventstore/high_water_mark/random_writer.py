"""A writer that does by chance whatever a writer may do, and signs each event with what it saw."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from time import sleep
from uuid import UUID, uuid4

import psycopg
from django.db import OperationalError, connections, transaction

from eventstore.application import get_application
from eventstore.database import Database
from eventstore.drafts import Recording
from eventstore.errors import WrongExpectedVersion
from eventstore.events import Origin
from eventstore.hash_chain import GENESIS
from ledger.persons.events import PersonRenamed
from tests.eventstore.high_water_mark.support import ROW, WRITE_COMMAND
from tests.eventstore.support import recording

#: Tells these connections from all others in pg_stat_activity.
NAME = "random writer of the tests"

SIGN_IN = f"SET application_name = '{NAME}'"
LAST_SEEN = "SELECT coalesce(max(position), 0) FROM eventstore_event"
FIND_STREAM = "SELECT version FROM eventstore_stream WHERE id = %s"
LOCK_STREAM = f"{FIND_STREAM} FOR UPDATE"
SET_VERSION = "UPDATE eventstore_stream SET version = %s WHERE id = %s"

INSERT_ONE = f"INSERT INTO eventstore_event {ROW} VALUES (%s, %s, %s, %s, %s, %s, %s, now(), '')"
INSERT_MANY = f"""
INSERT INTO eventstore_event {ROW}
SELECT %s::bigint, %s + n, %s::uuid, %s, %s, %s, %s, now(), '' FROM generate_series(1, %s::int) n
"""
COPY = f"COPY eventstore_event {ROW} FROM STDIN"


@dataclass(frozen=True)
class Stream:
    id: int
    aggregate_id: UUID


class ChangeOfMind(Exception):
    """Rolls back what has been done, as a refusal does."""


@dataclass
class RandomWriter:
    """Runs transactions on a connection of its own until there is enough."""

    random: Random
    tenant_id: UUID
    streams: Sequence[Stream]
    #: Events in one append, at most.
    batch: int
    #: Committed events.
    committed: int = 0
    #: How often each kind of append and of failure happened.
    tally: Counter[str] = field(default_factory=Counter)

    def run(self, enough: Callable[[], bool]) -> None:
        try:
            while not enough():
                self._try_one_transaction()
        finally:
            connections.close_all()

    def _try_one_transaction(self) -> None:
        try:
            self.committed += self._transaction()
        except ChangeOfMind:
            self.tally["rolled back"] += 1
        except WrongExpectedVersion:
            self.tally["conflict"] += 1
        except (OperationalError, psycopg.OperationalError):  # COPY raises its own
            # Killed, or chosen as the victim of a deadlock.
            self.tally["killed"] += 1
            connections.close_all()

    def _transaction(self) -> int:
        """Returns how many events it has appended."""
        self._database = Database()
        with transaction.atomic():
            self._database.execute(SIGN_IN)
            self._database.execute(WRITE_COMMAND, (self.tenant_id, *[uuid4()] * 3))
            self._pause()
            streams = self.random.sample(self.streams, self.random.randint(1, 3))
            # In one order, or they wait for each other.
            appended = sum(self._visit(stream) for stream in sorted(streams, key=lambda s: s.id))
            self._pause()
            if self.random.random() < 0.1:
                raise ChangeOfMind
        return appended

    def _visit(self, stream: Stream) -> int:
        """Append to one stream, sometimes behind a savepoint, which may be rolled back."""
        chance = self.random.random()
        if chance < 0.6:
            return self._append(stream)
        try:
            with transaction.atomic():
                appended = self._append(stream)
                if chance > 0.8:
                    raise ChangeOfMind
            return appended
        except ChangeOfMind:
            if self._database.connection.needs_rollback:
                # Killed just then: Django rolls the whole transaction back, and says nothing.
                raise OperationalError from None
            self.tally["savepoint"] += 1
            return 0

    def _append(self, stream: Stream) -> int:
        size = self.random.randint(1, self.batch)
        ways = (self._by_the_store, self._by_one_row, self._by_many_rows, self._by_copy)
        way = self.random.choice(ways)
        appended = way(stream, size)
        self.tally[way.__name__] += 1
        self._pause()
        return appended

    def _by_the_store(self, stream: Stream, size: int) -> int:
        """Without a lock, as commands do it first; may lose to another writer."""
        (version,) = self._database.row(FIND_STREAM, (stream.id,))
        origin = Origin(user=self._signature(), correlation_id=uuid4(), causation_id=None)
        circumstances = recording(self.tenant_id)
        get_application().store.append(
            "person",
            stream.aggregate_id,
            [PersonRenamed(first_name="Ada", last_name="King")] * size,
            expected_version=version,
            head_hash=GENESIS,
            recording=Recording(
                tenant_id=self.tenant_id, origin=origin, recorded_at=circumstances.recorded_at
            ),
        )
        return size

    def _by_one_row(self, stream: Stream, size: int) -> int:
        version = self._lock(stream, 1)
        self._database.execute(INSERT_ONE, self._row(stream, version + 1)[:7])
        return 1

    def _by_many_rows(self, stream: Stream, size: int) -> int:
        version = self._lock(stream, size)
        self._database.execute(INSERT_MANY, (*self._row(stream, version)[:7], size))
        return size

    def _by_copy(self, stream: Stream, size: int) -> int:
        version = self._lock(stream, size)
        rows = [self._row(stream, version + n) for n in range(1, size + 1)]
        with self._database.connection.cursor() as cursor, cursor.copy(COPY) as copy:
            for row in rows:
                copy.write_row(row)
        return size

    def _lock(self, stream: Stream, size: int) -> int:
        """The stream's version; raises it by `size`, for what bypasses the store."""
        (version,) = self._database.row(LOCK_STREAM, (stream.id,))
        self._database.execute(SET_VERSION, (version + size, stream.id))
        return version

    def _row(self, stream: Stream, version: int) -> tuple[object, ...]:
        metadata = f'{{"user": "{self._signature()}"}}'
        content = ("test.done", 1, "{}", metadata)
        return (stream.id, version, self.tenant_id, *content, "2024-01-01", b"")

    def _signature(self) -> str:
        (position,) = self._database.row(LAST_SEEN)
        return f"saw {position}"

    def _pause(self) -> None:
        """A few milliseconds, so that transactions overlap."""
        sleep(self.random.uniform(0, 0.004))
