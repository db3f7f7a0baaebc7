"""One event as one line: for people, or as an object in JSON with the stored data exact."""

import json
from datetime import UTC, datetime
from typing import Any

from eventstore.inspection import origin_of
from eventstore.models import StoredEvent

#: A line break in JSON stands between tokens, never in a string; here it would end the line.
_LINE_BREAKS = str.maketrans("\r\n", "  ")


def as_line(event: StoredEvent, *, with_stream: bool = False) -> str:
    """The stream, where asked, then version, position, time, type, user, and data as stored."""
    origin = origin_of(event.metadata)
    parts = [
        f"{event.tenant.slug} {event.stream}" if with_stream else "",
        f"version {event.version}",
        f"position {event.position}",
        as_text(event.recorded_at),
        f"{event.type} v{event.schema_version}",
        origin.user if origin else "(unreadable metadata)",
        event.data.translate(_LINE_BREAKS),
    ]
    return _printable("  ".join(filter(None, parts)))


def as_json(event: StoredEvent) -> str:
    """An object whose `data` is the stored text itself, so that no number is rounded."""
    origin = origin_of(event.metadata)
    head: dict[str, Any] = {
        "tenant": event.tenant.slug,
        "category": event.stream.category,
        "aggregate_id": str(event.stream.aggregate_id),
        "version": event.version,
        "position": event.position,
        "type": event.type,
        "schema_version": event.schema_version,
        "recorded_at": as_text(event.recorded_at),
        "user": origin.user if origin else None,
        "correlation_id": str(origin.correlation_id) if origin else None,
        "causation_id": str(origin.causation_id) if origin and origin.causation_id else None,
        "hash": bytes(event.hash).hex(),
    }
    text = json.dumps(head, ensure_ascii=False, separators=(",", ":"))
    return f'{text[:-1]},"data":{event.data.translate(_LINE_BREAKS)}}}'


def as_text(moment: datetime) -> str:
    """In UTC, to the microsecond."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"


def _printable(text: str) -> str:
    """What would steer the terminal stands as its code."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)
