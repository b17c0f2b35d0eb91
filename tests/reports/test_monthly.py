"""The monthly report: the numbers of the closing, the same on paper, in the spreadsheet and on the dashboard."""

import io
import re
import zipfile
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone
from python_calamine import CalamineWorkbook

from config.celery import app
from jobs.models import Job
from jobs.runner import job_run
from members import pdf
from orgs.kinds import Level
from orgs.models import Organization
from reports import metrics, monthly, monthly_making, papers, printing, selectors, words
from reports.models import MonthClosing, PrintedDocument
from reports.services import month_close
from reports.words import Basis
from tests import factories
from tests.reports.helpers import refresh, today

NOW = timezone.localdate()
THIS = NOW.replace(day=1)
LAST = monthly.month_before(THIS)


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path)


@pytest.fixture
def closed(town) -> MonthClosing:
    refresh(monthly.last_day(LAST))
    with today(THIS):
        return month_close(month=LAST, by=None)


def report(unit, month=LAST, **more) -> PrintedDocument:
    return monthly_making.document_of(
        unit, month, **{"classification": "internal", "address": "https://x.example", "by": None} | more
    )[0]


def lines_of(document) -> dict:
    return {line["key"]: line for group in document.content["groups"] for line in group["lines"]}


def sheet_of(document, name: str) -> list[list]:
    book = CalamineWorkbook.from_filelike(io.BytesIO(papers.book_of(document)))
    return book.get_sheet_by_name(name).to_python()


def test_every_metric_is_the_dashboards_number_on_paper_and_in_the_spreadsheet(town, closed):
    """The reader is the unit's own leader, through the selector that the dashboard reads."""
    units = (town.city.city, town.city.nanshan)
    for unit, name in zip(units, ("city_leader", "district_leader"), strict=True):
        released = selectors.for_reader(town.people[name], unit, closed.as_of)
        document = report(unit)
        lines, html = lines_of(document), papers.html_of(document)
        cells = {row[1]: row for row in sheet_of(document, "指标")[1:]}
        assert {line["code"] for line in lines.values()} == set(metrics.METRICS)
        for key, line in lines.items():
            code, denominator, _ = metrics.parse_key(key)
            value = released.own.value(code, denominator)
            assert line["value"] == (str(value) if isinstance(value, Decimal) else value), key
            assert line["text"] == words.shown(released.own, code, Basis(denominator)), key
            if isinstance(value, Decimal):
                assert Decimal(str(cells[key][5])) == value, key
            else:
                assert cells[key][5] == ("" if value is None else value), key
            row = re.search(rf"<th scope=\"row\">{re.escape(line['name'])}</th><td>[^<]*</td>.*?</tr>", html)
            assert row, key
        printed = re.findall(r"<td class=\"n\"><strong>([^<]*)</strong>", html)
        assert printed == [line["text"] for line in lines.values()]


def test_the_units_below_and_the_rest_are_the_dashboards(town, closed):
    unit = town.city.city
    released = selectors.for_reader(town.people["city_leader"], unit, closed.as_of)
    children = report(unit).content["children"]
    assert [row["name"] for row in children["rows"]] == [
        *(words.short(child.unit) for child in released.children), selectors.UNASSIGNED_NAME, "合计",
    ]  # fmt: skip
    operating = [column["key"] for column in children["columns"]].index("operating")
    values = [row["cells"][operating]["value"] for row in children["rows"]]
    assert sum(values[:-1]) == values[-1] == released.own.value("operating")
    assert not [column for column in children["columns"] if metrics.METRICS[column["key"].split("@")[0]].person]


def test_a_guidance_stations_own_report_hides_what_others_may_not_see(town):
    """Three registrations wait at the guidance station: its officer sees them, its paper does not."""
    unit = town.city.yuehai
    seen = selectors.for_reader(town.people["officer"], unit).own
    assert seen.value("registrations_submitted") == 3
    document = report(unit, THIS)
    line = lines_of(document)["registrations_submitted"]
    assert (line["value"], line["text"], line["hidden"]) == (None, words.SMALL, True)
    row = next(row for row in sheet_of(document, "指标") if row[1] == "registrations_submitted")
    assert row[5] == "" and row[12] == "是"


def test_the_numbers_are_those_of_the_closing_and_an_open_month_says_so(town, closed):
    document = report(town.city.city)
    assert document.closing == closed and document.content["closed"]["digest"] == closed.digest
    assert lines_of(document)["operating"]["value"] == selectors.closing_counts(closed, town.city.city)["operating"]
    assert "未关账" not in papers.html_of(document)
    running = report(town.city.city, THIS)
    assert running.closing is None and "未关账" in papers.html_of(running)
    assert lines_of(running)["operating"]["last"] == lines_of(document)["operating"]["value"]
    assert lines_of(running)["operating"]["last_change"] == "持平"


def test_a_count_that_may_be_of_several_says_in_which_it_is(town, closed):
    """Above it stand the shares by D4 and D2: 92 of which?"""
    document = report(town.city.nanshan)
    lines = lines_of(document)
    assert lines["covered"]["basis"] == lines["work_covered"]["basis"] == "D2 实体运营"
    share = lines["organization_coverage"]
    assert (share["basis"], share["numerator"]) == ("D2 实体运营", lines["covered"]["value"])
    assert lines["operating"]["basis"] == "" and "D2 实体运营 · 户" in papers.html_of(document)


def test_a_revision_of_the_closing_makes_a_new_edition(town, closed):
    first = report(town.city.city)
    assert report(town.city.city) == first
    with today(THIS + timedelta(days=1)):
        month_close(month=LAST, by=None, reason="补报")
    second = report(town.city.city)
    assert second.edition == 2 and second.content["closed"]["reason"] == "补报"
    assert printing.standing(first) == "superseded"


def test_the_spreadsheet_has_the_same_bytes_on_another_day(town, closed):
    """The only time in it is that of the document."""
    document = report(town.city.city)
    with zipfile.ZipFile(io.BytesIO(papers.book_of(document))) as book:
        told = re.findall(r"\d{4}-\d\d-\d\dT[\d:]+Z", book.read("docProps/core.xml").decode())
    assert set(told) == {f"{document.made_at:%Y-%m-%dT%H:%M:%SZ}"}


def test_the_definitions_are_those_of_exactly_the_metrics_used(town, closed):
    document = report(town.city.nanshan)
    assert {one["code"] for one in document.content["definitions"]} == {
        line["code"] for line in lines_of(document).values()
    }
    for one in document.content["definitions"]:
        assert one["definition"] == metrics.METRICS[one["code"]].definition


def test_nothing_to_print_is_told(town):
    with pytest.raises(printing.PrintRefused, match="没有统计数字"):
        report(town.city.city, date(2001, 1, 1))
    with pytest.raises(printing.PrintRefused, match="还没有到"):
        report(town.city.city, monthly.month_before(THIS, -2))


def test_both_lines_have_reports(town, closed):
    document = report(town.city.divisions["nanshan"])
    assert document.content["line"] == "按区划统计" and document.division == town.city.divisions["nanshan"]


# --- made by the system -----------------------------------------------------------------------------------------------


def test_on_the_first_of_the_month_it_is_closed_and_every_unit_gets_its_report(town, monkeypatch):
    monkeypatch.setattr(pdf, "_missing", lambda: "没有字体。")  # one PDF of a job is made below
    refresh(monthly.last_day(LAST))
    with today(THIS):
        job = monthly_making.monthly_due()
        assert monthly_making.monthly_due() is None  # a job is at it
        job_run(job_id=job.pk)
    job.refresh_from_db()
    assert job.state == Job.State.DONE, job.error
    closing = MonthClosing.objects.get(month=LAST)
    documents = PrintedDocument.objects.filter(period=LAST)
    units = Organization.objects.open().exclude(level=Level.GRASSROOTS)
    assert {document.organization for document in documents} == set(units)
    assert all(document.closing == closing and document.made_by is None for document in documents)
    assert job.result["made"] == len(documents) and f"month={LAST:%Y-%m}" in job.result["url"]
    with today(THIS + timedelta(days=1)):
        assert monthly_making.monthly_due() is None


def test_the_days_after_make_what_the_first_of_the_month_did_not(town):
    refresh(monthly.last_day(LAST))
    report(town.city.city)  # before it was closed: no report of the closed month
    with today(THIS + timedelta(days=2)):
        job = monthly_making.monthly_due()
        assert MonthClosing.objects.filter(month=LAST).exists() and town.city.city.pk in job.params["organizations"]
        Job.objects.update(state=Job.State.FAILED)
        report(town.city.nanshan)
        again = monthly_making.monthly_due()
    assert set(job.params["organizations"]) - set(again.params["organizations"]) == {town.city.nanshan.pk}
    days = app.conf.beat_schedule["close the month and print its reports"]["schedule"].day_of_month
    assert days == set(range(1, 8))


def test_without_numbers_nothing_is_closed_or_queued(town):
    with today(monthly.month_before(THIS, 12)):
        assert monthly_making.monthly_due() is None
    assert not Job.objects.exists()


def test_a_job_makes_only_what_its_owner_may_still_print(town, closed):
    owner = town.people["district_leader"]
    job = monthly_making.monthly_start(
        units=[town.city.nanshan, town.city.futian], first=LAST, classification="internal", address="", by=owner
    )
    job_run(job_id=job.pk)
    assert [document.organization for document in PrintedDocument.objects.all()] == [town.city.nanshan]
    assert pdf.why_no_pdf() or printing.kept_file(PrintedDocument.objects.get(), "pdf")
    factories.rewrite(owner.postings, starts_on=NOW - timedelta(days=9), ends_on=NOW)
    job = monthly_making.monthly_start(
        units=[town.city.nanshan], first=LAST, classification="public", address="", by=owner
    )
    job_run(job_id=job.pk)
    job.refresh_from_db()
    assert job.state == Job.State.CANCELLED and "权限已收回" in job.message
    assert PrintedDocument.objects.count() == 1
