"""A past day's list is as long as the snapshot of that day said, whatever was changed since."""

from datetime import timedelta

import pytest
from django.utils import timezone

from markets.services import business_save
from orgs.models import Organization
from orgs.services import organization_merge
from reports import metrics, rows, selectors
from tests import factories as make
from tests.reports import builders as build
from tests.reports.helpers import LONG_AGO, refresh
from tests.reports.random_days import Days, day_of_work, units

pytestmark = pytest.mark.django_db
GROUPS = ("businesses", "markets", "organizations")


def keys_of(unit) -> list[str]:
    found = []
    for key in metrics.all_keys():
        code, denominator, range = metrics.parse_key(key)
        metric = metrics.METRICS[code]
        if metric.kind == metrics.COUNT and metric.group in GROUPS and not metric.sum_of:
            found.append(key)
    return found


def test_lists_of_past_days_equal_their_snapshots_after_random_changes():
    days = Days(101)
    checked, wrong = 0, []
    for on in days.on[1:-1]:
        for unit in days.made.random.sample(units(), 6):
            numbers = selectors.latest(unit, on)
            if numbers is None or numbers.as_of != on:
                continue
            for key in keys_of(unit):
                if key not in numbers.counts:
                    continue
                code, denominator, range = metrics.parse_key(key)
                found = rows.all_rows(code, unit, denominator=denominator, range=range, as_of=on).count()
                checked += bool(numbers.counts[key])
                if found != numbers.counts[key]:
                    wrong.append((on, unit, key, found, numbers.counts[key]))
    assert wrong == [], wrong[:40]
    assert checked > 150


@pytest.fixture
def city(db):
    city = make.make_city()
    Organization.objects.update(entered_at=LONG_AGO)
    return city


def days_back(number: int):
    return timezone.localdate() - timedelta(days=number)


def test_a_merged_guidance_station_keeps_its_past(city):
    for number in range(3):
        build.business(city.yuehai if number else city.lianhua, entered_at=LONG_AGO)
    refresh(days_back(2))
    with day_of_work(days_back(1)):
        organization_merge(source=city.lianhua, target=city.yuehai, by=None, on=days_back(1))
    refresh()
    for unit, then, now in ((city.yuehai, 2, 3), (city.lianhua, 1, 0), (city.futian, 1, 0), (city.nanshan, 2, 3)):
        assert rows.all_rows("operating", unit, as_of=days_back(2)).count() == then, unit
        assert rows.all_rows("operating", unit).count() == now, unit
        assert selectors.latest(unit, days_back(2)).counts["operating"] == then


def test_yesterdays_numbers_stay_after_a_business_moves(city):
    row = build.business(city.yuehai, full=3, employees=20, entered_at=LONG_AGO)
    row.declarations.update(entered_at=LONG_AGO)
    refresh(days_back(1))
    before = {unit: selectors.latest(unit, days_back(1)).counts for unit in (city.nanshan, city.futian, city.city)}
    for name, value in make.placed(city.lianhua).items():
        setattr(row, name, value)
    business_save(business=row, by=None)
    refresh()
    for unit, counts in before.items():
        assert selectors.latest(unit, days_back(1)).counts == counts
    assert list(rows.all_rows("due_not_built", city.yuehai, as_of=days_back(1))) == [row]
    assert not rows.all_rows("due_not_built", city.yuehai).exists()
