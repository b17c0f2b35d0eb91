"""Refreshing one guidance station, one at a time, today only, and what is kept for how long."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from orgs.models import Organization
from reports import selectors, services
from reports.models import Snapshot
from tests import factories as make
from tests.reports import builders as build
from tests.reports.helpers import refresh, today
from tests.reports.random_city import RandomCity

KEPT = ("", "unassigned", "suggested")


def everything() -> dict:
    """All numbers of today, by unit."""
    rows = Snapshot.objects.filter(as_of=timezone.localdate(), breakdown__in=KEPT)
    return {(row.organization_id, row.division_id, row.breakdown): row.counts for row in rows}


def change_at_random(city: RandomCity, unit: Organization) -> None:
    """A day's work in one guidance station: everything stands there."""
    branch = make.make_branch(unit)
    city.branches = [branch, make.make_branch(branch)]
    city.unit = lambda: unit
    market = city.add_market()
    city.markets = [market]
    city.businesses = [city.add_business() for _ in range(8)]
    for _ in range(5):
        city.add_member()
    for _ in range(2):
        city.add_place()
    build.cover_market(branch, market) if not market.coverages.exists() else None


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["yuehai", "nanshan", "city"])
def test_one_holder_refreshed_equals_everything_refreshed(name):
    """Also for what stands directly under a district committee or the city."""
    city = RandomCity(40)
    refresh()
    before = everything()
    unit = city.city[name]
    city.place = lambda: make.placed(unit)
    change_at_random(city, unit)
    refresh(guidance_station=unit)
    by_part = everything()
    refresh()
    assert by_part == everything()
    assert by_part != before


@pytest.mark.django_db
def test_a_cell_that_became_empty_is_taken_off_its_units():
    city = make.make_city()
    row = build.business(city.yuehai)
    refresh()
    row.guidance_station, row.street = city.shahe, city.divisions["shahe"]
    row.save()
    refresh(touched=True)
    found = {unit: selectors.latest(city[unit]).value("operating") for unit in ("yuehai", "shahe", "nanshan")}
    assert found == {"yuehai": 0, "shahe": 1, "nanshan": 1}
    assert selectors.latest(city.divisions["yuehai"]).value("operating") == 0
    assert selectors.latest(city.divisions["shahe"]).value("operating") == 1


@pytest.mark.django_db
def test_the_first_refresh_of_a_day_counts_everything():
    city = make.make_city()
    build.business(city.lianhua)
    refresh(guidance_station=city.yuehai)
    assert selectors.latest(city.lianhua).value("operating") == 1


@pytest.mark.django_db
def test_a_past_day_is_never_recomputed():
    make.make_city()
    with pytest.raises(services.RefreshRefused):
        services.coverage_refresh(on=timezone.localdate() - timedelta(days=1))
    assert not Snapshot.objects.exists()


@pytest.mark.django_db
def test_days_are_kept_for_400_days_then_month_ends():
    city = make.make_city()
    now = timezone.localdate()
    old = (now - timedelta(days=460)).replace(day=10)
    last = old.replace(day=28)
    recent = now - timedelta(days=399)
    for day in (old, last, recent):
        Snapshot.objects.create(organization=city.city, as_of=day, counts={"operating": 7})
    refresh()
    kept = Snapshot.objects.filter(organization=city.city, breakdown="").values_list("as_of", flat=True)
    assert sorted(kept) == [last, recent, now]


@pytest.mark.django_db
def test_yesterdays_numbers_stay_when_today_is_counted():
    city = make.make_city()
    Organization.objects.change(entered_at=timezone.now() - timedelta(days=9))
    now = timezone.localdate()
    refresh(now - timedelta(days=1))
    build.business(city.yuehai)
    with today(now):
        refresh()
    assert [value for _, value in selectors.series(city.yuehai, "operating", 9)] == [0, 1]
    assert selectors.latest(city.yuehai, now - timedelta(days=1)).value("operating") == 0


@pytest.mark.django_db(transaction=True)
def test_refreshes_do_not_run_side_by_side_and_the_later_one_is_saved():
    """Eight workers ask at once while one refresh is under way: those who waited find the work done."""
    make.make_city()
    done = []

    def work():
        try:
            done.append(services.coverage_refresh())
        finally:
            connection.close()

    with connection.cursor() as cursor:  # stands for a refresh under way, begun before the others asked
        cursor.execute("SELECT pg_advisory_lock(%s)", [services.REFRESH_LOCK])
    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    with connection.cursor() as cursor:
        waiting = 0
        while waiting < 8:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
            waiting = cursor.fetchone()[0]
        assert not done
        cursor.execute("SELECT pg_advisory_unlock(%s)", [services.REFRESH_LOCK])
    for thread in threads:
        thread.join()
    assert sorted(one.skipped for one in done) == [False] + [True] * 7


@pytest.mark.django_db(transaction=True)
def test_the_lock_of_a_lost_worker_is_freed():
    make.make_city()

    def die():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [services.REFRESH_LOCK])
        connection.close()

    thread = threading.Thread(target=die)
    thread.start()
    thread.join()
    assert not services.coverage_refresh().skipped


@pytest.mark.django_db(transaction=True)
def test_a_refresh_that_fails_leaves_the_old_numbers_and_the_lock_free(monkeypatch):
    city = make.make_city()
    services.coverage_refresh()
    build.business(city.yuehai)
    monkeypatch.setattr("reports.snapshots.DAILY_FOR", "not a number")
    with pytest.raises(TypeError):
        services.coverage_refresh()
    monkeypatch.undo()
    assert selectors.latest(city.yuehai).value("operating") == 0
    assert not services.coverage_refresh().skipped
    assert selectors.latest(city.yuehai).value("operating") == 1
