"""What `manage.py handlers` says beside where something is registered."""

import json

import pytest
from django.db import connection

from eventstore.application import Application
from eventstore.models import Tenant
from tests.eventstore.management.test_commands import said

RENAME = "command rename-person"


def entry(kind: str, name: str) -> dict[str, str]:
    entries = json.loads(said("handlers", "--json"))
    (found,) = [it for it in entries if (it["kind"], it["name"]) == (kind, name)]
    assert isinstance(found, dict)
    return found


def line(start: str) -> str:
    lines = (" ".join(it.split()) for it in said("handlers").splitlines())
    (found,) = [it for it in lines if it.startswith(start)]
    return found


def switch(application: Application, tenant: Tenant, *, active: bool) -> None:
    application.overrides.switch(tenant.pk, RENAME, active=active, user="olga", reason="a trial")


def test_a_command_that_only_processes_send_is_marked(database: None) -> None:
    assert entry("command", "complete-transfer")["remark"] == "only processes send it"
    assert line("command complete-transfer ").endswith(" only processes send it")
    assert entry("command", "start-transfer")["remark"] == ""
    assert "only processes" not in line("command start-transfer ")


def test_an_override_says_whether_it_is_switched_off(
    application: Application, other_tenant: Tenant
) -> None:
    name, start = f"umbrella: {RENAME}", f"override umbrella: {RENAME} "
    assert entry("override", name)["remark"] == ""
    switch(application, other_tenant, active=False)
    assert entry("override", name)["remark"] == "switched off"
    assert line(start).endswith(" switched off")
    another = "umbrella: reaction transfer transfer.started"
    assert entry("override", another)["remark"] == ""
    switch(application, other_tenant, active=True)
    assert "switched off" not in line(start)


def test_another_tenants_switch_says_nothing_of_it(
    application: Application, other_tenant: Tenant, tenant: Tenant
) -> None:
    switch(application, tenant, active=False)
    assert entry("override", f"umbrella: {RENAME}")["remark"] == ""


def test_all_is_listed_before_the_database_has_tables(
    database: None, capsys: pytest.CaptureFixture[str]
) -> None:
    table = "eventstore_override_switch"
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} RENAME TO not_there_yet")
        try:
            assert line(f"override umbrella: {RENAME} ")
        finally:
            cursor.execute(f"ALTER TABLE not_there_yet RENAME TO {table}")
    told = capsys.readouterr().err
    assert "Whether overrides are switched off is not known: relation" in told
    assert "manage.py migrate" in told
