"""A snapshot says of which past it is. Those without a digest go: they are only a cache."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("eventstore", "0003_append")]

    operations = [
        migrations.RunSQL("DELETE FROM eventstore_snapshot", migrations.RunSQL.noop),
        migrations.AddField("snapshot", "digest", models.BinaryField(default=b"")),
        migrations.AlterField("snapshot", "digest", models.BinaryField()),
    ]
