"""A consent given before the notice changed what it was given for covers no check-in (PIPL Art. 14(2))."""

import importlib

from django.db import migrations

FORWARD = importlib.import_module("stations.migrations.0006_check_in_with_consent").FORWARD[0]
LIVE = "c.item = 'check_in' AND c.withdrawn_at IS NULL"
IN_FORCE = f"""{LIVE}
                     AND NOT EXISTS (SELECT FROM members_notice asking JOIN members_notice agreed ON agreed.id = c.notice_id
                                     WHERE asking.consent_anew AND asking.published_at > agreed.published_at)"""
BEFORE = FORWARD.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")
AFTER = BEFORE.replace(LIVE, IN_FORCE)
assert AFTER.count(IN_FORCE) == 2


class Migration(migrations.Migration):
    dependencies = [("members", "0017_consent_anew"), ("stations", "0006_check_in_with_consent")]
    operations = [migrations.RunSQL(AFTER, BEFORE)]
