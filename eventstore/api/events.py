"""How an event is shown to client programs, in the feed and in its stream."""

from typing import Any

from eventstore.errors import RegistrationError, Unreadable
from eventstore.event_types import EventTypes
from eventstore.inspection import origin_of
from eventstore.serialization import EventSerializer, stored_json

DEFAULT_LIMIT = 100
MAXIMUM_LIMIT = 1000

#: What is read of an event to show it.
COLUMNS = (
    "position",
    "stream__category",
    "stream__aggregate_id",
    "version",
    "type",
    "schema_version",
    "data",
    "metadata",
    "recorded_at",
    "hash",
)


class EventsShown:
    """Shows the rows of one answer; `rows` of `COLUMNS`, as dicts."""

    def __init__(self, event_types: EventTypes) -> None:
        self._event_types = event_types
        self._serializer = EventSerializer(event_types)

    def show(self, row: dict[str, Any]) -> dict[str, Any]:
        """As the feed gives it. Who caused it is null where the metadata cannot be read."""
        origin = origin_of(row["metadata"])
        return {
            "position": row["position"],
            "category": row["stream__category"],
            "aggregate_id": row["stream__aggregate_id"],
            "version": row["version"],
            **self._content(row["type"], row["schema_version"], row["data"]),
            "recorded_at": row["recorded_at"],
            "correlation_id": origin and origin.correlation_id,
            "causation_id": origin and origin.causation_id,
            "user": origin and origin.user,
        }

    def show_with_hash(self, row: dict[str, Any]) -> dict[str, Any]:
        """As its stream gives it; the hash, in hex, is of what is stored."""
        return {**self.show(row), "hash": bytes(row["hash"]).hex()}

    def _content(self, name: str, schema_version: int, data: str) -> dict[str, Any]:
        """Type, schema version and data, which always belong together.

        They are today's: a program that follows the feed knows one shape of each event. What
        this code cannot read must not stop it, so that is given as it is stored, all three.
        """
        content: dict[str, Any]
        try:
            event_type, _ = self._event_types.stored_as(name, schema_version)
            event = self._serializer.decode(name, schema_version, data)
            content = {
                "type": event_type.name,
                "schema_version": event_type.schema_version,
                "data": event,
            }
        except (Unreadable, RegistrationError):
            content = {"type": name, "schema_version": schema_version, "data": stored_json(data)}
        return content
