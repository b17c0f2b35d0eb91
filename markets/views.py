"""Pages of businesses and markets: lists by key, one row with what belongs to it."""

from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.http import urlencode
from django.views.generic import DetailView

from markets.listings import BUSINESS_LIST, DELIVERY_SITE_LIST, INDUSTRY_AREA_LIST, MARKET_LIST, PLATFORM_LIST
from markets.models import Business, Market
from markets.selectors import coverages_of, declarations_of, versions_of
from markets.slots import slots_of
from markets.sources import LABELS, source_label
from markets.tables import BUSINESS_RELATED, BUSINESSES, MARKET_RELATED
from markets.told_tables import in_words
from orgs.scoped import ScopedMixin
from tables.keyset import total_text
from tables.list_views import ListPage
from tables.lists import table_context

MARKET_BUSINESSES_SHOWN = 20


class BusinessList(ListPage):
    listing = BUSINESS_LIST


class MarketList(ListPage):
    listing = MARKET_LIST


class IndustryAreaList(ListPage):
    listing = INDUSTRY_AREA_LIST


class PlatformList(ListPage):
    listing = PLATFORM_LIST


class DeliverySiteList(ListPage):
    listing = DELIVERY_SITE_LIST


def _place(row: Business | Market) -> str:
    return " ".join(str(part) for part in (row.district, row.street) if part)


def _yes(value: bool | None) -> str | None:
    return None if value is None else "是" if value else "否"


def _linked(rows) -> str:
    addresses = ((reverse("markets:business_detail", args=[row.pk]), row.name) for row in rows.order_by("pk"))
    return format_html_join("、", '<a href="{}">{}</a>', addresses)


class BusinessDetail(ScopedMixin, DetailView):
    model = Business
    permission = "markets.view_business"
    template_name = "markets/business.html"

    def get_queryset(self):
        return super().get_queryset().select_related(*BUSINESS_RELATED, "industry_area", "predecessor")

    def get_context_data(self, **kwargs) -> dict:
        row, user = self.object, self.request.user
        kind = "ok" if row.is_operating else "warn" if row.is_registered else "plain"
        return {
            "object": row,
            "heading": row.name,
            "state": {"text": row.get_status_display(), "kind": kind},
            "breadcrumbs": [{"label": "经营主体", "url": reverse("markets:business_list")}, {"label": row.name}],
            "facts": self._facts(row),
            "coverages": coverages_of(row, user),
            "declarations": declarations_of(row, user),
            "versions": versions_of(row),
            "differences": [
                (difference, in_words(difference.column, difference.value))
                for difference in row.differences.visible_to(user).order_by("column", "source")
            ],
            "absences": row.absences.visible_to(user).select_related("batch").order_by("-batch__file_date"),
            "slots": slots_of("business", row, user),
            "edit_url": reverse("admin:markets_business_change", args=[row.pk])
            if user.has_perm("markets.change_business", row)
            else "",
        }

    def _facts(self, row: Business) -> list[tuple]:
        scale = row.get_scale_display() + (f"（{source_label(row.scale_source)}）" if row.scale_source else "")
        running = "是" if row.is_operating else row.get_not_operating_display() or "否"
        facts = [
            ("统一社会信用代码", row.uscc),
            ("主体类型", row.entity_type_text or row.get_entity_type_display()),
            ("规模", scale),
            ("行业代码", row.industry),
            ("成立日期", row.registered_on.isoformat() if row.registered_on else None),
            ("登记状态", row.get_status_display()),
            ("实体运营", running),
            ("从业人数", row.employees),
            ("指导站", row.guidance_station or "待分派"),
            ("所在", _place(row)),
            ("所属市场", row.market),
            ("行业片区", row.industry_area),
            ("住所", row.address),
            ("重点企业", _yes(row.is_key)),
            ("有固定经营场所", _yes(row.fixed_premises)),
            ("规上", _yes(row.above_size)),
            ("更新时间", timezone.localtime(row.changed_at).strftime("%Y-%m-%d %H:%M")),
        ]
        if row.legacy_registration_no:
            facts.insert(1, ("旧注册号", row.legacy_registration_no))
        if row.provenance:
            marks = (f"{LABELS[key]}：{source_label(source)}" for key, source in sorted(row.provenance.items()))
            facts.append(("来源（其余为登记注册系统）", "；".join(marks)))
        return facts + self._other_life(row)

    def _other_life(self, row: Business) -> list[tuple]:
        """个转企: what it was before, what it became."""
        found = {
            "前身（个转企）": [row.predecessor_id] if row.predecessor_id else [],
            "后继（个转企）": list(row.successors.order_by("pk").values_list("pk", flat=True)),
        }
        return [
            (label, _linked(self.get_queryset().filter(pk__in=ids)) or "不在您的范围内")
            for label, ids in found.items()
            if ids
        ]


class MarketDetail(ScopedMixin, DetailView):
    model = Market
    permission = "markets.view_market"
    template_name = "markets/market.html"

    def get_queryset(self):
        return super().get_queryset().select_related(*MARKET_RELATED)

    def get_context_data(self, **kwargs) -> dict:
        row, user = self.object, self.request.user
        businesses = Business.objects.visible_to(user).filter(market=row)
        shown = businesses.select_related(*BUSINESS_RELATED).order_by("-pk")[:MARKET_BUSINESSES_SHOWN]
        columns = BUSINESSES.chosen(["name", "code", "entity_type", "status", "employees"])
        return {
            "object": row,
            "heading": row.name,
            "state": {"text": "已关闭" if row.closed_on else "在营", "kind": "plain" if row.closed_on else "ok"},
            "breadcrumbs": [{"label": "专业市场", "url": reverse("markets:market_list")}, {"label": row.name}],
            "facts": [
                ("编号", row.code),
                ("类型", row.get_trade_display()),
                ("开办方", row.organiser),
                ("开办方信用代码", row.organiser_uscc),
                ("指导站", row.guidance_station or "待分派"),
                ("所在", _place(row)),
                ("地址", row.address),
                ("摊位（户）", row.stalls),
                ("从业人数", row.employees),
                ("关闭日期", row.closed_on.isoformat() if row.closed_on else "在营"),
            ],
            "coverages": coverages_of(row, user),
            "plans": list(row.plans.visible_to(user)),
            "table": table_context(BUSINESSES, columns, shown),
            "businesses_total": total_text(businesses, "户"),
            "businesses_url": f"{reverse('markets:business_list')}?{urlencode({'market': row.code})}",
            "slots": slots_of("market", row, user),
            "edit_url": reverse("admin:markets_market_change", args=[row.pk])
            if user.has_perm("markets.change_market", row)
            else "",
        }
