import uuid
from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.crypto import EncryptedTextField
from accounts.row_codes import CodedRecord, RowCodeField
from members.errors import Refused
from members.models.member import Member
from members.querysets import ContactLogQuerySet, PosterQuerySet, RegistrationQuerySet
from orgs.fields import GuidancePlaced, lower_needs_upper


class Poster(models.Model):
    """报到码: every public QR of the city resolves at one URL; what it opens is the poster's kind.

    Kinds of rooms above are registered in members/posters.py; this room names only its own.
    """

    class Kind(models.TextChoices):
        MARKET = "market", "市场报到码"
        GUIDANCE_STATION = "guidance_station", "指导站报到码"
        SERVICE_POINT = "service_point", "服务点签到码"

    code = models.CharField("码", max_length=16, unique=True)
    kind = models.CharField("用途", max_length=20, choices=Kind)
    market = models.ForeignKey(
        "markets.Market", null=True, blank=True, on_delete=models.PROTECT, related_name="posters", verbose_name="市场"
    )
    organization = models.ForeignKey(
        "orgs.Organization",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="posters",
        verbose_name="指导站",
    )
    made_at = models.DateTimeField("生成时间", default=timezone.now)
    withdrawn_at = models.DateTimeField("停用时间", null=True, blank=True)

    objects = PosterQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "二维码"
        constraints = [
            models.CheckConstraint(
                name="poster_names_what_its_kind_needs",
                condition=Q(kind="market", market__isnull=False, organization__isnull=True)
                | Q(kind="guidance_station", market__isnull=True, organization__isnull=False)
                | Q(kind="service_point", market__isnull=True, organization__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.code}"


class Registration(CodedRecord, GuidancePlaced):
    """党员自主报到: a person's own declaration, on its way to being verified by a guidance station.

    Opened by the person, or by a row that carries the person's consent. The answer 未核实 is never "not a member".
    """

    holds_persons = True

    class State(models.TextChoices):
        SUBMITTED = "submitted", "待核实"
        CONTACTED = "contacted", "已联系"
        VERIFIED = "verified", "已核实"
        NOT_VERIFIED = "not_verified", "未核实"
        DUPLICATE = "duplicate", "重复"
        UNREACHABLE = "unreachable", "无法联系"
        WITHDRAWN = "withdrawn", "本人撤回"
        EXPIRED = "expired", "逾期未办"

    OPEN = (State.SUBMITTED, State.CONTACTED)

    class Channel(models.TextChoices):
        POSTER = "poster", "扫码自主报到"
        INVITATION = "invitation", "邀请链接"
        COUNTER = "counter", "现场代录（本人在场）"
        INTAKE = "intake", "登记注册采集"

    class Confirmation(models.TextChoices):
        """How we know that the person, and nobody else, agreed."""

        SELF = "self", "本人提交"
        SMS = "sms", "短信确认码"
        TAP = "tap", "本人扫码确认"
        REFERENCE = "reference", "采集环节的同意凭证"

    class Method(models.TextChoices):
        HOME_BRANCH = "home_branch", "向组织关系所在党组织核实"
        DOCUMENT = "document", "查看党员证明材料"
        INTERVIEW = "interview", "当面核实"
        SYSTEM_FILE = "system_file", "上级名单比对"

    channel = models.CharField("来源", max_length=12, choices=Channel, default=Channel.POSTER)
    confirmation = models.CharField("本人同意的凭证", max_length=10, choices=Confirmation, default=Confirmation.SELF)
    poster = models.ForeignKey(
        Poster, null=True, blank=True, on_delete=models.PROTECT, related_name="registrations", verbose_name="二维码"
    )
    market = models.ForeignKey(
        "markets.Market", null=True, blank=True, on_delete=models.PROTECT, related_name="+", verbose_name="所在市场"
    )
    workplace_business = models.ForeignKey(
        "markets.Business", null=True, blank=True, on_delete=models.PROTECT, related_name="+", verbose_name="经营主体"
    )
    member = models.ForeignKey(
        Member, null=True, blank=True, on_delete=models.PROTECT, related_name="registrations", verbose_name="党员"
    )
    duplicate_of = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="duplicates", verbose_name="重复于"
    )
    assigned_to = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name="经办人",
    )
    state = models.CharField("状态", max_length=12, choices=State, default=State.SUBMITTED)
    # what the person said
    name = EncryptedTextField("姓名", null=True, blank=True)
    sex = models.CharField("性别", max_length=1, choices=Member.Sex, default=Member.Sex.UNKNOWN)
    id_number = EncryptedTextField("身份号码", null=True, blank=True)
    id_number_index = models.BinaryField(max_length=32, null=True, db_index=True, editable=False)
    phone = EncryptedTextField("手机号", null=True, blank=True)
    phone_index = models.BinaryField(max_length=32, null=True, db_index=True, editable=False)
    phone_tail = models.CharField("手机尾号", max_length=4, blank=True)
    standing = models.CharField("党员类别", max_length=12, choices=Member.Standing, default=Member.Standing.FULL)
    occupation = models.CharField("职业", max_length=16, choices=Member.Occupation, blank=True)
    workplace = models.CharField("工作单位或摊位", max_length=200, blank=True)
    home_place = models.CharField("组织关系所在省市县", max_length=60, blank=True)
    home_branch = models.CharField("组织关系所在党组织", max_length=100, blank=True)
    home_unknown = models.BooleanField("不清楚组织关系在哪里", default=False)
    # what became of it
    submitted_at = models.DateTimeField("报到时间", default=timezone.now)
    due_on = models.DateField("应办结日期")
    decided_at = models.DateTimeField("办结时间", null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name="办结人",
    )
    method = models.CharField("核实方式", max_length=16, choices=Method, blank=True)
    reason = models.CharField("说明", max_length=200, blank=True)
    withdrawn_at = models.DateTimeField("撤回时间", null=True, blank=True)
    erased_at = models.DateTimeField("抹除时间", null=True, editable=False)
    row_code = RowCodeField(
        "校验码",
        over=(
            "id", "channel", "confirmation", "poster", "market", "workplace_business", "member", "duplicate_of", "state",
            "name", "sex", "id_number", "phone", "standing", "occupation", "workplace", "home_place", "home_branch",
            "home_unknown", "submitted_at", "due_on", "decided_at", "decided_by", "method", "reason", "withdrawn_at",
            "erased_at",
        ),
    )  # fmt: skip

    refusal: ClassVar[type[ValueError]] = Refused

    objects = RegistrationQuerySet.as_manager()  # type: ignore[misc]

    class Meta:
        verbose_name = verbose_name_plural = "报到"
        indexes = [
            models.Index(fields=["guidance_station", "state", "due_on"], name="registration_queue"),  # officer's queue
            models.Index(fields=["district_committee", "state"], name="registration_district"),
        ]
        constraints = [
            lower_needs_upper("registration", "guidance_station", "district_committee"),
            models.CheckConstraint(
                name="registration_verified_has_member_and_method",
                condition=~Q(state="verified") | (Q(member__isnull=False) & ~Q(method="")),
            ),
            models.CheckConstraint(
                name="registration_refusal_has_reason", condition=~Q(state="not_verified") | ~Q(reason="")
            ),
            models.CheckConstraint(
                name="registration_duplicate_names_the_other",
                condition=~Q(state="duplicate") | Q(duplicate_of__isnull=False) | Q(member__isnull=False),
            ),
            models.CheckConstraint(
                name="registration_counter_is_confirmed_by_the_person",
                condition=~Q(channel="counter") | Q(confirmation__in=["sms", "tap"]),
                violation_error_message="缺少本人同意凭证。",
            ),
            models.CheckConstraint(
                name="registration_withdrawn_has_time",
                condition=Q(state="withdrawn", withdrawn_at__isnull=False)
                | (~Q(state="withdrawn") & Q(withdrawn_at__isnull=True)),
            ),
        ]

    def __str__(self) -> str:
        return f"报到 {self.pk}"


class Receipt(models.Model):
    """What the person takes home. The code is derived from the form's token and only its index is kept.

    The same form token gives the same receipt. A form that joined an earlier registration (`is_joined`) shows only
    已收到: nobody learns from the public side whether a number is known.
    """

    registration = models.ForeignKey(
        Registration, on_delete=models.PROTECT, related_name="receipts", verbose_name="报到"
    )
    form_token = models.UUIDField("表单标识", default=uuid.uuid4, unique=True, editable=False)
    code_index = models.BinaryField(max_length=32, unique=True, editable=False)
    # of a consent that was given elsewhere and told to us (members/services/agreed.py)
    agreement_index = models.BinaryField(max_length=32, null=True, editable=False)
    agreed_at = models.DateTimeField("同意时间", null=True, editable=False)
    is_joined = models.BooleanField("并入已有报到", default=False)
    phone_differs = models.BooleanField("手机号与已有报到不同", default=False)  # only ever true of a joined one
    # what was agreed to on this form and still stands; also of a joined one, of which no consent is kept
    items = ArrayField(models.CharField(max_length=12), verbose_name="同意的事项", default=list)
    notice = models.ForeignKey(
        "members.Notice", null=True, on_delete=models.PROTECT, related_name="+", verbose_name="告知书"
    )
    made_at = models.DateTimeField("时间", default=timezone.now)
    withdrawn_at = models.DateTimeField("撤回时间", null=True, editable=False)

    class Meta:
        verbose_name = verbose_name_plural = "回执"
        constraints = [
            models.UniqueConstraint(fields=["agreement_index", "agreed_at"], name="receipt_once_per_agreement"),
            models.CheckConstraint(
                name="receipt_agreement_has_its_time",
                condition=Q(agreement_index__isnull=True, agreed_at__isnull=True)
                | Q(agreement_index__isnull=False, agreed_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"回执 {self.pk}"

    def get_items_display(self) -> str:
        from members.models.rights import Consent

        return "、".join(label for item, label in Consent.Item.choices if item in self.items)


class Draft(models.Model):
    """A form that is being filled in, kept for a day at most, encrypted as a whole.

    Keyed by the form's token, which becomes the receipt's. At the counter the officer's draft waits here until the
    person agrees: by the code sent to the phone, or by an own tap behind the receipt's QR (`code_index`).
    """

    form_token = models.UUIDField("表单标识", primary_key=True, editable=False)
    code_index = models.BinaryField(max_length=32, unique=True, editable=False)
    channel = models.CharField("来源", max_length=12, choices=Registration.Channel, default=Registration.Channel.POSTER)
    poster = models.ForeignKey(Poster, null=True, on_delete=models.CASCADE, related_name="+", verbose_name="二维码")
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+", verbose_name="代录人"
    )
    guidance_station = models.ForeignKey(
        "orgs.Organization", null=True, on_delete=models.CASCADE, related_name="+", verbose_name="指导站"
    )
    content = EncryptedTextField("内容", null=True)  # JSON: consents, answers
    confirm_digest = models.CharField("确认码摘要", max_length=64, blank=True)
    confirm_tries = models.PositiveSmallIntegerField("确认码已试次数", default=0)
    confirm_sent_at = models.DateTimeField("确认码发送时间", null=True)
    expires_at = models.DateTimeField("到期时间", db_index=True)

    class Meta:
        verbose_name = verbose_name_plural = "未提交的报到表"

    def __str__(self) -> str:
        return f"草稿 {self.form_token}"


class ContactLog(models.Model):
    """One attempt to reach the person."""

    class Outcome(models.TextChoices):
        REACHED = "reached", "已接通"
        NO_ANSWER = "no_answer", "无人接听"
        WRONG_NUMBER = "wrong_number", "号码有误"
        LATER = "later", "约定再联系"

    registration = models.ForeignKey(
        Registration, on_delete=models.PROTECT, related_name="contacts", verbose_name="报到"
    )
    at = models.DateTimeField("时间", default=timezone.now)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name="联系人")
    outcome = models.CharField("结果", max_length=16, choices=Outcome)

    objects = ContactLogQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "联系记录"
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"联系 {self.pk}"
