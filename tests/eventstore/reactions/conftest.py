"""A play for each test, and short ways to see what is stored."""

from collections.abc import Callable
from uuid import UUID

import pytest

from eventstore.models import ProcessInstance
from eventstore.serialization import decode_json
from eventstore.tenancy import Actor
from tests.eventstore.reactions.domain import Play, play


@pytest.fixture
def scene(database: None, member: Actor) -> Play:
    """Leases of ten seconds: nothing falls to a worker within a test."""
    return play(member)


@pytest.fixture
def left(database: None, member: Actor) -> Play:
    """Leases of no time at all: what a sender does not do is a worker's at once."""
    return play(member, lease_seconds=0)


@pytest.fixture
def seen() -> Callable[[UUID], list[str]]:
    """What a run has written down."""

    def seen(run: UUID) -> list[str]:
        state = ProcessInstance.objects.get(instance_id=run).state
        return decode_json(state)["seen"] if state else []

    return seen
