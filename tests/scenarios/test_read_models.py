"""The rows "Read models" of the scenarios, over HTTP: inline, async, on demand, scheduled."""

from eventstore.application import Application
from tests.http import Api
from tests.projections.support import working
from tests.replay import bring_level


def test_each_mode_shows_a_booking_when_it_says_it_does(
    api: Api, application: Application
) -> None:
    account_id = api.opened_account(api.registered_person())
    deposit = {"aggregate_id": account_id, "amount": "12.50", "booked_on": "1994-03-31"}
    position = api.send("deposit-money", deposit).body["position"]
    wanted = f"min_position={position}"

    # Inline: in the next request.
    assert api.get(f"/api/accounts/{account_id}?{wanted}").body["balance"] == "12.50"
    # Async: once the worker ran, for which a reader can wait.
    statement = f"/api/accounts/{account_id}/statement"
    assert api.get(statement).body["count"] == 0
    api.get(f"{statement}?{wanted}").refused(503, "not_caught_up")
    # On demand: when it is read.
    assert api.get(f"/api/overview?{wanted}").body["total_balance"] == "12.50"
    # Scheduled: nobody waits for it, and it says as of when it is.
    api.get(f"/api/daily-totals?{wanted}").refused(409, "not_waitable")
    assert api.get("/api/daily-totals").body["as_of"] is None

    with working(application):
        assert api.get(f"{statement}?{wanted}&wait=30").body["count"] == 1
    bring_level(application)
    totals = api.get("/api/daily-totals").body
    assert totals["results"][0]["deposited"] == "12.50"
    assert totals["as_of"] > api.get(f"/api/accounts/{account_id}").body["updated_at"]


def test_a_booking_for_an_earlier_day_corrects_that_day_and_can_be_told_from_when_it_came(
    api: Api, application: Application
) -> None:
    account_id = api.opened_account(api.registered_person())
    for amount in ("10.00", "2.50"):
        deposit = {"aggregate_id": account_id, "amount": amount, "booked_on": "1994-03-31"}
        api.send("deposit-money", deposit)
        bring_level(application)
        (day,) = api.get("/api/daily-totals?booked_on=1994-03-31").body["results"]
        assert day["deposited"] == {"10.00": "10.00", "2.50": "12.50"}[amount]

    path = f"/api/accounts/{account_id}/balance"
    assert api.get(f"{path}?booked_on=1994-03-31").body["balance"] == "12.50"
    assert api.get(f"{path}?recorded_on=1994-03-31").body["balance"] == "0.00"
