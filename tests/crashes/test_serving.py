"""A serving process is killed between COMMIT and answer; its client asks again."""

from http.client import RemoteDisconnected

import pytest
from django.contrib.auth import get_user_model

from eventstore.application import Application, get_application
from eventstore.models import Tenant
from eventstore.tenancy import Role
from projections.models import TransferSummary
from tests.crashes.audit import audit
from tests.crashes.bank import Bank
from tests.crashes.processes import start
from tests.crashes.striking import VARIABLE
from tests.crashes.workers import work_to_the_end
from tests.http import new_id
from tests.server import running_server

MONEY = 100
DYING = {
    "DJANGO_SETTINGS_MODULE": "tests.crashes.settings",
    VARIABLE: "command.committed:1",
}


def test_a_client_that_got_no_answer_gets_it_from_the_next_server(
    application: Application, tenant: Tenant, bank: Bank
) -> None:
    mary = get_user_model().objects.create_user("mary")
    key = application.access.create_key(tenant, mary, Role.MEMBER)
    source, target = bank.opened(deposit=MONEY), bank.opened()
    fields = {"from_account_id": str(source), "to_account_id": str(target), "amount": "69"}
    headers = {"Idempotency-Key": new_id()}

    with running_server(DYING) as server, pytest.raises(RemoteDisconnected):
        server.send(key, "start-transfer", fields, headers)
    assert "died at command.committed\n" in server.log
    assert status_of_the_transfer() == "started"

    with running_server() as server:
        answer = server.send(key, "start-transfer", fields, headers)
    assert (answer.status, answer.headers["Idempotent-Replayed"]) == (201, "true")
    assert answer.body["command_id"] == headers["Idempotency-Key"]

    assert start(work_to_the_end).ended() == 0
    assert status_of_the_transfer() == "completed"
    audit(application, money=MONEY)


def status_of_the_transfer() -> str:
    get_application().subscriptions.work()
    return TransferSummary.objects.get().status
