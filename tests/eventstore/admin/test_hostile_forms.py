"""What no browser would send to the admin's forms: a 4xx page, never a 500, and nothing stored."""

from html import escape
from uuid import uuid4

import pytest
from django.contrib.admin.models import LogEntry

from eventstore.models import ApiKey, Membership
from eventstore.tenancy import Role
from tests.eventstore.admin.conftest import HOSTILE
from tests.eventstore.admin.support import errors_by_field, hidden, text_of
from tests.eventstore.support import stored_counts

SEND = "/admin/eventstore/storedcommand/send/acme/register-person/"
ACTS = ("apikey/1/revoke/", "apikey/new/", "membership/1/end/", "membership/1/role/")
FIELDS = ("field-first_name", "command_id", "expected_version", "tenant", "user", "role", "reason")

NASTY = [
    "\0",
    "a\0b",
    "x" * 100_000,
    HOSTILE,
    f'">{HOSTILE}',
    "</textarea></form><script>alert(1)</script>",
    "'; DROP TABLE eventstore_event; --",
    "{{ settings.SECRET_KEY }}{% debug %}",
    "\u202egnp.exe",
    "\uff19" * 20,
    "9" * 5000,
    "-1",
    "1e400",
    "NaN",
    "../../etc/passwd",
]


@pytest.fixture
def key(application, operator, mary, tenant):
    """Mary's key, which is number 1, as her membership is made to be."""
    user = Membership.objects.get(role="member").user
    application.access.create_key(tenant, user, Role.MEMBER)
    Membership.objects.filter(role="operator").update(id=99)
    Membership.objects.filter(role="member").update(id=1)
    return ApiKey.objects.get()


def stored():
    """Everything that a form of the admin can change."""
    return (
        stored_counts(),
        list(ApiKey.objects.values("pk", "revoked_at")),
        list(Membership.objects.order_by("pk").values("pk", "role")),
        LogEntry.objects.count(),
    )


def is_refused(answer):
    return 400 <= answer.status_code < 500 and "<img" not in answer.content.decode()


@pytest.mark.parametrize("name", FIELDS)
def test_nasty_text_in_one_field_of_a_command_is_an_error(operator, name):
    """And stands in the page as text. The last name is missing, so that nothing can be done."""
    token = hidden(text_of(operator, SEND))
    for text in NASTY:
        answer = operator.post(SEND, token | {"field-first_name": "Ada", name: text})
        html = answer.content.decode()
        assert is_refused(answer)
        assert "field-last_name" in errors_by_field(html)
        if name in ("field-first_name", "expected_version"):
            assert f'value="{escape(text)}"' in html
    assert stored_counts() == (0, 0, 0)


@pytest.mark.parametrize("page", ACTS)
def test_nasty_text_in_every_field_changes_nobody(operator, key, page):
    before = stored()
    address = f"/admin/eventstore/{page}"
    token = hidden(text_of(operator, address))
    # A reason may be any text of one line; whatever else is in these forms is wrong.
    reason = {"reason": ""} if "revoke" in page or "end" in page else {}
    for text in NASTY:
        sent = token | dict.fromkeys(FIELDS, text) | reason
        assert is_refused(operator.post(address, sent))
    assert stored() == before


@pytest.mark.parametrize("name", ["amount", "", "First_name", "__class__", HOSTILE, "x\0"])
def test_a_field_that_the_command_does_not_have_is_named(operator, name):
    sent = hidden(text_of(operator, SEND))
    sent |= {"field-first_name": "A", "field-last_name": "B", f"field-{name}": "1"}
    answer = operator.post(SEND, sent)
    assert is_refused(answer)
    assert "is not a field of this command" in answer.content.decode()
    assert stored_counts() == (0, 0, 0)


def test_a_field_given_twice_is_refused(operator):
    sent = hidden(text_of(operator, SEND)) | {"field-last_name": "B"}
    answer = operator.post(SEND, sent | {"field-first_name": ["Ada", "Grace"]})
    errors = errors_by_field(answer.content.decode())
    assert errors == {"field-first_name": "first_name was given more than once"}
    assert stored_counts() == (0, 0, 0)


@pytest.mark.parametrize(
    "command_id", ["", "x", "0" * 32, "{0a1b2c3d-0000-4000-8000-000000000000}", None]
)
def test_a_form_without_a_good_command_id_gets_one(operator, command_id):
    sent = hidden(text_of(operator, SEND)) | {"field-first_name": "A", "field-last_name": "B"}
    del sent["command_id"]
    answer = operator.post(SEND, sent if command_id is None else sent | {"command_id": command_id})
    html = answer.content.decode()
    assert answer.status_code == 400
    assert "The form&#x27;s command id was no UUID." in html
    assert stored_counts() == (0, 0, 0)
    assert operator.post(SEND, sent | hidden(html)).status_code == 200


def test_two_megabytes_are_too_much(operator, key):
    before = stored()
    for page in (*ACTS, "storedcommand/send/acme/register-person/"):
        address = f"/admin/eventstore/{page}"
        token = hidden(text_of(operator, address))
        answer = operator.post(address, token | {"reason": "x" * 2**21, "field-first_name": "A"})
        assert answer.status_code == 400
    assert stored() == before


def test_a_thousand_fields_are_too_many(operator):
    sent = hidden(text_of(operator, SEND)) | {f"field-{number}": "" for number in range(1_001)}
    assert operator.post(SEND, sent).status_code == 400


def test_a_lone_surrogate_cannot_come_in_by_another_encoding(operator, key):
    """In Python's unicode_escape it could, and no page could repeat it."""
    before = stored()
    for page in (*ACTS, "storedcommand/send/acme/register-person/"):
        address = f"/admin/eventstore/{page}"
        fields = hidden(text_of(operator, address)) | {"reason": "\\ud800", "field-last_name": "B"}
        parts = "".join(
            f'--B\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in (fields | {"field-first_name": "\\udfff"}).items()
        )
        body = f"{parts}--B--\r\n".encode()
        for charset in ("unicode_escape", "utf-16", "utf-7"):
            content_type = f"multipart/form-data; boundary=B; charset={charset}"
            answer = operator.generic("POST", address, body, content_type=content_type)
            assert 400 <= answer.status_code < 500, (page, charset)
    assert stored() == before


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"field-first_name": "\\ud800"}', b"\xff\xfe"])
def test_what_is_no_form_is_no_form(operator, body):
    token = hidden(text_of(operator, SEND))["csrfmiddlewaretoken"]
    for content_type in ("application/json", "text/plain", "multipart/form-data"):
        answer = operator.generic(
            "POST", SEND, body, content_type=content_type, headers={"X-CSRFToken": token}
        )
        assert 400 <= answer.status_code < 500
    assert stored_counts() == (0, 0, 0)


@pytest.mark.parametrize(
    "place",
    [
        "acme/no-such-command",
        "umbrella/register-person",
        "nowhere/register-person",
        "acme/%3Cimg src=x%3E",
        "acme/%00",
        f"acme/{'x' * 5000}",
    ],
)
def test_what_is_not_there_for_the_user_is_not_found(operator, other_tenant, place):
    address = f"/admin/eventstore/storedcommand/send/{place}/"
    operator.handler.enforce_csrf_checks = False
    sent = {"command_id": uuid4(), "field-first_name": "A", "field-last_name": "B"}
    unknown = operator.get("/admin/eventstore/storedcommand/send/nowhere/nothing/")
    for answer in (operator.get(address), operator.post(address, sent)):
        assert answer.status_code == 404
        assert answer.content == unknown.content
    assert stored_counts() == (0, 0, 0)


def test_a_forged_command_is_refused(operator):
    sent = {"command_id": uuid4(), "field-first_name": "A", "field-last_name": "B"}
    assert operator.post(SEND, sent).status_code == 403
    assert stored_counts() == (0, 0, 0)
