"""An account's statement and its balance on a day, over HTTP."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from eventstore.application import Application
from eventstore.models import StoredEvent, Tenant
from projections.models import AccountStatementLine
from projections.queries import balance_recorded
from tests.http import Api, api_for, new_id

COLUMNS = ["position", "booked_on", "reference", "amount", "balance", "version", "updated_at"]


@pytest.fixture
def account_id(api: Api) -> str:
    return api.opened_account(api.registered_person())


def book(api: Api, account_id: str, amount: str, **fields: str) -> int:
    """Pay in, or out where the amount is negative; the position."""
    command = "withdraw-money" if amount.startswith("-") else "deposit-money"
    body = {"aggregate_id": account_id, "amount": amount.lstrip("-"), **fields}
    answer = api.send(command, body)
    assert answer.status == 200, answer.raw
    return int(answer.body["position"])


def today(api: Api, account_id: str) -> str:
    """The UTC day by the database's clock, on which everything here was recorded."""
    return str(api.get(f"/api/accounts/{account_id}").body["updated_at"])[:10]


def test_a_statement_shows_each_booking_with_the_balance_after_it(
    api: Api, application: Application, account_id: str
) -> None:
    positions = [
        book(api, account_id, "10.00", reference="Pay", booked_on="1994-03-31"),
        book(api, account_id, "-3.50"),
    ]
    path = f"/api/accounts/{account_id}/statement"
    assert api.get(path).body == {"count": 0, "page": 1, "page_size": 50, "results": []}
    application.subscriptions.work()

    answer = api.get(path)

    assert [list(line) for line in answer.body["results"]] == [COLUMNS, COLUMNS]
    shown = [list(line.values())[:6] for line in answer.body["results"]]
    assert shown == [
        [positions[0], "1994-03-31", "Pay", "10.00", "10.00", 2],
        [positions[1], today(api, account_id), "", "-3.50", "6.50", 3],
    ]
    assert answer.headers["X-Position"] == str(positions[1])


def test_a_statement_is_filtered_ordered_and_paged(
    api: Api, application: Application, account_id: str
) -> None:
    for number in range(1, 6):
        book(api, account_id, f"{number}.00", booked_on=f"1994-03-{number:02}")
    application.subscriptions.work()
    path = f"/api/accounts/{account_id}/statement"

    def amounts(query: str) -> list[str]:
        return [line["amount"] for line in api.get(f"{path}?{query}").body["results"]]

    assert amounts("page_size=2&page=2") == ["3.00", "4.00"]
    assert amounts("ordering=-booked_on&page_size=1") == ["5.00"]
    assert amounts("booked_on=1994-03-02") == ["2.00"]
    assert amounts("balance=6.00") == ["3.00"]
    for wrong in ("booked_on=1994-02-30", "ordering=account_id", "amount=x"):
        api.get(f"{path}?{wrong}").refused(400, "validation_failed")
    api.get(f"{path}?account_id={account_id}").refused(400, "unknown_parameter")


def test_the_account_of_a_statement_must_be_there_and_ones_own(
    api: Api, application: Application, other_tenant: Tenant
) -> None:
    other = api_for(other_tenant, user_name="eve")
    theirs = other.opened_account(other.registered_person(), deposit="5.00")
    application.subscriptions.work()
    unknown = new_id()
    for path in ("statement", "balance?booked_on=1994-03-31"):
        seen = api.get(f"/api/accounts/{theirs}/{path}").refused(404, "not_found")
        random = api.get(f"/api/accounts/{unknown}/{path}").refused(404, "not_found")
        detail = api.get(f"/api/accounts/{unknown}").refused(404, "not_found")
        assert seen.raw.replace(theirs.encode(), unknown.encode()) == random.raw == detail.raw
        api.get(f"/api/accounts/1/{path}").refused(400, "validation_failed")


def test_100_lines_cost_as_many_statements_as_10(
    api: Api, application: Application, account_id: str
) -> None:
    for _ in range(100):
        book(api, account_id, "1.00")
    application.subscriptions.work()
    counts = []
    for size in (10, 100):
        with CaptureQueriesContext(connection) as captured:
            page = api.get(f"/api/accounts/{account_id}/statement?page_size={size}").body
        assert len(page["results"]) == size
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 6


def test_the_balance_on_a_day_can_be_asked_by_booking_and_by_recording(
    api: Api, application: Application, account_id: str
) -> None:
    book(api, account_id, "10.00")
    position = book(api, account_id, "1.25", booked_on="1994-03-31")
    before = StoredEvent.objects.get(position=position).recorded_at
    application.subscriptions.work()
    day = today(api, account_id)

    def balance(name: str, on: str) -> str:
        body = api.get(f"/api/accounts/{account_id}/balance?{name}={on}").body
        assert body == {"account_id": account_id, name: on, "balance": body["balance"]}
        return str(body["balance"])

    assert balance("booked_on", "1994-03-30") == "0.00"
    assert balance("booked_on", "1994-03-31") == "1.25"
    assert balance("booked_on", day) == "11.25"
    # On that day nobody knew of it yet.
    assert balance("recorded_on", "1994-03-31") == "0.00"
    assert balance("recorded_on", day) == "11.25"
    yesterday = str(datetime.fromisoformat(day).date() - timedelta(days=1))
    assert balance("recorded_on", yesterday) == "0.00"
    for name in ("booked_on", "recorded_on"):
        assert balance(name, "9999-12-31") == "11.25"
        assert balance(name, "0001-01-01") == "0.00"
    # The booking was not written again for it.
    assert StoredEvent.objects.get(position=position).recorded_at == before


def test_a_day_ends_at_midnight_in_utc(
    api: Api, application: Application, account_id: str
) -> None:
    book(api, account_id, "1.00")
    application.subscriptions.work()
    line = AccountStatementLine.objects.get()
    midnight = datetime(1994, 4, 1, tzinfo=UTC)
    for moment, expected in ((midnight - timedelta(microseconds=1), 1), (midnight, 0)):
        AccountStatementLine.objects.update(recorded_at=moment)
        day = datetime(1994, 3, 31, tzinfo=UTC).date()
        assert balance_recorded(line.tenant_id, line.account_id, day) == Decimal(expected)


@pytest.mark.parametrize("query", ["", "booked_on=1994-03-31&recorded_on=1994-03-31"])
def test_a_balance_is_asked_for_one_day(api: Api, account_id: str, query: str) -> None:
    answer = api.get(f"/api/accounts/{account_id}/balance?{query}")
    answer.refused(400, "validation_failed")
    assert list(answer.body["errors"]) == ["booked_on", "recorded_on"]


@pytest.mark.parametrize("day", ["1994-02-30", "today", "1994-3-1", "%00"])
def test_a_balance_is_asked_for_a_day_that_exists(api: Api, account_id: str, day: str) -> None:
    answer = api.get(f"/api/accounts/{account_id}/balance?booked_on={day}")
    assert list(answer.refused(400, "validation_failed").body["errors"]) == ["booked_on"]
