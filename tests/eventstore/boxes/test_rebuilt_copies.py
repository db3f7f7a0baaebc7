"""Copies as of a time or a position, whose events lie in boxes, in the table, or in both."""

from datetime import UTC, datetime, timedelta

import pytest

from eventstore.models import Box, RowCopy
from eventstore.testing import replay
from projections.models import PersonSummary
from tests.eventstore.boxes.stowing import stow
from tests.eventstore.copy_support import make, query, registered
from tests.eventstore.support import World

NOON = datetime(1994, 3, 31, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
#: When each was recorded: times go backwards where a command waited in line.
MINUTES = {"Ada": 1, "Bob": 3, "Cid": 2, "Dan": 4, "Eve": 4, "Fay": 6}


def names_in(copy: RowCopy) -> list[str]:
    rows = query(f'SELECT name FROM "{copy.schema}".{PersonSummary._meta.db_table}')
    return sorted(name.partition(" ")[0] for (name,) in rows)


@pytest.mark.long
@pytest.mark.parametrize("boxed", [("Ada",), ("Fay",), ("Bob", "Cid", "Eve"), tuple(MINUTES)])
def test_a_copy_ends_at_the_same_event_wherever_the_events_are(
    world: World, boxed: tuple[str, ...]
) -> None:
    application, tenant_id = world.application, world.actor.tenant_id
    positions = {
        name: registered(application, tenant_id, name, NOON + minute * MINUTE)
        for name, minute in MINUTES.items()
    }
    ids = {e.event.first_name: e.aggregate_id for e in application.reader.read_log()}
    stow(application, *(ids[name] for name in boxed))
    assert Box.objects.count() == len(boxed)
    expected = {
        0: [],
        1: ["Ada"],
        2: ["Ada"],
        3: ["Ada", "Bob", "Cid"],
        4: ["Ada", "Bob", "Cid", "Dan", "Eve"],
        5: ["Ada", "Bob", "Cid", "Dan", "Eve"],
        6: list(MINUTES),
    }
    for minute, names in expected.items():
        copy = make(application, f"at-{minute}", as_of=NOON + minute * MINUTE)
        assert (names_in(copy), copy.rows) == (names, len(names)), minute
        assert copy.position == (positions[names[-1]] if names else 0)
    for number, position in enumerate(positions.values(), start=1):
        copy = make(application, f"until-{number}", position=position)
        assert (names_in(copy), copy.position) == (list(MINUTES)[:number], position)
    assert make(application, "now").position == positions["Fay"]


def test_the_copys_rows_are_those_of_a_replay_of_the_events_before_boxing(world: World) -> None:
    application = world.application
    accounts = [world.account("5.00") for _ in range(3)]
    for account in accounts:
        world.deposit(account)
    every = list(application.reader.read_log())
    stow(application, *accounts[:2])
    for recorded in every[::3]:
        copy = make(application, f"p-{recorded.position}", position=recorded.position, names=())
        for projection in application.projections:
            until = (event for event in every if event.position <= recorded.position)
            expected = replay(projection, until).tables
            for table in projection.tables:
                name = table.model._meta.db_table
                ((count,),) = query(f'SELECT count(*) FROM "{copy.schema}".{name}')
                assert count == len(expected[table.model]), name
        ((total,),) = query(
            f'SELECT coalesce(sum(balance), 0) FROM "{copy.schema}".account_summary'
        )
        deposited = (getattr(e.event, "amount", 0) for e in every if e.position <= copy.position)
        assert total == sum(deposited)
