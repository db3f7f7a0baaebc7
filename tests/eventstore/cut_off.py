"""A wire to the database that is cut at a chosen moment, so that no test has to hit it by luck."""

import socket
import struct
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Event, Thread

from django.db import connections

from tests.eventstore.support import PATIENCE

ALIAS = "cut_off"


@dataclass
class Wire:
    """Passes bytes on until the client sends `at`; then it closes both ends, for that one time.

    With `answered`, the server gets the message and carries it out, but its answer is lost.
    """

    at: bytes
    answered: bool
    cuts: int = 0
    _listener: socket.socket = field(default_factory=socket.socket)

    def __post_init__(self) -> None:
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen()
        self.port: int = self._listener.getsockname()[1]
        self._thread = Thread(target=self._accept)
        self._thread.start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(PATIENCE)

    def _accept(self) -> None:
        with suppress(OSError):  # the listener is closed
            while True:
                client, _ = self._listener.accept()
                Thread(target=self._serve, args=(client,)).start()

    def _serve(self, client: socket.socket) -> None:
        with client, server_socket() as server:
            muted = Event()
            answers = Thread(target=pass_on, args=(server, client, muted))
            answers.start()
            while data := client.recv(1 << 16):
                if self.at in data and not self.cuts:
                    self.cuts += 1
                    muted.set()
                    if self.answered:
                        # Terminate is read only after what came before has been carried out.
                        server.sendall(data + b"X" + struct.pack(">I", 4))
                        answers.join(PATIENCE)
                    break
                server.sendall(data)
            hang_up(server)
            hang_up(client)
            answers.join(PATIENCE)


def pass_on(server: socket.socket, client: socket.socket, muted: Event) -> None:
    with suppress(OSError):
        while data := server.recv(1 << 16):
            if not muted.is_set():
                client.sendall(data)


def hang_up(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)


def server_socket() -> socket.socket:
    """A connection to the server as the settings describe it: a unix socket's folder, or TCP."""
    settings = connections["default"].settings_dict
    host, port = settings.get("HOST") or "localhost", int(settings.get("PORT") or 5432)
    if not host.startswith("/"):
        return socket.create_connection((host, port))
    server = socket.socket(socket.AF_UNIX)
    server.connect(f"{host}/.s.PGSQL.{port}")
    return server


@contextmanager
def cut_off(*, at: bytes, answered: bool = False) -> Generator[Wire]:
    """Let the database alias `ALIAS` reach the test database over a wire that will be cut."""
    wire = Wire(at, answered)
    settings = connections["default"].settings_dict
    options = {**settings["OPTIONS"], "sslmode": "disable", "gssencmode": "disable"}
    connections.settings[ALIAS] = {
        **settings,
        "HOST": "127.0.0.1",
        "PORT": str(wire.port),
        "OPTIONS": options,
    }
    try:
        yield wire
    finally:
        connections[ALIAS].close()
        del connections[ALIAS]
        del connections.settings[ALIAS]
        wire.close()
