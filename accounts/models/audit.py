"""What was done."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from accounts.querysets import AuditEventQuerySet


class CurrentTransaction(models.Func):
    """The id of the running transaction; 64 bits, never reused."""

    template = "(pg_current_xact_id()::text::bigint)"
    output_field = models.BigIntegerField()
    arity = 0


class AuditEvent(models.Model):
    """One act, written in the same transaction as the act itself. The web role can add rows, never change them.

    Holds no plain personal data: subjects are ids, `detail` is counts and names of columns.
    """

    at = models.DateTimeField("时间", db_default=Now(), editable=False)
    transaction = models.BigIntegerField("事务号", db_default=CurrentTransaction(), editable=False)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", verbose_name="操作人"
    )
    act = models.CharField("行为", max_length=60)
    subject_type = models.CharField("对象类型", max_length=60, blank=True)
    subjects = ArrayField(models.BigIntegerField(), verbose_name="对象编号", default=list)
    units = ArrayField(models.BigIntegerField(), verbose_name="涉及单位", default=list)
    purpose = models.CharField("目的", max_length=200, blank=True)
    detail = models.JSONField("说明", default=dict)
    succeeded = models.BooleanField("成功", default=True)
    address = models.GenericIPAddressField("来源地址", null=True)

    objects = AuditEventQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "审计事件"
        indexes = [
            models.Index(fields=["transaction", "id"], name="auditevent_transaction"),  # read by the sealer
            models.Index(fields=["actor", "-id"], name="auditevent_actor"),
            models.Index(fields=["act", "-id"], name="auditevent_act"),
            # one for each filter of the audit's list, which walks along ids from the newest on
            models.Index(fields=["at"], name="auditevent_time"),
            models.Index(fields=["subject_type", "-id"], name="auditevent_kind"),
            models.Index(fields=["address", "-id"], name="auditevent_address"),
            models.Index(fields=["-id"], include=["purpose"], name="auditevent_purpose", condition=~Q(purpose="")),
            models.Index(fields=["-id"], name="auditevent_failed", condition=Q(succeeded=False)),
            GinIndex(fields=["subjects"], name="auditevent_subjects"),
            GinIndex(fields=["units"], name="auditevent_units"),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.act}"


class AuditSeal(models.Model):
    """A link of the chain that makes a changed, removed, reordered or inserted event evident.

    `hash` = HMAC-SHA256(seal key, previous hash ‖ canonical event). `horizon` is the transaction id below which
    every event was sealed when this link was made: the sealer looks no further back than that.
    """

    sequence = models.BigIntegerField("序号", primary_key=True)
    event = models.OneToOneField(AuditEvent, on_delete=models.PROTECT, related_name="seal", verbose_name="事件")
    hash = models.BinaryField("链值", max_length=32)
    horizon = models.BigIntegerField("水位")
    sealed_at = models.DateTimeField("封存时间", db_default=Now())

    class Meta:
        verbose_name = verbose_name_plural = "审计封存"

    def __str__(self) -> str:
        return f"#{self.sequence}"


class AuditCheckpoint(models.Model):
    """Where the chain begins since events past their time were removed (accounts/audit_retention.py).

    The links first … sequence are gone; the next one follows `hash`. `mac`, under the seal key, makes it ours.
    """

    sequence = models.BigIntegerField("末号", primary_key=True)
    first = models.BigIntegerField("首号")
    hash = models.BinaryField("链值", max_length=32)
    removed_at = models.DateTimeField("清理时间")
    mac = models.BinaryField("校验值", max_length=32)

    class Meta:
        verbose_name = verbose_name_plural = "审计清理检查点"
        constraints = [
            models.CheckConstraint(
                name="auditcheckpoint_not_empty",
                condition=Q(first__gte=1, first__lte=F("sequence")),
                violation_error_message="检查点的首号不能大于末号。",
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.first}–#{self.sequence}"
