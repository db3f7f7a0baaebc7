"""Lost connections, tables that are never free, and what the dead have left."""

from threading import get_ident

import pytest

from eventstore import fault_points
from eventstore.errors import (
    NotRebuildable,
)
from tests.eventstore.rebuilding.meanwhile import Meanwhile
from tests.eventstore.rebuilding.support import (
    at,
    differing,
    execute,
    rebuild,
    shadows,
    xmins,
)
from tests.eventstore.subscriptions.domain import Scene, standing
from tests.eventstore.support import PATIENCE, raw_connection

pytestmark = pytest.mark.usefixtures("tables")


# Hostile conditions ------------------------------------------------------------------------------


def test_a_connection_that_is_lost_leaves_the_rows_as_they_were(two: Scene) -> None:
    two.note("a", "b")
    two.work()
    before = xmins("sample_item"), standing()

    def lose() -> None:
        with raw_connection(autocommit=True) as operator:
            operator.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )

    for point in ("rebuild.made", "rebuild.filled", "rebuild.locked", "rebuild.swapped"):
        with at(point, lose), pytest.raises(Exception, match=r"connection|terminat"):
            rebuild(two.application, "items")
        two.application.database.connection.close()
        assert (xmins("sample_item"), standing()) == before, point
        assert differing(two.application, "items") == 0
    rebuild(two.application, "items")
    assert shadows() == []
    assert two.texts() == ["a", "b"]


def test_tables_that_somebody_never_lets_go_are_told_and_nothing_is_left(
    two: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eventstore.replacing.TRIES", 3)
    two.note("a")
    two.work()
    before = xmins("sample_item"), standing()
    with raw_connection() as reader:
        reader.execute("SELECT FROM sample_item")
        with pytest.raises(NotRebuildable, match="pg_stat_activity"):
            rebuild(two.application, "items")
        assert (xmins("sample_item"), standing()) == before
    assert shadows() == []
    rebuild(two.application, "items")


def test_what_comes_while_it_waits_is_in_the_new_rows(two: Scene) -> None:
    """Each try reads on, and those that fail leave no event out and take none twice."""
    two.note("a")
    two.work()
    tries: list[str] = []
    with raw_connection() as reader:
        reader.execute("SELECT FROM sample_item")
        me = get_ident()

        def strike(point: str) -> None:
            if get_ident() != me and point == "rebuild.batch":
                tries.append(point)

        fault_points.arm(strike)
        rebuilding = Meanwhile(lambda: rebuild(two.application, "items"))
        for number in range(PATIENCE * 20):
            two.note(str(number))
            if len(tries) > 5:
                break
        reader.rollback()
        assert not isinstance(rebuilding.end(), Exception), rebuilding.outcome
    two.note("end")
    two.work()
    assert two.texts() == ["a", *map(str, range(number + 1)), "end"]
    assert differing(two.application, "items") == 0


def test_the_schema_of_one_who_is_dead_is_taken_away(two: Scene) -> None:
    execute("CREATE SCHEMA shadow_777", "CREATE TABLE shadow_777.sample_item (id int)")
    execute("COMMENT ON SCHEMA shadow_777 IS 'daybook: items is being rebuilt'")
    rebuild(two.application, "places")
    assert shadows() == ["shadow_777"], "another projection's may be in use"
    rebuild(two.application, "items")
    assert shadows() == []
