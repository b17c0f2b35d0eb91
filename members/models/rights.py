from django.db import models
from django.db.models import Q
from django.utils import timezone

from members.models.member import Member
from members.models.registration import Receipt, Registration
from members.querysets import NoticeQuerySet, RightsRequestQuerySet


class Notice(models.Model):
    """个人信息处理告知 (PIPL Art. 17, 20, 30), versioned: what a consent was given to."""

    version = models.CharField("版本", max_length=20, unique=True)
    handler = models.TextField("处理者及联系方式")
    purpose = models.TextField("目的和方式")
    kinds = models.TextField("信息种类")
    retention = models.TextField("保存期限")
    rights = models.TextField("行使权利的方式")
    sensitive = models.TextField("为什么需要敏感个人信息，对本人有何影响")
    joint = models.TextField(
        "共同处理者、受托人和接收方", default=""
    )  # Art. 20, 21, 23; where there are none, it says so
    digest = models.CharField("摘要", max_length=64, editable=False)
    published_at = models.DateTimeField("发布时间", null=True, blank=True)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "告知书"
        ordering = ["-published_at"]
        constraints = [
            models.CheckConstraint(
                name="notice_published_is_complete",
                condition=Q(published_at__isnull=True)
                | ~(
                    Q(handler="")
                    | Q(purpose="")
                    | Q(kinds="")
                    | Q(retention="")
                    | Q(rights="")
                    | Q(sensitive="")
                    | Q(digest="")
                ),
                violation_error_message="各部分都写全了才能发布。",
            ),
            # Not asked of what was published before the part was there: those words never change.
            models.CheckConstraint(
                name="notice_published_names_joint_handlers",
                condition=Q(published_at__isnull=True) | ~Q(joint=""),
                violation_error_message="要写明共同处理者、受托人和接收方，没有的写“没有”，才能发布。",
            ),
        ]

    def __str__(self) -> str:
        return f"告知书 {self.version}"


class Consent(models.Model):
    """One tick, given separately for one thing, under one version of the notice (PIPL Art. 29)."""

    class Item(models.TextChoices):
        MEMBERSHIP = "membership", "党员身份"
        ID_NUMBER = "id_number", "身份号码"
        HOME_VERIFY = "home_verify", "向组织关系所在党组织核实"
        CHECK_IN = "check_in", "签到"

    registration = models.ForeignKey(
        Registration, null=True, on_delete=models.PROTECT, related_name="consents", verbose_name="报到"
    )
    member = models.ForeignKey(
        Member, null=True, on_delete=models.PROTECT, related_name="consents", verbose_name="党员"
    )
    notice = models.ForeignKey(Notice, on_delete=models.PROTECT, related_name="+", verbose_name="告知书")
    item = models.CharField("事项", max_length=12, choices=Item)
    channel = models.CharField("方式", max_length=12, choices=Registration.Channel)
    given_at = models.DateTimeField("同意时间", default=timezone.now)
    reference = models.CharField("凭证", max_length=60, blank=True)  # where it was given, when no form of ours was it
    withdrawn_at = models.DateTimeField("撤回时间", null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "同意"
        constraints = [
            models.CheckConstraint(
                name="consent_is_somebodys", condition=Q(registration__isnull=False) | Q(member__isnull=False)
            ),
            models.UniqueConstraint(
                fields=["registration", "item"], condition=Q(withdrawn_at__isnull=True), name="consent_once_while_live"
            ),
            models.UniqueConstraint(
                fields=["member", "item"],
                condition=Q(withdrawn_at__isnull=True, registration__isnull=True),
                name="consent_once_per_member",
            ),
        ]

    def __str__(self) -> str:
        return self.get_item_display()


class RightsRequest(models.Model):
    """个人信息权利申请: withdrawal, copy, correction, erasure, objection; with a due date (PIPL Art. 44–50)."""

    class Kind(models.TextChoices):
        WITHDRAW = "withdraw", "撤回同意"
        COPY = "copy", "查阅复制"
        CORRECT = "correct", "更正补充"
        ERASE = "erase", "删除"
        OBJECT = "object", "异议"

    registration = models.ForeignKey(
        Registration, on_delete=models.PROTECT, related_name="rights_requests", verbose_name="报到"
    )
    receipt = models.ForeignKey(
        Receipt, null=True, blank=True, on_delete=models.PROTECT, related_name="rights_requests", verbose_name="回执"
    )  # a joined receipt proves nothing about its holder: the officer asks who it is before acting
    kind = models.CharField("事项", max_length=10, choices=Kind)
    asked_at = models.DateTimeField("提出时间", default=timezone.now)
    due_on = models.DateField("应办结日期")
    done_at = models.DateTimeField("办结时间", null=True, blank=True)
    answer = models.CharField("答复", max_length=200, blank=True)

    objects = RightsRequestQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "权利申请"
        ordering = ["due_on", "id"]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.pk}"
