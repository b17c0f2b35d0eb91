"""一次填报: a form is filled with the numbers of the closing, each with its source; once, by whoever comes first."""

import io
import os
import threading
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import AuditEvent
from accounts.retention import runs
from jobs.models import Job
from jobs.runner import job_run
from orgs.models import Organization
from reports import form_books, form_due, form_filling, form_services, metrics, monthly, selectors
from reports.form_filling import FillRefused, form_fill
from reports.form_services import FormRefused, binding_columns, cells_bind
from reports.models import FilledForm, FormBinding, MonthClosing
from reports.services import month_close
from reports.tasks import fill_forms
from tables.workbooks import Refused
from tests import factories as make
from tests import workbook_files as files
from tests.reports.helpers import refresh, today
from tests.reports.making_forms import bind, form_of

THIS = timezone.localdate().replace(day=1)
LAST = monthly.month_before(THIS)
SHEET = "表一 情况"


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path)


@pytest.fixture
def closed(town) -> MonthClosing:
    refresh(monthly.last_day(LAST))
    with today(THIS):
        return month_close(month=LAST, by=None)


def book_of(filled: FilledForm):
    return files.opened(form_books.read(filled.stored_as))


def test_every_kind_of_cell_says_what_the_closing_says(town, closed):
    city, nanshan = town.city.city, town.city.nanshan
    form = form_of(city)
    bind(
        form, SHEET, B5={"what": "value", "metric": "operating", "unit": nanshan}, B6="operating",
        D5={"what": "percent", "metric": "work_coverage"}, E5={"what": "percent", "metric": "work_coverage"},
        C5={"what": "numerator", "metric": "work_coverage#enterprises"},
        C6={"what": "denominator", "metric": "work_coverage#enterprises"}, B2={"what": "unit_name"},
        E2={"what": "filled_on"}, D6={"what": "value", "metric": "work_coverage#enterprises"},
        A9={"what": "period"}, B9={"what": "text", "text": "=党建科"},
    )  # fmt: skip
    filled, is_new = form_fill(form=form, month=LAST, by=town.people["registrar"])
    sheet = book_of(filled)[SHEET]
    counts = selectors.closing_counts(closed, city)
    share = metrics.value(counts, "work_coverage")
    assert is_new and filled.edition == 1 and filled.closing == closed and filled.problems == []
    assert sheet["B5"].value == selectors.closing_counts(closed, nanshan)["operating"]
    assert sheet["B6"].value == counts["operating"] != sheet["B5"].value
    assert Decimal(str(sheet["D5"].value)) == share  # its format shows a percent sign
    assert Decimal(str(sheet["E5"].value)) == share * 100
    assert Decimal(str(sheet["D6"].value)) == metrics.value(counts, "work_coverage", range="enterprises")
    assert (sheet["C5"].value, sheet["C6"].value) == (
        counts["work_covered#enterprises"],
        counts["operating#enterprises"],
    )
    assert sheet["B2"].value == str(city) and sheet["E2"].value.date() == timezone.localdate()
    assert sheet["A9"].value == f"{LAST.year}年{LAST.month}月"
    assert (sheet["B9"].value, sheet["B9"].data_type) == ("=党建科", "s")
    assert sheet["B7"].value == "=SUM(B5:B6)"
    listed = [[cell.value for cell in row] for row in book_of(filled)["数据来源"]]
    source = next(row for row in listed if row[1] == "B5")
    assert source[3] == "实体运营" and source[5] == str(nanshan) and source[6] == closed.as_of.isoformat()
    assert source[7] == sheet["B5"].value and source[8] == metrics.METRICS["operating"].definition
    assert closed.digest in listed[1][0] and len(filled.sources) == 11
    event = AuditEvent.objects.filter(act="reports.form.fill").latest("pk")
    assert event.detail["digest"] == filled.digest and event.actor == town.people["registrar"]


def test_small_cells_are_not_shown_and_never_zero(town):
    """Three registrations wait at the guidance station: its own form does not give them away."""
    form = form_of(town.city.yuehai)
    bind(form, SHEET, B5="registrations_submitted", B6="markets_due")
    refresh(monthly.last_day(THIS))
    with today(monthly.month_before(THIS, -1)):
        closing = month_close(month=THIS, by=None)
        filled, _ = form_fill(form=form, month=THIS, by=None)
    assert selectors.closing_counts(closing, town.city.yuehai)["registrations_submitted"] == 3
    sheet = book_of(filled)[SHEET]
    assert (sheet["B5"].value, sheet["B6"].value) == ("不显示", 0)
    source = next(one for one in filled.sources if one["cell"] == "B5")
    assert source["hidden"] and source["value"] == "不显示" and "3" not in str(source["shown"])


def test_what_cannot_be_told_is_left_empty_and_said_and_the_others_are_filled(town, closed):
    gone = make.make_branch(town.city.yuehai)  # came after the closing
    form = form_of(town.city.city)
    bind(form, SHEET, B5="operating", B6="operating", C5="operating")
    FormBinding.objects.filter(row=6).update(metric="no_such_metric")
    FormBinding.objects.filter(column=3).update(organization=gone)
    filled, _ = form_fill(form=form, month=LAST, by=None)
    sheet = book_of(filled)[SHEET]
    assert sheet["B6"].value is None and sheet["C5"].value is None  # not the 999 of a year ago
    assert sheet["B5"].value == selectors.closing_counts(closed, town.city.city)["operating"]
    told = {one["cell"]: one["problem"] for one in filled.problems}
    assert "no_such_metric" in told["B6"] and str(gone) in told["C5"] and set(told) == {"B6", "C5"}


def test_a_number_that_the_format_of_its_cell_would_show_as_another_is_not_written(town, closed):
    """1,412 in a cell of percents reads 141200%, in a cell of days 1903-11-12."""
    form = form_of(town.city.city)
    bind(
        form, SHEET, D5="operating", D6={"what": "numerator", "metric": "work_coverage"}, E2="work_coverage",
        C5="operating", E5={"what": "percent", "metric": "work_coverage"},
    )  # fmt: skip
    filled, _ = form_fill(form=form, month=LAST, by=None)
    sheet = book_of(filled)[SHEET]
    assert [sheet[cell].value for cell in ("D5", "D6", "E2")] == [None] * 3
    assert sheet["C5"].value is not None and sheet["E5"].value is not None
    told = {one["cell"]: one["problem"] for one in filled.problems}
    assert set(told) == {"D5", "D6", "E2"} and "百分数" in told["D5"] and "日期" in told["E2"]


def test_filling_again_is_the_same_edition_until_something_changes(town, closed):
    form = form_of(town.city.city)
    bind(form, SHEET, B5="operating")
    first, _ = form_fill(form=form, month=LAST, by=None)
    assert form_fill(form=form, month=LAST, by=town.people["registrar"]) == (first, False)
    bind(form, SHEET, B6="organizations")
    second, is_new = form_fill(form=form, month=LAST, by=None)
    assert is_new and second.edition == 2
    with today(THIS + timedelta(days=1)):
        month_close(month=LAST, by=None, reason="补报")
    third, _ = form_fill(form=form, month=LAST, by=None)
    assert third.edition == 3 and third.closing.revision == 2
    assert files.opened(form_books.read(first.stored_as))[SHEET]["B6"].value == 999


def test_a_month_that_is_not_closed_and_a_form_without_bindings_are_refused(town, closed):
    form = form_of(town.city.city)
    with pytest.raises(FillRefused, match="还没有绑定"):
        form_fill(form=form, month=LAST, by=None)
    bind(form, SHEET, B5="operating")
    with pytest.raises(FillRefused, match="还没有关账"):
        form_fill(form=form, month=THIS, by=None)
    assert not FilledForm.objects.exists()


def test_a_book_whose_structure_is_protected_gets_no_further_sheet(town, closed):
    content = files.with_sheet(
        files.ugly(), lambda data: data.replace(b"<bookViews>", b'<workbookProtection lockStructure="1"/><bookViews>'),
        part="xl/workbook.xml",
    )  # fmt: skip
    form = form_of(town.city.city, content)
    bind(form, SHEET, B5="operating")
    assert "数据来源" not in book_of(form_fill(form=form, month=LAST, by=None)[0]).sheetnames


def test_a_form_of_the_other_line_speaks_of_divisions(town, closed):
    nanshan, yuehai = town.city.divisions["nanshan"], town.city.divisions["yuehai"]
    form = form_of(nanshan)
    bind(
        form,
        SHEET,
        B5={"what": "value", "metric": "operating", "unit": yuehai},
        B6="operating",
        B2={"what": "unit_name"},
    )
    sheet = book_of(form_fill(form=form, month=LAST, by=None)[0])[SHEET]
    numbers = [selectors.closing_counts(closed, unit)["operating"] for unit in (yuehai, nanshan)]
    assert [sheet["B5"].value, sheet["B6"].value, sheet["B2"].value] == [*numbers, str(nanshan)]
    with pytest.raises(FormRefused, match="下级"):
        bind(form, SHEET, B5={"what": "value", "metric": "operating", "unit": town.city.nanshan})


def test_the_numbers_are_those_of_the_monthly_report_for_every_unit_and_metric(town):
    refresh(monthly.last_day(THIS))
    with today(monthly.month_before(THIS, -1)):
        closing = month_close(month=THIS, by=None)
    units = [*Organization.objects.exclude(level=4), *town.city.divisions.values()]
    found = monthly.own_as_closed(closing, units)
    for unit in units:
        month = monthly.month_of(unit, THIS)
        assert found.get(unit) == (month.released.own if month else None), unit
    assert len(found) > 5 and any(numbers.hidden for numbers in found.values())


# --- binding ----------------------------------------------------------------------------------------------------------


def test_what_cannot_be_bound_is_refused_with_a_sentence(town):
    form = form_of(town.city.nanshan)
    fine = binding_columns("value", metric="operating")
    for sheet, place, told in (
        (SHEET, (7, 2), "公式"),
        (SHEET, (1, 2), "A1"),
        ("字典", (9, 9), "隐藏"),
        ("无", (1, 1), "没有"),
    ):
        with pytest.raises(FormRefused, match=told):
            cells_bind(form=form, cells={(sheet, place): fine}, by=None)
    elsewhere = binding_columns("value", metric="operating", unit=town.city.futian)
    with pytest.raises(FormRefused, match="下级"):
        cells_bind(form=form, cells={(SHEET, (5, 2)): elsewhere}, by=None)
    assert not FormBinding.objects.exists()
    for what, more, told in (
        ("percent", {"metric": "operating"}, "不是率"),
        ("value", {"metric": "nothing"}, "没有指标"),
        ("value", {"metric": "markets@due"}, "口径"),
        ("text", {"text": " "}, "文字"),
    ):
        with pytest.raises(FormRefused, match=told):
            binding_columns(what, **more)


def test_a_newer_file_takes_the_place_and_what_no_longer_fits_is_told(town, closed):
    form = form_of(town.city.city)
    bind(form, SHEET, B5="operating")
    bind(form, "表二", B2="organizations")
    old, _ = form_fill(form=form, month=LAST, by=None)
    form_services.form_change(
        form=form, title="新表", asked_by="", with_sources=True, is_active=True, by=None, name="新.xlsx",
        upload=io.BytesIO(files.simple()),
    )  # fmt: skip
    filled, _ = form_fill(form=form, month=LAST, by=None)
    assert filled.sources == [] and len(filled.problems) == 2 and "没有工作表" in filled.problems[0]["problem"]
    assert book_of(old)[SHEET]["B5"].value


def test_the_file_lies_sealed_and_one_that_is_lost_is_told(town, settings, tmp_path):
    form = form_of(town.city.city)
    path = tmp_path / form.stored_as
    assert not path.read_bytes().startswith(b"PK") and form_books.read(form.stored_as).startswith(b"PK")
    path.unlink()
    with pytest.raises(Refused, match="重新上传"):
        form_books.book_of(form)


# --- without being asked ----------------------------------------------------------------------------------------------


def test_every_active_form_is_filled_once_for_the_month_that_was_closed(town, closed):
    form, stopped, unbound = form_of(town.city.city), form_of(town.city.nanshan), form_of(town.city.nanshan)
    gone = form_of(town.city.futian)
    for one in (form, stopped, gone):
        bind(one, SHEET, B5="operating")
    stopped.is_active = False
    stopped.save()
    Organization.objects.filter(pk=town.city.futian.pk).change(closed_on=THIS)
    job = form_due.forms_due()
    assert form_due.forms_due() is None  # under way
    job_run(job_id=job.pk)
    job.refresh_from_db()
    assert job.state == Job.State.DONE and job.result == {"made": 1, "refused": 0}
    filled = FilledForm.objects.get()
    assert (filled.form, filled.month, filled.filled_by) == (form, LAST, None)
    fill_forms()
    assert FilledForm.objects.count() == 1 and Job.objects.count() == 1  # nothing is missing
    assert runs("forms").first().detail["files"] == 0
    assert not unbound.filled.exists()


def test_a_form_that_cannot_be_filled_does_not_stop_the_others(town, closed, tmp_path):
    lost, form = form_of(town.city.city), form_of(town.city.city)
    for one in (lost, form):
        bind(one, SHEET, B5="operating")
    (tmp_path / lost.stored_as).unlink()
    job_run(job_id=form_due.forms_due().pk)
    assert Job.objects.latest("pk").result == {"made": 1, "refused": 1} and FilledForm.objects.get().form == form


def test_files_that_no_row_names_are_removed_after_a_day(town, tmp_path):
    form = form_of(town.city.city)
    stored_as, _ = form_books.keep(b"left behind")
    assert form_books.remove_orphans() == 0
    for path in (tmp_path / form_books.FOLDER).glob("*"):
        os.utime(path, (0, 0))
    assert form_books.remove_orphans() == 1
    assert form_books.read(form.stored_as) and not (tmp_path / stored_as).exists()


@pytest.mark.django_db(transaction=True)
def test_two_who_fill_at_once_make_one_edition(settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path)
    city = make.make_city()
    refresh(monthly.last_day(LAST))
    with today(THIS):
        month_close(month=LAST, by=None)
    form = form_of(city.city)
    bind(form, SHEET, B5="operating")
    found, start = [], threading.Barrier(2)

    def fill() -> None:
        start.wait()
        found.append(form_filling.form_fill(form=form, month=LAST, by=None))
        connection.close()

    threads = [threading.Thread(target=fill) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(is_new for _, is_new in found) == [False, True] and FilledForm.objects.count() == 1
