"""The three administrators work from their own networks only: signing in, a session, a token."""

import re
from datetime import timedelta
from ipaddress import ip_network

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts import checks
from accounts.models import AuditEvent, User
from accounts.services import token_create
from tests import factories as make

pytestmark = pytest.mark.django_db
INSIDE, OUTSIDE = "10.12.0.7", "198.51.100.7"
SIGN_IN, USERS = "/accounts/sign-in/", "/admin/accounts/user/"
TOKEN = re.compile(r'csrfmiddlewaretoken" value="\w+"')
ADMINS = [User.Duty.SYSTEM, User.Duty.SECURITY, User.Duty.AUDIT]


@pytest.fixture(autouse=True)
def listed(settings):
    settings.ADMIN_NETWORKS = [ip_network("10.12.0.0/24"), ip_network("2001:db8:12::/64")]
    settings.BEHIND_PROXY = False


@pytest.fixture
def admin():
    return make.make_user(duty=User.Duty.SECURITY, username="security1")


def sign_in(client, username="security1", password=make.PASSWORD, **meta):
    return client.post(SIGN_IN, {"username": username, "password": password}, **meta)


def refusals() -> list[tuple]:
    events = AuditEvent.objects.filter(act="accounts.network.refuse").order_by("pk")
    return [(event.actor_id, event.subjects, event.address, event.detail) for event in events]


@pytest.mark.parametrize("duty", ADMINS)
def test_an_administrator_signs_in_from_there_only(client, duty):
    user = make.make_user(duty=duty, username="admin1")
    answer = sign_in(client, "admin1", REMOTE_ADDR=OUTSIDE)
    assert answer.status_code == 200 and "账号或密码不正确" in answer.content.decode()
    assert refusals() == [(None, [user.pk], OUTSIDE, {"known": True})]
    assert sign_in(client, "admin1", REMOTE_ADDR=INSIDE).status_code == 302


@pytest.mark.parametrize(
    ("address", "is_let"),
    [
        ("10.12.0.0", True), ("10.12.0.255", True), ("10.12.1.0", False), ("2001:db8:12::9", True),
        ("2001:db8:13::9", False), ("::ffff:10.12.0.7", True), ("::ffff:198.51.100.7", False), ("", False),
    ],
)  # fmt: skip
def test_both_kinds_of_addresses(client, admin, address, is_let):
    assert (sign_in(client, REMOTE_ADDR=address).status_code == 302) is is_let


def test_everybody_else_signs_in_from_anywhere(client):
    make.make_user(username="officer1")
    assert sign_in(client, "officer1", REMOTE_ADDR=OUTSIDE).status_code == 302
    assert client.get("/jobs/", REMOTE_ADDR="203.0.113.9").status_code == 200
    assert refusals() == []


def test_an_empty_list_is_no_limit(client, admin, settings):
    settings.ADMIN_NETWORKS = []
    assert sign_in(client, REMOTE_ADDR=OUTSIDE).status_code == 302
    assert client.get(USERS, REMOTE_ADDR="203.0.113.9").status_code == 200


def test_from_outside_the_right_password_is_answered_as_a_wrong_one(client, admin):
    pages = [
        TOKEN.sub("", sign_in(type(client)(), password=password, REMOTE_ADDR=OUTSIDE).content.decode())
        for password in (make.PASSWORD, "wrong")
    ]
    assert pages[0] == pages[1] and "账号或密码不正确" in pages[0]
    assert [detail for *_, detail in refusals()] == [{"known": True}] * 2


def test_the_sign_in_page_says_it_to_everybody(client, settings):
    assert "只能在指定的网络里登录" in client.get(SIGN_IN).content.decode()
    settings.ADMIN_NETWORKS = []
    assert "只能在指定的网络里登录" not in client.get(SIGN_IN).content.decode()


@pytest.mark.parametrize(
    ("behind", "hops", "status"),
    [
        (True, INSIDE, 302),
        (True, f"{INSIDE}, {OUTSIDE}", 200),  # what the sender claims stands before what the proxy saw
        (True, f"{OUTSIDE}, {INSIDE}", 302),
        (True, "", 200),
        (True, "unknown", 200),
        (False, INSIDE, 200),  # no proxy: the header is whatever the sender likes
    ],
)
def test_an_invented_header_lets_nobody_in(client, admin, settings, behind, hops, status):
    settings.BEHIND_PROXY = behind
    assert sign_in(client, REMOTE_ADDR="172.18.0.5", HTTP_X_FORWARDED_FOR=hops).status_code == status


@pytest.mark.parametrize("address", [USERS, "/accounts/locked/", "/api/v1/organizations/", "/q/NOSUCH/"])
def test_a_session_carried_elsewhere_ends_with_its_next_request(client, admin, address):
    client.force_login(admin)
    assert client.get(USERS, REMOTE_ADDR=INSIDE).status_code == 200
    assert client.get(address, REMOTE_ADDR=OUTSIDE).status_code in (302, 401, 403, 404)
    assert refusals() == [(None, [admin.pk], OUTSIDE, {"by": "session"})]
    assert client.get(USERS, REMOTE_ADDR=INSIDE).status_code == 302, "gone for good"
    assert not admin.sessions.exists()


def test_an_idle_session_is_not_reopened_from_elsewhere(client, admin, settings):
    settings.SESSION_IDLE_MINUTES = 0
    client.force_login(admin)
    unlock = reverse("accounts:unlock")
    answer = client.post(unlock, {"password": make.PASSWORD}, REMOTE_ADDR=OUTSIDE)
    assert answer.json() == {"gone": True} and not admin.sessions.exists()


def test_who_becomes_an_administrator_elsewhere_is_out(client):
    user = make.make_user(username="officer1")
    client.force_login(user)
    assert client.get("/jobs/", REMOTE_ADDR=OUTSIDE).status_code == 200
    make.rewrite(User.objects.all(), duty=User.Duty.AUDIT)
    assert client.get("/jobs/", REMOTE_ADDR=OUTSIDE).status_code == 302


def test_a_token_kept_from_before_serves_an_administrator_from_there_only(client):
    user = make.make_user(username="officer1")
    _, plain = token_create(user=user, label="旧的", scopes=["numbers"], expires_at=timezone.now() + timedelta(days=1))
    make.rewrite(User.objects.all(), duty=User.Duty.AUDIT)
    statuses = [
        client.get("/api/v1/organizations/", HTTP_AUTHORIZATION=f"Token {plain}", REMOTE_ADDR=address).status_code
        for address in (OUTSIDE, INSIDE)
    ]
    assert statuses == [401, 403]
    assert AuditEvent.objects.get(act="accounts.token.refuse").address == OUTSIDE


def test_the_way_in_is_not_finished_elsewhere(client, admin, settings):
    settings.SECOND_FACTOR_REQUIRED = True
    assert sign_in(client, REMOTE_ADDR=INSIDE).url == reverse("accounts:factor_set_up")
    assert client.get(reverse("accounts:factor_set_up"), REMOTE_ADDR=OUTSIDE).url == SIGN_IN
    assert refusals() == [(None, [admin.pk], OUTSIDE, {"by": "way"})]
    assert client.get(reverse("accounts:factor_set_up"), REMOTE_ADDR=INSIDE).url == SIGN_IN


def test_without_a_list_the_check_of_a_deployment_and_the_health_page_say_so(client, settings):
    client.force_login(make.make_user(duty=User.Duty.SYSTEM))
    health = reverse("reports:health")
    assert "10.12.0.0/24、2001:db8:12::/64" in client.get(health, REMOTE_ADDR=INSIDE).content.decode()
    assert checks.admin_networks(None) == []
    settings.ADMIN_NETWORKS = []
    assert "三员在任何网络都能登录" in client.get(health, REMOTE_ADDR=INSIDE).content.decode()
    assert [warning.id for warning in checks.admin_networks(None)] == ["accounts.W001"]
