"""E-mail: what a process manager may ask for, and how it is sent."""

from dataclasses import dataclass
from uuid import UUID

from django.core.mail import EmailMessage

from eventstore.process_managers import Effect


@dataclass(frozen=True, slots=True, kw_only=True)
class SendMail(Effect):
    """An e-mail in plain text to one address."""

    to: str
    subject: str
    text: str


def send_mail(effect: SendMail, effect_id: UUID) -> None:
    """Hand it to the mail server of the settings; raises what the server or the network says.

    A crash after the server took it lets it be sent once more, under the same Message-ID: by that
    a mail program can tell that it has it already (RFC 5322, section 3.6.4).
    """
    message = EmailMessage(
        effect.subject,
        effect.text,
        to=[effect.to],
        headers={"Message-ID": f"<{effect_id}@daybook>"},
    )
    message.send()
