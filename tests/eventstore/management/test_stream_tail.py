"""`manage.py stream tail`: the newest events, of one stream or of the log, and those that come."""

import signal
from uuid import UUID, uuid4

from eventstore.application import Application
from eventstore.high_water_mark import HighWaterMark
from eventstore.inspection import all_events
from eventstore.management.streams import LogTail
from eventstore.models import Tenant
from ledger.accounts.events import AccountOpened
from tests.eventstore.management.stream_command import lines, told, versions
from tests.eventstore.support import World, append, raw_connection
from tests.processes import start_manage


def test_tail_shows_the_newest_events_of_a_stream_oldest_first(account: str) -> None:
    assert versions("tail", account, "--lines", "2") == [4, 5]
    assert lines("tail", account, "--lines", "2") == lines("show", account)[3:]
    assert lines("tail", account, "--lines", "0") == []


def test_tail_shows_the_log_of_a_tenant_or_of_all(
    world: World, account: str, application: Application, other_tenant: Tenant
) -> None:
    other_id = uuid4()
    opened = AccountOpened(owner_id=uuid4(), code="theirs")
    append(application.store, other_tenant.id, other_id, opened)

    assert [line.partition("  ")[0] for line in lines("tail", "--lines", "2")] == [
        f"acme {account}",
        f"umbrella account-{other_id}",
    ]
    assert len(lines("tail")) == 7
    assert {event["tenant"] for event in told("tail", "--tenant", "acme")} == {"acme"}
    assert len(lines("tail", "--tenant", "umbrella")) == 1


def test_an_inactive_tenants_log_can_be_read(account: str) -> None:
    Tenant.objects.update(active=False)

    assert len(lines("tail", "--tenant", "acme", "--lines", "3")) == 3


def positions(events: object) -> list[int]:
    return [event.position for event in events]


def test_a_follower_waits_for_an_earlier_position_that_is_not_committed_yet(
    world: World, application: Application, tenant: Tenant
) -> None:
    """Somebody holds a position; later ones commit; none is shown before it, and each once."""
    account_id = world.account()
    tail = LogTail(all_events(), HighWaterMark(application.database))
    seen = positions(tail.newest(10))
    assert len(seen) == 2

    with raw_connection() as slow:
        slow.execute(
            "INSERT INTO eventstore_event (stream_id, version, tenant_id, type, schema_version, "
            "data, metadata, recorded_at, hash) SELECT id, 9, tenant_id, 'a.slow', 1, '{}', '{}', "
            "now(), 'x' FROM eventstore_stream WHERE category = 'person'"
        )
        world.deposit(account_id)
        assert positions(tail.fresh()) == []
    assert [event.type for event in tail.fresh()] == ["a.slow", "account.money_deposited"]
    assert positions(tail.fresh()) == []

    world.deposit(account_id)
    assert [event.version for event in tail.fresh()] == [3]


def test_a_follower_of_one_stream_sees_it_alone(world: World, application: Application) -> None:
    account_id, other_id = world.account(), world.account()
    events = all_events().filter(stream__aggregate_id=account_id)
    tail = LogTail(events, HighWaterMark(application.database))
    assert len(tail.newest(10)) == 1

    for _ in range(3):
        world.deposit(other_id)
        world.deposit(account_id)

    assert [event.version for event in tail.fresh()] == [2, 3, 4]


def test_tail_follows_until_ctrl_c(world: World, account: str) -> None:
    process = start_manage("stream", "tail", account, "--lines", "1", "--follow")
    assert process.stdout is not None
    try:
        assert process.stdout.readline().startswith("version 5  ")
        world.deposit(UUID(account[-36:]))
        world.deposit(UUID(account[-36:]))
        assert process.stdout.readline().startswith("version 6  ")
        assert process.stdout.readline().startswith("version 7  ")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert (out, err, process.returncode) == ("", "", 0)
