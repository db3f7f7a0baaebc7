"""A tenant is removed: nothing of it is left in the database, and nothing of others is touched."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.apps import apps
from psycopg import errors

from eventstore.application import get_application
from eventstore.models import Box, Rebuild, StoredStream, Subscription, SubscriptionAction, Tenant
from eventstore.removal import Removed, Wish
from eventstore.removal_tables import WITHOUT_TENANT
from eventstore.tenancy import Role
from tests.eventstore.boxes.support import below, box, cold_root, renamed_person
from tests.eventstore.removal_world import dumped, removal, tables, tables_with, two_tenants
from tests.http import api_for
from tests.processes import database_url
from tests.replay import assert_rows_as_replayed
from tests.tenants.seeding import Side

WISH = Wish("olga", "the contract has ended", discard_events=True, with_boxes=True)
#: Users stay, whose names hold the marker in this world.
USERS = "public.auth_user"


@dataclass
class Past:
    """Two tenants as they were, and what came of removing the first."""

    ours: Side
    theirs: Side
    marked: set[str]
    before: dict[str, list[bytes]]
    of_others: dict[str, list[bytes]]
    streams: list[dict[str, Any]]
    boxes: list[dict[str, Any]]
    removed: Removed


@pytest.fixture(scope="module")
def past(lasting_database: None) -> Past:
    ours, theirs = two_tenants()
    whose = {"tenant": ours.tenant.pk}
    streams = StoredStream.objects.filter(**whose).order_by("id").values()
    boxes = Box.objects.filter(**whose).order_by("boxed_at").values()
    return Past(
        ours,
        theirs,
        tables_with("wombat"),
        dumped(),
        dumped(without=ours.tenant.pk),
        list(streams),
        list(boxes),
        removal().remove(ours.tenant, WISH),
    )


def test_the_marker_stood_in_every_kind_of_table_and_stands_in_none(past: Past) -> None:
    assert {
        "public.eventstore_event",
        "public.eventstore_snapshot",
        "public.eventstore_command",
        "public.eventstore_process",
        "public.eventstore_reaction",
        "public.eventstore_reservation",
        "public.eventstore_box",
        "public.eventstore_box_policy",
        "public.eventstore_override_switch",
        "public.eventstore_rebuild",
        "public.eventstore_row_copy",
        "public.eventstore_subscription",
        "public.eventstore_subscription_action",
        "public.django_admin_log",
        "public.django_session",
        "public.person_summary",
    } < past.marked
    assert any(table.startswith("copy_") for table in past.marked)
    assert tables_with("wombat") == {USERS}
    assert tables_with(str(past.ours.tenant.pk)) == set()


def test_it_stands_in_no_dump_of_the_database(past: Past, tmp_path: Path) -> None:
    program = shutil.which("pg_dump")
    if program is None:
        return  # The test above reads every table by itself.
    target = tmp_path / "dump"
    arguments = [program, "--file", str(target), f"--exclude-table-data={USERS}", database_url()]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    if "server version mismatch" in done.stderr:
        return
    assert done.returncode == 0, done.stderr
    text = target.read_text().lower()
    assert "quokka" in text
    assert "wombat" not in text


def test_no_row_of_another_tenant_has_changed(past: Past) -> None:
    gone = {
        table
        for table, rows in past.of_others.items()
        if rows != dumped(without=past.ours.tenant.pk).get(table)
    }
    assert {table for table in gone if not table.startswith("copy_")} == {
        "public.eventstore_tenant",
        *(f"public.{name}" for name in WITHOUT_TENANT),
        "public.django_session",
    }
    # The copy of the tenant alone is gone, with its schema.
    own = {table for table in past.before if table.startswith("copy_")} - set(tables())
    assert {table for table in gone if table.startswith("copy_")} == own
    assert own
    for name in ("snapshot", "call_count", "subscription"):
        table = f"public.eventstore_{name}"
        theirs = [row for row in past.before[table] if b"quokka" in row]
        assert set(theirs) <= set(dumped()[table])


def test_rows_of_others_are_those_of_a_replay(past: Past) -> None:
    Subscription.objects.filter(status="stopped").update(
        status="active", failed_position=None, error=""
    )
    get_application().subscriptions.work(lambda: False)
    assert assert_rows_as_replayed(get_application()) > 3


def test_what_all_tenants_share_says_no_more_than_it_has_to(past: Past) -> None:
    (check,) = Rebuild.objects.filter(tenant_id=None, kind="check")
    assert [each["key"] for each in check.differences] == [{"name": "quokka"}]
    acts = SubscriptionAction.objects.order_by("id").values_list("action", "error")
    # Whose event a retry was about is on no record.
    assert list(acts) == [
        ("skip", ""),
        ("retry", ""),
        ("skip", "KeyError: 'quokka'"),
        ("retry", ""),
    ]
    went_on = Subscription.objects.get(projection="account_statement")
    assert (went_on.status, went_on.failed_position) == ("active", None)


def test_the_certificate_says_how_many_rows_went_of_each_table(past: Past) -> None:
    content = past.removed.certificate
    after = dumped()
    for table, rows in past.before.items():
        if table.startswith("copy_") and table not in after:
            continue  # Dropped with its schema, not row by row.
        name = table.removeprefix("public.")
        assert content["tables"].get(name, 0) == len(rows) - len(after[table]), table
    assert content["tables"]["eventstore_tenant"] == 1
    assert content["cleared"] == {
        "eventstore_rebuild": 2,
        "eventstore_subscription": 1,
        "eventstore_subscription_action": 3,
    }


def test_the_certificate_is_a_file_with_each_stream_and_the_digests_of_its_boxes(
    past: Past,
) -> None:
    path = cold_root() / past.removed.path
    content = json.loads(path.read_text())
    assert path == cold_root() / "removed" / f"{past.ours.tenant.pk}.json"
    assert path.stat().st_mode & 0o777 == 0o600
    assert content["tenant"] == {
        "id": str(past.ours.tenant.pk),
        "slug": "wombat-bank",
        "name": "Wombat Bank",
    }
    assert (content["removed_by"], content["reason"]) == ("olga", "the contract has ended")
    assert content["users_without_tenant"] == [
        "wombat-auditor",
        "wombat-member",
        "wombat-operator",
    ]
    assert [each["aggregate_id"] for each in content["streams"]] == [
        str(stream["aggregate_id"]) for stream in past.streams
    ]
    for told, stream in zip(content["streams"], past.streams, strict=True):
        assert told["last_version"] == stream["version"]
        assert told["head_hash"] == bytes(stream["head_hash"]).hex()
        assert told["category"] == stream["category"]
    digests = [box["sha256"] for each in content["streams"] for box in each["boxes"]]
    assert sorted(digests) == sorted(bytes(box["digest"]).hex() for box in past.boxes)
    assert digests


def test_files_of_its_boxes_are_gone_and_those_of_others_are_there(past: Past) -> None:
    assert past.removed.files == len(past.boxes)
    folders = {path.split("/")[0] for path in below(cold_root())}
    assert folders == {"removed", str(past.theirs.tenant.pk)}


def test_every_table_either_has_a_tenant_or_is_looked_after_or_holds_nothing_of_any() -> None:
    """A table that nobody thought of would keep what should be gone."""
    holds_nothing_of_tenants = {
        "auth_group",
        "auth_group_permissions",
        "auth_permission",
        "auth_user",  # May belong to several tenants, and stays.
        "auth_user_groups",
        "auth_user_user_permissions",
        "django_content_type",
        "django_migrations",
        "django_q_ormq",  # Tasks carry no data.
        "django_q_schedule",
        "django_q_task",
        "eventstore_wakeup",
    }
    in_code = {"django_session", "eventstore_tenant"}
    for model in apps.get_models(include_auto_created=True):
        columns = {field.column: field for field in model._meta.concrete_fields}
        name = model._meta.db_table
        if "tenant_id" in columns:
            field = columns["tenant_id"]
            target = field.target_field if field.is_relation else field
            assert target.get_internal_type() == "UUIDField", name
        else:
            assert name in holds_nothing_of_tenants | in_code | set(WITHOUT_TENANT), name


# The guards ----------------------------------------------------------------------------------

DECLARE = "SELECT set_config('eventstore.removed_tenant', {xid} || ':' || %s, true)"
XID = "pg_current_xact_id()::text"


@pytest.mark.parametrize(
    ("xid", "whose", "is_active"),
    [(XID, "ours", True), ("'1'", "ours", False), (XID, "theirs", False)],
    ids=["an active tenant", "another transaction", "another tenant"],
)
@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM eventstore_event WHERE tenant_id = %s",
        "DELETE FROM eventstore_stream WHERE tenant_id = %s",
    ],
    ids=["events", "streams"],
)
def test_the_guards_let_nothing_go_of(
    world: Any,
    elsewhere: Any,
    raw: psycopg.Connection[Any],
    xid: str,
    whose: str,
    is_active: bool,
    statement: str,
) -> None:
    ours, theirs = world.actor.tenant_id, elsewhere.actor.tenant_id
    world.person()
    Tenant.objects.filter(pk__in=(ours, theirs)).update(active=is_active)
    raw.execute(DECLARE.format(xid=xid), (str(ours if whose == "ours" else theirs),))

    with pytest.raises(errors.RestrictViolation):
        raw.execute(statement, (ours,))


def test_a_projection_that_stopped_at_anothers_boxed_event_stays_stopped(
    database: None, tenant: Tenant, other_tenant: Tenant
) -> None:
    theirs = api_for(other_tenant, role=Role.OPERATOR)
    person = renamed_person(theirs, 1)
    assert box(theirs, person).status == 200
    stopped = {"status": "stopped", "failed_position": Box.objects.get().last_position}
    Subscription.objects.filter(projection="account_statement").update(error="it", **stopped)

    removal().remove(tenant, WISH)

    standing = Subscription.objects.filter(projection="account_statement", **stopped)
    assert standing.get().error == "it"
