from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from accounts.row_codes import CodedRow, RowCodeField
from orgs.querysets import PostingQuerySet


class Role(models.TextChoices):
    REGISTRAR = "registrar", "登记人员"
    OFFICER = "officer", "指导站工作人员"
    LEADER = "leader", "领导"
    SECRETARY = "secretary", "支部书记"


class Posting(CodedRow):
    """A role that a person holds at one organization (条) or one division (块); it reaches down, never up.

    What ends on the day it starts never held: given by mistake and taken back. No administrator holds a live one, by a
    trigger (posting_not_of_administrator), because "live" depends on the day.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="postings", verbose_name="人员"
    )
    organization = models.ForeignKey(
        "orgs.Organization",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="postings",
        verbose_name="党组织",
    )
    division = models.ForeignKey(
        "orgs.Division", null=True, blank=True, on_delete=models.PROTECT, related_name="postings", verbose_name="区划"
    )
    role = models.CharField("角色", max_length=12, choices=Role)
    starts_on = models.DateField("起", default=timezone.localdate)
    ends_on = models.DateField("止（不含）", null=True, blank=True)
    granted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", verbose_name="授予人"
    )
    may_grant = models.BooleanField(
        "可在本单位授权", default=False, help_text="可以在本单位及以下给他人授予、收回任职，不超过本人的权限和期限。"
    )

    row_code = RowCodeField(
        "校验码", over=("user", "organization", "division", "role", "starts_on", "ends_on", "granted_by", "may_grant")
    )

    objects = PostingQuerySet.as_manager()  # type: ignore[misc]

    class Meta:
        verbose_name = verbose_name_plural = "任职"
        constraints = [
            models.CheckConstraint(
                name="posting_at_exactly_one_unit",
                condition=Q(organization__isnull=False, division__isnull=True)
                | Q(organization__isnull=True, division__isnull=False),
                violation_error_message="任职要么在党组织，要么在区划，二选一。",
            ),
            models.CheckConstraint(
                name="posting_period_in_order",
                condition=Q(ends_on__isnull=True) | Q(ends_on__gte=F("starts_on")),
                violation_error_message="止期不能早于起期。",
            ),
            models.UniqueConstraint(
                fields=["user", "organization", "division", "role"],
                condition=Q(ends_on__isnull=True),
                nulls_distinct=False,
                name="posting_once_while_open",
                violation_error_message="此人已有这项任职，不必重复授予。",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} {self.get_role_display()}"

    @property
    def unit(self):
        return self.organization or self.division
