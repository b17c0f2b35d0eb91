"""The engine against a recount by hand, for every unit and every metric, over cities made at random."""

from datetime import timedelta

import pytest
from django.db import transaction

from orgs.models import Division, Organization
from reports import breakdowns, metrics, rows, selectors, splitting
from reports.tally import COUNT_KEYS, GRASSROOTS_KEYS
from tests import factories as make
from tests.reports import builders as build
from tests.reports.helpers import refresh
from tests.reports.random_city import RandomCity
from tests.reports.recount import Recount, inside_of

pytestmark = pytest.mark.django_db


def upper_units() -> list:
    return [*Organization.objects.filter(level__lte=3), *Division.objects.all()]


def differences(found: dict, expected: dict, keys: list[str]) -> dict:
    return {key: (found.get(key), expected[key]) for key in keys if found.get(key) != expected[key]}


@pytest.mark.parametrize("seed", range(3))
def test_every_number_of_every_unit_equals_a_recount(seed):
    RandomCity(seed)
    refresh()
    recount = Recount()
    for unit in upper_units():
        found = selectors.latest(unit).counts
        assert differences(found, recount.unit(inside_of(unit)), COUNT_KEYS) == {}, unit
        if unit.level < 3:
            found = selectors.unassigned(unit).counts
            assert differences(found, recount.unit(inside_of(unit, unassigned=True)), COUNT_KEYS) == {}, unit
    for unit in Organization.objects.grassroots():
        if unit.pk in recount.organizations:
            found = selectors.latest(unit).counts
            assert differences(found, recount.grassroots(unit), GRASSROOTS_KEYS) == {}, unit
        else:
            assert selectors.latest(unit) is None


@pytest.mark.parametrize("seed", range(3))
def test_every_part_of_every_unit_equals_a_recount_and_parts_add_up_to_the_unit(seed):
    RandomCity(seed)
    refresh()
    recount = Recount()
    for unit in upper_units():
        own, expected = selectors.latest(unit), recount.parts(inside_of(unit))
        for dimension in breakdowns.DIMENSIONS:
            if dimension == "street" and isinstance(unit, Division):
                continue
            found = splitting.parts(own, dimension)
            filled = {(dimension, part.value): part.numbers.counts for part in found}
            every = {part: counts for part, counts in expected.items() if part[0] == dimension and any(counts.values())}
            assert filled.keys() == every.keys(), (unit, dimension)
            keys = [key for key in broken_down() if key in own.counts]
            for part, counts in every.items():
                assert differences(filled[part], counts, keys) == {}, (unit, part)
            sums = {key: sum(counts[key] for counts in filled.values()) for key in keys}
            assert differences(own.counts, sums, keys) == {}, (unit, dimension)


def broken_down() -> list[str]:
    return [key for key in COUNT_KEYS if key.partition("#")[0].partition("@")[0] in breakdowns.CODES]


@pytest.mark.parametrize("seed", [10, 11])
def test_children_and_the_unassigned_line_add_up_to_the_parent(seed):
    RandomCity(seed)
    refresh()
    additive = [
        key for key in metrics.all_keys()
        if (metric := metrics.METRICS[metrics.parse_key(key)[0]]).kind == metrics.COUNT and metric.additive
    ]  # fmt: skip
    seen = 0
    for unit in [*Organization.objects.filter(level__lte=2), *Division.objects.filter(level__lte=2)]:
        own, parts = selectors.latest(unit), [*selectors.children(unit), selectors.unassigned(unit)]
        for key in additive:
            assert own.counts[key] == sum(part.counts[key] for part in parts), (unit, key)
            seen += own.counts[key] > 0
    assert seen > 200


def test_every_list_has_as_many_rows_as_its_tile_says():
    """Over three cities: in one alone some metric counts nothing anywhere."""
    shown = set()
    for seed in (21, 22, 23):
        with transaction.atomic():
            shown |= _lists_as_long_as_tiles(RandomCity(seed, businesses=60))
            transaction.set_rollback(True)
    counts = {code for code, metric in metrics.METRICS.items() if metric.kind == metrics.COUNT}
    assert counts - shown == set()


def _add_what_chance_leaves_out(made: RandomCity) -> None:
    today = made.today
    wide = make.make_branch(
        made.city.yuehai, kind="joint_branch", term_ends_on=today - timedelta(days=5), extension_document="批复",
        extended_until=today + timedelta(days=20),
    )  # fmt: skip
    for row in made.businesses[:6]:
        build.cover(wide, row, "joint")
    build.own_branch(made.city.yuehai, build.business(made.city.yuehai, full=3))
    build.business(made.city.yuehai, full=3, market=make.make_market(made.city.yuehai))
    make.make_service_point(made.city.yuehai, kind="counter")


def _lists_as_long_as_tiles(made: RandomCity) -> set[str]:
    """Compares every number of some units with its list; which metrics counted anything."""
    _add_what_chance_leaves_out(made)
    refresh()
    units = [made.city.city, made.city.yuehai, made.city.divisions["nanshan"], *made.branches[:4]]
    shown = set()
    for unit in units:
        numbers = selectors.latest(unit)
        if numbers is None:
            continue
        for key in metrics.all_keys():
            code, denominator, range = metrics.parse_key(key)
            if key not in numbers.counts:
                continue
            found = rows.all_rows(code, unit, denominator=denominator, range=range)
            assert rows.total(code, found) == numbers.counts[key], (unit, key)
            if numbers.counts[key]:
                shown.add(code)
    return shown


def test_the_unassigned_line_has_its_rows_too():
    RandomCity(30)
    refresh()
    for unit in [*Organization.objects.filter(level__lte=2), *Division.objects.filter(level__lte=2)]:
        numbers = selectors.unassigned(unit)
        for code in ("operating", "covered", "organizations", "members_distinct", "registrations", "markets"):
            assert rows.all_rows(code, unit, unassigned=True).count() == numbers.counts[code], (unit, code)
