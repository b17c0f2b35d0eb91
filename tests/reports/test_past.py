"""A past day's list is as long as the snapshot of that day said, whatever was changed since."""

import json
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from markets.models import Declaration
from markets.services import business_save
from orgs.kinds import Level
from orgs.models import Organization, OrganizationChange
from orgs.services import organization_close, organization_merge, organization_move
from reports import metrics, past, rows, selectors, withheld
from reports.sql.parts import Day
from reports.withheld import Withheld
from tests import factories as make
from tests.reports import builders as build
from tests.reports.conftest import BACKEND
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


def adds_up(unit, on, codes=("operating", "organizations", "covered", "markets")) -> bool:
    parts = [*selectors.children(unit, on), selectors.unassigned(unit, on)]
    own = selectors.latest(unit, on)
    return all(sum(part.value(code) for part in parts) == own.value(code) for code in codes)


def test_the_units_below_add_up_on_every_past_day_after_random_changes():
    days = Days(102, acts=20)
    assert OrganizationChange.objects.filter(event="move", organization__level=Level.GUIDANCE_STATION).exists()
    above = [unit for unit in units() if unit.level in (Level.CITY, Level.DISTRICT)]
    assert [(unit, on) for on in days.on for unit in above if not adds_up(unit, on)] == []


@pytest.fixture
def city(db):
    city = make.make_city()
    Organization.objects.change(entered_at=LONG_AGO)
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


@pytest.mark.parametrize("touched", [True, False])
def test_what_closed_today_counts_in_no_table_of_today_any_more(city, touched):
    for unit in (city.yuehai, city.lianhua):
        build.business(unit, entered_at=LONG_AGO)
    branch = make.make_branch(city.yuehai)
    refresh()
    assert branch in {line.unit for line in selectors.children(city.yuehai)}
    organization_merge(source=city.lianhua, target=city.yuehai, by=None, on=days_back(0))
    organization_close(organization=branch, by=None, on=days_back(0))
    refresh(touched=touched)
    assert all(adds_up(unit, None) for unit in (city.city, city.nanshan, city.futian))
    assert {line.unit for line in selectors.children(city.futian)} == {city.huafu}
    assert selectors.children(city.yuehai) == [] and selectors.latest(city.lianhua) is None


def test_organizations_that_came_since_are_not_read_to_undo_them(city):
    """Thousands in a first year, for each of the days of a line."""
    for event in OrganizationChange.Event:
        OrganizationChange.objects.create(organization=city.yuehai, event=event, on=days_back(0))
    assert {event for _, event, _ in past._changes(Day(days_back(2)))} == {"close", "edit", "move"}


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


def test_a_guidance_station_that_moved_stands_on_a_past_day_where_it_hung(city, client):
    on, moved = days_back(2), city.yuehai
    for unit in (moved, city.shahe, city.lianhua):
        build.business(unit, full=3, employees=20, entered_at=LONG_AGO)
    branch = make.make_branch(moved, approved_on=LONG_AGO.date())
    Organization.objects.change(entered_at=LONG_AGO)
    Declaration.objects.update(entered_at=LONG_AGO)
    refresh(on)
    hidden, below = withheld._hidden_in_tree(on), Withheld(on).keys(branch)
    with day_of_work(days_back(1)):
        organization_move(organization=moved, parent=city.futian, by=None, on=days_back(1))
        organization_move(organization=branch, parent=city.shahe, by=None, on=days_back(1))
    refresh()

    def lines(unit, on=None) -> set:
        return {line.unit for line in selectors.children(unit, on)}

    assert lines(city.nanshan, on) == {moved, city.shahe} and lines(city.futian, on) == {city.lianhua, city.huafu}
    assert lines(city.nanshan) == {city.shahe} and lines(city.futian) == {moved, city.lianhua, city.huafu}
    assert lines(moved, on) == {branch} == lines(city.shahe)
    assert all(adds_up(unit, day) for unit in (city.nanshan, city.futian) for day in (on, None))
    assert withheld._hidden_in_tree(on) == hidden and Withheld(on).keys(branch) == below
    moved.refresh_from_db()
    assert selectors.parent_on(moved, on) == city.nanshan and selectors.parent_on(moved, days_back(0)) == city.futian

    client.force_login(make.make_user("leader", city.nanshan), backend=BACKEND)
    page = client.get(reverse("reports:organization", args=[city.nanshan.code]), {"as_of": on.isoformat()})
    rows_shown = {row["name"]: row["url"] for row in page.context["table"]["rows"]}
    assert rows_shown["粤海指导站"] is None and rows_shown["沙河指导站"]  # out of sight now: told, not led to
    told = client.get(reverse("api:numbers"), {"metric": "operating", "below": "1", "as_of": on.isoformat()})
    codes = {line["unit_code"] for line in json.loads(told.getvalue())["results"]}
    assert codes == {city.nanshan.code, moved.code, city.shahe.code}
