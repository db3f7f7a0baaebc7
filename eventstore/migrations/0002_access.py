"""Memberships, what is known of an API key's use and end, and the count of calls."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

# Counting calls needs no flush to disk, and may be forgotten in a crash.
UNLOGGED = "ALTER TABLE eventstore_call_count SET UNLOGGED"

# Who has a valid key so far is a member, with the most that any of their keys allows.
MEMBERS_OF_TODAY = """
INSERT INTO eventstore_membership (tenant_id, user_id, role, created_at)
SELECT DISTINCT ON (tenant_id, user_id) tenant_id, user_id, role, created_at
FROM eventstore_api_key
WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
ORDER BY tenant_id, user_id, array_position(ARRAY['operator', 'auditor', 'member'], role::text)
"""


class Migration(migrations.Migration):
    dependencies = [
        ("eventstore", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="CallCount",
            fields=[
                ("caller", models.CharField(max_length=100, primary_key=True, serialize=False)),
                ("since", models.DateTimeField()),
                ("calls", models.IntegerField()),
            ],
            options={
                "db_table": "eventstore_call_count",
            },
        ),
        migrations.CreateModel(
            name="Membership",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("member", "member"),
                            ("auditor", "auditor"),
                            ("operator", "operator"),
                        ],
                        max_length=10,
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "db_table": "eventstore_membership",
            },
        ),
        migrations.AddField(
            model_name="apikey",
            name="last_used_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="apikey",
            name="revoke_reason",
            field=models.CharField(default="", max_length=200),
        ),
        migrations.AddField(
            model_name="apikey",
            name="revoked_by",
            field=models.CharField(default="", max_length=150),
        ),
        migrations.AlterField(
            model_name="apikey",
            name="prefix",
            field=models.CharField(help_text="Tells keys apart in lists and logs.", max_length=16),
        ),
        migrations.AlterField(
            model_name="apikey",
            name="role",
            field=models.CharField(
                choices=[("member", "member"), ("auditor", "auditor"), ("operator", "operator")],
                max_length=10,
            ),
        ),
        migrations.AddConstraint(
            model_name="apikey",
            constraint=models.CheckConstraint(
                condition=models.Q(("role__in", ["member", "auditor", "operator"])),
                name="eventstore_api_key_role",
            ),
        ),
        migrations.AddField(
            model_name="membership",
            name="tenant",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, to="eventstore.tenant"
            ),
        ),
        migrations.AddField(
            model_name="membership",
            name="user",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddConstraint(
            model_name="membership",
            constraint=models.UniqueConstraint(
                fields=("tenant", "user"), name="eventstore_membership_user"
            ),
        ),
        migrations.AddConstraint(
            model_name="membership",
            constraint=models.CheckConstraint(
                condition=models.Q(("role__in", ["member", "auditor", "operator"])),
                name="eventstore_membership_role",
            ),
        ),
        migrations.RunSQL(UNLOGGED, migrations.RunSQL.noop),
        migrations.RunSQL(MEMBERS_OF_TODAY, migrations.RunSQL.noop),
    ]
