"""The wall in a real browser: whole in every format, alive when the server is not, dark when its key is over."""

import json
import re
from datetime import datetime, timedelta
from itertools import product
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone

from reports.models import Screen
from reports.screens import screen_create, screen_revoke
from tests import factories as make
from tests.reports import builders as b
from tests.reports.helpers import refresh

pytestmark = pytest.mark.django_db(transaction=True)
FORMATS = {"normal": (1920, 1080), "wide": (3840, 1080), "tall": (1080, 1920)}
SMALLEST = 28  # px of the canvas: read from eight metres

WRONG = Path(__file__).with_name("wall_checks.js").read_text(encoding="utf-8")
MOVING = "[...document.querySelectorAll('.page, .track > *')].map((node) => getComputedStyle(node).transitionDuration)"


@pytest.fixture
def city(db):
    cache.clear()
    city = make.make_city()
    branch = make.make_branch(city.yuehai)
    for number in range(60):
        row = b.business((city.yuehai, city.lianhua, city.shahe)[number % 3], full=3, employees=20)
        if number % 4 == 0:
            b.cover(branch, row)
    b.market_with_branch(city.shahe)
    make.make_market(city.yuehai)
    make.make_service_point(city.yuehai)
    refresh()
    yield city
    cache.clear()


@pytest.fixture
def leader(city):
    return make.make_user("leader", city.city)


@pytest.fixture
def hung(city, leader, live_server):
    """A screen of the city: (row, address with the key)."""

    def hang(unit=city.city, **more):
        values = {"name": "大厅", "pages": [str(page) for page in Screen.Page], "seconds": 600}
        expires_at = timezone.now() + timedelta(days=9)
        row, key = screen_create(unit=unit, by=leader, **values | {"expires_at": expires_at} | more)
        return row, f"{live_server.url}{reverse('reports:screen', args=[row.pk])}#{key}"

    return hang


def opened(page, address: str, size=FORMATS["normal"]) -> list[str]:
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda line: problems.append(line.text) if "Content Security" in line.text else None)
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.goto(address)
    page.wait_for_selector("body[data-state=live]")
    return problems


def told(page, name: str) -> str:
    return page.locator(f'[data-text="{name}"]').inner_text()


@pytest.mark.parametrize(
    ("level", "format"),
    [*product(["city"], FORMATS), ("district", "tall"), ("guidance", "normal"), ("guidance", "wide")],
)
def test_every_page_is_whole_in_every_format(city, hung, page, format, level):
    unit = {"city": city.city, "district": city.nanshan, "guidance": city.yuehai}[level]
    page.emulate_media(reduced_motion="reduce")
    problems = opened(page, hung(unit)[1], FORMATS[format])
    titles = []
    while told(page, "title") not in titles:
        titles.append(told(page, "title"))
        page.wait_for_timeout(150)
        assert page.evaluate(WRONG, SMALLEST) == [], titles[-1]
        assert str(unit) in told(page, "unit")
        assert f"数据截至 {timezone.localdate():%Y-%m-%d}" in told(page, "when") and "计算" in told(page, "when")
        page.keyboard.press("ArrowRight")
    pages = 5 if level != "guidance" else 4
    assert len(titles) == (pages - 1 if format == "wide" else pages)  # the wide one keeps the first at the left
    assert problems == []


def test_pages_turn_by_themselves_and_stop_while_paused(hung, page):
    page.clock.install()
    opened(page, hung(seconds=10)[1])
    first = told(page, "title")
    page.clock.run_for(11_000)
    second = told(page, "title")
    assert second != first
    page.keyboard.press(" ")
    assert "已暂停" in told(page, "state")
    page.clock.run_for(30_000)
    assert told(page, "title") == second


def becomes(page, text: str) -> None:
    """The number of businesses walks there by the page's clock, from an answer that came in real time."""
    number = page.locator("[data-page=overview] [data-key=operating] .number")
    for _ in range(100):
        page.clock.run_for(300)
        page.wait_for_timeout(30)
        if number.inner_text() == text:
            return
    assert number.inner_text() == text


def numbers(page) -> str:
    return page.locator('[data-page="overview"] .number').all_inner_texts()


BROKEN = {
    "no server": lambda route: route.abort(),
    "an error": lambda route: route.fulfill(status=502, body="<h1>Bad Gateway</h1>", content_type="text/html"),
    "half an answer": lambda route: route.fulfill(body='{"unit": "市', content_type="application/json"),
    "another page": lambda route: route.fulfill(body="<h1>sign in</h1>", content_type="text/html"),
    "an empty object": lambda route: route.fulfill(body="{}", content_type="application/json"),
    "a missing page": lambda route: route.fulfill(status=404, body="{}", content_type="application/json"),
}


@pytest.mark.parametrize("trouble", BROKEN)
def test_the_last_frame_stays_with_its_time_and_recovers(city, hung, page, trouble):
    page.clock.install()
    opened(page, hung()[1])
    before, when = numbers(page), told(page, "when")
    page.route("**/data.json", BROKEN[trouble])
    page.clock.run_for(400_000)
    page.wait_for_selector("body[data-state=away]")
    assert numbers(page) == before and told(page, "when") == when
    assert "数据截至" in told(page, "state") and "分钟未更新" in told(page, "state")
    page.unroute("**/data.json")
    for _ in range(15):
        b.business(city.yuehai, full=3, employees=20)
    refresh()
    for _ in range(60):  # in steps: what is asked is answered in real time, and given up by the page's clock
        page.clock.run_for(3_000)
        page.wait_for_timeout(100)
        if page.locator("body[data-state=live]").count():
            break
    becomes(page, "75")


@pytest.mark.parametrize("trouble", ["no server", "silence"])
def test_the_wall_tells_within_half_a_minute_that_nobody_answers(hung, page, trouble):
    page.clock.install()
    opened(page, hung()[1])
    page.route("**/data.json", (lambda route: None) if trouble == "silence" else BROKEN[trouble])
    page.clock.run_for(16_000)
    page.wait_for_timeout(200)
    page.clock.run_for(14_000)
    page.wait_for_selector("body[data-state=away]")
    assert re.search(r"显示的是 \d\d:\d\d 取到的数字：数据截至 .*已 \d\d 秒未更新", told(page, "state"))


def test_a_fresh_frame_changes_the_nodes_that_stand(city, hung, page):
    """Nothing blinks and nothing grows: the same nodes, the same charts, other numbers, however often they come."""
    page.clock.install()
    opened(page, hung()[1])
    page.wait_for_selector("[data-page=areas] svg", state="attached")  # drawn when the shapes came
    page.evaluate("document.querySelectorAll('#stage *').forEach((node, index) => { node.marked = index; })")
    count = "document.querySelectorAll('#stage :not(svg *)').length"
    nodes = page.evaluate(count)
    for number in range(3):
        b.business(city.yuehai, full=3, employees=20)
        refresh()
        with page.expect_response("**/data.json") as answer:
            page.clock.run_for(16_000)
        assert answer.value.status == 200, number
        becomes(page, f"{61 + number}")
    assert page.evaluate(count) == nodes
    fresh = "[...document.querySelectorAll('#stage :not(svg *)')].filter((node) => node.marked === undefined).length"
    assert page.evaluate(fresh) == 0


def test_what_did_not_change_is_304(hung, page):
    page.clock.install()
    opened(page, hung()[1])
    with page.expect_response("**/data.json") as answer:
        page.clock.run_for(16_000)
    assert answer.value.status == 304
    assert page.locator("body[data-state=live]").count() == 1


@pytest.mark.parametrize("format", FORMATS)
def test_a_revoked_screen_says_so_and_shows_no_number(leader, hung, page, format):
    page.clock.install()
    row, address = hung()
    opened(page, address, FORMATS[format])
    screen_revoke(screen=row, by=leader)
    page.clock.run_for(16_000)
    page.wait_for_selector("body[data-state=refused]")
    assert told(page, "told") == "此大屏已停用"
    assert page.locator("#stage .number, #stage .text, #stage svg").count() == 0
    assert page.locator("#stage .panel:visible").count() == 0
    assert told(page, "when") == "" and "%" not in page.locator("body").inner_text()
    assert page.evaluate("localStorage.getItem(`screen:${document.getElementById('canvas').dataset.number}`)") is None
    page.reload()
    page.wait_for_selector("body[data-state=refused]")


def test_a_screen_ends_on_its_day_without_the_server(hung, page):
    page.clock.install()
    opened(page, hung(expires_at=timezone.now() + timedelta(minutes=5))[1])
    page.route("**/data.json", lambda route: route.abort())
    page.clock.run_for(310_000)
    page.wait_for_selector("body[data-state=refused]")
    assert told(page, "told") == "此大屏已到期" and page.locator("#stage .number").count() == 0


def test_a_restart_without_the_server_shows_the_last_frame(hung, page):
    opened(page, hung()[1])
    before = numbers(page)
    page.wait_for_selector("#canvas[data-kept]")
    page.wait_for_function("async () => (await (await caches.open('screen')).keys()).length >= 6")
    page.context.set_offline(True)
    page.reload()
    page.wait_for_selector("body:is([data-state=live], [data-state=away])")
    assert numbers(page) == before and page.locator("#stage svg").count() > 0
    page.context.set_offline(False)


def test_a_clock_that_is_set_back_hides_no_outage_and_stops_no_page(hung, page):
    """A wall's machine comes up with yesterday's clock or tomorrow's, and is set right while the page stands."""
    page.clock.install()
    opened(page, hung(seconds=10)[1])
    heard = datetime.now(ZoneInfo("Asia/Shanghai"))
    page.route("**/data.json", lambda route: route.abort())
    page.clock.set_system_time(datetime.now() - timedelta(days=1))
    titles = set()
    for _ in range(4):
        page.clock.run_for(11_000)
        titles.add(told(page, "title"))
    page.wait_for_selector("body[data-state=away]")
    assert f"显示的是 {heard:%m-%d %H:}" in told(page, "state") and "秒未更新" in told(page, "state")
    assert len(titles) > 2


def test_a_frame_of_before_is_not_called_fresh_while_nobody_has_answered(hung, page):
    opened(page, hung()[1])
    page.wait_for_selector("#canvas[data-kept]")
    page.route("**/data.json", lambda route: None)
    page.reload()
    page.wait_for_selector("body[data-state=away]")
    assert "正在连接" in told(page, "state") and "数据正常" not in told(page, "state")


def test_what_one_key_kept_another_does_not_show(hung, page):
    place, _, _ = (address := hung()[1]).partition("#")
    opened(page, address)
    page.route("**/data.json", lambda route: route.abort())
    page.goto("about:blank")
    page.goto(f"{place}#another")
    page.wait_for_function("() => document.querySelector('[data-text=told]').textContent === '暂时取不到数据'")
    assert page.locator("#stage .number").count() == 0


def test_without_a_key_the_page_says_what_is_missing(hung, page):
    page.goto(hung()[1].partition("#")[0])
    page.wait_for_selector("body[data-state=refused]")
    assert "地址不完整" in told(page, "more")


def test_the_key_leaves_the_browser_in_one_header_only(hung, page):
    seen = []
    page.on("request", lambda request: seen.append((request.url, json.dumps(request.headers))))
    address = hung()[1]
    key = address.partition("#")[2]
    opened(page, address)
    page.wait_for_timeout(500)
    with_key = {url.rpartition("/")[2] for url, headers in seen if key in headers}
    assert with_key == {"data.json", "districts.geojson"}
    assert not any(key in url.partition("#")[0] for url, _ in seen)
    assert page.context.cookies() == []


def test_reduced_motion_moves_nothing(city, hung, page):
    page.emulate_media(reduced_motion="reduce")
    page.clock.install()
    opened(page, hung()[1])
    assert set(page.evaluate(MOVING)) == {"0s"}
    b.business(city.yuehai, full=3, employees=20)
    refresh()
    with page.expect_response("**/data.json"):
        page.clock.run_for(16_000)
    becomes(page, "61")
