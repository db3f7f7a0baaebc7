"""Fixtures of the proofs of the high-water mark."""

from collections.abc import Generator
from typing import Any

import psycopg
import pytest

from eventstore.models import Tenant
from tests.eventstore.high_water_mark.scene import Scene, opened_scene
from tests.eventstore.support import World, raw_connection


@pytest.fixture
def writer(world: World) -> Generator[psycopg.Connection[Any]]:
    """A raw connection to a database with a few events in it."""
    world.person()
    with raw_connection() as connection:
        yield connection
        connection.rollback()


@pytest.fixture
def scene(tenant: Tenant) -> Generator[Scene]:
    with opened_scene(tenant.id) as scene:
        yield scene
