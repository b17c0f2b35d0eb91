from datetime import date

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Coalesce, Left
from django.utils import timezone

from markets.querysets import BusinessDetailQuerySet, BusinessQuerySet
from markets.sources import Source
from orgs.fields import Positioned, placed_constraints

BY_AGE = Coalesce(F("registered_on"), Value(date.min))


class Business(Positioned):
    """经营主体: what the registry calls a company, a branch office, a sole trader …, and what is to be covered.

    Identified by the unified social credit code (GB 32100-2015) or, for early sole traders, by the old registration
    number. `is_registered` and `is_operating` are derived from the registry's status and from the reason why it does
    not operate; the database derives them, so no two pages can differ.
    """

    class EntityType(models.TextChoices):
        """登记类型, grouped as the two ranges of every rate need it: sole traders / enterprises = everything else."""

        SOLE_TRADER = "sole_trader", "个体工商户"
        COMPANY = "company", "有限责任公司"
        JOINT_STOCK = "joint_stock", "股份有限公司"
        SOLE_PROPRIETORSHIP = "sole_proprietorship", "个人独资企业"
        PARTNERSHIP = "partnership", "合伙企业"
        BRANCH_OFFICE = "branch_office", "分支机构"
        COOPERATIVE = "cooperative", "农民专业合作社"
        OTHER = "other", "其他企业"

    class Scale(models.TextChoices):
        SMALL = "small", "小型"
        MICRO = "micro", "微型"
        UNKNOWN = "unknown", "未划分"

    class Status(models.TextChoices):
        """登记状态. 注销, 吊销 and 迁出 are not registered any more."""

        ACTIVE = "active", "存续"
        DORMANT = "dormant", "歇业"
        REVOKED = "revoked", "吊销"
        DEREGISTERED = "deregistered", "注销"
        MOVED_AWAY = "moved_away", "迁出"

    class NotOperating(models.TextChoices):
        """Why a registered business is not operating (实体运营). 一址多照 is lawful and operates."""

        ZOMBIE = "zombie", "僵尸企业"
        SHELL = "shell", "空壳企业"
        SECOND_LICENCE = "second_licence", "一企多照"
        PAUSED = "paused", "歇业"
        NOT_FOUND = "not_found", "查无下落"

    REGISTERED_STATUSES = (Status.ACTIVE, Status.DORMANT)

    uscc = models.CharField("统一社会信用代码", max_length=18, null=True, blank=True, unique=True)
    legacy_registration_no = models.CharField("注册号（旧）", max_length=15, null=True, blank=True, unique=True)
    name = models.CharField("名称", max_length=200)
    name_pinyin = models.CharField("名称拼音首字母", max_length=60, blank=True, editable=False)
    entity_type = models.CharField("主体类型", max_length=24, choices=EntityType)
    entity_type_text = models.CharField("登记类型原文", max_length=60, blank=True)
    scale = models.CharField("规模", max_length=8, choices=Scale, default=Scale.UNKNOWN)
    industry = models.CharField("行业代码（GB/T 4754）", max_length=5, blank=True)
    section = models.GeneratedField(
        expression=Left("industry", 1),
        output_field=models.CharField("行业门类", max_length=1),
        db_persist=True,
    )
    registered_on = models.DateField("成立日期", null=True, blank=True)
    status = models.CharField("登记状态", max_length=12, choices=Status, default=Status.ACTIVE)
    not_operating = models.CharField("未实体运营原因", max_length=16, choices=NotOperating, blank=True)
    is_registered = models.GeneratedField(
        expression=models.Q(status__in=["active", "dormant"]),  # type: ignore[arg-type]  # Django takes a Q, its stubs don't
        output_field=models.BooleanField(),
        db_persist=True,
    )
    is_operating = models.GeneratedField(
        expression=models.Q(status="active", not_operating=""),  # type: ignore[arg-type]  # as above
        output_field=models.BooleanField(),
        db_persist=True,
    )
    employees = models.PositiveIntegerField("从业人数", null=True, blank=True)
    is_key = models.BooleanField("重点企业", default=False)
    fixed_premises = models.BooleanField("有固定经营场所", null=True, blank=True)
    above_size = models.BooleanField("规上", null=True, blank=True)
    address = models.CharField("住所", max_length=300, blank=True)
    market = models.ForeignKey(
        "markets.Market",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="businesses",
        db_index=False,
        verbose_name="所属市场",
    )
    industry_area = models.ForeignKey(
        "markets.IndustryArea",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="businesses",
        db_index=False,
        verbose_name="行业片区",
    )
    predecessor = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="successors",
        db_index=False,
        verbose_name="前身（个转企）",
    )
    # Whom a value came from, where not from the registration system: {column: source} (markets/sources.py).
    provenance = models.JSONField("取值来源", default=dict, db_default={}, editable=False)
    entered_at = models.DateTimeField("录入时间", default=timezone.now, editable=False)
    changed_at = models.DateTimeField("更新时间", default=timezone.now, editable=False)

    objects = BusinessQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "经营主体"
        indexes = [
            # Lists, newest first, in each scope that a posting can give.
            models.Index(fields=["district_committee", "-id"], name="business_district_committee"),
            models.Index(fields=["guidance_station", "-id"], name="business_guidance_station"),
            models.Index(fields=["district", "-id"], name="business_district"),
            models.Index(fields=["street", "-id"], name="business_street"),
            models.Index(fields=["market", "-id"], name="business_market", condition=Q(market__isnull=False)),
            models.Index(fields=["predecessor"], name="business_predecessor", condition=Q(predecessor__isnull=False)),
            # Read by the coverage engine (reports/sql/businesses.py), index-only: every column that a count is made of,
            # by place; and the same of the businesses in markets, by market.
            models.Index(
                fields=[
                    "guidance_station", "district_committee", "street", "district", "entity_type", "scale", "section",
                    "is_registered", "is_operating", "fixed_premises", "above_size", "employees", "is_key",
                ],
                name="business_counts",
            ),
            models.Index(
                fields=[
                    "market", "guidance_station", "district_committee", "street", "district", "entity_type", "scale",
                    "section", "fixed_premises", "above_size", "employees", "is_key",
                ],
                name="business_counts_stalls",
                condition=Q(is_operating=True, market__isnull=False),
            ),
            # Marks that the index over names does not hold: under a rare one a common word would be looked for row by row.
            models.Index(fields=["industry"], name="business_industry", opclasses=["varchar_pattern_ops"]),
            models.Index(fields=["scale"], name="business_scale"),
            models.Index(fields=["id"], name="business_key", condition=Q(is_key=True)),
            # Names by their pairs of characters and of pinyin initials, beside the places and states that a search is
            # narrowed by: what fits none of them is never fetched (markets/search.py). A short list of what is still to
            # be sorted in keeps changes cheap and every search near to what the sorted part takes.
            GinIndex(
                Func(F("name"), F("name_pinyin"), function="name_grams"),
                *(
                    F(column)
                    for column in (
                        "district_committee", "guidance_station", "district", "street", "entity_type", "status",
                        "is_operating",
                    )
                ),
                name="business_name_grams",
                gin_pending_list_limit=1024,
            ),
            # Lists by age, read forwards or backwards, in the city and in each scope; the unknown stands last or first.
            models.Index(BY_AGE, F("id"), name="business_by_age"),
            models.Index(F("district_committee"), BY_AGE, F("id"), name="business_by_age_in_committee"),
            models.Index(F("guidance_station"), BY_AGE, F("id"), name="business_by_age_in_guidance"),
            models.Index(F("district"), BY_AGE, F("id"), name="business_by_age_in_district"),
            models.Index(F("street"), BY_AGE, F("id"), name="business_by_age_in_street"),
        ]  # fmt: skip
        constraints = [
            *placed_constraints("business"),
            models.CheckConstraint(
                name="business_has_a_code",
                condition=Q(uscc__isnull=False) | Q(legacy_registration_no__isnull=False),
                violation_error_message="统一社会信用代码和旧注册号至少要有一个。",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def code(self) -> str:
        return self.uscc or self.legacy_registration_no or ""

    @property
    def scale_source(self) -> str:
        """Who says the scale, as in `provenance`; blank where nobody does."""
        return "" if self.scale == self.Scale.UNKNOWN else self.provenance.get("scale", str(Source.REGISTRATION))


class BusinessVersion(models.Model):
    """What a counting column was before it changed; half-open. Written by the statement that changed it."""

    business = models.ForeignKey(
        Business, on_delete=models.PROTECT, related_name="versions", db_index=False, verbose_name="经营主体"
    )
    valid_from = models.DateTimeField("起", null=True)
    valid_to = models.DateTimeField("止（不含）")
    values = models.JSONField("原值")

    objects = BusinessDetailQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "主体历史"
        ordering = ["-id"]
        indexes = [
            # Since when the values of a business stand, for each that is changed. With the end in it: where the end alone
            # was the other index to choose, the planner took that one and read all versions there are for each business.
            models.Index(fields=["business", "valid_to"], name="businessversion_of_business"),
            # What was replaced since a day: lists of past days (reports/past.py).
            models.Index(fields=["valid_to"], name="businessversion_replaced"),
        ]

    def __str__(self) -> str:
        return f"{self.business_id} …{self.valid_to:%Y-%m-%d}"


class Declaration(models.Model):
    """Head-counts that an enterprise told. None is kept where it would name a person (design: sole traders, < 10)."""

    class Source(models.TextChoices):
        REGISTRY_FILE = "registry_file", "登记文件"
        ANNUAL_REPORT = "annual_report", "年报"
        SURVEY = "survey", "摸排"

    business = models.ForeignKey(
        Business, on_delete=models.CASCADE, related_name="declarations", verbose_name="经营主体"
    )
    source = models.CharField("来源", max_length=16, choices=Source)
    as_of = models.DateField("截至")
    full_members = models.PositiveIntegerField("正式党员数", null=True, blank=True)
    members_incl_probationary = models.PositiveIntegerField("党员数（含预备）", null=True, blank=True)
    union_members = models.PositiveIntegerField("工会会员数", null=True, blank=True)
    league_members = models.PositiveIntegerField("团员数", null=True, blank=True)
    women = models.PositiveIntegerField("女职工数", null=True, blank=True)
    entered_at = models.DateTimeField("录入时间", default=timezone.now)

    objects = BusinessDetailQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "企业填报人数"
        ordering = ["-as_of"]
        constraints = [
            models.UniqueConstraint(fields=["business", "source", "as_of"], name="declaration_once_per_day"),
            models.CheckConstraint(
                name="declaration_annual_report_knows_only_the_sum",
                condition=~Q(source="annual_report") | Q(full_members__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.business_id} {self.as_of}"
