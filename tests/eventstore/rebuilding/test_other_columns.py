"""Rows with columns that cannot be written many at a time, or that have no equal in JSON."""

import json
from collections.abc import Generator
from typing import Any

import pytest
from django.contrib.postgres.fields import ArrayField
from django.db import connection, models

from eventstore import shadow_rows
from eventstore.application import Application, pipeline_from_settings
from eventstore.events import RecordedEvent
from eventstore.projections import Plus, Projection, Rows, Table
from eventstore.tenancy import Actor
from tests.eventstore.rebuilding.support import differing, do, rebuild
from tests.eventstore.subscriptions.domain import (
    Hooks,
    Note,
    Notebook,
    Noted,
    Scene,
    Scribbled,
)


class Oddity(models.Model):
    tenant_id = models.UUIDField()
    notebook_id = models.UUIDField()
    #: By another name in the database.
    count = models.IntegerField(default=0, db_column="how many")
    data = models.JSONField(default=dict)
    number = models.FloatField(null=True)
    tags = ArrayField(models.CharField(max_length=9), default=list)
    raw = models.BinaryField(null=True)
    length = models.DurationField(null=True)

    class Meta:
        app_label = "oddities"
        db_table = "sample_oddity"
        constraints = (
            models.UniqueConstraint(fields=["tenant_id", "notebook_id"], name="sample_oddity_key"),
        )

    def __str__(self) -> str:
        return str(self.notebook_id)


NUMBERS = {"nan": float("nan"), "inf": float("inf"), "third": 1 / 3, "tiny": 5e-324}
TEXTS = ('back\\slash "quoted" \t tab \n line', "\\N", "", "ümläut 🎈")


def project(recorded: RecordedEvent[Noted], rows: Rows) -> None:
    text = recorded.event.text
    rows.upsert(
        Oddity,
        recorded.aggregate_id,
        count=Plus(1),
        data=json.dumps({"text": text, "n": recorded.version, "x": 1e300}),
        number=NUMBERS.get(text, 0.1),
        tags=[text[:9], "\\N", 'a"b,{}'],
        raw=text.encode() + b"\\\0\xff",
        length=recorded.recorded_at - recorded.recorded_at,
    )


@pytest.fixture
def odd(database: None, member: Actor) -> Generator[Scene]:
    application = Application(pipeline=pipeline_from_settings())
    hooks = Hooks()
    application.events.name(Noted, "notebook.noted")
    application.events.name(Scribbled, "notebook.scribbled")
    application.aggregates.add(Notebook)
    application.commands.handle(Note, hooks.note, name="note", creates=True)
    table = Table(Oddity, key=("notebook_id",))
    application.projections.asynchronous(
        Projection(name="oddities", project=project, events=(Noted,), tables=(table,))
    )
    with connection.schema_editor() as editor:
        editor.create_model(Oddity)
    yield Scene(application, member, hooks)
    with connection.schema_editor() as editor:
        editor.delete_model(Oddity)


def rows() -> list[Any]:
    """But `number`, of which NaN equals nothing; a check compares it as PostgreSQL does."""
    fields = ("count", "data", "tags", "raw", "length")
    return list(Oddity.objects.order_by("notebook_id").values_list(*fields))


@pytest.mark.parametrize("most", [0, 80_000])
def test_columns_of_every_kind_are_the_same_after_a_rebuild_a_check_and_a_fix(
    odd: Scene, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(shadow_rows, "MOST_ROWS", most)
    for text in (*NUMBERS, *TEXTS):
        odd.note(text)
        odd.notebook = type(odd.notebook)(int=odd.notebook.int ^ len(text))
    odd.work()
    before = rows()
    assert len(before) > 2
    assert differing(odd.application, "oddities") == 0
    rebuild(odd.application, "oddities")
    assert rows() == before
    Oddity.objects.update(data={}, raw=b"", number=float("nan"), tags=[])
    found = do(odd.application, "check", "oddities").checked
    assert found is not None
    assert found.rows == len(before)
    assert {"data", "raw", "tags"} <= set(found.differences[0].columns)
    assert do(odd.application, "fix", "oddities").rows == len(before)
    assert rows() == before
    Oddity.objects.update(count=77)
    again = do(odd.application, "check", "oddities").checked
    assert again is not None
    assert again.differences[0].columns == ("how many",)
    do(odd.application, "fix", "oddities")
    assert rows() == before
