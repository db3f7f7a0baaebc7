"""What still needs a stream as it is: named in a refusal, and nothing has changed then."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from django.db.models.functions import Now

from eventstore.application import Application, get_application
from eventstore.models import ProcessInstance, Reaction, StoredCommand, Subscription
from eventstore.rebuild_log import KEEP_BOXES, RebuildLog
from eventstore.subscription_log import PAUSE, RESUME
from projections.models import TenantOverview
from tests.eventstore.boxes.support import (
    box,
    let_all_read,
    nothing_changes,
    rename,
    renamed_person,
    unbox,
)
from tests.eventstore.failing import BREAKS, broken_statements, exhaust
from tests.eventstore.lock_waits import until_waiting
from tests.eventstore.support import PATIENCE, raw_connection
from tests.http import Api

LATER = datetime.now(UTC) + timedelta(days=2)
IN_THE_BACKGROUND = ("account_statement", "daily_totals", "tenant_overview", "transfer_summary")


def refused(send, api: Api, aggregate_id: str, category: str) -> str:
    """The work that a refusal names; but for the refusal's own row nothing has changed."""
    let_all_but_the_idle_read()
    with nothing_changes("eventstore_command"):
        answer = send(api, aggregate_id, category).refused(409, "pending_work")
    start = f"The {category} {aggregate_id} still has pending work: "
    assert answer.body["detail"].startswith(start)
    assert answer.body["detail"].endswith(". Let it end, or cancel it, then try again.")
    return str(answer.body["detail"].removeprefix(start))


def let_all_but_the_idle_read() -> None:
    for subscription in Subscription.objects.exclude(mode="inline").filter(status="active"):
        application = get_application()
        application.subscriptions.catch_up(application.projections.named(subscription.projection))


def test_a_command_for_later_is_in_the_way_until_it_is_cancelled(operator: Api) -> None:
    person = renamed_person(operator, 0)
    fields = {"aggregate_id": person, "first_name": "Ada", "last_name": "King"}
    kept = operator.send(f"rename-person?at={quote(LATER.isoformat())}", fields)

    told = refused(box, operator, person, "person")

    assert f"command rename-person is scheduled, due {LATER:%Y-%m-%d %H:%M} UTC" in told
    operator.method("DELETE", f"/api/commands/{kept.body['command_id']}")
    assert box(operator, person).status == 200


def test_a_list_names_the_first_few_of_many(operator: Api) -> None:
    person = renamed_person(operator, 0)
    for number in range(7):
        fields = {"aggregate_id": person, "first_name": "Ada", "last_name": f"King {number}"}
        operator.send(f"rename-person?at={quote(LATER.isoformat())}", fields)

    assert refused(box, operator, person, "person").count("is scheduled") == 5


@contextmanager
def undrained(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What process managers are to do is left to a worker."""
    reactions = get_application().reactions
    with monkeypatch.context() as patch:
        patch.setattr(reactions, "drain", lambda caused, correlation_id: None)
        yield


@pytest.fixture
def transfer(operator: Api, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The streams of a transfer that has started, and not gone on."""
    owner = operator.registered_person()
    source = operator.opened_account(owner, deposit="100.00")
    target = operator.opened_account(owner)
    fields = {"from_account_id": source, "to_account_id": target, "amount": "69.00"}
    with undrained(monkeypatch):
        started = operator.send("start-transfer", fields)
    return {"source": source, "target": target, "transfer": str(started.body["aggregate_id"])}


@pytest.mark.parametrize("end", ["source", "target", "transfer"])
def test_a_transfer_under_way_is_in_the_way_of_all_that_it_touches(
    operator: Api, application: Application, transfer: dict[str, str], end: str
) -> None:
    category = "transfer" if end == "transfer" else "account"
    before = refused(box, operator, transfer[end], category)
    assert f"transfer {transfer['transfer']} waits for its first step" in before
    Reaction.objects.update(lease_until=Now())
    application.reactions.work()
    assert ProcessInstance.objects.get().waits_for == ""

    assert box(operator, transfer[end], category).status == 200


@pytest.mark.parametrize("end", ["source", "target", "transfer"])
def test_a_transfer_between_two_steps_is_in_the_way(
    operator: Api, transfer: dict[str, str], end: str
) -> None:
    """Then its state alone names the target, and the next command is in the log."""
    state = f'{{"id":"{transfer["transfer"]}","to_account_id":"{transfer["target"]}"}}'
    ProcessInstance.objects.update(waits_for="its debit", state=state)
    Reaction.objects.update(status="done")
    if end == "source":
        StoredCommand.objects.filter(type="deposit-money").update(status="pending")

    told = refused(box, operator, transfer[end], "transfer" if end == "transfer" else "account")

    assert (
        "command deposit-money is pending" if end == "source" else "waits for its debit"
    ) in told


def test_a_reaction_that_is_set_aside_is_in_the_way_though_its_process_has_ended(
    operator: Api, application: Application, transfer: dict[str, str]
) -> None:
    Reaction.objects.update(lease_until=Now())
    application.reactions.work()
    late = Reaction.objects.filter(name="account.money_withdrawn")
    assert late.update(status="parked", attempts=5) == 1

    told = refused(box, operator, transfer["source"], "account")

    assert "has not reacted to account.money_withdrawn (parked)" in told
    late.update(status="done")
    assert box(operator, transfer["source"], "account").status == 200


def test_a_paused_projection_that_has_not_read_it_is_in_the_way(
    operator: Api, application: Application
) -> None:
    account = operator.opened_account(operator.registered_person(), deposit="1.00")
    let_all_read()
    act = application.subscriptions.act
    act(PAUSE, "account_statement", user="olga", reason="to see")
    # What it has read already is no reason.
    before = box(operator, account, "account")
    unbox(operator, account, "account")
    deposit = {"aggregate_id": account, "amount": "2.00"}
    position = operator.send("deposit-money", deposit).body["position"]

    told = refused(box, operator, account, "account")

    assert before.status == 200
    said = f"projection account_statement has read up to position {position - 1} of {position}"
    assert f"{said} and is paused" in told
    act(RESUME, "account_statement", user="olga", reason="seen")
    assert box(operator, account, "account").status == 200


def test_a_stopped_projection_is_in_the_way(operator: Api) -> None:
    account = operator.opened_account(operator.registered_person())
    with broken_statements():
        booking = {"aggregate_id": account, "amount": "1.00", "reference": BREAKS}
        operator.send("deposit-money", booking)
        exhaust()

        told = refused(box, operator, account, "account")

    assert "projection account_statement has read" in told
    assert "and is stopped" in told


def test_projections_that_merely_lag_are_brought_level(operator: Api) -> None:
    person = renamed_person(operator, 3)
    account = operator.opened_account(person, deposit="1.00")
    last = operator.send("deposit-money", {"aggregate_id": account, "amount": "2.00"})
    behind = Subscription.objects.filter(projection__in=IN_THE_BACKGROUND)
    assert {row.position for row in behind} == {0}

    assert box(operator, account, "account").status == 200

    assert {row.position for row in behind.all()} == {last.body["position"]}
    assert TenantOverview.objects.get().total_balance == 3


@pytest.mark.parametrize("send", [box, unbox])
def test_a_rebuild_is_in_the_way(operator: Api, application: Application, send) -> None:
    person = renamed_person(operator, 1)
    if send is unbox:
        box(operator, person)

    with RebuildLog(application.database).alone("account_statement"):
        told = refused(send, operator, person, "person")

    assert "rows of a projection are rebuilt, checked or copied" in told
    assert send(operator, person).status == 200


def test_a_rebuild_that_waits_for_its_turn_is_in_the_way_as_well(operator: Api) -> None:
    """Else whoever boxes one after the other would never let it begin."""
    person = renamed_person(operator, 1)

    with waiting_rebuild():
        told = refused(box, operator, person, "person")

    assert "rows of a projection are rebuilt" in told


@contextmanager
def waiting_rebuild() -> Iterator[None]:
    """Somebody boxes, and a rebuild that has just come waits for him."""
    with (
        raw_connection() as boxing,
        raw_connection() as rebuild,
        ThreadPoolExecutor(1) as thread,
    ):
        boxing.execute("LOCK TABLE eventstore_box IN ROW EXCLUSIVE MODE")
        rebuild.execute("SET lock_timeout = '60s'")
        waiting = thread.submit(rebuild.execute, KEEP_BOXES)
        until_waiting()
        yield
        boxing.rollback()
        waiting.result(PATIENCE)


def test_before_an_unbox_those_that_merely_lag_are_brought_level(operator: Api) -> None:
    person = renamed_person(operator, 2)
    box(operator, person)
    behind = Subscription.objects.filter(projection="account_statement")
    level = behind.get().position
    behind.update(position=1)

    assert unbox(operator, person).status == 200
    assert behind.get().position == level


@pytest.mark.parametrize("status", ["paused", "stopped"])
def test_an_unbox_waits_for_every_projection_to_have_read_the_box(
    operator: Api, status: str
) -> None:
    """Else its events would come back below a checkpoint that has yet to come to them."""
    person = renamed_person(operator, 2)
    box(operator, person)
    behind = Subscription.objects.filter(projection="account_statement")
    level = behind.get().position
    behind.update(position=1, status=status)

    with nothing_changes("eventstore_command"):
        told = unbox(operator, person).refused(409, "pending_work").body["detail"]

    assert "projection account_statement has read up to position 1 of 3" in told
    behind.update(position=level, status="active")
    assert unbox(operator, person).status == 200
    assert rename(operator, person).body["version"] == 4
