"""`manage.py stream` as tests call it."""

import io
import json

import pytest
from django.core.management import CommandError, call_command

from eventstore.inspection import all_events
from eventstore.models import StoredEvent


def said(*arguments: str) -> str:
    out = io.StringIO()
    call_command("stream", *arguments, stdout=out)
    return out.getvalue()


def lines(*arguments: str) -> list[str]:
    return said(*arguments).splitlines()


def told(*arguments: str) -> list[dict]:
    return [json.loads(line) for line in lines(*arguments, "--json")]


def refused(code: int, *arguments: str) -> str:
    with pytest.raises(CommandError) as failed:
        said(*arguments)
    assert failed.value.returncode == code, failed.value
    return str(failed.value)


def versions(*arguments: str) -> list[int]:
    return [event["version"] for event in told(*arguments)]


def event_of(stream: str, version: int) -> StoredEvent:
    return all_events().get(stream__aggregate_id=stream[-36:], version=version)
