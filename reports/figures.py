"""公布数据: the columns of lists and files, how they are entered and imported, and how they stand beside our own."""

import re
import unicodedata
from collections.abc import Hashable, Sequence
from decimal import Decimal
from typing import Any

import django_filters
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Q
from django.urls import reverse

from accounts import audit
from orgs.doors import holds_the_city
from reports import metrics, selectors, words
from reports.models import ReportedFigure
from reports.models.figures import comparable
from tables import cells
from tables.filters import TextFilter
from tables.importer import Reading, Row, RowTarget
from tables.listing import Listing
from tables.table import Column, Table

LABEL = "公布数据（非本系统计算）"
CITY_ONLY = "公布数据由市级登记人员录入和修改，请把数和出处报给市级。"
_VALUE = re.compile(r"^(-?[0-9][0-9,]*(?:\.[0-9]+)?)(万|亿)?$")
_TIMES = {None: 1, "万": 10_000, "亿": 100_000_000}
CODES = {metrics.METRICS[code].name: code for code in metrics.METRICS if comparable(code)}


def may_keep(user, act: str = "change") -> bool:
    return holds_the_city(user, f"reports.{act}_reportedfigure")


@transaction.atomic
def figure_save(*, figure: ReportedFigure, by) -> ReportedFigure:
    """Enter or correct one. Raises ValidationError, PermissionDenied."""
    is_new = figure.pk is None
    if not may_keep(by, "add" if is_new else "change"):
        raise PermissionDenied(CITY_ONLY)
    was = {} if is_new else _said(ReportedFigure.objects.select_for_update().get(pk=figure.pk))
    figure.full_clean()
    figure.save()
    audit.record(
        f"reports.reported_figure.{'create' if is_new else 'edit'}", by=by, subjects=[figure],
        detail={"was": was, "now": _said(figure)},
    )  # fmt: skip
    return figure


def _said(figure: ReportedFigure) -> dict[str, str]:
    return {
        name: str(getattr(figure, name))
        for name in ("place", "name", "value", "unit", "is_approximate", "as_of", "source", "metric")
    }


# --- beside our own ---------------------------------------------------------------------------------------------------


def side_by_side(user, unit: "selectors.Unit | None") -> list[dict[str, Any]]:
    """Each metric for which somebody published something: our own number of this unit, and theirs, newest first."""
    found: dict[str, list[ReportedFigure]] = {}
    for figure in ReportedFigure.objects.exclude(metric="").order_by("place", "-as_of"):
        if comparable(figure.metric):
            found.setdefault(figure.metric, []).append(figure)
    released = selectors.for_reader(user, unit) if unit is not None and found else None
    own = released.own if released else None
    return [
        {
            "metric": metrics.METRICS[code],
            "own": words.shown(own, code, words.Basis(metrics.DEFAULT_DENOMINATOR)),
            "as_of": own.as_of if own else None,
            "figures": found[code],
        }
        for code in metrics.METRICS
        if code in found
    ]


# --- list, file -------------------------------------------------------------------------------------------------------


def read_value(text: str) -> Decimal:
    """1,234.5 · 3.2万"""
    plain = unicodedata.normalize("NFKC", text).replace(" ", "")
    written = _VALUE.match(plain)
    if written is None:
        raise cells.Wrong("应为数字，如 1234、1,234.5 或 3.2万；“约”“余”请写在「约数」列")
    value = Decimal(written[1].replace(",", "")) * _TIMES[written[2]]
    if abs(value) >= 10**13 or value != value.quantize(Decimal("0.01")):
        raise cells.Wrong("数字太大，或小数超过两位，请核对")
    return value.quantize(Decimal("0.01"))


def _yes(text: str) -> bool:
    known = {"是": True, "约": True, "约数": True, "否": False, "准确": False, "不是": False}
    if text.strip() not in known:
        raise cells.Wrong("请填 是 或 否")
    return known[text.strip()]


def _code(text: str) -> str:
    code = CODES.get(text, text)
    if not comparable(code):
        raise cells.Wrong("没有这个指标，或它涉及党员和报到。请按统计口径页的指标名称填，或留空")
    return code


def _metric_name(row: ReportedFigure) -> str:
    return metrics.METRICS[row.metric].name if row.metric in metrics.METRICS else row.metric


FIGURES = Table(
    name="reported_figure",
    title="公布数据",
    columns=(
        Column("place", "地区", ("城市", "单位"), needed=True, parse=cells.text(60), example=("示例市", "示例省")),
        Column("name", "指标", ("指标名称",), needed=True, parse=cells.text(60), example=("专业市场", "党组织"),
               link=lambda row: reverse("admin:reports_reportedfigure_change", args=[row.pk])),
        Column("value", "数值", ("数",), needed=True, parse=read_value, example=("459", "3.2万"),
               value=lambda row: row.text, written=lambda row: f"{row.value.normalize():f}"),
        Column("unit", "计量单位", ("单位名称",), shown=False, parse=cells.text(10), example=("个", "个")),
        Column("is_approximate", "约数", ("是否约数",), kind="choice", shown=False, parse=_yes, choices=("是", "否"),
               value=lambda row: "是" if row.is_approximate else "否", example=("否", "是")),
        Column("as_of", "截至", ("截至日期", "统计日期"), kind="date", needed=True, parse=cells.date,
               example=("2024-03-15", "2023-10-17")),
        Column("source", "出处", ("来源",), needed=True, parse=cells.text(200),
               example=("示例日报 2024-03-16", "示例日报 2023-10-18")),
        Column("metric", "对应的系统指标", ("对应指标",), kind="choice", parse=_code, choices=tuple(CODES),
               value=_metric_name, example=("专业市场", "党组织")),
    ),
    needs=(("place",), ("name",), ("value",), ("as_of",), ("source",)),
    notes=(
        "别的城市或上级公布的数，只作对照，不参与本系统的任何计算。",
        "地区、指标、截至三项合起来认出同一条；再次导入就是修改。空着的格子不会清掉系统里已有的内容。",
    ),
)  # fmt: skip


class FigureReading(Reading):
    model = ReportedFigure
    keyed_by = "name"
    outside = CITY_ONLY.rstrip("。")

    def key(self, row: Row) -> Hashable:
        parts = ("place", "name", "as_of")
        for part in parts:
            if part not in row.said and not row.is_wrong(part):
                row.tell(part, f"「{self.label(part)}」必须填写")
        if any(part not in row.said for part in parts):
            return None
        return cells.folded(row.said["place"]), cells.folded(row.said["name"]), row.said["as_of"]

    def find(self, rows: Sequence[Row]) -> dict[Hashable, Any]:
        found = self.locked(ReportedFigure.objects.filter(as_of__in={row.key[2] for row in rows}))
        return {(cells.folded(one.place), cells.folded(one.name), one.as_of): one for one in found}

    def inside(self, row: Row) -> bool:
        return may_keep(self.by)


TARGET = RowTarget(FIGURES, "reports.import_reportedfigure", "reports.reported_figure.import", FigureReading)


class FigureFilter(django_filters.FilterSet):
    q = TextFilter(label="地区、指标或出处", method="search")
    compared = django_filters.ChoiceFilter(
        label="对应的系统指标", choices=[("yes", "有"), ("no", "没有")], empty_label="全部", method="by_metric"
    )

    class Meta:
        model = ReportedFigure
        fields = ()

    def search(self, queryset, name: str, value: str):
        text = value.strip()
        return queryset.filter(Q(place__contains=text) | Q(name__contains=text) | Q(source__contains=text))

    def by_metric(self, queryset, name: str, value: str):
        return queryset.exclude(metric="") if value == "yes" else queryset.filter(metric="")


LISTING = Listing(
    table=FIGURES,
    model=ReportedFigure,
    filter_class=FigureFilter,
    address="reports:reported",
    view="reports.view_reportedfigure",
    export="reports.export_reportedfigure",
    unit="条",
    empty_reason="没有符合条件的公布数据。请放宽筛选；新的由市级登记人员录入或导入。",
)
