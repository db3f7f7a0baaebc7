"""A scene for each test."""

import pytest

from eventstore.models import Tenant
from tests.crashes.conftest import forked as forked
from tests.eventstore.scheduling.domain import Scene, scene_of


@pytest.fixture
def scene(tenant: Tenant) -> Scene:
    """What failed is due again at once."""
    return scene_of(tenant)


@pytest.fixture
def patient(tenant: Tenant) -> Scene:
    """What failed waits for longer than any test."""
    return scene_of(tenant, retry_after=(600, 600, 600, 600))
