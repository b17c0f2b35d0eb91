"""The registry of metrics: what each number means, of what it is made, and in which 口径 it may be read.

Dashboards, lists, exports, the API, tooltips and the page 统计口径 read this. How a count is computed stands in
reports/sql; which rows it counts, in reports/rows.py. A key in `Snapshot.counts` is `code[@denominator][#range]`: the
bare code is counted among operating businesses of every type.
"""

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from reports.metric_parts import (
    COUNT,
    D_NUMBERS,
    DEFAULT_DENOMINATOR,
    DENOMINATORS,
    FILLED,
    RANGES,
    RATE,
    Metric,
)
from reports.registry import (
    CHECK_IN_PURPOSES,
    FOOTFALL_KINDS,
    GROUPS,
    METRICS,
    REGISTRATION_STATES,
    TERM_REMINDERS,
)

__all__ = [
    "CHECK_IN_PURPOSES",
    "COUNT",
    "DEFAULT_DENOMINATOR",
    "DENOMINATORS",
    "D_NUMBERS",
    "FILLED",
    "FOOTFALL_KINDS",
    "GROUPS",
    "METRICS",
    "RANGES",
    "RATE",
    "REGISTRATION_STATES",
    "TERM_REMINDERS",
    "Metric",
]


class UnknownMetric(ValueError):
    """No such metric, or not in this 口径; the message is for the reader."""


class Share(Decimal):
    """A share to four places, as it is told, kept and compared. `exact` is that of the counts: what is printed with
    fewer places is rounded from it, for rounding twice gives 35.3 % where 779 of 2,210 are 35.2 %."""

    exact: Fraction

    @classmethod
    def of(cls, above: int, below: int) -> "Share":
        share = cls((Decimal(above) / Decimal(below)).quantize(Decimal("0.0001"), ROUND_HALF_UP))
        share.exact = Fraction(above, below)
        return share


def count_key(code: str, denominator: str = DEFAULT_DENOMINATOR, range: str = "all") -> str:
    """The key of a count in `Snapshot.counts`."""
    at = "" if denominator == DEFAULT_DENOMINATOR else f"@{denominator}"
    return f"{code}{at}{'' if range == 'all' else f'#{range}'}"


def check(code: str, denominator: str = DEFAULT_DENOMINATOR, range: str = "all") -> Metric:
    """The metric; raises UnknownMetric where it does not exist or not in this 口径."""
    metric = METRICS.get(code)
    if metric is None:
        raise UnknownMetric(f"没有指标「{code}」，可选指标见统计口径页。")
    if denominator != DEFAULT_DENOMINATOR and denominator not in metric.denominators:
        raise UnknownMetric(f"「{metric.name}」不能按「{DENOMINATORS.get(denominator, denominator)}」口径统计。")
    if range not in metric.ranges:
        raise UnknownMetric(f"「{metric.name}」不能按「{RANGES.get(range, range)}」范围统计。")
    return metric


def is_personal(code: str, denominator: str = DEFAULT_DENOMINATOR) -> bool:
    """Whether small cells of this number are hidden: persons, `with_members`, and whatever is counted inside it."""
    return METRICS[code].person or denominator == "with_members"


def _is_filled(counts: Mapping[str, int | None], denominator: str) -> bool:
    return denominator not in FILLED or bool(counts.get(FILLED[denominator]))


def count(
    counts: Mapping[str, int | None], code: str, denominator: str = DEFAULT_DENOMINATOR, range: str = "all"
) -> int | None:
    """One count; None where the unit has none, where it is hidden, or where its 口径 is filled on no row."""
    check(code, denominator, range)
    if not _is_filled(counts, denominator) or not _is_filled(counts, code):
        return None
    return counts.get(count_key(code, denominator, range))


def rate(
    counts: Mapping[str, int | None], code: str, denominator: str = DEFAULT_DENOMINATOR, range: str = "all"
) -> Share | None:
    """A share, to 4 places; None where there is nothing to divide by, or where a part of it is hidden."""
    metric = check(code, denominator, range)
    if metric.denominator:
        below = count(counts, metric.denominator, range=range)
        parts = [count(counts, part, range=range) for part in metric.numerator.split("+")]
    else:
        below = count(counts, denominator, range=range)
        parts = [count(counts, part, denominator, range) for part in metric.numerator.split("+")]
    if not below or None in parts:
        return None
    return Share.of(sum(part for part in parts if part is not None), below)


def value(
    counts: Mapping[str, int | None], code: str, denominator: str = DEFAULT_DENOMINATOR, range: str = "all"
) -> int | Decimal | None:
    """The value of any metric: a count, or a share between 0 and 1."""
    read = rate if check(code, denominator, range).kind == RATE else count
    return read(counts, code, denominator, range)


def parse_key(text: str) -> tuple[str, str, str]:
    """`metric[@denominator][#range]` into its three parts; raises UnknownMetric."""
    rest, _, range = text.partition("#")
    code, _, denominator = rest.partition("@")
    parts = (code, denominator or DEFAULT_DENOMINATOR, range or "all")
    check(*parts)
    return parts


def all_keys() -> list[str]:
    """Every metric in every 口径 it may be read in, as keys."""
    return [
        count_key(metric.code, denominator, range)
        for metric in METRICS.values()
        for denominator in metric.denominators or (DEFAULT_DENOMINATOR,)
        for range in metric.ranges
    ]
