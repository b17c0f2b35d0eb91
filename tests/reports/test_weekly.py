"""一页纸: what the brief says on one sheet, made once a week for every unit, and never more than a page."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from jobs.models import Job
from jobs.runner import job_run
from members import pdf
from orgs.kinds import Kind, Level
from orgs.models import Organization
from orgs.services import organization_create
from reports import brief, papers, printing, selectors, weekly, weekly_making, words
from reports.digests import digest_of
from reports.models import PrintedDocument
from reports.monthly import PUBLIC
from tests import factories as make
from tests.reports.test_brief import counted, told  # noqa: F401  a city with changes, as the brief's tests know it

TODAY = timezone.localdate()
MONDAY = weekly.monday_of(TODAY)


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path)


def sheet(unit, monday=MONDAY, **more) -> PrintedDocument:
    asked = {"classification": "internal", "address": "https://x.example", "by": None} | more
    return weekly_making.document_of(unit, monday, **asked)[0]


def text(response) -> str:
    return response.content.decode()


def test_it_says_what_the_brief_says_to_nobody_in_particular(told):  # noqa: F811
    city, *_ = told
    make.make_user("leader", city.nanshan, username="south", name="陈局长")
    document = sheet(city.city)
    found = brief.brief(PUBLIC, city.city, document.as_of, weekly.PERMISSION)
    for side, points in (("good", found.good), ("bad", found.bad)):
        said = document.content[side]
        assert [(one["code"], one["value"]) for one in said] == [(one.code, one.value) for one in points]
        assert said, side
    html = papers.html_of(document)
    assert "陈局长" in html and "怎么办：" in html and document.digest in html and "style=" not in html
    assert "+15.0 个百分点" in html and f"{document.content['good'][0]['since']}" in html


def test_small_cells_are_kept_back_also_from_the_units_own_officers(town):
    unit = town.city.yuehai
    document = sheet(unit)
    for tile in document.content["tiles"]:
        own = selectors.for_reader(PUBLIC, unit, document.as_of).own
        assert tile["text"] == words.shown(own, tile["code"], brief.BASIS)


def test_the_unit_above_is_not_on_the_sheet(told):  # noqa: F811
    city, *_ = told
    assert "高于" not in papers.html_of(sheet(city.nanshan)) and "低于" not in papers.html_of(sheet(city.nanshan))


def test_gaps_name_where_they_are_most(told):  # noqa: F811
    city, *_ = told
    gap = next(one for one in sheet(city.city).content["gaps"] if one["code"] == "terms_overdue")
    assert gap["text"] == "9" and gap["most"] == ["福田区 9"] and gap["month"]["good"] is False


def test_a_week_without_numbers_is_told(town):
    with pytest.raises(printing.PrintRefused, match="没有统计数字"):
        sheet(town.city.city, MONDAY - timedelta(weeks=60))


# --- one page ---------------------------------------------------------------------------------------------------------


def pages(html: str) -> int:
    import weasyprint

    return len(weasyprint.HTML(string=html, base_url="http://local/", url_fetcher=pdf._fetch).render().pages)


def full(document: PrintedDocument) -> dict:
    """The longest that a sheet can say."""
    name = "某某某某某某某市场监管所党建工作指导站" * 4
    point = brief.Point(
        "markets_covered", "含市场覆盖的组织覆盖率的名称很长", False, "100.0%（组织覆盖率（含市场覆盖） 100.0%）", name, 1,
        MONDAY, False,
        [brief.Place(name, None, "−1,234,567 户", f"{name}（负责人 欧阳某某某某某、司徒某某某某某某）")] * brief.SHOWN,
        f"{name}（负责人 欧阳某某某某某、司徒某某某某某某）", [], max(brief.NEXT_STEPS.values(), key=len),
    )  # fmt: skip
    content = document.content | {side: [weekly._point(point)] * brief.SHOWN for side in ("good", "bad")}
    most = [f"{weekly._clip(name, weekly.NAME)} 1,234,567"] * brief.SHOWN
    change = {"by": "−1,234,567", "direction": "down", "good": False}
    content["gaps"] = [gap | {"text": "1,234,567", "most": most, "month": change} for gap in content["gaps"]]
    wide = {"text": "12,345,678", "of": "12,345,678 / 12,345,678", "beside": "D4 100.0%"}
    content["tiles"] = [tile | wide | {"week": change, "month": change} for tile in content["tiles"]]
    return content


def test_it_is_one_page_whatever_it_says(told):  # noqa: F811
    if pdf.why_no_pdf():
        pytest.skip(pdf.why_no_pdf())
    city, *_ = told
    document = sheet(city.city, address="https://a-rather-long-name.of-the-product.example.gov.cn")
    html = papers.html_of(document)
    assert pages(html) == 1
    document.title = weekly.title_of("某某某某某某某市场监管所党建工作指导站" * 3)[:120]
    document.content = full(document)
    assert weekly.layout(document.content)["dense"] and pages(papers.html_of(document)) == 1
    for point in (point for side in ("good", "bad") for point in document.content[side]):
        point |= {"places": point["places"][:2], "why": "较 10月31日 +15.0 个百分点", "who": "南山区（负责人 张三）"}
        point["next"] = point["next"][:20]
    for gap in document.content["gaps"]:
        gap["most"] = ["粤海市场监管 1,234,567"] * brief.SHOWN
    assert not any(weekly.layout(document.content).values()) and pages(papers.html_of(document)) == 1
    for side in ("good", "bad"):
        document.content[side] = [point | {"places": []} for point in document.content[side]]
        document.content[side][2]["next"] = ""
    assert weekly.layout(document.content)["roomy"] and pages(papers.html_of(document)) == 1


# --- made by the system and on demand ---------------------------------------------------------------------------------


def test_on_monday_every_unit_gets_one_and_asking_again_makes_only_what_is_missing(town, monkeypatch):
    monkeypatch.setattr(pdf, "_missing", lambda: "没有字体。")  # one PDF of a job is made below
    job = weekly_making.weekly_due()
    assert weekly_making.weekly_due() is None  # one is at it
    job_run(job_id=job.pk)
    job.refresh_from_db()
    assert job.state == Job.State.DONE, job.error
    units = set(Organization.objects.open().exclude(level=Level.GRASSROOTS))
    documents = PrintedDocument.objects.filter(kind="weekly", period=MONDAY)
    assert {document.organization for document in documents} == units and len(documents) == len(units)
    assert all(document.number.startswith("ZB") and document.made_by is None for document in documents)
    assert weekly_making.weekly_due() is None
    place = {"kind": Kind.GUIDANCE_STATION, "level": Level.GUIDANCE_STATION, "parent": town.city.nanshan}
    new = organization_create(name="招商市场监管所党建工作指导站", by=None, **place)
    assert weekly_making.weekly_due() is None  # nothing is counted there yet
    counted(new, TODAY, operating=3)
    assert weekly_making.weekly_due().params["organizations"] == [new.pk]


def test_a_job_taken_over_keeps_what_was_made_though_the_numbers_went_on(town):
    job = weekly_making.weekly_start(
        units=[town.city.nanshan], monday=MONDAY, classification="internal", address="", by=None
    )
    first = sheet(town.city.nanshan)
    counted(town.city.nanshan, TODAY, operating=12_345)
    job_run(job_id=job.pk)
    assert list(PrintedDocument.objects.all()) == [first]
    assert pdf.why_no_pdf() or printing.kept_file(first, "pdf")
    second = sheet(town.city.nanshan)  # asked for by a person it is a new edition, once the numbers are others
    assert sheet(town.city.nanshan) == second
    assert printing.standing(first) in ("valid", "superseded")


def test_a_leader_makes_one_on_demand_finds_it_and_anybody_verifies_it(town, sign_in, monkeypatch):
    monkeypatch.setattr(pdf, "_missing", lambda: "没有字体。")  # the PDF itself has its own test
    client = sign_in("district_leader")
    sent = {"organization": town.city.nanshan.pk, "below": "on", "classification": "public"}
    assert client.post(reverse("reports:printed_new_weekly"), sent).status_code == 302
    job_run(job_id=Job.objects.get(kind=weekly_making.KIND).pk)
    assert PrintedDocument.objects.count() == 3
    listed = text(client.get(reverse("reports:printed_list"), {"kind": "weekly"}))
    assert "共 3 份" in listed and "一页纸" in listed and "起一周" in listed
    assert "共 0 份" in text(client.get(reverse("reports:printed_list"), {"kind": "monthly"}))
    document = PrintedDocument.objects.first()
    page = text(client.get(document.get_absolute_url()))
    assert "要点" in page and "format=xlsx" not in page and "未关账" not in page
    paper = text(client.get(reverse("reports:printed_paper", args=[document.pk])))
    assert "没有字体" in paper and printing.spoken_code(document.code) in paper
    outside = {"organization": town.city.futian.pk, "classification": "public"}
    assert client.post(reverse("reports:printed_new_weekly"), outside).status_code == 422
    client.logout()
    verified = text(client.get(reverse("reports:verified", args=[document.code])))
    assert "现在有效" in verified and document.number in verified


def test_the_api_lists_them_with_their_standing_and_gives_the_whole_of_one(town, sign_in):
    client, unit = sign_in("district_leader"), town.city.nanshan
    first, second = sheet(unit), sheet(unit, classification="public")
    third = sheet(town.city.yuehai)
    printing.document_void(document=third, by=town.people["district_leader"], reason="单位名称有误")
    sheet(town.city.futian)
    listed = client.get(reverse("api:printed-document-list"), {"kind": "weekly"}).json()["results"]
    said = {row["id"]: (row["standing"], row["voided_because"]) for row in listed}
    assert said == {
        first.pk: ("superseded", None), second.pk: ("valid", None), third.pk: ("void", "单位名称有误"),
    }  # fmt: skip
    assert all(printing.standing(one) == said[one.pk][0] for one in (first, second, third))
    assert not any("content" in row for row in listed)
    whole = client.get(reverse("api:printed-document-detail", args=[second.pk])).json()
    assert digest_of(whole["content"]) == whole["digest"] == second.digest


def test_an_officer_reads_the_sheet_of_the_own_guidance_station_but_makes_none(town, sign_in):
    client = sign_in("officer")
    assert client.get(reverse("reports:printed_new_weekly")).status_code == 403
    assert client.get(sheet(town.city.yuehai).get_absolute_url()).status_code == 200
    assert client.get(sheet(town.city.futian).get_absolute_url()).status_code == 404


def test_the_beat_sends_it_before_work_begins():
    from config.celery import app

    entry = app.conf.beat_schedule["print the week's sheets"]
    assert entry["task"] in app.tasks and entry["schedule"].hour == {4}
