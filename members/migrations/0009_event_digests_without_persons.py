"""Digests of events no longer tell persons: those made with them go. An event without one is known by its time alone."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("members", "0008_events_are_sightings")]
    operations = [migrations.RunSQL("UPDATE members_intakeevent SET digest = ''", reverse_sql=migrations.RunSQL.noop)]
