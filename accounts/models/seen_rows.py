from django.db import models
from django.utils import timezone


class SeenRows(models.Model):
    """Which records of a table there were at the last nightly check (accounts/removals.py): keys, and nothing of them."""

    table = models.CharField("表", max_length=60, primary_key=True)  # "members.member"
    runs = models.JSONField("编号段")  # [[first, last], …]
    checked_at = models.DateTimeField("核对时间", default=timezone.now)

    class Meta:
        verbose_name = verbose_name_plural = "上次核对时在册的记录"

    def __str__(self) -> str:
        return self.table
