"""Streams for the command line: found by name, and their events exactly as they are stored."""

from collections.abc import Iterator
from itertools import islice

from django.core.management.base import CommandError
from django.db.models import F, QuerySet

from eventstore.application import get_application
from eventstore.events import stream_name
from eventstore.high_water_mark import HighWaterMark
from eventstore.input.values import read_uuid
from eventstore.inspection import all_events
from eventstore.management.arguments import find_tenant, printable, tenants
from eventstore.models import StoredEvent, StoredStream, Tenant

#: Events read by one statement.
PAGE_SIZE = 1000

_UUID_LENGTH = 36


def find_stream(name: str, slug: str | None) -> StoredStream:
    """The stream `account-<uuid>` of a tenant, or of the only one that has it; CommandError."""
    category, aggregate_id = printable(name)[: -_UUID_LENGTH - 1], name[-_UUID_LENGTH:]
    try:
        uuid = read_uuid(aggregate_id)
    except ValueError:
        uuid = None
    if uuid is None or name != f"{category}-{aggregate_id}":
        raise CommandError(
            f"{name!r} is no stream's name. Write category and id, such as "
            "account-0a1b2c3d-0000-4000-8000-000000000000.",
            returncode=2,
        )
    rows = StoredStream.objects.using(get_application().database.alias).select_related("tenant")
    rows = rows.filter(category=category, aggregate_id=uuid)
    if slug is not None:
        rows = rows.filter(tenant=find_any_tenant(slug))
    return _only_one(list(rows.order_by("tenant__slug")), stream_name(category, uuid), slug)


def _only_one(found: list[StoredStream], name: str, slug: str | None) -> StoredStream:
    if not found:
        where = f"Tenant {slug} has" if slug else "No tenant has"
        raise CommandError(
            f"{where} {'no' if slug else 'a'} stream {name}. "
            "`manage.py stream tail` shows streams with their newest events.",
            returncode=2,
        )
    if len(found) > 1:
        owners = ", ".join(stream.tenant.slug for stream in found)
        raise CommandError(
            f"Several tenants have a stream {name}: {owners}. Say which with --tenant SLUG.",
            returncode=2,
        )
    return found[0]


def find_any_tenant(slug: str) -> Tenant:
    """The tenant, active or not, or CommandError with the known ones."""
    return tenants().filter(slug=printable(slug)).first() or find_tenant(slug)


def refuse_boxed(stream: StoredStream) -> None:
    """CommandError where the events lie in cold storage."""
    if stream.status == StoredStream.Status.BOXED:
        raise CommandError(
            f"{stream} is in cold storage: its {stream.version} events lie in a box. "
            f"`manage.py unbox {stream} --tenant {stream.tenant.slug} --reason TEXT` brings them "
            "back."
        )


def events_of(
    stream: StoredStream, *, first: int, last: int, backward: bool, limit: int | None
) -> Iterator[StoredEvent]:
    """From version `first` to `last`, both included, in pages: however many, in little memory."""
    events = all_events().filter(stream=stream, version__range=(first, last))
    return islice(_in_pages(events, "version", backward=backward), limit)


def _in_pages(
    events: QuerySet[StoredEvent], key: str, *, backward: bool = False
) -> Iterator[StoredEvent]:
    events = events.order_by(F(key).desc() if backward else key)
    rest = events
    while page := list(rest[:PAGE_SIZE]):
        yield from page
        edge = {f"{key}__{'lt' if backward else 'gt'}": getattr(page[-1], key)}
        rest = events.filter(**edge)


class LogTail:
    """The newest events of a log, then those that come: each once, in order, none skipped.

    `settled()` is the bound: above it an earlier position may still commit.
    """

    def __init__(self, events: QuerySet[StoredEvent], mark: HighWaterMark) -> None:
        self._events = events
        self._mark = mark
        #: The last committed position seen. Never the bare mark, below which a position that was
        #: drawn before a crash may come again.
        self._seen = 0

    def newest(self, count: int) -> list[StoredEvent]:
        """The last `count` events, oldest first."""
        self._seen = self._last_settled()
        events = self._events.filter(position__lte=self._seen)
        return list(events.order_by("-position")[:count])[::-1]

    def fresh(self) -> Iterator[StoredEvent]:
        """What has come since the last call."""
        after, self._seen = self._seen, self._last_settled()
        events = self._events.filter(position__gt=after, position__lte=self._seen)
        return _in_pages(events, "position")

    def _last_settled(self) -> int:
        """The position of the last event, whose it may be, that is at or below the mark."""
        settled = self._mark.settled()
        positions = all_events().filter(position__gt=self._seen, position__lte=settled)
        last = positions.order_by("-position").values_list("position", flat=True).first()
        return self._seen if last is None else last
