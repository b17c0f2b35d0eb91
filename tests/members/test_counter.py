"""现场代录: nothing is kept without the person's own agreement."""

import re
import uuid

import pytest
from django.test import Client
from django.urls import reverse

from members import identity, services, sms
from members.errors import ConsentMissing
from members.models import Draft, Registration
from members.services import counter
from tests import factories
from tests.members import make

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_limits")]
FORM = {
    "name": "张三丰", "phone": "13800138000", "standing": "full", "occupation": "rider", "home_unknown": "on",
    "heard_membership": "on", "heard_home_verify": "on",
}  # fmt: skip


@pytest.fixture
def city():
    make.notice()
    return factories.make_city()


@pytest.fixture
def officer(city, client):
    user = factories.make_user("officer", city.yuehai)
    client.force_login(user)
    return user


def start(client, city, **more) -> str:
    token = uuid.uuid4()
    data = FORM | {"form_token": str(token), "guidance_station": city.yuehai.pk} | more
    response = client.post(reverse("members:counter"), data)
    assert response.status_code == 302, response.content.decode()
    return response.url


def text(response) -> str:
    return response.content.decode()


def test_an_entry_alone_registers_nobody(city, officer, client):
    url = start(client, city)
    assert client.get(url).status_code == 200
    assert not Registration.objects.exists()
    response = client.post(url, {"code": "123456"})
    assert response.status_code == 422
    assert "缺少本人同意凭证" in text(response)
    assert not Registration.objects.exists()


def test_the_code_on_the_persons_phone_agrees(city, officer, client, settings):
    settings.DEMO = True
    url = start(client, city)
    shown = text(client.post(url, {"send": "1"}))
    assert "演示" in shown
    code = re.search(r"data-demo-code>(\d{6})<", shown).group(1)
    wrong = f"{(int(code) + 1) % 10**6:06d}"
    assert client.post(url, {"code": wrong}).status_code == 422
    assert "已收到" in text(client.post(url, {"code": code}, follow=True))
    row = Registration.objects.get()
    assert (row.channel, row.confirmation, row.guidance_station, row.assigned_to) == (
        "counter", "sms", city.yuehai, officer,
    )  # fmt: skip
    assert "已收到" in text(client.post(url, {"code": code}))  # a double click
    assert Registration.objects.count() == 1


def test_five_wrong_codes_end_it_even_for_the_right_one(city, officer, client, settings):
    settings.DEMO = True
    url = start(client, city)
    code = re.search(r"data-demo-code>(\d{6})<", text(client.post(url, {"send": "1"}))).group(1)
    for _ in range(counter.TRIES):
        client.post(url, {"code": "abc"})
    assert "次数太多" in text(client.post(url, {"code": code}))
    assert not Registration.objects.exists()


def test_an_old_code_is_worth_nothing(city, officer, client, settings):
    settings.DEMO = True
    url = start(client, city)
    code = re.search(r"data-demo-code>(\d{6})<", text(client.post(url, {"send": "1"}))).group(1)
    Draft.objects.update(confirm_sent_at=make.days_ago(1))
    assert client.post(url, {"code": code}).status_code == 422


def test_without_a_gateway_the_page_says_what_to_do_instead(city, officer, client, settings):
    settings.DEMO, settings.SMS_BACKEND = False, ""
    response = client.post(start(client, city), {"send": "1"})
    assert response.status_code == 409
    assert "请改用本人扫码确认" in text(response)


def test_outside_the_demo_the_message_goes_to_the_gateway_and_not_to_the_page(city, officer, client, settings):
    settings.DEMO, settings.SMS_BACKEND = False, f"{__name__}.gateway"
    SENT.clear()
    response = client.post(start(client, city), {"send": "1"})
    (phone, message), code = SENT[0], re.search(r"\d{6}", SENT[0][1]).group(0)
    assert phone == "13800138000"
    assert "不同意请不要提供" in message
    assert code not in text(response)


SENT: list[tuple[str, str]] = []


def gateway(phone: str, message: str) -> None:
    SENT.append((phone, message))


def test_an_unknown_gateway_is_an_error_not_silence(settings):
    settings.DEMO, settings.SMS_BACKEND = False, ""
    with pytest.raises(sms.SmsUnavailable, match="SMS_BACKEND"):
        sms.send("13800138000", "x")


def test_the_persons_own_tap_agrees_tick_by_tick(city, officer, client):
    number = make.id_number()
    url = start(client, city, id_number=number, heard_id_number="on")
    token = uuid.UUID(url.strip("/").rsplit("/", 1)[-1])
    own = reverse("members:receipt", args=[identity.receipt_code(token)])
    person = Client()
    shown = text(person.get(own))
    assert "请您本人确认" in shown
    assert "张三丰" not in shown
    assert "checked" not in shown
    assert person.post(own, {"membership": "on"}).status_code == 200
    assert not Registration.objects.exists()
    assert person.post(own, {"membership": "on", "home_verify": "on"}).url == own
    row = Registration.objects.get()
    assert (row.confirmation, row.id_number) == ("tap", None)  # the person did not tick the number
    assert "已收到" in text(person.get(own))
    assert "已收到" in text(client.get(url))


def test_another_officer_does_not_see_the_entry(city, officer, client):
    url = start(client, city)
    client.force_login(factories.make_user("officer", city.yuehai))
    assert client.get(url).status_code == 404


def test_a_number_needs_the_tick_and_the_station_lies_in_scope(city, officer, client):
    data = FORM | {"form_token": str(uuid.uuid4()), "guidance_station": city.yuehai.pk}
    wrong = client.post(reverse("members:counter"), data | {"id_number": make.id_number()})
    assert "没有同意填写身份号码" in text(wrong)
    assert "张三丰" in text(wrong)
    assert client.post(reverse("members:counter"), data | {"guidance_station": city.lianhua.pk}).status_code == 422


def test_a_number_known_in_another_district_says_only_that(city, officer, client, settings):
    settings.DEMO = True
    number = make.id_number()
    make.registration(city.lianhua, id_number=number)
    url = start(client, city, id_number=number, heard_id_number="on")
    code = re.search(r"data-demo-code>(\d{6})<", text(client.post(url, {"send": "1"}))).group(1)
    answer = text(client.post(url, {"code": code}, follow=True))
    assert "已在他处报到" in answer
    assert "莲花" not in answer
    assert "福田" not in answer


def test_a_draft_without_an_officer_cannot_be_confirmed(city):
    draft = services.draft_save(form_token=uuid.uuid4(), answers={"name": "x", "phone": "13800138000"}, consents=[])
    with pytest.raises(ConsentMissing):
        services.counter_confirm_by_tap(draft=draft, consents=make.NEEDED)
