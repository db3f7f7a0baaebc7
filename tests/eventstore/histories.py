"""Shelves with a past: made by events of today, or by rows that no code of today writes."""

from typing import Any
from uuid import UUID, uuid4

from hypothesis import strategies as st

from eventstore.events import Event
from eventstore.models import StoredEvent, StoredStream, Tenant
from eventstore.serialization import to_builtins
from tests.eventstore.shelves import BookPut, BookTaken, ShelfState, library
from tests.eventstore.support import append

PUT = BookPut(title="Momo", copies=2, tags=("novel",))
EMPTY = {"books": {}, "tags": [], "last": None}

titles = st.sampled_from(["Momo", "Emma", "Ulysses"])
tags = st.lists(st.sampled_from("abcdef"), max_size=3).map(tuple)
puts = st.builds(BookPut, title=titles, copies=st.integers(1, 3), tags=tags)
events = st.lists(puts | st.builds(BookTaken, title=titles), min_size=1, max_size=12)


def shelf(tenant: Tenant, *events: Event) -> UUID:
    """The id of a new shelf with these events."""
    shelf_id = uuid4()
    append(library().store, tenant.id, shelf_id, *events, category="shelf")
    return shelf_id


def store_raw(tenant: Tenant, shelf_id: UUID, version: int, data: str, **columns: Any) -> None:
    """An event as no code of today writes it, at the stream's end."""
    stream = StoredStream.objects.get(aggregate_id=shelf_id)
    known = StoredEvent.objects.filter(stream=stream).earliest("version")
    values = {"type": "shelf.book_put", "schema_version": 1, "metadata": known.metadata} | columns
    StoredEvent.objects.create(
        stream=stream,
        version=version,
        tenant=tenant,
        data=data,
        recorded_at=known.recorded_at,
        hash=b"\xab" * 32,
        **values,
    )
    StoredStream.objects.filter(pk=stream.pk).update(version=version)


def replayed(some: list[Event]) -> dict[str, Any]:
    """By hand: what the history must come to."""
    state = ShelfState()
    for event in some:
        state.apply(event)
    return to_builtins(state, in_order=True)
