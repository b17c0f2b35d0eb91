from django.db import migrations, models

RANGES = """
INSERT INTO tables_batchrange (batch_id, first, last)
SELECT batch_id, min(record_id), max(record_id) FROM (
    SELECT batch_id, record_id, record_id - row_number() OVER (PARTITION BY batch_id ORDER BY record_id) AS island
    FROM tables_batchchange WHERE before IS NULL
) made GROUP BY batch_id, island;
DELETE FROM tables_batchchange WHERE before IS NULL;
"""
BACK = """
INSERT INTO tables_batchchange (batch_id, record_id, before)
SELECT batch_id, generate_series(first, last), NULL FROM tables_batchrange;
DELETE FROM tables_batchrange;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("tables", "0006_plan_shown"),
    ]

    operations = [
        migrations.RunSQL(f"SET CONSTRAINTS ALL IMMEDIATE; {RANGES}", migrations.RunSQL.noop),
        migrations.AlterField(
            model_name="batchchange",
            name="before",
            field=models.JSONField(verbose_name="原值"),
        ),
        migrations.RunSQL(migrations.RunSQL.noop, BACK),
    ]
