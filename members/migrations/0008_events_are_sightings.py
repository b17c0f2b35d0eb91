from django.db import migrations


class Migration(migrations.Migration):
    """What events told before counts beside files too."""

    dependencies = [
        ("markets", "0009_intake_traces"),
        ("members", "0007_one_receipt_per_agreement"),
    ]

    operations = [
        migrations.RunSQL(
            "INSERT INTO markets_eventsighting (business_id, source, day) "
            "SELECT business_id, 'registration', max((occurred_at AT TIME ZONE 'Asia/Shanghai')::date) "
            "FROM members_intakeevent GROUP BY business_id ON CONFLICT DO NOTHING",
            migrations.RunSQL.noop,
        ),
    ]
