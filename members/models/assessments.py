from datetime import timedelta

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from members.querysets import ImpactAssessmentQuerySet

REVIEW_AFTER = timedelta(days=365)


def next_review():
    return timezone.localdate() + REVIEW_AFTER


class ImpactAssessment(models.Model):
    """个人信息保护影响评估 (PIPL Art. 55, 56). Kept three years at least: the database deletes none that is younger, and
    changes none that is finished (migration 0012)."""

    class Reason(models.TextChoices):
        """Art. 55: what has to be assessed before it begins."""

        SENSITIVE = "sensitive", "处理敏感个人信息"
        AUTOMATED = "automated", "自动化决策"
        SHARED = "shared", "委托处理、提供或公开"
        ABROAD = "abroad", "向境外提供"
        OTHER = "other", "其他对个人权益有重大影响的处理"

    title = models.CharField("评估的处理", max_length=100)
    reason = models.CharField("为什么要评估", max_length=12, choices=Reason, default=Reason.SENSITIVE)
    covers = ArrayField(models.CharField(max_length=60), verbose_name="涉及的表", default=list)  # model labels
    lawful = models.TextField("目的、方式是否合法、正当、必要")
    impact = models.TextField("对个人权益的影响和安全风险")
    measures = models.TextField("保护措施是否合法、有效，与风险相适应")
    conclusion = models.TextField("结论和待办")
    keeper = models.CharField("保管的岗位", max_length=60)
    assessed_on = models.DateField("评估日期", default=timezone.localdate)
    review_on = models.DateField("下次复核日期", default=next_review)
    finished_at = models.DateTimeField("定稿时间", null=True, blank=True)

    objects = ImpactAssessmentQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "个人信息保护影响评估"
        ordering = ["-assessed_on", "-pk"]
        constraints = [
            models.CheckConstraint(
                name="impactassessment_reviewed_later",
                condition=Q(review_on__gt=F("assessed_on")),
                violation_error_message="下次复核日期要在评估日期之后。",
            ),
            models.CheckConstraint(
                name="impactassessment_finished_is_complete",
                condition=Q(finished_at__isnull=True)
                | ~(Q(lawful="") | Q(impact="") | Q(measures="") | Q(conclusion="") | Q(keeper="") | Q(covers__len=0)),
                violation_error_message="各项都写全、选了涉及的表，才能定稿。",
            ),
        ]

    def __str__(self) -> str:
        return self.title
