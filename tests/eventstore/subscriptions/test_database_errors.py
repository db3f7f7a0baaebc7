"""Whose fault a database error is: of an event, which stops its projection, or of nobody's."""

import random
import string
from uuid import uuid4

from django.db import IntegrityError, OperationalError, connection

from tests.eventstore.subscriptions.domain import Scene, standing
from tests.eventstore.subscriptions.failing import work_until_stopped

#: What two notebooks may not have at the same time, asked at the commit.
DEFERRED = """
ALTER TABLE sample_item ADD CONSTRAINT sample_item_title
UNIQUE (title) DEFERRABLE INITIALLY DEFERRED
"""


def execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def test_a_constraint_that_waits_for_the_commit_is_found_at_its_event(two: Scene) -> None:
    execute(DEFERRED)
    first = two.note("a")[-1]
    second = two.note("a", notebook=uuid4())[-1]
    work_until_stopped(two)

    stopped = standing()
    assert (stopped.position, stopped.failed_position) == (first, second)
    assert IntegrityError.__name__ in stopped.error
    assert standing("places").position == second, "the other one goes on"


def test_a_row_that_no_index_can_hold_stops_its_projection(two: Scene) -> None:
    """An OperationalError, by its class, but no other attempt will end otherwise."""
    execute("ALTER TABLE sample_item ALTER title TYPE text")
    execute("CREATE INDEX sample_item_note ON sample_item (note)")
    first = two.note("a")[-1]
    letters = random.Random(1).choices(string.ascii_letters, k=20_000)
    second = two.note("".join(letters))[-1]
    work_until_stopped(two)

    stopped = standing()
    assert (stopped.position, stopped.failed_position) == (first, second)
    assert OperationalError.__name__ in stopped.error
