"""An import in a real browser, from the upload to its undoing: nothing sideways, no errors, not a word of English."""

import os
import re
from functools import partial

import pytest
from django.conf import settings
from django.urls import reverse

from accounts.models import Session, User
from jobs.runner import job_run
from markets.models import Business
from tables.models import Batch
from tests import factories
from tests.browsing import arrive, complaints, fits, sign_in
from tests.markets.files import make_code, make_row, to_csv

pytestmark = pytest.mark.django_db(transaction=True)
FOREIGN = re.compile(r"[A-Za-z]{3,}")
OURS = {"Excel", "CSV", "xlsx", "xls", "csv", "zip", "GB", "UTF"}


@pytest.fixture
def rows():
    good = [make_row(名称=f"示范{number}号商贸有限公司", 监管所="粤海所") for number in range(3)]
    wrong = make_row(经营状态="不详", 备注="老客户"), make_row(从业人数="许多")
    return [*good, *wrong, good[0] | {"名称": "又来一次"}]


@pytest.fixture
def visit(live_server, client, db):
    """Signs in on a page; what went wrong there, and the walk itself."""
    city = factories.make_city()
    user = factories.make_user("registrar", city.nanshan)

    def visiting(page) -> list[str]:
        sign_in(page, client, live_server.url, user)
        problems = complaints(page)
        page.goto(live_server.url + reverse("tables:upload"), wait_until="networkidle")
        return problems

    return visiting


def looked_at(page, name: str) -> None:
    """No page of the walk is wider than its window, on a phone or at a desk, or speaks English."""
    phone = page.viewport_size
    for window in ({"width": 1440, "height": 900}, phone):
        page.set_viewport_size(window)
        assert fits(page), (name, window)
        if folder := os.environ.get("SHOTS"):
            page.screenshot(path=f"{folder}/{name}-{window['width']}.png", full_page=True)
    said = page.inner_text("main")
    for code in Business.objects.values_list("uscc", flat=True):
        said = said.replace(code or "", "")
    foreign = [word for word in FOREIGN.findall(re.sub(r"9[0-9A-Z]{17}", "", said)) if word not in OURS]
    assert foreign == [], name


def worked(page) -> Batch:
    """The job that the page waits for is done here; its page then leads on by itself."""
    page.wait_for_selector("[data-progress-url]")
    batch = Batch.objects.latest("pk")
    job_run(job_id=batch.job_id)
    page.wait_for_url(f"**{batch.get_absolute_url()}", timeout=8000)
    page.wait_for_load_state("networkidle")
    batch.refresh_from_db()
    return batch


def send(page, name: str, content: str) -> Batch:
    page.set_input_files("[name=file]", {"name": name, "mimeType": "text/csv", "buffer": content.encode("gb18030")})
    page.get_by_role("button", name="上传并检查").click()
    return worked(page)


def count(page, key: str) -> str:
    return page.inner_text(f"[data-count={key}] .tile-value")


def test_a_messy_file_is_sent_mended_written_and_taken_back(visit, phone_page, rows):
    page = phone_page
    problems = visit(page)
    looked_at(page, "upload")
    batch = send(page, "名册20261101.csv", to_csv(rows))
    looked_at(page, "plan")
    assert [count(page, key) for key in ("new", "wrong", "duplicate")] == ["3", "2", "1"]

    wrong = page.locator("#errors tr", has_text="不详")
    wrong.locator("input[name=value]").fill("存续")
    wrong.get_by_role("button", name="改", exact=True).click()
    page.wait_for_selector("#fix-bar .pending")
    page.locator("#errors tr", has_text="许多").get_by_role("button", name="不导入").click()
    page.locator("#fix-bar", has_text="不导入 1 行").wait_for()
    looked_at(page, "mended")
    page.locator("#fix-bar").get_by_role("button", name="重新检查").click()
    worked(page)
    assert [count(page, key) for key in ("new", "wrong", "left_out")] == ["4", "0", "1"]

    page.get_by_role("button", name="确认写入").click()
    worked(page)
    assert Business.objects.count() == 4 and count(page, "new") == "4"
    looked_at(page, "written")
    arrive(page, page.get_by_role("link", name="撤销这一批"))
    assert "新增的 4 条记录会被删除" in page.inner_text("main")
    looked_at(page, "undo")
    page.get_by_role("button", name="撤销这一批").click()
    worked(page)
    looked_at(page, "undone")
    assert not Business.objects.exists() and problems == []
    batch.refresh_from_db()
    assert batch.state == "undone"


def test_a_file_of_other_names_is_mapped_on_a_phone(visit, phone_page):
    problems = visit(phone_page)
    rows = "社会码,店招,注册类型,行政区,掌柜电话\n" + "".join(
        f"{make_code()},示范{n}店,个体工商户,南山区,13800138000\n" for n in range(3)
    )
    send(phone_page, "台账.csv", rows)
    looked_at(phone_page, "unmapped")
    assert "13800138000" not in phone_page.content()
    for name, ours in (
        ("社会码", "统一社会信用代码"),
        ("店招", "名称"),
        ("注册类型", "主体类型"),
        ("行政区", "所属区"),
    ):
        phone_page.get_by_label(f"「{name}」是哪一项").select_option(label=ours)
    phone_page.get_by_label("「掌柜电话」是哪一项").select_option(label="名称")
    phone_page.get_by_role("button", name="按所选检查").click()
    twice = phone_page.locator(".field-error", has_text="已经选作名称")
    choice = phone_page.get_by_label("「掌柜电话」是哪一项")
    assert twice.bounding_box()["x"] == choice.bounding_box()["x"]  # not among the labels, four characters wide
    looked_at(phone_page, "columns-twice")
    choice.select_option(label="（不用）")
    phone_page.get_by_role("button", name="按所选检查").click()
    worked(phone_page)
    assert count(phone_page, "new") == "3" and ["422" in one for one in problems] == [True]


def answered(status: int, route) -> None:
    if status:
        route.fulfill(status=status)
    else:
        route.abort()


def test_a_fix_that_does_not_arrive_is_told_beside_its_cell(visit, phone_page, rows):
    """Nothing is swapped in then: an officer would go on as if it had been taken. Without a session it leads to the sign-in."""
    visit(phone_page)
    batch = send(phone_page, "名册.csv", to_csv(rows))
    cell = phone_page.locator("#errors tr", has_text="不详")
    whole = cell.locator(".fix").bounding_box()["width"]
    assert cell.locator("input[name=value]").bounding_box()["width"] > 0.95 * whole  # eighteen digits are seen at once
    fix = cell.get_by_role("button", name="改", exact=True)
    for status, said in ((0, "没有连上服务器"), (403, "页面停留太久"), (500, "服务器没有办成")):
        phone_page.route("**/fix/", partial(answered, status))
        fix.click()
        cell.get_by_role("alert").filter(has_text=said).wait_for()
        assert cell.get_by_role("alert").count() == 1
        phone_page.unroute("**/fix/")
    assert fits(phone_page)
    fix.click()
    phone_page.wait_for_selector("#fix-bar .pending")
    assert cell.get_by_role("alert").count() == 0

    phone_page.context.clear_cookies(name=settings.SESSION_COOKIE_NAME)
    phone_page.locator("#errors tr", has_text="许多").get_by_role("button", name="改", exact=True).click()
    phone_page.wait_for_url(f"**{reverse('accounts:sign_in')}?next={batch.get_absolute_url()}")
    assert "刚才提交的内容没有保存" in phone_page.inner_text("body")


def test_a_job_watched_when_the_session_ends_leads_to_the_sign_in(visit, page, rows):
    """Else the page would say for ever that the server does not answer."""
    visit(page)
    page.set_input_files("[name=file]", {"name": "a.csv", "mimeType": "text/csv", "buffer": to_csv(rows).encode()})
    page.get_by_role("button", name="上传并检查").click()
    page.wait_for_selector("[data-progress-url]")
    page.context.clear_cookies(name=settings.SESSION_COOKIE_NAME)
    page.wait_for_url(f"**{reverse('accounts:sign_in')}?next=/jobs/**", timeout=20_000)


def test_what_breaks_on_the_way_is_said_and_the_chosen_files_stay(visit, client, page, rows, live_server):
    """The file is empty; the server is gone in the middle of an upload; the session ends before it, and during it. Then it
    is sent."""
    problems = visit(page)
    page.set_input_files("[name=file]", {"name": "空.csv", "mimeType": "text/csv", "buffer": b""})
    page.get_by_role("button", name="上传并检查").click()
    page.locator(".field-error", has_text="文件是空的").wait_for()
    assert [problem for problem in problems if "422" not in problem] == []
    address = live_server.url + reverse("tables:upload")
    chosen = {"name": "名册.csv", "mimeType": "text/csv", "buffer": to_csv(rows).encode()}
    page.set_input_files("[name=file]", chosen)
    button, told = page.get_by_role("button", name="上传并检查"), page.locator(".upload-note[role=alert]")

    def cut(route):
        route.abort() if route.request.method == "POST" else route.continue_()

    page.route(address, cut)
    button.click()
    told.filter(has_text="上传中断了").wait_for()
    looked_at(page, "upload-cut")
    page.unroute(address)

    def end_during(route):
        if route.request.method == "POST":
            Session.objects.all().delete()
        route.continue_()

    page.route(address, end_during)
    button.click()
    told.filter(has_text="登录已经过期").wait_for()
    page.unroute(address)
    button.click()  # the session has ended: it is not even sent
    told.filter(has_text="在新窗口登录").wait_for()
    looked_at(page, "upload-signed-out")
    assert not Batch.objects.exists() and page.input_value("[name=file]").endswith("名册.csv")

    sign_in(page, client, live_server.url, User.objects.get())
    button.click()
    assert worked(page).counts["rows"] == 6
