"""What the public page of a service point reads, for the public role."""

from django.db import migrations

from accounts.roles import open_to_public


class Migration(migrations.Migration):
    dependencies = [("stations", "0003_check_in_tally")]

    operations = [
        open_to_public(
            "GRANT SELECT (id, name, kind, address, hours, facilities, poster_id, closed_on)"
            " ON stations_servicepoint TO {public}"
        ),
    ]
