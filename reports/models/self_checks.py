"""权限自检: what was asked in the name of chosen accounts, what was answered, and the paper of it. Never changed."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.urls import reverse

from reports.querysets import SelfCheckQuerySet


class SelfCheck(models.Model):
    """One run. `content` is the whole of it, as plain JSON with its SHA-256; page and paper are rendered from it alone.

    It holds names of accounts and units, counts and addresses; no row of business data and nothing of a person's.
    """

    class Verdict(models.TextChoices):
        PASSED = "passed", "通过"
        FAILED = "failed", "不通过"
        PARTLY = "partly", "部分未核对"

    number = models.CharField("编号", max_length=40, unique=True)
    code = models.CharField("核验码", max_length=32, unique=True)
    job = models.OneToOneField(  # a worker that takes the job over finds that it was done
        "jobs.Job", on_delete=models.PROTECT, related_name="self_check", verbose_name="任务"
    )
    verdict = models.CharField("结论", max_length=8, choices=Verdict)
    accounts = ArrayField(models.BigIntegerField(), verbose_name="受检账号")
    reason = models.CharField("事由", max_length=200)
    content = models.JSONField("内容")
    digest = models.CharField("摘要", max_length=64)
    paper = models.BinaryField("报告 PDF", null=True)  # made with it; none where the machine could not make one
    made_at = models.DateTimeField("完成时间")
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name="发起人"
    )

    objects = SelfCheckQuerySet.as_manager()

    title, edition = "权限自检报告", 1  # what every paper has (templates/reports/paper.html)

    class Meta:
        verbose_name = verbose_name_plural = "权限自检"
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                name="selfcheck_verdict_is_known",
                condition=Q(verdict__in=["passed", "failed", "partly"]),
                violation_error_message="结论只能是通过、不通过或部分未核对。",
            ),
            models.CheckConstraint(
                name="selfcheck_has_a_reason", condition=~Q(reason=""), violation_error_message="请写明自检的事由。"
            ),
        ]

    def __str__(self) -> str:
        return f"权限自检 {self.number}"

    def get_absolute_url(self) -> str:
        return reverse("reports:self_check", args=[self.pk])

    def get_classification_display(self) -> str:
        return "内部"
