"""The book of the files that are carried between the two faces where no line joins them."""

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone


class FerryFile(models.Model):
    """摆渡文件: one file that was made here, or taken here, or given up as lost.

    Each side keeps its own book of both directions, and for good: the last number is what tells a file that comes
    again from a new one, long after the inbox has forgotten what was in it.
    """

    class Direction(models.TextChoices):
        TO_STAFF = "to-staff", "公众侧 → 工作侧"
        TO_PUBLIC = "to-public", "工作侧 → 公众侧"

    direction = models.CharField("方向", max_length=9, choices=Direction)
    number = models.PositiveIntegerField("编号")
    made_at = models.DateTimeField("生成时间", null=True)  # by the clock of the side that made it; lost: nobody knows
    digest = models.CharField("内容摘要", max_length=64, blank=True, validators=[RegexValidator(r"^[0-9a-f]{64}$")])
    key = models.CharField("签名密钥指纹", max_length=16, blank=True)
    counts = models.JSONField("件数", default=dict)
    heard = models.PositiveIntegerField("已收到对方的编号", default=0)  # when it was made, of the other direction
    noted_at = models.DateTimeField("记录时间", default=timezone.now)

    class Meta:
        verbose_name = verbose_name_plural = "摆渡文件"
        constraints = [
            models.UniqueConstraint(fields=["direction", "number"], name="ferryfile_number_once"),
            models.CheckConstraint(
                name="ferryfile_is_whole_or_lost",
                condition=Q(made_at__isnull=True, digest="", key="")
                | (Q(made_at__isnull=False) & ~Q(digest="") & ~Q(key="")),
                violation_error_message="摆渡文件要么记全生成时间、摘要和密钥，要么登记为遗失。",
            ),
            models.CheckConstraint(
                name="ferryfile_numbers_from_one",
                condition=Q(number__gte=1),
                violation_error_message="摆渡文件的编号从 1 开始。",
            ),
        ]

    def __str__(self) -> str:
        return f"摆渡文件 {self.get_direction_display()} 第 {self.number} 号"

    @property
    def is_lost(self) -> bool:
        return not self.digest
