"""All tables of DESIGN section 5, with the triggers and the append call, in one step."""

import uuid
from pathlib import Path

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import eventstore.models.json_text

SQL = Path(__file__).parent / "sql"


def _run(name: str, *, reverse: str) -> migrations.RunSQL:
    return migrations.RunSQL((SQL / f"{name}.sql").read_text(), reverse)


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        _run("0001_requirements", reverse=migrations.RunSQL.noop),
        migrations.CreateModel(
            name="Subscription",
            fields=[
                (
                    "projection",
                    models.CharField(max_length=100, primary_key=True, serialize=False),
                ),
                ("mode", models.CharField(max_length=10)),
                ("generation", models.BigIntegerField(default=1)),
                ("position", models.BigIntegerField(default=0)),
                ("status", models.CharField(default="active", max_length=10)),
                ("error", models.TextField(default="")),
                ("lease_until", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "eventstore_subscription",
            },
        ),
        migrations.CreateModel(
            name="Tenant",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("slug", models.SlugField(max_length=63, unique=True)),
                ("name", models.CharField(max_length=200)),
                ("active", models.BooleanField(default=True)),
            ],
            options={
                "db_table": "eventstore_tenant",
            },
        ),
        migrations.CreateModel(
            name="StoredStream",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("category", models.CharField(max_length=50)),
                ("aggregate_id", models.UUIDField()),
                ("version", models.BigIntegerField()),
                ("head_hash", models.BinaryField()),
                (
                    "status",
                    models.CharField(
                        choices=[("active", "Active"), ("boxed", "Boxed")],
                        default="active",
                        max_length=10,
                    ),
                ),
                (
                    "incarnation",
                    models.IntegerField(default=0, help_text="Rises with each unbox."),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.DO_NOTHING, to="eventstore.tenant"
                    ),
                ),
            ],
            options={
                "verbose_name": "stream",
                "db_table": "eventstore_stream",
            },
        ),
        migrations.CreateModel(
            name="StoredEvent",
            fields=[
                ("position", models.BigAutoField(primary_key=True, serialize=False)),
                ("version", models.BigIntegerField()),
                ("type", models.CharField(max_length=200)),
                ("schema_version", models.IntegerField()),
                ("data", eventstore.models.json_text.JsonText()),
                ("metadata", eventstore.models.json_text.JsonText()),
                ("recorded_at", models.DateTimeField()),
                ("hash", models.BinaryField()),
                (
                    "stream",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="events",
                        to="eventstore.storedstream",
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        to="eventstore.tenant",
                    ),
                ),
            ],
            options={
                "verbose_name": "event",
                "db_table": "eventstore_event",
            },
        ),
        migrations.CreateModel(
            name="StoredCommand",
            fields=[
                ("number", models.BigAutoField(primary_key=True, serialize=False)),
                ("id", models.UUIDField()),
                ("type", models.CharField(max_length=100)),
                ("data", eventstore.models.json_text.JsonText()),
                ("fingerprint", models.BinaryField()),
                ("aggregate_id", models.UUIDField()),
                ("expected_version", models.BigIntegerField(null=True)),
                ("user", models.CharField(max_length=150)),
                ("correlation_id", models.UUIDField()),
                ("causation_id", models.UUIDField(null=True)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("scheduled", "Scheduled"),
                            ("pending", "Pending"),
                            ("completed", "Completed"),
                            ("refused", "Refused"),
                            ("overridden", "Overridden"),
                            ("cancelled", "Cancelled"),
                            ("failed", "Failed"),
                        ],
                        max_length=10,
                    ),
                ),
                ("due_at", models.DateTimeField(null=True)),
                ("attempts", models.IntegerField(default=0)),
                ("lease_until", models.DateTimeField(null=True)),
                (
                    "code",
                    models.CharField(
                        default="", help_text="Of a refusal or failure.", max_length=50
                    ),
                ),
                ("result", models.JSONField(null=True)),
                ("received_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "tenant",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        to="eventstore.tenant",
                    ),
                ),
            ],
            options={
                "verbose_name": "command",
                "db_table": "eventstore_command",
            },
        ),
        migrations.CreateModel(
            name="Reservation",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("scope", models.CharField(max_length=50)),
                ("key", models.CharField(max_length=500)),
                (
                    "stream",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        to="eventstore.storedstream",
                    ),
                ),
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
                "db_table": "eventstore_reservation",
            },
        ),
        migrations.CreateModel(
            name="Reaction",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("process", models.CharField(max_length=100)),
                ("instance_id", models.UUIDField()),
                ("data", eventstore.models.json_text.JsonText(null=True)),
                ("status", models.CharField(default="pending", max_length=10)),
                ("attempts", models.IntegerField(default=0)),
                ("lease_until", models.DateTimeField(null=True)),
                ("error", models.TextField(default="")),
                (
                    "event",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        to="eventstore.storedevent",
                    ),
                ),
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
                "db_table": "eventstore_reaction",
            },
        ),
        migrations.CreateModel(
            name="ProcessInstance",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("process", models.CharField(max_length=100)),
                ("instance_id", models.UUIDField()),
                ("state", eventstore.models.json_text.JsonText()),
                ("updated_at", models.DateTimeField()),
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
                "db_table": "eventstore_process",
            },
        ),
        migrations.CreateModel(
            name="Box",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("path", models.TextField()),
                ("event_count", models.BigIntegerField()),
                ("last_version", models.BigIntegerField()),
                ("last_position", models.BigIntegerField()),
                ("digest", models.BinaryField()),
                ("boxed_at", models.DateTimeField()),
                ("unboxed_at", models.DateTimeField(null=True)),
                ("reason", models.TextField()),
                (
                    "stream",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        to="eventstore.storedstream",
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.DO_NOTHING, to="eventstore.tenant"
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "boxes",
                "db_table": "eventstore_box",
            },
        ),
        migrations.CreateModel(
            name="ApiKey",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("role", models.CharField(max_length=10)),
                (
                    "prefix",
                    models.CharField(
                        help_text="Tells keys apart in lists and logs.", max_length=12
                    ),
                ),
                ("digest", models.BinaryField(unique=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("expires_at", models.DateTimeField(null=True)),
                ("revoked_at", models.DateTimeField(null=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, to="eventstore.tenant"
                    ),
                ),
            ],
            options={
                "verbose_name": "API key",
                "db_table": "eventstore_api_key",
            },
        ),
        migrations.CreateModel(
            name="Snapshot",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("version", models.BigIntegerField()),
                ("state_schema", models.CharField(max_length=64)),
                ("state", eventstore.models.json_text.JsonText()),
                ("taken_at", models.DateTimeField()),
                (
                    "stream",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        to="eventstore.storedstream",
                    ),
                ),
            ],
            options={
                "db_table": "eventstore_snapshot",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("stream", "version"), name="eventstore_snapshot_version"
                    )
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="storedstream",
            constraint=models.UniqueConstraint(
                fields=("tenant", "aggregate_id"), name="eventstore_stream_aggregate"
            ),
        ),
        migrations.AddConstraint(
            model_name="storedstream",
            constraint=models.UniqueConstraint(
                fields=("tenant", "id"), name="eventstore_stream_tenant_id"
            ),
        ),
        migrations.AddConstraint(
            model_name="storedevent",
            constraint=models.UniqueConstraint(
                fields=("stream", "version"), name="eventstore_event_version"
            ),
        ),
        migrations.AddIndex(
            model_name="storedcommand",
            index=models.Index(
                fields=["tenant", "correlation_id"], name="eventstore_command_correlation"
            ),
        ),
        migrations.AddIndex(
            model_name="storedcommand",
            index=models.Index(
                fields=["tenant", "aggregate_id"], name="eventstore_command_aggregate"
            ),
        ),
        migrations.AddIndex(
            model_name="storedcommand",
            index=models.Index(
                condition=models.Q(("status__in", ["scheduled", "pending"])),
                fields=["due_at"],
                name="eventstore_command_due",
            ),
        ),
        migrations.AddConstraint(
            model_name="storedcommand",
            constraint=models.UniqueConstraint(
                fields=("tenant", "id"), name="eventstore_command_tenant_id"
            ),
        ),
        migrations.AddConstraint(
            model_name="reservation",
            constraint=models.UniqueConstraint(
                fields=("tenant", "scope", "key"), name="eventstore_reservation_key"
            ),
        ),
        migrations.AddIndex(
            model_name="reaction",
            index=models.Index(
                condition=models.Q(("status", "pending")),
                fields=["tenant", "process", "instance_id", "id"],
                name="eventstore_reaction_pending",
            ),
        ),
        migrations.AddConstraint(
            model_name="processinstance",
            constraint=models.UniqueConstraint(
                fields=("tenant", "process", "instance_id"), name="eventstore_process_instance"
            ),
        ),
        _run(
            "0001_guards",
            reverse=(
                "DROP FUNCTION eventstore_refuse_change, eventstore_refuse_stream_change CASCADE"
            ),
        ),
        _run(
            "0001_high_water_mark",
            reverse="DROP FUNCTION eventstore_publish_floor, eventstore_check_positions CASCADE",
        ),
        _run("0001_append", reverse="DROP FUNCTION eventstore_append"),
    ]
