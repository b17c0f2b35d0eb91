"""Lists in a real browser at both widths: ticks, saved views, nothing sideways, no errors."""

import os

import pytest
from django.conf import settings
from django.urls import reverse

from tables.models import SavedView
from tests import factories as make

pytestmark = pytest.mark.django_db(transaction=True)
SIDEWAYS = "document.documentElement.scrollWidth > innerWidth"


@pytest.fixture
def open_list(live_server, client, db):
    city = make.make_city()
    for number in range(6):
        make.make_business(city.nanshan, name=f"南山第{number}家很长很长的名字商贸有限责任公司", employees=number)
    user = make.make_user("registrar", city.nanshan)
    SavedView.objects.create(owner=user, table="business", name="待分派的", query="unassigned=on")
    client.force_login(user, backend="orgs.doors.DoorBackend")
    name = settings.SESSION_COOKIE_NAME
    cookie = {"name": name, "value": client.cookies[name].value, "url": live_server.url}

    def opening(page) -> list[str]:
        problems: list[str] = []
        page.context.add_cookies([cookie])
        page.on("console", lambda line: problems.append(line.text) if line.type == "error" else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(live_server.url + reverse("markets:business_list"), wait_until="networkidle")
        return problems

    return opening


def shot(page, name: str) -> None:
    if folder := os.environ.get("SHOTS"):
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


@pytest.mark.parametrize("width", ["desk", "phone"])
def test_rows_are_ticked_and_confirmed(open_list, request, width):
    page = request.getfixturevalue("page" if width == "desk" else "phone_page")
    problems = open_list(page)
    shot(page, f"list-{width}")
    assert page.evaluate(SIDEWAYS) is False
    page.get_by_label("选中本页 6 行").focus()
    page.keyboard.press("Space")
    assert page.locator("[data-picked]").inner_text() == "已选 6 行"
    page.locator("input[name=row]").first.uncheck()
    assert page.locator("[data-picked]").inner_text() == "已选 5 行"
    page.get_by_label("选中全部共 6 户（符合条件的）").check()
    assert page.locator("[data-picked]").inner_text() == "已选符合条件的全部"
    assert page.locator("input[name=row]").first.is_disabled()
    shot(page, f"list-all-{width}")
    page.get_by_role("button", name="批量办理").click()
    page.wait_for_load_state("networkidle")
    assert "对符合条件的全部 6 户分派指导站？" in page.inner_text(".question")
    shot(page, f"bulk-{width}")
    assert page.evaluate(SIDEWAYS) is False and problems == []


@pytest.mark.parametrize("width", ["desk", "phone"])
def test_a_view_is_chosen_and_managed(open_list, request, width):
    page = request.getfixturevalue("page" if width == "desk" else "phone_page")
    problems = open_list(page)
    page.get_by_role("link", name="待分派的").click()
    page.wait_for_load_state("networkidle")
    assert page.locator(".views .current").inner_text() == "待分派的"
    page.get_by_role("button", name="视图").click()
    shot(page, f"views-menu-{width}")
    page.get_by_role("link", name="管理视图").click()
    page.wait_for_load_state("networkidle")
    shot(page, f"views-{width}")
    assert page.evaluate(SIDEWAYS) is False and problems == []
