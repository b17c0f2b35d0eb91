"""Numbers and 口径 in words: the same on tile, chart, table and list."""

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from math import floor
from urllib.parse import urlencode

from django.http import QueryDict
from django.urls import reverse
from django.utils.dateparse import parse_date

from orgs.models import Organization
from reports import metrics
from reports.selectors import UNASSIGNED, Numbers, Unit

UNKNOWN, SMALL = "—", "不显示"
OPENS_ON = "with_members"  # pages open on D4 and say so


@dataclass(frozen=True)
class Basis:
    """口径: a denominator, a range and a day. `as_of` None is the newest day that was computed.

    `against`: what changes are told against, the end of the month before or the year before; `closed`: the numbers as
    they were closed in place of the day's own.
    """

    denominator: str = OPENS_ON
    range: str = "all"
    as_of: date | None = None
    against: str = "month"
    closed: bool = False

    @property
    def label(self) -> str:
        text = f"{metrics.D_NUMBERS[self.denominator]} {metrics.DENOMINATORS[self.denominator]}"
        return text if self.range == "all" else f"{text} · {metrics.RANGES[self.range]}"

    def query(self, **more) -> str:
        """The 口径 as a query string; what the page opens on stays out of the address."""
        asked = {
            "denominator": self.denominator if self.denominator != OPENS_ON else None,
            "range": self.range if self.range != "all" else None,
            "as_of": self.as_of.isoformat() if self.as_of else None,
            "against": self.against if self.against != "month" else None,
            "closed": "1" if self.closed else None,
            **more,
        }
        text = urlencode({name: value for name, value in asked.items() if value})
        return f"?{text}" if text else ""

    def fitting(self, metric: metrics.Metric) -> "Basis":
        """This 口径 as far as the metric may be read in it; otherwise the metric's own (实体运营, all)."""
        denominator = self.denominator if self.denominator in metric.denominators else metrics.DEFAULT_DENOMINATOR
        return replace(self, denominator=denominator, range=self.range if self.range in metric.ranges else "all")


def basis_of(query: QueryDict) -> Basis:
    """The 口径 asked for; raises UnknownMetric with a sentence for the reader."""
    denominator, range = query.get("denominator") or OPENS_ON, query.get("range") or "all"
    if denominator not in metrics.DENOMINATORS or range not in metrics.RANGES:
        raise metrics.UnknownMetric("没有这种统计口径，请在页面上方重新选择。")
    against = "year" if query.get("against") == "year" else "month"
    return Basis(denominator, range, day_of(query.get("as_of", "")), against, query.get("closed") == "1")


def day_of(text: str) -> date | None:
    try:
        day = parse_date(text) if text else None
    except ValueError:
        day = None
    if text and day is None:
        raise metrics.UnknownMetric("日期写法应为 2026-11-22，请重新选择统计日期。")
    return day


def percent(share: Decimal | int) -> Decimal:
    """A share in percent as it is printed, to one place; halves go up, as in a spreadsheet and on a calculator."""
    exact = Fraction(getattr(share, "exact", share))
    return Decimal(floor(exact * 1000 + Fraction(1, 2))).scaleb(-1)


def figure(value: int | Decimal | None, kind: str, *, hidden: bool = False) -> str:
    """1,412 · 82.6% · — (unknown, nothing to divide by) · 不显示 (a small cell)."""
    if hidden:
        return SMALL
    if value is None:
        return UNKNOWN
    return f"{percent(value)}%" if kind == metrics.RATE else f"{value:,}"


def shown(numbers: Numbers | None, code: str, basis: Basis) -> str:
    """One metric of a unit in words, in the 口径 that fits it."""
    if numbers is None:
        return UNKNOWN
    metric = metrics.METRICS[code]
    fit = basis.fitting(metric)
    hidden = numbers.is_hidden(code, fit.denominator, fit.range)
    return figure(numbers.value(code, fit.denominator, fit.range), metric.kind, hidden=hidden)


def difference(now: int | Decimal, then: int | Decimal, kind: str) -> str:
    """+1.7 个百分点 · −34."""
    if kind == metrics.RATE:
        # as printed: the difference of the rounded shares, so that a reader can check it on the page
        return f"{percent(now) - percent(then):+} 个百分点".replace("-", "−")
    return f"{now - then:+,}".replace("-", "−")


def unit_page(unit: Unit, basis: Basis | None = None) -> str:
    name = "reports:organization" if isinstance(unit, Organization) else "reports:division"
    return reverse(name, args=[unit.code]) + (basis.query() if basis else "")


def unit_query(unit: Unit) -> dict[str, str]:
    return {"organization" if isinstance(unit, Organization) else "division": unit.code}


def rows_page(
    unit: Unit, code: str, basis: Basis, *, unassigned: bool = False, part: dict[str, str] | None = None
) -> str | None:
    """Where the rows behind a number are; a share leads to the rows of its numerator. `unassigned`: 直属/待分派;
    `part`: of a breakdown, as an address names it."""
    metric = metrics.METRICS[code]
    if metric.kind == metrics.COUNT and not metric.has_rows:
        return None
    fit = basis.fitting(metric)
    asked = {**unit_query(unit), "denominator": fit.denominator, "range": fit.range}
    if fit.as_of:
        asked["as_of"] = fit.as_of.isoformat()
    if unassigned:
        asked["part"] = UNASSIGNED
    asked |= part or {}
    return f"{reverse('reports:rows', args=[code])}?{urlencode(asked)}"


def brief_page(unit: Unit, as_of: date | None = None) -> str:
    """三件好、三件差 of a unit; it has one 口径 of its own."""
    kind = "organization" if isinstance(unit, Organization) else "division"
    return reverse(f"reports:brief_{kind}", args=[unit.code]) + Basis(as_of=as_of).query()


def compare_page(unit: Unit, basis: Basis) -> str:
    """All numbers of a unit beside last month's and last year's."""
    kind = "organization" if isinstance(unit, Organization) else "division"
    return reverse(f"reports:compare_{kind}", args=[unit.code]) + basis.query()


def siblings_page(unit: Unit, basis: Basis) -> str:
    """The units below the same one side by side."""
    kind = "organization" if isinstance(unit, Organization) else "division"
    return reverse(f"reports:siblings_{kind}", args=[unit.code]) + basis.query()


def explain_page(unit: Unit, code: str, basis: Basis, earlier: date, later: date) -> str:
    """Where two days of one number are explained row by row."""
    fit = basis.fitting(metrics.METRICS[code])
    asked = {**unit_query(unit), "denominator": fit.denominator, "range": fit.range}
    days = {"as_of": later.isoformat(), "than": earlier.isoformat()}
    return f"{reverse('reports:explain', args=[code])}?{urlencode({**asked, **days})}"


def day(on: date, beside: date | None = None) -> str:
    """10月31日; with its year where that is not the year of the day it stands beside."""
    plain = f"{on.month}月{on.day}日"
    return plain if beside is None or beside.year == on.year else f"{on.year}年{plain}"


def short(unit: Unit) -> str:
    """The name a chart has room for: a district committee by its district."""
    if not isinstance(unit, Organization):
        return unit.name
    name = unit.short_name or unit.name
    bare = name.removesuffix("小个专党委")
    return bare if len(bare) > 1 else name
