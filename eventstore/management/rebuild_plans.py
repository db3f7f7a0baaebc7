"""What a rebuild would do to one projection, and what forbids it: read, and nothing written."""

from typing import Any, NamedTuple

from eventstore.application import Application
from eventstore.errors import NotRebuildable
from eventstore.management.rebuild_arguments import Scope
from eventstore.projections import Mode, Projection
from eventstore.shadow_tables import ShadowTables

# All of it as of one moment; and the database itself sees to it that nothing is written.
READ_ONLY = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"

# The events that a replay would project.
EVENTS = """
SELECT count(*) FROM eventstore_event
WHERE type = ANY(%(types)s) AND (%(tenant_id)s::uuid IS NULL OR tenant_id = %(tenant_id)s)
"""

# What it would look through in cold storage: all of a box, whatever types are in it.
BOXES = """
SELECT count(*), coalesce(sum(event_count), 0)::bigint FROM eventstore_box
WHERE unboxed_at IS NULL AND (%(tenant_id)s::uuid IS NULL OR tenant_id = %(tenant_id)s)
"""


class Plan(NamedTuple):
    """`forbidden_by`: sentences; with one of them the rebuild would end with 1 or 3.

    `events` are those online; of the ones in cold storage nobody knows yet which types they have.
    """

    projection: str
    mode: str
    registered_mode: str
    status: str
    position: int
    events: int
    boxes: int
    boxed_events: int
    rows: int
    would: str
    forbidden_by: list[str]


def plan(application: Application, name: str, scope: Scope) -> Plan:
    """As of now."""
    projection = application.projections.named(name)
    assert projection is not None, "names are looked up before"
    registered = application.projections.mode_of(name)
    with application.database.transaction():
        application.database.execute(READ_ONLY)
        standing = application.subscription_log.standing(name)
        mode = standing.mode if standing else registered
        ((boxes, boxed_events),) = application.database.rows(BOXES, {"tenant_id": scope.tenant_id})
        return Plan(
            projection=name,
            mode=mode.value,
            registered_mode=registered.value,
            status=standing.status if standing else "new",
            position=standing.position if standing else 0,
            events=_events(application, projection, scope),
            boxes=boxes,
            boxed_events=boxed_events,
            rows=_rows(application, projection, scope),
            would=_would(mode, registered, scope),
            forbidden_by=_obstacles(application, projection, scope, mode),
        )


def lines(plan: Plan) -> list[str]:
    """What there is, what would be done, and what forbids it."""
    boxes = "1 box" if plan.boxes == 1 else f"{plan.boxes:,} boxes"
    boxed = f", and {boxes} with {plan.boxed_events:,}" if plan.boxes else ""
    found = [
        f"{plan.projection}: {plan.mode}, {plan.status}, at {plan.position:,}; "
        f"{plan.rows:,} rows; {plan.events:,} events would be read{boxed}",
        f"  {plan.would}",
    ]
    return found + [f"  It cannot be done now: {reason}" for reason in plan.forbidden_by]


def plain(plan: Plan) -> dict[str, Any]:
    """For programs."""
    return plan._asdict()


def _events(application: Application, projection: Projection, scope: Scope) -> int:
    types = list(application.events.stored_names(projection.events))
    row = application.database.row(EVENTS, {"types": types, "tenant_id": scope.tenant_id})
    return int(row[0]) if row else 0


def _rows(application: Application, projection: Projection, scope: Scope) -> int:
    count = 0
    for table in projection.tables:
        rows = table.model._default_manager.using(application.database.alias)
        if scope.tenant_id:
            rows = rows.filter(tenant_id=scope.tenant_id)
        count += rows.count()
    return count


def _would(mode: Mode, registered: Mode, scope: Scope) -> str:
    if scope.stream:
        return f"Of the rows that {scope.stream} has touched, those that differ are replaced."
    if scope.tenant:
        return f"Of tenant {scope.tenant}'s rows, those that differ are replaced."
    if mode is not registered:
        return f"All rows are made anew and put in place at once, {registered} instead of {mode}."
    return "All rows are made anew and put in place at once."


def _obstacles(
    application: Application, projection: Projection, scope: Scope, mode: Mode
) -> list[str]:
    found = []
    if not application.rebuilding.log.is_free(projection.name):
        found.append("somebody else rebuilds, checks or mends it.")
    if scope.tenant_id and mode is not application.projections.mode_of(projection.name):
        found.append("its mode changes; rebuild all of it, without --tenant and --stream.")
    if not scope.tenant_id:
        try:
            ShadowTables(application.database, projection, "").refuse_what_cannot_be_replaced()
        except NotRebuildable as error:
            found.append(f"{error.reason}.")
    return found
