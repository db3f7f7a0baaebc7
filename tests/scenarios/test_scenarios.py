"""The scenarios A and B through the public door, and `manage.py demo`, which plays them."""

import io

import pytest
from django.core.management import CommandError, call_command

from config.demo import scenario_a, scenario_b
from config.demo.stage import Stage, make_tenant_with_key
from config.management.commands import demo
from eventstore.models import StoredEvent
from projections.models import PersonSummary
from tests.http import Api


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


def test_twenty_renames_make_21_events(api: Api) -> None:
    person_id = api.registered_person("King Henry", "I")
    for numeral in scenario_b.NUMERALS[2:]:
        rename = {"aggregate_id": person_id, "first_name": "King Henry", "last_name": numeral}
        answer = api.send("rename-person", rename)
    assert answer.body["version"] == 21
    assert api.get(f"/api/persons/{person_id}").body["name"] == "King Henry XXI"


def test_the_demo_plays_every_scenario_and_can_be_played_again(database: None) -> None:
    for _ in range(2):
        out = io.StringIO()
        call_command("demo", stdout=out)
        lines = out.getvalue().splitlines()
        assert "A ok" in lines
        assert lines[-1] == "B ok"
        assert not [line for line in lines if "DIFFERS" in line]
    assert PersonSummary.objects.filter(name="King Henry XXI").count() == 2


def test_the_demo_fails_when_a_scenario_differs(
    database: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def differ(stage: Stage) -> None:
        stage.expect("one", 1, 2)

    monkeypatch.setitem(demo.SCENARIOS, "A", ("differs", differ))
    out = io.StringIO()
    with pytest.raises(CommandError) as failure:
        call_command("demo", stdout=out)
    assert failure.value.returncode == 1
    assert "A DIFFERS" in out.getvalue()


def test_a_scenario_counts_what_differs(database: None) -> None:
    tenant, _key = make_tenant_with_key("demo", "operator")
    stage = Stage([].append, tenant, None)  # type: ignore[arg-type]  # nothing is called
    stage.expect("a number", 1, 1)
    assert stage.differences == 0
    stage.expect("a number", 1, 2)
    assert stage.differences == 1
    assert scenario_a.play.__module__.endswith("scenario_a")
