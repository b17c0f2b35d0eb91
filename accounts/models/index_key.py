from django.db import models
from django.db.models import Q
from django.utils import timezone


class IndexKey(models.Model):
    """Under which key and hash the blind index of this database was made, and under which its digests and receipts:
    fingerprints of them, never the key.

    One row, written by the owner's migrations; the web role reads it, the public role `receipts` (accounts/index_key.py).
    """

    id = models.PositiveSmallIntegerField("编号", primary_key=True, default=1)
    fingerprint = models.BinaryField("指纹", max_length=32)
    digests = models.BinaryField("摘要密钥的指纹", max_length=32, null=True)
    receipts = models.BinaryField("回执密钥的指纹", max_length=32, null=True)
    recorded_at = models.DateTimeField("登记时间", default=timezone.now)

    class Meta:
        verbose_name = verbose_name_plural = "盲索引密钥指纹"
        constraints = [
            models.CheckConstraint(
                name="indexkey_only_one", condition=Q(id=1), violation_error_message="盲索引密钥的指纹只有一个。"
            ),
        ]

    def __str__(self) -> str:
        return f"{timezone.localtime(self.recorded_at):%Y-%m-%d} 登记"
