"""告警: what one of the three administrators should look at, until somebody says that it was seen to."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone

from reports.querysets import AlarmQuerySet


class Alarm(models.Model):
    """One kind of thing that happened, or stands still, and how often since (GB/T 22239-2019 8.1.4.3 d, 8.1.4.4 f).

    Tells no person: a kind of reports/alarms/kinds.py, times, a count, and `about`, what tells two of one kind apart (the
    number of an event, the name of a line of 运行状况). While it is open it is one row: what comes again is counted.
    `owed`: by which ways (reports/alarms/sending.py) it has still to be told; `told_at`: since when the last message was.
    """

    kind = models.CharField("种类", max_length=30)
    about = models.CharField("关于", max_length=60, blank=True)
    text = models.CharField("情况", max_length=400, blank=True)
    count = models.PositiveIntegerField("次数", default=1)
    first_at = models.DateTimeField("最早")
    last_at = models.DateTimeField("最近")
    told_at = models.DateTimeField("通知时间", default=timezone.now)
    owed = ArrayField(models.CharField(max_length=10), verbose_name="待外送", default=list, blank=True)
    trouble = models.CharField("外送失败的原因", max_length=100, blank=True)
    handled_at = models.DateTimeField("处理时间", null=True)
    handled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", verbose_name="处理人"
    )
    note = models.CharField("处理说明", max_length=200, blank=True)

    objects = AlarmQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "告警"
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "about"], condition=Q(handled_at=None), name="alarm_open_once",
                violation_error_message="同一件事已有一条没有处理的告警。",
            ),
            models.CheckConstraint(
                name="alarm_happened_in_order", condition=Q(count__gte=1, last_at__gte=F("first_at")),
                violation_error_message="最近一次不能早于最早一次。",
            ),
            models.CheckConstraint(
                name="alarm_handled_by_somebody_with_a_note",
                condition=Q(handled_at=None, handled_by=None, note="")
                | Q(handled_at__isnull=False, handled_by__isnull=False) & ~Q(note=""),
                violation_error_message="处理告警要写明说明。",
            ),
        ]  # fmt: skip
        indexes = [
            models.Index(fields=["kind", "-id"], name="alarm_kind"),  # the page of an administrator
            models.Index(fields=["id"], name="alarm_owed", condition=~Q(owed=[])),  # the sender
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.about}".strip()

    def get_absolute_url(self) -> str:
        return reverse("reports:alarm", args=[self.pk])


class AlarmRound(models.Model):
    """The one row: up to which seal of the audit alarms were looked for, and when last. Whoever looks holds it.

    `full_at`: since when the database has had no room to keep an alarm; `full_owed`: by which ways that has still to be told.
    This row is changed in its place, for which there is room.
    """

    sequence = models.BigIntegerField("看到的封存序号")
    looked_at = models.DateTimeField("巡查时间")
    full_at = models.DateTimeField("磁盘满了的时间", null=True)
    full_owed = ArrayField(
        models.CharField(max_length=10), verbose_name="磁盘满了待外送", default=list, db_default=[], blank=True
    )

    class Meta:
        verbose_name = verbose_name_plural = "告警巡查"

    def __str__(self) -> str:
        return f"#{self.sequence}"
