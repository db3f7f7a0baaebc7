"""The headers that travel with a command."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from eventstore.errors import ValidationFailed
from eventstore.input.values import Reader, read_uuid

_VERSION_TAG = re.compile(r'"([0-9]{1,18})"', re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandHeaders:
    """`Idempotency-Key` (made where absent), `If-Match` and `X-Correlation-ID`."""

    command_id: UUID
    expected_version: int | None
    correlation_id: UUID | None


def read_command_headers(headers: Mapping[str, str]) -> CommandHeaders:
    """Raises ValidationFailed with every header that cannot be read."""
    errors: dict[str, list[str]] = {}

    command_id = _read(headers, "Idempotency-Key", read_uuid, errors)
    expected_version = _read(headers, "If-Match", read_version_tag, errors)
    correlation_id = _read(headers, "X-Correlation-ID", read_uuid, errors)
    if errors:
        raise ValidationFailed(errors)
    return CommandHeaders(
        command_id=command_id or uuid4(),
        expected_version=expected_version,
        correlation_id=correlation_id,
    )


def _read(
    headers: Mapping[str, str], name: str, read: Reader, errors: dict[str, list[str]]
) -> Any:
    if name not in headers:
        return None
    try:
        return read(headers[name])
    except ValueError as error:
        errors[name] = [str(error)]
        return None


def read_version_tag(value: str) -> int:
    """The version in an entity tag as our answers carry it: `"7"`."""
    match = _VERSION_TAG.fullmatch(value)
    if match is None:
        raise ValueError('must be a version in quotes, such as "7", as the ETag of an answer')
    return int(match[1])
