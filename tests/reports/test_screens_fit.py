"""The wall with more than our city has: sixteen units, long names, the numbers of a province; and screens of odd sizes."""

import json

import pytest
from django.core.cache import cache
from django.http import HttpResponse

from reports import frames
from reports.views import kiosk
from tests.reports.test_screens_browser import FORMATS, MOVING, SMALLEST, WRONG, city, hung, leader, opened, told

pytestmark = pytest.mark.django_db(transaction=True)
__all__ = ["city", "hung", "leader"]
LONG = "大湾区前海深港现代服务业"


def large(value):
    """The same frame as a province might have it: every number at its longest, every list at its fullest."""
    if isinstance(value, list):
        return [large(one) for one in value]
    if not isinstance(value, dict):
        return value
    found = {key: large(one) for key, one in value.items()}
    if "number" in found:
        found |= {"number": 100.0, "text": "100.0%"} if found["share"] else {"number": 15_281_204, "text": "15,281,204"}
        found |= {
            "change": "−1,281,204" if not found["share"] else "−12.3 个百分点",
            "direction": "down",
            "good": False,
        }
    if "beside" in found:
        found["detail"] = "12,281,204 / 15,281,204 户（D4 有党员）"
        found["beside"] |= {"text": "100.0%", "detail": "12,281,204 / 15,281,204 户"}
    if found.get("rows") and "类型" not in found.get("title", ""):  # of units; the kinds of places are seven
        row = found["rows"][0]
        found["rows"] = [row | {"name": f"{LONG[: 8 - len(str(n))]}{n}区"} for n in range(frames.MOST_LINES)]
    if "labels" in found and "totals" in found:
        names = [f"{LONG[: 8 - len(str(n))]}{n}区" for n in range(frames.MOST_LINES)]
        values = [3_204 - n for n in range(frames.MOST_LINES)]
        series = [{"name": one["name"], "values": values} for one in found["series"]]
        found |= {"labels": names, "totals": values, "series": series, "empty": ""}
    return found


def enlarged(route):
    answer = route.fetch()
    body = large(answer.json()) | {"unit": "深圳市小微企业个体工商户专业市场综合党委临时工作委员会"}
    route.fulfill(response=answer, body=json.dumps(body, ensure_ascii=False))


@pytest.mark.parametrize("format", FORMATS)
def test_the_longest_numbers_and_lists_fit(city, hung, page, format):
    page.emulate_media(reduced_motion="reduce")
    page.route("**/data.json", enlarged)
    assert opened(page, hung()[1], FORMATS[format]) == []
    titles = []
    while told(page, "title") not in titles:
        titles.append(told(page, "title"))
        page.wait_for_timeout(150)
        assert page.evaluate(WRONG, SMALLEST) == [], titles[-1]
        page.keyboard.press("ArrowRight")


@pytest.mark.parametrize("size", [(1366, 768), (1280, 1024), (2560, 1080), (3840, 2160), (2160, 3840), (375, 812)])
def test_any_other_size_shows_the_whole_canvas(city, hung, page, size):
    opened(page, hung()[1], size)
    box = page.locator("#canvas").bounding_box()
    width, height = size
    assert box["x"] >= -1 and box["y"] >= -1
    assert box["x"] + box["width"] <= width + 1 and box["y"] + box["height"] <= height + 1
    assert max(box["width"] / width, box["height"] / height) > 0.99  # as large as it can be
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth && scrollY === 0")


def test_turning_the_screen_changes_the_format_and_keeps_the_page(city, hung, page):
    opened(page, hung()[1])
    page.keyboard.press("ArrowRight")
    title = told(page, "title")
    page.set_viewport_size({"width": 1080, "height": 1920})
    page.wait_for_selector("#canvas[data-format=tall]")
    assert told(page, "title") == title
    page.wait_for_timeout(300)
    chart = page.locator("[data-page=areas] .chart").bounding_box()
    drawn = page.locator("[data-page=areas] .chart svg").bounding_box()
    assert abs(chart["width"] - drawn["width"]) < 2 and abs(chart["height"] - drawn["height"]) < 2


def test_a_new_release_of_the_page_is_loaded_once_and_only_when_it_is_there(city, hung, page, monkeypatch):
    """A browser that is sent to a server still starting shows that server's error, and nothing asks any more."""
    loads = []
    page.on("domcontentloaded", lambda _: loads.append(1))
    page.clock.install()
    opened(page, hung()[1])
    own = kiosk.Wall.get
    monkeypatch.setattr(kiosk, "release", lambda: "another")
    monkeypatch.setattr(kiosk.Wall, "get", lambda *_, **__: HttpResponse("<h1>502</h1>", status=502))
    for _ in range(2):
        with page.expect_response("**/data.json"):
            page.clock.run_for(16_000)
        page.wait_for_timeout(300)
    assert len(loads) == 1 and page.locator("body[data-state=live]").count() == 1
    monkeypatch.setattr(kiosk.Wall, "get", own)
    page.clock.run_for(16_000)
    page.wait_for_function("() => sessionStorage.getItem('release') === 'another'")
    for _ in range(2):
        page.wait_for_selector("body[data-state=live]")
        page.clock.run_for(16_000)
    page.wait_for_timeout(300)
    assert len(loads) == 2


def test_moving_is_the_rule_and_stops_on_demand(city, hung, page):
    cache.clear()
    opened(page, hung()[1])
    assert set(page.evaluate(MOVING)) != {"0s"}
