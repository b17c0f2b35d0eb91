from django.db import migrations, models
from django.db.models.functions import Left

COUNTED = (
    "guidance_station", "district_committee", "street", "district", "entity_type", "scale", "section", "is_registered",
    "is_operating", "fixed_premises", "above_size", "employees", "is_key",
)  # fmt: skip
STALLS = (
    "market", "guidance_station", "district_committee", "street", "district", "entity_type", "scale", "section",
    "fixed_premises", "above_size", "employees", "is_key",
)  # fmt: skip


class Migration(migrations.Migration):
    """The table is written anew for the column: about as long as building its indexes takes."""

    dependencies = [("markets", "0017_absence_of_a_namesake")]

    operations = [
        migrations.RemoveIndex("business", "business_counts"),
        migrations.RemoveIndex("business", "business_counts_stalls"),
        migrations.AddField(
            "business",
            "section",
            models.GeneratedField(
                db_persist=True, expression=Left("industry", 1), output_field=models.CharField("行业门类", max_length=1)
            ),
        ),
        migrations.AddIndex("business", models.Index(fields=COUNTED, name="business_counts")),
        migrations.AddIndex(
            "business",
            models.Index(
                fields=STALLS,
                name="business_counts_stalls",
                condition=models.Q(is_operating=True, market__isnull=False),
            ),
        ),
    ]
