"""Pages of businesses and markets: lists by key, one row with what belongs to it, taking a list out."""

from django.db import transaction
from django.http import Http404
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views import View
from django.views.generic import DetailView

from accounts import audit
from accounts.people import signed_in
from markets.filters import BusinessFilter, MarketFilter
from markets.models import Business, Market
from markets.selectors import coverages_of, declarations_of, versions_of
from markets.slots import slots_of
from markets.tables import BUSINESS_RELATED, BUSINESSES, MARKET_RELATED, MARKETS
from orgs.scoped import DoorMixin, ScopedMixin
from tables.exports import export
from tables.forms import ExportForm
from tables.keyset import page_of, total_text
from tables.lists import chooser, table_context, unknown_dropped
from tables.models import Export
from tables.views import file_response

EXPORT_LIMIT = 100_000  # rows; more takes a job of its own
MARKET_BUSINESSES_SHOWN = 20


class ScopedList(ScopedMixin, View):
    """A list of a Table: filter form, column chooser, pages by key, a total that counts no further than ten thousand."""

    table = BUSINESSES
    filter_class: type = BusinessFilter
    related: tuple[str, ...] = ()
    unit = "户"
    empty_reason = ""

    def get(self, request):
        found = self.filter_class(request.GET, queryset=self.get_queryset(), request=request)
        if answer := unknown_dropped(request, found.form.fields):
            return answer
        rows = found.qs if found.form.is_valid() else found.queryset.none()
        columns = self.table.chosen(request.GET.getlist("cols"))
        page = page_of(rows.select_related(*self.related), request.GET)
        context = {
            "heading": self.table.title,
            "breadcrumbs": [{"label": self.table.title}],
            "filter": found,
            "table": table_context(self.table, columns, page.rows),
            "page": page,
            "total_text": total_text(rows, self.unit),
            "column_choices": chooser(self.table, columns),
            "exports": self.exports(),
            "empty_reason": self.empty_reason,
        }
        return render(request, "generic/list.html", context)

    def exports(self) -> list[dict]:
        return []


class BusinessList(ScopedList):
    model = Business
    permission = "markets.view_business"
    related = BUSINESS_RELATED
    empty_reason = "没有符合条件的经营主体。请放宽筛选；您只看得到本单位及下级范围内的主体。"

    def exports(self) -> list[dict]:
        if not self.request.user.has_perm("markets.export_business"):
            return []
        return [{"label": "导出", "url": f"{reverse('markets:business_export')}?{self.request.GET.urlencode()}"}]


class MarketList(ScopedList):
    model = Market
    permission = "markets.view_market"
    table = MARKETS
    filter_class = MarketFilter
    related = MARKET_RELATED
    unit = "个"
    empty_reason = "没有符合条件的市场。请放宽筛选；您只看得到本单位及下级范围内的市场。"


class BusinessExport(DoorMixin, View):
    """Asks what for, then streams the filtered list. Rows, columns and purpose are kept and audited."""

    permission = "markets.export_business"

    def _rows(self):
        visible = Business.objects.visible_to(self.request.user, self.permission)
        found = BusinessFilter(self.request.GET, queryset=visible, request=self.request)
        if not found.form.is_valid():
            raise Http404
        return found.qs.order_by("-pk")

    def get(self, request):
        return self._page(ExportForm())

    def post(self, request):
        form = ExportForm(request.POST)
        rows = self._rows()
        count = rows[: EXPORT_LIMIT + 1].count()
        if form.is_valid() and count > EXPORT_LIMIT:
            form.add_error(
                None, f"符合条件的超过 {EXPORT_LIMIT:,} 行，请先缩小筛选范围（如选定一个区或指导站）再导出。"
            )
        if not form.is_valid():
            return self._page(form, status=422)
        columns = BUSINESSES.exported()
        chosen = form.cleaned_data
        self._record(columns, chosen, count)
        pieces = export(BUSINESSES, columns, rows.select_related(*BUSINESS_RELATED).iterator(2000), chosen["format"])
        return file_response(pieces, f"经营主体-{timezone.localdate()}", chosen["format"])

    @transaction.atomic
    def _record(self, columns, chosen: dict, count: int) -> None:
        kept = Export.objects.create(
            owner=signed_in(self.request),
            table=BUSINESSES.name,
            purpose=chosen["purpose"],
            columns=[column.key for column in columns],
            query=self.request.GET.urlencode(),
            format=chosen["format"],
            rows=count,
        )
        audit.record(
            "markets.business.export",
            by=self.request.user,
            subjects=[kept],
            purpose=chosen["purpose"],
            detail={"rows": count, "columns": kept.columns, "format": kept.format},
            request=self.request,
        )

    def _page(self, form, status: int = 200):
        count = self._rows()[: EXPORT_LIMIT + 1].count()
        amount = f"超过 {EXPORT_LIMIT:,}" if count > EXPORT_LIMIT else f"{count:,}"
        back = f"{reverse('markets:business_list')}?{self.request.GET.urlencode()}"
        context = {
            "heading": "导出经营主体",
            "breadcrumbs": [{"label": "经营主体", "url": reverse("markets:business_list")}, {"label": "导出"}],
            "intro": f"将导出当前筛选下您有权导出的 {amount} 行，一次最多 {EXPORT_LIMIT:,} 行。不含党员人数。",
            "form": form,
            "submit_label": "导出",
            "cancel_url": back,
        }
        return render(self.request, "markets/export.html", context, status=status)


def _place(row: Business | Market) -> str:
    return " ".join(str(part) for part in (row.district, row.street) if part)


def _yes(value: bool | None) -> str | None:
    return None if value is None else "是" if value else "否"


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
            "slots": slots_of("business", row, user),
            "edit_url": reverse("admin:markets_business_change", args=[row.pk])
            if user.has_perm("markets.change_business", row)
            else "",
        }

    def _facts(self, row: Business) -> list[tuple]:
        visible = row.predecessor_id and self.get_queryset().filter(pk=row.predecessor_id).exists()
        scale = row.get_scale_display() + (f"（{row.get_scale_source_display()}）" if row.scale_source else "")
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
        if row.predecessor_id:
            facts.append(("前身（个转企）", row.predecessor.name if visible else "不在您的范围内"))
        return facts


class MarketDetail(ScopedMixin, DetailView):
    model = Market
    permission = "markets.view_market"
    template_name = "markets/market.html"

    def get_queryset(self):
        return super().get_queryset().select_related(*MARKET_RELATED, "street")

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
