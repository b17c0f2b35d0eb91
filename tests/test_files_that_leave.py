"""Everything that leaves as a file is known here: by whose hand each place marks it, or why it does not.

A mark is the label, the name of whoever took it out, and when; with the purpose where one is asked. Lists of rows go by
tables/taking.py, which asks for the purpose and, above the limit, for a second person; of persons nothing else goes.
"""

import gzip
import io
import json
import re
import zipfile
from pathlib import Path
from urllib.parse import unquote

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEvent, User
from accounts.sealed_files import create_sealed
from members.models import RightsRequest
from tables import services
from tables.models import Batch
from tests import factories as make
from tests import persona_world

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("accounts", "jobs", "tables", "orgs", "markets", "members", "stations", "reports", "config")
FILE = re.compile(
    r"Content-Disposition|content_disposition_header\(|\bfile_response\(|\bFileResponse\(|\bStreamingHttpResponse\("
)
ROWS = re.compile(r"\b(csv_lines|xlsx_to|xlsx_pieces)\(")

MARKED = {
    "tables/export_views.py", "tables/views/batches.py", "tables/views/undo.py", "members/views/receipt.py",
    "members/views/rights.py", "members/views/feedback.py", "reports/tidy_files.py", "reports/views/evaluations.py",
    "reports/views/report_forms.py", "reports/views/inventory.py",
}  # fmt: skip
WHY_NOT = {
    "tables/views/base.py": "file_response: the headers of a file",
    "tables/views/upload.py": "an empty template",
    "members/views/posters.py": "a poster for everybody to see",
    "reports/views/printed.py": "papers of aggregate numbers, which carry edition, digest and a code to verify them",
    "reports/views/audit.py": "the signed head of the chain, no events",
    "reports/views/dashboard.py": "the map of districts",
    "reports/views/self_checks.py": "rights, counts and addresses, no rows; small cells in steps; recorded",
    "reports/views/kiosk.py": "the map of districts and the screen's script",
}
WRITES_ROWS = {
    "tables/exports.py": "the one place where rows become a file",
    "tables/templates.py": "an empty template",
    "reports/views/report_forms.py": "a workbook only, with its mark",
}


def sources() -> dict[str, str]:
    return {str(path.relative_to(ROOT)): path.read_text() for room in ROOMS for path in (ROOT / room).rglob("*.py")}


def test_every_place_that_answers_with_a_file_marks_it_or_says_why_not():
    found = sources()
    assert {name for name, text in found.items() if FILE.search(text)} == MARKED | set(WHY_NOT)
    assert {name for name, text in found.items() if ROWS.search(text)} == set(WRITES_ROWS)
    unmarked = [name for name in MARKED if not re.search(r"\bMark(\.by)?\(|\btaking\.", found[name])]
    assert unmarked == []


# --- each of them, as it leaves ---


def exported(client, world, table: str, format: str):
    return client.post(reverse("lists:export", args=[table]), {"format": format, "purpose": "年度统计"})


def numbers(client, world, format: str):
    unit = world.city.nanshan
    return client.get(reverse("reports:numbers"), {"organization": unit.code, "format": format})


def wrong_rows(client, world, format: str):
    batch = own_batch(world)
    path = services.wrong_rows(batch)
    path.parent.mkdir(parents=True, exist_ok=True)
    with create_sealed(path) as sealed, gzip.open(sealed, "wt", encoding="utf-8") as file:
        file.write(json.dumps(["姓名"]) + "\n" + json.dumps(["李四海"]) + "\n")
    return client.get(reverse("tables:errors_file", args=[batch.pk]), {"format": format})


def conflicts(client, world, format: str):
    return client.get(reverse("tables:conflicts", args=[own_batch(world).pk]), {"format": format})


def own_batch(world) -> Batch:
    batch = world.near.own["batch"]["registrar_district"]
    Batch.objects.filter(pk=batch.pk).update(stored_as=f"imports/{batch.pk}")
    return Batch.objects.get(pk=batch.pk)


def feedback(client, world, format: str):
    today = timezone.localdate()
    address = f"{reverse('members:feedback_file', args=[world.near.intake_client.pk])}?since={today}&until={today}"
    return client.post(address, {"content": "events", "format": format, "purpose": "季度反馈"})


def evaluation(client, world, format: str):
    return client.get(reverse("reports:evaluation_file", args=[world.near.released.pk]), {"format": format})


def filled_sources(client, world, format: str):
    return client.get(reverse("reports:filled_form_file", args=[world.near.filled_form.pk]), {"part": "sources"})


def inventory(client, world, format: str):
    return client.get(reverse("reports:inventory"), {"format": "csv"})


def own_data(client, world, format: str):
    asked = RightsRequest.objects.create(
        registration=world.near.registration, kind="copy", due_on=timezone.localdate(), taken_by=world.users["officer"]
    )
    return client.post(reverse("members:rights_copy", args=[asked.pk]))


# What leaves: who takes it, as what, and the purpose that its properties must tell.
LEAVES = [
    ("registrar_district", lambda *a: exported(*a[:2], "business", a[2]), ("csv", "xlsx"), "年度统计"),
    ("officer", lambda *a: exported(*a[:2], "member", a[2]), ("csv", "xlsx"), "年度统计"),
    ("audit_admin", lambda *a: exported(*a[:2], "auditevent", a[2]), ("csv", "xlsx"), "年度统计"),
    ("district_leader", numbers, ("csv", "xlsx"), ""),
    ("registrar_district", wrong_rows, ("csv", "xlsx"), "改正后重新导入"),
    ("registrar_district", conflicts, ("csv", "xlsx"), ""),
    ("registrar_district", feedback, ("csv", "xlsx"), "季度反馈"),
    ("district_leader", evaluation, ("csv", "xlsx"), ""),
    ("district_leader", filled_sources, ("xlsx",), ""),
    ("registrar_district", inventory, ("csv",), ""),
    ("officer", own_data, ("zip",), ""),
]


def told_by(workbook: bytes) -> tuple[str, str]:
    """Header of the first sheet, and the properties."""
    with zipfile.ZipFile(io.BytesIO(workbook)) as parts:
        sheet, properties = parts.read("xl/worksheets/sheet1.xml").decode(), parts.read("docProps/core.xml").decode()
    return "".join(re.findall(r"<oddHeader>(.*?)</oddHeader>", sheet)), properties


@pytest.mark.django_db
def test_each_carries_label_name_time_and_the_purpose_that_was_asked(client, settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path)
    world = persona_world.build()
    for number, (persona, taken, formats, purpose) in enumerate(LEAVES):
        user = world.users[persona]
        User.objects.filter(pk=user.pk).update(name="王取数")
        client.force_login(user)
        for format in formats:
            answer = taken(client, world, format)
            what = (number, persona, format)
            assert answer.status_code == 200, what
            content = b"".join(answer.streaming_content) if answer.streaming else answer.content
            name = unquote(answer["Content-Disposition"])
            label = "个人信息" if format == "zip" else "内部"
            assert f"-{label}-王取数" in name and f".{format}" in name, (what, name)
            assert (f"{timezone.localdate()}" in name.rpartition("王取数")[2]) is (taken is not wrong_rows), (
                what,
                name,
            )
            if format == "xlsx":
                header, properties = told_by(content)
                line = f"内部 · 王取数 · {timezone.localdate()}"
                assert line in header and line in properties and purpose in properties, (what, header, properties)
            if format == "zip":
                copy = json.loads(zipfile.ZipFile(io.BytesIO(content)).read("我的个人信息.json"))
                assert copy["标记"].startswith("个人信息 · 王取数 · ")
    persons = AuditEvent.objects.filter(act="members.member.export")
    assert {event.purpose for event in persons} == {"年度统计"} and all(event.subjects for event in persons)


@pytest.mark.django_db
def test_only_who_can_import_it_again_is_told_that_it_can_be(client):
    city = make.make_city()
    for role, table, comes_back in (
        ("registrar", "business", True), ("leader", "business", False), ("officer", "member", False),
    ):  # fmt: skip
        client.force_login(make.make_user(role, city.yuehai))
        page = client.get(reverse("lists:export", args=[table])).content.decode()
        assert "全部列" in page and ("再导入" in page) is comes_back, (role, table)
