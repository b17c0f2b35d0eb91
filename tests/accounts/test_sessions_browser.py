"""A page that was left alone in a real browser: locked, opened by password or passkey, the form still as it was."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import ApiToken, Session
from tests import factories as make
from tests.accounts.test_passkeys import Device, looked_at

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def user(db):
    return make.make_user("officer", make.make_city().yuehai, username="officer1", name="李四")


def left_alone(page) -> None:
    """The server's clock and the page's both say that the limit has passed."""
    Session.objects.exclude(user=None).update(seen_at=timezone.now() - timedelta(minutes=20))
    page.clock.fast_forward("20:00")


def opened(page, live_server) -> None:
    page.clock.install()
    page.goto(f"{live_server.url}/accounts/sign-in/?next=/accounts/tokens/")
    page.fill("[name=username]", "officer1")
    page.fill("[name=password]", make.PASSWORD)
    page.click("button:text-is('登录')")
    page.wait_for_url("**/accounts/tokens/")


def test_a_form_filled_before_is_sent_after_the_password(phone_page, live_server, user):
    opened(phone_page, live_server)
    phone_page.fill("[name=label]", "填到一半的用途")
    left_alone(phone_page)
    phone_page.wait_for_selector("dialog[open] [name=password]")
    looked_at(phone_page, "unlock")
    phone_page.fill("dialog [name=password]", "wrong")
    phone_page.click("dialog button:text-is('打开')")
    phone_page.wait_for_selector("text=密码不正确")
    phone_page.fill("dialog [name=password]", make.PASSWORD)
    phone_page.click("dialog button:text-is('打开')")
    phone_page.wait_for_selector("dialog:not([open])", state="attached")
    assert phone_page.input_value("[name=label]") == "填到一半的用途"
    phone_page.check("label:has-text('读取统计数字') input")
    phone_page.click("button:text-is('建立')")
    phone_page.wait_for_selector("text=新令牌只显示这一次")
    assert ApiToken.objects.get().label == "填到一半的用途"


def test_a_form_sent_while_the_server_counts_a_few_seconds_more_is_not_lost(page, live_server, user):
    """The server writes down when it saw somebody to twenty seconds, the page knows its own opening exactly."""
    opened(page, live_server)
    page.fill("[name=label]", "填到一半的用途")
    page.check("label:has-text('读取统计数字') input")
    Session.objects.exclude(user=None).update(seen_at=timezone.now() - timedelta(minutes=15, seconds=5))
    page.clock.fast_forward("14:50")
    page.click("button:text-is('建立')")
    page.wait_for_selector("dialog[open] [name=password]")
    page.fill("dialog [name=password]", make.PASSWORD)
    page.click("dialog button:text-is('打开')")
    page.wait_for_selector("text=新令牌只显示这一次")
    assert ApiToken.objects.get().label == "填到一半的用途"


def test_a_phone_opens_by_its_passkey(phone_page, live_server, user):
    Device(phone_page)
    opened(phone_page, live_server)
    phone_page.goto(f"{live_server.url}/accounts/factors/passkey/")
    phone_page.click("button:text-is('登记')")
    phone_page.click("text=已经抄好")
    phone_page.goto(f"{live_server.url}/accounts/tokens/")
    phone_page.fill("[name=label]", "填到一半的用途")
    left_alone(phone_page)
    phone_page.click("text=用通行密钥打开")
    phone_page.wait_for_selector("dialog:not([open])", state="attached")
    assert phone_page.input_value("[name=label]") == "填到一半的用途"
