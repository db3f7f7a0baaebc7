"""Two full tenants in the database, and who of ours may ask."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.test import Client

from eventstore.models import (
    ApiKey,
    Box,
    BoxPolicy,
    Membership,
    ProcessInstance,
    Reaction,
    Rebuild,
    RowCopy,
    StoredCommand,
    StoredStream,
)
from eventstore.tenancy import Role
from tests.tenants.findings import Finding, findings
from tests.tenants.seeding import (
    LATER,
    OURS,
    OURS_AGAIN,
    SHARED_ACCOUNT,
    SHARED_BOXED,
    SHARED_COMMAND,
    SHARED_OTHER_ACCOUNT,
    SHARED_PERSON,
    SHARED_TRANSFER,
    SHARED_USER,
    THEIRS,
    Side,
    make_side,
    meet,
    play,
    start_block,
)

KEY, SESSION, BROWSER = "a key", "a session", "a browser"


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: str


@dataclass(frozen=True)
class Caller:
    """One of ours, at one of the doors."""

    role: Role
    door: str
    client: Client

    def __str__(self) -> str:
        return f"{self.role.value} with {self.door}"

    def ask(self, path: str, method: str = "GET", **options: Any) -> Reply:
        # What a page has to say on the next one, it would say about the id before.
        self.client.cookies.pop("messages", None)
        answer = self.client.generic(method, path, **options)
        headers = {name: value for name, value in answer.headers.items() if name not in NOISE}
        body = answer.content.decode()
        if answer.status_code == 200 and path.startswith(ABOUT_ALL_TENANTS):
            body = HOW_FAR.sub("{how far}", body)
        return Reply(answer.status_code, headers, body)


#: How far the projections are, which serve all tenants: by design that tells how much the whole
#: system has done, and the time; never who or what.
ABOUT_ALL_TENANTS = ("/api/projections", "/admin/eventstore/subscription/", "/metrics")
HOW_FAR = re.compile(
    r'<span class="es-none">level</span>|<span>[0-9]+ events?, [0-9.]+&nbsp;s</span>'
    r'|"(as_of|due_at)":"[^"]*"'
    r"|(?<![-\w.])[0-9][0-9.e-]*(?![-\w])"
)

#: Says nothing that the body does not say; tells the time.
NOISE = {"Content-Length", "Expires"}


@dataclass
class World:
    """`ours` asks, `theirs` must not be seen. `before`: noted when they were not there."""

    ours: Side
    theirs: Side
    findings: list[Finding]
    before: Any = None
    callers: dict[str, list[Caller]] = field(default_factory=dict)
    #: Answers that were searched already.
    harmless: set[str] = field(default_factory=set)
    _samples: dict[str, str] = field(default_factory=dict)

    @cached_property
    def traces(self) -> list[str]:
        """What no answer may contain."""
        plain = {finding.trace for finding in self.findings}
        return sorted(plain | {escape(trace) for trace in plain})

    @property
    def ids(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.is_id]

    def samples(self) -> dict[str, str]:
        if not self._samples:
            self._samples.update(samples(self.ours))
        return self._samples


def make_world(note: Callable[[Side], Any] = lambda ours: None) -> World:
    """Ours first; then `note` may look around; then theirs, between ours and ours again."""
    start_block(OURS)
    ours = make_side("wombat")
    meet(ours)
    play(ours)
    start_block(OURS_AGAIN)
    play(ours)
    before = note(ours)
    start_block(THEIRS)
    theirs = make_side("quokka")
    meet(theirs)
    play(theirs)
    start_block(LATER)
    return World(ours, theirs, findings(theirs.tenant, ours.tenant), before, callers_of(ours))


def callers_of(side: Side) -> dict[str, list[Caller]]:
    """Each role at each door."""
    doors: dict[str, list[Caller]] = {KEY: [], SESSION: [], BROWSER: []}
    for role, user in side.users.items():
        with_key = _client(Authorization=f"Bearer {side.keys[role]}")
        with_session = _client(X_Tenant=side.tenant.slug)
        browser = _client()
        with_session.force_login(user)
        browser.force_login(user)
        doors[KEY].append(Caller(role, KEY, with_key))
        doors[SESSION].append(Caller(role, SESSION, with_session))
        doors[BROWSER].append(Caller(role, BROWSER, browser))
    return doors


def _client(**headers: str) -> Client:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    # A fault of ours must show as a 500, as it would outside a test.
    return Client(headers=named, SERVER_NAME="localhost", raise_request_exception=False)


def samples(side: Side) -> dict[str, str]:
    """Our own rows in an address or a body; the other tenant has rows with the same ids."""
    stream = StoredStream.objects.get(tenant=side.tenant, aggregate_id=SHARED_ACCOUNT)
    box = Box.objects.get(stream__tenant=side.tenant, stream__aggregate_id=SHARED_BOXED)
    commands = StoredCommand.objects.filter(tenant=side.tenant)
    command = commands.get(id=SHARED_COMMAND)
    member = Membership.objects.get(tenant=side.tenant, user=side.users[Role.MEMBER])
    key = ApiKey.objects.filter(tenant=side.tenant, revoked_at=None).latest("pk")
    process = ProcessInstance.objects.filter(tenant=side.tenant).latest("pk")
    reaction = Reaction.objects.filter(tenant=side.tenant, status="parked").latest("pk")
    scheduled = commands.filter(status="scheduled").latest("pk")
    rebuild = Rebuild.objects.filter(tenant_id=side.tenant.pk).latest("pk")
    copy = RowCopy.objects.filter(tenant_id=side.tenant.pk).latest("pk")
    return {
        "person_id": str(SHARED_PERSON),
        "account_id": str(SHARED_ACCOUNT),
        "other_account_id": str(SHARED_OTHER_ACCOUNT),
        "transfer_id": str(SHARED_TRANSFER),
        "user_id": str(SHARED_USER),
        "command_id": str(SHARED_COMMAND),
        "stream_number": str(stream.pk),
        "boxed_id": str(SHARED_BOXED),
        "boxed_stream_number": str(box.stream_id),
        "box_id": str(box.pk),
        "policy_number": str(BoxPolicy.objects.get(tenant=side.tenant).pk),
        "command_number": str(command.pk),
        "scheduled_id": str(scheduled.id),
        "scheduled_number": str(scheduled.pk),
        "membership_number": str(member.pk),
        "key_number": str(key.pk),
        "process_number": str(process.pk),
        "rebuild_number": str(rebuild.pk),
        "copy_number": str(copy.pk),
        "reaction_number": str(reaction.pk),
        "tenant_id": str(side.tenant.pk),
        "slug": side.tenant.slug,
        "member": side.users[Role.MEMBER].username,
        "content_type": str(ContentType.objects.get_for_model(StoredStream).pk),
    }
