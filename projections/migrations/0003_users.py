from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("projections", "0002_transfers"),
    ]

    operations = [
        migrations.CreateModel(
            name="UserSummary",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("tenant_id", models.UUIDField()),
                ("user_id", models.UUIDField()),
                ("login_name", models.CharField(max_length=150)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("started", "Started"),
                            ("succeeded", "Succeeded"),
                            ("failed", "Failed"),
                        ],
                        default="started",
                        max_length=10,
                    ),
                ),
                ("version", models.BigIntegerField()),
                ("updated_at", models.DateTimeField()),
            ],
            options={
                "verbose_name_plural": "user summaries",
                "db_table": "user_summary",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant_id", "user_id"), name="user_summary_user"
                    )
                ],
            },
        ),
    ]
