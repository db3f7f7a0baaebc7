from decimal import Decimal

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("projections", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="TransferSummary",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("tenant_id", models.UUIDField()),
                ("transfer_id", models.UUIDField()),
                ("from_account_id", models.UUIDField()),
                ("to_account_id", models.UUIDField()),
                (
                    "amount",
                    models.DecimalField(decimal_places=2, default=Decimal("0"), max_digits=24),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("started", "Started"),
                            ("debited", "Debited"),
                            ("completed", "Completed"),
                            ("failed", "Failed"),
                        ],
                        default="started",
                        max_length=10,
                    ),
                ),
                ("reason", models.CharField(default="", max_length=100)),
                ("started_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(default=None, null=True)),
                ("version", models.BigIntegerField()),
                ("updated_at", models.DateTimeField()),
            ],
            options={
                "verbose_name_plural": "transfer summaries",
                "db_table": "transfer_summary",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant_id", "transfer_id"), name="transfer_summary_transfer"
                    )
                ],
            },
        ),
    ]
