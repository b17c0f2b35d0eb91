from django.db import migrations

from orgs.fields import composite_keys


class Migration(migrations.Migration):
    dependencies = [("stations", "0001_initial")]
    operations = [
        *composite_keys("stations_servicepoint"),
        *composite_keys("stations_checkin"),
    ]
