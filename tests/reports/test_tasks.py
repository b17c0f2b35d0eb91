"""Who is refreshed after which act."""

import pytest
from django.core.cache import cache
from django.utils import timezone

from accounts import audit
from accounts.models import AuditEvent
from accounts.seals import seal
from config.celery import app
from markets.models import BusinessCoverage, MarketCoverage
from markets.services import business_save, coverage_link
from members.services.people import member_edit
from orgs.services import organization_close, organization_move
from reports import selectors, tasks
from reports.models import Snapshot
from tables.register import tell_applied
from tests import factories as make
from tests.reports import builders as build
from tests.reports.helpers import refresh

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


def refreshed(sent: list) -> list:
    return [
        (kwargs["ids"], countdown) for name, kwargs, countdown in sent if name == "reports.refresh_guidance_stations"
    ]


def test_a_sealed_act_queues_its_guidance_station_once(city, sent):
    cache.clear()
    sent.clear()
    for _ in range(3):
        audit.record("members.registration.verify", by=None, units=[city.yuehai.pk, city.nanshan.pk, city.city.pk])
    seal()
    audit.record("members.registration.verify", by=None, units=[city.yuehai.pk, city.nanshan.pk])
    seal()
    assert refreshed(sent) == [([city.yuehai.pk], 1)]


def test_what_is_directly_under_a_district_or_the_city_is_its_own(city):
    assert selectors.holders_of([city.nanshan.pk]) == {city.nanshan.pk}
    assert selectors.holders_of([city.yuehai.pk, city.nanshan.pk, city.futian.pk]) == {city.yuehai.pk, city.futian.pk}
    assert selectors.holders_of([make.make_branch(city.city).pk]) == {city.city.pk}
    assert selectors.holders_of([]) == set()


def test_acts_of_imports_and_refused_acts_queue_nothing(city, sent):
    cache.clear()
    sent.clear()
    audit.record("tables.batch.apply", by=None, units=[city.yuehai.pk])
    audit.record("members.registration.verify", by=None, units=[city.yuehai.pk], succeeded=False)
    audit.record("members.member.list", by=None)
    seal()
    assert refreshed(sent) == []


def test_an_applied_import_refreshes_everything(city, sent):
    sent.clear()
    tell_applied("business", [city.yuehai.pk])
    assert [name for name, _, _ in sent] == ["reports.refresh_coverage"]


def test_many_touched_guidance_stations_are_one_full_refresh(sent):
    tasks.queue_refresh(range(1, tasks.MANY + 2))
    assert [name for name, _, _ in sent] == ["reports.refresh_coverage"]


def test_the_task_counts_the_other_end_of_links_too(city):
    branch, row = make.make_branch(city.yuehai), build.business(city.lianhua)
    refresh()
    build.cover(branch, row)
    tasks.refresh_guidance_stations(ids=[city.yuehai.pk])
    assert selectors.latest(city.lianhua).value("covered") == 1
    assert selectors.latest(branch).value("covered") == 1
    assert selectors.latest(city.city).value("covered") == 1


def count_what_was_touched(act) -> None:
    """What the sealer, its listener and the queued task do after an act."""
    seal()
    last = AuditEvent.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    act()
    events = AuditEvent.objects.filter(pk__gt=last)
    holders = {holder for event in events for holder in selectors.holders_of(event.units)}
    tasks.refresh_guidance_stations(ids=sorted(holders))


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
