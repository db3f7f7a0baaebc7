"""What the demo answers is looked at, not only that it answers."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from tests.installation.installations import Failed
from tests.installation.requests import Access, check_persons, fetch

KEY = "the demo's key"


class Demo(BaseHTTPRequestHandler):
    """Answers as the server's `persons` and `status` say."""

    def do_GET(self) -> None:
        has_key = self.headers["Authorization"] == f"Bearer {KEY}"
        is_open = self.path == "/healthz"
        self.send_response(self.server.status if has_key or is_open else 401)
        self.end_headers()
        self.wfile.write(json.dumps({"results": self.server.persons}).encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def demo() -> Iterator[HTTPServer]:
    with HTTPServer(("127.0.0.1", 0), Demo) as server:
        server.status, server.persons = 200, [{"name": "Alice Cooper"}]
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def url_of(demo: HTTPServer) -> str:
    return f"http://127.0.0.1:{demo.server_port}"


def test_a_demo_that_works_passes(demo: HTTPServer) -> None:
    fetch(f"{url_of(demo)}/healthz")
    check_persons(Access(url_of(demo), KEY))


@pytest.mark.parametrize("status", [202, 404, 500])
def test_any_other_answer_than_200_fails(demo: HTTPServer, status: int) -> None:
    demo.status = status
    with pytest.raises(Failed, match=str(status)):
        fetch(f"{url_of(demo)}/healthz")


def test_a_wrong_key_fails(demo: HTTPServer) -> None:
    with pytest.raises(Failed, match="401"):
        check_persons(Access(url_of(demo), "another key"))


def test_a_demo_without_persons_fails(demo: HTTPServer) -> None:
    demo.persons = []
    with pytest.raises(Failed, match="persons are not there"):
        check_persons(Access(url_of(demo), KEY))
