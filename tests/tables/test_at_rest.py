"""What lies on disk about a file that was brought in: nothing can be read without the key, at any moment."""

import io
import zipfile
from pathlib import Path

import openpyxl
import pytest
import xlwt
from django.conf import settings as django_settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from accounts.sealed_files import MARK
from members.models import Affiliation
from tables import services
from tables.models import Batch
from tables.uploads import NamelessUploadHandler
from tables.work import apply, check
from tests import factories
from tests.markets import files
from tests.members import make
from tests.members.test_import_leads import lead
from tests.members.test_import_rolls import person

NAME = "欧阳示例"


def workbook(rows: list[dict]) -> bytes:
    book = openpyxl.Workbook()
    for line in [list(rows[0]), *(list(row.values()) for row in rows)]:
        book.active.append(line)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def old_workbook(rows: list[dict]) -> bytes:
    book = xlwt.Workbook()
    sheet = book.add_sheet("名册")
    for number, line in enumerate([list(rows[0]), *(list(row.values()) for row in rows)]):
        for at, value in enumerate(line):
            sheet.write(number, at, value)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def lying() -> list[Path]:
    return [path for path in Path(django_settings.MEDIA_ROOT).rglob("*") if path.is_file()]


def none_in_clear(*texts: str) -> bool:
    """A file may hide its texts by packing them: so each must also be none that anything else opens."""
    for path in lying():
        content = path.read_bytes()
        assert content.startswith(MARK) and not zipfile.is_zipfile(path) and b"\x1f\x8b\x08" not in content[:40], path
        for text in texts:
            for encoding in ("utf-8", "gb18030", "utf-16-le"):
                assert text.encode(encoding) not in content, (path, text)
    return True


@pytest.mark.parametrize("target", ["roll", "lead"])
@pytest.mark.parametrize("form", ["csv", "xlsx", "xls", "two files"])
def test_no_person_can_be_read_on_disk(city, client, target, form):
    make.notice()
    factories.make_branch(city.yuehai, name="示例党支部")
    by = factories.make_user("officer", city.city)
    good = person(姓名=NAME) if target == "roll" else lead(姓名=NAME)
    bad = good | {"手机号": "1391234", "身份证号": make.id_number(), "姓名": "错号示例"}
    planted = [NAME, "错号示例", good["手机号"], good["身份证号"], bad["手机号"], bad["身份证号"]]
    uploads = {
        "csv": [SimpleUploadedFile("名册.csv", files.to_csv([good, bad]).encode("gb18030"))],
        "xlsx": [SimpleUploadedFile("名册.xlsx", workbook([good, bad]))],
        "xls": [SimpleUploadedFile("名册.xls", old_workbook([good, bad]))],
        "two files": [
            SimpleUploadedFile(f"{n}.csv", files.to_csv([row]).encode()) for n, row in enumerate((good, bad))
        ],
    }[form]
    batch = services.batch_start(by=by, target_name=target, uploads=uploads)
    assert len(lying()) == 1 and none_in_clear(*planted)
    check(batch.job, lambda *said: None)
    batch.refresh_from_db()
    assert (batch.counts["new"], batch.counts["wrong"]) == (1, 1), batch.problem
    assert len(lying()) == 2 and none_in_clear(*planted)
    client.force_login(by)
    for format in ("csv", "xlsx"):
        answer = client.get(reverse("tables:errors_file", args=[batch.pk]), {"format": format})
        assert answer.status_code == 200
        content = b"".join(answer)
        if format == "csv":
            assert bad["手机号"] in content.decode("utf-8-sig") and NAME not in content.decode("utf-8-sig")
    assert none_in_clear(*planted)
    batch = services.batch_confirm(batch=batch, by=by)
    apply(batch.job, lambda *said: None)
    batch.refresh_from_db()
    assert batch.state == Batch.State.APPLIED
    assert len(lying()) == 1 and none_in_clear(*planted)
    assert Affiliation.objects.count() == (target == "roll")


def test_an_upload_whose_key_is_gone_is_refused_in_words(city, registrar):
    upload = SimpleUploadedFile("市场.csv", "编号,名称\n1,甲\n".encode())
    batch = services.batch_start(by=registrar, target_name="market", uploads=[upload])
    services.stored(batch).write_bytes("编号,名称\n1,甲\n".encode())  # as it would have been kept before
    services.batch_check(batch=batch)
    assert batch.state == Batch.State.REFUSED and "重新上传" in batch.problem


def test_a_large_upload_waits_in_a_file_without_a_name(client, city, registrar, settings, tmp_path):
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 10
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path / "waiting")
    Path(settings.FILE_UPLOAD_TEMP_DIR).mkdir()
    handler = NamelessUploadHandler()
    handler.new_file("file", "名册.csv", "text/csv", 0)
    handler.receive_data_chunk(NAME.encode(), 0)
    handler.file.flush()
    assert list(Path(settings.FILE_UPLOAD_TEMP_DIR).iterdir()) == []
    assert handler.file_complete(len(NAME.encode())).read().decode() == NAME
    client.force_login(registrar)
    upload = SimpleUploadedFile("市场.csv", "编号,名称,指导站\n1,甲市场,粤海指导站\n".encode())
    client.post(reverse("tables:upload"), {"target": "market", "file": upload})
    services.batch_check(batch=Batch.objects.get())
    assert Batch.objects.get().counts["new"] == 1
