from django.db import migrations

from accounts import roles


class Migration(migrations.Migration):
    dependencies = [("reports", "0001_initial")]
    operations = [
        roles.append_only("reports_monthclosing"),
    ]
