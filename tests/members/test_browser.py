"""A member reports on a phone, an officer verifies on a phone: in a real browser, 375 px wide."""

import re

import pytest
from django.core.cache import cache
from django.urls import reverse

from members import identity, services
from members.models import Pledge, Receipt, Registration
from tests import factories
from tests.browsing import arrive, complaints, fits, sign_in
from tests.members import make

pytestmark = pytest.mark.django_db(transaction=True)
KILOBYTES = 100


@pytest.fixture
def city():
    cache.clear()
    make.notice()
    return factories.make_city()


@pytest.fixture
def poster(city):
    return make.market_poster(factories.make_market(city.yuehai, name="华强电子市场"))


class Weight:
    """Counts the bytes of everything a page fetches, as the server announces them."""

    def __init__(self, page):
        self.pages: dict[str, int] = {}
        page.on("response", self.add)

    def add(self, response) -> None:
        if response.status == 200:
            self.pages[response.url] = int(response.headers["content-length"])

    def kilobytes(self) -> float:
        return sum(self.pages.values()) / 1000


def submit(page, label: str) -> None:
    button = page.get_by_role("button", name=label, exact=True)
    assert button.bounding_box()["height"] >= 44
    arrive(page, button)


def follow(page, label: str) -> None:
    arrive(page, page.get_by_role("link", name=re.compile(f"^{label}")).last)


def test_the_notice_and_being_asked_anew_fit_a_phone(live_server, phone_page, poster):
    receipt = make.submit(poster, consents={"id_number", "check_in"}, id_number=make.id_number())
    make.later_notice("改后", anew=True, change="增加一项：把您的职业告诉就近的党群服务中心。")
    heard, code = complaints(phone_page), identity.receipt_code(receipt.form_token)
    phone_page.goto(live_server.url + reverse("members:notice"))
    assert fits(phone_page)
    phone_page.goto(live_server.url + reverse("members:receipt", args=[code]))
    assert fits(phone_page)
    phone_page.goto(live_server.url + reverse("members:receipt_anew", args=[code]))
    assert fits(phone_page) and phone_page.locator("input[type=checkbox]:checked").count() == 0
    for box in phone_page.locator("form input[type=checkbox]").all():
        box.check()
    submit(phone_page, "同意并提交")
    phone_page.wait_for_url(lambda address: not address.endswith("/anew/"))
    assert fits(phone_page) and heard == []
    answered = receipt.registration.consents.filter(notice__version="改后")
    assert set(answered.values_list("item", flat=True)) == set(receipt.items)


def test_a_member_reports_and_reads_the_receipt(live_server, phone_page, poster):
    page = phone_page
    weight, heard = Weight(page), complaints(page)
    page.goto(live_server.url + reverse("members:poster", args=[poster.code]))
    assert weight.kilobytes() < KILOBYTES
    assert page.evaluate("getComputedStyle(document.documentElement).fontSize") == "18px"
    assert page.locator("input[type=checkbox]:checked").count() == 0
    submit(page, "同意并开始填写")
    assert page.locator("[data-error-summary]").is_visible()
    for tick in ("我同意登记我的党员身份", "我同意指导站向我组织关系", "我同意填写身份号码"):
        page.get_by_label(tick).check()
    submit(page, "同意并开始填写")
    page.get_by_label("姓名").fill("张三丰")
    assert fits(page)
    submit(page, "下一步")
    page.get_by_label("手机号").fill("123")
    submit(page, "下一步")
    assert page.get_by_text("请填写 11 位手机号").count() == 2
    page.get_by_label("手机号").fill("138 0013 8000")
    submit(page, "下一步")
    page.get_by_label("身份号码").fill(make.id_number().lower())
    submit(page, "下一步")
    follow(page, "上一步")
    page.get_by_role("button", name="下一步").click()
    page.get_by_label("正式党员").check()
    submit(page, "下一步")
    page.get_by_label("职业").select_option("sole_trader")
    page.get_by_label("工作单位或摊位").fill("二楼 2086 号")
    submit(page, "下一步")
    page.get_by_label("我不清楚组织关系在哪里").check()
    submit(page, "下一步")
    assert page.get_by_role("heading", name="检查并提交").is_visible()
    assert fits(page)
    follow(page, "修改姓名")
    page.get_by_label("姓名").fill("张三")
    submit(page, "保存，回到检查")
    submit(page, "提交报到")
    assert page.get_by_text("已收到", exact=True).is_visible()
    assert page.get_by_alt_text("本回执的二维码").evaluate("image => image.naturalWidth > 100")
    assert fits(page)
    row = Registration.objects.get()
    assert (row.name, row.phone, row.state) == ("张三", "13800138000", "submitted")
    assert heard == []
    page.reload()
    page.go_back()
    assert Receipt.objects.count() == 1


def test_a_double_tap_on_the_last_button_is_one_registration(live_server, phone_page, poster):
    page = phone_page
    page.goto(live_server.url + reverse("members:poster", args=[poster.code]))
    for tick in ("我同意登记我的党员身份", "我同意指导站向我组织关系"):
        page.get_by_label(tick).check()
    submit(page, "同意并开始填写")
    page.get_by_label("姓名").fill("张三丰")
    submit(page, "下一步")
    page.get_by_label("手机号").fill("13800138000")
    submit(page, "下一步")
    page.get_by_label("预备党员").check()
    submit(page, "下一步")
    page.get_by_label("职业").select_option("rider")
    submit(page, "下一步")
    page.get_by_label("我不清楚").check()
    submit(page, "下一步")
    page.get_by_role("button", name="提交报到").dblclick()
    page.wait_for_url("**/r/**")
    assert Registration.objects.count() == 1


def test_a_verified_member_takes_the_code_and_withdraws(live_server, phone_page, city):
    row = make.verified(city.yuehai)
    from members import identity

    code = identity.receipt_code(row.receipts.get().form_token)
    page = phone_page
    page.goto(live_server.url + reverse("members:receipt", args=[code]))
    page.get_by_label("我同意用党员码").check()
    submit(page, "同意签到")
    submit(page, "领取党员码")
    assert page.get_by_alt_text("党员码的二维码").is_visible()
    assert fits(page)
    follow(page, "撤回这次报到")
    submit(page, "确认撤回")
    assert page.get_by_text("已撤回", exact=True).is_visible()
    assert Registration.objects.get().state == "withdrawn"


def test_a_plaque_on_a_phone_from_the_words_to_the_wall_and_off_it(live_server, phone_page, city, client):
    officer, page = factories.make_user("officer", city.yuehai), phone_page
    member = make.verified(city.yuehai, by=officer, name="孙悟空").member
    sign_in(page, client, live_server.url, officer)
    heard = complaints(page)
    page.goto(live_server.url + reverse("members:detail", args=[member.pk]))
    follow(page, "本人在场，登记三亮")
    page.get_by_label("亮职责").fill("消防安全巡查")
    page.get_by_label("亮承诺").fill("明码标价，" * 20)
    assert fits(page)
    submit(page, "下一步：给本人看")
    assert page.get_by_text("孙悟空", exact=True).is_visible() and fits(page)
    assert not page.get_by_label("本人在场，已经读过").is_checked()
    submit(page, "返回修改")
    page.get_by_label("亮承诺").fill("明码标价")
    submit(page, "下一步：给本人看")
    page.get_by_label("本人在场，已经读过").check()
    submit(page, "本人同意，登记")
    follow(page, "打印牌子")
    page.get_by_label("目的").select_option("打印挂牌")
    submit(page, "打开牌子")
    assert page.get_by_role("button", name="打印", exact=True).is_visible() and fits(page)
    page.emulate_media(media="print")
    assert page.get_by_text("孙悟空", exact=True).is_visible()
    assert not page.get_by_text("内部资料").is_visible() and not page.get_by_text("不得存储").is_visible()
    page.emulate_media(media="screen")
    follow(page, "回到党员")
    follow(page, "撤下")
    submit(page, "撤下")
    follow(page, "三亮牌")
    assert fits(page)
    submit(page, "已取下")
    assert page.get_by_text("牌子今天取下").is_visible() and Pledge.objects.get().taken_off_on
    assert heard == []


def test_an_officer_verifies_on_a_phone(live_server, phone_page, city, client):
    officer = factories.make_user("officer", city.yuehai, name="王五")
    row = make.registration(city.yuehai, name="孙悟空", phone="13912340001")
    page = phone_page
    sign_in(page, client, live_server.url, officer)
    heard = complaints(page)
    page.goto(live_server.url + reverse("members:queue"))
    assert page.get_by_text("孙*").is_visible()
    assert fits(page)
    arrive(page, page.get_by_text("孙*"))
    submit(page, "领取，由我联系")
    follow(page, "回到这条报到")
    assert page.get_by_role("link", name="拨打 13912340001").get_attribute("href") == "tel:13912340001"
    assert fits(page)
    follow(page, "核实")
    page.get_by_label("当面核实").check()
    submit(page, "确认已核实")
    assert page.get_by_role("heading", name="已核实").is_visible()
    row.refresh_from_db()
    assert row.state == services.decide.State.VERIFIED
    assert heard == []


def test_a_request_of_a_joined_form_fits_a_phone(live_server, phone_page, city, client):
    number = make.id_number()
    _, joined = (make.submit(make.station_poster(city.yuehai), id_number=number) for _ in range(2))
    request = services.rights_request(receipt=joined, kind="copy")
    sign_in(phone_page, client, live_server.url, factories.make_user("officer", city.yuehai))
    phone_page.goto(live_server.url + reverse("members:rights_answer", args=[request.pk]))
    assert phone_page.get_by_text("这张回执是并入的").is_visible() and fits(phone_page)


def test_the_phones_back_button_never_ends_at_the_browsers_own_error(live_server, phone_page, poster, city, client):
    page = phone_page
    page.goto(live_server.url + reverse("members:poster", args=[poster.code]))
    submit(page, "同意并开始填写")
    page.get_by_label("我同意登记我的党员身份").check()
    page.get_by_label("我同意指导站向我").check()
    submit(page, "同意并开始填写")
    page.wait_for_url("**step=person")
    submit(page, "下一步")
    page.get_by_text("还不能提交").wait_for()
    page.get_by_label("姓名").fill("张三丰")
    submit(page, "下一步")
    page.wait_for_url("**step=phone")
    page.go_back()
    page.wait_for_url("**step=person")

    officer, row = factories.make_user("officer", city.yuehai), make.registration(city.yuehai)
    sign_in(page, client, live_server.url, officer)
    page.goto(live_server.url + reverse("members:registration_verify", args=[row.pk]))
    submit(page, "确认已核实")
    page.get_by_text("还不能提交").wait_for()
    page.get_by_label("当面核实").check()
    submit(page, "确认已核实")
    page.wait_for_url("**done=1")
    follow(page, "看党员")
    page.wait_for_url("**/members/*/")
    for _ in range(2):
        page.go_back()
    page.wait_for_url("**/verify/")
