"""Scenario G: Umbrella's owner gets one e-mail for a transfer over 10,000, whatever breaks."""

from collections.abc import Generator

import pytest
from django.conf import settings
from django.db.models.functions import Now
from django.test import override_settings

from eventstore.application import Application, get_application
from eventstore.models import Reaction, Tenant
from tests.http import Api, api_for
from tests.mail_server import MailServer, mail_server, mail_settings
from tests.processes import start_manage

OWNER = settings.LEDGER["UMBRELLA_OWNER"]


@pytest.fixture
def umbrella(other_tenant: Tenant) -> Api:
    """A client program of Umbrella."""
    return api_for(other_tenant, user_name="otto")


@pytest.fixture
def server() -> Generator[MailServer]:
    """The mail server of this process' settings."""
    with mail_server() as running, override_settings(**mail_settings(running.port)):
        yield running


def transferred(api: Api, amount: str) -> str:
    """The id of a transfer between two accounts, of which the first has enough."""
    owner_id = api.registered_person()
    accounts = (api.opened_account(owner_id, deposit="20000"), api.opened_account(owner_id))
    fields = dict(zip(("from_account_id", "to_account_id"), accounts, strict=True))
    answer = api.send("start-transfer", {**fields, "amount": amount})
    assert answer.status == 201, answer.raw
    return str(answer.body["aggregate_id"])


def status_of(api: Api, transfer_id: str) -> str:
    get_application().subscriptions.work()
    return str(api.get(f"/api/transfers/{transfer_id}").body["status"])


def the_effect() -> Reaction:
    return Reaction.objects.get(kind="effect")


def make_due() -> None:
    """As if the time had passed until the next attempt, or until the lease has run out."""
    Reaction.objects.filter(kind="effect").update(lease_until=Now())


def test_a_transfer_over_10_000_sends_the_owner_one_mail(
    application: Application, umbrella: Api, server: MailServer
) -> None:
    transfer_id = transferred(umbrella, "10000.01")
    assert server.box == []  # Not within the request.
    application.reactions.work()
    (message,) = server.box
    assert message["To"] == OWNER
    assert message["Subject"] == "A transfer of 10,000.01 has started"
    assert message["Message-ID"] == f"<{the_effect().uid}@daybook>"
    assert (the_effect().status, the_effect().name) == ("done", "send-mail")
    assert status_of(umbrella, transfer_id) == "completed"


def test_exactly_10_000_sends_none(
    application: Application, umbrella: Api, server: MailServer
) -> None:
    transfer_id = transferred(umbrella, "10000.00")
    application.reactions.work()
    assert (server.box, Reaction.objects.filter(kind="effect").count()) == ([], 0)
    assert status_of(umbrella, transfer_id) == "completed"


def test_another_tenant_sends_none(application: Application, api: Api, server: MailServer) -> None:
    transfer_id = transferred(api, "10000.01")
    application.reactions.work()
    assert (server.box, Reaction.objects.filter(kind="effect").count()) == ([], 0)
    assert status_of(api, transfer_id) == "completed"


def test_switched_off_it_sends_none(
    application: Application, umbrella: Api, other_tenant: Tenant, server: MailServer
) -> None:
    application.overrides.switch(
        other_tenant.pk,
        "reaction transfer transfer.started",
        active=False,
        user="olive",
        reason="too many",
    )
    transfer_id = transferred(umbrella, "10000.01")
    application.reactions.work()
    assert server.box == []
    assert status_of(umbrella, transfer_id) == "completed"


def test_while_the_mail_server_is_down_the_transfer_completes_and_the_mail_arrives_later_once(
    application: Application, umbrella: Api
) -> None:
    with mail_server() as closed:
        port = closed.port
    with override_settings(**mail_settings(port)):
        transfer_id = transferred(umbrella, "10000.01")
        application.reactions.work()
        failed = the_effect()
        assert (failed.status, failed.attempts) == ("pending", 1)
        assert failed.error.startswith("ConnectionRefusedError")
        assert failed.lease_until > application.access.present()
        assert status_of(umbrella, transfer_id) == "completed"
        with mail_server(port) as server:
            make_due()
            application.reactions.work()
    assert len(server.box) == 1
    assert (the_effect().status, the_effect().attempts, the_effect().error) == ("done", 2, "")


def test_a_worker_killed_when_the_mail_is_sent_and_not_noted_sends_it_again_under_the_same_id(
    application: Application, umbrella: Api, server: MailServer
) -> None:
    transferred(umbrella, "10000.01")
    worker = start_manage(
        "worker",
        "--once",
        environment={
            "DAYBOOK_EMAIL_HOST": "127.0.0.1",
            "DAYBOOK_EMAIL_PORT": str(server.port),
        },
    )

    def kill_it() -> None:
        worker.kill()
        worker.wait()

    server.before_answer = kill_it
    worker.communicate(timeout=60)
    assert worker.returncode == -9
    assert (the_effect().status, the_effect().attempts) == ("pending", 1)
    server.before_answer = lambda: None
    make_due()
    application.reactions.work()
    first, second = (message["Message-ID"] for message in server.box)
    assert first == second
    assert the_effect().status == "done"
