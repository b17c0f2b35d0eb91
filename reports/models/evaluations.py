"""工作评价（亮晒比）: a sheet that compares the units right below one by metrics with weights.

A draft is its unit's own. What was released is kept whole in a row that nobody changes, with its digest; a withdrawal
is a further row. Both are append-only for the application's role.
"""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from orgs.kinds import Level
from reports import judging
from reports.models.goals import refuse_value
from reports.querysets import EvaluationQuerySet


class Evaluation(models.Model):
    """One sheet. Its numbers are of a day, or of a month as it was closed (`month`, its first day)."""

    organization = models.ForeignKey(
        "orgs.Organization", on_delete=models.PROTECT, related_name="evaluations", verbose_name="组织评价的单位"
    )
    title = models.CharField("名称", max_length=100)
    as_of = models.DateField("截至", null=True, blank=True)
    month = models.DateField("关账月份（1日）", null=True, blank=True)
    note = models.TextField("说明", blank=True, max_length=1000)
    composed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, editable=False, on_delete=models.PROTECT, related_name="+",
        verbose_name="拟稿人",
    )  # fmt: skip
    composed_at = models.DateTimeField("拟稿时间", default=timezone.now, editable=False)

    objects = EvaluationQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "工作评价"
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "title"], name="evaluation_once",
                violation_error_message="这个单位已有同名的评价，请换一个名称。",
            ),
            models.CheckConstraint(
                name="evaluation_of_a_day_or_a_month",
                condition=Q(as_of__isnull=False, month__isnull=True) | Q(as_of__isnull=True, month__isnull=False),
                violation_error_message="截至日期和关账月份，请填且只填一个。",
            ),
            models.CheckConstraint(
                name="evaluation_month_is_its_first_day", condition=Q(month__isnull=True) | Q(month__day=1)
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.title

    def clean(self) -> None:
        super().clean()
        if self.organization_id and self.organization.level >= Level.GUIDANCE_STATION:
            raise ValidationError({"organization": "评价比较的是各区或各指导站，由市级或区级党委组织，请另选单位。"})
        if self.as_of and self.as_of > timezone.localdate():
            raise ValidationError({"as_of": "截至日期不能晚于今天，请改正。"})


class EvaluationLine(models.Model):
    """One metric of a sheet: its weight in points of a hundred, and where it gives none and all of them."""

    evaluation = models.ForeignKey(Evaluation, on_delete=models.CASCADE, related_name="lines", verbose_name="评价")
    position = models.PositiveSmallIntegerField("次序")
    metric = models.CharField("指标", max_length=80, validators=[judging.validate_key])
    weight = models.DecimalField("权重（%）", max_digits=5, decimal_places=2)
    floor = models.DecimalField("零分线", max_digits=14, decimal_places=4)
    full = models.DecimalField("满分线", max_digits=14, decimal_places=4)

    class Meta:
        verbose_name = verbose_name_plural = "评价指标"
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["evaluation", "metric"], name="evaluationline_metric_once"),
            models.UniqueConstraint(fields=["evaluation", "position"], name="evaluationline_position_once"),
            judging.constraint("evaluationline_metric_may_judge"),
            models.CheckConstraint(
                name="evaluationline_weight_is_a_share", condition=Q(weight__gt=0, weight__lte=100),
                violation_error_message="权重应大于 0，不超过 100。",
            ),
            models.CheckConstraint(
                name="evaluationline_floor_is_not_full", condition=~Q(floor=F("full")),
                violation_error_message="零分线和满分线不能相同。",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return judging.label(self.metric)

    def clean(self) -> None:
        super().clean()
        if not self.metric or not judging.may_judge(self.metric):
            return
        problems = {
            name: problem
            for name in ("floor", "full")
            if (value := getattr(self, name)) is not None and (problem := refuse_value(self.metric, value))
        }
        sign = judging.sign(self.metric)
        if not problems and None not in (self.floor, self.full) and (self.full - self.floor) * sign <= 0:
            better = "低" if sign < 0 else "高"
            problems["full"] = f"「{judging.label(self.metric)}」越{better}越好，满分线应比零分线{better}，请改正。"
        if problems:
            raise ValidationError(problems)


class EvaluationRelease(models.Model):
    """A sheet as it was released, whole: never changed, so what it says can be shown to be what was released."""

    evaluation = models.OneToOneField(Evaluation, on_delete=models.PROTECT, related_name="release", verbose_name="评价")
    sheet = models.JSONField("评价表")
    units = ArrayField(models.BigIntegerField(), verbose_name="参评单位")  # plain numbers: whoever is compared may read
    digest = models.CharField("摘要", max_length=64)
    released_at = models.DateTimeField("发布时间")
    released_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name="发布人"
    )

    class Meta:
        verbose_name = verbose_name_plural = "已发布的评价"

    def __str__(self) -> str:
        return f"{self.evaluation} {self.released_at:%Y-%m-%d}"


class EvaluationWithdrawal(models.Model):
    """A released sheet does not hold any more; it stays to be read, with the reason."""

    release = models.OneToOneField(
        EvaluationRelease, on_delete=models.PROTECT, related_name="withdrawal", verbose_name="已发布的评价"
    )
    reason = models.CharField("撤回原因", max_length=200)
    withdrawn_at = models.DateTimeField("撤回时间", default=timezone.now)
    withdrawn_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name="撤回人"
    )

    class Meta:
        verbose_name = verbose_name_plural = "评价撤回"
        constraints = [
            models.CheckConstraint(name="evaluationwithdrawal_has_a_reason", condition=~Q(reason="")),
        ]

    def __str__(self) -> str:
        return str(self.release)
