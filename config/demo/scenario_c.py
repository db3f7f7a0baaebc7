"""C: take an aggregate offline. Its events leave the database, and come back as they were."""

import json
from collections import Counter
from typing import Any

from config.demo.callers import Answer
from config.demo.stage import Stage
from eventstore.application import get_application
from eventstore.models import Box, Snapshot, StoredEvent

#: What is to come back, to the byte.
FIELDS = ("position", "version", "recorded_at", "data", "metadata", "hash")


def play(stage: Stage) -> None:
    person_id = stage.api.post("register-person", first_name="Carl", last_name="Fold").body[
        "aggregate_id"
    ]
    renamed = [rename(stage, person_id, f"Fold {number}") for number in range(1, 8)]
    stage.expect("renamed 7 times, version", 8, renamed[-1].body["version"])
    before = events_of(stage, person_id)
    take_offline(stage, person_id)
    refuse_all_but_reading(stage, person_id)
    bring_back(stage, person_id, before)


def take_offline(stage: Stage, person_id: str) -> None:
    taken = ask(stage, "box-aggregate", person_id, "the contract has ended")
    stage.expect("boxed", (200, None), taken.outcome)
    stage.expect("its file", {"event": 8, "snapshot": 1}, parts_of_file(stage, person_id))
    stage.expect("events in the database", 0, len(events_of(stage, person_id)))
    of_person = {"stream__tenant": stage.tenant, "stream__aggregate_id": person_id}
    stage.expect("snapshots there", 0, Snapshot.objects.filter(**of_person).count())


def refuse_all_but_reading(stage: Stage, person_id: str) -> None:
    stage.expect("a command for it", (410, "boxed"), rename(stage, person_id, "New").outcome)
    taken = stage.api.post(
        "register-person", aggregate_id=person_id, first_name="Carl", last_name="Fold"
    )
    stage.expect("its id for somebody new", (410, "boxed"), taken.outcome)
    row = stage.api.get(f"/api/persons/{person_id}").body
    stage.expect("its row is still read", "Carl Fold 7", row.get("name"))
    again = ask(stage, "box-aggregate", person_id, "once more")
    stage.expect("boxed again", 200, again.status)
    says = str(again.body.get("detail")).replace(person_id, "...")
    stage.expect("which says", "The person ... is in cold storage already.", says)


def bring_back(stage: Stage, person_id: str, before: list[tuple[Any, ...]]) -> None:
    back = ask(stage, "unbox-aggregate", person_id, "the contract goes on")
    stage.expect("unboxed", (200, None), back.outcome)
    after = events_of(stage, person_id)
    stage.expect("events that are as before, to the byte", len(before), same(before, after))
    stage.expect("and others", 0, len(after) - same(before, after))
    next_one = rename(stage, person_id, "Unfold")
    stage.expect("the next command makes version", 9, next_one.body.get("version"))
    row = stage.api.get(f"/api/persons/{person_id}").body
    stage.expect("the name", "Carl Unfold", row.get("name"))


def rename(stage: Stage, person_id: str, last_name: str) -> Answer:
    return stage.api.post(
        "rename-person", aggregate_id=person_id, first_name="Carl", last_name=last_name
    )


def ask(stage: Stage, command: str, person_id: str, reason: str) -> Answer:
    return stage.api.post(command, aggregate_id=person_id, category="person", reason=reason)


def events_of(stage: Stage, person_id: str) -> list[tuple[Any, ...]]:
    """As they are stored."""
    events = StoredEvent.objects.filter(
        stream__tenant=stage.tenant, stream__aggregate_id=person_id
    )
    rows = events.order_by("version").values_list(*FIELDS)
    return [(*others, bytes(hash_)) for *others, hash_ in rows]


def same(before: list[tuple[Any, ...]], after: list[tuple[Any, ...]]) -> int:
    return sum(one == other for one, other in zip(before, after, strict=False))


def parts_of_file(stage: Stage, person_id: str) -> dict[str, int]:
    """How many lines of the person's file hold an event, and how many a snapshot."""
    boxes = Box.objects.filter(stream__tenant=stage.tenant, stream__aggregate_id=person_id)
    box = boxes.filter(unboxed_at=None).first()
    if box is None:
        return {}
    lines = (get_application().cold_storage.root / box.path).read_text().splitlines()
    parts = Counter(next(iter(json.loads(line))) for line in lines)
    return {part: parts[part] for part in ("event", "snapshot")}
