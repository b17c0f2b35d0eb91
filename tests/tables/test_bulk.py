"""Acts on many rows: what is asked, what the job does and leaves, what it refuses."""

from datetime import timedelta

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEvent
from jobs.models import Job
from jobs.runner import job_run
from jobs.services import KINDS, job_cancel
from markets.models import Business, BusinessVersion, IndustryArea
from tables import bulk
from tables.listing import listing
from tests import factories

pytestmark = pytest.mark.django_db
LIST = reverse("markets:business_list")
BULK = reverse("lists:bulk", args=["business"])


@pytest.fixture
def city(db):
    return factories.make_city()


@pytest.fixture
def registrar(client, city):
    user = factories.make_user("registrar", city.nanshan)
    client.force_login(user)
    return user


def send(client, act: str, query: str = "", rows=(), **more) -> Job | None:
    """Through both pages as a browser without scripts would; the job that was queued."""
    asked = {"act": act, "query": query, "row": [row.pk for row in rows]} if rows else {
        "act": act, "query": query, "all": "on"
    }  # fmt: skip
    page = client.get(BULK, asked)
    assert page.status_code == 200, page
    answer = client.post(BULK, asked | {"newest": page.context["chosen"].newest} | more)
    return Job.objects.latest("pk") if answer.status_code == 302 else None


def done(job: Job) -> dict:
    job_run(job_id=job.pk)
    job.refresh_from_db()
    assert job.state == Job.State.DONE, (job.message, job.error)
    return job.result


def waiting(city, **more) -> Business:
    return factories.make_business(city.nanshan, **more)


def test_waiting_businesses_are_assigned_with_versions_and_one_event(client, city, registrar):
    rows = [waiting(city) for _ in range(5)]
    far = factories.make_business(city.futian)
    job = send(client, "assign", "unassigned=on", guidance_station=city.yuehai.pk)
    assert not AuditEvent.objects.filter(act="markets.business.bulk_assign").exists()
    result = done(job)
    assert (result["changed"], result["unchanged"], result["skipped"]) == (5, 0, [])
    for row in rows:
        row.refresh_from_db()
        assert (row.guidance_station, row.district_committee) == (city.yuehai, city.nanshan)
        assert (row.district, row.street) == (city.divisions["nanshan"], city.divisions["yuehai"])
        assert row.provenance == {"place": "manual"}
        assert row.versions.get().values == {"guidance_station_id": None, "street_id": None}
    far.refresh_from_db()
    assert far.guidance_station_id is None
    event = AuditEvent.objects.get(act="markets.business.bulk_assign")
    assert event.detail["changed"] == 5 and set(event.units) == {city.nanshan.pk, city.yuehai.pk}


def test_the_page_says_exactly_how_many_and_changes_nothing(client, city, registrar):
    rows = [waiting(city) for _ in range(3)]
    factories.make_business(city.futian)
    page = client.get(BULK, {"act": "key", "query": "unassigned=on", "all": "on"})
    assert "对符合条件的全部 3 户标记重点企业" in page.content.decode()
    page = client.get(BULK, {"act": "key", "query": "", "row": [row.pk for row in rows[:2]]})
    assert "对选中的 2 户" in page.content.decode()
    assert not Job.objects.exists() and not Business.objects.filter(is_key=True).exists()


def test_nothing_chosen_or_an_unknown_act_leads_back(client, city, registrar):
    for asked in ({"act": "key", "query": "q=1"}, {"act": "nosuch", "all": "on"}, {"act": "key", "row": "x"}):
        answer = client.get(BULK, asked)
        assert answer.status_code == 302 and answer["Location"].startswith(LIST)
        assert "请先勾选" in " ".join(str(message) for message in get_messages(answer.wsgi_request))
    assert client.post(BULK, {"act": "nosuch", "all": "on"}).status_code == 404
    unreadable = client.get(BULK, {"act": "key", "all": "on", "query": "statee=1"})
    assert unreadable.status_code == 404 and "不认识的筛选条件：statee" in unreadable.content.decode()


def test_rows_that_come_later_stay_out(client, city, registrar):
    early = waiting(city)
    job = send(client, "key", "unassigned=on", is_key="on")
    late = waiting(city)
    assert done(job)["changed"] == 1
    early.refresh_from_db(), late.refresh_from_db()
    assert early.is_key and not late.is_key


def test_ticked_rows_outside_the_scope_are_left_and_said(client, city, registrar):
    near, far = waiting(city), factories.make_business(city.futian)
    result = done(send(client, "key", rows=[near, far], is_key="on"))
    far.refresh_from_db()
    assert result["changed"] == 1 and not far.is_key
    assert result["skipped"] == [{"reason": bulk.NO_LONGER, "count": 1, "ids": [far.pk]}]
    page = client.get(reverse("lists:bulk_result", args=[Job.objects.latest("pk").pk])).content.decode()
    assert "1 条跳过" in page and far.name not in page


def test_again_changes_nothing(client, city, registrar):
    waiting(city)
    done(send(client, "key", is_key="on"))
    versions = BusinessVersion.objects.count()
    result = done(send(client, "key", is_key="on"))
    assert (result["changed"], result["unchanged"]) == (0, 1) and BusinessVersion.objects.count() == versions


def test_a_version_begins_where_the_one_before_it_ended(client, city, registrar):
    rows = [waiting(city), waiting(city)]
    for unit in (city.yuehai, city.shahe, city.yuehai):
        done(send(client, "assign", rows=rows, guidance_station=unit.pk))
    for row in rows:
        first, second, third = row.versions.order_by("pk")
        assert first.valid_from == row.entered_at
        assert (second.valid_from, third.valid_from) == (first.valid_to, second.valid_to)


def test_what_does_not_fit_is_skipped_with_its_reason(client, city, registrar):
    area = IndustryArea.objects.create(code="A1", name="餐饮片区", **factories.placed(city.yuehai))
    inside, outside = factories.make_business(city.yuehai), factories.make_business(city.shahe)
    result = done(send(client, "industry_area", industry_area=area.pk))
    inside.refresh_from_db(), outside.refresh_from_db()
    assert inside.industry_area == area and outside.industry_area is None
    assert [(each["reason"], each["ids"]) for each in result["skipped"]] == [("不在这个片区所属的指导站", [outside.pk])]
    gone = factories.make_business(city.yuehai, status="revoked")
    result = done(send(client, "not_operating", rows=[inside, gone], reason="shell"))
    inside.refresh_from_db()
    assert not inside.is_operating and result["skipped"][0]["ids"] == [gone.pk]
    done(send(client, "not_operating", rows=[inside], reason="operating"))
    inside.refresh_from_db()
    assert inside.is_operating
    page = client.get(reverse("lists:bulk_result", args=[Job.objects.latest("pk").pk]))
    assert page.status_code == 200


def test_a_business_of_another_district_is_not_drawn_over(client, city):
    client.force_login(factories.make_user("registrar", city.city))
    row = factories.make_business(city.futian)
    result = done(send(client, "assign", rows=[row], guidance_station=city.yuehai.pk))
    row.refresh_from_db()
    assert row.guidance_station is None and result["skipped"][0]["ids"] == [row.pk]


def test_a_guidance_station_outside_the_scope_is_refused(client, city, registrar):
    row = waiting(city)
    assert send(client, "assign", rows=[row], guidance_station=city.lianhua.pk) is None
    assert not Job.objects.exists()


@pytest.mark.parametrize("lost", ["posting", "unit"])
def test_rights_lost_meanwhile_stop_it_truthfully(client, city, registrar, lost):
    row = waiting(city)
    job = send(client, "assign", rows=[row], guidance_station=city.yuehai.pk)
    posting = registrar.postings.get()
    if lost == "posting":
        posting.ends_on = "2020-01-02"
        posting.starts_on = "2020-01-01"
    else:
        posting.organization = city.futian
    posting.save()
    job_run(job_id=job.pk)
    job.refresh_from_db()
    row.refresh_from_db()
    assert job.state == Job.State.CANCELLED and "权限已收回" in job.message
    assert row.guidance_station is None and not AuditEvent.objects.filter(act__contains="bulk_").exists()


def test_cancelled_midway_nothing_has_happened(client, city, registrar, monkeypatch):
    rows = [waiting(city) for _ in range(6)]
    monkeypatch.setattr(bulk, "STEP", 2)
    job = send(client, "key", is_key="on")
    act = bulk.bulk_act("business", "key")
    steps = []

    def do(ids, data, by):
        steps.append(len(ids))
        if len(steps) == 2:
            job_cancel(job=job, by=registrar)
        return act.do(ids, data, by)

    monkeypatch.setitem(bulk._acts["business"], "key", bulk.BulkAct(**{**vars(act), "do": do}))
    job_run(job_id=job.pk)
    job.refresh_from_db()
    assert job.state == Job.State.CANCELLED and steps == [2, 2]
    assert not Business.objects.filter(pk__in=[row.pk for row in rows], is_key=True).exists()


def test_many_steps_reach_every_row_once(client, city, registrar, monkeypatch):
    rows = [waiting(city) for _ in range(7)]
    monkeypatch.setattr(bulk, "STEP", 3)
    result = done(send(client, "assign", "unassigned=on", guidance_station=city.yuehai.pk))
    assert result["changed"] == len(rows) and not Business.objects.filter(guidance_station=None).exists()


def test_who_may_not_change_is_not_offered_anything(client, city):
    waiting(city)
    client.force_login(factories.make_user("leader", city.nanshan))
    assert client.get(LIST).context["bulk"] is None
    assert client.get(BULK, {"act": "key", "all": "on"}).status_code == 403
    assert client.post(BULK, {"act": "key", "all": "on", "is_key": "on"}).status_code == 403


def test_the_list_offers_ticks_that_work_without_scripts(client, city, registrar):
    row = waiting(city)
    text = client.get(LIST).content.decode()
    assert f'name="row" value="{row.pk}" form="bulk"' in text and "选中全部共 1 户" in text


def test_only_the_owner_sees_the_result(client, city, registrar):
    waiting(city)
    job = send(client, "key", is_key="on")
    assert client.get(reverse("lists:bulk_result", args=[job.pk])).status_code == 404  # not done yet
    done(job)
    assert client.get(job.result["url"]).status_code == 200
    client.force_login(factories.make_user("registrar", city.city))
    assert client.get(job.result["url"]).status_code == 404


def test_markets_are_assigned(client, city, registrar):
    market = factories.make_market(city.nanshan)
    address = reverse("lists:bulk", args=["market"])
    asked = {"act": "assign", "all": "on", "query": "", "guidance_station": city.yuehai.pk}
    assert client.post(address, asked).status_code == 302
    assert done(Job.objects.latest("pk"))["changed"] == 1
    market.refresh_from_db()
    assert market.guidance_station == city.yuehai


def test_an_unreadable_query_is_refused(city, registrar):
    chosen = bulk.Chosen("statee=1")
    with pytest.raises(ValueError, match="statee"):
        chosen.rows(listing("business"), registrar, "markets.change_business")
    assert QueryDict(chosen.query)


@pytest.mark.django_db(transaction=True)
def test_done_once_although_its_worker_dies_after_the_commit(client, city, registrar, monkeypatch):
    waiting(city)
    job = send(client, "key", is_key="on")
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setitem(
            KINDS, "tables.bulk", lambda *asked: bulk.run(*asked) and (_ for _ in ()).throw(KeyboardInterrupt)
        )
        job_run(job_id=job.pk)
    Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    assert done(job)["changed"] == 1  # as the first attempt did it, not as a second would find it
    assert AuditEvent.objects.filter(act="markets.business.bulk_key").count() == 1


def test_the_rows_are_looked_for_once_however_many_steps(client, city, registrar, monkeypatch):
    monkeypatch.setattr(bulk, "STEP", 2)
    for _ in range(7):
        waiting(city, name="示范商贸有限公司")
    job = send(client, "key", "q=商贸", is_key="on")
    with CaptureQueriesContext(connection) as asked:
        assert done(job)["changed"] == 7
    assert len([query for query in asked if "商贸" in query["sql"] and "示范" not in query["sql"]]) == 1
