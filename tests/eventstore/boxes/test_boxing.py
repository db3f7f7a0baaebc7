"""An aggregate goes into cold storage and comes back as it was."""

import json

from eventstore.models import Snapshot, StoredCommand, StoredEvent
from tests.eventstore.boxes.support import box, exported, file_of, rename, renamed_person, unbox
from tests.http import Api


def test_an_aggregate_is_boxed_and_comes_back_byte_for_byte(operator: Api) -> None:
    person = renamed_person(operator)
    before = exported(person)

    boxed = box(operator, person)

    assert boxed.status == 200, boxed.raw
    assert not StoredEvent.objects.filter(stream__aggregate_id=person).exists()
    assert not Snapshot.objects.filter(stream__aggregate_id=person).exists()
    lines = [json.loads(line) for line in file_of(person).read_text().splitlines()]
    assert [next(iter(line)) for line in lines] == [
        "box",
        *["event"] * 8,
        *["command"] * 8,
        "snapshot",
        "end",
    ]
    rename(operator, person).refused(410, "boxed")
    fields = {"aggregate_id": person, "first_name": "Ada", "last_name": "Byron"}
    operator.send("register-person", fields).refused(410, "boxed")

    back = unbox(operator, person)

    assert back.status == 200, back.raw
    StoredCommand.objects.filter(status="refused").delete()
    assert exported(person) == before
    assert rename(operator, person).body["version"] == 9
