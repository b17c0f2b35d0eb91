"""Who came in and left stood in a table of axes too, for ever, with address and browser. The audit has it."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0017_clearance"),
        ("axes", "0009_add_session_hash"),
    ]

    operations = [migrations.RunSQL("DELETE FROM axes_accesslog", migrations.RunSQL.noop)]
