"""Rebuild: rows made anew from the events, compared with them, mended, and as they once were."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from uuid import uuid4

from django.core.management import CommandError, call_command

from config.demo.accounts import open_account
from config.demo.people import DEMO, key_caller
from config.demo.stage import Stage
from eventstore.application import get_application
from eventstore.tenancy import Role
from projections.models import AccountSummary

PROJECTION = "account_summary"
REASON = "the demo shows it"


def play(stage: Stage) -> None:
    account_id = open_account(stage.api)
    first = stage.api.post("deposit-money", aggregate_id=account_id, amount="20.00")
    stage.api.post("deposit-money", aggregate_id=account_id, amount="30.00")
    make_anew(stage, account_id)
    mend(stage, account_id)
    look_back(stage, account_id, first.body["position"])


def make_anew(stage: Stage, account_id: str) -> None:
    stage.expect("all rows made anew, exit code", 0, rebuild())
    stage.expect("the balance after it", "50.00", balance(stage, account_id))


def mend(stage: Stage, account_id: str) -> None:
    """Somebody changes a row by hand."""
    of_tenant = ("--tenant", stage.tenant.slug)
    stage.expect("compared with a replay, exit code", 0, rebuild("--check", *of_tenant))
    row = AccountSummary.objects.filter(tenant_id=stage.tenant.id, account_id=account_id)
    row.update(balance="1000000.00")
    try:
        stage.expect("after a row was changed by hand", 1, rebuild("--check", *of_tenant))
    finally:
        mended = rebuild("--fix", *of_tenant)
    stage.expect("mended, exit code", 0, mended)
    stage.expect("the balance after it", "50.00", balance(stage, account_id))


def look_back(stage: Stage, account_id: str, position: int) -> None:
    """To the moment between the two deposits."""
    with copy_as_of(stage, position) as label:
        then = balance(stage, account_id, f"?snapshot={label}")
        stage.expect("the balance as of the first deposit", "20.00", then)
        stage.expect("and now", "50.00", balance(stage, account_id))
        with key_caller("umbrella", "umbrella-member", Role.MEMBER) as umbrella:
            elsewhere = umbrella.get(f"/api/accounts?snapshot={label}")
        stage.expect("another tenant asks for it", (404, "not_found"), elsewhere.outcome)
    dropped = stage.api.get(f"/api/accounts/{account_id}?snapshot={label}")
    stage.expect("dropped", (404, "not_found"), dropped.outcome)


@contextmanager
def copy_as_of(stage: Stage, position: int) -> Iterator[str]:
    """The label of a read-only copy, which is dropped at the end of the block."""
    copies, label = get_application().copies, f"demo-{uuid4().hex[:8]}"
    copies.make(
        label,
        position=position,
        names=[PROJECTION],
        tenant_id=stage.tenant.id,
        user=DEMO,
        reason=REASON,
    )
    try:
        yield label
    finally:
        copies.drop(label, stage.tenant.id, user=DEMO, reason=REASON)


def rebuild(*options: str) -> int:
    """The exit code of `manage.py rebuild account_summary` with these options."""
    try:
        call_command(
            "rebuild", PROJECTION, *options, reason=REASON, stdout=StringIO(), stderr=StringIO()
        )
    except CommandError as error:
        return error.returncode
    return 0


def balance(stage: Stage, account_id: str, query: str = "") -> object:
    return stage.api.get(f"/api/accounts/{account_id}{query}").body.get("balance")
