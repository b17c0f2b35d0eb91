"""The dashboard in a real browser at both widths: drawn, without errors, without sideways scrolling."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from reports import selectors
from reports.models import Evaluation, Goal, Plan, Snapshot
from tests import factories as make
from tests.browsing import arrive, complaints, fits, sign_in
from tests.reports import builders as b
from tests.reports.helpers import refresh

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def leader(db):
    city = make.make_city()
    branch = make.make_branch(city.yuehai)
    for number in range(40):
        row = b.business((city.yuehai, city.lianhua)[number % 2], full=3, employees=20)
        if number % 4 == 0:
            b.cover(branch, row)
    refresh()
    return make.make_user("leader", city.city)


@pytest.fixture
def signed_in(leader, live_server, client):

    def open_page(page, path: str, until: str = "networkidle") -> list[str]:
        sign_in(page, client, live_server.url, leader)
        problems = complaints(page)
        page.goto(live_server.url + path, wait_until=until)
        return problems

    return open_page


DRAWN = "document.querySelectorAll('.chart svg').length"
ASKED = "document.querySelectorAll('.chart[data-chart]').length"
TOLD = "document.querySelectorAll('.chart .chart-empty').length"


@pytest.mark.parametrize("width", ["desk", "phone"])
def test_charts_are_drawn_and_nothing_scrolls_sideways(signed_in, request, width):
    page = request.getfixturevalue("page" if width == "desk" else "phone_page")
    problems = signed_in(page, reverse("reports:dashboard") + "?denominator=operating")
    page.wait_for_selector("#chart-map svg")
    page.wait_for_selector("#chart-rank svg")
    page.wait_for_function(f"() => {DRAWN} + {TOLD} === {ASKED}")
    assert page.locator(".chart[data-failed]").count() == 0
    assert problems == []
    assert fits(page)


@pytest.mark.parametrize("width", ["desk", "phone"])
def test_every_place_of_an_evaluation_is_in_sight(signed_in, leader, request, width):
    """On a phone without the points of each line, which are told further down: nothing to be moved sideways."""
    page = request.getfixturevalue("page" if width == "desk" else "phone_page")
    city = leader.postings.get().organization
    sheet = Evaluation.objects.create(organization=city, title="亮晒比", as_of=timezone.localdate())
    keys = ("work_coverage", "organization_coverage_strict", "organization_coverage@registered", "due_built_rate")
    for at, key in enumerate(keys):
        sheet.lines.create(position=at, metric=key, weight=25, floor=0, full=1)
    assert signed_in(page, reverse("reports:evaluation", args=[sheet.pk])) == []
    places = page.locator(".places")
    assert places.evaluate("box => [box.scrollWidth > box.clientWidth, box.scrollHeight > box.clientHeight]") == [
        False, False,
    ]  # fmt: skip
    assert places.locator("tbody tr").count() == 2 and fits(page)
    page.get_by_role("link", name="在页面最下面发布").click()
    assert page.get_by_role("button", name="发布这份评价").is_visible()


def test_charts_are_whole_on_paper(signed_in, page):
    """Paper is laid out without anything being drawn anew: drawn for the window, cards side by side, then printed on A4."""
    page.add_init_script("window.ResizeObserver = class { observe() {} };")
    signed_in(page, reverse("reports:dashboard") + "?denominator=operating")
    page.wait_for_function(f"() => {DRAWN} + {TOLD} === {ASKED}")
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 688, "height": 1000})
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    cut = """[...document.querySelectorAll('.chart svg')].filter((picture) => {
        const [inner, outer] = [picture, picture.closest('.chart')].map((node) => node.getBoundingClientRect());
        const ratio = picture.getAttribute('height') / picture.getAttribute('width');
        const isWhole = inner.bottom <= outer.bottom + 1 && inner.right <= outer.right + 1;
        return !isWhole || Math.abs(inner.height / inner.width - ratio) > 0.01;
    }).map((picture) => picture.closest('.chart').id)"""
    assert page.evaluate(cut) == [] and page.evaluate(DRAWN) > 2
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator(".chart svg[viewBox]").count() == 0


def test_a_chart_that_takes_its_time_says_so(signed_in, page):
    page.route("**/trend.json*", lambda route: None)  # never answered
    signed_in(page, reverse("reports:dashboard"), until="load")
    words = "getComputedStyle(document.querySelector('.chart[data-url*=\"trend\"]'), '::before').content"
    page.wait_for_function(f"() => {words}.includes('正在取数')")
    page.wait_for_function("() => document.querySelector('#chart-rank svg')")


def test_the_table_of_a_chart_holds_its_numbers_and_leads_down(signed_in, page):
    signed_in(page, reverse("reports:dashboard") + "?denominator=operating")
    page.wait_for_selector("#chart-rank svg")
    figure = page.locator("figure", has=page.locator("#chart-rank"))
    figure.locator("summary").click()
    link = figure.locator("table a", has_text="南山区")
    assert "%" in figure.locator("tr", has_text="南山区").inner_text()
    arrive(page, link)
    assert "南山区小个专党委" in page.locator("h1").inner_text()


def test_choosing_the_scope_reloads_by_itself(signed_in, page):
    signed_in(page, reverse("reports:dashboard"))
    page.select_option("#basis-denominator", "registered")
    page.wait_for_url("**denominator=registered**")
    assert "D1 登记在册" in page.locator(".asof").inner_text()


def test_the_map_leads_to_the_district_that_is_clicked(signed_in, page):
    signed_in(page, reverse("reports:dashboard") + "?denominator=operating")
    label = page.locator("#chart-map svg text", has_text="南山区").first
    label.wait_for()
    label.click()
    page.wait_for_url("**/dashboard/o/SZ-nanshan/**")


@pytest.mark.parametrize("width", ["page", "phone_page"])
def test_goal_and_its_line_are_drawn(request, signed_in, leader, width):
    today = timezone.localdate()
    city = leader.postings.get().organization
    plan = Plan.objects.create(
        organization=city, title="三年行动", starts_on=today, ends_on=today + timedelta(days=1000)
    )
    goal = Goal.objects.create(
        plan=plan, organization=city, metric="work_coverage", base_on=today - timedelta(days=30), base_value=0,
        target=1, due_on=today + timedelta(days=900),
    )  # fmt: skip
    page = request.getfixturevalue(width)
    problems = signed_in(page, reverse("reports:goal", args=[goal.pk]))
    page.wait_for_selector("#chart-goal[data-drawn] svg")
    assert problems == []
    assert fits(page)
    page.get_by_text("看表格").click()
    assert "按直线应达" in page.locator("[data-chart-table=chart-goal]").inner_text()


@pytest.mark.parametrize("kind", ["map", "rank", "gaps", "trend"])
def test_every_chart_is_read_and_opened_by_the_keyboard(signed_in, leader, page, kind):
    city = selectors.latest(leader.postings.get().organization)
    Snapshot.objects.create(organization=city.unit, as_of=city.as_of - timedelta(days=9), counts=city.counts)
    problems = signed_in(page, reverse("reports:dashboard") + "?denominator=operating")
    chart = page.locator(f"#chart-{kind}")
    page.wait_for_selector(f"#chart-{kind}[aria-describedby]")
    rows = page.evaluate("(url) => fetch(url).then((answer) => answer.json())", chart.get_attribute("data-url"))
    first = rows["labels"][-1] if kind == "trend" else (rows["labels"] if kind == "gaps" else rows["rows"])[0]
    name = first if isinstance(first, str) else first["name"]
    chart.focus()
    page.keyboard.press("ArrowLeft" if kind == "trend" else "ArrowRight")
    assert name in page.locator(f"#chart-{kind} ~ [aria-live]").text_content()
    assert page.locator(f"#chart-{kind} .chart-tip").inner_text().startswith(name)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "看表格"
    if kind != "trend":
        url = rows["urls"][0] if kind == "gaps" else first["url"]
        chart.focus()
        page.keyboard.press("Enter")
        page.wait_for_url(f"**{url}")
    assert problems == []
