"""`manage.py serve` as a process of its own, and callers that reach it over real connections."""

import json
import socket
from collections.abc import Generator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from threading import Thread
from typing import Any

from tests.http import Answer
from tests.processes import start_manage

#: Seconds before a test gives up.
PATIENCE = 30


@dataclass
class Server:
    """`log`: what it wrote to stderr so far, read all the time so that the pipe never fills."""

    port: int
    log: list[str]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def send(
        self, key: str, name: str, fields: dict[str, Any], headers: dict[str, str] | None = None
    ) -> Answer:
        """Send a command over a new connection."""
        return self.call("POST", f"/api/commands/{name}", key, json.dumps(fields), headers)

    def call(
        self,
        method: str,
        path: str,
        key: str,
        body: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        sent = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)) as connection:
            connection.request(method, path, body, sent | (headers or {}))
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)

    def say(self, request: bytes) -> bytes:
        """All that comes back for these bytes, to the end of the connection."""
        with self.connect() as connection:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            try:
                return b"".join(iter(lambda: connection.recv(65_536), b""))
            except ConnectionError:
                return b""  # It hung up on us.


@contextmanager
def running_server(environment: Mapping[str, str] | None = None) -> Generator[Server]:
    """A server on the test database, ended for sure."""
    process = start_manage("serve", "--port", "0", environment=environment)
    assert process.stdout is not None
    assert process.stderr is not None
    log: list[str] = []
    reader = Thread(target=log.extend, args=(process.stderr,), daemon=True)
    reader.start()
    try:
        line = process.stdout.readline()
        assert line.startswith("Serving on "), log
        yield Server(int(line.split()[2].rsplit(":", 1)[1]), log)
    finally:
        process.kill()
        process.wait()
        reader.join(PATIENCE)
        process.stdout.close()
        process.stderr.close()
