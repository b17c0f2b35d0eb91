from django.db import migrations, models

# What is kept between refreshes is made again: all of it, or none.
EMPTY = (
    "TRUNCATE reports_changedbusiness, reports_lastcount, reports_touched, reports_knownbusiness, reports_knownperson"
)
COLUMNS = {
    "entity_type": models.CharField(max_length=24, default=""),
    "scale": models.CharField(max_length=8, default=""),
    "section": models.CharField(max_length=1, default=""),
    "is_key": models.BooleanField(default=False),
}


def added(model: str, *names: str) -> list[migrations.AddField]:
    return [migrations.AddField(model, name, COLUMNS[name], preserve_default=False) for name in names]


class Migration(migrations.Migration):
    dependencies = [("markets", "0018_counted_by_what_they_are"), ("reports", "0010_report_forms")]

    operations = [
        migrations.RunSQL(EMPTY, EMPTY),
        *added("knownbusiness", "entity_type", "scale", "section", "is_key"),
        *added("changedbusiness", "scale", "section", "is_key"),
        migrations.RemoveField("knownbusiness", "sole"),
        migrations.CreateModel(
            name="KnownCount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("dc", models.BigIntegerField(null=True)),
                ("gs", models.BigIntegerField(null=True)),
                ("district", models.BigIntegerField(null=True)),
                ("street", models.BigIntegerField(null=True)),
                ("as_of", models.DateField(verbose_name="截至")),
                ("entity_type", models.CharField(max_length=24)),
                ("scale", models.CharField(max_length=8)),
                ("section", models.CharField(max_length=1)),
                ("is_key", models.BooleanField()),
                ("is_registered", models.BooleanField()),
                ("is_operating", models.BooleanField()),
                ("three_haves", models.BooleanField()),
                ("above_size", models.BooleanField()),
                ("own", models.BooleanField()),
                ("joint", models.BooleanField()),
                ("market", models.BooleanField()),
                ("work", models.BooleanField()),
                ("instructed", models.BooleanField()),
                ("grouped", models.BooleanField()),
                ("with_members", models.BooleanField()),
                ("due", models.BooleanField()),
                ("n", models.IntegerField()),
            ],
            options={
                "verbose_name": "分组覆盖统计",
                "verbose_name_plural": "分组覆盖统计",
                "indexes": [
                    models.Index(fields=["as_of", "dc", "gs"], name="knowncount_guidance"),
                    models.Index(fields=["as_of", "district", "street"], name="knowncount_place"),
                ],
            },
        ),
        migrations.CreateModel(
            name="OwnCount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("dc", models.BigIntegerField(null=True)),
                ("gs", models.BigIntegerField(null=True)),
                ("district", models.BigIntegerField(null=True)),
                ("street", models.BigIntegerField(null=True)),
                ("as_of", models.DateField(verbose_name="截至")),
                ("entity_type", models.CharField(max_length=24)),
                ("scale", models.CharField(max_length=8)),
                ("section", models.CharField(max_length=1)),
                ("registered", models.IntegerField()),
                ("operating", models.IntegerField()),
                ("fixed_premises_filled", models.IntegerField()),
                ("three_haves", models.IntegerField()),
                ("above_size_filled", models.IntegerField()),
                ("above_size", models.IntegerField()),
                ("key_businesses", models.IntegerField()),
            ],
            options={
                "verbose_name": "分组统计",
                "verbose_name_plural": "分组统计",
                "indexes": [
                    models.Index(fields=["as_of", "dc", "gs"], name="owncount_guidance"),
                    models.Index(fields=["as_of", "district", "street"], name="owncount_place"),
                ],
            },
        ),
    ]
