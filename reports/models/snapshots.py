"""What was counted: the numbers of each unit and day, and months as they were closed."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from reports.querysets import UnitQuerySet


def _exactly_one_unit(name: str) -> models.CheckConstraint:
    return models.CheckConstraint(
        name=name,
        condition=Q(organization__isnull=False, division__isnull=True)
        | Q(organization__isnull=True, division__isnull=False),
    )


class Snapshot(models.Model):
    """The counts of one unit on one day: what is valid on that day and was entered by then.

    `breakdown` = "" and `key` = "" is the unit as a whole; breakdown "unassigned" is its 直属/待分派 line. `counts` is
    one object of integers; rates are derived when read. Past days are never recomputed.
    """

    organization = models.ForeignKey(
        "orgs.Organization", null=True, on_delete=models.PROTECT, related_name="snapshots", verbose_name="党组织"
    )
    division = models.ForeignKey(
        "orgs.Division", null=True, on_delete=models.PROTECT, related_name="snapshots", verbose_name="区划"
    )
    as_of = models.DateField("截至")
    breakdown = models.CharField("维度", max_length=20, blank=True)
    key = models.CharField("维度值", max_length=40, blank=True)
    counts = models.JSONField("计数", default=dict)
    computed_at = models.DateTimeField("计算时间", default=timezone.now)

    objects = UnitQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "统计快照"
        constraints = [
            _exactly_one_unit("snapshot_of_exactly_one_unit"),
            models.UniqueConstraint(
                fields=["organization", "division", "as_of", "breakdown", "key"],
                nulls_distinct=False,
                name="snapshot_once_per_day",
            ),
        ]
        indexes = [
            models.Index(fields=["organization", "breakdown", "-as_of"], name="snapshot_organization_newest"),
            models.Index(fields=["division", "breakdown", "-as_of"], name="snapshot_division_newest"),
            models.Index(fields=["as_of"], name="snapshot_day"),
        ]

    def __str__(self) -> str:
        return f"{self.organization or self.division} {self.as_of}"


class MonthClosing(models.Model):
    """The numbers of one month as they were closed: immutable, hashed; revised only by a new row with a reason."""

    month = models.DateField("月份（1日）")
    revision = models.PositiveSmallIntegerField("版次", default=1)
    reason = models.CharField("修订理由", max_length=200, blank=True)
    as_of = models.DateField("截至")
    numbers = models.JSONField("数据", default=dict)  # {unit code: counts}
    digest = models.CharField("摘要", max_length=64)
    closed_at = models.DateTimeField("关账时间", default=timezone.now)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", verbose_name="关账人"
    )

    class Meta:
        verbose_name = verbose_name_plural = "月度关账"
        ordering = ["-month", "-revision"]
        constraints = [
            models.UniqueConstraint(fields=["month", "revision"], name="monthclosing_revision_once"),
            models.CheckConstraint(name="monthclosing_revision_needs_reason", condition=Q(revision=1) | ~Q(reason="")),
            models.CheckConstraint(name="monthclosing_month_is_its_first_day", condition=Q(month__day=1)),
        ]

    def __str__(self) -> str:
        return f"{self.month:%Y-%m} 第{self.revision}版"
