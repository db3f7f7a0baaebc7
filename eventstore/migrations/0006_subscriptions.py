"""Subscriptions with errors, intervals and operators' actions; commands for later; wake-ups.

Processes of older versions must have ended: they do not know which projections are inline any
more, so the functions by which they append go.
"""

from pathlib import Path

from django.db import migrations, models
from django.db.models import Q
from django.db.models.functions import Now

SQL = Path(__file__).parent / "sql"

FORMER_ARGUMENTS = (
    "uuid, text, uuid, bigint, json, json, timestamptz, bytea, uuid",
    "uuid, text, uuid, bigint, text, text, text, bytea, json, timestamptz, uuid",
    "uuid, text, uuid, bigint, text, text, text, bytea, json, timestamptz, uuid, int[], text[],"
    " uuid[], interval",
)
ARGUMENTS = f"{FORMER_ARGUMENTS[-1]}, text[]"


def _text(name: str) -> str:
    return (SQL / f"{name}.sql").read_text()


class Migration(migrations.Migration):
    dependencies = [
        ("eventstore", "0005_processes"),
    ]

    operations = [
        migrations.CreateModel(
            name="SubscriptionAction",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("projection", models.CharField(max_length=100)),
                (
                    "action",
                    models.CharField(
                        choices=[
                            ("pause", "Pause"),
                            ("resume", "Resume"),
                            ("retry", "Retry"),
                            ("skip", "Skip"),
                            ("forget", "Forget"),
                        ],
                        max_length=10,
                    ),
                ),
                ("position", models.BigIntegerField()),
                ("error", models.TextField(default="")),
                ("user", models.CharField(max_length=150)),
                ("reason", models.CharField(max_length=200)),
                ("at", models.DateTimeField(db_default=Now())),
            ],
            options={
                "db_table": "eventstore_subscription_action",
            },
        ),
        migrations.CreateModel(
            name="Wakeup",
            fields=[
                ("kind", models.CharField(max_length=20, primary_key=True, serialize=False)),
                ("asked_at", models.DateTimeField(db_default=Now())),
            ],
            options={
                "db_table": "eventstore_wakeup",
            },
        ),
        migrations.AlterModelOptions(
            name="subscription",
            options={"verbose_name": "projection"},
        ),
        migrations.AddField(
            model_name="subscription",
            name="as_of",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="subscription",
            name="attempts",
            field=models.IntegerField(default=0),
        ),
        migrations.AddField(
            model_name="subscription",
            name="due_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="subscription",
            name="failed_position",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="subscription",
            name="updated_at",
            field=models.DateTimeField(db_default=Now()),
        ),
        migrations.AlterField(
            model_name="subscription",
            name="status",
            field=models.CharField(
                choices=[("active", "Active"), ("paused", "Paused"), ("stopped", "Stopped")],
                default="active",
                max_length=10,
            ),
        ),
        migrations.AddIndex(
            model_name="storedcommand",
            index=models.Index(
                condition=Q(("reaction__isnull", True), ("status__in", ["scheduled", "pending"])),
                fields=["tenant", "due_at", "number"],
                name="eventstore_command_scheduled",
            ),
        ),
        migrations.AddIndex(
            model_name="storedcommand",
            index=models.Index(
                condition=Q(("reaction__isnull", True), ("status__in", ["scheduled", "pending"])),
                fields=["tenant", "aggregate_id", "due_at", "number"],
                name="eventstore_command_in_line",
            ),
        ),
        migrations.AddIndex(
            model_name="subscriptionaction",
            index=models.Index(fields=["projection", "id"], name="eventstore_subscription_acts"),
        ),
        migrations.RunSQL(
            [
                *(
                    f"DROP FUNCTION IF EXISTS eventstore_append({former})"
                    for former in FORMER_ARGUMENTS
                ),
                _text("0006_append"),
            ],
            [
                f"DROP FUNCTION eventstore_append({ARGUMENTS})",
                *(_text(name) for name in ("0001_append", "0003_append", "0005_append")),
            ],
        ),
    ]
