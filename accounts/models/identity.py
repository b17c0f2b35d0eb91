from django.conf import settings
from django.db import models
from django.utils import timezone

from accounts.row_codes import CodedRow, RowCodeField


class OutsideIdentity(CodedRow):
    """Who a person is at the unified sign-in. Bound by the person while signed in; accounts are never made of it."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="identities", verbose_name="用户"
    )
    issuer = models.CharField("认证中心", max_length=300)
    subject = models.CharField("对方编号", max_length=255, editable=False)  # opaque, as OpenID Connect names it
    created_at = models.DateTimeField("绑定时间", default=timezone.now, editable=False)
    last_used_at = models.DateTimeField("最近使用", null=True, editable=False)
    row_code = RowCodeField("校验码", over=("user", "issuer", "subject"))

    class Meta:
        verbose_name = verbose_name_plural = "统一认证绑定"
        constraints = [
            models.UniqueConstraint(
                name="outsideidentity_once",
                fields=["issuer", "subject"],
                violation_error_message="这个统一认证账号已经绑定。",
            ),
            models.UniqueConstraint(
                name="outsideidentity_one_each",
                fields=["user", "issuer"],
                violation_error_message="您已经绑定了一个统一认证账号，请先解除。",
            ),
        ]

    def __str__(self) -> str:
        return f"统一认证绑定 {self.pk}"
