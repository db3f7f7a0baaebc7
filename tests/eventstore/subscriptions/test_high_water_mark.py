"""However slowly writers commit, a projection takes every event once, in order."""

import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from random import Random
from threading import Event
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connections, transaction

from eventstore import subscriptions
from eventstore.events import RecordedEvent
from eventstore.hash_chain import GENESIS
from eventstore.models import StoredEvent
from eventstore.projections import Mode
from eventstore.tenancy import Actor
from tests.eventstore.sample_tables import Item
from tests.eventstore.subscriptions.domain import Noted, Scene, scene, standing
from tests.eventstore.support import PATIENCE, raw_connection, recording

WRITERS = 4
#: Of one writer, in the quick test and in a soak.
TRANSACTIONS = [12, pytest.param(1_000, marks=pytest.mark.soak)]


class SlowWriter:
    """Keeps its transactions open for a while after an append, and rolls some back."""

    def __init__(self, seed: str, scene: Scene) -> None:
        self._chance = Random(seed)
        self._scene = scene
        self.notebooks: list[UUID] = []

    def write(self, transactions: int, is_enough: Event) -> None:
        """So many transactions at least, and on until there is enough of them."""
        until = time.monotonic() + PATIENCE
        try:
            while transactions > 0 or not is_enough.is_set():
                self._transaction()
                transactions -= 1
                assert transactions > 0 or time.monotonic() < until, "it is never enough"
        finally:
            connections.close_all()

    def _transaction(self) -> None:
        chance = self._chance
        with transaction.atomic():
            notebooks = [self._begin() for _ in range(chance.randint(1, 3))]
            time.sleep(chance.uniform(0, 0.05))
            if chance.random() < 0.2:
                transaction.set_rollback(True)
                notebooks = []
        self.notebooks += notebooks

    def _begin(self) -> UUID:
        notebook = uuid4()
        events = [Noted(text=str(n)) for n in range(self._chance.randint(1, 3))]
        self._scene.application.store.append(
            "notebook",
            notebook,
            events,
            expected_version=0,
            head_hash=GENESIS,
            recording=recording(self._scene.actor.tenant_id),
        )
        time.sleep(self._chance.uniform(0, 0.03))
        return notebook


def committed() -> list[int]:
    return list(StoredEvent.objects.order_by("position").values_list("position", flat=True))


@pytest.mark.parametrize("mode", [Mode.ASYNC, Mode.ON_DEMAND])
@pytest.mark.parametrize("transactions", TRANSACTIONS)
def test_slow_writers_events_are_taken_once_and_in_order(
    tables: None, member: Actor, mode: Mode, transactions: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriptions, "BATCH", 30)
    reader = scene(member, items=mode, places=mode)
    taken: list[int] = []
    reader.hooks.item = lambda recorded: taken.append(recorded.position)
    writers = [SlowWriter(f"{mode} {n}", reader) for n in range(WRITERS)]
    with ThreadPoolExecutor(WRITERS) as threads:
        missed = Event()
        running = [threads.submit(writer.write, transactions, missed) for writer in writers]
        follow(reader, mode, running, missed)
    for each in running:
        each.result()
    catch_up(reader, mode)

    assert taken == committed()
    assert missed.is_set(), "no writer was slower than a later one: nothing is proven"
    assert standing().position == taken[-1]
    notebooks = [notebook for writer in writers for notebook in writer.notebooks]
    assert Item.objects.count() == len(notebooks)
    assert reader.as_replayed("items")
    assert reader.as_replayed("places")


def follow(reader: Scene, mode: Mode, running: Sequence[Any], missed: Event) -> None:
    """Project beside the writers; set `missed` where a reader of whatever is there would miss."""
    seen: set[int] = set()
    while not all(each.done() for each in running):
        catch_up(reader, mode)
        now = committed()
        assert standing().position <= max(now, default=0), "beyond the last event"
        if any(position not in seen and position < max(seen, default=0) for position in now):
            missed.set()
        seen.update(now)


def catch_up(reader: Scene, mode: Mode) -> None:
    if mode is Mode.ASYNC:
        reader.work()
    else:
        reader.application.subscriptions.catch_up(reader.projection("items"))
        reader.application.subscriptions.catch_up(reader.projection("places"))


def test_the_checkpoint_is_the_last_event_and_never_the_mark(two: Scene) -> None:
    """After a crash, positions that no commit has made durable are drawn again."""
    last = two.note("a")[0]
    with raw_connection() as raw:
        raw.execute("SELECT nextval('eventstore_event_position_seq') FROM generate_series(1, 9)")
        raw.rollback()
    assert two.application.high_water_mark.settled() == last + 9
    two.work()
    assert standing().position == last


def test_an_event_behind_an_open_transaction_waits_for_its_end(two: Scene) -> None:
    order: dict[UUID, list[int]] = defaultdict(list)

    def note(recorded: RecordedEvent[Any]) -> None:
        order[recorded.aggregate_id].append(recorded.position)

    two.hooks.item = note
    two.note("a")
    with raw_connection() as slow:
        slow.execute("INSERT INTO eventstore_event SELECT * FROM eventstore_event WHERE false")
        behind = two.note("b")[0]
        two.work()
        assert two.texts() == ["a"]
        slow.rollback()
    two.work()
    assert two.texts() == ["a", "b"]
    assert order[two.notebook][-1] == behind
