# Since when the database has had no room to keep an alarm, and who has still to be told.

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("reports", "0016_alarms")]

    operations = [
        migrations.AddField(
            model_name="alarmround",
            name="full_at",
            field=models.DateTimeField(null=True, verbose_name="磁盘满了的时间"),
        ),
        migrations.AddField(
            model_name="alarmround",
            name="full_owed",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=10), blank=True, db_default=[], default=list, size=None,
                verbose_name="磁盘满了待外送",
            ),
        ),
    ]  # fmt: skip
