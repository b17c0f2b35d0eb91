"""月报 pages: list, making, paper, files, voiding; and the two ways to verify."""

import io
import json
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone
from python_calamine import CalamineWorkbook

from accounts.limits import LIMITS, Limit
from accounts.models import AuditEvent
from jobs.models import Job
from jobs.runner import job_run
from members import answers, identity, limits, pdf, sealing
from members.models import Answer
from reports import monthly_making, printing, verifying
from reports.models import PrintedDocument, PrintedVoid
from reports.services import month_close
from tests.reports.helpers import today

THIS = timezone.localdate().replace(day=1)


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path)


def report(unit, classification="internal", by=None) -> PrintedDocument:
    return monthly_making.document_of(unit, THIS, classification=classification, address="https://x.example", by=by)[0]


def text(response) -> str:
    return response.content.decode()


# --- staff ------------------------------------------------------------------------------------------------------------


def test_a_report_is_made_on_demand_and_found_in_the_list(town, sign_in, monkeypatch):
    monkeypatch.setattr(pdf, "_missing", lambda: "没有字体。")  # the PDF itself has its own test
    client = sign_in("district_leader")
    sent = {"organization": town.city.nanshan.pk, "month": f"{THIS:%Y-%m}", "below": "on", "classification": "internal"}
    response = client.post(reverse("reports:printed_new"), sent)
    job = Job.objects.get(kind=monthly_making.KIND)
    assert response.status_code == 302 and response["Location"] == job.get_absolute_url()
    job_run(job_id=job.pk)
    job.refresh_from_db()
    assert job.state == Job.State.DONE and job.result["no_pdf"]
    found = {document.organization for document in PrintedDocument.objects.all()}
    assert found == {town.city.nanshan, town.city.yuehai, town.city.shahe}
    listed = text(client.get(reverse("reports:printed_list"), {"month": f"{THIS:%Y-%m}"}))
    assert "共 3 份" in listed and "未关账" in listed
    assert "共 0 份" in text(client.get(reverse("reports:printed_list"), {"month": "2001-01"}))
    assert "月份写法" in text(client.get(reverse("reports:printed_list"), {"month": "去年"}))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"month": "2026-13"}, "月份写法"),
        ({"month": ""}, "请选择月份"),
        ({"month": "2999-01"}, "还没有到"),
        ({"organization": ""}, "二选一"),
        ({"classification": "secret"}, "标识"),
    ],
)
def test_what_cannot_be_printed_is_told_and_what_was_chosen_stays(town, sign_in, change, told):
    sent = {"organization": town.city.nanshan.pk, "month": f"{THIS:%Y-%m}", "classification": "public"} | change
    response = sign_in("city_leader").post(reverse("reports:printed_new"), sent)
    assert response.status_code == 422 and told in text(response) and not Job.objects.exists()


def test_outside_the_scope_a_unit_cannot_be_chosen_and_a_report_is_missing(town, sign_in):
    document = report(town.city.futian)
    client = sign_in("district_leader")
    sent = {"organization": town.city.futian.pk, "month": f"{THIS:%Y-%m}", "classification": "internal"}
    assert client.post(reverse("reports:printed_new"), sent).status_code == 422
    for name in ("printed", "printed_paper", "printed_file", "printed_void"):
        assert client.get(reverse(f"reports:{name}", args=[document.pk])).status_code == 404, name


def test_downloads_are_the_same_bytes_each_time_and_written_down(town, sign_in):
    if pdf.why_no_pdf():
        pytest.skip(pdf.why_no_pdf())
    document = report(town.city.yuehai)
    client, url = sign_in("officer"), reverse("reports:printed_file", args=[document.pk])
    first, second = client.get(url, {"format": "pdf"}), client.get(url)
    assert first["Content-Type"] == "application/pdf" and first.content.startswith(b"%PDF-")
    assert first.content == second.content
    sheet = client.get(url, {"format": "xlsx"})
    assert "指标" in CalamineWorkbook.from_filelike(io.BytesIO(sheet.content)).sheet_names
    assert client.get(url, {"format": "exe"}).status_code == 404
    events = AuditEvent.objects.filter(act="reports.printed.download", subjects=[document.pk])
    assert [event.detail["format"] for event in events.order_by("pk")] == ["pdf", "pdf", "xlsx"]
    # the very file is recognised, a changed one is not
    check = reverse("reports:printed_check")
    page = text(client.post(check, {"file": SimpleUploadedFile("a.pdf", first.content)}))
    assert "一字未改" in page and document.number in page
    assert "对不上" in text(client.post(check, {"file": SimpleUploadedFile("a.pdf", first.content + b" ")}))
    assert "文件是空的" in text(client.post(check, {"file": SimpleUploadedFile("a.pdf", b"")}))


def test_without_the_libraries_the_print_page_stands_in_and_says_why(town, sign_in, monkeypatch):
    monkeypatch.setattr(pdf, "_missing", lambda: "这台服务器没有中文字体。")
    document = report(town.city.yuehai)
    client = sign_in("officer")
    page = text(client.get(document.get_absolute_url()))
    assert "没有中文字体" in page and "format=pdf" not in page
    response = client.get(reverse("reports:printed_file", args=[document.pk]), {"format": "pdf"})
    assert response["Location"] == reverse("reports:printed_paper", args=[document.pk])
    paper = text(client.get(response["Location"]))
    assert "没有中文字体" in paper and printing.spoken_code(document.code) in paper and "<svg" in paper
    assert "style=" not in paper and "<style" not in paper  # the strict policy would drop it


def test_voiding_needs_a_reason_and_is_seen_by_whoever_checks(town, sign_in, client):
    document = report(town.city.yuehai)
    officer = sign_in("officer")
    assert officer.post(reverse("reports:printed_void", args=[document.pk]), {"reason": "x"}).status_code == 403
    leader, url = sign_in("district_leader"), reverse("reports:printed_void", args=[document.pk])
    assert leader.post(url, {"reason": " "}).status_code == 422
    assert leader.post(url, {"reason": "单位名称有误"}).status_code == 302
    assert PrintedVoid.objects.get().voided_by == town.people["district_leader"]
    assert leader.post(url, {"reason": "再来"}).status_code == 422
    leader.logout()
    page = text(client.get(reverse("reports:verified", args=[document.code])))
    assert "已作废" in page and "单位名称有误" not in page


def test_every_staff_page_prints_who_where_and_when(town, sign_in):
    page = text(sign_in("district_leader").get(reverse("reports:dashboard"), follow=True))
    note = page.split('class="print-note">', 1)[1].split("</p>", 1)[0]
    for said in ("南山", str(town.people["district_leader"]), f"{timezone.localdate():%Y-%m-%d}", "内部资料"):
        assert said in note


# --- the public -------------------------------------------------------------------------------------------------------


@pytest.fixture
def fresh_limits():
    cache.clear()


def test_a_genuine_paper_is_told_and_an_internal_one_shows_no_number(town, client, fresh_limits):
    document = report(town.city.nanshan, by=town.people["district_leader"])
    typed = printing.spoken_code(document.code).lower()
    response = client.get(reverse("reports:verify"), {"code": typed}, follow=True)
    page = text(response)
    for said in ("有效", str(town.city.nanshan), document.number, document.digest):
        assert said in page
    line = next(line for group in document.content["groups"] for line in group["lines"] if line["key"] == "operating")
    assert "主要数字" not in page and f"{line['text']} 户" not in page
    assert town.people["district_leader"].username not in page
    assert response["Referrer-Policy"] == "no-referrer" and "no-store" in response["Cache-Control"]


def test_a_public_paper_shows_a_few_numbers_and_never_persons(town, client, fresh_limits):
    document = report(town.city.nanshan, "public")
    page = text(client.get(reverse("reports:verified", args=[document.code])))
    line = next(line for group in document.content["groups"] for line in group["lines"] if line["key"] == "operating")
    assert f"{line['text']} 户" in page and "党员" not in page.replace("党员自主报到", "")


def test_a_revised_paper_is_told(town, client, fresh_limits):
    first, second = report(town.city.nanshan), report(town.city.nanshan, "public")
    assert "已修订" in text(client.get(reverse("reports:verified", args=[first.code])))
    assert "现在有效" in text(client.get(reverse("reports:verified", args=[second.code])))


def test_a_paper_whose_month_was_closed_after_it_says_so_wherever_it_is_checked(town, client, fresh_limits, sign_in):
    document = report(town.city.nanshan)
    answers.write_all()
    assert "现在有效" in text(client.get(reverse("reports:verified", args=[document.code])))
    with today((THIS + timedelta(days=31)).replace(day=1)):
        month_close(month=THIS, by=None)
    assert "已另行关账" in text(client.get(reverse("reports:verified", args=[document.code])))
    verifying.hear_sealed([AuditEvent.objects.get(act="reports.month.close")])
    sealed = Answer.objects.get(code_index=identity.answer_index(verifying.WHAT, document.code)).sealed
    assert json.loads(sealing.unseal(sealed, code=document.code, what=verifying.WHAT)) == verifying.read(document.code)
    staff = sign_in("district_leader")
    for name in ("printed", "printed_paper"):
        assert "另行关账" in text(staff.get(reverse(f"reports:{name}", args=[document.pk])))


def test_the_public_face_is_given_the_same_of_every_edition_and_keeps_it(town):
    """What it is given opens with the code on the paper; that its role reads it is in tests/members/test_faces.py."""

    def given(document: PrintedDocument) -> dict:
        sealed = Answer.objects.get(code_index=identity.answer_index(verifying.WHAT, document.code)).sealed
        assert document.number.encode() not in bytes(sealed)
        return json.loads(sealing.unseal(sealed, code=document.code, what=verifying.WHAT))

    first, second = report(town.city.nanshan), report(town.city.nanshan, "public")
    other = report(town.city.city)
    assert (answers.write_missing(), answers.write_missing()) == (3, 0)
    assert [given(one)["state"]["text"] for one in (first, second, other)] == ["已修订", "有效", "有效"]
    printing.document_void(document=second, by=town.people["district_leader"], reason="单位名称有误")
    verifying.hear_sealed([AuditEvent.objects.get(act="reports.printed.void")])
    assert [given(one)["state"]["text"] for one in (first, second)] == ["有效", "已作废"]
    answers.write_all()
    for one in (first, second, other):
        assert given(one) == json.loads(json.dumps(verifying.read(one.code)))


@pytest.mark.parametrize("classification", ["internal", "public"])
def test_a_code_on_an_altered_paper_does_not_make_it_genuine(town, client, fresh_limits, classification):
    """The code can be copied onto a sheet with other numbers: the page says so, and what the true file's digest is."""
    document = report(town.city.nanshan, classification)
    page = text(client.get(reverse("reports:verified", args=[document.code])))
    assert "改过的纸上也可以印着同一个码" in page and "这份报告由本系统生成" not in page
    assert "PDF 原件的 SHA-256" not in page and "verify.js" not in page  # no file was made yet
    file = printing.file_store(document=document, format="pdf", content=b"%PDF-1")
    printing.file_store(document=document, format="xlsx", content=b"PK")
    page = text(client.get(reverse("reports:verified", args=[document.code])))
    assert page.count("PDF 原件的 SHA-256") == 1 and page.count(file.digest) == 2 and "verify.js" in page
    # the public face hears of the file too, which is made after the paper
    verifying.hear_sealed([AuditEvent.objects.get(act="reports.printed.file", detail__digest=file.digest)])
    sealed = Answer.objects.get(code_index=identity.answer_index(verifying.WHAT, document.code)).sealed
    assert json.loads(sealing.unseal(sealed, code=document.code, what=verifying.WHAT))["files"] == [file.digest]


@pytest.mark.parametrize("code", ["AAAAA-AAAAA-AAAAA-AAAAA", "x", "…", "1' OR 1=1", "A" * 300, "%", "—" * 9])
def test_unknown_codes_get_one_clear_answer(town, client, fresh_limits, code):
    document = report(town.city.nanshan)
    for response in (
        client.get(reverse("reports:verify"), {"code": code}, follow=True),
        client.get(reverse("reports:verified", args=[document.code[:-1]])),
        client.get(reverse("reports:verified", args=[document.code + "2"])),
    ):
        assert response.status_code == 404
        assert "没有这个核验码" in text(response) and document.number not in text(response)


def test_checks_from_one_address_are_limited(town, client, fresh_limits, monkeypatch):
    monkeypatch.setitem(LIMITS, "verify_address", Limit(3, ""))
    url = reverse("reports:verified", args=["AAAA"])
    assert [client.get(url).status_code for _ in range(4)] == [404, 404, 404, 429]
    assert client.get(url)["Retry-After"] == str(limits.WINDOW)


def test_a_document_that_was_tampered_with_is_not_called_genuine(town, client, fresh_limits):
    from tests.conftest import as_owner

    document = report(town.city.nanshan, "public")
    content = document.content | {"month": "1999-01"}
    with as_owner():
        PrintedDocument.objects.filter(pk=document.pk).update(content=content)
    page = text(client.get(reverse("reports:verified", args=[document.code])))
    assert "核对不符" in page and "主要数字" not in page
