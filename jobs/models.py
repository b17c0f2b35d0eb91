"""Long work that survives a crash and shows its progress."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone

from jobs.querysets import JobQuerySet


class Job(models.Model):
    """One piece of long work: an import, an export, a refresh. The truth about it is this row, not the broker."""

    class State(models.TextChoices):
        QUEUED = "queued", "排队中"
        RUNNING = "running", "进行中"
        DONE = "done", "已完成"
        FAILED = "failed", "失败"
        CANCELLED = "cancelled", "已取消"

    FINISHED = (State.DONE, State.FAILED, State.CANCELLED)

    kind = models.CharField("类型", max_length=60)
    title = models.CharField("名称", max_length=200)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="jobs", verbose_name="发起人"
    )
    state = models.CharField("状态", max_length=12, choices=State, default=State.QUEUED)
    params = models.JSONField("参数", default=dict)
    # The right by which it works, and how far that reached when it was started (rights.py); it stops when any is lost.
    permission = models.CharField("所凭权限", max_length=80, blank=True, db_default="", editable=False)
    extent = models.JSONField("发起时的权限范围", default=list, editable=False)
    done = models.BigIntegerField("已处理", default=0)
    total = models.BigIntegerField("总数", null=True)
    message = models.CharField("进展", max_length=200, blank=True)
    result = models.JSONField("结果", default=dict)
    error = models.TextField("错误", blank=True)
    attempts = models.PositiveSmallIntegerField("尝试次数", default=0)
    # Written by the transaction that commits the work (lease.interruptible): whatever happens after it, the job is done.
    is_committed = models.BooleanField("已写入", default=False, db_default=False)
    cancel_requested = models.BooleanField("已请求取消", default=False)
    lease_until = models.DateTimeField("租约到期", null=True)
    created_at = models.DateTimeField("发起时间", default=timezone.now)
    started_at = models.DateTimeField("开始时间", null=True)
    finished_at = models.DateTimeField("结束时间", null=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "后台任务"
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["owner", "-id"], name="job_owner_newest"),
            # read by the sweep, four times a minute
            models.Index(fields=["lease_until"], name="job_unfinished", condition=Q(state__in=["queued", "running"])),
        ]
        constraints = [
            models.CheckConstraint(
                name="job_done_within_total", condition=Q(total__isnull=True) | Q(done__lte=F("total"))
            ),
            models.CheckConstraint(
                name="job_running_has_lease", condition=~Q(state="running") | Q(lease_until__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("jobs:detail", args=[self.pk])

    @property
    def percent(self) -> float | None:
        """0 to 100; None where nobody knows how much there is to do."""
        if self.state == self.State.DONE:
            return 100.0
        return round(100 * self.done / self.total, 1) if self.total else None

    @property
    def seconds_left(self) -> int | None:
        """At the speed so far; None before there is a speed."""
        if self.state != self.State.RUNNING or not self.done or not self.total or self.started_at is None:
            return None
        elapsed = (timezone.now() - self.started_at).total_seconds()
        return max(0, round(elapsed * (self.total - self.done) / self.done))

    @property
    def finished_url(self) -> str:
        """Where the result is to be seen, for work that left an address."""
        return self.result.get("url", "") if self.state == self.State.DONE else ""

    @property
    def origin_url(self) -> str:
        """The page that asked for the work, for the way back when nothing came of it."""
        return self.params.get("url", "")
