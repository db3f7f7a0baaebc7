"""Invariant 5: the live rows equal a replay of all events in the order of positions."""

from typing import Any

from django.db.models import Model

from eventstore.application import Application
from eventstore.models import StoredEvent, Subscription
from eventstore.projections import Mode, Projection, Table
from eventstore.testing import replay


def assert_rows_equal_a_replay(application: Application) -> int:
    """The same after the background's work was done: for tests of those who append.

    Of a runner it would say nothing, as what he left undone would be done here.
    """
    bring_level(application)
    return assert_rows_as_replayed(application)


def assert_rows_as_replayed(application: Application) -> int:
    """Compare every row of every projection as it is, and do nothing; how many there were."""
    return sum(_compare(application, projection) for projection in application.projections)


def bring_level(application: Application) -> None:
    """Do what workers and readers do in time: every projection contains all that has settled."""
    Subscription.objects.filter(mode=Mode.SCHEDULED).update(due_at=None)
    application.subscriptions.work()
    catch_up_on_demand(application)


def catch_up_on_demand(application: Application) -> None:
    """What readers do, and no runner."""
    for projection in application.projections.in_mode(Mode.ON_DEMAND):
        application.subscriptions.catch_up(projection)


def is_level(application: Application) -> bool:
    """Whether workers have brought each projection that is theirs to the last event."""
    application.database.close_if_broken()
    last = StoredEvent.objects.order_by("position").values_list("position", flat=True).last()
    theirs = Subscription.objects.filter(mode__in=(Mode.ASYNC, Mode.SCHEDULED))
    count = sum(len(application.projections.in_mode(m)) for m in (Mode.ASYNC, Mode.SCHEDULED))
    return theirs.filter(position__gte=last or 0).count() == count


def _compare(application: Application, projection: Projection) -> int:
    expected = replay(projection, application.reader.read_log())
    count = 0
    for table in projection.tables:
        live = live_rows(table)
        assert live == expected.tables[table.model], table.model.__name__
        count += len(live)
    return count


def live_rows(table: Table) -> dict[tuple[Any, ...], dict[str, Any]]:
    """The rows by tenant and key, without the surrogate id, which no reader sees."""
    rows = {}
    for values in _all(table.model):
        del values["id"]
        place = tuple(values.pop(name) for name in ("tenant_id", *table.key))
        rows[place] = values
    return rows


def _all(model: type[Model]) -> list[dict[str, Any]]:
    return list(model._default_manager.values())
