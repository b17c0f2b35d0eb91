"""Who is refreshed after which act."""

import time
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import OperationalError, transaction
from django.utils import timezone

from accounts import audit
from accounts.seals import seal
from config.celery import app
from markets.models import BusinessCoverage, MarketCoverage
from markets.services import business_save, coverage_link
from members.services.people import member_edit
from orgs.services import organization_close, organization_move
from reports import selectors, tasks, withheld
from reports.models import Snapshot
from reports.services import coverage_refresh
from tables.register import tell_applied
from tables.statements import BULK, in_bulk, run
from tests import factories as make
from tests.reports import builders as build
from tests.reports.helpers import refresh, today

pytestmark = pytest.mark.django_db
TODAY = timezone.localdate()


@pytest.fixture
def sent(monkeypatch):
    """What is handed to the broker; nothing of ours is replaced."""
    found = []

    def send(self, name, args=None, kwargs=None, **options):
        found.append((name, kwargs or {}, options.get("countdown")))

    monkeypatch.setattr("celery.app.base.Celery.send_task", send)
    monkeypatch.setattr(
        "celery.app.task.Task.apply_async",
        lambda self, args=None, kwargs=None, **options: send(self, self.name, args, kwargs, **options),
    )
    cache.clear()
    yield found
    cache.clear()


@pytest.fixture
def city():
    city = make.make_city()
    seal()
    return city


def names(sent: list) -> list:
    return [(name, countdown) for name, _, countdown in sent]


def test_a_sealed_act_that_changed_something_queues_one_refresh(city, sent):
    refresh()
    for _ in range(3):
        make.make_branch(city.yuehai)
        audit.record("orgs.organization.create", by=None, units=[city.yuehai.pk])
        seal()
    assert names(sent) == [("reports.refresh_touched", 1)]


def test_acts_that_changed_nothing_queue_nothing(city, sent):
    refresh()
    audit.record("members.registration.verify", by=None, units=[city.yuehai.pk], succeeded=False)
    audit.record("members.member.list", by=None)
    seal()
    assert names(sent) == []


def test_an_applied_import_queues_one_too(city, sent):
    tell_applied("business", [city.yuehai.pk])
    assert names(sent) == [("reports.refresh_touched", 1)]


def test_what_is_too_much_is_left_to_the_workers_of_long_jobs(city, sent):
    refresh()
    with transaction.atomic():
        in_bulk()
        build.business(city.yuehai)
        run(f"SET LOCAL {BULK} = 'off'")
    tasks.refresh_touched()
    assert names(sent) == [("reports.refresh_coverage", None)]
    assert selectors.latest(city.yuehai).value("operating") == 0
    tasks.refresh_coverage()
    assert selectors.latest(city.yuehai).value("operating") == 1


def test_the_first_refresh_of_a_day_is_left_to_them_too(city, sent):
    refresh()
    with today(TODAY + timedelta(days=1)):
        build.business(city.yuehai)
        tasks.refresh_touched()
    assert names(sent) == [("reports.refresh_coverage", None)]


def test_the_task_counts_the_other_end_of_links_too(city):
    branch, row = make.make_branch(city.yuehai), build.business(city.lianhua)
    refresh()
    build.cover(branch, row)
    tasks.refresh_touched()
    assert selectors.latest(city.lianhua).value("covered") == 1
    assert selectors.latest(branch).value("covered") == 1
    assert selectors.latest(city.city).value("covered") == 1


def test_a_full_refresh_that_met_a_change_of_the_tree_is_done_once_more(city, monkeypatch):
    """A merge during the nightly one: could not serialize access due to concurrent update."""
    tried = []

    def refused_once(**asked):
        tried.append(asked)
        if len(tried) == 1:
            raise OperationalError("could not serialize access due to concurrent update")
        return coverage_refresh(**asked)

    monkeypatch.setattr("reports.services.coverage_refresh", refused_once)
    assert tasks.refresh_coverage.apply().successful() and len(tried) == 2
    assert selectors.latest(city.yuehai).value("operating") == 0


def test_what_is_withheld_is_ready_on_every_day_before_anybody_asks(city, sent, monkeypatch):
    """After an upgrade or an emptied cache within a minute; from then on each night's look lets it be kept anew."""
    refresh()
    worked_out = []
    work = withheld._hidden_in_tree
    monkeypatch.setattr(withheld, "_hidden_in_tree", lambda on: worked_out.append(on) or work(on))
    tasks.keep_withheld()
    tasks.keep_withheld()
    assert worked_out == [TODAY]
    cache.clear()
    monkeypatch.setattr(withheld, "KEPT_FOR", 1)
    tasks.keep_withheld()
    monkeypatch.setattr(withheld, "KEPT_FOR", 100)
    withheld.keep_ready()
    time.sleep(1.2)
    withheld.Withheld(TODAY).work_out()
    assert worked_out == [TODAY] * 2
    monkeypatch.setattr(withheld, "RULE", withheld.RULE + 1)
    tasks.keep_withheld()
    assert worked_out == [TODAY] * 3
    assert "reports.keep_withheld" in {entry["task"] for entry in app.conf.beat_schedule.values()}
    assert app.conf.task_routes["reports.keep_withheld"] == {"queue": "long"}


def count_what_was_touched(act) -> None:
    """An act, and the refresh that it queues."""
    act()
    tasks.refresh_touched()


def as_a_full_refresh(city) -> bool:
    """Whether a refresh of everything finds nothing that the partial one has missed."""
    rows = Snapshot.objects.filter(breakdown__in=("", "unassigned", "suggested"))
    name = ("organization", "division", "breakdown", "key")
    before = {row[:-1]: row[-1] for row in rows.values_list(*name, "counts")}
    refresh()
    return before == {row[:-1]: row[-1] for row in rows.values_list(*name, "counts")}


def test_a_business_assigned_to_a_guidance_station_leaves_the_waiting_line(city):
    row = build.business(city.nanshan)
    refresh()
    row.guidance_station = city.yuehai
    count_what_was_touched(lambda: business_save(business=row, by=None))
    assert selectors.unassigned(city.nanshan).value("operating") == 0
    assert as_a_full_refresh(city)


def test_an_organization_moved_directly_under_the_city_is_counted_there(city):
    branch = make.make_branch(city.yuehai)
    refresh()
    count_what_was_touched(lambda: organization_move(organization=branch, parent=city.city, by=None))
    assert selectors.unassigned(city.city).value("organizations") == 1
    assert as_a_full_refresh(city)


def test_a_district_branch_reaches_what_it_covers_elsewhere(city):
    branch, row = make.make_branch(city.nanshan), build.business(city.lianhua)
    build.cover(branch, row)
    refresh()
    count_what_was_touched(lambda: organization_close(organization=branch, on=timezone.localdate(), by=None))
    assert selectors.latest(city.lianhua).value("covered") == 0
    assert as_a_full_refresh(city)


def test_a_market_link_reaches_the_stalls_that_stand_elsewhere(city):
    market, branch = make.make_market(city.yuehai), make.make_branch(city.yuehai)
    build.business(city.lianhua, market=market)
    refresh()
    link = MarketCoverage(organization=branch, market=market, starts_on=timezone.localdate())
    count_what_was_touched(lambda: coverage_link(link=link, by=None))
    assert selectors.latest(city.lianhua).value("covered_market") == 1
    assert as_a_full_refresh(city)


def test_an_own_organization_takes_its_members_out_of_a_market_elsewhere(city):
    market = make.make_market(city.yuehai)
    row = build.business(city.lianhua, full=3, market=market)
    refresh()
    link = BusinessCoverage(organization=make.make_branch(city.lianhua), business=row, mode="own", starts_on=TODAY)
    count_what_was_touched(lambda: coverage_link(link=link, by=None))
    assert selectors.latest(city.yuehai).value("markets_due") == 0
    assert as_a_full_refresh(city)


def test_a_link_changed_to_another_business_leaves_the_first(city):
    first, second = build.business(city.lianhua), build.business(city.yuehai)
    link = build.cover(make.make_branch(city.yuehai), first)
    refresh()
    link.business = second
    count_what_was_touched(lambda: coverage_link(link=link, by=None))
    assert selectors.latest(city.lianhua).value("covered") == 0
    assert as_a_full_refresh(city)


def test_a_member_who_changes_the_workplace_leaves_the_first(city):
    first, second = build.business(city.lianhua), build.business(city.yuehai)
    member = make.make_member(workplace_business=first)
    make.make_affiliation(member, make.make_branch(city.yuehai))
    refresh()
    count_what_was_touched(lambda: member_edit(member=member, workplace_business=second, by=None))
    assert selectors.latest(city.lianhua).value("with_members") == 0
    assert as_a_full_refresh(city)


def test_the_nightly_refresh_goes_to_the_long_queue():
    assert app.conf.task_routes["reports.refresh_coverage"] == {"queue": "long"}
    assert "reports.refresh_coverage" in {entry["task"] for entry in app.conf.beat_schedule.values()}
