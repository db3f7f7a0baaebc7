"""Process managers: their instances, their to-do list, and the switches of tenants' overrides.

Nothing has written the two tables before, so they are made anew.
"""

from pathlib import Path
from typing import Any

from django.contrib.postgres.functions import RandomUUID
from django.db import migrations, models
from django.db.models import DO_NOTHING, Q
from django.db.models.functions import Now

import eventstore.models.json_text

SQL = Path(__file__).parent / "sql"


def _tenant() -> "models.ForeignKey[Any, Any]":
    return models.ForeignKey(
        to="eventstore.tenant", on_delete=DO_NOTHING, db_constraint=False, db_index=False
    )


class Migration(migrations.Migration):
    dependencies = [("eventstore", "0004_snapshot_digest")]

    operations = [
        migrations.DeleteModel("Reaction"),
        migrations.DeleteModel("ProcessInstance"),
        migrations.CreateModel(
            name="ProcessInstance",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("tenant", _tenant()),
                ("process", models.CharField(max_length=100)),
                ("instance_id", models.UUIDField()),
                ("state", eventstore.models.json_text.JsonText(null=True)),
                ("waits_for", models.CharField(default="", max_length=200)),
                ("started_at", models.DateTimeField()),
                ("updated_at", models.DateTimeField()),
            ],
            options={
                "verbose_name": "process",
                "verbose_name_plural": "processes",
                "db_table": "eventstore_process",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "process", "instance_id"),
                        name="eventstore_process_instance",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Reaction",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("uid", models.UUIDField(db_default=RandomUUID())),
                ("tenant", _tenant()),
                ("process", models.CharField(max_length=100)),
                ("instance_id", models.UUIDField()),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("event", "Event"),
                            ("refusal", "Refusal"),
                            ("outcome", "Outcome"),
                            ("effect", "Effect"),
                        ],
                        max_length=10,
                    ),
                ),
                ("name", models.CharField(max_length=200)),
                (
                    "event",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=DO_NOTHING,
                        to="eventstore.storedevent",
                    ),
                ),
                ("data", eventstore.models.json_text.JsonText(null=True)),
                (
                    "cause",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=DO_NOTHING,
                        related_name="+",
                        to="eventstore.reaction",
                    ),
                ),
                ("user", models.CharField(max_length=150)),
                ("correlation_id", models.UUIDField()),
                (
                    "status",
                    models.CharField(
                        choices=[("pending", "Pending"), ("done", "Done"), ("parked", "Parked")],
                        db_default="pending",
                        max_length=10,
                    ),
                ),
                ("attempts", models.IntegerField()),
                ("lease_until", models.DateTimeField()),
                ("error", models.TextField(db_default="")),
                ("created_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "eventstore_reaction",
                "indexes": [
                    models.Index(
                        fields=["tenant", "process", "instance_id", "id"],
                        name="eventstore_reaction_instance",
                    ),
                    models.Index(
                        condition=Q(
                            Q(("status", "done"), _negated=True),
                            Q(("kind", "effect"), _negated=True),
                        ),
                        fields=["tenant", "process", "instance_id", "id"],
                        name="eventstore_reaction_open",
                    ),
                    models.Index(
                        condition=Q(("status", "pending")),
                        fields=["lease_until"],
                        name="eventstore_reaction_due",
                    ),
                    models.Index(
                        condition=Q(("status", "parked")),
                        fields=["id"],
                        name="eventstore_reaction_parked",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="OverrideSwitch",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("tenant", _tenant()),
                ("override", models.CharField(max_length=300)),
                ("active", models.BooleanField()),
                ("user", models.CharField(max_length=150)),
                ("reason", models.CharField(max_length=200)),
                ("switched_at", models.DateTimeField(db_default=Now())),
            ],
            options={
                "verbose_name": "override",
                "db_table": "eventstore_override_switch",
                "indexes": [
                    models.Index(
                        fields=["tenant", "override", "id"], name="eventstore_override_last"
                    )
                ],
            },
        ),
        migrations.AddField(
            model_name="storedcommand",
            name="reaction",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=DO_NOTHING,
                to="eventstore.reaction",
            ),
        ),
        migrations.AddIndex(
            model_name="storedcommand",
            index=models.Index(
                condition=Q(("reaction__isnull", False)),
                fields=["reaction"],
                name="eventstore_command_reaction",
            ),
        ),
        migrations.AddIndex(
            model_name="storedcommand",
            index=models.Index(
                condition=Q(("status", "failed")),
                fields=["reaction"],
                name="eventstore_command_failed",
            ),
        ),
        # The function with eleven arguments stays for processes that still run older code.
        migrations.RunSQL(
            (SQL / "0005_append.sql").read_text(),
            "DROP FUNCTION eventstore_append(uuid, text, uuid, bigint, text, text, text, bytea,"
            " json, timestamptz, uuid, int[], text[], uuid[], interval)",
        ),
    ]
