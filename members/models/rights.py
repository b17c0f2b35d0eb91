from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.crypto import EncryptedTextField
from accounts.row_codes import CodedRecord, RowCodeField
from members.errors import Refused
from members.models.member import Member
from members.models.registration import Receipt, Registration
from members.querysets import ConsentQuerySet, NoticeQuerySet, RightsRequestQuerySet


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
    # Art. 14(2): whether purpose, manner or kinds changed; None of versions older than the question
    consent_anew = models.BooleanField("是否须重新取得同意", null=True, blank=True)
    change = models.TextField("改了什么", default="", blank=True)  # the reason; told to who is asked anew
    digest = models.CharField("摘要", max_length=64, editable=False)
    published_at = models.DateTimeField("发布时间", null=True, blank=True)

    objects = NoticeQuerySet.as_manager()
    is_superseded: bool  # of NoticeQuerySet.with_superseded

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
            # Likewise.
            models.CheckConstraint(
                name="notice_published_says_whether_consent_anew",
                condition=Q(published_at__isnull=True) | (Q(consent_anew__isnull=False) & ~Q(change="")),
                violation_error_message="要选明是否须重新取得同意，写明改了什么，才能发布。",
            ),
        ]

    def __str__(self) -> str:
        return f"告知书 {self.version}"


class Consent(CodedRecord):
    """One tick, given separately for one thing, under one version of the notice (PIPL Art. 29).

    Given anew to a later version it is another row: the earlier one still says what was agreed to, and when.
    """

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
    row_code = RowCodeField(
        "校验码",
        over=("registration", "member", "notice", "item", "channel", "given_at", "reference", "withdrawn_at"),
    )

    refusal: ClassVar[type[ValueError]] = Refused

    objects = ConsentQuerySet.as_manager()  # type: ignore[misc]

    class Meta:
        verbose_name = verbose_name_plural = "同意"
        constraints = [
            models.CheckConstraint(
                name="consent_is_somebodys", condition=Q(registration__isnull=False) | Q(member__isnull=False)
            ),
            models.UniqueConstraint(
                fields=["registration", "item", "notice"],
                condition=Q(withdrawn_at__isnull=True),
                name="consent_once_while_live",
            ),
            models.UniqueConstraint(
                fields=["member", "item", "notice"],
                condition=Q(withdrawn_at__isnull=True, registration__isnull=True),
                name="consent_once_per_member",
            ),
        ]

    def __str__(self) -> str:
        return self.get_item_display()


class RightsRequest(models.Model):
    """个人信息权利申请: withdrawal, copy, correction, erasure, objection, explanation; with a due date (PIPL 44–50)."""

    class Kind(models.TextChoices):
        WITHDRAW = "withdraw", "撤回同意"
        COPY = "copy", "查阅复制"
        CORRECT = "correct", "更正补充"
        ERASE = "erase", "删除"
        OBJECT = "object", "异议"
        EXPLAIN = "explain", "解释说明"

    class Outcome(models.TextChoices):
        GRANTED = "granted", "已办理"
        REFUSED = "refused", "不予办理"  # with the reason, in the reply (Art. 50)

    registration = models.ForeignKey(
        Registration, null=True, on_delete=models.PROTECT, related_name="rights_requests", verbose_name="报到"
    )
    member = models.ForeignKey(
        Member, null=True, on_delete=models.PROTECT, related_name="rights_requests", verbose_name="党员"
    )  # of somebody who never reported and is on a roll
    receipt = models.ForeignKey(
        Receipt, null=True, blank=True, on_delete=models.PROTECT, related_name="rights_requests", verbose_name="回执"
    )  # a joined receipt proves nothing about its holder: the officer asks who it is before acting
    kind = models.CharField("事项", max_length=10, choices=Kind)
    details = EncryptedTextField("本人说的", null=True)
    taken_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", verbose_name="现场受理人"
    )  # who saw the person and the identity card
    asked_at = models.DateTimeField("提出时间", default=timezone.now)
    due_on = models.DateField("应办结日期")
    done_at = models.DateTimeField("办结时间", null=True, blank=True)
    done_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", verbose_name="办结人"
    )
    outcome = models.CharField("结果", max_length=8, choices=Outcome, blank=True)
    reply = EncryptedTextField("给本人的答复", null=True)
    # the copy, which opens by the receipt's code only (members/sealing.py)
    sealed = models.BinaryField("副本", null=True, editable=False)
    sealed_until = models.DateTimeField("副本保留至", null=True, editable=False)

    objects = RightsRequestQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "权利申请"
        ordering = ["due_on", "id"]
        constraints = [
            models.CheckConstraint(
                name="rightsrequest_is_somebodys",
                condition=Q(registration__isnull=False) | Q(member__isnull=False),
                violation_error_message="申请要说明是谁的。",
            ),
            models.CheckConstraint(
                name="rightsrequest_done_has_outcome",
                condition=Q(done_at__isnull=True, outcome="") | (Q(done_at__isnull=False) & ~Q(outcome="")),
                violation_error_message="办结要写明结果。",
            ),
            models.CheckConstraint(
                name="rightsrequest_copy_ends",
                condition=Q(sealed__isnull=True) | Q(sealed_until__isnull=False),
                violation_error_message="给本人的副本要有保留期限。",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.pk}"
