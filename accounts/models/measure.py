from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone


class AccountMeasure(models.Model):
    """What a security administrator did to somebody's way in, and why; told to that person at the next sign-in.

    `by` None: the console of the server, or the nightly job (IDLE). The audit holds the same as `purpose`; this row is there
    to be told.
    """

    class Kind(models.TextChoices):
        UNLOCK = "unlock", "解除登录锁定"
        RESET = "reset", "重置第二因素"
        DISABLE = "disable", "停用账号"
        ENABLE = "enable", "重新启用账号"
        IDLE = "idle", "久未使用自动停用"

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="measures", verbose_name="账号"
    )
    kind = models.CharField("处置", max_length=10, choices=Kind)
    reason = models.CharField("原因", max_length=200)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", verbose_name="办理人"
    )
    at = models.DateTimeField("办理时间", default=timezone.now, editable=False)
    told_at = models.DateTimeField("告知本人时间", null=True, editable=False)

    class Meta:
        verbose_name = verbose_name_plural = "账号处置"
        indexes = [models.Index(fields=["user"], name="accountmeasure_untold", condition=Q(told_at__isnull=True))]
        constraints = [
            models.CheckConstraint(
                name="accountmeasure_kind_is_known",
                condition=Q(kind__in=["unlock", "reset", "disable", "enable", "idle"]),
            ),
            models.CheckConstraint(
                name="accountmeasure_idle_is_nobodys",
                condition=~Q(kind="idle") | Q(by__isnull=True),
                violation_error_message="久未使用的停用由系统办理，没有办理人。",
            ),
            models.CheckConstraint(
                name="accountmeasure_has_a_reason",
                condition=~Q(reason__regex=r"^\s*$"),
                violation_error_message="请写明原因。",
            ),
            models.CheckConstraint(
                name="accountmeasure_never_for_oneself",
                condition=Q(by__isnull=True) | ~Q(by=F("user")),
                violation_error_message="不能给自己办理，请由另一位安全管理员办理。",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.pk}"
