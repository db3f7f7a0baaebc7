"""Nothing that a tenant could be seen through comes into the project unnoticed."""

from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin

from config.composition import build_application
from eventstore.input.commands import fields_of
from tests.tenants.findings import rows_of, tenant_models, tenant_path
from tests.tenants.routes import ROUTES
from tests.tenants.tables import ADMIN_MODELS, COMMANDS, MODELS_WITHOUT_TENANT
from tests.tenants.urls import parameters_of, walk
from tests.tenants.world import World

FOUND = dict(walk())


def differences(found: Any, table: Any) -> tuple[list[str], list[str]]:
    """What the table lacks, and what it has for nothing."""
    return sorted(set(found) - set(table)), sorted(set(table) - set(found))


def test_every_url_is_classified() -> None:
    unknown, gone = differences(FOUND, ROUTES)
    assert not unknown, (
        f"Nobody has said what these URLs have to do with tenants: {unknown}. "
        "Add a line for each to tests/tenants/routes.py or admin_routes.py."
    )
    assert not gone, f"No URL has these routes any more: {gone}. Remove them from ROUTES."


@pytest.mark.parametrize("route", ROUTES)
def test_every_parameter_of_a_path_is_classified(route: str) -> None:
    unknown, gone = differences(parameters_of(route), ROUTES[route].path)
    assert not unknown, (
        f"Say in ROUTES what {route} reads into {unknown}, and what is good for us."
    )
    assert not gone, f"{route} has no parameters {gone}. Remove them from ROUTES."


def test_the_walk_goes_into_includes_and_the_admin() -> None:
    assert "api/persons/<str:key>" in FOUND
    assert "admin/eventstore/storedstream/<int:pk>/" in FOUND


def test_every_model_in_the_admin_is_classified() -> None:
    registered = [model._meta.label for model in admin.site._registry]
    unknown, gone = differences(registered, ADMIN_MODELS)
    assert not unknown, (
        f"Nobody has said whose rows the admin shows of {unknown}. "
        "Add them to ADMIN_MODELS in tests/tenants/tables.py, and their pages to ROUTES."
    )
    assert not gone, f"{gone} are not in the admin any more. Remove them from ADMIN_MODELS."


def test_every_model_has_a_tenant_or_is_said_to_have_none() -> None:
    without = [model._meta.label for model in apps.get_models() if not tenant_path(model)]
    unknown, gone = differences(without, MODELS_WITHOUT_TENANT)
    assert not unknown, (
        f"Rows of {unknown} have no tenant. Give them one, or add them, with the reason, "
        "to MODELS_WITHOUT_TENANT in tests/tenants/tables.py."
    )
    assert not gone, f"{gone} have a tenant, or are gone. Remove them from MODELS_WITHOUT_TENANT."


def test_every_command_and_each_of_its_fields_is_classified() -> None:
    commands = {entry.name: entry for entry in build_application().commands.offered()}
    unknown, gone = differences(commands, COMMANDS)
    assert not unknown, f"Add to COMMANDS in tests/tenants/tables.py a good body for {unknown}."
    assert not gone, f"There are no commands {gone} any more. Remove them from COMMANDS."
    for name, command in commands.items():
        unknown, gone = differences([f.name for f in fields_of(command)], COMMANDS[name])
        assert not unknown, f"Add {unknown} to the body of {name} in COMMANDS."
        assert not gone, f"{name} has no fields {gone} any more. Remove them from COMMANDS."


def test_the_other_tenant_has_a_row_of_every_model(world: World) -> None:
    empty = [
        model._meta.label
        for model in tenant_models()
        if not rows_of(model, world.theirs.tenant).exists()
    ]
    assert not empty, f"Let `play` in tests/tenants/seeding.py make a row of {empty} as well."


def test_what_is_gathered_is_another_tenants_alone(world: World) -> None:
    columns = {finding.column for finding in world.findings}
    assert len(world.findings) > 60
    assert {
        "StoredEvent.position",
        "StoredCommand.number",
        "StoredCommand.correlation_id",
        "StoredStream.aggregate_id",
        "ApiKey.prefix",
        "User.username",
        "Tenant.slug",
        "PersonSummary.name",
        "PersonSummary.total_balance",
    } <= columns
    assert not {"StoredEvent.type", "StoredCommand.status", "Membership.role"} & columns
