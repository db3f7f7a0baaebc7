"""A projection that fails."""

import pytest

from tests.eventstore.subscriptions.domain import Scene
from tests.eventstore.subscriptions.failing import fail_at


@pytest.fixture
def failing(two: Scene) -> list[int]:
    """The positions of four events; `items` cannot take the third."""
    positions = two.note("a", "b", "c", "d")
    two.hooks.item = fail_at(positions[2])
    return positions
