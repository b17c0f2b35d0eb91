"""Audit events past their time may go; the web role still removes none itself.

`audit_remove_old(upto)` removes the beginning of the chain up to one link: only where a checkpoint binds it, only where
every event is older than three years, never the newest link, and no more than a batch at a time.
"""

from django.conf import settings
from django.db import migrations, models
from django.db.models import F, Q

from accounts import roles

NAME = "audit_remove_old(bigint)"
FORWARD = [
    """
CREATE FUNCTION audit_remove_old(upto bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE gone bigint;
BEGIN
    IF NOT EXISTS (SELECT FROM accounts_auditcheckpoint WHERE sequence = upto)
            OR NOT EXISTS (SELECT FROM accounts_auditseal WHERE sequence > upto) THEN
        RAISE EXCEPTION '没有检查点，或会清空审计链' USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (SELECT FROM accounts_auditseal s JOIN accounts_auditevent e ON e.id = s.event_id
            WHERE s.sequence <= upto AND e.at >= clock_timestamp() - interval '1096 days') THEN
        RAISE EXCEPTION '审计事件未满三年，不得清理' USING ERRCODE = 'check_violation';
    END IF;
    WITH links AS (DELETE FROM accounts_auditseal WHERE sequence <= upto RETURNING event_id),
        events AS (DELETE FROM accounts_auditevent e USING links WHERE e.id = links.event_id RETURNING 1)
    SELECT count(*) INTO gone FROM events;
    RETURN gone;
END $$
""",
    f"REVOKE ALL ON FUNCTION {NAME} FROM PUBLIC",
]


def grant(apps, editor):
    editor.execute(f"GRANT EXECUTE ON FUNCTION {NAME} TO {editor.quote_name(settings.DATABASE_WEB_ROLE)}")


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_expiry_and_audit_dates"),
    ]

    operations = [
        migrations.CreateModel(
            name="AuditCheckpoint",
            fields=[
                ("sequence", models.BigIntegerField(primary_key=True, serialize=False, verbose_name="末号")),
                ("first", models.BigIntegerField(verbose_name="首号")),
                ("hash", models.BinaryField(max_length=32, verbose_name="链值")),
                ("removed_at", models.DateTimeField(verbose_name="清理时间")),
                ("mac", models.BinaryField(max_length=32, verbose_name="校验值")),
            ],
            options={
                "verbose_name": "审计清理检查点",
                "verbose_name_plural": "审计清理检查点",
                "constraints": [
                    models.CheckConstraint(
                        condition=Q(first__gte=1, first__lte=F("sequence")),
                        name="auditcheckpoint_not_empty",
                        violation_error_message="检查点的首号不能大于末号。",
                    )
                ],
            },
        ),
        roles.append_only("accounts_auditcheckpoint"),
        migrations.RunSQL(FORWARD, f"DROP FUNCTION {NAME}"),
        migrations.RunPython(grant, migrations.RunPython.noop),
    ]
