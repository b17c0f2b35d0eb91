import re
import uuid

import pytest
from django.core.cache import cache
from django.urls import reverse
from redis.exceptions import RedisError

from accounts.limits import LIMITS, Limit
from accounts.models import AuditEvent
from members.identity import receipt_code, receipt_index
from members.models import Receipt
from stations import services
from stations.models import CheckIn, FootfallTally, ServicePoint
from stations.posters import poster_make
from tests import factories as make
from tests.stations.conftest import make_person, values

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _clean_cache():
    cache.clear()


@pytest.fixture
def place(city):
    return make.make_service_point(city.yuehai, hours="8:00-22:00", facilities="饮水、充电")


@pytest.fixture
def url(place):
    return reverse("members:poster", args=[poster_make(place=place, by=None).code])


def code_sent(code: str) -> dict:
    return {"code": code, "purpose": "report", "nonce": str(uuid.uuid4())}


def test_page_shows_the_place_and_asks_nobody_who_they_are(client, url, place):
    text = client.get(url).content.decode()
    assert place.name in text and "8:00-22:00" in text and "饮水、充电" in text
    assert "是否党员" not in text and "您是党员" not in text


def test_poster_is_made_once(place):
    first = poster_make(place=place, by=None)
    assert poster_make(place=place, by=None) == first


def test_answer_is_the_same_whether_or_not_the_code_is_a_members(client, url, city, person, notice):
    without = make_person(city.yuehai, notice, consent=False)
    answers = [client.post(url, code_sent(code)) for code in (person.code, without.code, "2222-3333-4444", person.code)]
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    headers = [{name: text for name, text in answer.headers.items() if name != "Expires"} for answer in answers]
    assert headers == [headers[0]] * 4  # but for the clock's second in Expires
    assert "已收到" in answers[0].content.decode()
    row = CheckIn.objects.get()
    assert (row.member, row.channel, row.by) == (person.member, "scan", None)


def test_known_and_unknown_code_cost_the_same_queries(client, url, person, django_assert_num_queries):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    counts = []
    for code in (person.code, "2222-3333-4444"):
        with CaptureQueriesContext(connection) as queries:
            client.post(url, code_sent(code))
        counts.append([re.sub(r"\d+", "#", query["sql"])[:40] for query in queries])
    assert counts[0] == counts[1]


def test_refused_code_is_in_the_audit_without_the_code(client, url, place):
    client.post(url, code_sent("2222-3333-4444"))
    event = AuditEvent.objects.get(act="stations.check_in.add")
    assert not event.succeeded and event.subjects == [] and event.units == []
    assert "2222" not in str(event.detail)


@pytest.mark.parametrize("change", [{"code": ""}, {"code": "A" * 41}, {"purpose": "eat"}, {"nonce": "1"}])
def test_form_that_cannot_be_used_says_so(client, url, change):
    response = client.post(url, {**code_sent("2222"), **change})
    assert response.status_code == 400 and "还没有提交" in response.content.decode()


def test_anyone_adds_one_to_footfall(client, url):
    nonce = str(uuid.uuid4())
    for _ in range(2):
        assert client.post(url, {"kind": "charge", "nonce": nonce}).status_code == 200
    assert FootfallTally.objects.get().count == 1


def test_closed_place_takes_nothing(client, url, place, person):
    ServicePoint.objects.filter(pk=place.pk).update(closed_on="2026-01-01")
    text = client.post(url, code_sent(person.code)).content.decode()
    assert "已停用" in text and not CheckIn.objects.exists()


def test_too_many_forms_are_refused(client, url, monkeypatch):
    monkeypatch.setitem(LIMITS, "form_address", Limit(2, ""))
    statuses = [client.post(url, code_sent("2222")).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]


def make_receipt(registration, **more) -> str:
    token = uuid.uuid4()
    code = receipt_code(token)
    Receipt.objects.create(registration=registration, form_token=token, code_index=receipt_index(code), **more)
    return code


def test_member_sees_disputes_and_deletes_own_check_ins(client, place, person):
    row, _ = services.check_in(member=person.member, place=place, **values())
    code = make_receipt(person.registration)
    page = reverse("stations:own_check_ins", args=[code])
    assert page in client.get(reverse("members:receipt", args=[code])).content.decode()
    assert place.name in client.get(page).content.decode()
    assert "已记下" in client.post(page, {"check_in": row.pk, "act": "dispute"}, follow=True).content.decode()
    row.refresh_from_db()
    assert row.disputed_at is not None
    client.post(page, {"check_in": row.pk, "act": "delete"})
    assert not CheckIn.objects.exists()


def test_nobody_touches_anothers_check_in(client, city, place, person, notice):
    row, _ = services.check_in(member=person.member, place=place, **values())
    other = make_person(city.yuehai, notice, name="李四")
    page = reverse("stations:own_check_ins", args=[make_receipt(other.registration)])
    assert place.name not in client.get(page).content.decode()
    assert client.post(page, {"check_in": row.pk, "act": "delete"}).status_code == 404
    assert CheckIn.objects.exists()


def test_receipt_that_joined_shows_nothing_of_the_person(client, place, person):
    services.check_in(member=person.member, place=place, **values())
    page = reverse("stations:own_check_ins", args=[make_receipt(person.registration, is_joined=True)])
    assert place.name not in client.get(page).content.decode()


def test_unknown_receipt_is_404(client, db):
    assert client.get(reverse("stations:own_check_ins", args=["NOSUCHRECEIPT"])).status_code == 404


def test_poster_sheet_shows_the_qr(client, city, place, url):
    client.force_login(make.make_user("officer", city.yuehai))
    text = client.get(reverse("stations:poster", args=[place.pk])).content.decode()
    assert "data:image/svg+xml" in text and url in text


def test_a_guest_is_counted_while_redis_is_away(place, monkeypatch):
    """Taken from the inbox it would be laid aside for ever."""

    def away(*args, **kwargs):
        raise RedisError("away")

    monkeypatch.setattr(cache, "add", away)
    assert services.footfall_add(place=place, kind=FootfallTally.Kind.values[0], nonce=uuid.uuid4())
