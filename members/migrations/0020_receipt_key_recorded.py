"""Write down under which key and hash receipts are found: lost after a change of the index key, none would open."""

from django.conf import settings
from django.db import migrations

from accounts.index_key import fingerprint
from accounts.roles import open_to_public


def record(apps, editor):
    apps.get_model("accounts", "IndexKey").objects.filter(receipts=None).update(
        receipts=fingerprint(settings.RECEIPT_KEY)
    )


class Migration(migrations.Migration):
    dependencies = [
        ("members", "0019_pledge_as_agreed"),
        ("accounts", "0015_receipt_key"),
    ]

    operations = [
        migrations.RunPython(record, migrations.RunPython.noop, elidable=False),
        open_to_public("GRANT SELECT (id, receipts) ON accounts_indexkey TO {public}"),
    ]
