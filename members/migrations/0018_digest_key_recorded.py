"""Write down under which key and hash digests are made: lost after a change of the index key, no account would pass.

Not while the index does not fit: whoever changes the hash together with the upgrade would have the wrong one written down.
"""

from django.conf import settings
from django.db import migrations

from accounts.index_key import OTHER, fingerprint, fits


def record(apps, editor):
    for known in apps.get_model("accounts", "IndexKey").objects.filter(digests=None):
        if not fits(known):
            raise ValueError(OTHER)
        known.digests = fingerprint(settings.DIGEST_KEY)
        known.save(update_fields=["digests"])


class Migration(migrations.Migration):
    dependencies = [
        ("members", "0017_consent_anew"),
        ("accounts", "0014_digest_key"),
    ]

    operations = [migrations.RunPython(record, migrations.RunPython.noop, elidable=False)]
