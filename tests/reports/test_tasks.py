"""Who is refreshed after which act."""

import pytest
from django.core.cache import cache

from accounts import audit
from accounts.seals import seal
from config.celery import app
from reports import selectors, tasks
from tables.register import tell_applied
from tests import factories as make
from tests.reports import builders as build
from tests.reports.helpers import refresh

pytestmark = pytest.mark.django_db


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


def test_the_nightly_refresh_goes_to_the_long_queue():
    assert app.conf.task_routes["reports.refresh_coverage"] == {"queue": "long"}
    assert "reports.refresh_coverage" in {entry["task"] for entry in app.conf.beat_schedule.values()}
