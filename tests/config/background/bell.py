"""An effect that rings at the test's door, and lasts until the test answers."""

import os
import socket
import socketserver
from collections.abc import Generator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from eventstore.application import Application
from eventstore.tenancy import Actor, Role
from tests.config.background.settings import LEASE
from tests.eventstore.reactions.domain import Play, Ring, play

#: What to ring for an effect that ends its worker's thread, as no performer should.
EXIT = "exit"

#: The port at which the test listens.
VARIABLE = "DAYBOOK_TEST_BELL"


def scene_for(actor: Actor) -> Play:
    """Leases of a second; what failed is due again at once."""
    return play(actor, lease_seconds=LEASE)


def build_application() -> Application:
    """For the workers: nobody sends commands in their processes."""
    scene = scene_for(Actor(tenant_id=uuid4(), user="nobody", role=Role.MEMBER))
    scene.counters.ring = ring
    return scene.application


def ring(effect: Ring, effect_id: UUID) -> None:
    """Say who rings; come back when the test answers. Of one word, end the thread instead."""
    if effect.word == EXIT:
        raise SystemExit
    with socket.create_connection(("127.0.0.1", int(os.environ[VARIABLE]))) as door:
        door.sendall(f"{effect_id} {os.getpid()} {effect.word}\n".encode())
        if not door.recv(1):
            raise ConnectionError("nobody answers the bell")


class Call(NamedTuple):
    effect_id: UUID
    pid: int
    word: str


class Door(socketserver.StreamRequestHandler):
    server: "Bell"

    def handle(self) -> None:
        effect_id, pid, word = self.rfile.readline().decode().split(maxsplit=2)
        self.server.calls.append(Call(UUID(effect_id), int(pid), word.strip()))
        self.server.answer.wait()
        self.wfile.write(b"!")


class Bell(socketserver.ThreadingTCPServer):
    """`calls` has everybody who rang, in their order; all are let go when `answer` is set."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Door)
        self.calls: list[Call] = []
        self.answer = Event()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever rang may have been killed meanwhile."""


@contextmanager
def bell() -> Generator[Bell]:
    server = Bell()
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.answer.set()
        server.shutdown()
        thread.join()
        server.server_close()
