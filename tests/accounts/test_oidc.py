"""The unified sign-in against a provider in a process of its own, which also lies."""

import json
import socket
import subprocess
import sys
import time
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener, urlopen

import pytest
from django.core.cache import cache
from django.test import Client

from accounts import oidc
from accounts.models import AuditEvent, OutsideIdentity, Session, User
from accounts.services import factors_reset
from accounts.views.oidc import TABS
from tests import factories as make

pytestmark = pytest.mark.django_db
LEAVE, BIND, FACTORS = "/accounts/sign-in/unified/", "/accounts/factors/unified/", "/accounts/factors/"


class _Stays(HTTPRedirectHandler):
    def redirect_request(self, *args):
        return None


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.fixture(scope="module")
def process():
    port = free_port()
    script = Path(__file__).with_name("oidc_provider.py")
    with subprocess.Popen([sys.executable, str(script), str(port)], stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout.readline() == "ready\n"
        yield f"http://127.0.0.1:{port}"
        running.terminate()


@pytest.fixture
def behave(process, settings):
    settings.OIDC_ISSUER, settings.OIDC_CLIENT_ID, settings.OIDC_CREDENTIAL = process, "xgz", "credential"
    cache.clear()

    def send(**behaviour):
        urlopen(Request(f"{process}/behave", json.dumps(behaviour).encode()))

    send()
    return send


@pytest.fixture
def person(behave, process):
    user = make.make_user(username="officer1")
    OutsideIdentity.objects.create(user=user, issuer=process, subject="person-1")
    return user


def at_the_provider(address: str) -> str:
    """What the browser is sent back to."""
    try:
        build_opener(_Stays).open(address)
    except OSError as answer:
        return answer.headers["Location"]
    raise AssertionError("the provider sent nobody back")


def come_in(client, **more):
    """The whole way; the last answer."""
    return client.get(at_the_provider(client.get(LEAVE, more).url))


def is_in(client) -> bool:
    return client.get(FACTORS).status_code == 200


def refusals() -> list[str]:
    return [event.detail["reason"] for event in AuditEvent.objects.filter(act="accounts.oidc.refuse").order_by("pk")]


def test_it_is_off_by_default(client):
    assert [client.get(address).status_code for address in (LEAVE, LEAVE + "back/")] == [404, 404]
    assert "政务统一认证" not in client.get("/accounts/sign-in/").content.decode()


def test_a_person_who_is_bound_comes_in_and_goes_where_they_wanted(client, person):
    assert "用政务统一认证登录" in client.get("/accounts/sign-in/").content.decode()
    answer = come_in(client, next="/accounts/sessions/")
    assert (answer.status_code, answer.url) == (302, "/accounts/sessions/") and is_in(client)
    assert person.sessions.count() == 1 and OutsideIdentity.objects.get().last_used_at
    assert AuditEvent.objects.filter(act="accounts.session.open", actor=person).count() == 1


def test_an_administrator_elsewhere_is_told_and_does_not_come_in(client, person, settings):
    make.rewrite(User.objects.all(), duty=User.Duty.AUDIT)
    settings.ADMIN_NETWORKS = [ip_network("10.12.0.0/24")]
    assert come_in(client).url == "/accounts/sign-in/" and not is_in(client)
    assert "没有登录。请到指定的终端上登录" in client.get("/accounts/sign-in/").content.decode()
    event = AuditEvent.objects.get(act="accounts.network.refuse")
    assert (event.subjects, event.address, event.succeeded) == ([person.pk], "127.0.0.1", False)


@pytest.mark.parametrize("alg", ["RS256", "ES256"])
def test_both_algorithms_and_turned_keys_are_taken(client, person, behave, alg):
    behave(turn=True, alg=alg)
    assert come_in(client).url == "/" and is_in(client)


LIES = {
    "nonce": ({"nonce": "another"}, "nonce"),
    "no nonce": ({"nonce": None}, "nonce"),
    "audience": ({"aud": "another"}, "token: InvalidClaimError"),
    "two audiences": ({"aud": ["xgz", "another"]}, "azp"),
    "issuer": ({"iss": "https://another"}, "token: InvalidClaimError"),
    "expired": ({"exp": -120}, "token: ExpiredTokenError"),
    "not signed": ({"alg": "none"}, "token"),
    "key that is not published": ({"alg": "unpublished"}, "token: BadSignatureError"),
    "no subject": ({"claims": {"sub": None}}, "token"),
    "a subject with a NUL": ({"sub": "person-1\0"}, "sub"),
    "a subject without end": ({"sub": "x" * 256}, "sub"),
    "for another party": ({"claims": {"azp": "another"}}, "azp"),
    "names another issuer": ({"told_issuer": "https://another"}, "issuer"),
}


@pytest.mark.parametrize(("lie", "reason"), LIES.values(), ids=LIES)
def test_an_untrue_answer_lets_nobody_in(client, person, behave, lie, reason):
    address = client.get(LEAVE).url
    behave(**lie)
    answer = client.get(at_the_provider(address))
    assert answer.status_code == 403 and "没有通过核对" in answer.content.decode() and not is_in(client)
    assert len(refusals()) == 1 and refusals()[0].startswith(reason)


def test_an_answer_counts_once_and_in_its_own_browser_only(client, person):
    back = at_the_provider(client.get(LEAVE).url)
    stranger = Client()
    stranger.get(LEAVE)
    assert stranger.get(back).status_code == 403  # brought to another browser: its state is another
    assert client.get(back).status_code == 302
    client.post("/accounts/sign-out/")
    assert client.get(back).status_code == 403 and refusals() == ["state", "state"]


def test_tabs_that_begin_beside_each_other_all_come_in(client, person):
    """The oldest of too many has been left."""
    oldest, *newest = (at_the_provider(client.get(LEAVE, {"next": f"/?tab={tab}"}).url) for tab in range(TABS + 1))
    assert client.get(oldest).status_code == 403
    assert [client.get(back).url for back in newest] == [f"/?tab={tab}" for tab in range(1, TABS + 1)]
    assert is_in(client) and client.get(newest[0]).status_code == 403


def test_a_code_that_was_used_is_refused_by_the_provider(client, person):
    first = at_the_provider(client.get(LEAVE).url)
    client.get(first)
    code, other = parse_qs(urlsplit(first).query)["code"][0], Client()
    state = parse_qs(urlsplit(other.get(LEAVE).url).query)["state"][0]
    answer = other.get(LEAVE + "back/", {"code": code, "state": state})
    assert answer.status_code == 403 and not is_in(other) and refusals() == ["code"]


def test_who_declines_there_is_told(client, person):
    state = parse_qs(urlsplit(client.get(LEAVE).url).query)["state"][0]
    answer = client.get(LEAVE + "back/", {"error": "access_denied", "state": state})
    assert answer.status_code == 403 and "没有让您登录" in answer.content.decode()


@pytest.mark.parametrize("query", [{}, {"state": "x"}, {"code": "x" * 5000, "state": "是"}])
def test_whatever_comes_back_unasked_is_refused(client, behave, query):
    assert client.get(LEAVE + "back/", query).status_code == 403 and not Session.objects.exists()


def test_a_provider_that_is_away_leaves_the_password(client, person, settings):
    settings.OIDC_ISSUER = f"http://127.0.0.1:{free_port()}"
    answer = client.get(LEAVE)
    assert answer.status_code == 503 and "请用账号和密码登录" in answer.content.decode()
    given = {"username": person.username, "password": make.PASSWORD}
    assert client.post("/accounts/sign-in/", given).status_code == 302 and is_in(client)


OK = "HTTP/1.1 200 OK\r\n"
BROKEN = {
    "another language": "HELLO\r\n\r\n",
    "cut off in a chunk": f'{OK}Transfer-Encoding: chunked\r\n\r\nff\r\n{{"a":',
    "a header without end": f"{OK}X: {'a' * 70_000}\r\n\r\n",
    "nested without end": f"{OK}\r\n{'[' * 100_000}",
}


@pytest.mark.parametrize("raw", BROKEN.values(), ids=BROKEN)
def test_a_provider_that_breaks_down_in_the_middle_is_away(client, person, behave, raw):
    back = at_the_provider(client.get(LEAVE).url)
    behave(raw=raw, quick=True)
    answers = [client.get(back), client.get(LEAVE)]
    assert [answer.status_code for answer in answers] == [503, 503] and refusals() == ["away", "away"]


def test_a_provider_that_answers_letter_by_letter_holds_nobody_up(client, person, behave, monkeypatch):
    monkeypatch.setattr(oidc, "PATIENCE", 0.4)
    behave(raw=f"{OK}\r\n{' ' * 1000}")
    began = time.monotonic()
    assert client.get(LEAVE).status_code == 503 and time.monotonic() - began < 5


def test_nobody_is_made_and_who_is_not_bound_or_switched_off_stays_out(client, person, behave):
    before = User.objects.count()
    behave(sub="somebody")
    assert come_in(client).status_code == 403
    behave()
    make.rewrite(User.objects.filter(pk=person.pk), is_active=False)
    assert "没有绑定" in come_in(client).content.decode() and not is_in(client)
    assert User.objects.count() == before and refusals() == ["unbound", "unbound"]


@pytest.mark.parametrize(
    ("claims", "step"),
    [
        ({}, "second"),
        ({"acr": "high"}, ""),
        ({"amr": ["pwd", "sm2key"]}, ""),
        ({"acr": "low", "amr": "sm2key"}, "second"),
    ],
)
def test_the_settings_say_whether_the_providers_second_factor_counts(client, person, behave, settings, claims, step):
    settings.SECOND_FACTOR_REQUIRED = True
    settings.OIDC_STRONG_ACR, settings.OIDC_STRONG_AMR = ["high"], ["sm2key"]
    behave(claims=claims)
    answer = come_in(client)
    assert ("/accounts/factors/new/" in answer.url) == bool(step) and is_in(client) != bool(step)


def test_one_binds_oneself_while_signed_in_and_takes_it_away(client, behave):
    user = make.make_user(username="officer2")
    client.post("/accounts/sign-in/", {"username": user.username, "password": make.PASSWORD})
    assert come_back(client).url == FACTORS and user.identities.get().subject == "person-1"
    assert "已绑定" in client.get(FACTORS).content.decode()
    other = Client()
    other.post(
        "/accounts/sign-in/", {"username": make.make_user(username="officer3").username, "password": make.PASSWORD}
    )
    assert "已经绑定在别的账号上" in other.get(come_back(other).url).content.decode()
    client.post(BIND)
    assert not OutsideIdentity.objects.exists()
    assert list(AuditEvent.objects.filter(act__startswith="accounts.identity").order_by("pk").values_list("act", flat=True)) == [
        "accounts.identity.bind", "accounts.identity.unbind",
    ]  # fmt: skip


def come_back(client):
    return client.get(at_the_provider(client.get(BIND).url))


def test_binding_asks_for_a_fresh_sign_in_and_ends_with_a_reset(client, person):
    stranger = Client()
    assert stranger.get(BIND).url.startswith("/accounts/sign-in/")
    stranger.force_login(person)
    assert "again=1" in stranger.get(BIND).url
    factors_reset(user=person, reason="手机丢失", by=make.make_user(duty="security"))
    assert not OutsideIdentity.objects.exists()


def test_signing_out_leads_on_to_the_provider_and_asks_it_nothing(client, person, process, monkeypatch):
    """It may be away by then: whoever signs out here is out, at once."""
    come_in(client)
    monkeypatch.setattr(oidc, "_ask", None)
    answer = client.post("/accounts/sign-out/")
    assert answer.url.startswith(f"{process}/sign-out?id_token_hint=") and not is_in(client)
