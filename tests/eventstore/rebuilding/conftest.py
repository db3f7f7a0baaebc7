"""Fixtures of the proofs of rebuilding."""

from collections.abc import Generator

import pytest

from eventstore import fault_points
from tests.eventstore.subscriptions.domain import Scene
from tests.eventstore.subscriptions.failing import fail_at


@pytest.fixture(autouse=True)
def disarmed() -> Generator[None]:
    """No fault point stays armed."""
    yield
    fault_points.arm(None)


@pytest.fixture
def failing(two: Scene) -> list[int]:
    """The positions of four events; `items` cannot take the third."""
    positions = two.note("a", "b", "c", "d")
    two.hooks.item = fail_at(positions[2])
    return positions
