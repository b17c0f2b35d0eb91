"""The public pages by the test client: a phone without scripts."""

import re
import uuid

import pytest
from django.test import Client
from django.urls import reverse

from accounts.limits import LIMITS, Limit
from members import identity, limits, services
from members.models import Draft, Poster, Receipt, Registration
from members.posters import register_kind, view_of
from tests import factories
from tests.members import make

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_limits")]
PROMISE = "报到不转移组织关系、不另收党费；不用于检查、处罚、信用评价；不报到没有任何影响"
ANSWERS = {
    "person": {"name": "张三丰", "sex": "1"},
    "phone": {"phone": "138 0013 8000"},
    "standing": {"standing": "full"},
    "work": {"occupation": "sole_trader", "workplace": "二楼 2086 号"},
    "home": {"home_place": "湖南省邵阳市隆回县", "home_branch": "某某村党支部"},
}


@pytest.fixture
def poster(city):
    make.notice()
    return make.market_poster(factories.make_market(city.yuehai, name="华强电子市场"))


class Phone:
    """A person with a browser: fills in what a page asks and sends it where the form says."""

    def __init__(self, poster: Poster):
        self.client, self.url = Client(), reverse("members:poster", args=[poster.code])
        self.token = ""

    def open(self, query: str = ""):
        response = self.client.get(self.url + query)
        found = re.search(r'name="form_token" value="([^"]+)"', response.content.decode())
        self.token = found.group(1) if found else self.token
        return response

    def send(self, step: str, **data):
        return self.client.post(self.url, {"form_token": self.token, "step": step, **data})

    def told(self, step: str, **data) -> str:
        """What the page says to a form that is not accepted: by its own address, so that going back works."""
        response = self.send(step, **data)
        assert response.status_code == 302
        return page(self.client.get(response.url))

    def fill(self, *, ticks=("membership", "home_verify"), **answers):
        self.open()
        self.send("notice", **dict.fromkeys(ticks, "on"))
        for step, data in ANSWERS.items():
            if step == "standing" and "id_number" in ticks:
                self.send("number", id_number=answers.pop("id_number"))
            response = self.send(step, **data | {k: v for k, v in answers.items() if k in data})
            assert response.status_code == 302, response.content.decode()

    def report(self, **more):
        self.fill(**more)
        return self.send("check")


def page(response) -> str:
    return re.sub(r"\s+", " ", response.content.decode())


def receipt_page(phone: Phone, response) -> str:
    assert response.status_code == 302
    return page(phone.client.get(response.url))


def test_first_screen_says_the_sentences_the_whole_notice_and_ticks_nothing(poster):
    response = Phone(poster).open()
    text = page(response)
    assert PROMISE in text
    for part in services.notice.PARTS:
        assert getattr(make.notice(), part) in text
    assert text.count('type="checkbox"') == 4
    assert "checked" not in text
    assert re.search(
        r'<form [^>]*autocomplete="off"[^>]*>(?:(?!</form>).)*name="membership"', text
    )  # nor by the browser
    assert "no-store" in response["Cache-Control"]


def test_who_says_what_kind_of_member_declares_to_be_of_age(poster):
    phone = Phone(poster)
    phone.open()
    phone.send("notice", membership="on", home_verify="on")
    for step in ("person", "phone"):
        response = phone.send(step, **ANSWERS[step])
    shown = page(phone.client.get(response.url))
    assert "选择即声明：本人已满十八周岁" in shown and "checked" not in shown
    assert "请选择党员类别" in phone.told("standing")


@pytest.mark.parametrize("missing", ["membership", "home_verify"])
def test_without_a_needed_tick_nothing_is_asked(poster, missing):
    phone = Phone(poster)
    phone.open()
    ticks = {"membership": "on", "home_verify": "on"}
    del ticks[missing]
    assert "报到需要您同意这一项" in phone.told("notice", **ticks)
    assert not Draft.objects.exists()
    assert phone.client.get(phone.url + "?step=person").status_code == 200
    assert PROMISE in page(phone.client.get(phone.url + "?step=person"))


def test_the_number_is_asked_only_with_its_tick(poster):
    phone = Phone(poster)
    phone.open()
    phone.send("notice", membership="on", home_verify="on")
    phone.send("person", **ANSWERS["person"])
    assert phone.send("phone", **ANSWERS["phone"]).url.endswith("step=standing")
    phone.send("notice", membership="on", home_verify="on", id_number="on")
    assert phone.send("phone", **ANSWERS["phone"]).url.endswith("step=number")


def test_taking_the_tick_back_takes_the_number_along(poster):
    phone, number = Phone(poster), make.id_number()
    phone.fill(ticks=("membership", "home_verify", "id_number"), id_number=number)
    phone.send("notice", membership="on", home_verify="on")
    phone.send("check")
    row = Registration.objects.get()
    assert row.id_number is None
    assert row.id_number_index is None


def test_a_whole_report_makes_one_registration_with_what_was_said(poster):
    phone, number = Phone(poster), make.id_number()
    phone.fill(ticks=("membership", "home_verify", "id_number"), id_number=number.lower())
    check = page(phone.client.get(phone.url + "?step=check"))
    assert "张三丰" in check
    assert "13800138000" in check
    assert identity.grouped(number) in check
    text = receipt_page(phone, phone.send("check"))
    row = Registration.objects.get()
    assert (row.name, row.phone, row.id_number) == ("张三丰", "13800138000", number)
    assert (row.workplace, row.home_place, row.channel) == ("二楼 2086 号", "湖南省邵阳市隆回县", "poster")
    assert "已收到" in text
    assert not Draft.objects.exists()


def test_an_invitation_is_the_same_form_with_its_own_channel(poster):
    phone = Phone(poster)
    phone.fill()
    phone.open("?via=invitation")
    phone.send("notice", membership="on", home_verify="on", via="invitation")
    phone.send("check")
    assert Registration.objects.get().channel == "invitation"


@pytest.mark.parametrize(
    ("step", "data", "words"),
    [
        ("person", {"name": ""}, "请填写姓名"),
        ("phone", {"phone": "0755-1234"}, "请填写 11 位手机号"),
        ("work", {"occupation": ""}, "请选择职业"),
        ("home", {"home_place": ""}, "请填写所在省市县"),
        ("standing", {}, "请选择党员类别"),
    ],
)
def test_an_error_stands_on_top_and_at_the_field_and_loses_nothing(poster, step, data, words):
    phone = Phone(poster)
    phone.fill()
    text = phone.told(step, **data)
    assert text.count(words) == 2
    phone.send("check")
    assert Registration.objects.get().name == "张三丰"  # what was saved before the mistake still stands


def test_what_was_typed_wrongly_stays_until_it_is_put_right(poster):
    phone = Phone(poster)
    phone.fill()
    assert 'value="0755-1234"' in phone.told("phone", phone="0755-1234")
    address = phone.url + "?step=phone"
    assert 'value="0755-1234"' in page(phone.client.get(address))  # reloaded, or come back to
    phone.send("phone", phone="13800138001")
    text = page(phone.client.get(address))
    assert 'value="13800138001"' in text
    assert "data-error-summary" not in text


def test_ticks_are_kept_for_the_answer_to_a_mistake_and_no_longer(poster):
    phone = Phone(poster)
    phone.open()
    sent = phone.send("notice", membership="on")
    assert "checked" in page(phone.client.get(sent.url))
    again = page(phone.client.get(sent.url))
    assert "checked" not in again
    assert "data-error-summary" not in again


def test_a_number_typed_wrongly_goes_with_its_tick(poster):
    phone = Phone(poster)
    phone.open()
    phone.send("notice", membership="on", home_verify="on", id_number="on")
    phone.send("person", **ANSWERS["person"])
    phone.send("phone", **ANSWERS["phone"])
    assert "440524750312001" in phone.told("number", id_number="440524750312001")
    phone.send("notice", membership="on", home_verify="on")
    assert "440524750312001" not in Draft.objects.get().content


@pytest.mark.parametrize("name", ["\u200b", "😀😀", "12345", "\u202e\u2066"])
def test_a_name_has_a_letter_that_can_be_seen(poster, name):
    phone = Phone(poster)
    phone.fill()
    assert "用汉字或字母" in phone.told("person", name=name)


def test_the_words_of_an_error_are_for_people(poster):
    phone = Phone(poster)
    phone.fill()
    assert "最多 60 个字，现在有 200 个" in phone.told("person", name="张" * 200)
    assert "变量" not in phone.told("work", occupation="hacker")


def test_the_phone_history_does_not_say_what_was_asked(poster):
    phone = Phone(poster)
    phone.fill()
    for step in ("", "?step=standing", "?step=home", "?step=check"):
        title = re.search(r"<title>(.*?)</title>", page(phone.client.get(phone.url + step))).group(1)
        assert "党员" not in title


def test_unknown_home_needs_no_place(poster):
    phone = Phone(poster)
    phone.fill()
    assert phone.send("home", home_unknown="on", home_place="").status_code == 302
    phone.send("check")
    assert Registration.objects.get().home_unknown


def test_back_leads_to_the_step_before_with_what_was_written(poster):
    phone = Phone(poster)
    phone.fill()
    text = page(phone.client.get(phone.url + "?step=work"))
    assert "二楼 2086 号" in text
    assert "?step=standing" in text


def test_steps_cannot_be_skipped(poster):
    phone = Phone(poster)
    phone.open()
    phone.send("notice", membership="on", home_verify="on")
    assert phone.client.get(phone.url + "?step=check").url.endswith("step=person")
    assert phone.send("check").url.endswith("step=person")
    assert not Registration.objects.exists()


def test_sending_the_form_again_leads_to_the_same_receipt(poster):
    phone = Phone(poster)
    first = phone.report()
    again = phone.send("check")
    assert first.url == again.url
    assert (Registration.objects.count(), Receipt.objects.count()) == (1, 1)


def test_the_next_person_on_the_same_phone_gets_a_fresh_form(poster):
    phone = Phone(poster)
    phone.report()
    used = phone.token
    phone.open()
    assert phone.token != used
    assert "没有提交的报到表" not in page(phone.open())


def test_an_unsent_form_can_be_cleared_by_the_next_person(poster):
    phone = Phone(poster)
    phone.fill()
    assert "没有提交的报到表" in page(phone.open())
    phone.send("discard")
    assert not Draft.objects.exists()
    assert "没有提交的报到表" not in page(phone.open())


def test_a_form_of_another_browser_is_not_taken(poster):
    phone, stranger = Phone(poster), Phone(poster)
    phone.fill()
    stranger.open()
    stranger.token = phone.token
    assert stranger.send("check").status_code == 410
    assert "张三丰" not in page(stranger.client.get(stranger.url + "?step=check"))
    assert not Registration.objects.exists()


def test_a_form_older_than_a_day_is_gone(poster):
    phone = Phone(poster)
    phone.fill()
    Draft.objects.update(expires_at=make.days_ago(0))
    assert phone.send("check").status_code == 410
    assert not Registration.objects.exists()


def test_a_draft_is_encrypted_and_ends_within_a_day(poster):
    Phone(poster).fill()
    draft = Draft.objects.get()
    assert (draft.expires_at - make.days_ago(0)).total_seconds() <= 24 * 3600
    stored = Draft.objects.raw("SELECT form_token, encode(content, 'escape') AS code_index FROM members_draft")[0]
    assert "13800138000" not in str(stored.code_index)


def test_the_page_of_a_known_number_is_the_page_of_an_unknown_one(poster):
    number = make.id_number()
    ticks = ("membership", "home_verify", "id_number")
    first, second = Phone(poster), Phone(poster)
    texts = []
    for phone in (first, second):
        sent = phone.report(ticks=ticks, id_number=number)
        code = sent.url.strip("/").rsplit("/", 1)[-1]
        text = receipt_page(phone, sent).replace(code, "CODE").replace(identity.grouped(code), "CODE")
        text = re.sub(r'src="data:image/svg[^"]+"|csrfmiddlewaretoken" value="[^"]+', "", text)
        texts.append(re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d", "WHEN", text))
    assert [receipt.is_joined for receipt in Receipt.objects.order_by("pk")] == [False, True]
    assert texts[0] == texts[1]


def test_an_address_with_a_null_is_a_404(poster):
    assert Client().get("/q/%00/").status_code == 404


@pytest.mark.parametrize("code", ["NOSUCHCODE", "A" * 60])
def test_an_unknown_code_is_a_friendly_404(poster, code):
    response = Client().get(reverse("members:poster", args=[code]))
    assert response.status_code == 404
    assert "这个码现在不能用" in page(response)


def test_a_withdrawn_code_answers_like_an_unknown_one(poster):
    services.poster_withdraw(poster=poster, by=factories.make_user())
    gone = Client().get(reverse("members:poster", args=[poster.code]))
    unknown = Client().get(reverse("members:poster", args=["NOSUCHCODE"]))
    assert (gone.status_code, gone.content) == (unknown.status_code, unknown.content)


def test_a_room_above_says_what_its_kind_opens(rf, monkeypatch):
    from django.http import HttpResponse

    poster = services.poster_create(kind="service_point")
    before = view_of("service_point")
    register_kind("service_point", lambda request, row: HttpResponse(f"opened {row.pk}"))
    try:
        response = Client().get(reverse("members:poster", args=[poster.code]))
    finally:
        if before is not None:
            register_kind("service_point", before)
    assert response.content.decode() == f"opened {poster.pk}"


def test_without_a_published_notice_nobody_is_asked(city):
    poster = make.station_poster(city.yuehai)
    response = Client().get(reverse("members:poster", args=[poster.code]))
    assert response.status_code == 503
    assert "还没有发布" in page(response)


def test_too_many_posts_are_asked_to_wait_and_lose_nothing(poster, monkeypatch):
    phone = Phone(poster)
    phone.fill()
    with monkeypatch.context() as patch:
        patch.setitem(LIMITS, "form_address", Limit(0, ""))
        busy = phone.send("check")
    assert busy.status_code == 429
    assert "没有丢" in page(busy)
    assert phone.send("check").status_code == 302
    assert Registration.objects.count() == 1


def test_a_poster_has_a_limit_of_its_own(poster, rf, monkeypatch):
    monkeypatch.setitem(LIMITS, "form_poster", Limit(2, ""))
    asked = [limits.may_post(rf.post("/"), poster="A") for _ in range(3)]
    assert asked == [True, True, False]
    assert limits.may_post(rf.post("/"), poster="B")


def test_a_broken_form_token_is_told_to_start_again(poster):
    assert Client().post(reverse("members:poster", args=[poster.code]), {"form_token": "x"}).status_code == 410
    phone = Phone(poster)
    phone.open()
    phone.token = str(uuid.uuid4())
    assert phone.send("notice", membership="on", home_verify="on").status_code == 410
