from decimal import Decimal

from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="AccountOwner",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("tenant_id", models.UUIDField()),
                ("person_id", models.UUIDField()),
                ("name", models.CharField(max_length=201)),
            ],
            options={
                "db_table": "account_summary_owner",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant_id", "person_id"), name="account_summary_owner_person"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="AccountSummary",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("tenant_id", models.UUIDField()),
                ("account_id", models.UUIDField()),
                ("code", models.CharField(max_length=50)),
                (
                    "status",
                    models.CharField(
                        choices=[("open", "Open"), ("closed", "Closed")],
                        default="open",
                        max_length=10,
                    ),
                ),
                (
                    "balance",
                    models.DecimalField(decimal_places=2, default=Decimal("0"), max_digits=24),
                ),
                ("owner_id", models.UUIDField()),
                ("opened_at", models.DateTimeField()),
                ("version", models.BigIntegerField()),
                ("updated_at", models.DateTimeField()),
            ],
            options={
                "verbose_name_plural": "account summaries",
                "db_table": "account_summary",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant_id", "account_id"), name="account_summary_account"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="PersonAccount",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("tenant_id", models.UUIDField()),
                ("account_id", models.UUIDField()),
                ("person_id", models.UUIDField()),
            ],
            options={
                "db_table": "person_summary_account",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant_id", "account_id"), name="person_summary_account_account"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="PersonSummary",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("tenant_id", models.UUIDField()),
                ("person_id", models.UUIDField()),
                ("name", models.CharField(max_length=201)),
                ("registered_at", models.DateTimeField()),
                ("open_account_count", models.IntegerField(default=0)),
                (
                    "total_balance",
                    models.DecimalField(decimal_places=2, default=Decimal("0"), max_digits=24),
                ),
                ("version", models.BigIntegerField()),
                ("updated_at", models.DateTimeField()),
            ],
            options={
                "verbose_name_plural": "person summaries",
                "db_table": "person_summary",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant_id", "person_id"), name="person_summary_person"
                    )
                ],
            },
        ),
    ]
