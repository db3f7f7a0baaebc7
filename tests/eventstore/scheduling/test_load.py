"""10,000 overdue commands of three tenants: all done, oldest first, and tenants in turn."""

from multiprocessing.connection import Connection
from uuid import UUID

import pytest
from django.db import connection

from eventstore.application import Application, pipeline_from_settings
from eventstore.models import StoredCommand, StoredEvent, Tenant
from tests.crashes import processes
from tests.eventstore.scheduling.domain import Scene, register, scene_of, statuses

#: Of each tenant. The second's are all younger than the first's, the third's younger than both's.
Backlogs = tuple[int, int, int]
RUNNERS = 2

# As `scheduling.schedule` would have kept them, in no order; each on a page of its own, a second
# apart.
OVERDUE = """
INSERT INTO eventstore_command (tenant_id, id, type, data, fingerprint, aggregate_id, "user",
    correlation_id, attempts, status, due_at, code, received_at)
SELECT %(tenant_id)s, gen_random_uuid(), 'write',
       json_build_object('aggregate_id', page, 'word', n::text, 'begins', true),
       '', page, 'mary', gen_random_uuid(), 0, 'scheduled',
       timestamptz '2001-01-01Z' + (%(from)s + n) * interval '1 second', '', clock_timestamp()
FROM (SELECT n, gen_random_uuid() AS page FROM generate_series(1, %(count)s) AS n
      ORDER BY random()) AS numbered
"""

# Each tenant's commands in the order in which they were begun, with their times in order as well.
# One runner at most is ahead of the others by the one command that each has claimed.
DISORDER = """
SELECT max(abs(by_time - by_begin)) FROM (
    SELECT row_number() OVER (PARTITION BY c.tenant_id ORDER BY c.due_at) AS by_time,
           row_number() OVER (PARTITION BY c.tenant_id ORDER BY e.position) AS by_begin
    FROM eventstore_command AS c
    JOIN eventstore_stream AS s ON s.tenant_id = c.tenant_id AND s.aggregate_id = c.aggregate_id
    JOIN eventstore_event AS e ON e.stream_id = s.id
) AS places
"""


def overdue(tenant_id: UUID, count: int, after: int = 0) -> None:
    with connection.cursor() as cursor:
        cursor.execute(OVERDUE, {"tenant_id": tenant_id, "count": count, "from": after})


@pytest.fixture
def three(tenant: Tenant, other_tenant: Tenant, forked: object) -> list[Scene]:
    third = Tenant.objects.create(slug="third", name="Third")
    return [scene_of(each) for each in (tenant, other_tenant, third)]


def run_due(tell: Connection) -> None:
    """A runner, in a process of its own."""
    application = Application(pipeline=pipeline_from_settings())
    register(application)
    tell.send(application.scheduling.run_due())


@pytest.mark.parametrize(
    "backlogs", [(600, 150, 60), pytest.param((9_000, 900, 100), marks=pytest.mark.soak)]
)
def test_overdue_commands_of_three_tenants_are_done_in_turn(
    three: list[Scene], backlogs: Backlogs
) -> None:
    after = 0
    for scene, count in zip(three, backlogs, strict=True):
        overdue(scene.actor.tenant_id, count, after)
        after += count

    runners = [processes.start(run_due) for _ in range(RUNNERS)]
    tried = [runner.next_message(patience=600) for runner in runners]

    assert [runner.ended() for runner in runners] == [0] * RUNNERS
    assert sum(tried) == sum(backlogs)
    assert min(tried) > 0, "both have been at it"
    assert statuses() == {"completed": sum(backlogs)}
    assert set(StoredCommand.objects.values_list("attempts", flat=True)) == {1}
    assert StoredEvent.objects.count() == sum(backlogs)
    assert_oldest_first()
    assert_in_turn([scene.actor.tenant_id for scene in three], backlogs)


def assert_oldest_first() -> None:
    """But for what the runners have begun side by side."""
    with connection.cursor() as cursor:
        cursor.execute(DISORDER)
        assert cursor.fetchone()[0] <= 10 * RUNNERS


def assert_in_turn(tenants: list[UUID], backlogs: Backlogs) -> None:
    """As long as three have something left, each gets a third of what is done; then a half."""
    owners = list(StoredEvent.objects.order_by("position").values_list("tenant_id", flat=True))
    last = {tenant: len(owners) - owners[::-1].index(tenant) for tenant in tenants}
    most, some, few = (last[tenant] for tenant in tenants)
    slack = 20 * RUNNERS
    assert abs(few - 3 * backlogs[2]) <= slack, "the third waits for nobody's end"
    assert abs(some - (3 * backlogs[2] + 2 * (backlogs[1] - backlogs[2]))) <= slack
    assert most == sum(backlogs)
