"""What an answer promises, in each mode: current at once, once a worker ran, or as of when."""

import time

from eventstore.application import Application
from eventstore.models import StoredEvent, Subscription, Tenant
from eventstore.subscription_log import PAUSE, RESUME
from tests.http import Api, api_for
from tests.projections.support import working

DEPOSIT = {"amount": "1.00", "booked_on": "1994-03-31"}


def opened(api: Api) -> tuple[str, int]:
    """An account with a booking, and that one's position."""
    account_id = api.opened_account(api.registered_person())
    return account_id, booked(api, account_id)


def booked(api: Api, account_id: str) -> int:
    return int(api.send("deposit-money", {"aggregate_id": account_id, **DEPOSIT}).body["position"])


def test_a_statement_is_waited_for_until_a_worker_ran(api: Api, application: Application) -> None:
    account_id, position = opened(api)
    path = f"/api/accounts/{account_id}"
    for query in ("statement?", "balance?booked_on=1994-03-31&"):
        late = api.get(f"{path}/{query}min_position={position}").refused(503, "not_caught_up")
        assert int(late.headers["Retry-After"]) >= 1

    with working(application):
        statement = api.get(f"{path}/statement?min_position={position}&wait=30")
        assert statement.body["results"][0]["position"] == position
        position = booked(api, account_id)
        query = f"booked_on=1994-03-31&min_position={position}&wait=30"
        assert api.get(f"{path}/balance?{query}").body["balance"] == "2.00"

    assert int(statement.headers["X-Position"]) < position
    assert api.get(f"{path}/statement").headers["X-Position"] == str(position)
    api.get(f"{path}/statement?min_position={position + 1}").refused(400, "validation_failed")


def test_a_transfer_is_there_once_a_worker_ran(api: Api, application: Application) -> None:
    source, target = opened(api)[0], opened(api)[0]
    fields = {"from_account_id": source, "to_account_id": target, "amount": "1.00"}
    started = api.send("start-transfer", fields)
    path, position = started.headers["Location"], started.body["position"]
    api.get(path).refused(404, "not_found")
    api.get(f"{path}?min_position={position}").refused(503, "not_caught_up")

    ended = StoredEvent.objects.latest("position").position
    with working(application):
        assert api.get(f"{path}?min_position={ended}&wait=30").body["status"] == "completed"


def test_whoever_waits_gives_up_when_the_time_is_over(api: Api) -> None:
    account_id, position = opened(api)
    start = time.monotonic()
    answer = api.get(f"/api/accounts/{account_id}/statement?min_position={position}&wait=1")
    answer.refused(503, "not_caught_up")
    assert time.monotonic() - start >= 1


def test_a_paused_projection_is_not_waited_for_and_shows_what_it_has(
    api: Api, application: Application
) -> None:
    account_id, position = opened(api)
    application.subscriptions.work()
    application.subscriptions.act(PAUSE, "account_statement", user="olive", reason="to see")
    later = booked(api, account_id)
    application.subscriptions.work()
    path = f"/api/accounts/{account_id}/statement"
    assert api.get(f"{path}?min_position={position}").body["count"] == 1
    start = time.monotonic()
    answer = api.get(f"{path}?min_position={later}&wait=30").refused(503, "not_caught_up")
    assert time.monotonic() - start < 20
    assert "paused" in answer.body["detail"]

    application.subscriptions.act(RESUME, "account_statement", user="olive", reason="seen")
    application.subscriptions.work()
    assert api.get(f"{path}?min_position={later}").body["count"] == 2


def test_an_overview_is_current_when_it_is_read(api: Api, other_tenant: Tenant) -> None:
    nothing = api.get("/api/overview").body
    assert nothing == {
        "person_count": 0,
        "user_count": 0,
        "account_count": 0,
        "open_account_count": 0,
        "total_balance": "0.00",
        "transfer_count": 0,
        "completed_transfer_count": 0,
        "failed_transfer_count": 0,
        "version": 0,
        "updated_at": None,
    }
    account_id, position = opened(api)
    answer = api.get(f"/api/overview?min_position={position}&wait=30")
    assert answer.headers["X-Position"] == str(position)
    known = {"person_count": 1, "account_count": 1, "open_account_count": 1, "version": 3}
    assert answer.body == nothing | known | {
        "total_balance": "1.00",
        "updated_at": api.get(f"/api/accounts/{account_id}").body["updated_at"],
    }
    api.get(f"/api/overview?min_position={position + 1}").refused(400, "validation_failed")
    api.get("/api/overview?page=1").refused(400, "unknown_parameter")
    assert api_for(other_tenant, user_name="eve").get("/api/overview").body == nothing


def test_an_overview_that_is_paused_is_refused_once_there_is_more(
    api: Api, application: Application
) -> None:
    opened(api)
    shown = api.get("/api/overview").body
    application.subscriptions.act(PAUSE, "tenant_overview", user="olive", reason="to see")
    assert api.get("/api/overview").body == shown, "all that has happened is in it"
    opened(api)
    api.get("/api/overview").refused(503, "not_caught_up")


def test_daily_totals_say_as_of_when_they_are(
    api: Api, application: Application, other_tenant: Tenant
) -> None:
    account_id, position = opened(api)
    first = api.get("/api/daily-totals")
    assert first.body == {
        "as_of": None, "count": 0, "page": 1, "page_size": 50, "results": []
    }  # fmt: skip
    assert first.headers["X-Position"] == "0"
    api.get(f"/api/daily-totals?min_position={position}").refused(409, "not_waitable")

    application.subscriptions.work()
    second = api.get("/api/daily-totals")
    (row,) = second.body["results"]
    assert (row["booked_on"], row["deposit_count"], row["deposited"]) == ("1994-03-31", 1, "1.00")
    assert second.headers["X-Position"] == str(position)

    # A late booking corrects its day, at the next run and not before.
    booked(api, account_id)
    application.subscriptions.work()
    assert api.get("/api/daily-totals").body == second.body
    Subscription.objects.filter(projection="daily_totals").update(due_at=None)
    application.subscriptions.work()
    third = api.get("/api/daily-totals").body
    assert third["as_of"] > second.body["as_of"]
    assert third["results"][0]["deposited"] == "2.00"
    assert third["results"][0]["version"] == 2
    assert api.get("/api/daily-totals?booked_on=1994-03-30").body["count"] == 0
    assert api_for(other_tenant, user_name="eve").get("/api/daily-totals").body["count"] == 0


def test_a_process_that_believes_in_another_mode_is_refused(
    api: Api, application: Application
) -> None:
    api.get("/api/daily-totals")
    Subscription.objects.filter(projection="daily_totals").update(mode="async")
    api.get("/api/daily-totals").refused(503, "projection_failed")
