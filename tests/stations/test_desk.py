import json
import uuid

import pytest
from django.urls import reverse

from accounts.models import AuditEvent
from stations import services
from stations.models import CheckIn, FootfallTally
from tests import factories as make
from tests.stations.conftest import make_person, values

pytestmark = pytest.mark.django_db
DESK, RECORD = "/check-in/", "/check-in/record/"


@pytest.fixture
def officer(city, client):
    user = make.make_user("officer", city.yuehai)
    client.force_login(user)
    return user


@pytest.fixture
def place(city):
    return services.counter_for(city.yuehai)


def sent(place, **more) -> dict:
    return {"place": place.pk, "purpose": "report", "nonce": str(uuid.uuid4()), **more}


def test_desk_opens_on_the_own_counter(client, officer, city):
    response = client.get(DESK)
    assert response.status_code == 200 and response.context["place"] == services.counter_for(city.yuehai)
    assert not AuditEvent.objects.filter(act="stations.desk.list").exists()  # nobody was shown


def test_code_checks_in_and_shows_a_masked_result_with_undo(client, officer, place, person):
    response = client.post(RECORD, sent(place, code=person.code), follow=True)
    text = response.content.decode()
    assert "已签到" in text and "张*" in text and "张三丰" not in text and "撤销" in text
    row = CheckIn.objects.get()
    assert (row.channel, row.by) == ("code", officer)
    response = client.post(reverse("stations:check_in_undo", args=[row.pk]), follow=True)
    assert "已撤销" in response.content.decode() and not CheckIn.objects.exists()


def test_code_typed_in_small_letters_and_groups_is_the_same_code(client, officer, place, person):
    code = person.code.lower()
    client.post(RECORD, sent(place, code=f" {code[:4]} {code[4:8]}-{code[8:]}"))
    assert CheckIn.objects.get().member == person.member


def test_json_double_tap_gets_the_same_answer(client, officer, place, person):
    body = json.dumps(sent(place, code=person.code))
    first = client.post(RECORD, body, content_type="application/json")
    again = client.post(RECORD, body, content_type="application/json")
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"] and CheckIn.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"nonce": "x"}, "刷新"),
        ({"purpose": "eating"}, "事由"),
        ({"place": "abc"}, "服务点"),
        ({"code": ""}, "党员码"),
        ({"code": "2222 2222 2222"}, "无效"),
    ],
)
def test_bad_input_says_what_to_do(client, officer, place, change, words):
    body = json.dumps({**sent(place, code="ABCD"), **change})
    response = client.post(RECORD, body, content_type="application/json")
    assert response.status_code == 400 and words in response.json()["detail"]


@pytest.mark.parametrize("body", ["{", "[]", "3"])
def test_body_that_is_no_object_is_refused(client, officer, body):
    assert client.post(RECORD, body, content_type="application/json").status_code == 400


def test_refused_form_keeps_what_was_typed(client, officer, place):
    response = client.post(RECORD, sent(place, code="WRONGCODE234", purpose="study"))
    assert response.status_code == 400 and 'value="WRONGCODE234"' in response.content.decode()
    assert response.context["purpose"] == "study"


def test_unknown_code_and_code_without_consent_get_the_same_sentence(client, officer, place, notice, city):
    person = make_person(city.yuehai, notice, consent=False)
    answers = [
        client.post(RECORD, json.dumps(sent(place, code=code)), content_type="application/json").json()
        for code in (person.code, "2222 2222 2222")
    ]
    assert answers[0] == answers[1] and "没有同意签到" in answers[0]["detail"]


def test_place_outside_the_scope_is_404(client, officer, city, person):
    far = make.make_service_point(city.lianhua)
    assert client.post(RECORD, sent(far, code=person.code)).status_code == 404
    assert client.get(DESK, {"place": far.pk}).status_code == 404
    assert client.post(reverse("stations:footfall", args=[far.pk]), {"kind": "rest"}).status_code == 404


def test_picked_member_is_logged_as_a_spoken_request(client, officer, place, person):
    page = client.get(DESK, {"place": place.pk, "pick": "1", "tail": "1234"})
    assert "张*" in page.content.decode() and "张三丰" not in page.content.decode()
    assert AuditEvent.objects.get(act="stations.desk.list").subjects == [person.member.pk]
    client.post(RECORD, sent(place, member=person.member.pk))
    assert CheckIn.objects.get().channel == "spoken"


def test_member_of_another_guidance_station_cannot_be_picked(client, officer, place, city, notice):
    other = make_person(city.lianhua, notice)
    response = client.post(RECORD, sent(place, member=other.member.pk))
    assert response.status_code == 400 and not CheckIn.objects.exists()


def test_result_of_another_district_is_404(client, officer, city, notice):
    other = make_person(city.lianhua, notice)
    row, _ = services.check_in(member=other.member, place=make.make_service_point(city.lianhua), **values())
    for name in ("check_in_result", "check_in_undo"):
        method = client.get if name == "check_in_result" else client.post
        assert method(reverse(f"stations:{name}", args=[row.pk])).status_code == 404
    assert CheckIn.objects.exists()


def test_footfall_by_one_tap_answers_with_todays_count(client, officer, place):
    url, nonce = reverse("stations:footfall", args=[place.pk]), str(uuid.uuid4())
    for _ in range(2):
        response = client.post(url, {"kind": "rest", "nonce": nonce}, headers={"HX-Request": "true"})
    assert FootfallTally.objects.get().count == 1
    assert '<span class="num">1</span>' in response.content.decode()


def test_leader_has_no_desk(client, city):
    client.force_login(make.make_user("leader", city.city))
    assert client.get(DESK).status_code == 403


def test_check_in_post_costs_few_queries(client, officer, place, person, django_assert_max_num_queries):
    body = json.dumps(sent(place, code=person.code))
    with django_assert_max_num_queries(9):  # session, person, postings, place, member, begin, insert, audit, end
        client.post(RECORD, body, content_type="application/json")
