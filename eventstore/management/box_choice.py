"""Which aggregates `manage.py box` and `unbox` are asked for. What is wrong ends with code 2."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.core.management.base import CommandError

from eventstore.application import Application, get_application
from eventstore.events import stream_name
from eventstore.input.values import read_time
from eventstore.management.arguments import printable
from eventstore.management.streams import find_any_tenant, find_stream
from eventstore.models import StoredStream

#: Aggregates in memory at once.
PAGE_SIZE = 500

CONDITIONS = """
FROM eventstore_stream AS s
JOIN eventstore_tenant AS t ON t.id = s.tenant_id
LEFT JOIN eventstore_event AS e ON e.stream_id = s.id AND e.version = s.version
WHERE (%(stream_id)s::bigint IS NULL AND s.status = %(status)s OR s.id = %(stream_id)s)
  AND (%(tenant_id)s::uuid IS NULL OR s.tenant_id = %(tenant_id)s)
  AND (%(category)s::text IS NULL OR s.category = %(category)s)
  AND (%(idle_since)s::timestamptz IS NULL OR e.recorded_at < %(idle_since)s)
"""
COUNT = f"SELECT count(*) {CONDITIONS}"
# By their numbers: what is boxed meanwhile is passed over, and what is new comes at the end.
PAGE = f"""
SELECT s.id, s.tenant_id, t.slug, s.category, s.aggregate_id, s.status, s.version, e.position,
       e.recorded_at
{CONDITIONS} AND s.id > %(after)s ORDER BY s.id LIMIT %(limit)s
"""

IS_TO_COME = "SELECT %s::timestamptz > clock_timestamp()"


class Target(NamedTuple):
    """An aggregate; position and time of its last event where that is online."""

    stream_id: int
    tenant_id: UUID
    tenant: str
    category: str
    aggregate_id: UUID
    status: str
    version: int
    last_position: int | None
    last_recorded_at: datetime | None

    @property
    def name(self) -> str:
        return stream_name(self.category, self.aggregate_id)


class Choice(NamedTuple):
    """One stream, or all in a status of a tenant, a category, that nothing has happened to."""

    status: str
    stream_id: int | None = None
    tenant_id: UUID | None = None
    category: str | None = None
    idle_since: datetime | None = None

    @property
    def is_one(self) -> bool:
        return self.stream_id is not None

    def count(self, application: Application) -> int:
        ((count,),) = application.database.rows(COUNT, self._asdict())
        return int(count)

    def targets(self, application: Application) -> Iterator[Target]:
        """Page by page: in little memory however many they are."""
        after = 0
        while True:
            parameters = {**self._asdict(), "after": after, "limit": PAGE_SIZE}
            page = [Target._make(row) for row in application.database.rows(PAGE, parameters)]
            yield from page
            if len(page) < PAGE_SIZE:
                return
            after = page[-1].stream_id


def read_choice(options: Mapping[str, Any], status: str) -> Choice:
    """CommandError for no choice, one that contradicts itself, or one of what is not there."""
    stream, tenant = options["stream"], options["tenant"]
    category, idle_since = options["category"], options.get("idle_since")
    if stream is not None:
        for flag, value in (("--category", category), ("--idle-since", idle_since)):
            if value is not None:
                raise CommandError(f"STREAM and {flag} do not go together.", returncode=2)
        return Choice(status, stream_id=find_stream(stream, tenant).pk)
    if tenant is None and category is None and idle_since is None:
        flags = "--tenant, --category"
        if "idle_since" in options:
            flags += ", --idle-since"
        raise CommandError(f"Name a stream, or say which with {flags}.", returncode=2)
    return Choice(
        status,
        tenant_id=None if tenant is None else find_any_tenant(tenant).pk,
        category=None if category is None else _read_category(category),
        idle_since=None if idle_since is None else _read_past(idle_since),
    )


def _read_category(category: str) -> str:
    """A registered one, or one of which there are streams that no code replays any more."""
    application = get_application()
    known = {each.category for each in application.aggregates}
    if printable(category) in known:
        return category
    streams = StoredStream.objects.using(application.database.alias)
    if "\0" not in category and streams.filter(category=category).exists():
        return category
    raise CommandError(
        f"There is no category {category!r}. Known: {', '.join(sorted(known)) or 'none'}.",
        returncode=2,
    )


def _read_past(text: str) -> datetime:
    try:
        moment = read_time(text)
    except ValueError as error:
        raise CommandError(f"--idle-since {error}.", returncode=2) from None
    ((is_to_come,),) = get_application().database.rows(IS_TO_COME, (moment,))
    if is_to_come:
        raise CommandError(
            f"--idle-since {text} lies in the future, before which everything has happened. "
            "Leave it out to take all.",
            returncode=2,
        )
    return moment
