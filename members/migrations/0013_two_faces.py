"""The inbox and the answers between the two faces, and what the public role may do: add to the one, ask the other by the
index of a code, read what hangs on the wall."""

import uuid

import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

from accounts.roles import open_to_public

NAME = "members_answer_of(bytea)"
FORWARD = [
    """
CREATE FUNCTION members_answer_of(asked bytea) RETURNS bytea
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT sealed FROM members_answer WHERE code_index = asked
$$
""",
    f"REVOKE ALL ON FUNCTION {NAME} FROM PUBLIC",
]
GRANTS = [
    "GRANT USAGE ON SCHEMA public TO {public}",
    "GRANT INSERT (id, kind, box, received_at) ON members_submission TO {public}",
    f"GRANT EXECUTE ON FUNCTION {NAME} TO {{public}}",
    "GRANT SELECT ON members_notice TO {public}",
    "GRANT SELECT (id, code, kind, withdrawn_at, market_id, organization_id) ON members_poster TO {public}",
    "GRANT SELECT (id, name) ON markets_market TO {public}",
    "GRANT SELECT (id, name) ON orgs_organization TO {public}",
]


def only_web(apps, editor):
    """A statistic of names; no secret, and no business of the public role either."""
    editor.execute("REVOKE EXECUTE ON FUNCTION name_gram_shares(text[]) FROM PUBLIC")
    web = editor.quote_name(settings.DATABASE_WEB_ROLE)
    editor.execute(f"GRANT EXECUTE ON FUNCTION name_gram_shares(text[]) TO {web}")


class Migration(migrations.Migration):
    dependencies = [
        ("members", "0012_impact_assessments"),
    ]

    operations = [
        migrations.CreateModel(
            name="Answer",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code_index", models.BinaryField(max_length=32, unique=True)),
                ("sealed", models.BinaryField(verbose_name="封装的内容")),
                ("written_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="写入时间")),
            ],
            options={
                "verbose_name": "答复",
                "verbose_name_plural": "答复",
            },
        ),
        migrations.CreateModel(
            name="Submission",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False, verbose_name="编号"
                    ),
                ),
                ("kind", models.CharField(max_length=20, verbose_name="事项")),
                ("box", models.BinaryField(null=True, verbose_name="封装的内容")),
                ("received_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="收到时间")),
                ("taken_at", models.DateTimeField(editable=False, null=True, verbose_name="取件时间")),
                (
                    "outcome",
                    models.CharField(
                        blank=True,
                        choices=[("taken", "已办理"), ("refused", "未办理"), ("broken", "打不开")],
                        db_default="",
                        default="",
                        max_length=8,
                        verbose_name="结果",
                    ),
                ),
            ],
            options={
                "verbose_name": "收件",
                "verbose_name_plural": "收件",
                "indexes": [
                    models.Index(
                        condition=models.Q(("taken_at__isnull", True)),
                        fields=["received_at"],
                        name="submission_waiting",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("box__isnull", False), ("outcome", ""), ("taken_at__isnull", True)),
                            models.Q(("taken_at__isnull", False), models.Q(("outcome", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="submission_waits_with_its_box_or_has_an_outcome",
                        violation_error_message="没有取的收件要有内容，取了的要写明结果。",
                    )
                ],
            },
        ),
        migrations.RunSQL(FORWARD, f"DROP FUNCTION {NAME}"),
        *map(open_to_public, GRANTS),
        migrations.RunPython(only_web, migrations.RunPython.noop),
    ]
