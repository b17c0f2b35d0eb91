"""Two people of two districts ask the same server at once, over many threads, and never see each other's rows.

Real gunicorn, real PostgreSQL, real Redis: pages, fragments, the API by session and by token, kept parts of dashboards,
conditional GET of the wall screens, rows of the other that answer like missing ones. `make race` runs it for a minute and
until 50,000 answers were read; here it takes a few seconds. The controls ask a server with a mistake and must see it.
"""

import http.client
import os
import re
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import quote

import pytest
from django.conf import settings
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.services import token_create
from members.models import Registration
from reports.screens import screen_create
from reports.services import coverage_refresh
from tests import factories as make
from tests.served import HOST, Server

pytestmark = pytest.mark.django_db(transaction=True)
SECONDS = float(os.environ.get("RACE_SECONDS", "0"))
ANSWERS = int(os.environ.get("RACE_ANSWERS", "120"))
WORKERS = int(os.environ.get("RACE_WORKERS", "1"))
CONTROL_ANSWERS = 2_000  # at most: a control ends with the first leak
THREADS = 8
FIRM = quote("商贸")
LEAK = "shows the other's"
FRAGMENT = {"HX-Request": "true"}


@dataclass(frozen=True)
class Ask:
    """One question. `status`: what is expected; `shows`: whether the own mark must stand in the answer."""

    path: str
    headers: dict = field(default_factory=dict)
    status: int = 200
    shows: bool = True


@dataclass
class Side:
    """Somebody of one district, and what is planted there: no answer to the other one may hold `mark`."""

    mark: str
    asks: list[Ask]
    login: dict[str, str]


@dataclass
class Heard:
    """What the threads read: answers by status, and whatever was wrong, each once."""

    answers: Counter = field(default_factory=Counter)
    wrong: set[str] = field(default_factory=set)
    seconds: float = 0.0


def planted(unit, mark: str, tail: str):
    """One of each under the guidance station, and the officer there."""
    for one in (unit, unit.parent):
        one.name = one.short_name = f"{mark}{one.name}"
        one.save()
    officer = make.make_user("officer", unit, name=f"{mark}干部")
    branch = make.make_branch(unit, name=f"{mark}第一党支部")
    member = make.make_member("张三", workplace=f"{mark}单位", phone_tail=tail)
    make.make_affiliation(member, branch)
    own = {"guidance_station": unit, "district_committee": unit.district_committee}
    waiting = Registration.objects.create(name="何某", workplace=f"{mark}摊位", due_on="2026-01-01", **own)
    rows = {
        "markets:business_detail": make.make_business(unit, name=f"{mark}商贸有限公司", employees=20),
        "markets:market_detail": make.make_market(unit, name=f"{mark}市场"),
        "stations:detail": make.make_service_point(unit, name=f"{mark}驿站"),
        "members:detail": member, "members:registration": waiting, "orgs:detail": branch,
    }  # fmt: skip
    until = timezone.now() + timedelta(hours=3)
    screen, key = screen_create(
        unit=unit, name=f"{mark}大厅", pages=["overview"], seconds=20, by=officer, expires_at=until
    )
    scopes = ["businesses", "members", "organizations", "service_points"]
    _, token = token_create(user=officer, label="系统", scopes=scopes, expires_at=until)
    return officer, rows, (screen.pk, key), token


def side(unit, mark: str, mine, theirs) -> Side:
    officer, rows, (screen, key), token = mine
    client = Client()
    client.force_login(officer)
    cookie = f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"
    by_token, by_key = (
        {"Authorization": f"Token {token}", "Cookie": ""},
        {"Authorization": f"Screen {key}", "Cookie": ""},
    )
    pages = [
        "markets:business_list", "markets:market_list", "members:list", "members:queue", "stations:list", "orgs:list",
        "reports:today",
    ]  # fmt: skip
    data, dashboard = reverse("reports:screen_data", args=[screen]), reverse("reports:organization", args=[unit.code])
    theirs_data = reverse("reports:screen_data", args=[theirs[2][0]])
    asks = [
        *(Ask(reverse(name)) for name in pages),
        *(Ask(reverse(name, args=[row.pk])) for name, row in rows.items()),
        *(Ask(reverse(name, args=[row.pk]), status=404, shows=False) for name, row in theirs[1].items()),
        Ask(dashboard), Ask(dashboard), Ask(dashboard), Ask(f"{reverse('reports:search')}?q={FIRM}", FRAGMENT),
        Ask(f"{reverse('markets:business_list')}?q={FIRM}", FRAGMENT),
        Ask(reverse("reports:rows", args=["organizations"]), FRAGMENT),
        *(
            Ask(reverse(f"api:{name}-list"), headers, shows=name != "member")  # masked: nothing of it tells whose it is
            for name in ("business", "market", "member", "organization", "service-point")
            for headers in ({}, by_token)
        ),
        Ask(data, by_key), Ask(data, by_key), Ask(theirs_data, by_key, status=404, shows=False),
    ]  # fmt: skip
    return Side(mark, asks, {"Cookie": cookie})


def ask(link: http.client.HTTPConnection, one: Ask, login: dict[str, str]) -> tuple[int, dict, str]:
    link.request("GET", one.path, headers=login | one.headers)
    answer = link.getresponse()
    return answer.status, dict(answer.getheaders()), answer.read().decode(errors="replace")


def wrong_with(own: Side, other: Side, one: Ask, status: int, headers: dict, text: str) -> list[str]:
    told = f"{text} {headers}"
    name = settings.SESSION_COOKIE_NAME
    set_to = re.findall(rf"{name}=(\w+)", headers.get("Set-Cookie", ""))
    found = {
        f"is {status}": status != one.status,
        LEAK: other.mark in told,
        "does not show one's own": one.shows and own.mark not in told,
        "signs in as somebody": any(f"{name}={value}" != own.login["Cookie"] for value in set_to),
    }
    return [f"{own.mark} {one.path} {wrong}" for wrong, is_so in found.items() if is_so]


def conditional(port: int, own: Side, other: Side) -> list[Ask]:
    """The wall screen with a tag it knows, and with the tag of the other's screen, which is no reason for a 304."""
    tags, screens = [], [next(one for one in each.asks if "Screen" in str(one.headers)) for each in (own, other)]
    for screen in screens:
        link = http.client.HTTPConnection(HOST, port, timeout=30)
        tags.append(ask(link, screen, {})[1]["ETag"])
        link.close()
    assert tags[0] != tags[1]
    known, others = ({**screens[0].headers, "If-None-Match": tag} for tag in tags)
    return [Ask(screens[0].path, known, 304, False)] * 30 + [Ask(screens[0].path, others)]


def race(port: int, sides: list[Side], *, answers: int, seconds: float = 0, **more: str) -> Heard:
    """Each thread asks for one side and for the other in turns, over one connection kept open, as a proxy does. It ends
    after that many answers and seconds, or when one shows what it must not."""
    heard, lock, started = Heard(), threading.Lock(), time.monotonic()

    def over() -> bool:
        enough = time.monotonic() - started > seconds and heard.answers.total() >= answers
        return enough or any(LEAK in wrong for wrong in heard.wrong)

    def one_thread(number: int) -> None:
        link = http.client.HTTPConnection(HOST, port, timeout=60)
        turn = number * 7  # threads begin at different questions
        while not over():
            own, other = sides[turn % 2], sides[1 - turn % 2]
            one = own.asks[turn // 2 % len(own.asks)]
            answer = ask(link, one, own.login | more)
            wrong = wrong_with(own, other, one, *answer)
            with lock:
                heard.answers[answer[0]] += 1
                heard.wrong.update(wrong)
            turn += 1
        link.close()

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(one_thread, range(THREADS)))  # raises what a thread raised
    heard.seconds = time.monotonic() - started
    return heard


@pytest.fixture
def sides(transactional_db):
    city = make.make_city()
    near, far = planted(city.yuehai, "ALPHA7391", "7391"), planted(city.lianhua, "OMEGA8462", "8462")
    coverage_refresh()
    yield [side(city.yuehai, "ALPHA7391", near, far), side(city.lianhua, "OMEGA8462", far, near)]
    cache.clear()


@pytest.fixture
def server():
    running = Server("tests.race_app", workers=WORKERS)
    running.start()
    yield running
    running.kill()


def test_two_districts_at_once_never_see_each_other(sides, server):
    more = [conditional(server.port, *pair) for pair in (sides, sides[::-1])]
    for one, asks in zip(sides, more, strict=True):
        one.asks.extend(asks)
    heard = race(server.port, sides, answers=ANSWERS, seconds=SECONDS)
    print(f"{heard.answers.total():,} answers in {heard.seconds:.0f} s: {dict(heard.answers)}")
    assert not heard.wrong
    for mistake in ("cache", "thread"):  # the controls
        seen = race(server.port, sides, answers=CONTROL_ANSWERS, **{"X-Mistake": mistake})
        print(f"{mistake}: {seen.answers.total()} answers until {seen.wrong}")
        assert any(LEAK in wrong for wrong in seen.wrong), mistake
