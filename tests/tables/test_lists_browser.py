"""Lists in a real browser at both widths: ticks, saved views, nothing sideways, no errors."""

import os

import pytest
from django.urls import reverse

from tables.models import SavedView
from tests import factories as make
from tests.browsing import arrive, complaints, fits, sign_in

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def open_list(live_server, client, db):
    city = make.make_city()
    for number in range(6):
        make.make_business(city.nanshan, name=f"南山第{number}家很长很长的名字商贸有限责任公司", employees=number)
    user = make.make_user("registrar", city.nanshan)
    SavedView.objects.create(owner=user, table="business", name="待分派的", query="unassigned=on")

    def opening(page) -> list[str]:
        sign_in(page, client, live_server.url, user)
        problems = complaints(page)
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
    assert fits(page)
    page.get_by_label("选中本页 6 行").focus()
    page.keyboard.press("Space")
    assert page.locator("[data-picked]").inner_text() == "已选 6 行"
    page.locator("input[name=row]").first.uncheck()
    assert page.locator("[data-picked]").inner_text() == "已选 5 行"
    page.get_by_label("选中全部共 6 户（符合条件的）").check()
    assert page.locator("[data-picked]").inner_text() == "已选符合条件的全部"
    assert page.locator("input[name=row]").first.is_disabled()
    shot(page, f"list-all-{width}")
    arrive(page, page.get_by_role("button", name="批量办理"))
    assert "对符合条件的全部 6 户分派指导站？" in page.inner_text(".question")
    shot(page, f"bulk-{width}")
    assert fits(page) and problems == []


@pytest.mark.parametrize("width", ["desk", "phone"])
def test_a_view_is_chosen_and_managed(open_list, request, width):
    page = request.getfixturevalue("page" if width == "desk" else "phone_page")
    problems = open_list(page)
    arrive(page, page.get_by_role("link", name="待分派的"))
    assert page.locator(".views .current").inner_text() == "待分派的"
    page.get_by_role("button", name="视图").click()
    shot(page, f"views-menu-{width}")
    arrive(page, page.get_by_role("link", name="管理视图"))
    shot(page, f"views-{width}")
    assert fits(page) and problems == []
