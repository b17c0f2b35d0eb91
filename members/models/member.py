from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.crypto import EncryptedTextField
from accounts.row_codes import CodedRecord, RowCodeField
from members.errors import Refused
from members.querysets import AffiliationQuerySet, MemberQuerySet, TransferQuerySet
from orgs.fields import GuidancePlaced, lower_needs_upper, never_twice, period_in_order


class Member(CodedRecord):
    """A full or probationary Party member who said so, or one who was (ended). Applicants are not members.

    Identity number and phone are encrypted; equality goes through the blind indexes. Whoever may see a member sees it
    masked; showing more is an act of its own (members/services.py `member_reveal`).
    """

    class Standing(models.TextChoices):
        FULL = "full", "正式党员"
        PROBATIONARY = "probationary", "预备党员"

    class Ended(models.TextChoices):
        """Why somebody is not counted any more. 停止党籍 can be restored."""

        MOVED_OUT = "moved_out", "转出"
        SUSPENDED = "suspended", "停止党籍"
        ADVISED_TO_LEAVE = "advised_to_leave", "劝退"
        REMOVED_AFTER_ADVICE = "removed_after_advice", "劝而不退除名"
        LEFT_BY_CONDUCT = "left_by_conduct", "自行脱党除名"
        PROBATION_CANCELLED = "probation_cancelled", "取消预备党员资格"
        REMOVED = "removed", "除名"
        EXPELLED = "expelled", "开除党籍"
        RESIGNED = "resigned", "退党"
        DIED = "died", "去世"

    class Sex(models.TextChoices):
        """GB/T 2261.1-2003."""

        UNKNOWN = "0", "未知"
        MALE = "1", "男"
        FEMALE = "2", "女"

    class Occupation(models.TextChoices):
        SOLE_TRADER = "sole_trader", "个体经营者"
        OWNER = "owner", "企业出资人"
        EMPLOYEE = "employee", "企业职工"
        COURIER = "courier", "快递员"
        RIDER = "rider", "外卖配送员"
        DRIVER = "driver", "网约车司机"
        TRUCKER = "trucker", "货车司机"
        OTHER = "other", "其他"

    name = models.CharField("姓名", max_length=60, blank=True)  # empty once erased
    sex = models.CharField("性别", max_length=1, choices=Sex, default=Sex.UNKNOWN)
    id_number = EncryptedTextField("身份号码", null=True, blank=True)
    id_number_index = models.BinaryField(max_length=32, null=True, unique=True, editable=False)
    phone = EncryptedTextField("手机号", null=True, blank=True)
    phone_index = models.BinaryField(max_length=32, null=True, db_index=True, editable=False)
    phone_tail = models.CharField("手机尾号", max_length=4, blank=True)
    standing = models.CharField("党员类别", max_length=12, choices=Standing, default=Standing.FULL)
    ended = models.CharField("不再计入的原因", max_length=24, choices=Ended, blank=True)
    ended_on = models.DateField("不再计入的日期", null=True, blank=True)
    joined_on = models.DateField("入党日期", null=True, blank=True)
    occupation = models.CharField("职业", max_length=16, choices=Occupation, blank=True)
    workplace_business = models.ForeignKey(
        "markets.Business",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="members",
        verbose_name="工作单位（已登记主体）",
    )
    workplace = models.CharField("工作单位", max_length=200, blank=True)
    entered_at = models.DateTimeField("录入时间", default=timezone.now, editable=False)
    erased_at = models.DateTimeField("抹除时间", null=True, editable=False)
    row_code = RowCodeField(
        "校验码",
        over=(
            "id", "name", "sex", "id_number", "phone", "standing", "ended", "ended_on", "joined_on", "occupation",
            "workplace_business", "workplace", "entered_at", "erased_at",
        ),
    )  # fmt: skip

    refusal: ClassVar[type[ValueError]] = Refused

    objects = MemberQuerySet.as_manager()  # type: ignore[misc]

    class Meta:
        verbose_name = verbose_name_plural = "党员"
        constraints = [
            models.CheckConstraint(
                name="member_end_has_reason_and_day",
                condition=Q(ended="", ended_on__isnull=True) | (~Q(ended="") & Q(ended_on__isnull=False)),
                violation_error_message="不再计入的原因和日期要同时填写。",
            ),
            models.CheckConstraint(name="member_phone_tail_is_short", condition=Q(phone_tail__regex=r"^(\d{4})?$")),
        ]

    def __str__(self) -> str:
        return f"党员 {self.pk}"  # never the name: this string ends up in logs and admin history


class MemberCode(models.Model):
    """党员码: an opaque, revocable code by which a member checks in without saying who they are at the counter."""

    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="codes", verbose_name="党员")
    code = EncryptedTextField("党员码")
    code_index = models.BinaryField(max_length=32, unique=True, editable=False)
    issued_at = models.DateTimeField("发放时间", default=timezone.now)
    revoked_at = models.DateTimeField("作废时间", null=True)

    class Meta:
        verbose_name = verbose_name_plural = "党员码"
        constraints = [
            models.UniqueConstraint(fields=["member"], condition=Q(revoked_at__isnull=True), name="membercode_one_live")
        ]

    def __str__(self) -> str:
        return f"党员码 {self.pk}"


class Affiliation(CodedRecord, GuidancePlaced):
    """A member belongs to an organization from one day until (not including) another.

    FORMAL is the roll (组织关系), at most one at a time. ACTIVITY is taken in (纳管) and takes nothing from the roll.
    """

    holds_persons = True

    class Kind(models.TextChoices):
        FORMAL = "formal", "在册（组织关系）"
        ACTIVITY = "activity", "纳管（参加活动）"

    member = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="affiliations", verbose_name="党员")
    organization = models.ForeignKey(
        "orgs.Organization", on_delete=models.PROTECT, related_name="affiliations", verbose_name="党组织"
    )
    kind = models.CharField("关系", max_length=10, choices=Kind)
    starts_on = models.DateField("起", default=timezone.localdate)
    ends_on = models.DateField("止（不含）", null=True, blank=True)
    contact = models.ForeignKey(
        Member, null=True, blank=True, on_delete=models.PROTECT, related_name="+", verbose_name="联系人"
    )  # who among the branch's people keeps in touch: needed to take somebody in
    entered_at = models.DateTimeField("录入时间", default=timezone.now, editable=False)
    row_code = RowCodeField(
        "校验码", over=("id", "member", "organization", "kind", "starts_on", "ends_on", "contact", "entered_at")
    )

    refusal: ClassVar[type[ValueError]] = Refused

    objects = AffiliationQuerySet.as_manager()  # type: ignore[misc]

    class Meta:
        verbose_name = verbose_name_plural = "党员关系"
        indexes = [
            models.Index(fields=["guidance_station", "kind"], name="affiliation_guidance"),
            models.Index(fields=["district_committee", "kind"], name="affiliation_district"),
        ]
        constraints = [
            lower_needs_upper("affiliation", "guidance_station", "district_committee"),
            period_in_order("affiliation_period_in_order"),
            never_twice(
                "affiliation_one_formal_at_a_time",
                "member",
                condition=Q(kind="formal"),
                violation_error_message="同一时期只能有一个组织关系。",
            ),
            never_twice("affiliation_never_twice", "member", "organization", "kind"),
        ]

    def __str__(self) -> str:
        return f"{self.member} {self.get_kind_display()}"


class Transfer(models.Model):
    """组织关系转接, recorded: the person counts at the origin until received."""

    class State(models.TextChoices):
        SENT = "sent", "已转出待接收"
        RECEIVED = "received", "已接收"
        RETURNED = "returned", "退回"

    member = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="transfers", verbose_name="党员")
    origin = models.ForeignKey(
        "orgs.Organization", null=True, blank=True, on_delete=models.PROTECT, related_name="+", verbose_name="转出"
    )
    target = models.ForeignKey(
        "orgs.Organization", null=True, blank=True, on_delete=models.PROTECT, related_name="+", verbose_name="转入"
    )
    elsewhere = models.CharField("系统外党组织", max_length=100, blank=True)
    number = models.CharField("介绍信编号", max_length=60, blank=True)
    sent_on = models.DateField("转出日期")
    valid_until = models.DateField("有效期至", null=True, blank=True)
    decided_on = models.DateField("接收或退回日期", null=True, blank=True)
    state = models.CharField("状态", max_length=10, choices=State, default=State.SENT)
    reason = models.CharField("退回原因", max_length=200, blank=True)

    objects = TransferQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "组织关系转接"

    def __str__(self) -> str:
        return f"转接 {self.pk}"
