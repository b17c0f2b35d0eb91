"""一次填报 pages: uploading, binding by a cell, suggestions, filling, downloads, and the API."""

import io
import zipfile

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEvent
from reports import form_books, form_filling, form_suggesting, metrics, monthly, selectors
from reports.filling_forms import CODES
from reports.form_filling import form_fill
from reports.models import FilledForm, FormBinding, MonthClosing, ReportForm
from reports.services import month_close
from tests import workbook_files as files
from tests.reports.helpers import refresh, today
from tests.reports.making_forms import bind, form_of

THIS = timezone.localdate().replace(day=1)
LAST = monthly.month_before(THIS)
SHEET = "表一 情况"
NUMBER = {
    "what": "value",
    "metric": "实体运营",
    "denominator": "with_members",
    "range": "all",
    "unit": "own",
    "text": "",
}


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path)


@pytest.fixture
def closed(town) -> MonthClosing:
    refresh(monthly.last_day(LAST))
    with today(THIS):
        return month_close(month=LAST, by=None)


def text(response) -> str:
    return response.content.decode()


def page_of(form: ReportForm, name: str = "report_form") -> str:
    return reverse(f"reports:{name}", args=[form.pk])


def upload(content: bytes, name: str = "情况表.xlsx") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def test_a_form_is_uploaded_shown_bound_filled_and_taken_out(town, closed, sign_in):
    client = sign_in("registrar")
    sent = {"file": upload(files.ugly()), "title": "情况统计表", "unit": f"o{town.city.city.pk}", "with_sources": "on"}
    response = client.post(reverse("reports:report_form_new"), sent)
    form = ReportForm.objects.get()
    assert response["Location"] == page_of(form) and (form.unit, form.file_name) == (town.city.city, "情况表.xlsx")
    page = text(client.get(page_of(form)))
    assert files.TITLE in page and 'colspan="5"' in page and "=SUM(B5:B6)" in page and "字典" not in page
    assert "style=" not in page and 'data-cell="B5"' in page and 'data-cell="B7"' not in page
    bound = client.post(page_of(form, "report_form_cell"), NUMBER | {"sheet": "1", "cell": "B5"})
    assert bound["Location"] == f"{page_of(form)}?sheet=1&cell=B5"
    assert FormBinding.objects.get().metric == "operating"  # has no 口径 of its own
    done = client.post(page_of(form, "report_form_fill"), {"month": f"{LAST:%Y-%m}"})
    filled = FilledForm.objects.get()
    assert done["Location"] == filled.get_absolute_url()
    told = text(client.get(filled.get_absolute_url()))
    assert filled.digest in told and "实体运营" in told and "B5" in told
    file = client.get(reverse("reports:filled_form_file", args=[filled.pk]))
    number = selectors.closing_counts(closed, town.city.city)["operating"]
    assert files.opened(file.content)[SHEET]["B5"].value == number and file["Cache-Control"] == "no-store"
    listed = files.opened(
        client.get(reverse("reports:filled_form_file", args=[filled.pk]), {"part": "sources"}).content
    )
    assert [row[7].value for row in listed.active] == ["数值", number]
    assert client.get(page_of(form, "report_form_file")).content == form_books.read(form.stored_as)
    downloads = AuditEvent.objects.filter(act="reports.form.download").order_by("pk")
    assert [event.detail["part"] for event in downloads] == ["form", "sources", "original"]
    assert f"{LAST:%Y-%m}" in text(client.get(reverse("reports:report_forms")))


def test_what_cannot_be_uploaded_is_told_and_what_was_typed_stays(town, sign_in):
    client = sign_in("registrar")
    sent = {"title": "我的报表", "unit": f"o{town.city.city.pk}", "asked_by": "省里"}
    for content, told in (
        (b"%PDF-1.7", "不是 Excel"),
        (files.with_relation(files.simple(), "externalLink"), "其他工作簿"),
        (files.simple("联系人何无关 138 0013 8000"), "像有身份号码或手机号"),
    ):
        response = client.post(reverse("reports:report_form_new"), sent | {"file": upload(content)})
        page = text(response)
        assert response.status_code == 422 and told in page and "我的报表" in page and "省里" in page
    with zipfile.ZipFile(io.BytesIO(files.simple())) as package:
        at = package.getinfo("docProps/core.xml").header_offset + 70
    damaged = files.simple()[:at] + b"\xff" * 30 + files.simple()[at + 30 :]
    assert "打不开" in text(client.post(reverse("reports:report_form_new"), sent | {"file": upload(damaged)}))
    response = client.post(reverse("reports:report_form_new"), sent | {"unit": "o0", "file": upload(files.simple())})
    assert response.status_code == 422 and not ReportForm.objects.exists()


def test_the_panel_of_a_cell_shows_what_will_stand_there(town, closed, sign_in):
    client, form = sign_in("registrar"), form_of(town.city.city)
    url, cell = page_of(form, "report_form_cell"), {"sheet": "1", "cell": "B5"}
    fragment = client.get(url, cell, headers={"HX-Request": "true", "HX-Target": "cell-panel"})
    assert "<html" not in text(fragment) and 'value="党组织"' in text(fragment)  # what its labels suggest
    assert "<html" in text(client.get(url, cell))
    headers = {"HX-Request": "true", "HX-Target": "cell-preview"}
    number = selectors.closing_counts(closed, town.city.nanshan)["operating"]
    shown = text(client.get(url, NUMBER | cell | {"unit": f"o{town.city.nanshan.pk}"}, headers=headers))
    assert f'<strong class="num">{number}</strong>' in shown and "实体运营" in shown
    shown = text(client.get(url, NUMBER | cell | {"metric": "工作覆盖率", "what": "percent"}, headers=headers))
    assert "D4 有党员" in shown
    assert "没有指标" in text(client.get(url, NUMBER | cell | {"metric": "幸福指数"}, headers=headers))
    assert "公式" in text(client.get(url, cell | {"cell": "B7"}))
    for wrong in ({"cell": "ZZZZ9"}, {"sheet": "9"}, {"sheet": "x"}, {"cell": ""}):
        assert client.get(url, cell | wrong).status_code == 404
    for number in ("00012", "0001" + "9" * 5000, "-1", "²"):
        assert client.post(url, NUMBER | cell | {"sheet": number}).status_code == 404
        assert client.post(page_of(form, "report_form_suggest"), {"sheet": number}).status_code == 404
        assert client.get(page_of(form), {"sheet": number[:100]}).status_code == 200


def test_a_binding_is_changed_and_taken_off(town, sign_in):
    client, form = sign_in("registrar"), form_of(town.city.city)
    url, cell = page_of(form, "report_form_cell"), {"sheet": "1", "cell": "D5"}
    client.post(url, NUMBER | cell)
    client.post(url, NUMBER | cell | {"what": "percent", "metric": "工作覆盖率", "denominator": "operating"})
    assert FormBinding.objects.get().metric == "work_coverage"
    response = client.post(url, NUMBER | cell | {"what": "numerator"})
    assert response.status_code == 422 and "不是率" in text(response)
    client.post(url, cell | {"unbind": "1"})
    assert not FormBinding.objects.exists()
    acts = AuditEvent.objects.filter(act__startswith="reports.form.").order_by("pk").values_list("act", flat=True)
    assert list(acts) == [f"reports.form.{act}" for act in ("create", "bind", "bind", "unbind")]


def test_suggestions_go_by_the_words_beside_a_cell_and_bind_only_what_is_ticked(town, closed, sign_in):
    client, form = sign_in("registrar"), form_of(town.city.city)
    form_of(town.city.city)
    book = form_books.book_of(form)
    found = {one.key: one for one in form_suggesting.proposals(form, book.sheet(SHEET))}
    assert {key: one.asked["what"] for key, one in found.items() if "metric" not in one.asked} == {
        "B2": "unit_name", "E2": "filled_on",
    }  # fmt: skip
    assert {key: one.asked["metric"] for key, one in found.items() if "metric" in one.asked} == {
        "B5": "organizations", "C5": "branches", "D5": "organization_coverage_strict",
        "E5": "work_coverage", "B6": "organizations", "C6": "branches",
        "D6": "organization_coverage_strict", "E6": "work_coverage",
        "D7": "organization_coverage_strict", "E7": "work_coverage",
    }  # fmt: skip
    assert (found["B5"].asked["unit"], found["B6"].asked["unit"]) == (town.city.nanshan, town.city.futian)
    assert found["D7"].asked["unit"] is None and found["D5"].asked["what"] == "percent"
    page = text(client.get(page_of(form, "report_form_suggest")))
    assert "南山区 · 党组织总数" in page and "checked" not in page
    client.post(page_of(form, "report_form_suggest"), {"sheet": "1"})
    assert not FormBinding.objects.exists()
    client.post(page_of(form, "report_form_suggest"), {"sheet": "1", "cell": ["B5", "E6", "ZZ99"]})
    assert [str(one) for one in FormBinding.objects.all()] == [f"{SHEET}!B5", f"{SHEET}!E6"]
    assert FormBinding.objects.get(row=5).unit == town.city.nanshan
    other = {one.key: one.asked["metric"] for one in form_suggesting.proposals(form, book.sheet("表二"))}
    assert other == {"B1": "members_on_roll", "B2": "registrations"}


def test_words_with_a_month_in_them_are_told_for_the_month_that_is_filled(town, closed):
    book = openpyxl.Workbook()
    for row in (
        ["2026年10月党建工作情况月报表", None, "统计时间：2026年10月31日"],
        ["2025年同期", "按2026年5月通知填报", "2026年3月15日"],
        ["填表人：张三　填表日期：2026年11月2日"],
    ):  # fmt: skip
        book.active.append(row)
    form = form_of(town.city.city, files.saved(book))
    kept = form_books.book_of(form)
    sheet = kept.shown[0]
    found = {one.key: one.asked["text"] for one in form_suggesting.proposals(form, sheet)}
    assert found == {
        "A1": "{年}年{月}月党建工作情况月报表", "C1": "统计时间：{年}年{月}月{日}日",
        "A3": "填表人：张三　填表日期：{今天}",
    }  # fmt: skip
    bind(
        form, sheet.name, C1={"what": "text", "text": "{单位} " + found["C1"]}, A3={"what": "text", "text": found["A3"]}
    )
    bindings = list(form.bindings.order_by("row"))
    told = [form_filling.Filler(kept, closed, bindings).told(one).shown for one in bindings]
    last, now = closed.as_of, timezone.localdate()
    assert told == [
        f"{town.city.city} 统计时间：{last.year}年{last.month}月{last.day}日",
        f"填表人：张三　填表日期：{now.year}年{now.month}月{now.day}日",
    ]


def test_nothing_is_suggested_where_another_number_is_meant(town):
    """A row that is neither a unit's nor a metric's, a column of last year or of remarks, a unit that is not ours."""
    book = openpyxl.Workbook()
    rows = [
        ["地区", "党组织", "去年同期", "备注"],
        ["南山区"],
        ["高新区"],
        ["填表人："],
        ["党支部（个）", None, None, None],
    ]
    for row in rows:
        book.active.append(row)
    form = form_of(town.city.city, files.saved(book))
    sheet = form_books.book_of(form).shown[0]
    found = {one.key: one.asked["metric"] for one in form_suggesting.proposals(form, sheet)}
    assert found == {"B2": "organizations", "B5": "branches"}


def test_nothing_is_suggested_beside_heads_below_labels_and_outside_the_table(town):
    book = openpyxl.Workbook()
    across, down = book.active, book.create_sheet("纵表")
    for row in (
        ["情况统计表", None, None, None, None, None, "x"],
        ["单位", "党组织", None, "市场"],
        [None, "支部", "总数", "市场总数"],
        ["南山区"], ["合计"], [],
    ):  # fmt: skip
        across.append(row)
    across.merge_cells("A1:G1")
    across.merge_cells("B2:C2")
    for row in (
        ["项目", "单位", "本期", "增长"], ["党组织", "个"], ["组织覆盖率", "%"], [], [],
        ["骑手驿站", None, None, None, None, "x"],
    ):  # fmt: skip
        down.append(row)
    form = form_of(town.city.city, files.saved(book))
    found = [[one.key for one in form_suggesting.proposals(form, sheet)] for sheet in form_books.book_of(form).shown]
    assert found == [["B4", "C4", "D4", "B5", "C5", "D5"], ["C2", "C3", "B6", "C6"]]


def test_nothing_is_suggested_where_nobody_would_see_it(town):
    book = openpyxl.Workbook()
    for row in (["地区", "党组织", "x"], ["南山区"], ["福田区"], ["党支部（个）"]):
        book.active.append(row)
    book.active.column_dimensions["C"].hidden = book.active.row_dimensions[3].hidden = True
    form = form_of(town.city.city, files.saved(book))
    found = form_suggesting.proposals(form, form_books.book_of(form).shown[0])
    assert [one.key for one in found] == ["B2", "B4"]  # neither C4 beside 党支部 nor B3 of 福田区


@pytest.mark.parametrize(
    ("label", "code"),
    [
        ("党组织总数", "organizations"), ("＝党员总数（人）", "members_on_roll"), ("其中：党支部（个）", "branches"),
        ("１．专业市场", "markets"), ("组织覆盖率％", "organization_coverage_strict"), ("填表人", ""), ("", ""),
        ("党的工作 覆盖率(%)", "work_coverage"), ("应建未建数", "due_not_built"),
        ("爱心商户数", "caring_merchants"), ("在册党员人数", "members_on_roll"), ("骑手驿站（个）", "rest_points"),
        ("实体运营主体（户）", "operating"), ("应建未建（空白）数", "due_not_built_blank"),
        ("其中：应建未建（空白） 户数", "due_not_built_blank"),
    ],
)  # fmt: skip
def test_labels_are_read_through_what_forms_add_to_them(label, code):
    assert form_suggesting.metric_for(label) == code


def test_names_lead_to_one_metric_each():
    assert len(CODES) == len(metrics.METRICS) and set(form_suggesting.ALIASES) <= set(metrics.METRICS)
    for name, code in CODES.items():
        assert form_suggesting.metric_for(name) == code, name


def test_a_leader_looks_and_fills_and_changes_nothing(town, closed, sign_in):
    form = form_of(town.city.nanshan)
    bind(form, SHEET, B5="operating")
    client = sign_in("district_leader")
    page = text(client.get(page_of(form)))
    assert "填报这个月" in page and "data-cell" not in page and "看建议" not in page
    assert client.post(page_of(form, "report_form_fill"), {"month": f"{LAST:%Y-%m}"}).status_code == 302
    assert FilledForm.objects.get().filled_by == town.people["district_leader"]
    assert client.post(page_of(form, "report_form_cell"), NUMBER | {"sheet": "1", "cell": "B6"}).status_code == 403
    assert sign_in("officer").get(page_of(form)).status_code == 403


def test_outside_the_scope_a_form_is_missing_and_inside_it_is_seen_from_above(town, closed, sign_in):
    far = form_of(town.city.futian)
    bind(far, SHEET, B5="operating")
    filled, _ = form_fill(form=far, month=LAST, by=None)
    client = sign_in("district_leader")
    assert client.get(page_of(far)).status_code == client.get(filled.get_absolute_url()).status_code == 404
    assert "共 0 张" in text(client.get(reverse("reports:report_forms")))
    assert "共 1 张" in text(sign_in("city_leader").get(reverse("reports:report_forms")))


def test_a_month_that_is_not_closed_is_told_on_the_page(town, closed, sign_in):
    client, form = sign_in("registrar"), form_of(town.city.city)
    for month, told in (
        (f"{THIS:%Y-%m}", "还没有关账"),
        ("去年", "月份写法"),
        ("", "请选择月份"),
        (f"{LAST:%Y-%m}", "还没有绑定"),
    ):
        page = text(client.post(page_of(form, "report_form_fill"), {"month": month}, follow=True))
        assert told in page, month


def test_what_will_not_be_filled_is_told_before_and_a_later_closing_after(town, closed, sign_in):
    client, form = sign_in("registrar"), form_of(town.city.city)
    bind(form, SHEET, B5="operating", B6="organizations")
    FormBinding.objects.filter(row=6).update(metric="gone")
    assert "有 1 格填不上" in text(client.get(page_of(form)))
    filled, _ = form_fill(form=form, month=LAST, by=None)
    assert "有 1 格没有填" in text(client.get(filled.get_absolute_url()))
    month_close(month=LAST, by=None, reason="补报三户")
    assert "补报三户" in text(client.get(filled.get_absolute_url()))
    assert "该月已修订" in text(client.get(page_of(form)))


def test_a_form_is_changed_stopped_and_gets_a_newer_file(town, sign_in):
    client, form = sign_in("registrar"), form_of(town.city.city)
    url = page_of(form, "report_form_edit")
    assert "情况统计表" in text(client.get(url))
    assert client.post(url, {"title": ""}).status_code == 422
    assert client.post(url, {"title": "新", "file": upload(b"x")}).status_code == 422
    client.post(url, {"title": "新", "file": upload(files.simple(), "新.xlsx")})
    form.refresh_from_db()
    assert (form.title, form.is_active, form.file_name, form.asked_by) == ("新", False, "新.xlsx", "")
    assert "已停用" in text(client.get(page_of(form)))


def test_a_lost_file_is_told_and_breaks_no_page(town, sign_in, tmp_path):
    client, form = sign_in("registrar"), form_of(town.city.city)
    (tmp_path / form.stored_as).unlink()
    assert "请重新上传" in text(client.get(page_of(form)))
    assert "请重新上传" in text(client.get(page_of(form, "report_form_file"), follow=True))


def test_the_api_lists_forms_with_bindings_and_filled_ones_with_sources(town, closed, sign_in):
    form = form_of(town.city.nanshan)
    bind(form, SHEET, B5="operating", D5={"what": "percent", "metric": "work_coverage"})
    filled, _ = form_fill(form=form, month=LAST, by=None)
    client = sign_in("district_leader")
    listed = client.get(reverse("api:report-form-list")).json()["results"]
    assert [(one["cell"], one["metric_name"]) for one in listed[0]["bindings"]] == [
        ("B5", "实体运营"), ("D5", "工作覆盖率（D2 实体运营）"),
    ]  # fmt: skip
    told = client.get(reverse("api:filled-form-list"), {"month": LAST.isoformat()}).json()["results"][0]
    assert told["digest"] == filled.digest and told["revision"] == 1
    assert told["sources"][0]["value"] == selectors.closing_counts(closed, town.city.nanshan)["operating"]
    assert "stored_as" not in listed[0] and "stored_as" not in told
