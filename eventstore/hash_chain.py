"""Each event carries a hash over itself and its predecessor, so that no past can be rewritten.

The idea is Haber and Stornetta's linked time-stamping (1991). Lengths stand before values, so
that no two different events have the same input. The global position is left out: it is drawn
while the event is inserted.
"""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import UUID

#: What stands before a stream's first event.
GENESIS = bytes(32)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class HashChain:
    """The chain of one stream, for events that were recorded together.

    SHA-256 over nine parts, each behind its length: the previous hash, tenant, stream name,
    version, type, schema version, time in microseconds UTC, data, metadata. What the events
    share is framed once.
    """

    def __init__(
        self, *, tenant_id: UUID, stream: str, recorded_at: datetime, metadata: bytes
    ) -> None:
        """`metadata`, like `data` below, is the stored JSON text in UTF-8."""
        self._stream = _framed(tenant_id.bytes, stream.encode())
        self._time = _framed(b"%d" % ((recorded_at - _EPOCH) // _MICROSECOND))
        self._metadata = _framed(metadata)
        #: From the type to the time; most events that are recorded together are of few types.
        self._types: dict[tuple[str, int], bytes] = {}

    def link(
        self, previous: bytes, *, version: int, type_name: str, schema_version: int, data: bytes
    ) -> bytes:
        """The 32 bytes that chain this event to the one before it."""
        type_and_time = self._types.get((type_name, schema_version))
        if type_and_time is None:
            type_and_time = _framed(type_name.encode(), b"%d" % schema_version) + self._time
            self._types[type_name, schema_version] = type_and_time
        number = b"%d" % version
        return sha256(
            b"%d:%b%b%d:%b%b%d:%b%b"
            % (
                *(len(previous), previous, self._stream),
                *(len(number), number, type_and_time),
                *(len(data), data, self._metadata),
            )
        ).digest()


def _framed(*parts: bytes) -> bytes:
    return b"".join([b"%d:%b" % (len(part), part) for part in parts])
