"""Fixtures of the backbone's tests."""

from collections.abc import Generator
from typing import Any

import psycopg
import pytest
from django.db import connections

from eventstore import fault_points
from eventstore.application import Application
from eventstore.history import History
from eventstore.models import Tenant
from eventstore.tenancy import Actor, Role
from tests.eventstore.sample_tables import sample_tables
from tests.eventstore.shelves import library
from tests.eventstore.subscriptions.domain import Scene, scene
from tests.eventstore.support import World, raw_connection, reader_of


@pytest.fixture
def world(application: Application, member: Actor) -> World:
    """The sample application, used by Mary of Acme."""
    return World(application, member)


@pytest.fixture
def elsewhere(application: Application) -> World:
    """The same application, used by Otto of Umbrella."""
    umbrella = Tenant.objects.create(slug="umbrella", name="Umbrella")
    return World(application, Actor(tenant_id=umbrella.id, user="otto", role=Role.MEMBER))


@pytest.fixture
def raw(database: None) -> Generator[psycopg.Connection[Any]]:
    """A plain psycopg connection, rolled back at the end: the table must not stay locked."""
    with_connection = raw_connection()
    yield with_connection
    with_connection.rollback()
    with_connection.close()
    connections.close_all()


@pytest.fixture
def history(application: Application) -> History:
    """Of a library; pages of three, so that a handful of events takes several."""
    shelves = library()
    reader = reader_of(shelves, page_size=3)
    return History(shelves.store, reader, shelves.aggregates)


@pytest.fixture
def tables(database: None) -> Generator[None]:
    """The samples' tables; no fault point is armed afterwards."""
    with sample_tables():
        yield
        fault_points.arm(None)


@pytest.fixture
def two(tables: None, member: Actor) -> Scene:
    """`items` and `places` are async; what failed is due again at once."""
    return scene(member)
