"""G: one tenant's own reaction. Umbrella's owner gets an e-mail when a large transfer starts."""

import logging
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import Message
from pathlib import Path

from django.conf import settings
from django.test import override_settings

from config.demo.accounts import ending, open_account, transfer
from config.demo.callers import HttpCaller
from config.demo.people import key_caller, overrides_on
from config.demo.stage import Stage
from eventstore.application import get_application
from eventstore.models import Reaction
from eventstore.tenancy import Role

#: How long a second attempt may take to come due and succeed, in seconds.
PATIENCE = 20
#: Nobody listens there.
NO_SERVER = {
    "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
    "EMAIL_HOST": "localhost",
    "EMAIL_PORT": 1,
}


def play(stage: Stage) -> None:
    with (
        overrides_on("umbrella"),
        key_caller("umbrella", "umbrella-member", Role.MEMBER) as umbrella,
        mailbox() as box,
    ):
        get_application().reactions.work()  # what earlier ones have left is not counted
        empty(box)
        play_sizes(stage, umbrella, box)
        play_without_server(stage, umbrella, box)


def play_sizes(stage: Stage, umbrella: HttpCaller, box: Path) -> None:
    stage.expect("10,000.01 of Umbrella's", "completed", send(umbrella, "10000.01"))
    got = [(mail["To"], mail["Subject"]) for mail in mails(box)]
    owner = settings.LEDGER["UMBRELLA_OWNER"]
    stage.expect("e-mails", [(owner, "A transfer of 10,000.01 has started")], got)
    empty(box)
    stage.expect("exactly 10,000 of Umbrella's", "completed", send(umbrella, "10000"))
    stage.expect("e-mails", 0, len(mails(box)))
    stage.expect("10,000.01 of another tenant's", "completed", send(stage.api, "10000.01"))
    stage.expect("e-mails", 0, len(mails(box)))


def play_without_server(stage: Stage, umbrella: HttpCaller, box: Path) -> None:
    with override_settings(**NO_SERVER), quiet_effects():
        stage.expect("without a mail server", "completed", send(umbrella, "10000.02"))
    waiting = Reaction.objects.filter(kind="effect").latest("id")
    seen = (waiting.status, waiting.error.partition(":")[0])
    stage.expect("the e-mail waits, and says why", ("pending", "ConnectionRefusedError"), seen)
    until = time.monotonic() + PATIENCE
    while not mails(box) and time.monotonic() < until:
        get_application().reactions.work()
        time.sleep(0.1)
    stage.expect("it comes when the server is back: e-mails", 1, len(mails(box)))


def send(api: HttpCaller, amount: str) -> object:
    """Transfer this much, and let a worker do what is left to it; the transfer's status."""
    started = transfer(api, open_account(api, "20000"), open_account(api), amount)
    get_application().reactions.work()
    return ending(api, started)[0]


@contextmanager
def quiet_effects() -> Iterator[None]:
    """Without the traceback that a failing effect leaves in the log."""
    logger = logging.getLogger("daybook.effects")
    logger.disabled = True
    try:
        yield
    finally:
        logger.disabled = False


@contextmanager
def mailbox() -> Iterator[Path]:
    """Where all e-mails go meanwhile, instead of to their addresses."""
    backend = "django.core.mail.backends.filebased.EmailBackend"
    with (
        tempfile.TemporaryDirectory() as folder,
        override_settings(EMAIL_BACKEND=backend, EMAIL_FILE_PATH=folder),
    ):
        yield Path(folder)


def mails(box: Path) -> list[Message]:
    return [message_from_bytes(file.read_bytes()) for file in sorted(box.iterdir())]


def empty(box: Path) -> None:
    for file in box.iterdir():
        file.unlink()
