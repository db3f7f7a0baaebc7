"""The reader's three statements, with writers at work between them."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import combinations_with_replacement
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction

from eventstore.database import Database
from tests.eventstore.high_water_mark.readers import OurReader
from tests.eventstore.high_water_mark.scene import Scene
from tests.eventstore.high_water_mark.verdicts import missed

Step = Callable[[], object]


class InterruptedDatabase(Database):
    """The real one; after its first, second, third statement it carries out what is due then."""

    def __init__(self, *happenings: Sequence[Step]) -> None:
        super().__init__()
        self._happenings = iter(happenings)

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> psycopg.Cursor[Any]:
        cursor = super().execute(sql, parameters)
        for step in next(self._happenings, ()):
            step()
        return cursor


@pytest.mark.parametrize("last", ["first", "second"])
def test_nothing_is_missed_whatever_happens_between_the_statements(
    scene: Scene, last: str
) -> None:
    """Two appends and two commits, spread in every way before, between and after the three."""
    delivered, checkpoint = [], 0
    for moments in combinations_with_replacement(range(4), 4):
        steps = overlapping_appends(scene, last)
        due = [[s for m, s in zip(moments, steps, strict=True) if m == n] for n in range(4)]
        for step in due[0]:
            step()
        reader = OurReader(InterruptedDatabase(*due[1:]))
        reader.checkpoint = checkpoint
        reader.read()
        finish(reader)
        delivered += [event.position for event in reader.delivered]
        checkpoint = reader.checkpoint

        assert delivered == scene.committed(), f"the steps came after statements {moments}"


def finish(reader: OurReader) -> None:
    """Read on until all steps have happened and nothing more comes."""
    for _ in range(3):
        reader.read()


def overlapping_appends(scene: Scene, last: str) -> list[Step]:
    """The first writer draws the lower position; the one named `last` commits last."""
    writers = {"first": scene.first, "second": scene.second}
    late = writers.pop(last)
    (early,) = writers.values()
    return [
        partial(scene.first.append, scene.stream()),
        partial(scene.second.append, scene.stream()),
        early.connection.commit,
        late.connection.commit,
    ]


def test_a_reader_with_one_snapshot_for_all_three_would_miss_an_event(scene: Scene) -> None:
    """Why READ COMMITTED: the rows must be looked up after the locks were."""
    early = scene.first.append(scene.stream())
    scene.second.append(scene.stream())
    scene.second.connection.commit()
    reader = OurReader(InterruptedDatabase([scene.first.connection.commit]))

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        reader.read()

    assert missed(reader.delivered, scene.committed()) == {early}
