"""F: one command, several aggregates. Each transfer ends, and no money is lost or made."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from uuid import uuid4

from django.db import connections

from config.demo.accounts import balances, ending, open_account, row_of, transfer
from config.demo.callers import Answer
from config.demo.people import key_caller
from config.demo.stage import Stage
from eventstore.tenancy import Role

AT_ONCE = 50


def play(stage: Stage) -> None:
    complete(stage)
    fail(stage)
    refuse(stage)
    transfer_at_once(stage)


def complete(stage: Stage) -> None:
    source, target = open_account(stage.api, "100"), open_account(stage.api, "100")
    started = transfer(stage.api, source, target, "69")
    stage.expect("69 of 100, transferred to 100", 201, started.status)
    stage.expect("balances", ["31.00", "169.00"], balances(stage.api, source, target))
    stage.expect("the transfer", ("completed", ""), ending(stage.api, started))
    history = ["transfer.started"] + ["transfer.updated"] * 2 + ["transfer.completed"]
    transfer_id = started.body["aggregate_id"]
    stage.expect("its history", history, stage.events_of(transfer_id))
    steps = [event["data"].get("status") for event in stage.history_of("transfer", transfer_id)]
    stage.expect("with debit and credit", ["debited", "credited"], steps[1:3])


def fail(stage: Stage) -> None:
    source, target = open_account(stage.api, "100"), open_account(stage.api)
    poor = transfer(stage.api, source, target, "100.01")
    stage.expect("too little money: accepted", 201, poor.status)
    stage.expect("and failed", ("failed", "insufficient_funds"), ending(stage.api, poor))
    stage.expect("both untouched", ["100.00", "0.00"], balances(stage.api, source, target))
    stage.api.post("close-account", aggregate_id=target)
    late = transfer(stage.api, source, target, "69")
    stage.expect("a closed target", ("failed", "account_closed"), ending(stage.api, late))
    stage.expect("the money is back", ["100.00", "0.00"], balances(stage.api, source, target))


def refuse(stage: Stage) -> None:
    source, target = open_account(stage.api, "100"), open_account(stage.api)
    same = transfer(stage.api, source, source, "1")
    stage.expect("to the same account", (422, "same_account"), same.outcome)
    for amount in ("0", "-1", "NaN", "1.001", 1.5):
        refused = transfer(stage.api, source, target, amount)
        stage.expect(f"an amount of {amount}", (400, "validation_failed"), refused.outcome)
    with key_caller("umbrella", "umbrella-member", Role.MEMBER) as umbrella:
        theirs = open_account(umbrella)
    unknown = transfer(stage.api, source, str(uuid4()), "1")
    foreign = transfer(stage.api, source, theirs, "1")
    stage.expect("to an unknown account", (404, "not_found"), unknown.outcome)
    stage.expect("to another tenant's", (404, "not_found"), foreign.outcome)
    internal = stage.api.post("complete-transfer", aggregate_id=str(uuid4()))
    stage.expect("a command of the process alone", (404, "not_found"), internal.outcome)
    own = stage.api.post(
        "deposit-money", aggregate_id=target, amount="1", transfer_id=str(uuid4())
    )
    stage.expect("a field of the process alone", (400, "validation_failed"), own.outcome)


def transfer_at_once(stage: Stage) -> None:
    """A to B and B to A: no two commands ever hold both accounts."""
    pair = [open_account(stage.api, "100"), open_account(stage.api, "100")]

    def one(number: int) -> Answer:
        try:
            source, target = pair if number % 2 else reversed(pair)
            return transfer(stage.api, source, target, "7")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(10) as pool:
        started = list(pool.map(one, range(AT_ONCE)))
    statuses = {row_of(stage.api, each).get("status") for each in started}
    left = statuses - {"completed", "failed"}
    stage.expect(f"{AT_ONCE} at once, to and fro: not ended", set(), left)
    total = sum(map(Decimal, balances(stage.api, *pair)), Decimal(0))
    stage.expect("the sum stays", Decimal("200.00"), total)
