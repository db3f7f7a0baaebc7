"""Scenario F: money moves between two accounts, over HTTP, with every way in which that ends."""

import time
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from eventstore.application import Application, get_application
from eventstore.models import ProcessInstance, Reaction, StoredCommand, Tenant
from eventstore.tenancy import Role
from projections.models import AccountSummary, TransferSummary
from tests.eventstore.support import PATIENCE, at_once
from tests.http import Answer, Api, api_for, new_id
from tests.replay import assert_rows_equal_a_replay
from tests.scenarios.test_scenario_f_held_up import awaited

#: What only the process of a transfer sends.
INTERNAL = ("refund-money", "update-transfer", "complete-transfer", "fail-transfer")


@pytest.fixture
def owner_id(api: Api) -> str:
    return api.registered_person()


@pytest.fixture
def source(api: Api, owner_id: str) -> str:
    return api.opened_account(owner_id, "source", deposit="100")


@pytest.fixture
def target(api: Api, owner_id: str) -> str:
    return api.opened_account(owner_id, "target", deposit="100")


def start(api: Api, source: str, target: str, amount: Any = "69") -> Answer:
    fields = {"from_account_id": source, "to_account_id": target, "amount": amount}
    return api.send("start-transfer", fields)


def transferred(api: Api, source: str, target: str, amount: str = "69") -> dict[str, Any]:
    """The transfer as the read model shows it once its start is answered and a worker has run."""
    answer = start(api, source, target, amount)
    assert answer.status == 201, answer.raw
    assert answer.headers["Location"] == f"/api/transfers/{answer.body['aggregate_id']}"
    assert [event["type"] for event in answer.body["events"]] == ["transfer.started"]
    get_application().subscriptions.work()
    return dict(api.get(answer.headers["Location"]).body)


def balances(api: Api, *accounts: str) -> list[str]:
    return [api.get(f"/api/accounts/{account}").body["balance"] for account in accounts]


def events(tenant: Tenant, category: str, aggregate_id: str) -> list[tuple[str, dict[str, Any]]]:
    """As an auditor reads them."""
    auditor = api_for(tenant, Role.AUDITOR, "agatha")
    stream = auditor.get(f"/api/streams/{category}/{aggregate_id}").body
    return [(event["type"], event["data"]) for event in stream["events"]]


def emptied_and_closed(api: Api, account: str) -> None:
    balance = balances(api, account)[0]
    if Decimal(balance):
        api.send("withdraw-money", {"aggregate_id": account, "amount": balance})
    assert api.send("close-account", {"aggregate_id": account}).status == 200


def test_money_moves_and_the_history_shows_debit_and_credit(
    api: Api, application: Application, tenant: Tenant, source: str, target: str
) -> None:
    transfer = transferred(api, source, target)

    assert balances(api, source, target) == ["31.00", "169.00"]
    assert (transfer["from_account_id"], transfer["to_account_id"]) == (source, target)
    assert (transfer["amount"], transfer["status"], transfer["reason"]) == (
        "69.00",
        "completed",
        "",
    )
    assert transfer["started_at"] < transfer["ended_at"] == transfer["updated_at"]
    transfer_id = transfer["transfer_id"]
    assert events(tenant, "transfer", transfer_id) == [
        ("transfer.started", {
            "from_account_id": source, "to_account_id": target, "amount": "69.00"
        }),
        ("transfer.updated", {"status": "debited"}),
        ("transfer.updated", {"status": "credited"}),
        ("transfer.completed", {}),
    ]  # fmt: skip
    booked = {
        "amount": "69.00", "booked_on": None, "reference": None, "transfer_id": transfer_id
    }  # fmt: skip
    assert events(tenant, "account", source)[-1] == ("account.money_withdrawn", booked)
    credited = ("account.money_deposited", {**booked, "is_refund": False})
    assert events(tenant, "account", target)[-1] == credited
    assert awaited() == ""
    assert_rows_equal_a_replay(application)


def test_everything_that_a_transfer_does_is_one_correlation(
    api: Api, source: str, target: str
) -> None:
    correlation_id = start(api, source, target).body["correlation_id"]

    sent = StoredCommand.objects.filter(correlation_id=correlation_id).order_by("number")
    assert list(sent.values_list("type", "status")) == [
        ("start-transfer", "completed"),
        ("withdraw-money", "completed"),
        ("update-transfer", "completed"),
        ("deposit-money", "completed"),
        ("complete-transfer", "completed"),
    ]


def test_too_little_money_is_a_transfer_that_fails_and_touches_neither_account(
    api: Api, application: Application, source: str, target: str
) -> None:
    before = [api.get(f"/api/accounts/{account}").body for account in (source, target)]

    transfer = transferred(api, source, target, "100.01")

    assert (transfer["status"], transfer["reason"]) == ("failed", "insufficient_funds")
    assert transfer["ended_at"] is not None
    after = [api.get(f"/api/accounts/{account}").body for account in (source, target)]
    assert after == before
    assert_rows_equal_a_replay(application)


def test_a_closed_target_is_a_transfer_that_fails_with_the_money_back(
    api: Api, application: Application, tenant: Tenant, source: str, target: str
) -> None:
    emptied_and_closed(api, target)

    transfer = transferred(api, source, target)

    assert (transfer["status"], transfer["reason"]) == ("failed", "account_closed")
    assert balances(api, source, target) == ["100.00", "0.00"]
    debit, refund = events(tenant, "account", source)[-2:]
    assert (debit[0], refund[0]) == ("account.money_withdrawn", "account.money_deposited")
    assert refund[1]["is_refund"] is True
    assert debit[1]["transfer_id"] == refund[1]["transfer_id"] == transfer["transfer_id"]
    assert_rows_equal_a_replay(application)


def test_a_closed_source_is_a_transfer_that_fails(api: Api, source: str, target: str) -> None:
    emptied_and_closed(api, source)

    transfer = transferred(api, source, target)

    assert (transfer["status"], transfer["reason"]) == ("failed", "account_closed")
    assert balances(api, source, target) == ["0.00", "100.00"]


def test_the_money_comes_back_to_a_source_that_was_closed_meanwhile_and_can_be_withdrawn(
    api: Api,
    application: Application,
    source: str,
    target: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    emptied_and_closed(api, target)
    with monkeypatch.context() as patch:
        # The request does the debit and leaves the rest to a worker.
        patch.setattr("eventstore.reactions.MOST_STEPS", 1)
        transfer = transferred(api, source, target, "100")
    assert transfer["status"] == "started"
    assert balances(api, source) == ["0.00"]
    assert awaited() == f"the debit of account {source}"
    assert api.send("close-account", {"aggregate_id": source}).status == 200

    while application.reactions.work():
        pass
    application.subscriptions.work()

    transfer = api.get(f"/api/transfers/{transfer['transfer_id']}").body
    assert (transfer["status"], transfer["reason"]) == ("failed", "account_closed")
    refunded = api.get(f"/api/accounts/{source}").body
    assert (refunded["status"], refunded["balance"]) == ("closed", "100.00")
    withdraw = {"aggregate_id": source, "amount": "100"}
    api.send("deposit-money", withdraw).refused(422, "account_closed")
    assert api.send("withdraw-money", withdraw).status == 200
    api.send("withdraw-money", withdraw).refused(422, "account_closed")
    assert_rows_equal_a_replay(application)


def test_one_account_is_no_transfer(api: Api, application: Application, source: str) -> None:
    start(api, source, source).refused(422, "same_account")
    application.subscriptions.work()
    assert not TransferSummary.objects.exists()


@pytest.mark.parametrize("amount", ["0", "-1", "NaN", "0.001", 1.5, None])
def test_an_amount_that_is_none_is_a_wrong_field(
    api: Api, source: str, target: str, amount: Any
) -> None:
    refused = start(api, source, target, amount).refused(400, "validation_failed")
    assert set(refused.body["errors"]) == {"amount"}


def test_an_unknown_account_and_another_tenants_answer_alike(
    api: Api, other_tenant: Tenant, source: str
) -> None:
    theirs = api_for(other_tenant, user_name="otto")
    their_account = theirs.opened_account(theirs.registered_person(), deposit="100")
    unknown = new_id()

    for fields in ({"to_account_id": source}, {"from_account_id": source}):
        bodies = []
        for account in (unknown, their_account):
            both = {"from_account_id": account, "to_account_id": account, **fields}
            answer = api.send("start-transfer", {**both, "amount": "69"}).refused(404, "not_found")
            bodies.append(answer.raw.replace(account.encode(), b"<account>"))
        assert bodies[0] == bodies[1]
    assert balances(theirs, their_account) == ["100.00"]


def test_another_tenants_transfer_answers_like_an_unknown_one(
    api: Api, other_tenant: Tenant, source: str, target: str
) -> None:
    transfer_id = transferred(api, source, target)["transfer_id"]
    theirs = api_for(other_tenant, user_name="otto")

    seen = theirs.get(f"/api/transfers/{transfer_id}").refused(404, "not_found")
    unknown = new_id()
    not_there = theirs.get(f"/api/transfers/{unknown}").refused(404, "not_found")
    assert seen.raw.replace(transfer_id.encode(), unknown.encode()) == not_there.raw
    assert theirs.get("/api/transfers").body["count"] == 0


def test_transfers_are_listed_and_found_by_their_columns(
    api: Api, source: str, target: str
) -> None:
    completed = transferred(api, source, target, "1")
    failed = transferred(api, target, source, "1000")

    assert api.get("/api/transfers?ordering=started_at").body["results"] == [completed, failed]
    found = api.get(f"/api/transfers?status=failed&from_account_id={target}").body["results"]
    assert found == [failed]
    assert api.get("/api/transfers?reason=insufficient_funds").body["results"] == [failed]
    api.get("/api/transfers?status=credited").refused(400, "validation_failed")


@pytest.mark.parametrize("name", INTERNAL)
def test_a_command_that_only_a_process_sends_does_not_exist_outside(
    api: Api, source: str, name: str
) -> None:
    fields = {"aggregate_id": source, "amount": "1", "transfer_id": new_id()}
    known = api.send(name, fields).refused(404, "not_found")
    unknown = api.send("no-such-command", fields).refused(404, "not_found")
    assert known.raw.replace(name.encode(), b"no-such-command") == unknown.raw
    assert name.encode() not in api.get("/api/schema").raw


@pytest.mark.parametrize("name", ["deposit-money", "withdraw-money"])
def test_a_field_that_only_a_process_sets_does_not_exist_outside(
    api: Api, source: str, name: str
) -> None:
    fields = {"aggregate_id": source, "amount": "1"}
    answers = [
        api.send(name, {**fields, unknown: new_id()}).refused(400, "validation_failed")
        for unknown in ("transfer_id", "no_such_field")
    ]
    assert answers[0].raw.replace(b"transfer_id", b"no_such_field") == answers[1].raw
    schema = api.get("/api/schema").body
    sent = schema["paths"][f"/api/commands/{name}"]["post"]["requestBody"]
    assert "transfer_id" not in str(sent)
    assert balances(api, source) == ["100.00"]


def test_50_transfers_in_parallel_there_and_back_keep_the_sum_and_all_end(
    api: Api, application: Application, tenant: Tenant, source: str, target: str
) -> None:
    ways = [(source, target), (target, source)] * 25
    callers = [api_for(tenant) for _ in ways]

    answers = at_once(
        *[partial(start, caller, *way, "7") for caller, way in zip(callers, ways, strict=True)]
    )

    assert [answer.status for answer in answers if isinstance(answer, Answer)] == [201] * 50
    wait_until_all_have_ended(application)
    application.subscriptions.work()
    assert TransferSummary.objects.count() == 50
    assert not TransferSummary.objects.exclude(status__in=("completed", "failed")).exists()
    reasons = TransferSummary.objects.filter(status="failed").values_list("reason", flat=True)
    assert set(reasons) <= {"insufficient_funds"}
    assert sum(AccountSummary.objects.values_list("balance", flat=True)) == Decimal("200.00")
    assert_rows_equal_a_replay(application)


def wait_until_all_have_ended(application: Application) -> None:
    """As a worker does: what found an account locked for too long is tried again later."""
    until = time.monotonic() + PATIENCE
    while ProcessInstance.objects.exclude(waits_for="").exists():
        assert time.monotonic() < until, list(Reaction.objects.exclude(status="done").values())
        if not application.reactions.work():
            time.sleep(0.1)
