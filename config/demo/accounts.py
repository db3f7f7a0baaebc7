"""What scenarios with money share: accounts, transfers, and what became of them."""

from decimal import Decimal
from typing import Any

from config.demo.callers import Answer, HttpCaller
from eventstore.application import get_application
from projections.transfers import TRANSFER_SUMMARY


def open_account(api: HttpCaller, balance: str = "0") -> str:
    """The id of a new account with a new owner and this much in it."""
    owner = api.post("register-person", first_name="Ada", last_name="Lovelace")
    account = api.post("open-account", owner_id=owner.body.get("aggregate_id"), code="1815")
    account_id = str(account.body.get("aggregate_id"))
    if Decimal(balance):
        api.post("deposit-money", aggregate_id=account_id, amount=balance)
    return account_id


def transfer(api: HttpCaller, source: str, target: str, amount: object) -> Answer:
    return api.post("start-transfer", from_account_id=source, to_account_id=target, amount=amount)


def row_of(api: HttpCaller, started: Answer) -> dict[str, Any]:
    """A transfer as the API shows it once a worker has run; here the scenario is the worker."""
    get_application().subscriptions.catch_up(TRANSFER_SUMMARY)
    return api.get(f"/api/transfers/{started.body.get('aggregate_id')}").body


def ending(api: HttpCaller, started: Answer) -> tuple[object, object]:
    """Its status and reason."""
    row = row_of(api, started)
    return row.get("status"), row.get("reason")


def balances(api: HttpCaller, *account_ids: str) -> list[str]:
    return [api.get(f"/api/accounts/{account_id}").body["balance"] for account_id in account_ids]
