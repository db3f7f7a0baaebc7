"""Bytes that no client library would send: 4xx or closed, and the next request is served.

Everything here is said over a raw socket, and nothing of it may be stored or logged as a fault.
"""

import json
import re
import socket
import struct
from collections.abc import Generator
from dataclasses import dataclass
from http import HTTPStatus

import pytest
from django.contrib.auth import get_user_model

from eventstore.application import get_application
from eventstore.models import Tenant
from eventstore.tenancy import Role
from tests.eventstore.input.doors import everything_stored
from tests.eventstore.input.hostile import ADA
from tests.server import Server, running_server

STATUS_LINE = re.compile(rb"HTTP/1\.[01] (\d{3}) ")
COMMAND = b"/api/commands/register-person"
ID = b"0a1b2c3d-0000-4000-8000-000000000001"


@pytest.fixture(scope="module")
def server(django_db_setup: None) -> Generator[Server]:
    """One process for all: what is said to it here must not harm it."""
    with running_server() as running:
        yield running
        # Django tells of foreign hosts with a traceback too; those are no faults of ours.
        faults = [line for line in running.log if line.startswith("Traceback")]
        faults += [line for line in running.log if "Internal Server Error" in line]
        assert not faults


@dataclass
class Wire:
    """A caller who writes the bytes by hand."""

    server: Server
    key: bytes

    def request(
        self,
        *headers: bytes,
        method: bytes = b"POST",
        path: bytes = COMMAND,
        body: bytes = ADA,
        length: bytes | None = None,
        content_type: bytes = b"application/json",
    ) -> bytes:
        """A sound request but for what is given; `length` b"" leaves the header out."""
        lines = [
            method + b" " + path + b" HTTP/1.1",
            b"Host: localhost",
            b"Authorization: Bearer " + self.key,
            b"Content-Type: " + content_type,
        ]
        if length != b"":
            lines.append(b"Content-Length: " + (length or b"%d" % len(body)))
        return b"\r\n".join([*lines, *headers, b"", body])

    def statuses(self, request: bytes) -> list[int]:
        """Of all that is answered until the connection ends; none where it is simply closed."""
        found = [int(status) for status in STATUS_LINE.findall(self.server.say(request))]
        return [status for status in found if status != HTTPStatus.CONTINUE]

    def still_serves(self) -> bool:
        return self.statuses(self.request()) == [201]


@pytest.fixture
def wire(server: Server, tenant: Tenant) -> Wire:
    mary = get_user_model().objects.create_user("mary")
    return Wire(server, get_application().access.create_key(tenant, mary, Role.MEMBER).encode())


def check_refused(wire: Wire, request: bytes, *expected: int) -> None:
    """Refused with one of these, or any 4xx, or closed; nothing stored; the next one is served."""
    before = everything_stored()
    statuses = wire.statuses(request)
    assert all(400 <= status < 500 for status in statuses), statuses
    assert not expected or (statuses and set(statuses) <= set(expected)), statuses
    assert everything_stored() == before
    assert wire.still_serves()


# Lengths and chunks ------------------------------------------------------------------------------


LENGTHS = [
    *(b"abc", b"-5", b"+5", b"1_0", b"0x10", b"5, 5", b" ", b"1e2", b"\xb2", b"9" * 19),
    *(b"0", b"5", b"1000000000000"),
]


@pytest.mark.parametrize("length", LENGTHS, ids=lambda text: repr(text)[:30])
def test_a_length_that_lies_is_refused(wire: Wire, length: bytes) -> None:
    check_refused(wire, wire.request(length=length), 400, 413)


@pytest.mark.parametrize("length", [b"%d" % (len(ADA) + 1), b"9" * 5_000], ids=["short", "huge"])
def test_a_body_that_ends_before_its_length_is_not_taken_for_a_whole_one(
    wire: Wire, length: bytes
) -> None:
    """The server waits for the rest, and closes when it knows that none will come."""
    check_refused(wire, wire.request(length=length))


def test_no_length_is_no_body(wire: Wire) -> None:
    check_refused(wire, wire.request(length=b""), 400)


def test_two_lengths_are_refused(wire: Wire) -> None:
    check_refused(wire, wire.request(b"Content-Length: 5"), 400)


CHUNKED = b"Transfer-Encoding: chunked"


def test_a_body_in_chunks_is_one_body(wire: Wire) -> None:
    first, rest = ADA[:7], ADA[7:]
    chunks = b"%x\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(first), first, len(rest), rest)
    assert wire.statuses(wire.request(CHUNKED, body=chunks, length=b"")) == [201]


@pytest.mark.parametrize("length", [None, b""], ids=["with a length", "without"])
def test_no_request_is_smuggled_in_as_the_body_of_another(
    wire: Wire, length: bytes | None
) -> None:
    smuggled = wire.request(method=b"GET", path=b"/api/persons", body=b"")
    check_refused(wire, wire.request(CHUNKED, body=smuggled, length=length), 400)
    check_refused(wire, wire.request(CHUNKED, body=b"0\r\n\r\n", length=length), 400)


def test_a_body_that_never_comes_to_its_end_harms_nobody_else(wire: Wire) -> None:
    before = everything_stored()
    waiting = [wire.server.connect() for _ in range(20)]
    for connection in waiting:
        connection.sendall(wire.request(length=b"1000"))
    assert wire.still_serves()
    for connection in waiting:
        connection.close()
    people = everything_stored()["person_summary"][0]
    assert people == before["person_summary"][0] + 1


def test_who_tears_the_connection_while_sending_harms_nobody_else(wire: Wire) -> None:
    before = everything_stored()
    for sent in (wire.request(length=b"1000"), b"POST /api", wire.request(length=b"1000")[:60]):
        connection = wire.server.connect()
        connection.sendall(sent)
        at_once = struct.pack("ii", 1, 0)  # RST, not FIN
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
        connection.close()
    assert everything_stored() == before
    assert wire.still_serves()


def test_a_body_of_2_mb_is_refused(wire: Wire) -> None:
    body = ADA[:-2] + b"x" * 2_000_000 + ADA[-2:]
    check_refused(wire, wire.request(body=body), 413)
    check_refused(wire, wire.request(b"Expect: 100-continue", body=body))


# Headers -----------------------------------------------------------------------------------------

CHARSETS = [
    *(b"hex", b"base64", b"zlib", b"rot13", b"undefined", b"idna", b"punycode", b"utf-16"),
    *(b"none-such", b"\xff", b"x" * 9_000, b"utf-8; x*=none-such''y", b"utf-8; charset=utf-16"),
]


@pytest.mark.parametrize("charset", CHARSETS, ids=lambda text: repr(text)[:30])
def test_no_charset_of_a_content_type_is_a_fault_of_ours(wire: Wire, charset: bytes) -> None:
    content_type = b"application/json; charset=" + charset
    check_refused(wire, wire.request(content_type=content_type), 415)
    for path in (COMMAND + b"?p=%ff", b"/api/persons?p=%ff"):
        method = b"POST" if path.startswith(COMMAND) else b"GET"
        request = wire.request(method=method, path=path, content_type=content_type)
        check_refused(wire, request, 400)


@pytest.mark.parametrize(
    "header",
    [
        b"Idempotency-Key: " + ID + b"\r\nIdempotency-Key: " + ID,
        b'If-Match: "1"\r\nIf-Match: "1"',
        b"Idempotency-Key: " + b"a" * 10_000,
        b"Idempotency-Key: " + b"a" * 70_000,
        b"Idempotency-Key: \xff\xfe",
        b"Idempotency-Key: " + ID + b"\0",
        b"Idempotency-Key: " + ID[:8] + b"\r\n " + ID[8:],
        b"X-Tenant: a\0b",
        b"X-Tenant: \xff",
        b"no colon here\r\nIdempotency-Key: 1",
        b"Content-Type: application/json; charset=a\0b",
    ],
    ids=lambda text: repr(text)[:40],
)
def test_a_header_that_is_no_good_is_refused(wire: Wire, header: bytes) -> None:
    check_refused(wire, wire.request(header), 400, 404, 431)


@pytest.mark.parametrize("host", [b"elsewhere.example", b"\xff", b"", b"localhost:x"])
def test_another_host_is_refused(wire: Wire, host: bytes) -> None:
    request = wire.request().replace(b"Host: localhost", b"Host: " + host)
    check_refused(wire, request, 400)


@pytest.mark.parametrize(
    "cookie",
    [rb'sessionid="' + rb"\000" * 9 + b'"', b"sessionid=\xff\xff\xff\xff\xff\xff\xff\xff"],
)
@pytest.mark.parametrize(("path", "status"), [(b"/api/persons", 401), (b"/admin/", 302)])
def test_a_cookie_that_no_browser_was_given_is_no_session(
    wire: Wire, cookie: bytes, path: bytes, status: int
) -> None:
    request = wire.request(b"Cookie: " + cookie, method=b"GET", path=path, body=b"")
    without_key = re.sub(rb"Authorization: [^\r]*\r\n", b"", request)
    assert wire.statuses(without_key) == [status]
    assert wire.still_serves()


# First lines -------------------------------------------------------------------------------------


PATHS = [
    *(b"/api/%00", b"/api/\0", b"/api/%ff", b"/api/\xff", b"/api/../x", b"/api/persons/%2e%2e"),
    *(b"/api/commands/\xed\xa0\x80", b"/api/" + b"x" * 10_000, b"/api/" + b"x" * 70_000),
    b"/api/persons?" + b"&".join(b"p%d=1" % n for n in range(5_000)),
]


@pytest.mark.parametrize("path", PATHS, ids=lambda text: repr(text)[:30])
def test_a_url_that_names_nothing_is_refused(wire: Wire, path: bytes) -> None:
    check_refused(wire, wire.request(method=b"GET", path=path, body=b""), 400, 404, 414)


STATIC = [
    *(b"/static/../config/settings.py", b"/static/%2e%2e/%2e%2e/x", b"//static/../x"),
    *(b"/static/%00", b"/static/" + b"x" * 5_000, b"/static/" + b"x/" * 3_000, b"/static/%ff"),
]


@pytest.mark.parametrize("path", STATIC, ids=lambda text: repr(text)[:30])
def test_no_path_leads_out_of_the_static_files(wire: Wire, path: bytes) -> None:
    check_refused(wire, wire.request(method=b"GET", path=path, body=b""), 400, 404)


def test_a_charset_does_not_break_a_static_file(wire: Wire) -> None:
    request = wire.request(
        method=b"GET",
        path=b"/static/admin/css/base.css?p=%41",
        body=b"",
        content_type=b"text/plain; charset=hex",
    )
    assert wire.statuses(request) == [200]


@pytest.mark.parametrize("method", [b"PUT", b"DELETE", b"PATCH", b"OPTIONS", b"TRACE", b"BREW"])
def test_unknown_methods_are_refused_with_their_code(wire: Wire, method: bytes) -> None:
    answer = wire.server.say(wire.request(method=method))
    assert STATUS_LINE.findall(answer) == [b"405"]
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "method_not_allowed"
    check_refused(wire, wire.request(method=method), 405)


@pytest.mark.parametrize(
    "nonsense",
    [
        b"",
        b"\r\n\r\n",
        b"\0\xff\xfe nonsense\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /api/persons HTTP/9.9\r\n\r\n",
        b"POST " + COMMAND + b"\r\n\r\n" + ADA,
        b"GET /" + b"x" * 70_000,
    ],
    ids=lambda text: repr(text)[:30],
)
def test_what_is_no_request_is_refused_or_closed(wire: Wire, nonsense: bytes) -> None:
    check_refused(wire, nonsense)
