from django.db import migrations

from accounts import roles
from orgs.fields import composite_keys


class Migration(migrations.Migration):
    dependencies = [("orgs", "0001_initial")]
    operations = [
        *composite_keys("orgs_organization"),
        roles.append_only("orgs_organizationchange"),
    ]
