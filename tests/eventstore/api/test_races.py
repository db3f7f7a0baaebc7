"""Idempotency, expected versions and correlation where calls meet: a real server, real sockets."""

import json
from collections import Counter
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from http.client import HTTPConnection
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth import get_user_model

from eventstore.application import get_application
from eventstore.models import StoredCommand, StoredEvent, Tenant
from eventstore.tenancy import Role
from projections.models import AccountSummary
from tests.eventstore.lock_waits import until_waiting
from tests.eventstore.support import raw_connection
from tests.http import Answer, Api, new_id
from tests.server import PATIENCE, Server, running_server


@pytest.fixture(scope="module")
def server(django_db_setup: None) -> Generator[Server]:
    """One process for all tests here; what it knows stands in the database, wiped between them."""
    with running_server() as running:
        yield running


@pytest.fixture
def key(api: Api, tenant: Tenant) -> str:
    """Mary's."""
    return key_for(tenant, "mary")


def key_for(tenant: Tenant, user_name: str) -> str:
    users = get_user_model().objects
    user = users.filter(username=user_name).first() or users.create_user(user_name)
    return get_application().access.create_key(tenant, user, Role.MEMBER)


@pytest.fixture
def account_id(api: Api) -> str:
    return api.opened_account(api.registered_person())


def calls_at_once(
    server: Server, key: str, requests: list[tuple[str, dict[str, Any], dict[str, str]]]
) -> list[Answer]:
    """Send each over a connection of its own, open before any is sent, all from one barrier."""
    barrier = Barrier(len(requests))

    def call(request: tuple[str, dict[str, Any], dict[str, str]]) -> Answer:
        name, fields, headers = request
        with closing(HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)) as connection:
            connection.connect()
            barrier.wait(PATIENCE)
            sent = {**headers_of(key), **headers}
            connection.request("POST", f"/api/commands/{name}", json.dumps(fields), sent)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())

    with ThreadPoolExecutor(len(requests)) as threads:
        return list(threads.map(call, requests))


def headers_of(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}


def deposit(account_id: str, amount: str = "1.00") -> tuple[str, dict[str, Any]]:
    return "deposit-money", {"aggregate_id": account_id, "amount": amount}


def balance(account_id: str) -> str:
    return str(AccountSummary.objects.get(account_id=account_id).balance)


def deposits() -> int:
    return StoredEvent.objects.filter(type="account.money_deposited").count()


# One command id ----------------------------------------------------------------------------------


@pytest.mark.parametrize("create", [False, True], ids=["a deposit", "a new person"])
def test_one_command_id_50_times_at_once_is_one_event_and_one_answer(
    server: Server, key: str, account_id: str, create: bool
) -> None:
    request = deposit(account_id)
    if create:
        request = ("register-person", {"first_name": "Ada", "last_name": "King"})
    before = StoredEvent.objects.count()
    headers = {"Idempotency-Key": new_id()}

    answers = calls_at_once(server, key, [(*request, headers)] * 50)

    assert {answer.status for answer in answers} == {201 if create else 200}
    assert len({answer.raw for answer in answers}) == 1
    replayed = Counter(answer.headers.get("Idempotent-Replayed") for answer in answers)
    assert replayed == {None: 1, "true": 49}
    for name in ("ETag", "Location"):
        assert len({answer.headers.get(name) for answer in answers}) == 1
    assert StoredEvent.objects.count() == before + 1
    assert StoredCommand.objects.filter(id=headers["Idempotency-Key"]).count() == 1
    assert balance(account_id) == ("0.00" if create else "1.00")


def test_a_refusal_50_times_at_once_is_stored_once_and_answered_alike(
    server: Server, key: str, account_id: str
) -> None:
    headers = {"Idempotency-Key": new_id()}
    request = ("withdraw-money", {"aggregate_id": account_id, "amount": "5.00"}, headers)

    answers = calls_at_once(server, key, [request] * 50)

    assert {(answer.status, answer.code) for answer in answers} == {(422, "insufficient_funds")}
    assert len({answer.raw for answer in answers}) == 1
    assert sum("Idempotent-Replayed" in answer.headers for answer in answers) == 49
    assert StoredCommand.objects.filter(id=headers["Idempotency-Key"]).count() == 1


def test_a_refusal_is_replayed_although_it_would_succeed_by_now(
    server: Server, key: str, account_id: str
) -> None:
    headers = {"Idempotency-Key": new_id()}
    withdrawal = {"aggregate_id": account_id, "amount": "5.00"}
    first = server.send(key, "withdraw-money", withdrawal, headers)
    server.send(key, *deposit(account_id, "10.00"))
    again = server.send(key, "withdraw-money", withdrawal, headers)
    assert (first.status, again.status, again.raw) == (422, 422, first.raw)
    assert again.headers["Content-Type"] == "application/problem+json"
    assert again.headers["Idempotent-Replayed"] == "true"
    assert balance(account_id) == "10.00"


def test_other_contents_under_one_id_at_once_are_one_done_and_the_rest_refused(
    server: Server, key: str, account_id: str
) -> None:
    headers = {"Idempotency-Key": new_id()}
    requests = [(*deposit(account_id, f"{n}.00"), headers) for n in range(1, 11)]

    answers = calls_at_once(server, key, requests)

    assert Counter(answer.status for answer in answers) == {200: 1, 422: 9}
    reused = [answer for answer in answers if answer.status == 422]
    assert {answer.code for answer in reused} == {"command_id_reused"}
    assert all("Idempotent-Replayed" not in answer.headers for answer in reused)
    (winner,) = (n for n, answer in enumerate(answers, start=1) if answer.status == 200)
    assert (deposits(), balance(account_id)) == (1, f"{winner}.00")


def test_two_tenants_use_the_same_id_at_once(
    server: Server, key: str, other_tenant: Tenant
) -> None:
    headers = {"Idempotency-Key": new_id()}
    ada = {"first_name": "Ada", "last_name": "King"}
    ours = partial(server.send, key, "register-person", ada, headers)
    theirs = partial(server.send, key_for(other_tenant, "otto"), "register-person", ada, headers)

    with ThreadPoolExecutor(2) as threads:
        answers = [call.result() for call in (threads.submit(ours), threads.submit(theirs))]

    assert [answer.status for answer in answers] == [201, 201]
    assert not any("Idempotent-Replayed" in answer.headers for answer in answers)
    assert answers[0].body["aggregate_id"] != answers[1].body["aggregate_id"]
    assert StoredCommand.objects.filter(id=headers["Idempotency-Key"]).count() == 2


def test_who_hangs_up_before_the_answer_and_sends_again_gets_it(
    server: Server, key: str, account_id: str
) -> None:
    headers = {"Idempotency-Key": new_id()}
    name, fields = deposit(account_id)
    with raw_connection() as holder:
        # The command is held up behind this lock, so the caller is gone before it is done.
        holder.execute("SELECT FROM account_summary FOR UPDATE")
        connection = HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
        sent = {**headers_of(key), **headers}
        connection.request("POST", f"/api/commands/{name}", json.dumps(fields), sent)
        until_waiting()
        connection.close()
        assert not StoredCommand.objects.filter(id=headers["Idempotency-Key"]).exists()
        holder.rollback()

    answer = server.send(key, name, fields, headers)

    assert (answer.status, answer.body["version"]) == (200, 2)
    assert answer.headers["Idempotent-Replayed"] == "true"
    assert (deposits(), balance(account_id)) == (1, "1.00")


def wait_until(happened: Callable[[], bool]) -> None:
    with raw_connection(autocommit=True) as clock:
        for _ in range(PATIENCE * 100):
            if happened():
                return
            clock.execute("SELECT pg_sleep(0.01)")
    raise AssertionError("it did not happen")


# Expected versions -------------------------------------------------------------------------------


def test_of_two_with_the_same_if_match_at_once_one_wins_and_one_is_stale(
    server: Server, key: str, account_id: str
) -> None:
    for version in range(1, 6):
        before = StoredCommand.objects.count()
        request = (*deposit(account_id), {"If-Match": f'"{version}"'})

        answers = sorted(calls_at_once(server, key, [request] * 2), key=lambda a: a.status)

        assert [answer.status for answer in answers] == [200, 412]
        assert answers[0].headers["ETag"] == f'"{version + 1}"'
        assert answers[1].refused(412, "stale_version")
        assert (deposits(), StoredCommand.objects.count()) == (version, before + 1)


def test_twenty_without_if_match_at_once_all_succeed(
    server: Server, key: str, account_id: str
) -> None:
    requests = [(*deposit(account_id, f"{n}.01"), {}) for n in range(1, 21)]

    answers = calls_at_once(server, key, requests)

    assert {answer.status for answer in answers} == {200}
    assert sorted(answer.body["version"] for answer in answers) == list(range(2, 22))
    assert (deposits(), balance(account_id)) == (20, "210.20")


# Correlation -------------------------------------------------------------------------------------


def test_the_correlation_id_comes_back_and_is_stored_each_with_its_own_call(
    server: Server, key: str, account_id: str
) -> None:
    wanted = [new_id() for _ in range(10)]
    requests = [(*deposit(account_id), {"X-Correlation-ID": wish}) for wish in wanted]

    answers = calls_at_once(server, key, requests)

    assert [answer.body["correlation_id"] for answer in answers] == wanted
    for wish, answer in zip(wanted, answers, strict=True):
        entry = StoredCommand.objects.get(id=answer.body["command_id"])
        event = StoredEvent.objects.get(position=answer.body["position"])
        assert entry.correlation_id == UUID(wish)
        assert json.loads(event.metadata)["correlation_id"] == wish


def test_a_replay_tells_the_first_calls_correlation_id(
    server: Server, key: str, account_id: str
) -> None:
    first_wish, headers = new_id(), {"Idempotency-Key": new_id()}
    first = server.send(key, *deposit(account_id), {**headers, "X-Correlation-ID": first_wish})
    again = server.send(key, *deposit(account_id), {**headers, "X-Correlation-ID": new_id()})
    assert (again.raw, again.body["correlation_id"]) == (first.raw, first_wish)
