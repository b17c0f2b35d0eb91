from django.db import migrations

from orgs.fields import composite_keys


class Migration(migrations.Migration):
    dependencies = [("members", "0001_initial")]
    operations = [
        *composite_keys("members_affiliation", divisions=False),
        *composite_keys("members_registration", divisions=False),
    ]
