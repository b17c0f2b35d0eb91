"""The register of impact assessments: what is finished never changes, and stays three years (PIPL Art. 56)."""

import django.contrib.postgres.fields
import django.utils.timezone
from django.db import migrations, models

import members.models.assessments

KEEP = """
CREATE FUNCTION members_impactassessment_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND OLD.finished_at < now() - interval '3 years' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'a finished assessment never changes and stays three years' USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER members_impactassessment_stays BEFORE UPDATE OR DELETE ON members_impactassessment
    FOR EACH ROW WHEN (OLD.finished_at IS NOT NULL) EXECUTE FUNCTION members_impactassessment_stays();
"""
LET_GO = """
DROP TRIGGER members_impactassessment_stays ON members_impactassessment;
DROP FUNCTION members_impactassessment_stays();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("members", "0011_rights_requests_answered"),
    ]

    operations = [
        migrations.CreateModel(
            name="ImpactAssessment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("title", models.CharField(max_length=100, verbose_name="评估的处理")),
                (
                    "reason",
                    models.CharField(
                        choices=[
                            ("sensitive", "处理敏感个人信息"),
                            ("automated", "自动化决策"),
                            ("shared", "委托处理、提供或公开"),
                            ("abroad", "向境外提供"),
                            ("other", "其他对个人权益有重大影响的处理"),
                        ],
                        default="sensitive",
                        max_length=12,
                        verbose_name="为什么要评估",
                    ),
                ),
                (
                    "covers",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=60), default=list, size=None, verbose_name="涉及的表"
                    ),
                ),
                ("lawful", models.TextField(verbose_name="目的、方式是否合法、正当、必要")),
                ("impact", models.TextField(verbose_name="对个人权益的影响和安全风险")),
                ("measures", models.TextField(verbose_name="保护措施是否合法、有效，与风险相适应")),
                ("conclusion", models.TextField(verbose_name="结论和待办")),
                ("keeper", models.CharField(max_length=60, verbose_name="保管的岗位")),
                ("assessed_on", models.DateField(default=django.utils.timezone.localdate, verbose_name="评估日期")),
                (
                    "review_on",
                    models.DateField(default=members.models.assessments.next_review, verbose_name="下次复核日期"),
                ),
                ("finished_at", models.DateTimeField(blank=True, null=True, verbose_name="定稿时间")),
            ],
            options={
                "verbose_name": "个人信息保护影响评估",
                "verbose_name_plural": "个人信息保护影响评估",
                "ordering": ["-assessed_on", "-pk"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("review_on__gt", models.F("assessed_on"))),
                        name="impactassessment_reviewed_later",
                        violation_error_message="下次复核日期要在评估日期之后。",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("finished_at__isnull", True),
                            models.Q(
                                ("lawful", ""),
                                ("impact", ""),
                                ("measures", ""),
                                ("conclusion", ""),
                                ("keeper", ""),
                                ("covers__len", 0),
                                _connector="OR",
                                _negated=True,
                            ),
                            _connector="OR",
                        ),
                        name="impactassessment_finished_is_complete",
                        violation_error_message="各项都写全、选了涉及的表，才能定稿。",
                    ),
                ],
            },
        ),
        migrations.RunSQL(KEEP, LET_GO),
    ]
