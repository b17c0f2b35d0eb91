"""Names of sheets, of files in an archive and of what could not be read stood in batches about persons after their file was
put away; somebody's name may be among them."""

from django.db import migrations

FORGET = """
UPDATE tables_batch SET parts = '[]', plan = plan - 'passed_over' - 'samples' - 'mark',
    problem = CASE state WHEN 'refused' THEN '文件没有读进去，已经移除。' ELSE problem END
WHERE target IN ('roll', 'lead') AND stored_as = ''
"""


class Migration(migrations.Migration):
    dependencies = [
        ("tables", "0012_said_by_column"),
    ]

    operations = [migrations.RunSQL(FORGET, migrations.RunSQL.noop)]
