"""A notice names joint handlers; a receipt knows what was agreed to on its form, under which notice.

The constraint is not asked of versions published before: their words never change.
"""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models

# Of a joined form no consent was kept: what it cannot have done without is what it agreed to.
FILL = """
UPDATE members_receipt r SET items = c.items, notice_id = c.notice
FROM (
    SELECT registration_id, max(notice_id) AS notice,
           array_agg(item ORDER BY item) FILTER (WHERE withdrawn_at IS NULL) AS items
    FROM members_consent WHERE registration_id IS NOT NULL GROUP BY 1
) c
WHERE c.registration_id = r.registration_id AND NOT r.is_joined AND r.withdrawn_at IS NULL AND c.items IS NOT NULL;
UPDATE members_receipt SET items = '{home_verify,membership}' WHERE is_joined AND withdrawn_at IS NULL
"""


class Migration(migrations.Migration):
    dependencies = [("members", "0009_event_digests_without_persons")]

    operations = [
        migrations.AddField("notice", "joint", models.TextField(default="", verbose_name="共同处理者、受托人和接收方")),
        migrations.AddField(
            "receipt",
            "items",
            django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=12), default=list, size=None, verbose_name="同意的事项"
            ),
        ),
        migrations.AddField(
            "receipt",
            "notice",
            models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="members.notice",
                verbose_name="告知书",
            ),
        ),
        AddConstraintNotValid(
            "notice",
            models.CheckConstraint(
                condition=models.Q(
                    ("published_at__isnull", True), models.Q(("joint", ""), _negated=True), _connector="OR"
                ),
                name="notice_published_names_joint_handlers",
                violation_error_message="要写明共同处理者、受托人和接收方，没有的写“没有”，才能发布。",
            ),
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]
