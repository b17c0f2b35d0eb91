"""A form's cells in a real browser at both widths: walked by arrow keys, opened, bound; the page never scrolls sideways."""

import openpyxl
import pytest
from django.urls import reverse
from django.utils import timezone

from reports import monthly
from reports.models import FormBinding
from reports.services import month_close
from tests import factories as make
from tests import workbook_files as files
from tests.browsing import complaints, fits, sign_in
from tests.reports import builders as b
from tests.reports.helpers import refresh, today
from tests.reports.making_forms import bind, form_of

pytestmark = pytest.mark.django_db(transaction=True)
THIS = timezone.localdate().replace(day=1)
LAST = monthly.month_before(THIS)
SHEET = "表一 情况"


@pytest.fixture
def form(db, settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path)
    city = make.make_city()
    for number in range(12):
        b.business(city.yuehai if number % 3 else city.lianhua, full=3, employees=20)
    refresh(monthly.last_day(LAST))
    with today(THIS):
        month_close(month=LAST, by=None)
    form = form_of(city.city)
    bind(form, SHEET, B6="operating", D6={"what": "percent", "metric": "work_coverage@with_members"})
    form.registrar = make.make_user("registrar", city.city)
    return form


@pytest.fixture
def open_page(form, live_server, client):

    def go(page, path: str) -> list[str]:
        sign_in(page, client, live_server.url, form.registrar)
        problems = complaints(page)
        page.goto(live_server.url + path, wait_until="networkidle")
        return problems

    return go


def test_a_cell_is_reached_by_keys_opened_and_bound(page, open_page, form):
    problems = open_page(page, form.get_absolute_url())
    assert page.locator("[data-cell][tabindex='0']").count() == 1
    page.locator("[data-cell=A1]").focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowDown", "ArrowRight"):  # over merged cells, past the titles
        page.keyboard.press(key)
    at = page.evaluate("document.activeElement.dataset.cell")
    assert at == "B5", at
    page.keyboard.press("Enter")
    page.wait_for_selector("#cell-panel [name=metric]")
    page.wait_for_selector("#cell-preview .cell-value")
    assert page.locator("#cell-panel [name=metric]").input_value() == "党组织"
    assert page.locator("#cell-panel [data-asked=text]").is_hidden()
    page.locator("#cell-panel [name=metric]").fill("实体运营")
    page.locator("#cell-panel [name=unit]").select_option(label="南山区小个专党委")
    page.locator("#cell-preview strong").get_by_text("8", exact=True).wait_for()
    page.locator("#cell-panel button.btn-primary").click()
    page.wait_for_selector("td.bound [data-cell=B5][aria-current]")
    binding = FormBinding.objects.get(row=5, column=2)
    assert binding.metric == "operating" and str(binding.unit) == "南山区小个专党委"
    assert problems == []


@pytest.mark.parametrize("width", ["desk", "phone"])
def test_nothing_scrolls_sideways_and_the_panel_asks_what_the_kind_needs(request, open_page, form, width):
    page = request.getfixturevalue("page" if width == "desk" else "phone_page")
    problems = open_page(page, f"{form.get_absolute_url()}?sheet=1&cell=D6")
    page.wait_for_selector("#cell-preview .cell-value")
    assert fits(page)
    page.locator("#cell-panel [name=what]").select_option("text")
    assert page.locator("#cell-panel [data-asked=text]").is_visible()
    assert page.locator("#cell-panel [data-asked=metric]").is_hidden()
    assert problems == []


def test_suggestions_with_a_long_reason_fit_a_phone(phone_page, open_page, form):
    book = openpyxl.Workbook()
    book.active["A1"], book.active["B1"].number_format = "党组织总数", "0%"
    other = form_of(form.organization, files.saved(book))
    open_page(phone_page, reverse("reports:report_form_suggest", args=[other.pk]))
    assert "百分数" in phone_page.locator(".suggested tbody").inner_text()
    assert phone_page.locator(".places").evaluate("box => box.scrollWidth <= box.clientWidth")
