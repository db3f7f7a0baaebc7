"""H: one tenant's own command. Nobody is renamed at Umbrella, until an operator allows it."""

from io import StringIO

from django.core.management import call_command

from config.demo.callers import HttpCaller
from config.demo.people import DEMO, find_or_make_tenant, key_caller, overrides_on
from config.demo.stage import Stage
from eventstore.application import get_application
from eventstore.models import StoredCommand
from eventstore.tenancy import Role

OVERRIDE = "command rename-person"


def play(stage: Stage) -> None:
    with (
        overrides_on("umbrella"),
        key_caller("umbrella", "umbrella-member", Role.MEMBER) as umbrella,
    ):
        forbid(stage, umbrella)
        switch(stage, umbrella)
    renamed = rename(stage.api, register(stage.api))
    stage.expect("another tenant renames", (200, "completed", "Alice Cooper"), renamed)
    listing = StringIO()
    call_command("handlers", stdout=listing)
    lines = [line.split()[:4] for line in listing.getvalue().splitlines() if OVERRIDE in line]
    stage.expect("listed by `manage.py handlers`", 1, len(lines))


def forbid(stage: Stage, umbrella: HttpCaller) -> None:
    person_id = register(umbrella)
    forbidden = rename(umbrella, person_id)
    stage.expect("Umbrella renames", (200, "overridden", "Alice O'Wonderland"), forbidden)
    tenant = find_or_make_tenant("umbrella")
    log = StoredCommand.objects.filter(tenant=tenant, aggregate_id=person_id)
    statuses = list(log.order_by("number").values_list("status", flat=True))
    stage.expect("in the log", ["completed", "overridden"], statuses)


def switch(stage: Stage, umbrella: HttpCaller) -> None:
    """As the admin's page does it."""
    tenant = find_or_make_tenant("umbrella")
    overrides = get_application().overrides
    person_id = register(umbrella)
    overrides.switch(tenant.id, OVERRIDE, active=False, user=DEMO, reason="the demo tries it")
    try:
        allowed = rename(umbrella, person_id)
    finally:
        overrides.switch(tenant.id, OVERRIDE, active=True, user=DEMO, reason="the demo is over")
    stage.expect("switched off", (200, "completed", "Alice Cooper"), allowed)
    again = rename(umbrella, register(umbrella))
    stage.expect("switched on again", (200, "overridden", "Alice O'Wonderland"), again)


def register(api: HttpCaller) -> str:
    registered = api.post("register-person", first_name="Alice", last_name="O'Wonderland")
    return str(registered.body.get("aggregate_id"))


def rename(api: HttpCaller, person_id: str) -> tuple[int, object, object]:
    """What came of it, and the name afterwards."""
    answer = api.post(
        "rename-person", aggregate_id=person_id, first_name="Alice", last_name="Cooper"
    )
    row = api.get(f"/api/persons/{person_id}")
    return answer.status, answer.body.get("status"), row.body.get("name")
