"""Wall screens (大屏): a place that shows one unit's numbers to whoever passes by."""

from datetime import timedelta

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from reports.querysets import UnitQuerySet


class Screen(models.Model):
    """A wall screen of one unit and the key it opens with, shown once when it is made; only its hash is kept.

    The key opens this screen's own numbers and nothing else. It belongs to the place, not to the person who made it:
    it holds until it is revoked or runs out, also when that person leaves.
    """

    class Page(models.TextChoices):
        OVERVIEW = "overview", "总览与两个覆盖"
        AREAS = "areas", "区域地图与排名"
        MARKETS = "markets", "专业市场与应建未建"
        PLACES = "places", "服务点与客流"
        TREND = "trend", "趋势"

    MAX_DAYS = 365  # its last day is a whole one, so the database allows one more
    MIN_SECONDS, MAX_SECONDS = 10, 600

    organization = models.ForeignKey(
        "orgs.Organization", null=True, blank=True, on_delete=models.PROTECT, related_name="screens",
        verbose_name="党组织",
    )  # fmt: skip
    division = models.ForeignKey(
        "orgs.Division", null=True, blank=True, on_delete=models.PROTECT, related_name="screens", verbose_name="区划"
    )
    name = models.CharField("安装位置", max_length=60)
    pages = ArrayField(models.CharField(max_length=12, choices=Page), verbose_name="轮播的页面")
    seconds = models.PositiveSmallIntegerField("每页停留（秒）", default=20)
    digest = models.CharField("密钥摘要", max_length=64, unique=True, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name="建立人"
    )
    created_at = models.DateTimeField("建立时间", default=timezone.now, editable=False)
    expires_at = models.DateTimeField("到期时间")
    revoked_at = models.DateTimeField("停用时间", null=True, editable=False)
    revoked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", verbose_name="停用人"
    )
    last_seen_at = models.DateTimeField("最近取数", null=True, editable=False)
    last_address = models.GenericIPAddressField("最近取数的地址", null=True, editable=False)

    objects = UnitQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "大屏"
        constraints = [
            models.CheckConstraint(
                name="screen_of_exactly_one_unit",
                condition=Q(organization__isnull=False, division__isnull=True)
                | Q(organization__isnull=True, division__isnull=False),
                violation_error_message="大屏要么属于党组织，要么属于区划，二选一。",
            ),
            models.CheckConstraint(
                name="screen_shows_a_page",
                condition=Q(pages__len__gt=0),
                violation_error_message="请至少选择一个页面。",
            ),
            models.CheckConstraint(
                name="screen_turns_in_time",
                condition=Q(seconds__gte=10, seconds__lte=600),
                violation_error_message="每页停留 10 到 600 秒。",
            ),
            models.CheckConstraint(
                name="screen_expires_within_a_year",
                condition=Q(expires_at__gt=F("created_at"), expires_at__lte=F("created_at") + timedelta(days=366)),
                violation_error_message="大屏的有效期最长 365 天。",
            ),
            models.CheckConstraint(
                name="screen_revoked_by_somebody",
                condition=Q(revoked_at__isnull=True, revoked_by__isnull=True)
                | Q(revoked_at__isnull=False, revoked_by__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def unit(self):
        return self.organization or self.division

    @property
    def refusal(self) -> str:
        """Why this screen shows nothing any more, in one word for its page; empty while it may."""
        now = timezone.now()
        if self.revoked_at is not None:
            return "revoked"
        if self.expires_at <= now:
            return "expired"
        if self.organization is not None and self.organization.closed_on is not None:
            return "closed" if self.organization.closed_on <= timezone.localdate(now) else ""
        return ""
