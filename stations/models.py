"""Places that serve, and who came. The word for a place is service point: a guidance station is something else."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from orgs.fields import Placed, Positioned, placed_constraints
from stations.querysets import CheckInQuerySet, CountAtPlaceQuerySet, ServicePointQuerySet


class ServicePoint(Positioned):
    """A place where couriers rest or members are served. It never asks whether somebody is a member."""

    class Kind(models.TextChoices):
        REST_POINT = "rest_point", "骑手驿站/暖蜂服务点"
        CARING_MERCHANT = "caring_merchant", "爱心商户"
        PARTY_SERVICE = "party_service", "党群服务点"
        PARTY_HOME = "party_home", "党建之家"
        FINANCE = "finance", "金融服务点"
        TRAINING_BASE = "training_base", "实训基地"
        COUNTER = "counter", "指导站窗口"

    code = models.CharField("编号", max_length=40, unique=True)
    kind = models.CharField("类型", max_length=20, choices=Kind)
    name = models.CharField("名称", max_length=100)
    address = models.CharField("地址", max_length=200, blank=True)
    hours = models.CharField("开放时间", max_length=60, blank=True)
    facilities = models.CharField("设施", max_length=200, blank=True)
    organization = models.ForeignKey(
        "orgs.Organization",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="service_points",
        verbose_name="主办党组织",
    )
    market = models.ForeignKey(
        "markets.Market",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="service_points",
        verbose_name="所在市场",
    )
    poster = models.OneToOneField(
        "members.Poster",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="service_point",
        verbose_name="签到码",
    )
    closed_on = models.DateField("停用日期", null=True, blank=True)

    objects = ServicePointQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "服务点"
        ordering = ["name"]
        indexes = [
            models.Index(fields=["district_committee", "kind"], name="servicepoint_district"),
            models.Index(fields=["guidance_station", "kind"], name="servicepoint_guidance"),
        ]
        constraints = [
            *placed_constraints("servicepoint"),
            models.UniqueConstraint(
                fields=["guidance_station"],
                condition=Q(kind="counter", closed_on__isnull=True),
                name="servicepoint_one_counter_per_guidance",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class CheckIn(Placed):
    """A member came to a place for a purpose, by the member's own act and with the separate consent 签到.

    Carries its place's ancestors. `on` is the business date in Asia/Shanghai. Sent twice (same nonce, or the same
    member, place, purpose and day) it is one row and the same answer.
    """

    holds_persons = True

    class Purpose(models.TextChoices):
        REPORT = "report", "报到"
        ACTIVITY = "activity", "组织活动"
        STUDY = "study", "学习"
        VOLUNTEER = "volunteer", "志愿服务"

    class Channel(models.TextChoices):
        SCAN = "scan", "本人扫码"
        CODE = "code", "出示党员码"
        SPOKEN = "spoken", "本人口头请求"

    member = models.ForeignKey(
        "members.Member", on_delete=models.PROTECT, related_name="check_ins", verbose_name="党员"
    )
    place = models.ForeignKey(ServicePoint, on_delete=models.PROTECT, related_name="check_ins", verbose_name="服务点")
    purpose = models.CharField("事由", max_length=10, choices=Purpose, default=Purpose.REPORT)
    on = models.DateField("日期")
    occurred_at = models.DateTimeField("发生时间（设备）")
    received_at = models.DateTimeField("收到时间", default=timezone.now)
    nonce = models.UUIDField("随机号", default=uuid.uuid4, unique=True)
    channel = models.CharField("方式", max_length=8, choices=Channel)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name="经办人",
    )
    disputed_at = models.DateTimeField("本人提出异议的时间", null=True, blank=True)

    objects = CheckInQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "签到"
        indexes = [
            models.Index(fields=["district_committee", "-id"], name="checkin_district"),
            models.Index(fields=["guidance_station", "-id"], name="checkin_guidance"),
        ]
        constraints = [
            *placed_constraints("checkin"),
            models.UniqueConstraint(fields=["member", "place", "purpose", "on"], name="checkin_once_a_day"),
            models.CheckConstraint(
                name="checkin_spoken_names_the_officer", condition=~Q(channel="spoken") | Q(by__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"签到 {self.pk}"


class FootfallTally(models.Model):
    """How many came to a place on one day for one thing. Counts only, no identity."""

    class Kind(models.TextChoices):
        REST = "rest", "歇脚"
        CHARGE = "charge", "充电"
        ERRAND = "errand", "办事"

    place = models.ForeignKey(ServicePoint, on_delete=models.PROTECT, related_name="footfall", verbose_name="服务点")
    on = models.DateField("日期")
    kind = models.CharField("事由", max_length=8, choices=Kind, default=Kind.REST)
    count = models.PositiveIntegerField("人次", default=0)

    objects = CountAtPlaceQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "客流"
        constraints = [models.UniqueConstraint(fields=["place", "on", "kind"], name="footfalltally_one_per_day")]

    def __str__(self) -> str:
        return f"{self.place_id} {self.on} {self.count}"


class CheckInTally(models.Model):
    """What is left of check-ins after 24 months, or after a person was erased: counts, nobody's rows."""

    place = models.ForeignKey(
        ServicePoint, on_delete=models.PROTECT, related_name="check_in_tallies", verbose_name="服务点"
    )
    on = models.DateField("日期")
    purpose = models.CharField("事由", max_length=10, choices=CheckIn.Purpose)
    count = models.PositiveIntegerField("人次", default=0)

    objects = CountAtPlaceQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "签到计数"
        constraints = [models.UniqueConstraint(fields=["place", "on", "purpose"], name="checkintally_one_per_day")]

    def __str__(self) -> str:
        return f"{self.place_id} {self.on} {self.count}"
