from datetime import timedelta

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from accounts.row_codes import CodedRow, RowCodeField


class ApiToken(CodedRow):
    """A key for the API, made by its user on a page, shown once; only its hash is kept.

    It lasts TOKEN_DAYS at most; the last day is a whole one, so the database allows one more than a year.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens", verbose_name="用户"
    )
    label = models.CharField("用途", max_length=60)
    # Keys of accounts/scopes.py: what its owner chose for it. The door takes no more than the owner has when it asks.
    scopes = ArrayField(models.CharField(max_length=20), verbose_name="可以做什么")
    digest = models.CharField("摘要", max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField("生成时间", default=timezone.now, editable=False)
    expires_at = models.DateTimeField("到期时间")
    last_used_at = models.DateTimeField("最近使用", null=True, editable=False)
    revoked_at = models.DateTimeField("作废时间", null=True, editable=False)
    row_code = RowCodeField("校验码", over=("user", "scopes", "digest", "expires_at"))

    class Meta:
        verbose_name = verbose_name_plural = "接口令牌"
        constraints = [
            models.CheckConstraint(
                name="apitoken_expires_within_a_year",
                condition=Q(expires_at__gt=F("created_at"), expires_at__lte=F("created_at") + timedelta(days=366)),
                violation_error_message="令牌的有效期最长 365 天。",
            ),
            models.CheckConstraint(
                name="apitoken_has_a_scope",
                condition=~Q(scopes=[]),
                violation_error_message="请至少勾选一项令牌可以做的事。",
            ),
        ]

    def __str__(self) -> str:
        return self.label
