"""An e-mail reaches a real mail server, under an id by which a second one is known."""

from uuid import UUID

import pytest
from django.test import override_settings

from ledger.mail import SendMail, send_mail
from tests.mail_server import MailServer, mail_server, mail_settings

MAIL = SendMail(to="owner@example.org", subject="Zwölf €", text="Grüße,\n.\nend")


def sent(server: MailServer, *effect_ids: UUID) -> None:
    with override_settings(**mail_settings(server.port)):
        for effect_id in effect_ids:
            send_mail(MAIL, effect_id)


def test_a_mail_arrives_as_it_was_written() -> None:
    with mail_server() as server:
        sent(server, UUID(int=1))
    (message,) = server.box
    assert (message["To"], message["Subject"]) == (MAIL.to, MAIL.subject)
    assert message.get_content().splitlines() == MAIL.text.splitlines()


def test_a_mail_that_is_sent_again_has_the_same_message_id_and_no_other_has() -> None:
    with mail_server() as server:
        sent(server, UUID(int=1), UUID(int=1), UUID(int=2))
    first, again, other = (message["Message-ID"] for message in server.box)
    assert first == again == f"<{UUID(int=1)}@daybook>"
    assert other != first


def test_a_server_that_does_not_answer_is_an_error() -> None:
    with mail_server() as server:
        pass
    with pytest.raises(ConnectionRefusedError):
        sent(server, UUID(int=1))
