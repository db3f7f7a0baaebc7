"""What the crash proofs share: a mail server, and the process from which the others are forked."""

from collections.abc import Generator

import pytest

from eventstore.models import Tenant
from tests.crashes import processes
from tests.crashes.bank import Bank, opened_bank
from tests.mail_server import MailServer, mail_server


@pytest.fixture(scope="session")
def forked(django_db_setup: None) -> Generator[MailServer]:
    """Processes can be started; what they mail arrives here."""
    with mail_server() as server:
        processes.prepare(
            {"DAYBOOK_EMAIL_HOST": "127.0.0.1", "DAYBOOK_EMAIL_PORT": str(server.port)}
        )
        yield server


@pytest.fixture
def mails(database: None, forked: MailServer) -> Generator[MailServer]:
    """The mail server, with an empty box; all processes end with the test."""
    forked.box.clear()
    yield forked
    processes.end_all()


@pytest.fixture
def bank(tenant: Tenant, mails: MailServer) -> Bank:
    return opened_bank(tenant)


@pytest.fixture
def umbrella(other_tenant: Tenant, mails: MailServer) -> Bank:
    """The bank of the tenant that has its owner told of large transfers."""
    return opened_bank(other_tenant)
