from django.db import migrations

from reports import touches


class Migration(migrations.Migration):
    """Positions and whoever sits in a committee count now, so their changes are told."""

    dependencies = [
        ("markets", "0018_counted_by_what_they_are"),
        ("members", "0012_impact_assessments"),
        ("reports", "0013_comparison_choices"),
    ]

    # Without the day's count the next refresh counts everything, the new numbers among it.
    operations = [touches.install(), migrations.RunSQL("TRUNCATE reports_lastcount", migrations.RunSQL.noop)]
