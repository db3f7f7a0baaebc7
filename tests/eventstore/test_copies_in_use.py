"""Who reads a copy: what is found there, by whom, and what becomes of it when it is dropped."""

import time
from collections.abc import Callable
from threading import Event as Flag
from threading import Thread

import pytest
from django.db import InternalError, ProgrammingError, connection, connections

from eventstore.errors import NotApplicable, NotFound
from eventstore.models import RowCopy
from projections.models import AccountSummary, PersonSummary
from tests.eventstore.copy_support import execute, live_names, make, names_in, schemas
from tests.eventstore.lock_waits import until_waiting
from tests.eventstore.support import PATIENCE, World

PERSONS = ["person_summary"]
TABLE = PersonSummary._meta.db_table


def until(is_so: Callable[[], bool]) -> None:
    patience = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < patience, "it has not come to that"
        time.sleep(0.01)


# Whose it is -------------------------------------------------------------------------------------


def test_two_tenants_have_copies_with_the_same_label(world: World, elsewhere: World) -> None:
    application = world.application
    for side, name in ((world, "Ada"), (elsewhere, "Otto")):
        side.person(name)
        make(application, tenant_id=side.actor.tenant_id)
        side.person("Late")
    assert names_in(application, world.actor.tenant_id) == ["Ada Cooper"]
    assert names_in(application, elsewhere.actor.tenant_id) == ["Otto Cooper"]


def test_a_tenants_copy_is_nobody_elses(world: World, elsewhere: World) -> None:
    application, theirs = world.application, elsewhere.actor.tenant_id
    make(application, tenant_id=theirs)
    for tenant_id in (world.actor.tenant_id, None):
        with pytest.raises(NotFound) as of_another:
            names_in(application, tenant_id)
        with pytest.raises(NotFound) as unknown:
            names_in(application, tenant_id, "when")
        assert str(of_another.value).replace("then", "when") == str(unknown.value)
        with pytest.raises(NotFound):
            application.copies.drop("then", tenant_id, user="mary", reason="to see")
    assert application.copies.all(world.actor.tenant_id) == []
    assert [copy.label for copy in application.copies.all(theirs)] == ["then"]


def test_each_sees_its_own_rows_in_a_copy_of_all_tenants(world: World, elsewhere: World) -> None:
    application = world.application
    world.person("Ada")
    elsewhere.person("Otto")
    make(application)
    for side, names in ((world, ["Ada Cooper"]), (elsewhere, ["Otto Cooper"])):
        side.person("Late")
        assert names_in(application, side.actor.tenant_id) == names
        assert [copy.label for copy in application.copies.all(side.actor.tenant_id)] == ["then"]


def test_a_tenants_own_copy_comes_before_one_of_all(world: World, elsewhere: World) -> None:
    application = world.application
    world.person("Ada")
    elsewhere.person("Otto")
    make(application, tenant_id=world.actor.tenant_id)
    world.person("Bob")
    make(application)
    assert names_in(application, world.actor.tenant_id) == ["Ada Cooper"]
    assert names_in(application, elsewhere.actor.tenant_id) == ["Otto Cooper"]
    application.copies.drop("then", world.actor.tenant_id, user="olga", reason="done")
    assert names_in(application, world.actor.tenant_id) == ["Ada Cooper", "Bob Cooper"]
    assert [copy.tenant_id for copy in application.copies.all()] == [None]


# What is found there -----------------------------------------------------------------------------


def test_what_a_copy_lacks_is_not_found_and_never_read_live(world: World) -> None:
    application, tenant_id = world.application, world.actor.tenant_id
    world.account("1.00")
    make(application)
    for lacking in (["account_summary"], [*PERSONS, "account_summary"], ["nothing"]):
        with (
            pytest.raises(NotFound, match="copy with label then"),
            application.copies.used("then", tenant_id, lacking),
        ):
            raise AssertionError("it is not there")
    # A query that reads more than it says: no row rather than a live one.
    with (
        pytest.raises(ProgrammingError, match="does not exist"),
        application.copies.used("then", tenant_id, PERSONS),
    ):
        AccountSummary.objects.count()
    assert AccountSummary.objects.count() == 1, "the connection finds the live ones again"


def test_nothing_can_be_written_there(world: World) -> None:
    application, tenant_id = world.application, world.actor.tenant_id
    world.person("Ada")
    make(application)
    with (
        pytest.raises(InternalError, match="read-only"),
        application.copies.used("then", tenant_id, PERSONS),
    ):
        PersonSummary.objects.update(name="Eve Cooper")
    assert names_in(application, tenant_id) == live_names(tenant_id) == ["Ada Cooper"]
    PersonSummary.objects.update(name="Eve Cooper")


def test_one_from_before_a_table_was_changed_says_so(world: World) -> None:
    application, tenant_id = world.application, world.actor.tenant_id
    copy = make(application)
    execute(f"ALTER TABLE {copy.schema}.{TABLE} DROP COLUMN name")
    with pytest.raises(NotApplicable, match="before its tables were changed"):
        names_in(application, tenant_id)


# While it is dropped -----------------------------------------------------------------------------


def test_a_dropped_copy_leaves_nothing_and_its_label_is_free(world: World) -> None:
    application, tenant_id = world.application, world.actor.tenant_id
    world.person("Ada")
    make(application, names=())
    application.copies.drop("then", None, user="olga", reason="seen")
    assert schemas() == []
    assert not RowCopy.objects.exists()
    with pytest.raises(NotFound):
        names_in(application, tenant_id)
    with pytest.raises(NotFound):
        application.copies.drop("then", None, user="olga", reason="again")
    make(application)
    assert names_in(application, tenant_id) == ["Ada Cooper"]


def test_a_copy_whose_tables_somebody_has_dropped_by_hand_is_not_found(world: World) -> None:
    application, tenant_id = world.application, world.actor.tenant_id
    world.person("Ada")
    copy = make(application)
    execute(f"DROP TABLE {copy.schema}.{TABLE}")
    with pytest.raises(NotFound):
        names_in(application, tenant_id)
    execute(f"DROP SCHEMA {copy.schema} CASCADE")
    with pytest.raises(NotFound):
        names_in(application, tenant_id)
    application.copies.drop("then", None, user="olga", reason="gone")


def test_who_drops_it_waits_for_whoever_reads_it(world: World) -> None:
    application, tenant_id = world.application, world.actor.tenant_id
    world.person("Ada")
    make(application)
    world.person("Bob")

    def drop() -> None:
        application.copies.drop("then", None, user="olga", reason="seen")
        connections.close_all()

    dropper = Thread(target=drop)
    with application.copies.used("then", tenant_id, PERSONS):
        dropper.start()
        until_waiting()
        assert live_names(tenant_id) == ["Ada Cooper"]
    dropper.join(PATIENCE)
    assert schemas() == []
    with pytest.raises(NotFound):
        names_in(application, tenant_id)


@pytest.mark.long
def test_readers_find_the_copy_or_nothing_however_often_it_is_dropped(world: World) -> None:
    application, tenant_id = world.application, world.actor.tenant_id
    world.person("Ada")
    end = make(application).position
    world.person("Bob")
    enough, seen, faults = Flag(), {"found": 0, "not found": 0}, []

    def read() -> None:
        while not enough.is_set():
            try:
                names = names_in(application, tenant_id)
                seen["found"] += 1
                if names != ["Ada Cooper"]:
                    faults.append(names)
            except NotFound:
                seen["not found"] += 1
            except Exception as error:
                faults.append(error)
        connection.close()

    readers = [Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    try:
        for _ in range(15):
            application.copies.drop("then", None, user="olga", reason="again")
            make(application, position=end)
    finally:
        enough.set()
        for reader in readers:
            reader.join(PATIENCE)
    assert not faults
    assert min(seen.values()) > 0, seen
    assert len(schemas()) == 1
