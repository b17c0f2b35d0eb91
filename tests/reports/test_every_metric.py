"""One number everywhere, for every metric in every 口径 there is: a metric that joins the registry joins these tests."""

import pytest
from django.http import QueryDict

from reports import metrics, rows, selectors, tidy, words
from reports.behind import EXPORT_PERMISSION, RowsBehind, behind, can_be_taken
from reports.releases import is_responsible
from reports.tidy_asked import asked_of, query_of
from reports.words import Basis
from tests import factories as make
from tests.reports.helpers import refresh
from tests.reports.random_city import RandomCity

pytestmark = pytest.mark.django_db
KEYS = metrics.all_keys()
READERS = {
    "city_leader": ("leader", lambda city: city.city, lambda city: (city.city, city.divisions["city"])),
    "district_registrar": ("registrar", lambda city: city.nanshan, lambda city: (city.nanshan, city.shahe)),
    "division_leader": (
        "leader", lambda city: city.divisions["nanshan"], lambda city: (city.divisions["nanshan"], city.divisions["yuehai"])
    ),
    "officer": ("officer", lambda city: city.yuehai, lambda city: (city.yuehai,)),
}  # fmt: skip


def number_of_rows(metric: metrics.Metric, found) -> int:
    return rows.total(metric.code, found) if metric.kind == metrics.COUNT else found.count()


def above(metric: metrics.Metric, numbers, basis: Basis) -> int | None:
    """What the rows of a number add up to: of a share its numerator."""
    if metric.kind == metrics.COUNT:
        return numbers.value(metric.code, basis.denominator, basis.range)
    inside = metrics.DEFAULT_DENOMINATOR if metric.denominator else basis.denominator
    parts = [numbers.value(part, inside, basis.range) for part in metric.numerator.split("+")]
    return None if None in parts else sum(parts)


@pytest.mark.parametrize("reader", READERS)
def test_tile_list_export_and_api_say_the_same_for_every_metric(reader):
    made = RandomCity(21, businesses=100)
    refresh()
    role, posted, units = READERS[reader]
    user = make.make_user(role, posted(made.city), username=reader)
    compared = 0
    for unit in units(made.city):
        tile = selectors.for_reader(user, unit).own
        told = {
            (line.metric.code, line.denominator, line.range): line.value
            for line in tidy.lines(user, asked_of(QueryDict(query_of([unit], ["all"])), user))
        }
        for key in KEYS:
            code, denominator, range = metrics.parse_key(key)
            metric, basis = metrics.METRICS[code], Basis(denominator, range)
            assert told[(code, denominator, range)] == tile.value(code, denominator, range), (unit, key)
            if (expected := above(metric, tile, basis)) is None:
                continue
            if tile.value(code, denominator, range) is None and metric.kind == metrics.RATE:
                continue  # nothing to divide by
            try:
                found = behind(metric, unit, basis, user)
            except rows.RowsNotOpen:
                closed = metric.source == "instructors" and reader == "division_leader"  # people of the guidance line
                assert closed or is_personal(metric, denominator) and not is_responsible(user, unit), (unit, key)
                continue
            assert number_of_rows(metric, found) == expected, (unit, key)
            compared += expected > 0
            if expected and can_be_taken(metric) and user.has_perm(EXPORT_PERMISSION):
                query = QueryDict(mutable=True)
                query.update(words.unit_query(unit) | {"denominator": denominator, "range": range})
                assert number_of_rows(metric, RowsBehind(metric).to_export(query, user)) == expected, (unit, key)
    assert compared > 60


def is_personal(metric: metrics.Metric, denominator: str) -> bool:
    parts = metric.numerator.split("+") if metric.kind == metrics.RATE else [metric.code]
    return any(metrics.is_personal(part, denominator) for part in parts)


def test_every_entry_of_the_registry_is_whole():
    for metric in metrics.METRICS.values():
        assert metric.definition.endswith("。") and metric.group in metrics.GROUPS and metric.unit, metric.code
        assert set(metric.denominators) <= set(metrics.DENOMINATORS) and set(metric.ranges) <= set(metrics.RANGES)
        parts = [*metric.numerator.split("+"), metric.denominator] if metric.kind == metrics.RATE else []
        assert metric.kind == metrics.RATE or metric.source, metric.code
        assert {part for part in parts if part} <= metrics.METRICS.keys(), metric.code
    names = [metric.name for metric in metrics.METRICS.values()]
    assert len(names) == len(set(names))
