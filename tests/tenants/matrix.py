"""Puts another tenant's ids into the places of a request, and compares the answers.

A page of the admin takes 30 ms, and ids times places times callers would take an hour. So:

- Each place gets all values of the columns that it is compared with, from each role once (in a
  list or form of the admin: two of each column).
- A path's parameter in the API gets one value of every other column as well, from one caller,
  another for each place.
- All others get, from one caller, one value of every other column that they can read, and one of
  each other kind, since what cannot be read is not looked up (in a list or form of the admin: one
  of each kind, and only where nothing is looked up).

That is the long proof, in which a path's parameter in the API gets every other id as well.
CI takes a share of it, another for each place: every value of a place's own columns from one role
at least, and most other columns in some place of the kind. `make check` does so for each fifth
address.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from typing import Any
from urllib.parse import quote, quote_plus, urlencode

import pytest
from django.utils.encoding import escape_uri_path

from tests.tenants.classification import IN_THE_API, Reads, Route
from tests.tenants.findings import Finding, digests_of, twin
from tests.tenants.routes import HEADERS, ROUTES
from tests.tenants.urls import address
from tests.tenants.world import BROWSER, Caller, Reply, World

PATH, QUERY, HEADER, FIELD = "path parameter", "query parameter", "header", "field"

#: Values of one column in one place of a list.
TRIED_IN_A_LIST = 2
#: In a share, of the other columns every eighth is tried.
SHARE = 8

JSON, FORM = "application/json", "application/x-www-form-urlencoded"

#: How many differences a red test tells; they tend to be alike.
TOLD = 5

#: Made anew for every page with a form.
_TOKEN = re.compile(r'name="(csrfmiddlewaretoken|command_id)" value="[^"]*"')

#: What the server makes up for each answer to something sent.
_MADE_UP = re.compile(
    r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"  # an id
    r"|\b20\d{8}\b"  # a number of ours; see seeding.py
    r'|(?<="version":)\d+|^"\d+"$'
)


@dataclass(frozen=True)
class Slot:
    """A place in a request, and what it can read; `place` is one of the four above."""

    place: str
    name: str
    reads: Reads
    #: How a header writes the value.
    form: str = "{}"

    def __str__(self) -> str:
        return f"{self.place} {self.name}"


@dataclass(frozen=True)
class Request:
    """One URL, and the values that are good for us in it. `fields`: the body, as JSON or as a
    form; each value may be made anew for each request."""

    route: str
    samples: Mapping[str, str]
    method: str = "GET"
    fields: Callable[[], Mapping[str, str]] = dict
    is_form: bool = False

    def __str__(self) -> str:
        name = "<str:name>"
        return f"{self.method} {self.route.replace(name, self.samples.get('name', name))}"

    @property
    def writes(self) -> bool:
        return self.method != "GET"

    def ask(self, caller: Caller, slot: Slot | None = None, text: str = "") -> Reply:
        """With the text in the slot."""
        path, query, headers, fields = dict(self.samples), "", {}, dict(self.fields())
        if slot and slot.place == PATH:
            path[slot.name] = text
        elif slot and slot.place == QUERY:
            query = "?" + urlencode({slot.name: text})
        elif slot and slot.place == HEADER:
            headers[slot.name] = slot.form.format(text)
        elif slot:
            fields[slot.name] = text
        body = urlencode(fields) if self.is_form else json.dumps(fields)
        options = {"data": body, "content_type": FORM if self.is_form else JSON}
        return caller.ask(
            address(self.route, path) + query,
            self.method,
            headers=headers,
            **(options if self.writes else {}),
        )


def request_for(name: str, world: World, **options: Any) -> Request:
    """With our own samples in the path."""
    samples = world.samples()
    good = {key: samples.get(value, value) for key, (_, value) in ROUTES[name].path.items()}
    return Request(name, good, **options)


def slots_of(route: Route) -> list[Slot]:
    slots = [Slot(PATH, name, reads) for name, (reads, _) in route.path.items()]
    slots += [Slot(QUERY, name, reads) for name, reads in route.query.items()]
    if route.what in IN_THE_API:
        slots += [Slot(HEADER, name, reads) for name, reads in HEADERS.items()]
    return slots


def each(names: Iterable[str]) -> list[Any]:
    """As parameters of a test; each fifth in `make check`, all of them in CI."""
    return [
        pytest.param(name, marks=pytest.mark.long if number % 5 else ())
        for number, name in enumerate(names)
    ]


def differences(
    world: World,
    request: Request,
    slots: Iterable[Slot],
    callers: Sequence[Caller],
    *,
    in_full: bool = False,
) -> Iterator[str]:
    """A sentence for each answer that tells another tenant's value from nobody's."""
    for number, slot in enumerate(slots):
        asking = one_of_each_role(callers, number)
        for at, caller in enumerate(asking):
            leads = at == number % len(asking)
            in_admin = caller.door == BROWSER
            if in_full and leads and slot.place == PATH and not in_admin:
                ids = world.ids
            else:
                ids = worth_trying(slot, world.ids, all_of_it=leads, in_admin=in_admin)
            if not in_full:
                ids = share_of(slot, ids, turn=len(str(request)) + number + at, leads=leads)
            yield from _differences(world, request, slot, caller, ids)


def share_of(slot: Slot, ids: Iterable[Finding], *, turn: int, leads: bool) -> list[Finding]:
    """Of the slot's own columns all, or for who does not lead each second; of the others of each
    kind every eighth, but one at least. Another `turn` takes others."""
    own: list[Finding] = []
    others: dict[str, list[Finding]] = {}
    for finding in ids:
        is_own = finding.column in slot.reads.columns
        (own if is_own else others.setdefault(finding.kind, [])).append(finding)
    chosen = own if leads else own[turn % 2 :: 2] or own
    for alike in others.values():
        chosen += alike[turn % SHARE :: SHARE] or alike[turn % len(alike) :][:1]
    return chosen


def one_of_each_role(callers: Sequence[Caller], number: int) -> list[Caller]:
    """Each role at another door from place to place."""
    by_role: dict[str, list[Caller]] = {}
    for caller in callers:
        by_role.setdefault(caller.role, []).append(caller)
    return [each[(number + at) % len(each)] for at, each in enumerate(by_role.values())]


def worth_trying(
    slot: Slot, ids: Iterable[Finding], *, all_of_it: bool, in_admin: bool
) -> list[Finding]:
    """See above."""
    in_list, columns = in_admin and slot.place != PATH, slot.reads.columns
    chosen: dict[Any, Finding] = {}
    for finding in ids:
        is_readable = finding.kind in slot.reads.kinds
        if finding.column in columns:
            already = sum(finding.column == other.column for other in chosen.values())
            if not in_list or already < TRIED_IN_A_LIST:
                chosen[finding.value] = finding
        elif not all_of_it or (in_list and columns):
            continue
        elif not in_list and (is_readable or (slot.place == PATH and not in_admin)):
            chosen.setdefault(finding.column, finding)
        else:
            chosen.setdefault(finding.kind, finding)
    return list(chosen.values())


def _differences(
    world: World, request: Request, slot: Slot, caller: Caller, ids: Iterable[Finding]
) -> Iterator[str]:
    of_nobodys: dict[str, Reply] = {}
    for finding in ids:
        random = twin(finding, of_its_own=request.writes).text
        theirs = without(finding.text, request.ask(caller, slot, finding.text))
        where = f"{request} as {caller}, {slot} = "
        if random not in of_nobodys:
            of_nobodys[random] = without(random, request.ask(caller, slot, random))
            yield from leaks(world, of_nobodys[random], where + random)
        if request.writes:
            # Below, what the server makes up counts as equal, so a leak would not be seen.
            yield from leaks(world, theirs, where + finding.text)
        one, other = (_settled(it, request) for it in (theirs, of_nobodys[random]))
        if one != other:
            yield (
                f"{request} as {caller}: {slot} tells another tenant's "
                f"{finding.column} ({finding.kind} {finding.text}) from a random one: "
                + first_difference(one, other)
            )


def _settled(reply: Reply, request: Request) -> Reply:
    """Without what is another in each answer to the same thing sent."""
    if not request.writes:
        return reply
    headers = {name: _MADE_UP.sub("{new}", value) for name, value in reply.headers.items()}
    return Reply(reply.status, headers, _MADE_UP.sub("{new}", reply.body))


@contextmanager
def unchanged(world: World) -> Iterator[None]:
    """No row of the other tenant is another afterwards."""
    before = digests_of(world.theirs.tenant)
    yield
    after = digests_of(world.theirs.tenant)
    changed = sorted(model for model in before if before[model] != after[model])
    assert not changed, f"Rows of another tenant's have changed: {changed}."


def leaks(world: World, reply: Reply, where: str) -> Iterator[str]:
    """A sentence for each trace of another tenant in an answer, to whom none was sent."""
    text = reply.body + repr(reply.headers)
    if reply.status >= 500:
        yield f"{where} answers {reply.status}."
    if text in world.harmless:
        return
    if not any(trace in text for trace in world.traces) and world.theirs.word not in text.lower():
        world.harmless.add(text)
        return
    if world.theirs.word in text.lower():
        yield f"{where} shows a name of another tenant's: {around(text, world.theirs.word)}."
    for finding in world.findings:
        if finding.trace in text or escape(finding.trace) in text:
            yield f"{where} shows another tenant's {finding.column}: {finding.text}."


def without(sent: str, reply: Reply) -> Reply:
    """The answer with a mark in place of what was sent, however it is written there."""
    headers = {name: _marked(sent, value) for name, value in reply.headers.items()}
    return Reply(reply.status, headers, _marked(sent, _TOKEN.sub("", reply.body)))


def _marked(sent: str, text: str) -> str:
    in_a_url = (quote(sent), quote(sent, safe=""), escape_uri_path(sent), quote_plus(sent))
    for written in (sent, escape(sent), *in_a_url):
        text = text.replace(written, "{sent}")
    return text


def first_difference(theirs: Reply, nobodys: Reply) -> str:
    if theirs.status != nobodys.status:
        return f"{theirs.status} {theirs.body[:200]!r}, not {nobodys.status}"
    for name in {*theirs.headers, *nobodys.headers}:
        one, other = theirs.headers.get(name), nobodys.headers.get(name)
        if one != other:
            return f"{name}: {one}, not {other}"
    pairs = enumerate(zip(theirs.body, nobodys.body, strict=False))
    start = max(next((at for at, (one, other) in pairs if one != other), 0) - 40, 0)
    return f"...{theirs.body[start : start + 120]!r}, not ...{nobodys.body[start : start + 120]!r}"


def around(text: str, word: str) -> str:
    at = text.lower().index(word)
    return repr(text[max(at - 40, 0) : at + 40])


def tell(sentences: Iterable[str]) -> str:
    """For an assertion: empty where there is nothing to tell."""
    all_of_them = list(sentences)
    more = len(all_of_them) - TOLD
    told = [*all_of_them[:TOLD], *([f"... and {more} more."] if more > 0 else [])]
    return "\n".join(told)
