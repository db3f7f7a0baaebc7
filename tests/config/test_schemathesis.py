"""Every answer to whatever can be sent is as `/api/schema` declares it, and none is a fault.

schemathesis makes requests from the description, well-formed and broken ones, sends them through
the whole of the project, and compares status, media type, headers and body of each answer.
"""

import json
from collections import defaultdict
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest
import schemathesis
from django.contrib.auth.models import User
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.generation.meta import TestPhase
from schemathesis.specs.openapi.checks import (
    ignored_auth,
    negative_data_rejection,
    positive_data_acceptance,
)

from config.openapi import description
from config.wsgi import application as wsgi_application
from eventstore import read_models
from eventstore.application import Application
from eventstore.models import StoredEvent, Subscription, Tenant
from eventstore.rebuild_log import Order
from eventstore.tenancy import Role
from eventstore.throttling import Throttle
from tests.eventstore.api.clock import HandMovedClock
from tests.http import api_for
from tests.replay import bring_level

#: What well-formed requests may be answered with; never that they are malformed.
WELL_FORMED = ["2xx", "403", "404", "409", "410", "412", "422"]

#: What each action is done to: one that it is possible for, once. Not one on demand, whose rows
#: nobody can read then.
PROJECTIONS = {
    "pause": "transfer_summary",
    "resume": "account_statement",
    "retry": "transfer_summary",
    "skip": "daily_totals",
    "rebuild": "account_summary",
    "rebuilds": "person_summary",
    "{number}": "person_summary",
}

#: The same requests each time.
QUICK = {"deterministic": True, "max-examples": 6}
#: Of the malformed requests that cover every constraint, every so-manieth is sent; in a soak each.
QUICK_SHARE = 4
#: Other requests each time.
THOROUGH = {"deterministic": False, "max-examples": 150}


@dataclass
class Bank:
    """A person with an account, money in it, and a caller who asks about them."""

    role: Role
    headers: dict[str, str]
    #: By parameter or field, what is there.
    known: dict[str, list[str]]
    #: Commands that can be cancelled, which only works once for each.
    scheduled: list[str]
    #: What each operation answered: statuses, and codes of errors.
    answers: dict[str, set[int | str]] = field(default_factory=lambda: defaultdict(set))
    calls: Iterator[int] = field(default_factory=count)
    #: Of the malformed requests that cover every constraint, every so-manieth is sent.
    share: int = 1
    malformed: Iterator[int] = field(default_factory=count)


@pytest.fixture(params=[Role.OPERATOR, Role.AUDITOR])
def bank(
    request: pytest.FixtureRequest,
    application: Application,
    tenant: Tenant,
    monkeypatch: pytest.MonkeyPatch,
) -> Bank:
    # A fast machine calls more often than one client may.
    unlimited = Throttle(application.database, calls_per_minute=0)
    monkeypatch.setattr(application, "throttle", unlimited)
    # Nobody waits half a minute for an event, or a row, that never comes.
    clock = HandMovedClock().install(monkeypatch)
    of_rows = SimpleNamespace(monotonic=lambda: clock.now, sleep=clock.sleep)
    monkeypatch.setattr(read_models, "time", of_rows)
    # schemathesis 4.32 asks for a name that pytest 9.2 has changed.
    request.node._nodeid = request.node.nodeid
    teller = api_for(tenant, Role.OPERATOR, "olga")
    person_id = teller.registered_person()
    opened = teller.send("open-account", {"owner_id": person_id, "code": "1"}).body
    account_id, empty_id = opened["aggregate_id"], teller.opened_account(person_id)
    teller.send("deposit-money", {"aggregate_id": account_id, "amount": "500.00"})
    target_id = teller.opened_account(person_id)
    transfer = {"from_account_id": account_id, "to_account_id": target_id, "amount": "1.00"}
    transfer_id = teller.send("start-transfer", transfer).body["aggregate_id"]
    user = {"login_name": "ursula", "password": "correct horse"}
    user_id = teller.send("start-user-registration", user).body["aggregate_id"]
    later = "deposit-money?at=2999-12-31T12:00Z"
    deposit = {"aggregate_id": account_id, "amount": "1.00"}
    scheduled = [teller.send(later, deposit).body["command_id"] for _ in range(3)]
    make_actions_possible(application)
    application.copies.make("then", user="olga")
    key = application.access.create_key(tenant, User.objects.create_user("carl"), request.param)
    return Bank(
        role=request.param,
        headers={"Authorization": f"Bearer {key}"},
        known={
            "person_id": [person_id],
            "transfer_id": [transfer_id],
            "from_account_id": [account_id],
            "to_account_id": [target_id],
            "user_id": [user_id],
            "owner_id": [person_id],
            "account_id": [account_id],
            "category": ["account"],
            "empty_account_id": [empty_id, account_id],
            "command_id": [opened["command_id"]],
            "number": [application.rebuilding.log.ask(Order("check", "person_summary", "olga"))],
            "amount": ["12.34"],
            "snapshot": ["then"],
            "If-Match": ['"1"', '"2"', '"3"'],
        },
        scheduled=scheduled,
    )


def make_actions_possible(application: Application) -> None:
    """As a worker and an operator have left the projections."""
    bring_level(application)
    rows = Subscription.objects
    rows.filter(projection=PROJECTIONS["resume"]).update(status="paused")
    failed = StoredEvent.objects.latest("position").position
    for action in ("retry", "skip"):
        stopped = rows.filter(projection=PROJECTIONS[action])
        stopped.update(status="stopped", failed_position=failed, attempts=5, error="out of order")


def aimed(document: dict[str, Any], bank: Bank, tenant: Tenant) -> dict[str, Any]:
    """The description with what is there among the values, so that requests get past 404."""
    for path, methods in document["paths"].items():
        known = {**bank.known, "aggregate_id": bank.known[target_of(path)]}
        known["name"] = [PROJECTIONS.get(path.rpartition("/")[2], "")]
        if path.endswith("withdraw-money"):
            known["amount"] = ["12.34", "999999999999.99"]
        for method, operation in methods.items():
            if method == "delete":
                known["command_id"] = bank.scheduled
            for parameter in operation.get("parameters", ()):
                parameter["schema"] = _with(known.get(parameter["name"]), parameter["schema"])
                if parameter["name"] == "X-Tenant":
                    parameter["schema"] = {"enum": [tenant.slug]}
                # Of a balance's two days one is given, and what is drawn would not hit that.
                if path.endswith("balance") and parameter["name"] == "booked_on":
                    parameter["example"] = "2026-01-01"
                if parameter["in"] == "path":
                    parameter["example"] = known[parameter["name"]][0]
            if "requestBody" in operation:
                body = operation["requestBody"]["content"]["application/json"]
                body["example"] |= {
                    name: known[name][0] for name in body["example"] if name in known
                }
                properties = body["schema"]["properties"]
                for name, schema in properties.items():
                    properties[name] = _with(known.get(name), schema)
    return document


def target_of(path: str) -> str:
    """What a command can be done to."""
    if path.endswith("close-account"):
        return "empty_account_id"
    return "person_id" if "person" in path else "account_id"


def _with(known: list[str] | None, schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [{"enum": known}, schema]} if known else schema


def schema_for(bank: Bank, tenant: Tenant, generation: dict[str, Any]) -> Any:
    """What schemathesis makes requests from; fewer for an auditor, since only the role differs."""
    settings = {
        # None kept in a folder, to be sent again.
        "generation": {**generation, "database": "none"},
        "checks": {"positive_data_acceptance": {"expected-statuses": WELL_FORMED}},
        "phases": {"coverage": {"enabled": bank.role == Role.OPERATOR}},
    }
    document = aimed(json.loads(json.dumps(description())), bank, tenant)
    config = SchemathesisConfig.from_dict(settings)
    schema = schemathesis.openapi.from_dict(document, config=config)
    schema.app = wsgi_application
    return schema


@pytest.fixture
def described(bank: Bank, tenant: Tenant) -> Generator[Any, None, None]:
    bank.share = QUICK_SHARE
    yield schema_for(bank, tenant, QUICK)
    # The requests did get to the bottom of it.
    for operation, answers in bank.answers.items():
        is_reading = operation.startswith("GET") and "/api/projections" not in operation
        may_send = bank.role == Role.OPERATOR or is_reading
        assert answers & ({200, 201, 202} if may_send else {403}), operation
    seen = set[int | str]().union(*bank.answers.values())
    if bank.role == Role.OPERATOR:
        assert seen >= {"not_found", "already_exists", "stale_version", "command_id_reused"}
        # Which of the domain's own it comes to, is up to the amounts that it draws.
        assert len(seen & {"insufficient_funds", "not_renamed", "balance_not_zero"}) >= 2


@pytest.fixture
def described_at_length(bank: Bank, tenant: Tenant) -> Any:
    return schema_for(bank, tenant, THOROUGH)


def call_and_compare(case: schemathesis.Case, bank: Bank) -> None:
    is_well_formed = case.meta.generation.mode.is_positive
    covers = case.meta.phase.name is TestPhase.COVERAGE
    if covers and not is_well_formed and next(bank.malformed) % bank.share:
        return
    if is_well_formed and next(bank.calls) % 3:
        # The same key with another body would be refused for that alone.
        case.headers.pop("Idempotency-Key", None)
        case.headers.pop("If-Match", None)
        # For later, the domain is not asked yet.
        case.query.pop("at", None)
    answer = case.call(headers=bank.headers)
    excluded = not_said_by_json_schema(case)
    seen = bank.answers[case.operation.label]
    if seen & {200, 201}:
        # It sends the same again with no key and with wrong ones; once for each operation will do.
        excluded.append(ignored_auth)
    seen.add(answer.status_code)
    code = answer.json().get("code") if answer.status_code >= 400 else None
    if code:
        seen.add(code)
    # No worker is here, and two projections are stopped: then what is asked for never comes.
    if code == "not_caught_up" and "min_position" in case.query:
        excluded.append(not_a_server_error)
    case.validate_response(answer, headers=bank.headers, excluded_checks=excluded)


def not_said_by_json_schema(case: schemathesis.Case) -> list[Any]:
    """The checks that ask more of a request's answer than the description can say."""
    body = case.body if isinstance(case.body, dict) else {}
    query = case.query if isinstance(case.query, dict) else {}
    excluded: list[Any] = []
    is_feed = case.operation.label == "GET /api/feed"
    is_balance = case.operation.label == "GET /api/accounts/{account_id}/balance"
    if (
        # 5.0 is no integer to us,
        isinstance(body.get("amount"), float)
        # a position must have been reached,
        or query.get("min_position", 0) != 0
        or (is_feed and query.get("after", 0) != 0)
        # nobody waits for a copy,
        or ("snapshot" in query and {"min_position", "wait"} & query.keys())
        # a state is asked for by its version or by its time,
        or {"version", "at"} <= query.keys()
        # and a balance for exactly one of two days.
        or (is_balance and len({"booked_on", "recorded_on"} & query.keys()) != 1)
    ):
        excluded.append(positive_data_acceptance)
    # Blanks around a text do not count, so more characters than `maxLength` may be few enough.
    if any(isinstance(value, str) and value != value.strip() for value in body.values()):
        excluded.append(negative_data_rejection)
    return excluded


QUICKLY = schemathesis.pytest.from_fixture("described")
AT_LENGTH = schemathesis.pytest.from_fixture("described_at_length")


@pytest.mark.long
@QUICKLY.parametrize()
@pytest.mark.no_cover  # What it runs through has tests of its own.
def test_every_answer_is_as_declared(case: schemathesis.Case, bank: Bank) -> None:
    call_and_compare(case, bank)


@AT_LENGTH.parametrize()
@pytest.mark.soak
def test_every_answer_to_many_more_requests_is_as_declared(
    case: schemathesis.Case, bank: Bank
) -> None:
    call_and_compare(case, bank)
