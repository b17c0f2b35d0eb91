from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0003_committed"),
    ]

    operations = [
        migrations.AddField(
            model_name="job",
            name="permission",
            field=models.CharField(blank=True, db_default="", editable=False, max_length=80, verbose_name="所凭权限"),
        ),
        migrations.AddField(
            model_name="job",
            name="extent",
            field=models.JSONField(default=list, editable=False, verbose_name="发起时的权限范围"),
        ),
    ]
