"""A mail server for tests: real SMTP over a real connection, and a box with what it took."""

import socketserver
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from threading import Thread
from typing import Any


class Session(socketserver.StreamRequestHandler):
    """As much of RFC 5321 as a sender needs: EHLO, MAIL, RCPT, DATA, RSET, QUIT."""

    timeout = 30
    server: "MailServer"

    def handle(self) -> None:
        self.say("220 ready")
        while line := self.rfile.readline():
            match line.split(maxsplit=1)[0].upper():
                case b"QUIT":
                    self.say("221 bye")
                    return
                case b"DATA":
                    self.take()
                case b"EHLO" | b"HELO" | b"MAIL" | b"RCPT" | b"RSET" | b"NOOP":
                    self.say("250 ok")
                case _:
                    self.say("502 what?")

    def take(self) -> None:
        self.say("354 go on")
        text = b""
        while (line := self.rfile.readline()) != b".\r\n":
            if not line:
                return  # The sender is dead: half a message is none.
            text += line.removeprefix(b".")
        self.server.box.append(message_from_bytes(text, policy=policy.default))
        self.server.before_answer()
        self.say("250 taken")

    def say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


class MailServer(socketserver.ThreadingTCPServer):
    """`box` has each message that was taken, in their order.

    `before_answer` is called when one is in the box and its sender does not know.
    """

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Session)
        self.box: list[EmailMessage] = []
        self.before_answer: Callable[[], None] = lambda: None

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A sender that is killed hangs up; anything else is printed, as socketserver does."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    @property
    def port(self) -> int:
        return int(self.server_address[1])


@contextmanager
def mail_server(port: int = 0) -> Generator[MailServer]:
    """It answers until the block ends; then nobody listens at its port."""
    server = MailServer(port)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def mail_settings(port: int) -> dict[str, Any]:
    """Django's settings for a server of these; pytest-django has put others in their place."""
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": "127.0.0.1",
        "EMAIL_PORT": port,
    }
