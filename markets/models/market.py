from django.db import models
from django.utils import timezone

from markets.querysets import MarketDetailQuerySet, MarketQuerySet, PlatformQuerySet
from orgs.fields import Placed, Positioned, placed_constraints
from orgs.querysets import ScopedQuerySet


class IndustryArea(Placed):
    """行业片区: an area of one trade inside a guidance station's ground (Shenzhen counts 133)."""

    code = models.CharField("编号", max_length=40, unique=True)
    name = models.CharField("名称", max_length=100)
    industry = models.CharField("行业", max_length=60, blank=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "行业片区"
        ordering = ["name"]
        constraints = placed_constraints("industryarea")

    def __str__(self) -> str:
        return self.name


class Market(Positioned):
    """专业市场: organised by somebody, with stalls. Counted as markets, never added to businesses."""

    class Trade(models.TextChoices):
        FARM = "farm", "农贸"
        WHOLESALE = "wholesale", "批发"
        GOODS = "goods", "商品"
        ELECTRONICS = "electronics", "电子"
        CLOTHING = "clothing", "服装"
        BUILDING = "building", "建材"
        OTHER = "other", "其他"

    code = models.CharField("编号", max_length=40, unique=True)
    name = models.CharField("名称", max_length=100)
    trade = models.CharField("类型", max_length=20, choices=Trade, default=Trade.OTHER)
    organiser = models.CharField("开办方", max_length=100, blank=True)
    organiser_uscc = models.CharField("开办方信用代码", max_length=18, blank=True)
    address = models.CharField("地址", max_length=200, blank=True)
    stalls = models.PositiveIntegerField("摊位（户）", null=True, blank=True)
    employees = models.PositiveIntegerField("从业人数", null=True, blank=True)
    closed_on = models.DateField("关闭日期", null=True, blank=True)
    entered_at = models.DateTimeField("录入时间", default=timezone.now, editable=False)

    objects = MarketQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "专业市场"
        ordering = ["name"]
        indexes = [
            models.Index(fields=["district_committee", "name"], name="market_district"),
            models.Index(fields=["guidance_station", "name"], name="market_guidance"),
        ]
        constraints = placed_constraints("market")

    def __str__(self) -> str:
        return self.name


class MarketPlan(models.Model):
    """一场一策: what is to be done in one market, by whom, until when."""

    market = models.ForeignKey(Market, on_delete=models.CASCADE, related_name="plans", verbose_name="市场")
    text = models.TextField("举措")
    responsible = models.CharField("责任单位", max_length=100)
    due_on = models.DateField("完成期限", null=True, blank=True)
    done_on = models.DateField("完成日期", null=True, blank=True)

    objects = MarketDetailQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "一场一策"
        ordering = ["due_on", "id"]

    def __str__(self) -> str:
        return f"{self.market}：{self.text[:20]}"


class Platform(models.Model):
    """A delivery platform (快递, 外卖, 网约车) as a company; its places are delivery sites."""

    name = models.CharField("名称", max_length=60, unique=True)
    uscc = models.CharField("统一社会信用代码", max_length=18, blank=True)

    objects = PlatformQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "平台企业"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class DeliverySite(Positioned):
    """A platform's place that couriers work from. Head-counts only, no persons."""

    platform = models.ForeignKey(Platform, on_delete=models.PROTECT, related_name="sites", verbose_name="平台")
    name = models.CharField("名称", max_length=100)
    address = models.CharField("地址", max_length=200, blank=True)
    couriers = models.PositiveIntegerField("骑手人数", null=True, blank=True)
    closed_on = models.DateField("关闭日期", null=True, blank=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "配送网点"
        ordering = ["name"]
        constraints = [
            *placed_constraints("deliverysite"),
            models.UniqueConstraint(fields=["platform", "name"], name="deliverysite_name_once_per_platform"),
        ]

    def __str__(self) -> str:
        return self.name
