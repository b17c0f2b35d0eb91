"""What units set out to reach: plans of some years, and in them one goal for each unit and metric."""

from decimal import Decimal

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from orgs.kinds import Level
from reports import judging
from reports.querysets import OfOrganizationQuerySet


def refuse_value(key: str, value: Decimal) -> str:
    """Why a metric cannot have this value, in words; empty where it can. Shares are kept as 0–1."""
    if value < 0:
        return "不能小于 0，请改正。"
    if judging.is_rate(key):
        return "百分比不能超过 100%，请改正。" if value > 1 else ""
    return "个数和户数要填整数，请改正。" if value != value.to_integral_value() else ""


class Plan(models.Model):
    """行动计划 of a unit, mostly for three years: what it sets itself and the units below it to reach."""

    organization = models.ForeignKey(
        "orgs.Organization", on_delete=models.PROTECT, related_name="plans", verbose_name="制定单位"
    )
    title = models.CharField("名称", max_length=100)
    document = models.CharField("文号", max_length=60, blank=True)
    starts_on = models.DateField("起")
    ends_on = models.DateField("止（含）")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, editable=False, on_delete=models.PROTECT, related_name="+",
        verbose_name="录入人",
    )  # fmt: skip
    created_at = models.DateTimeField("录入时间", default=timezone.now, editable=False)
    closed_on = models.DateField("结束日期", null=True, blank=True, editable=False)
    close_reason = models.CharField("结束原因", max_length=200, blank=True, editable=False)

    objects = OfOrganizationQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "行动计划"
        ordering = ["-starts_on", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "title"], name="plan_once",
                violation_error_message="这个单位已有同名的行动计划，请换一个名称。",
            ),
            models.CheckConstraint(
                name="plan_in_order", condition=Q(ends_on__gt=F("starts_on")),
                violation_error_message="止期必须晚于起期。",
            ),
            models.CheckConstraint(
                name="plan_closed_with_reason", condition=Q(closed_on__isnull=True) | ~Q(close_reason="")
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.title

    @property
    def is_open(self) -> bool:
        return self.closed_on is None

    def clean(self) -> None:
        super().clean()
        if self.organization_id and self.organization.level == Level.GRASSROOTS:
            raise ValidationError({"organization": "行动计划由市、区或指导站制定，请另选单位。"})


class Goal(models.Model):
    """What one unit is to reach in one metric by one day, from where it stood on another.

    Shares are kept as 0–1. `base_is_typed`: the base was not counted by this system. Milestones lie between.
    """

    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="goals", verbose_name="行动计划")
    organization = models.ForeignKey(
        "orgs.Organization", on_delete=models.PROTECT, related_name="goals", verbose_name="单位"
    )
    metric = models.CharField("指标", max_length=80, validators=[judging.validate_key])
    base_on = models.DateField("基期")
    base_value = models.DecimalField("基数", max_digits=14, decimal_places=4)
    base_is_typed = models.BooleanField("基数为手工填写", default=False)
    due_on = models.DateField("完成期限")
    target = models.DecimalField("目标值", max_digits=14, decimal_places=4)
    created_at = models.DateTimeField("录入时间", default=timezone.now, editable=False)
    closed_on = models.DateField("结束日期", null=True, blank=True, editable=False)
    close_reason = models.CharField("结束原因", max_length=200, blank=True, editable=False)

    objects = OfOrganizationQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "目标"
        constraints = [
            models.UniqueConstraint(
                fields=["plan", "organization", "metric"], condition=Q(closed_on__isnull=True), name="goal_once",
                violation_error_message="这个计划里，这个单位的这个指标已有一个目标，请修改原来那个。",
            ),
            judging.constraint("goal_metric_may_judge"),
            models.CheckConstraint(
                name="goal_in_order", condition=Q(due_on__gt=F("base_on")),
                violation_error_message="完成期限必须晚于基期。",
            ),
            models.CheckConstraint(
                name="goal_values_not_negative", condition=Q(base_value__gte=0, target__gte=0),
                violation_error_message="基数和目标值不能小于 0。",
            ),
            models.CheckConstraint(
                name="goal_closed_with_reason", condition=Q(closed_on__isnull=True) | ~Q(close_reason="")
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.organization} {judging.label(self.metric)}"

    @property
    def is_open(self) -> bool:
        return self.closed_on is None and self.plan.closed_on is None

    def clean(self) -> None:
        super().clean()
        problems: dict[str, str] = {}
        if self.organization_id and self.plan_id:
            if self.organization.level == Level.GRASSROOTS:
                problems["organization"] = "目标定到市、区、指导站，不定到基层党组织，请另选单位。"
            elif not self.organization.path.startswith(self.plan.organization.path):
                problems["organization"] = f"「{self.organization}」不在「{self.plan.organization}」之下，请另选单位。"
        if self.plan_id and self.due_on and self.due_on > self.plan.ends_on:
            problems["due_on"] = f"完成期限不能晚于计划的止期 {self.plan.ends_on:%Y-%m-%d}。"
        if self.plan_id and self.due_on and self.due_on < self.plan.starts_on:
            problems["due_on"] = f"完成期限不能早于计划的起期 {self.plan.starts_on:%Y-%m-%d}。"
        if self.metric and judging.may_judge(self.metric):
            for name in ("base_value", "target"):
                value = getattr(self, name)
                if value is not None and (problem := refuse_value(self.metric, value)):
                    problems[name] = problem
        if problems:
            raise ValidationError(problems)


class Milestone(models.Model):
    """阶段目标: where a goal should stand on a day before it is due."""

    goal = models.ForeignKey(Goal, on_delete=models.CASCADE, related_name="milestones", verbose_name="目标")
    due_on = models.DateField("日期")
    value = models.DecimalField("阶段目标值", max_digits=14, decimal_places=4)

    class Meta:
        verbose_name = verbose_name_plural = "阶段目标"
        ordering = ["due_on"]
        constraints = [
            models.UniqueConstraint(fields=["goal", "due_on"], name="milestone_once_a_day"),
            models.CheckConstraint(name="milestone_value_not_negative", condition=Q(value__gte=0)),
        ]

    def __str__(self) -> str:
        return f"{self.goal} {self.due_on}"
