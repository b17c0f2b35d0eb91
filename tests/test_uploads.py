"""Every place that takes a file: what a scanner finds, or cannot look at, gets no further; what is no file of its kind is
refused by its content."""

import re
import socketserver
import struct
import threading

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from rest_framework.settings import api_settings

from accounts import uploads
from accounts.models import AuditEvent
from jobs.models import Job
from jobs.runner import job_run
from reports.models import FilledForm, ReportForm
from tables.models import Batch
from tests import factories
from tests import workbook_files as files
from tests.reports.making_forms import form_of
from tests.test_architecture import ORDER, ROOT, python_files

pytestmark = pytest.mark.django_db
VIRUS = (
    b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-" + b"ANTIVIRUS-TEST-FILE!$H+H*"
)  # in two: no scanner finds this file
CSV = "统一社会信用代码,名称\n".encode()


class Clamd(socketserver.StreamRequestHandler):
    """The part of clamd that is asked here, by its manual: zINSTREAM, pieces with their length in front, one of none."""

    def handle(self):
        server = self.server
        command = b"".join(iter(lambda: self.rfile.read(1), b"\0"))
        if command == b"zPING":
            self.wfile.write(b"PONG\0")
            return
        assert command == b"zINSTREAM"
        body = b""
        while size := struct.unpack("!L", self.rfile.read(4))[0]:
            body += self.rfile.read(size)
            if len(body) > server.most:
                self.wfile.write(b"INSTREAM size limit exceeded. ERROR\0")
                return
        server.seen.append(body)
        if not server.is_silent:
            found = b"Win.Test.EICAR_HDB-1 FOUND" if VIRUS in body else b"OK"
            self.wfile.write(b"stream: " + found + b"\0")


@pytest.fixture(params=["tcp", "unix"])
def clamd(request, settings, tmp_path):
    if request.param == "tcp":
        server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Clamd)
        settings.UPLOAD_SCANNER = f"127.0.0.1:{server.server_address[1]}"
    else:
        settings.UPLOAD_SCANNER = str(tmp_path / "clamd.sock")
        server = socketserver.ThreadingUnixStreamServer(settings.UPLOAD_SCANNER, Clamd)
    server.seen, server.most, server.is_silent = [], 10_000_000, False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def place(client, settings, tmp_path):
    """Sends a file to one of PLACES, as somebody who may."""
    settings.MEDIA_ROOT = str(tmp_path / "media")
    city = factories.make_city()
    client.force_login(factories.make_user("registrar", city.city, username="registrar"))
    form = form_of(city.city)
    before = sorted((tmp_path / "media").rglob("*"))

    def send(name: str, file: str, content: bytes):
        view, told, *_ = PLACES[name]
        address = reverse(view, args=[form.pk] if "edit" in view else [])
        return client.post(address, {**told(city), "file": SimpleUploadedFile(file, content)})

    send.client, send.kept = client, lambda: sorted((tmp_path / "media").rglob("*")) != before
    return send


# How each place is sent a file, and what it is called there. The form fields that take one, below, must be as many.
PLACES = {
    "import": ("tables:upload", lambda city: {"target": "business", "source": "registration"}, "名册.csv"),
    "form": ("reports:report_form_new", lambda city: {"title": "表", "unit": f"o{city.city.pk}"}, "表.xlsx"),
    "newer form": ("reports:report_form_edit", lambda city: {"title": "表"}, "表.xlsx"),
    "paper": ("reports:printed_check", lambda city: {}, "月报.pdf"),
}


def test_these_are_all_the_places():
    """A field that takes a file anywhere: its form joins PLACES; of people without an account it may be in none."""
    code = {str(path.relative_to(ROOT)): path.read_text("utf-8") for path in python_files(*ORDER)}
    field = re.compile(r"(\w+) = \S*(?:File|Files|Image|FilePath)Field\(")
    found = {f"{path}: {name}" for path, text in code.items() for name in field.findall(text)}
    assert found == {"tables/forms.py: file", "reports/filling_forms.py: file", "reports/printed_forms.py: file"}
    assert {path for path, text in code.items() if ".FILES" in text} == {
        "accounts/uploads.py", "tables/views/upload.py", "reports/views/verify.py", "reports/views/report_form_acts.py",
    }  # fmt: skip


@pytest.mark.parametrize("name", PLACES)
def test_what_the_scanner_finds_is_refused_before_anybody_reads_it(name, place, clamd):
    answer = place(name, PLACES[name][2], CSV + VIRUS)
    text = answer.content.decode()
    assert answer.status_code == 422 and "查出了恶意代码（Win.Test.EICAR_HDB-1）" in text and PLACES[name][2] in text
    assert clamd.seen == [CSV + VIRUS]
    assert not place.kept() and not Batch.objects.exists() and not Job.objects.exists()
    assert ReportForm.objects.get().title != "表" and not FilledForm.objects.exists()
    event = AuditEvent.objects.get(act="accounts.upload.refuse")
    assert event.actor.username == "registrar" and not event.succeeded and event.address
    assert event.detail == {"reason": "infected", "address": PLACES[name][0], "found": "Win.Test.EICAR_HDB-1"}


@pytest.mark.parametrize("name", PLACES)
def test_control_a_clean_file_comes_through_whole(name, place, clamd, monkeypatch):
    """The bytes are read twice: by the scanner, then by the place."""
    if name == "paper":
        answer = place(name, "月报.pdf", b"%PDF-1.7 of somebody else")
        assert answer.status_code == 200 and "对不上" in answer.content.decode()
        return
    content = CSV if name == "import" else files.simple()
    assert place(name, PLACES[name][2], content).status_code == 302 and clamd.seen == [content]
    assert place.kept()


def away(clamd, settings):
    settings.UPLOAD_SCANNER = "127.0.0.1:1"


def silent(clamd, settings):
    clamd.is_silent = True


def too_large(clamd, settings):
    clamd.most = 10


def another_server(clamd, settings):
    clamd.RequestHandlerClass = type("Other", (socketserver.StreamRequestHandler,), {
        "handle": lambda self: self.wfile.write(b"220 mail.example ready\r\n"),
    })  # fmt: skip


@pytest.mark.parametrize("fault", [away, silent, too_large, another_server])
def test_what_nobody_looked_at_is_not_taken(fault, place, clamd, settings):
    fault(clamd, settings)
    answer = place("import", "名册.csv", CSV)
    text = answer.content.decode()
    assert answer.status_code == 503 and "查毒服务没有应答" in text and "稍后再试" in text
    assert not place.kept() and not Batch.objects.exists()
    assert AuditEvent.objects.get(act="accounts.upload.refuse").detail["reason"] == "unchecked"


def test_one_bad_file_of_several_refuses_all(place, clamd):
    several = [
        SimpleUploadedFile("一.csv", CSV),
        SimpleUploadedFile("二.csv", VIRUS),
        SimpleUploadedFile("三.csv", CSV),
    ]
    answer = place.client.post(reverse("tables:upload"), {"target": "business", "file": several})
    assert answer.status_code == 422 and "二.csv" in answer.content.decode() and not Batch.objects.exists()


def test_a_large_file_that_waits_on_the_disk_is_looked_through_too(place, clamd, settings):
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 10
    assert place("import", "名册.csv", CSV + VIRUS).status_code == 422
    assert place("import", "名册.csv", CSV).status_code == 302 and clamd.seen[1] == CSV


def test_whoever_is_not_signed_in_has_no_file_looked_through(client, clamd):
    answer = client.post(reverse("tables:upload"), {"file": SimpleUploadedFile("a.csv", VIRUS)})
    assert answer.status_code == 302 and clamd.seen == []


def test_the_api_reads_no_file(place):
    answer = place.client.post("/api/v1/numbers/", {"file": SimpleUploadedFile("a.csv", VIRUS)})
    assert answer.status_code in (403, 405, 415)
    assert [each.media_type for each in api_settings.DEFAULT_PARSER_CLASSES] == [
        "application/json", "application/x-www-form-urlencoded",
    ]  # fmt: skip


def test_without_a_scanner_nothing_is_asked(place, settings, monkeypatch):
    monkeypatch.setattr(uploads.scanner, "malware_in", lambda _: pytest.fail("asked"))
    assert settings.UPLOAD_SCANNER == "" and place("import", "名册.csv", CSV).status_code == 302


# --- what it is called and what it holds ------------------------------------------------------------------------------

PROGRAM, PICTURE, PAGE = b"MZ\x90\x00\x03" + bytes(60), b"\x89PNG\r\n\x1a\n" + bytes(60), b"<html><body>x</body></html>"
NOT_OURS = {"program": PROGRAM, "picture": PICTURE, "page": PAGE, "archive": b"Rar!\x1a\x07\x00" + bytes(60)}
WORDS = {"program": "程序", "picture": "图片", "page": "网页格式", "archive": "zip 压缩包"}


@pytest.mark.parametrize("kind", NOT_OURS)
@pytest.mark.parametrize("name", PLACES)
def test_what_is_no_such_file_is_refused_whatever_it_is_called(name, kind, place):
    """Among tables the content decides and not the name, on purpose: many a system's CSV is called .xls."""
    answer = place(name, PLACES[name][2], NOT_OURS[kind])
    text = answer.content.decode()
    if name == "import":  # read by a job, whose page tells
        batch = Batch.objects.get()
        job_run(job_id=batch.job_id)
        page = place.client.get(reverse("tables:batch", args=[batch.pk]))
        assert WORDS[kind] in page.content.decode()
        return
    assert answer.status_code == 422
    assert ("不是 PDF" if name == "paper" else "不是 Excel 工作簿") in text
