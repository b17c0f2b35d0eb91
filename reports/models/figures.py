"""Numbers that others published: told, not counted here."""

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils import timezone

from reports import metrics
from reports.querysets import PublishedQuerySet


def comparable(code: str) -> bool:
    """Whether a published figure may stand beside this metric of ours: never one of persons."""
    return code in metrics.METRICS and not metrics.METRICS[code].person and metrics.METRICS[code].kind == metrics.COUNT


class ReportedFigure(models.Model):
    """A number that somebody published. Reported, not computed: never added to what this system counts.

    `metric`: which metric of ours means the same, so that a page may show both side by side; empty where none does.
    """

    place = models.CharField("地区", max_length=60)
    name = models.CharField("指标", max_length=60)
    value = models.DecimalField("数值", max_digits=16, decimal_places=2)
    unit = models.CharField("计量单位", max_length=10, blank=True)
    is_approximate = models.BooleanField("约数", default=False)
    as_of = models.DateField("截至")
    source = models.CharField("出处", max_length=200)
    metric = models.CharField("对应的系统指标", max_length=60, blank=True)

    objects = PublishedQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "公布数据"
        constraints = [
            models.UniqueConstraint(
                fields=["place", "name", "as_of"], name="reportedfigure_once_per_day",
                violation_error_message="这个地区的这个指标在这一天已有一条，请修改原来那条。",
            ),
            models.CheckConstraint(
                name="reportedfigure_has_its_source", condition=~Q(place="") & ~Q(name="") & ~Q(source=""),
                violation_error_message="地区、指标和出处都要填。",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.place} {self.name}"

    @property
    def text(self) -> str:
        """约 3,718 个"""
        number = f"{'约 ' if self.is_approximate else ''}{self.value.normalize():,f}"
        return f"{number} {self.unit}" if self.unit else number

    def clean(self) -> None:
        super().clean()
        if self.as_of and self.as_of > timezone.localdate():
            raise ValidationError({"as_of": "截至日期不能晚于今天，请改正。"})
        if self.metric and not comparable(self.metric):
            raise ValidationError({"metric": "没有这个指标，或它涉及党员和报到，不能与外地的数并列。请另选，或留空。"})
