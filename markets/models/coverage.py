from django.db import models
from django.utils import timezone

from markets.querysets import BusinessDetailQuerySet, MarketDetailQuerySet
from orgs.fields import never_twice, period_in_order


class Mode(models.TextChoices):
    """组建方式. How each counts stands in COVERS, the one table of it."""

    OWN = "own", "单独组建"
    JOINT = "joint", "联合组建"
    AREA_JOINT = "area_joint", "区域联建"
    INDUSTRY_JOINT = "industry_joint", "行业联建"
    CHAIN_JOINT = "chain_joint", "产业联建"
    LEADER_JOINT = "leader_joint", "龙头牵引"
    BUILDING_JOINT = "building_joint", "楼宇统领"
    ASSOCIATION_JOINT = "association_joint", "协会归口"
    VILLAGE_JOINT = "village_joint", "村企共建"
    MARKET_AREA = "market_area", "市场区域建"
    ATTACHED = "attached", "挂靠"
    FALLBACK = "fallback", "兜底"


class Covers(models.TextChoices):
    """What a link gives. own, joint and market are organization coverage; work is work coverage only."""

    OWN = "own", "单独"
    JOINT = "joint", "联合"
    MARKET = "market", "市场"
    WORK = "work", "仅工作覆盖"


# Kind decides before mode: a link of a kind without counts_as_organization gives work coverage only.
COVERS: dict[str, str] = {
    Mode.OWN: Covers.OWN,
    Mode.JOINT: Covers.JOINT,
    Mode.AREA_JOINT: Covers.JOINT,
    Mode.INDUSTRY_JOINT: Covers.JOINT,
    Mode.CHAIN_JOINT: Covers.JOINT,
    Mode.LEADER_JOINT: Covers.JOINT,
    Mode.BUILDING_JOINT: Covers.JOINT,
    Mode.ASSOCIATION_JOINT: Covers.JOINT,
    Mode.VILLAGE_JOINT: Covers.JOINT,
    Mode.MARKET_AREA: Covers.MARKET,
    Mode.ATTACHED: Covers.WORK,
    Mode.FALLBACK: Covers.WORK,
}


class BusinessCoverage(models.Model):
    """An organization covers a business from one day until (not including) another."""

    organization = models.ForeignKey(
        "orgs.Organization", on_delete=models.PROTECT, related_name="business_coverages", verbose_name="党组织"
    )
    business = models.ForeignKey(
        "markets.Business", on_delete=models.PROTECT, related_name="coverages", verbose_name="经营主体"
    )
    mode = models.CharField("组建方式", max_length=20, choices=Mode)
    local_mode_name = models.CharField("本地叫法", max_length=40, blank=True)
    starts_on = models.DateField("起", default=timezone.localdate)
    ends_on = models.DateField("止（不含）", null=True, blank=True)
    entered_at = models.DateTimeField("录入时间", default=timezone.now, editable=False)

    objects = BusinessDetailQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "覆盖关系（主体）"
        constraints = [
            period_in_order("businesscoverage_period_in_order"),
            never_twice("businesscoverage_never_twice", "organization", "business"),
        ]

    def __str__(self) -> str:
        return f"{self.organization} – {self.business}"


class MarketCoverage(models.Model):
    """An organization covers a market. One with a single open market link is `own`, with several `joint`."""

    organization = models.ForeignKey(
        "orgs.Organization", on_delete=models.PROTECT, related_name="market_coverages", verbose_name="党组织"
    )
    market = models.ForeignKey(
        "markets.Market", on_delete=models.PROTECT, related_name="coverages", verbose_name="市场"
    )
    starts_on = models.DateField("起", default=timezone.localdate)
    ends_on = models.DateField("止（不含）", null=True, blank=True)
    entered_at = models.DateTimeField("录入时间", default=timezone.now, editable=False)

    objects = MarketDetailQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "覆盖关系（市场）"
        constraints = [
            period_in_order("marketcoverage_period_in_order"),
            never_twice("marketcoverage_never_twice", "organization", "market"),
        ]

    def __str__(self) -> str:
        return f"{self.organization} – {self.market}"


class GroupOrganization(models.Model):
    """群团组织 that exists in a business now: trade union, Youth League, women's organization. Gives work coverage."""

    class Kind(models.TextChoices):
        UNION = "union", "工会"
        LEAGUE = "league", "共青团"
        WOMEN = "women", "妇女组织"

    business = models.ForeignKey(
        "markets.Business", on_delete=models.PROTECT, related_name="group_organizations", verbose_name="经营主体"
    )
    kind = models.CharField("类型", max_length=8, choices=Kind)
    name = models.CharField("名称", max_length=100, blank=True)
    starts_on = models.DateField("起", default=timezone.localdate)
    ends_on = models.DateField("止（不含）", null=True, blank=True)
    entered_at = models.DateTimeField("录入时间", default=timezone.now, editable=False)

    objects = BusinessDetailQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "群团组织"
        constraints = [
            period_in_order("grouporganization_period_in_order"),
            never_twice("grouporganization_never_twice", "business", "kind"),
        ]

    def __str__(self) -> str:
        return self.name or f"{self.business} {self.get_kind_display()}"


class CarriedOver(models.Model):
    """Rows of one table that went from a sole trader to the enterprise it became, before and after (conversion.py).

    A before-image: it goes when they are given back, and refers to nothing.
    """

    before = models.BigIntegerField("前身")
    after = models.BigIntegerField("转型后的企业")
    table = models.CharField("表", max_length=60)
    was = models.JSONField("原来的行")
    now = models.JSONField("转入后的行")

    class Meta:
        verbose_name = verbose_name_plural = "个转企转入的记录"
        indexes = [models.Index(fields=["after"], name="carriedover_after")]

    def __str__(self) -> str:
        return f"{self.before} → {self.after}: {self.table}"
