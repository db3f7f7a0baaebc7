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


def event_hash(
    previous: bytes,
    *,
    tenant_id: UUID,
    stream: str,
    version: int,
    type_name: str,
    schema_version: int,
    recorded_at: datetime,
    data: bytes,
    metadata: bytes,
) -> bytes:
    """SHA-256, 32 bytes. `data` and `metadata` are the stored JSON texts in UTF-8."""
    microseconds = (recorded_at - _EPOCH) // _MICROSECOND
    digest = sha256()
    for part in (
        previous,
        tenant_id.bytes,
        stream.encode(),
        b"%d" % version,
        type_name.encode(),
        b"%d" % schema_version,
        b"%d" % microseconds,
        data,
        metadata,
    ):
        digest.update(b"%d:" % len(part))
        digest.update(part)
    return digest.digest()
