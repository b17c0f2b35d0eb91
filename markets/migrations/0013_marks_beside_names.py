from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("markets", "0012_versions_by_end")]

    operations = [
        migrations.AddIndex(
            model_name="business",
            index=models.Index(fields=["industry"], name="business_industry", opclasses=["varchar_pattern_ops"]),
        ),
        migrations.AddIndex(
            model_name="business",
            index=models.Index(fields=["scale"], name="business_scale"),
        ),
        migrations.AddIndex(
            model_name="business",
            index=models.Index(fields=["id"], name="business_key", condition=Q(is_key=True)),
        ),
    ]
