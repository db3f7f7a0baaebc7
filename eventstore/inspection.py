"""What the API, the admin and the command line share to look at events as they are stored."""

from datetime import datetime

from django.db.models import QuerySet

from eventstore.application import get_application
from eventstore.events import Origin
from eventstore.models import StoredEvent, StoredStream
from eventstore.serialization import decode_origin


def all_events() -> QuerySet[StoredEvent]:
    """Every event of every tenant, with its stream and tenant, in no order yet."""
    events = StoredEvent.objects.using(get_application().database.alias)
    return events.select_related("stream", "tenant")


def origin_of(metadata: str) -> Origin | None:
    """Who caused an event; None where its metadata is not as we write it."""
    try:
        return decode_origin(metadata)
    except ValueError:
        return None


def version_at(stream: StoredStream, time: datetime) -> int:
    """The stream's version at a time, 0 before its first event."""
    reader = get_application().reader
    return reader.version_at(stream.tenant_id, stream.category, stream.aggregate_id, time) or 0
