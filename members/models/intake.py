"""登记注册采集: other departments' systems that send business events, and what became of each event."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from accounts.crypto import EncryptedTextField
from members.models.registration import Registration
from members.querysets import IntakeClientQuerySet, IntakeEventQuerySet


class IntakeClient(models.Model):
    """One system of another department that may send events, for the businesses of one unit and below it.

    Its secret signs every request; it is shown once. While it is being changed the former one still works for some days.
    """

    class Department(models.TextChoices):
        MARKET_SUPERVISION = "market_supervision", "市场监管"
        CIVIL_AFFAIRS = "civil_affairs", "民政"
        ADMINISTRATIVE_APPROVAL = "administrative_approval", "行政审批"
        TAX = "tax", "税务"
        COMMERCE = "commerce", "商务"
        CULTURE = "culture", "文化和旅游"
        TRANSPORT = "transport", "交通运输"
        OTHER = "other", "其他部门"

    class Algorithm(models.TextChoices):
        SHA256 = "sha256", "HMAC-SHA256"
        SM3 = "sm3", "HMAC-SM3（国密）"

    name = models.CharField("系统名称", max_length=60)
    source_department = models.CharField("来源部门", max_length=24, choices=Department)
    organization = models.ForeignKey(
        "orgs.Organization",
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name="登记范围",
        help_text="市级、区级党委或指导站：这个系统只能登记它管辖范围内的经营主体。",
    )
    key_id = models.CharField("密钥编号", max_length=20, unique=True, editable=False)
    algorithm = models.CharField("签名算法", max_length=8, choices=Algorithm, default=Algorithm.SHA256)
    secret = EncryptedTextField("密钥", editable=False)
    former_secret = EncryptedTextField("前一把密钥", null=True, editable=False)
    former_until = models.DateTimeField("前一把有效至", null=True, editable=False)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name="签发人",
        editable=False,
    )
    made_at = models.DateTimeField("签发时间", default=timezone.now, editable=False)
    revoked_at = models.DateTimeField("停用时间", null=True, editable=False)

    objects = IntakeClientQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "采集接口密钥"
        constraints = [
            models.CheckConstraint(
                name="intakeclient_former_secret_ends",
                condition=Q(former_secret__isnull=True, former_until__isnull=True)
                | Q(former_secret__isnull=False, former_until__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_source_department_display()} {self.name}"


class IntakeEvent(models.Model):
    """登记事项: one event of the other system. Nothing that was sent about persons is kept here.

    `digest` is keyed and serves only to tell whether the same was sent again, persons aside. Persons stand in their
    registrations alone. `completed_at` is written by one statement (members/intake/feedback.py) and stays until a
    correction or a new consent: 已办结 says that there is nothing left to do, never how it ended.
    """

    class Kind(models.TextChoices):
        ESTABLISH = "establish", "设立"
        CHANGE = "change", "变更"
        DEREGISTER = "deregister", "注销"
        REVOKE = "revoke", "吊销"
        MOVE_IN = "move_in", "迁入"
        MOVE_OUT = "move_out", "迁出"

    client = models.ForeignKey(
        IntakeClient, on_delete=models.PROTECT, related_name="events", verbose_name="来源系统", db_index=False
    )
    event_id = models.CharField("事项编号", max_length=64)
    kind = models.CharField("事项", max_length=12, choices=Kind)
    occurred_at = models.DateTimeField("发生时间")
    received_at = models.DateTimeField("接收时间")
    completed_at = models.DateTimeField("办结时间", null=True)
    state_at = models.GeneratedField(
        expression=Coalesce("completed_at", "received_at"), output_field=models.DateTimeField(), db_persist=True
    )
    business = models.ForeignKey(
        "markets.Business", on_delete=models.PROTECT, related_name="intake_events", verbose_name="经营主体"
    )
    registrations: models.ManyToManyField = models.ManyToManyField(
        Registration, through="IntakePerson", related_name="intake_events", verbose_name="报到"
    )
    digest = models.BinaryField(max_length=32, editable=False)

    objects = IntakeEventQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "登记事项"
        indexes = [
            models.Index(fields=["client", "state_at", "id"], name="intakeevent_feed"),  # feedback, page by page
            models.Index(fields=["client", "received_at"], name="intakeevent_received"),  # counts per month
            models.Index(  # what may have come to its end since
                fields=["client"], name="intakeevent_open", condition=Q(completed_at__isnull=True)
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["client", "event_id"], name="intakeevent_once"),
            models.CheckConstraint(
                name="intakeevent_completed_after_received",
                condition=Q(completed_at__isnull=True) | Q(completed_at__gte=models.F("received_at")),
            ),
        ]

    def __str__(self) -> str:
        return self.event_id

    @property
    def state(self) -> str:
        return "已办结" if self.completed_at else "已接收"


class IntakePerson(models.Model):
    """The registration that an event opened or joined, and through what the person agreed. No word about the person."""

    event = models.ForeignKey(IntakeEvent, on_delete=models.CASCADE, related_name="persons", verbose_name="登记事项")
    registration = models.ForeignKey(Registration, on_delete=models.PROTECT, related_name="+", verbose_name="报到")
    consent_channel = models.CharField("同意方式", max_length=20)

    class Meta:
        verbose_name = verbose_name_plural = "登记事项中的报到"
        constraints = [models.UniqueConstraint(fields=["event", "registration"], name="intakeperson_once")]

    def __str__(self) -> str:
        return f"{self.event_id} → {self.registration_id}"
