"""The scenarios A and B through the public door, and `manage.py demo`, which plays them."""

import io
import re
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command

from config.demo import scenario_a, scenario_b
from config.demo.people import find_or_make_tenant
from config.demo.stage import Stage
from config.management.commands import demo
from eventstore.application import Application
from eventstore.models import ApiKey, OverrideSwitch, Snapshot, StoredEvent, Tenant
from ledger.persons.aggregate import Person
from ledger.persons.commands import RenamePerson
from projections.models import PersonSummary
from tests.http import Api
from tests.processes import run_manage
from tests.scenarios.test_serving import serving, status_of

PLAYED = ("A", "B", "C", "D", "E", "F", "G", "H", "Rebuild", "Door")
#: Lines of the demo's door that show whole answers.
VARIES = re.compile(r"ok    (its answer|.* answers as for an id that nobody has): ")


def test_a_contact_is_created_and_updated(api: Api) -> None:
    person_id = api.registered_person("Alice", "O'Wonderland")
    before = api.get(f"/api/persons/{person_id}").body
    assert before["name"] == "Alice O'Wonderland"
    rename = {"aggregate_id": person_id, "first_name": "Alice", "last_name": "Cooper"}
    assert api.send("rename-person", rename).status == 200
    after = api.get(f"/api/persons/{person_id}").body
    assert after["name"] == "Alice Cooper"
    assert after["registered_at"] == before["registered_at"]
    types = StoredEvent.objects.order_by("position").values_list("type", flat=True)
    assert list(types) == ["person.registered", "person.renamed"]
    api.send("rename-person", {**rename, "first_name": ""}).refused(400, "validation_failed")
    api.send("rename-person", rename).refused(422, "not_renamed")


def test_snapshots_are_taken_without_asking(
    api: Api, application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(application.snapshots, "every", 10)
    person_id = api.registered_person("King Henry", "I")
    for numeral in scenario_b.NUMERALS[2:]:
        rename = {"aggregate_id": person_id, "first_name": "King Henry", "last_name": numeral}
        answer = api.send("rename-person", rename)
    assert answer.body["version"] == 21
    assert api.get(f"/api/persons/{person_id}").body["name"] == "King Henry XXI"
    assert list(Snapshot.objects.values_list("version", flat=True)) == [10, 20]
    application.cache.clear()
    tenant_id = Tenant.objects.get().id
    loaded = application.loader.load(tenant_id, Person, UUID(person_id))
    assert (loaded.snapshot_version, loaded.aggregate.version) == (20, 21)
    Snapshot.objects.all().delete()
    without = application.loader.load(tenant_id, Person, UUID(person_id))
    assert (without.snapshot_version, without.aggregate.state) == (0, loaded.aggregate.state)


def test_the_demo_plays_every_scenario_and_can_be_played_again(database: None) -> None:
    for _ in range(2):
        played = run_manage("demo")
        assert played.returncode == 0, played.stdout + played.stderr
        lines = played.stdout.splitlines()
        assert [line for line in lines if line.endswith(" ok")] == [
            f"{name} ok" for name in PLAYED
        ]
        assert lines[-1] == "Door ok"
        assert "DIFFERS" not in played.stdout
        assert played.stderr == ""
    assert PersonSummary.objects.filter(name="King Henry XXI").count() == 2


def test_an_unknown_scenario_is_a_wrong_argument(database: None) -> None:
    played = run_manage("demo", "A", "Z")

    assert played.returncode == 2
    assert "There is no scenario Z. Known: A, B, C, D, E, F, G, H, Rebuild, Door." in played.stderr
    assert played.stdout == ""


@pytest.mark.long
def test_the_demo_shows_who_may_come_in_and_what(database: None) -> None:
    shown = run_manage("demo", "Door").stdout.partition("Door: who may come in, and what\n")[2]
    assert [line.strip() for line in shown.splitlines() if not VARIES.search(line)] == [
        "ok    a command sent again, Idempotent-Replayed: (200, 'true')",
        "ok    the balance after both: 20.00",
        "ok    its id with other content: (422, 'command_id_reused')",
        "ok    If-Match with an old version: (412, 'stale_version')",
        "ok    If-Match with the present one: (200, None)",
        'ok    its new version: "3"',
        "ok    an amount as a float: (400, 'validation_failed')",
        "ok    the wrong field: ['amount']",
        "ok    all wrong fields at once: ['first_name', 'last_name', 'nickname']",
        "ok    an account of umbrella's, seen by umbrella: 200",
        "ok    the same, seen by demo: (404, 'not_found')",
        "ok    money from demo into it: (404, 'not_found')",
        "ok    an auditor reads: 200",
        "ok    an auditor sends a command: (403, 'forbidden')",
        "ok    a key: 200",
        "ok    the key, revoked: (401, 'unauthenticated')",
        "ok    a user sends a command in demo, as a member: (201, None)",
        "ok    the same user in umbrella, as an auditor: (403, 'forbidden')",
        "ok    and reads there: 200",
        "ok    the same session from a page elsewhere: (403, 'forbidden')",
        "Door ok",
    ]
    assert [found[1] for found in VARIES.finditer(shown)] == [
        "its answer",
        "reading it answers as for an id that nobody has",
        "paying in answers as for an id that nobody has",
    ]


@pytest.mark.long
def test_the_demo_ends_with_1_when_the_door_differs(database: None) -> None:
    # An auditor who has left: the demo finds this user, and the door stays shut for them.
    User.objects.create_user("demo-auditor", is_active=False)
    played = run_manage("demo", "A", "Door")
    assert played.returncode == 1
    assert "DIFFERS  an auditor reads: expected 200, got 401" in played.stdout
    assert played.stdout.splitlines()[-1] == "Door DIFFERS"
    assert "Scenarios that differ: Door" in played.stderr


@pytest.mark.long
def test_the_keys_of_earlier_demos_open_no_more(database: None) -> None:
    keys = []
    for _ in range(2):
        with serving("demo", "A", "--serve") as (_process, printed, url):
            keys += re.findall(r"API key\s+(\S+)", "".join(printed))
            statuses = [status_of(f"{url}/api/persons", key) for key in keys]
    assert statuses == [401, 200]
    (valid,) = ApiKey.objects.filter(revoked_at=None)
    assert (valid.tenant.slug, valid.user.username) == ("demo", "demo-operator")
    assert not Session.objects.exists()


def test_the_demo_fails_when_a_scenario_differs(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(application.snapshots, "every", 100)  # The demo changes it; put it back.

    def differ(stage: Stage) -> None:
        stage.expect("one", 1, 2)

    monkeypatch.setitem(demo.SCENARIOS, "A", ("differs", differ))
    out = io.StringIO()
    with pytest.raises(CommandError) as failure:
        call_command("demo", "A", stdout=out)
    assert failure.value.returncode == 1
    assert "A DIFFERS" in out.getvalue()


def test_a_scenario_counts_what_differs(database: None) -> None:
    stage = Stage([].append, find_or_make_tenant("demo"), None)  # type: ignore[arg-type]  # nothing is called
    stage.expect("a number", 1, 1)
    assert stage.differences == 0
    stage.expect("a number", 1, 2)
    assert stage.differences == 1
    assert scenario_a.play.__module__.endswith("scenario_a")


@pytest.mark.long
def test_the_demo_plays_what_an_operator_has_switched_off_and_leaves_it_off(
    application: Application,
) -> None:
    umbrella = find_or_make_tenant("umbrella")
    switch = application.overrides.switch
    for name in ("command rename-person", "reaction transfer transfer.started"):
        switch(umbrella.id, name, active=False, user="olga", reason="the owner asked for it")

    played = run_manage("demo", "G", "H")

    assert played.returncode == 0, played.stdout
    assert application.overrides.handler(umbrella.id, RenamePerson) is None
    last = OverrideSwitch.objects.latest("id")
    assert (last.active, last.user, last.reason) == (False, "demo", "as it was before")
