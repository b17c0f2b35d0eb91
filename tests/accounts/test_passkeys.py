"""Passkeys in a real browser with a virtual authenticator: made, used alone and as second step, copied, removed."""

import os
import re

import pytest

from accounts import limits
from accounts.models import AuditEvent, Passkey
from tests import factories as make
from tests.browsing import fits

pytestmark = pytest.mark.django_db(transaction=True)
SIGN_IN = "/accounts/sign-in/"


@pytest.fixture(autouse=True)
def required(settings):
    settings.SECOND_FACTOR_REQUIRED = True


@pytest.fixture
def user(db):
    return make.make_user(username="officer1", name="李四")


class Device:
    """The browser's own authenticator, by the DevTools protocol."""

    def __init__(self, page, verifies: bool = True):
        self.session = page.context.new_cdp_session(page)
        self.session.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
            "isUserVerified": verifies, "automaticPresenceSimulation": True,
        }  # fmt: skip
        self.id = self.session.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]

    def credentials(self) -> list[dict]:
        return self.session.send("WebAuthn.getCredentials", {"authenticatorId": self.id})["credentials"]

    def add(self, credential: dict) -> None:
        self.session.send("WebAuthn.addCredential", {"authenticatorId": self.id, "credential": credential})

    def clear(self) -> None:
        self.session.send("WebAuthn.clearCredentials", {"authenticatorId": self.id})


def looked_at(page, name: str) -> None:
    assert fits(page), name
    small = page.evaluate(
        "[...document.querySelectorAll('main a.choice, main button:not([hidden]), main input:not([type=hidden])')]"
        ".map(e => e.matches('[type=checkbox], [type=radio]') ? e.closest('label') : e)"
        ".filter(e => e.offsetParent && !e.matches('.visually-hidden') && e.getBoundingClientRect().height < 44).length"
    )
    assert small == 0 or page.viewport_size["width"] > 400, f"{name}: {small} targets under 44 px"
    if folder := os.environ.get("SHOTS"):
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


def password(page, live_server) -> None:
    page.goto(live_server.url + SIGN_IN)
    page.fill("[name=username]", "officer1")
    page.fill("[name=password]", make.PASSWORD)
    page.click("button:text-is('登录')")


def set_up(page, live_server) -> None:
    """From the password to work."""
    password(page, live_server)
    page.click("text=通行密钥")
    page.fill("[name=name]", "工作手机")
    page.click("button:has-text('登记')")
    page.click("text=已经抄好")
    page.wait_for_url(lambda url: "/accounts/" not in url)


def leave(page) -> None:
    page.context.clear_cookies()


def test_a_phone_sets_one_up_and_then_signs_in_by_it_alone(phone_page, live_server, user):
    problems: list[str] = []
    phone_page.on("console", lambda line: problems.append(line.text) if line.type == "error" else None)
    phone_page.on("pageerror", lambda error: problems.append(str(error)))
    Device(phone_page)
    password(phone_page, live_server)
    looked_at(phone_page, "factor-choice")
    phone_page.click("text=通行密钥")
    looked_at(phone_page, "passkey-new")
    phone_page.click("button:has-text('登记')")
    phone_page.wait_for_selector("text=请抄下恢复码")
    looked_at(phone_page, "recovery-codes")
    phone_page.click("text=已经抄好")
    phone_page.wait_for_url(lambda url: "/accounts/" not in url)
    leave(phone_page)
    phone_page.goto(live_server.url + SIGN_IN)
    looked_at(phone_page, "sign-in")
    phone_page.click("text=用通行密钥登录")
    phone_page.wait_for_url(lambda url: "/accounts/" not in url)
    passkey = Passkey.objects.get()
    assert (passkey.user, passkey.name) == (user, "我的手机") and passkey.last_used_at and passkey.sign_count > 0
    assert AuditEvent.objects.filter(act="accounts.session.open", detail={"factor": "passkey"}).count() == 2
    phone_page.goto(f"{live_server.url}/accounts/factors/")
    looked_at(phone_page, "factors")
    assert problems == []


def test_it_is_also_the_second_step_after_the_password(page, live_server, user):
    Device(page)
    set_up(page, live_server)
    leave(page)
    password(page, live_server)
    looked_at(page, "second-step")
    page.click("text=用通行密钥验证")
    page.wait_for_url(lambda url: "/accounts/" not in url)


def test_a_device_that_does_not_verify_the_person_is_refused(page, live_server, user):
    Device(page, verifies=False)
    password(page, live_server)
    page.click("text=通行密钥")
    page.click("button:has-text('登记')")
    page.wait_for_selector("[data-passkey-error]:visible")
    assert not Passkey.objects.exists()


def test_a_copied_key_is_refused_by_its_count(page, live_server, user):
    device = Device(page)
    set_up(page, live_server)
    copy = device.credentials()[0]
    Passkey.objects.update(sign_count=copy["signCount"] + 10)  # the true one has signed meanwhile
    leave(page)
    page.goto(live_server.url + SIGN_IN)
    page.click("text=用通行密钥登录")
    page.wait_for_selector("text=可能被复制过")
    assert AuditEvent.objects.filter(act="accounts.passkey.refuse", succeeded=False).count() == 1
    page.goto(f"{live_server.url}/jobs/")
    assert SIGN_IN in page.url


def test_a_removed_key_and_a_deactivated_account_do_not_get_in(page, live_server, user):
    Device(page)
    set_up(page, live_server)
    leave(page)
    user.is_active = False
    user.save()
    page.goto(live_server.url + SIGN_IN)
    page.click("text=用通行密钥登录")
    page.wait_for_selector("text=没有通过核对")
    user.is_active = True
    user.save()
    Passkey.objects.all().delete()
    page.click("text=用通行密钥登录")
    page.wait_for_selector("text=没有通过核对")


def test_anothers_key_is_not_the_second_step(page, live_server, user):
    other = make.make_user(username="officer2")
    Device(page)
    set_up(page, live_server)
    leave(page)
    page.goto(live_server.url + SIGN_IN)
    # the page asks for a key of officer2, and the device answers with that of officer1
    Passkey.objects.create(user=other, name="另一台", credential_id=b"x", credential=Passkey.objects.get().credential)
    page.fill("[name=username]", "officer2")
    page.fill("[name=password]", make.PASSWORD)
    page.click("button:text-is('登录')")
    page.click("text=用通行密钥验证")
    page.wait_for_selector("text=没有通过核对")
    page.goto(f"{live_server.url}/jobs/")
    assert SIGN_IN in page.url


def test_several_are_named_apart_and_one_of_them_is_removed(page, live_server, user):
    device = Device(page)
    set_up(page, live_server)
    device.clear()
    page.goto(f"{live_server.url}/accounts/factors/passkey/")
    page.fill("[name=name]", "办公电脑")
    page.click("button:has-text('登记')")
    page.wait_for_selector("h1:has-text('登录方式')")
    looked_at(page, "factors-desk")
    page.click("[aria-label='删去 工作手机']")
    page.wait_for_selector("text=已删去")
    assert [passkey.name for passkey in Passkey.objects.all()] == ["办公电脑"]
    page.click("[aria-label='删去 办公电脑']")
    page.wait_for_selector("text=唯一的第二因素")


def test_the_authenticator_pages_fit_a_phone(phone_page, live_server, user):
    password(phone_page, live_server)
    phone_page.click("text=动态验证码")
    phone_page.click("summary")
    looked_at(phone_page, "authenticator")
    assert re.search("data:image/svg", phone_page.get_attribute(".qr", "src") or "")
    phone_page.fill("[name=code]", "000000")
    phone_page.click("text=确认启用")
    looked_at(phone_page, "authenticator-wrong")


@pytest.mark.parametrize(
    "sent", ["", "[]", "{}", '{"id":"x"}', "\x00", '{"id":"eA","rawId":"eA","response":{}}', "9" * 5000]
)
def test_ugly_answers_get_a_sentence(client, user, sent):
    client.post("/accounts/sign-in/passkey/options/", HTTP_HOST="localhost")
    answer = client.post("/accounts/sign-in/passkey/", {"credential": sent}, HTTP_HOST="localhost", follow=True)
    assert answer.status_code == 200 and "通行密钥" in answer.content.decode()
    assert "_auth_user_id" not in client.session
    assert AuditEvent.objects.filter(act="accounts.passkey.refuse", succeeded=False, subjects=[]).count() == 1


def test_a_flood_of_made_up_answers_is_not_written_down(client, user, monkeypatch):
    monkeypatch.setitem(limits.LIMITS, "sign_in_address", limits.Limit(2, ""))
    for _ in range(4):
        client.post("/accounts/sign-in/passkey/", {"credential": "{}"}, REMOTE_ADDR="203.0.113.77")
    assert AuditEvent.objects.filter(act="accounts.passkey.refuse").count() == 2


def test_an_address_that_is_a_number_offers_none(client, user):
    assert "通行密钥" not in client.get(SIGN_IN, HTTP_HOST="127.0.0.1:8000").content.decode()
    assert client.post("/accounts/sign-in/passkey/options/", HTTP_HOST="127.0.0.1:8000").status_code == 409
    assert "通行密钥" in client.get(SIGN_IN, HTTP_HOST="localhost").content.decode()
