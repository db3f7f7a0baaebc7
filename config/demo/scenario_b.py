"""B: snapshots without asking. Of 21 events, a load reads the last; the state is the same."""

from typing import Any
from uuid import UUID

from django.db import transaction

from config.demo.stage import Stage
from eventstore.application import get_application
from eventstore.models import Snapshot
from ledger.persons.aggregate import Person, PersonState

#: Events to a snapshot, in the demo.
SNAPSHOT_EVERY = 10
#: Snapshots that a load passes over.
UNUSABLE: dict[str, dict[str, Any]] = {
    "a snapshot of an older state": {"state_schema": "older"},
    "a snapshot beyond the stream": {"version": 99},
}

# The numbers of the kings: I to XXI.
TENS = ("", "X", "XX")
ONES = ("", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX")
NUMERALS = [TENS[number // 10] + ONES[number % 10] for number in range(22)]


def play(stage: Stage) -> None:
    registered = stage.api.post("register-person", first_name="King Henry", last_name="I")
    person_id = registered.body["aggregate_id"]
    answers = [
        stage.api.post(
            "rename-person",
            aggregate_id=person_id,
            first_name="King Henry",
            last_name=NUMERALS[number],
        )
        for number in range(2, 22)
    ]
    stage.expect("renamed 20 times", [200] * 20, [answer.status for answer in answers])
    stage.expect("version", 21, answers[-1].body["version"])
    events = ["person.registered"] + ["person.renamed"] * 20
    stage.expect("events", events, stage.events_of(person_id))
    row = stage.api.get(f"/api/persons/{person_id}").body
    stage.expect("name", "King Henry XXI", row["name"])
    _compare_loads(stage, UUID(person_id))


def _compare_loads(stage: Stage, person_id: UUID) -> None:
    """What the next command reads, and that the state is the same without snapshots."""
    application = get_application()
    taken = Snapshot.objects.filter(stream__tenant=stage.tenant, stream__aggregate_id=person_id)
    versions = list(taken.order_by("version").values_list("version", flat=True))
    stage.expect("snapshots at versions", [10, 20], versions)

    schema = application.snapshots.schema_of(Person)
    stored = application.store.load(stage.tenant.id, person_id, state_schema=schema)
    assert stored is not None
    read = (stored.snapshot.version if stored.snapshot else None, len(stored.events))
    stage.expect("a load reads the snapshot at version 20 and 1 event", (20, 1), read)

    history = application.reader.read_stream(stage.tenant.id, "person", person_id)
    from_events = Person(person_id)
    from_events.replay(recorded.event for recorded in history)
    stage.expect("state with snapshots", from_events.state, _loaded(stage, person_id))
    for what, change in UNUSABLE.items():
        with transaction.atomic():
            taken.filter(version=20).update(**change)
            stage.expect(f"state past {what}", from_events.state, _loaded(stage, person_id))
            transaction.set_rollback(True)


def _loaded(stage: Stage, person_id: UUID) -> PersonState | None:
    """The person as a process loads it that has not done so before."""
    application = get_application()
    application.cache.clear()
    loaded = application.loader.load(stage.tenant.id, Person, person_id)
    return loaded.aggregate.state if loaded else None
