"""Scenario E: a command for later, over HTTP; by runners that race, and by ones that die."""

import signal
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from urllib.parse import quote

import pytest

from eventstore.application import Application
from eventstore.models import ApiKey, Membership, StoredCommand, StoredEvent, Tenant
from eventstore.tenancy import Role
from tests.crashes.conftest import forked as forked
from tests.crashes.processes import end_all, start
from tests.crashes.striking import Place
from tests.eventstore.support import at_once
from tests.http import Answer, Api, api_for
from tests.mail_server import MailServer
from tests.replay import assert_rows_equal_a_replay
from tests.scenarios.runners import DEADLY, run_and_die_of_the_deadly, run_to_the_end

YESTERDAY, TOMORROW = (
    datetime.now(UTC).replace(microsecond=0) + timedelta(days=days) for days in (-1, 1)
)


@pytest.fixture
def processes(forked: MailServer, tenant: Tenant):
    """Forked ones; none is left behind."""
    yield
    end_all()


@pytest.fixture
def operator(tenant: Tenant) -> Api:
    return api_for(tenant, Role.OPERATOR, "olga")


def register(api: Api, moment: datetime, first_name: str = "Ada") -> Answer:
    name = f"register-person?at={quote(moment.isoformat())}"
    answer = api.send(name, {"first_name": first_name, "last_name": "King"})
    assert answer.status == 202, answer.raw
    return answer


def entry_of(api: Api, kept: Answer) -> tuple[str, str, int]:
    """What the log says of it: status, code, attempts."""
    entry = api.get(kept.headers["Location"]).body
    return entry["status"], entry["code"], entry["attempts"]


def person(api: Api, kept: Answer) -> Answer:
    return api.get(f"/api/persons/{kept.body['aggregate_id']}")


def test_a_command_for_tomorrow_is_in_the_log_with_its_time_and_nowhere_else(
    api: Api, application: Application
) -> None:
    kept = register(api, TOMORROW)

    assert application.scheduling.run_due() == 0
    assert application.reactions.work() == 0
    assert StoredEvent.objects.count() == 0
    entry = api.get(kept.headers["Location"]).body
    assert entry["status"] == "scheduled"
    assert datetime.fromisoformat(entry["due_at"]) == TOMORROW
    person(api, kept).refused(404, "not_found")


def test_when_it_is_due_it_is_done_once_with_two_runners_at_once(
    api: Api, application: Application
) -> None:
    kept = register(api, TOMORROW)

    tried = at_once(*[partial(application.scheduling.run_due, now=TOMORROW)] * 2)

    assert sorted(tried) == [0, 1]  # type: ignore[type-var]  # an error is none
    assert [event.type for event in StoredEvent.objects.all()] == ["person.registered"]
    assert entry_of(api, kept) == ("completed", "", 1)
    assert person(api, kept).body["name"] == "Ada King"
    assert_rows_equal_a_replay(application)


def test_two_processes_at_once_do_each_command_once(
    api: Api, application: Application, processes: None
) -> None:
    kept = [register(api, YESTERDAY + timedelta(seconds=second)) for second in range(40)]

    runners = [start(run_to_the_end) for _ in range(2)]

    assert sum(runner.next_message() for runner in runners) == 40
    assert [runner.ended() for runner in runners] == [0, 0]
    assert {entry_of(api, each) for each in kept} == {("completed", "", 1)}
    assert StoredEvent.objects.count() == 40
    assert_rows_equal_a_replay(application)


def test_once_cancelled_it_is_never_done(
    api: Api, operator: Api, application: Application
) -> None:
    kept = register(api, TOMORROW)
    assert operator.method("DELETE", kept.headers["Location"]).status == 200

    assert application.scheduling.run_due(now=TOMORROW + timedelta(days=1)) == 0

    assert StoredEvent.objects.count() == 0
    assert entry_of(api, kept) == ("cancelled", "", 0)


@pytest.mark.parametrize("point", ["schedule.claimed", "command.handled", "command.committed"])
def test_killed_while_it_runs_it_is_done_once(
    api: Api, application: Application, processes: None, point: str
) -> None:
    kept = register(api, YESTERDAY)
    killed = start(run_to_the_end, Place(point, 1))
    assert killed.ended() == -signal.SIGKILL
    assert killed.told() == [point]
    is_done = point == "command.committed"
    assert StoredEvent.objects.count() == int(is_done)
    assert entry_of(api, kept)[0] == ("completed" if is_done else "pending")

    assert start(run_to_the_end).ended() == 0

    assert [event.type for event in StoredEvent.objects.all()] == ["person.registered"]
    assert entry_of(api, kept) == ("completed", "", 1 if is_done else 2)
    assert_rows_equal_a_replay(application)


def test_what_kills_its_worker_is_set_aside_after_five_attempts_and_the_others_go_on(
    api: Api, operator: Api, application: Application, processes: None
) -> None:
    deadly = register(api, YESTERDAY, DEADLY)
    others = [register(api, YESTERDAY + timedelta(seconds=1 + second)) for second in range(10)]

    deaths = 0
    while start(run_and_die_of_the_deadly).ended() == -signal.SIGKILL:
        deaths += 1
        assert deaths <= 5

    assert deaths == 5
    assert entry_of(api, deadly) == ("failed", "fatal", 5)
    assert {entry_of(api, other) for other in others} == {("completed", "", 1)}
    assert StoredEvent.objects.count() == 10
    refused = operator.method("DELETE", deadly.headers["Location"])
    refused.refused(409, "not_cancellable")

    # Whatever was deadly about it is mended, and an operator retries it.
    command_id = deadly.body["command_id"]
    application.reactions.retry_command(
        StoredCommand.objects.get(id=command_id).tenant_id, command_id
    )
    application.scheduling.run_due()
    assert entry_of(api, deadly) == ("completed", "", 1)
    assert_rows_equal_a_replay(application)


def end_membership() -> None:
    Membership.objects.filter(user__username="mary").delete()


def lower_role() -> None:
    Membership.objects.filter(user__username="mary").update(role="auditor")


@pytest.mark.parametrize("change", [end_membership, lower_role])
def test_the_right_to_do_it_is_checked_again_when_it_runs(
    api: Api, operator: Api, application: Application, change: Callable[[], None]
) -> None:
    kept = register(api, YESTERDAY)
    change()

    assert application.scheduling.run_due() == 1
    assert application.scheduling.run_due() == 0

    assert entry_of(operator, kept) == ("refused", "forbidden", 1)
    assert StoredEvent.objects.count() == 0


def test_a_key_that_has_ended_since_is_no_reason(api: Api, application: Application) -> None:
    """The user has the right, whichever key the wish came with."""
    kept = register(api, YESTERDAY)
    ApiKey.objects.update(revoked_at=YESTERDAY)
    assert application.scheduling.run_due() == 1
    assert StoredCommand.objects.get(id=kept.body["command_id"]).status == "completed"
