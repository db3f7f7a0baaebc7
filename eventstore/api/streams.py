"""Streams over HTTP, for inspectors: which there are, their events, and what they came to."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import QueryDict
from rest_framework.request import Request
from rest_framework.response import Response

from eventstore.api.events import COLUMNS, DEFAULT_LIMIT, MAXIMUM_LIMIT, EventsShown
from eventstore.api.views import DaybookView
from eventstore.application import get_application
from eventstore.errors import (
    Boxed,
    NotFound,
    NotReplayable,
    RegistrationError,
    ValidationFailed,
)
from eventstore.events import stream_name
from eventstore.input.parameters import (
    MAXIMUM_NUMBER,
    Choice,
    Number,
    ParameterReader,
    read_text,
)
from eventstore.input.values import read_time, read_uuid
from eventstore.inspection import all_events, version_at
from eventstore.models import StoredEvent, StoredStream
from eventstore.tenancy import INSPECTORS

DEFAULT_LIST_LIMIT = 50
MAXIMUM_LIST_LIMIT = 500

FORWARD, BACKWARD = DIRECTIONS = ("forward", "backward")


class StreamListView(DaybookView):
    """The streams of the caller's tenant, a page at a time."""

    roles = INSPECTORS

    def get(self, request: Request) -> Response:
        streams = _all_streams().filter(tenant_id=self.actor(request).tenant_id)
        return Response(page_of_streams(request.query_params, streams))


class StreamView(DaybookView):
    """A page of one stream's events."""

    roles = INSPECTORS

    def get(self, request: Request, category: str, key: str) -> Response:
        return Response(
            page_of_events(request.query_params, self.actor(request).tenant_id, category, key)
        )


class StateView(DaybookView):
    """What one stream had come to at a version or a time."""

    roles = INSPECTORS

    def get(self, request: Request, category: str, key: str) -> Response:
        return Response(
            state_of(request.query_params, self.actor(request).tenant_id, category, key)
        )


def page_of_streams(parameters: QueryDict, streams: QuerySet[StoredStream]) -> dict[str, Any]:
    """`{results, next}`, oldest first; `after=<next>` goes on, also from the end.

    For looking around: a number is drawn before its stream commits. Raises UnknownParameter or
    ValidationFailed.
    """
    reader = ParameterReader(parameters.lists())
    filters = {
        "category": reader.take("category", read_text),
        "status": reader.take("status", Choice(StoredStream.Status.values)),
    }
    after = reader.take("after", Number(0), default=0)
    limit = reader.take("limit", Number(1, MAXIMUM_LIST_LIMIT), default=DEFAULT_LIST_LIMIT)
    reader.finish()
    given = {name: value for name, value in filters.items() if value is not None}
    rows = streams.filter(id__gt=after, **given).order_by("id")[:limit]
    results = [_shown(stream) for stream in rows]
    return {"results": results, "next": results[-1]["number"] if results else after}


def page_of_events(
    parameters: QueryDict, tenant_id: UUID, category: str, key: str
) -> dict[str, Any]:
    """`{stream, events, next}`; `next` is the version at which the next page begins, or None.

    It goes into `from_version`, backward into `to_version`. Raises UnknownParameter,
    ValidationFailed, NotFound or Boxed.
    """
    reader = ParameterReader(parameters.lists())
    first = reader.take("from_version", Number(1), default=1)
    last = reader.take("to_version", Number(1), default=MAXIMUM_NUMBER)
    direction = reader.take("direction", Choice(DIRECTIONS), default=FORWARD)
    limit = reader.take("limit", Number(1, MAXIMUM_LIMIT), default=DEFAULT_LIMIT)
    reader.finish()
    aggregate_id = _read_path(category, key)
    events = _events_of(tenant_id, category, aggregate_id).filter(version__range=(first, last))
    rows = events.order_by("-version" if direction == BACKWARD else "version").values(*COLUMNS)
    page = list(rows[: limit + 1])
    # Asked last: a stream that was put into a box meanwhile must not seem to have no events.
    stream = _find(tenant_id, category, aggregate_id)
    shown = EventsShown(get_application().events)
    return {
        "stream": _shown(stream),
        "events": [shown.show_with_hash(row) for row in page[:limit]],
        "next": page[limit]["version"] if len(page) > limit else None,
    }


def state_of(parameters: QueryDict, tenant_id: UUID, category: str, key: str) -> dict[str, Any]:
    """`{category, aggregate_id, version, state}`, without parameters the present one.

    Raises UnknownParameter, ValidationFailed, NotFound, Boxed, NoSuchVersion or NotReplayable.
    """
    version, time = _read_moment(parameters)
    aggregate_id = _read_path(category, key)
    stream = _find(tenant_id, category, aggregate_id)
    if time is not None:
        version = version_at(stream, time)
    if version is None:
        version = stream.version
    try:
        state = get_application().history.state_at(tenant_id, category, aggregate_id, version)
    except RegistrationError as error:  # Nothing replays the streams of this category any more.
        raise NotReplayable(str(stream), version, error) from error
    return {
        "category": category,
        "aggregate_id": aggregate_id,
        "version": version,
        "state": state,
    }


def _read_moment(parameters: QueryDict) -> tuple[int | None, datetime | None]:
    """A version or a time, or neither."""
    reader = ParameterReader(parameters.lists())
    version = reader.take("version", Number(0))
    time = reader.take("at", read_time)
    reader.finish()
    if version is not None and time is not None:
        raise ValidationFailed({"at": ["cannot be given together with version; leave one out"]})
    return version, time


def _read_path(category: str, key: str) -> UUID:
    """The aggregate's id; raises ValidationFailed for what can be no category or no id."""
    errors: dict[str, list[str]] = {}
    aggregate_id = UUID(int=0)
    try:
        read_text(category)
    except ValueError as error:
        errors["category"] = [str(error)]
    try:
        aggregate_id = read_uuid(key)
    except ValueError as error:
        errors["aggregate_id"] = [str(error)]
    if errors:
        raise ValidationFailed(errors)
    return aggregate_id


def _all_streams() -> QuerySet[StoredStream]:
    return StoredStream.objects.using(get_application().database.alias)


def _events_of(tenant_id: UUID, category: str, aggregate_id: UUID) -> QuerySet[StoredEvent]:
    return all_events().filter(
        stream__tenant_id=tenant_id, stream__category=category, stream__aggregate_id=aggregate_id
    )


def _find(tenant_id: UUID, category: str, aggregate_id: UUID) -> StoredStream:
    """Raises NotFound alike for others' and none, and Boxed where the events are not here."""
    stream = (
        _all_streams()
        .filter(tenant_id=tenant_id, category=category, aggregate_id=aggregate_id)
        .first()
    )
    if stream is None:
        raise NotFound(f"stream {stream_name(category, aggregate_id)}")
    if stream.status == StoredStream.Status.BOXED:
        raise Boxed(category, aggregate_id)
    return stream


def _shown(stream: StoredStream) -> dict[str, Any]:
    return {
        "number": stream.id,
        "category": stream.category,
        "aggregate_id": stream.aggregate_id,
        "version": stream.version,
        "status": stream.status,
        "head_hash": bytes(stream.head_hash).hex(),
    }
