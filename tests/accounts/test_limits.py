"""How often what may be asked: each limit of the table where it is met, by the address that the proxy wrote."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from redis.exceptions import ConnectionError as NoRedis

from accounts import limits
from accounts.limits import LIMITS, Limit
from accounts.models import AuditEvent
from accounts.services import token_create
from tests import factories as make

pytestmark = pytest.mark.django_db
SIGN_IN = "/accounts/sign-in/"


@pytest.fixture(autouse=True)
def nothing_counted():
    cache.clear()


@pytest.fixture
def at_most(monkeypatch):
    return lambda name, most: monkeypatch.setitem(LIMITS, name, Limit(most, ""))


def wrong(username: str, address="192.0.2.1", password="wrong", **headers):
    given = {"username": username, "password": password}
    return Client(REMOTE_ADDR=address, headers=headers).post(SIGN_IN, given).status_code


def test_many_accounts_tried_from_one_address_are_stopped(at_most):
    """No account of them is locked: axes would see one try each."""
    at_most("sign_in_address", 3)
    user = make.make_user()
    assert [wrong(f"guess{n}") for n in range(4)] == [200, 200, 200, 429]
    answer = Client(REMOTE_ADDR="192.0.2.1").post(SIGN_IN, {"username": user.username, "password": make.PASSWORD})
    assert answer.status_code == 429 and answer["Retry-After"] == "600" and "通行密钥" in answer.content.decode()
    assert wrong(user.username, "192.0.2.2", make.PASSWORD) == 302


def test_the_addresses_of_one_ipv6_site_are_counted_as_one(at_most):
    at_most("sign_in_address", 3)
    assert [wrong(f"guess{n}", f"2001:db8:0:1::{n:x}") for n in range(20, 24)] == [200, 200, 200, 429]
    assert wrong("guess", "2001:db8:0:2::1") == 200


def test_one_account_tried_from_many_addresses_is_stopped_whether_it_exists_or_not(at_most):
    at_most("sign_in_account", 3)
    user = make.make_user()
    for name in (user.username, "nobody"):
        assert [wrong(name, f"192.0.2.{n}") for n in range(4)] == [200, 200, 200, 429]
    assert wrong(make.make_user().username, "192.0.2.9", make.PASSWORD) == 302


@pytest.mark.parametrize("length", [61, 256, 5000])
def test_a_name_that_no_account_can_have_is_a_wrong_one(length):
    assert wrong("x" * length) == 200


@pytest.mark.parametrize("proxy", [False, True])
def test_an_invented_address_escapes_no_limit(at_most, settings, proxy):
    """Whoever invents hops writes them before the one that the proxy adds."""
    settings.BEHIND_PROXY = proxy
    at_most("sign_in_address", 2)
    hops = [{"X-Forwarded-For": f"203.0.113.{n}" + (", 198.51.100.7" if proxy else "")} for n in range(3)]
    assert [wrong("guess", **hop) for hop in hops] == [200, 200, 429]


def test_refused_tokens_do_not_flood_the_audit_and_right_ones_are_not_held_up(at_most):
    at_most("token_address", 2)
    user = make.make_user("leader", make.make_city().city)
    until = timezone.now() + timedelta(hours=1)
    _, plain = token_create(user=user, label="x", scopes=["organizations"], expires_at=until)
    ask = lambda token: Client().get("/api/v1/organizations/", headers={"Authorization": f"Token {token}"})  # noqa: E731
    answers = [ask("made-up") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [401, 401, 429, 429]
    assert answers[-1]["Retry-After"] == "600" and "令牌被拒绝的次数太多" in answers[-1].json()["detail"]
    assert AuditEvent.objects.filter(act="accounts.token.refuse").count() == 2
    assert ask(plain).status_code == 200


def test_codes_of_receipts_that_do_not_exist_are_not_tried_for_ever(at_most, client):
    at_most("receipt_missed", 2)
    answers = [client.get(f"/r/AAAABBBBCCCCDDD{n}/") for n in range(3)]
    assert [answer.status_code for answer in answers] == [404, 404, 429] and answers[-1]["Retry-After"] == "600"


def test_searches_of_one_person_are_limited(at_most, client):
    at_most("search_person", 1)
    client.force_login(make.make_user("leader", make.make_city().city))
    statuses = [client.get("/search/", {"q": "某"}).status_code for _ in range(2)]
    assert statuses == [200, 429]
    assert client.get("/search/").status_code == 200  # nothing is asked for


def test_without_redis_people_still_get_in(monkeypatch):
    def gone(*args, **kwargs):
        raise NoRedis

    for name in ("add", "incr", "get"):
        monkeypatch.setattr(limits.cache, name, gone)
    user = make.make_user()
    assert wrong(user.username) == 200 and wrong(user.username, password=make.PASSWORD) == 302


def test_every_limit_is_asked_by_name():
    """The two that are met elsewhere have their tests there (tests/members, tests/reports)."""
    assert all(limit.most > 0 and limit.counts for limit in LIMITS.values())
    with pytest.raises(KeyError):
        limits.within("nothing", 1)
