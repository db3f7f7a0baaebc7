"""The feed: all events of a tenant in the order of positions, for programs that miss none.

Whoever follows `next` gets each event once, and each stream in order, however writers overlap:
what is read lies at or below the high-water mark that was read before (`high_water_mark`), and
`next` is the position of a committed event, of whichever tenant. It is never the mark itself,
below which, after a crash, a position that was drawn and not used may come again.
"""

from dataclasses import dataclass
from time import monotonic, sleep
from typing import Any
from uuid import UUID

from django.db.models import Max
from django.http import QueryDict
from rest_framework.request import Request
from rest_framework.response import Response

from eventstore.api.events import COLUMNS, DEFAULT_LIMIT, MAXIMUM_LIMIT, EventsShown
from eventstore.api.views import DaybookView
from eventstore.application import Application, get_application
from eventstore.errors import ValidationFailed
from eventstore.input.parameters import Number, ParameterReader, read_text
from eventstore.inspection import all_events
from eventstore.tenancy import INSPECTORS

#: Seconds.
MAXIMUM_WAIT = 30

#: How long a reader who waits may not notice an event, in seconds.
POLL = 0.25

#: Events, of whichever tenant, that one statement looks through, so that it ends soon.
SCANNED = 5_000

#: For how long one call looks through events that do not match, in seconds.
PATIENCE = 5


class FeedView(DaybookView):
    """What has happened since a position; waits for it where asked."""

    roles = INSPECTORS

    def get(self, request: Request) -> Response:
        return Response(read_feed(request.query_params, self.actor(request).tenant_id))


def read_feed(parameters: QueryDict, tenant_id: UUID) -> dict[str, Any]:
    """`{events, next, head, settled}`; raises UnknownParameter or ValidationFailed."""
    reader = ParameterReader(parameters.lists())
    after = reader.take("after", Number(0), default=0)
    limit = reader.take("limit", Number(1, MAXIMUM_LIMIT), default=DEFAULT_LIMIT)
    wait = reader.take("wait", Number(0, MAXIMUM_WAIT), default=0)
    category = reader.take("category", read_text)
    type_name = reader.take("type", read_text)
    reader.finish()
    feed = Feed(get_application(), tenant_id, limit, category, type_name)
    page = feed.read(after, wait)
    shown = EventsShown(feed.application.events)
    return {
        "events": [shown.show(row) for row in page.rows],
        "next": page.next,
        "head": page.head,
        "settled": page.settled,
    }


@dataclass(frozen=True, slots=True)
class Page:
    """`next`: the position up to which all was looked at, and where the next page goes on."""

    rows: list[dict[str, Any]]
    next: int
    head: int
    settled: int


@dataclass(frozen=True, slots=True)
class Feed:
    """One tenant's events, of one category or type where given, `limit` at a time."""

    application: Application
    tenant_id: UUID
    limit: int
    category: str | None
    type_name: str | None

    def read(self, after: int, wait: int) -> Page:
        """The events after a position; where there are none, waits for one, `wait` seconds.

        An empty page is the end of what has settled, unless events of others took more than
        `PATIENCE` to look through; then `next` has moved on. No transaction is open meanwhile.
        Raises ValidationFailed for a position that nothing has reached yet.
        """
        start = monotonic()
        while True:
            page = self._look(after)
            waited = monotonic() - start
            is_at_end = page.next == after
            if page.rows or waited >= (wait if is_at_end else max(wait, PATIENCE)):
                return page
            if is_at_end:
                sleep(min(POLL, wait - waited))
            after = page.next

    def _look(self, after: int) -> Page:
        mark = self.application.high_water_mark
        # In this order: what the mark covers, the statements after it see. See `high_water_mark`.
        settled = mark.settled()
        head = mark.ceiling()
        if after > head:
            # Such as a position of another database. Answered, it would skip all that comes.
            raise ValidationFailed({"after": [f"lies beyond the last position, which is {head}"]})
        scanned = all_events().filter(position__gt=after, position__lte=settled)
        last = scanned.order_by("position")[:SCANNED].aggregate(last=Max("position"))["last"]
        if last is None:
            return Page([], after, head, settled)
        rows = self._matching(after, last)
        is_full = len(rows) == self.limit
        return Page(rows, rows[-1]["position"] if is_full else last, head, settled)

    def _matching(self, after: int, last: int) -> list[dict[str, Any]]:
        """Behind one position, up to another one."""
        events = all_events().filter(tenant_id=self.tenant_id)
        if self.category is not None:
            events = events.filter(stream__category=self.category)
        if self.type_name is not None:
            events = events.filter(type__in=self._names_of(self.type_name))
        events = events.filter(position__gt=after, position__lte=last).order_by("position")
        return list(events.values(*COLUMNS)[: self.limit])

    def _names_of(self, type_name: str) -> list[str]:
        """All names that events of this type are stored under, before and after renames."""
        types = self.application.events
        present = types.present_name(type_name)
        retired = [name for name in types.renames if types.present_name(name) == present]
        return [present, *retired]
