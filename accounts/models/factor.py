"""What a person signs in with besides the password (GB/T 22239-2019 8.1.4.1 d: two kinds, one of them cryptographic)."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from accounts.crypto import EncryptedTextField
from accounts.row_codes import CodedRow, RowCodeField


class Authenticator(CodedRow):
    """An authenticator app that makes codes of the time (RFC 6238). Kept only after its first code was right."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="authenticator", verbose_name="用户"
    )
    secret = EncryptedTextField("密钥", editable=False)  # base32
    last_step = models.BigIntegerField("最近用过的时间步", editable=False)  # a code is taken once: later steps only
    created_at = models.DateTimeField("启用时间", default=timezone.now, editable=False)
    row_code = RowCodeField("校验码", over=("user", "secret"))

    class Meta:
        verbose_name = verbose_name_plural = "动态验证码"

    def __str__(self) -> str:
        return f"动态验证码 {self.pk}"


class Passkey(CodedRow):
    """A key pair of WebAuthn; the private half never leaves the person's device."""

    MOST = 10  # per person

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="passkeys", verbose_name="用户"
    )
    name = models.CharField("名称", max_length=40)
    credential_id = models.BinaryField("凭证编号", max_length=1023, editable=False)
    credential = models.BinaryField("公钥", editable=False)  # authenticator, credential id and public key, as attested
    sign_count = models.BigIntegerField("签名计数", default=0, editable=False)
    created_at = models.DateTimeField("登记时间", default=timezone.now, editable=False)
    last_used_at = models.DateTimeField("最近使用", null=True, editable=False)
    row_code = RowCodeField("校验码", over=("user", "credential_id", "credential"))

    class Meta:
        verbose_name = verbose_name_plural = "通行密钥"
        constraints = [
            models.UniqueConstraint(
                name="passkey_once", fields=["credential_id"], violation_error_message="这个通行密钥已经登记过。"
            ),
            models.CheckConstraint(
                name="passkey_count_counts",
                condition=models.Q(sign_count__gte=0),
                violation_error_message="签名计数不能为负。",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class RecoveryCode(models.Model):
    """A code on paper that stands in for the device once. Only its keyed digest is kept."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="recovery_codes", verbose_name="用户"
    )
    digest = models.BinaryField("摘要", max_length=32, editable=False)
    used_at = models.DateTimeField("使用时间", null=True, editable=False)

    class Meta:
        verbose_name = verbose_name_plural = "恢复码"
        constraints = [
            models.UniqueConstraint(
                name="recoverycode_once", fields=["user", "digest"], violation_error_message="恢复码重复，请重新生成。"
            ),
        ]

    def __str__(self) -> str:
        return f"恢复码 {self.pk}"
