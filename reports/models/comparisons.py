"""Whether the units right below one unit read each other's released numbers (对照)."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from reports.querysets import OfOrganizationQuerySet


class ComparisonChoice(models.Model):
    """One decision; the newest of a unit holds, and where there is none they do not. What was decided stays."""

    organization = models.ForeignKey(
        "orgs.Organization", on_delete=models.PROTECT, related_name="comparison_choices", verbose_name="党组织"
    )
    is_open = models.BooleanField("对照")
    reason = models.CharField("理由", max_length=200)
    decided_at = models.DateTimeField("决定时间", default=timezone.now)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name="决定人"
    )

    objects = OfOrganizationQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "下级对照的决定"
        constraints = [
            models.CheckConstraint(
                name="comparisonchoice_has_a_reason",
                condition=~Q(reason=""),
                violation_error_message="请写明理由。",
            )
        ]

    def __str__(self) -> str:
        return f"{self.organization} {'打开' if self.is_open else '关闭'}对照"
