"""Write down under which key and hash digests are made: lost after a change of the index key, no account would pass."""

from django.conf import settings
from django.db import migrations

from accounts.index_key import fingerprint


def record(apps, editor):
    apps.get_model("accounts", "IndexKey").objects.filter(digests=None).update(digests=fingerprint(settings.DIGEST_KEY))


class Migration(migrations.Migration):
    dependencies = [
        ("members", "0017_consent_anew"),
        ("accounts", "0014_digest_key"),
    ]

    operations = [migrations.RunPython(record, migrations.RunPython.noop, elidable=False)]
