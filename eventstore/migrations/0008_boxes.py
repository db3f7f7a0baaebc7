"""Cold storage: what the registry says of each box, policies, and what the guards let pass."""

from pathlib import Path

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models
from django.db.migrations import AddField

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [
        ("eventstore", "0007_rebuilds"),
    ]

    operations = [
        # Nothing has been boxed before: there is no row that a default could be given to.
        AddField("box", "size", models.BigIntegerField(default=0), preserve_default=False),
        AddField(
            "box", "command_count", models.BigIntegerField(default=0), preserve_default=False
        ),
        AddField(
            "box", "first_position", models.BigIntegerField(default=0), preserve_default=False
        ),
        AddField(
            "box", "boxed_by", models.CharField(max_length=150, default=""), preserve_default=False
        ),
        AddField("box", "boxed_in", models.BigIntegerField(default=0), preserve_default=False),
        AddField("box", "unboxed_in", models.BigIntegerField(null=True)),
        migrations.AddConstraint(
            "box",
            models.UniqueConstraint(
                fields=["tenant", "stream"],
                condition=models.Q(unboxed_at=None),
                name="eventstore_box_open",
            ),
        ),
        migrations.AddIndex(
            "box",
            models.Index(
                fields=["last_position"],
                condition=models.Q(unboxed_at=None),
                name="eventstore_box_last_position",
            ),
        ),
        migrations.AddIndex(
            "box", models.Index(fields=["boxed_at", "id"], name="eventstore_box_boxed_at")
        ),
        migrations.CreateModel(
            name="BoxPolicy",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("category", models.CharField(max_length=50)),
                ("idle_days", models.PositiveIntegerField()),
                ("user", models.CharField(max_length=150)),
                ("reason", models.CharField(max_length=200)),
                (
                    "made_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
                (
                    "due_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
                ("lease_until", models.DateTimeField(null=True)),
                ("reported_at", models.DateTimeField(null=True)),
                ("reported", models.BigIntegerField(db_default=0)),
                ("reported_position", models.BigIntegerField(db_default=0)),
                ("tried_to", models.BigIntegerField(db_default=0)),
                ("acted_at", models.DateTimeField(null=True)),
                ("boxed", models.BigIntegerField(db_default=0)),
                ("refused", models.BigIntegerField(db_default=0)),
                (
                    "tenant",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        to="eventstore.tenant",
                    ),
                ),
            ],
            options={
                "verbose_name": "box policy",
                "verbose_name_plural": "box policies",
                "db_table": "eventstore_box_policy",
                "constraints": [
                    models.UniqueConstraint(
                        fields=["tenant", "category"], name="eventstore_box_policy_category"
                    )
                ],
                "indexes": [models.Index(fields=["due_at"], name="eventstore_box_policy_due_at")],
            },
        ),
        migrations.AddIndex(
            "processinstance",
            models.Index(
                fields=["tenant"],
                condition=models.Q(("waits_for", ""), _negated=True),
                name="eventstore_process_unended",
            ),
        ),
        migrations.RunSQL(
            (SQL / "0008_boxes.sql").read_text(),
            # Boxes that are there could not be opened any more.
            None,
        ),
    ]
