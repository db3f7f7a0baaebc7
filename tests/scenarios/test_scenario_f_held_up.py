"""Scenario F where a step must not be refused and cannot be done: it waits, and then goes on."""

from typing import Any

import pytest
from django.db.models.functions import Now

from eventstore.application import Application, get_application
from eventstore.attempts import ATTEMPTS
from eventstore.models import ProcessInstance, Reaction, StoredCommand, StoredStream, Tenant
from ledger.transfers.commands import CompleteTransfer
from projections.models import TransferSummary
from tests.http import Api
from tests.replay import assert_rows_equal_a_replay


@pytest.fixture
def accounts(api: Api) -> list[str]:
    owner_id = api.registered_person()
    return [api.opened_account(owner_id, deposit="100"), api.opened_account(owner_id)]


def transfer_after_two_steps(
    api: Api, accounts: list[str], monkeypatch: pytest.MonkeyPatch
) -> TransferSummary:
    """Debited, and credited where the target takes it; the rest is left to a worker."""
    source, target = accounts
    fields = {"from_account_id": source, "to_account_id": target, "amount": "69"}
    with monkeypatch.context() as patch:
        patch.setattr("eventstore.reactions.MOST_STEPS", 2)
        assert api.send("start-transfer", fields).status == 201
    get_application().subscriptions.work()
    return TransferSummary.objects.get()


def awaited() -> str:
    """What the transfer waits for."""
    return ProcessInstance.objects.get(process="transfer").waits_for


def work(application: Application) -> None:
    while application.reactions.work():
        pass
    application.subscriptions.work()


def set_box(aggregate_id: Any, status: str) -> None:
    assert StoredStream.objects.filter(aggregate_id=aggregate_id).update(status=status) == 1


def try_until_given_up(application: Application) -> StoredCommand:
    """The command that is not done, as if the time between its attempts had passed."""
    for _ in range(ATTEMPTS):
        StoredCommand.objects.filter(status="pending").update(lease_until=Now())
        work(application)
    return StoredCommand.objects.get(status="failed")


def unbox_and_retry(application: Application, tenant: Tenant, boxed: Any) -> TransferSummary:
    given_up = StoredCommand.objects.get(status="failed")
    set_box(boxed, "active")
    assert application.reactions.retry_command(tenant.id, given_up.id)
    work(application)
    assert awaited() == ""
    assert_rows_equal_a_replay(application)
    return TransferSummary.objects.get()


def test_a_refund_to_a_boxed_account_waits_until_that_is_unboxed(
    api: Api,
    application: Application,
    tenant: Tenant,
    accounts: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source, target = accounts
    api.send("close-account", {"aggregate_id": target})
    assert transfer_after_two_steps(api, accounts, monkeypatch).status == "debited"
    set_box(source, "boxed")

    given_up = try_until_given_up(application)

    assert (given_up.type, given_up.code, given_up.attempts) == (
        "refund-money",
        "step_not_done",
        ATTEMPTS,
    )
    assert "in cold storage. An operator can unbox it." in str(given_up.result)
    assert awaited() == f"the refund to account {source}"
    ended = unbox_and_retry(application, tenant, source)
    assert (ended.status, ended.reason) == ("failed", "account_closed")
    assert api.get(f"/api/accounts/{source}").body["balance"] == "100.00"


def test_a_boxed_transfer_ends_once_it_is_unboxed(
    api: Api,
    application: Application,
    tenant: Tenant,
    accounts: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    transfer = transfer_after_two_steps(api, accounts, monkeypatch)
    set_box(transfer.transfer_id, "boxed")

    given_up = try_until_given_up(application)

    assert (given_up.type, given_up.code) == ("complete-transfer", "step_not_done")
    ended = unbox_and_retry(application, tenant, transfer.transfer_id)
    assert (ended.status, ended.reason) == ("completed", "")


def test_an_end_that_a_tenant_overrides_is_set_aside_for_everybody_to_see(
    api: Api,
    application: Application,
    tenant: Tenant,
    accounts: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    transfer = transfer_after_two_steps(api, accounts, monkeypatch)
    monkeypatch.setattr(application.overrides, "_by_target", {})
    application.overrides.command(tenant.slug, CompleteTransfer, lambda command, repository: None)

    work(application)

    refusal = Reaction.objects.exclude(status="done").get()
    assert (refusal.kind, refusal.name, refusal.attempts) == ("refusal", "complete-transfer", 1)
    assert refusal.error == (
        f"ProcessStuck: Transfer {transfer.transfer_id} cannot end, since complete-transfer was "
        "refused (overridden). Remove the cause, an override for one, and retry this step: the "
        "command is then sent again."
    )
    assert awaited() == "the note that the transfer is completed"
    for _ in range(ATTEMPTS):
        Reaction.objects.update(lease_until=Now())
        work(application)
    assert Reaction.objects.get(id=refusal.id).status == "parked"

    monkeypatch.setattr(application.overrides, "_by_target", {})
    assert application.reactions.retry_reaction(tenant.id, refusal.id)
    work(application)
    assert TransferSummary.objects.get().status == "completed"
    assert awaited() == ""
