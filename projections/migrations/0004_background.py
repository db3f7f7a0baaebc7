"""Statements, daily totals and an overview; transfers in the background.

The rows of transfers were written with each command so far. From now on a worker writes them, from
the first event on: so they are emptied here, and are there again once it has run.
"""

from decimal import Decimal

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("projections", "0003_users"),
    ]

    operations = [
        migrations.CreateModel(
            name="AccountStatementBalance",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("tenant_id", models.UUIDField()),
                ("account_id", models.UUIDField()),
                (
                    "balance",
                    models.DecimalField(decimal_places=2, default=Decimal("0"), max_digits=24),
                ),
            ],
            options={
                "db_table": "account_statement_balance",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant_id", "account_id"),
                        name="account_statement_balance_account",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="AccountStatementLine",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("tenant_id", models.UUIDField()),
                ("account_id", models.UUIDField()),
                ("version", models.BigIntegerField()),
                ("position", models.BigIntegerField()),
                ("booked_on", models.DateField()),
                ("reference", models.CharField(default="", max_length=140)),
                (
                    "amount",
                    models.DecimalField(decimal_places=2, default=Decimal("0"), max_digits=24),
                ),
                (
                    "balance",
                    models.DecimalField(decimal_places=2, default=Decimal("0"), max_digits=24),
                ),
                ("recorded_at", models.DateTimeField()),
                ("updated_at", models.DateTimeField()),
            ],
            options={
                "verbose_name": "statement line",
                "db_table": "account_statement",
                "indexes": [
                    models.Index(
                        fields=["tenant_id", "account_id", "booked_on"],
                        name="account_statement_booked_on",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant_id", "account_id", "version"),
                        name="account_statement_line",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="DailyTotals",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("tenant_id", models.UUIDField()),
                ("booked_on", models.DateField()),
                ("deposit_count", models.IntegerField(default=0)),
                (
                    "deposited",
                    models.DecimalField(decimal_places=2, default=Decimal("0"), max_digits=24),
                ),
                ("withdrawal_count", models.IntegerField(default=0)),
                (
                    "withdrawn",
                    models.DecimalField(decimal_places=2, default=Decimal("0"), max_digits=24),
                ),
                ("version", models.BigIntegerField()),
                ("updated_at", models.DateTimeField()),
            ],
            options={
                "verbose_name_plural": "daily totals",
                "db_table": "daily_totals",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant_id", "booked_on"), name="daily_totals_day"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="TenantOverview",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("tenant_id", models.UUIDField()),
                ("person_count", models.IntegerField(default=0)),
                ("user_count", models.IntegerField(default=0)),
                ("account_count", models.IntegerField(default=0)),
                ("open_account_count", models.IntegerField(default=0)),
                (
                    "total_balance",
                    models.DecimalField(decimal_places=2, default=Decimal("0"), max_digits=24),
                ),
                ("transfer_count", models.IntegerField(default=0)),
                ("completed_transfer_count", models.IntegerField(default=0)),
                ("failed_transfer_count", models.IntegerField(default=0)),
                ("version", models.BigIntegerField()),
                ("updated_at", models.DateTimeField()),
            ],
            options={
                "db_table": "tenant_overview",
                "constraints": [
                    models.UniqueConstraint(fields=("tenant_id",), name="tenant_overview_tenant")
                ],
            },
        ),
        migrations.RunSQL("DELETE FROM transfer_summary", migrations.RunSQL.noop),
    ]
