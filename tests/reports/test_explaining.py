"""B = A + in − out: any two numbers are explained, and nothing is left over where nothing was lost."""

import pytest

from reports import metrics, selectors
from reports.explaining import Side, explain, rows_of
from tests.reports.random_days import Days, units

pytestmark = pytest.mark.django_db
GROUPS = ("businesses", "markets", "organizations")


def number(side: Side) -> int | None:
    found = selectors.latest(side.unit, side.on)
    if found is None or found.as_of != side.on:
        return None
    return found.counts.get(metrics.count_key(side.code, side.denominator, side.range))


def a_unit(days: Days):
    return days.made.pick(*units(), *[unit for unit in units() if unit.level < 3] * 4)


def sides(days: Days, key: str) -> tuple[Side, Side]:
    """Two of one metric: other days, other units or another 口径."""
    pick = days.made.pick
    code, denominator, range = metrics.parse_key(key)
    a = Side(a_unit(days), code, denominator, range, pick(*days.on[1:]))
    metric = metrics.METRICS[code]
    other = pick("day", "day", "unit", "basis")
    if other == "day":
        return a, Side(a.unit, code, denominator, range, pick(*days.on[1:]))
    if other == "unit":
        return a, Side(a_unit(days), code, denominator, range, a.on)
    below = pick(*(metric.denominators or (denominator,)))
    return a, Side(a.unit, code, below, pick(*metric.ranges), a.on)


@pytest.mark.parametrize("seed", [201, 202])
def test_random_pairs_are_explained_to_the_last_row(seed):
    days = Days(seed)
    keys = [
        key for key in metrics.all_keys()
        if (metric := metrics.METRICS[metrics.parse_key(key)[0]]).group in GROUPS and metric.kind == metrics.COUNT
        and not metric.sum_of
    ]  # fmt: skip
    seen, reasons = 0, set()
    for _ in range(220):
        a, b = sides(days, days.made.pick(*keys))
        if (number_a := number(a)) is None or (number_b := number(b)) is None:
            continue
        found = explain(a, b, number_a, number_b)
        assert found.adds_up, (a, b)
        assert (found.lost_a, found.lost_b) == (0, 0), (a, b, found)
        for reason in found.reasons:
            assert rows_of(a, b, reason.only).count() == reason.count, (a, b, reason)
            reasons.add(reason.key.partition(":")[0])
        seen += bool(found.reasons)
    assert seen > 25
    assert {"place", "cover", "inside"} <= reasons
