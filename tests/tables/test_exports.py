"""Lists as files: short ones at once, long ones in a job; who may fetch them, and for how long."""

import csv
import errno
import io
import os
import time
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import openpyxl
import pytest
from django.conf import settings as django_settings
from django.db import OperationalError
from django.urls import reverse
from django.utils import timezone
from python_calamine import CalamineWorkbook

from accounts.models import AuditEvent
from jobs.models import Job
from jobs.runner import job_run
from jobs.services import job_cancel
from tables import taking
from tables.cells import clean
from tables.exports import guarded, xlsx_to
from tables.listing import exportable
from tables.models import Export
from tests import factories

pytestmark = pytest.mark.django_db
ADDRESS = reverse("lists:export", args=["business"])


@pytest.fixture
def city(db):
    return factories.make_city()


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path / "media")


@pytest.fixture
def long(monkeypatch):
    """Every list is too long to wait for."""
    monkeypatch.setattr(taking, "AT_ONCE", 0)


def sign_in(client, role, unit):
    user = factories.make_user(role, unit)
    client.force_login(user)
    return user


def read_csv(answer) -> list[dict]:
    return list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode("utf-8-sig"))))


def ask(client, query: str = "", **more):
    return client.post(f"{ADDRESS}?{query}", {"format": "csv", "purpose": "年度统计"} | more)


def test_filters_scope_order_and_chosen_columns(client, city):
    factories.make_business(city.yuehai, name="甲", status="dormant")
    factories.make_business(city.yuehai, name="乙", status="dormant")
    factories.make_business(city.yuehai, name="丙")
    factories.make_business(city.lianhua, name="丁", status="dormant")
    sign_in(client, "leader", city.nanshan)
    rows = read_csv(ask(client, "state=dormant&cols=name&cols=status", columns="shown"))
    assert rows == [{"名称": "乙", "经营状态": "歇业"}, {"名称": "甲", "经营状态": "歇业"}]
    assert Export.objects.get().columns == ["name", "status"]
    assert {"住所", "注册号"} <= set(read_csv(ask(client, "state=dormant"))[0])


def test_unreadable_filters_are_not_everything(client, city):
    sign_in(client, "leader", city.nanshan)
    assert client.get(f"{ADDRESS}?statee=1").status_code == 404
    assert "不认识的筛选条件：statee" in client.get(f"{ADDRESS}?statee=1").content.decode()
    refused = ask(client, "state=nosuch")
    assert refused.status_code == 404 and "认不出的值" in refused.content.decode()
    assert not Export.objects.exists()


def test_each_list_has_its_own_right(client, city):
    factories.make_market(city.yuehai, name="华强市场")
    market = reverse("lists:export", args=["market"])
    sign_in(client, "officer", city.yuehai)
    assert client.get(market).status_code == 403 and client.get(ADDRESS).status_code == 403
    sign_in(client, "leader", city.nanshan)
    assert [row["名称"] for row in read_csv(client.post(market, {"format": "csv", "purpose": "核对"}))] == ["华强市场"]
    assert AuditEvent.objects.filter(act="markets.market.export").exists()
    assert client.get(reverse("lists:export", args=["nosuch"])).status_code == 404


def test_a_long_list_becomes_a_file_of_its_owner(client, city, long):
    factories.make_business(city.yuehai, name="甲")
    user = sign_in(client, "leader", city.nanshan)
    answer = ask(client)
    job = Job.objects.get()
    assert answer["Location"] == job.get_absolute_url()
    assert not AuditEvent.objects.filter(act="markets.business.export").exists()
    job_run(job_id=job.pk)
    job.refresh_from_db()
    kept = Export.objects.get()
    assert (job.state, kept.rows, kept.owner, kept.job) == ("done", 1, user, job)
    path = taking.stored(kept)
    assert path.stat().st_mode & 0o777 == 0o600 and path.parent.stat().st_mode & 0o777 == 0o700
    assert AuditEvent.objects.get(act="markets.business.export").detail["rows"] == 1
    address = reverse("lists:download", args=[kept.pk])
    assert address in client.get(reverse("lists:exports")).content.decode()
    assert [row["名称"] for row in read_csv(client.get(address))] == ["甲"]
    assert AuditEvent.objects.filter(act="markets.business.export_download").count() == 1
    sign_in(client, "leader", city.city)
    assert client.get(address).status_code == 404
    assert address not in client.get(reverse("lists:exports")).content.decode()


def test_who_moved_to_another_unit_leaves_the_files_of_the_old_one_behind(client, city, long):
    factories.make_business(city.yuehai)
    user = sign_in(client, "leader", city.nanshan)
    ask(client)
    job_run(job_id=Job.objects.get().pk)
    address = reverse("lists:download", args=[Export.objects.get().pk])
    factories.rewrite(user.postings, organization=city.futian)
    assert client.get(address).status_code == 404
    listed = client.get(reverse("lists:exports")).content.decode()
    assert address not in listed and "岗位有变动" in listed
    factories.rewrite(user.postings, organization=city.nanshan)
    assert client.get(address).status_code == 200


def test_rights_are_asked_again_by_the_job_and_at_the_download(client, city, long):
    factories.make_business(city.yuehai)
    user = sign_in(client, "leader", city.nanshan)
    ask(client)
    job_run(job_id=Job.objects.get().pk)
    kept = Export.objects.get()
    ask(client)
    factories.rewrite(user.postings, role="officer")
    assert client.get(reverse("lists:download", args=[kept.pk])).status_code == 404
    listed = client.get(reverse("lists:exports")).content.decode()
    assert "已没有导出这个列表的权限" in listed and "已过期" not in listed
    job = Job.objects.latest("pk")
    job_run(job_id=job.pk)
    job.refresh_from_db()
    assert job.state == "cancelled" and "权限已收回" in job.message and not Export.objects.latest("pk").stored_as


def test_a_moved_posting_takes_out_only_what_it_sees_then(client, city, long):
    factories.make_business(city.yuehai, name="甲")
    factories.make_business(city.lianhua, name="丁")
    user = sign_in(client, "leader", city.nanshan)
    ask(client)
    factories.rewrite(user.postings, organization=city.futian)
    assert job_run(job_id=Job.objects.get().pk).state == "cancelled" and not Export.objects.get().stored_as
    ask(client)
    job_run(job_id=Job.objects.latest("pk").pk)
    kept = Export.objects.latest("pk")
    assert b"\xe4\xb8\x81" not in taking.stored(kept).read_bytes()  # 丁: encrypted at rest
    text = b"".join(taking.fetch(kept=kept, what=exportable("business"))).decode()
    assert "丁" in text and "甲" not in text and kept.rows == 1


def test_cancelled_or_failed_leaves_no_file(client, city, long, monkeypatch):
    for _ in range(600):
        factories.make_business(city.yuehai)
    user = sign_in(client, "leader", city.nanshan)
    ask(client)
    job = Job.objects.get()
    columns_of = taking.columns_of

    def cancel_first(kept, what):
        job_cancel(job=job, by=user)
        return columns_of(kept, what)

    monkeypatch.setattr(taking, "columns_of", cancel_first)
    job_run(job_id=job.pk)
    job.refresh_from_db()
    assert job.state == "cancelled" and not Export.objects.get().stored_as
    assert list(Path(django_settings.MEDIA_ROOT, taking.FOLDER).iterdir()) == []


@pytest.mark.parametrize("format", ["csv", "xlsx"])
def test_a_full_disk_is_told_and_leaves_no_file(client, city, long, monkeypatch, format):
    factories.make_business(city.yuehai)
    sign_in(client, "leader", city.nanshan)
    ask(client, format=format)

    def full(*args):
        yield b"some"
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(taking, "export", full)
    job_run(job_id=Job.objects.get().pk)
    job = Job.objects.get()
    assert job.state == "failed" and "磁盘空间不够" in job.message and not Export.objects.get().stored_as
    assert list(Path(django_settings.MEDIA_ROOT, taking.FOLDER).iterdir()) == []


def test_cut_off_at_its_commit_the_file_stays(client, city, long, monkeypatch):
    """The database may have committed what it could not tell of any more."""
    factories.make_business(city.yuehai)
    sign_in(client, "leader", city.nanshan)
    ask(client)
    atomic = taking.transaction.atomic

    @contextmanager
    def cut_off():
        with atomic():
            yield
        raise OperationalError("server closed the connection unexpectedly")

    kept = Export.objects.get()
    with monkeypatch.context() as patch, pytest.raises(OperationalError):
        patch.setattr(taking.transaction, "atomic", cut_off)
        taking._write_file(kept, exportable("business"), lambda *told: None)
    kept.refresh_from_db()
    assert taking.stored(kept).exists()


def test_taken_over_after_its_end_a_job_only_reports(client, city, long):
    factories.make_business(city.yuehai)
    sign_in(client, "leader", city.nanshan)
    ask(client)
    job = Job.objects.get()
    job_run(job_id=job.pk)
    first = Export.objects.get().stored_as
    Job.objects.filter(pk=job.pk).update(state="queued", finished_at=None)
    job_run(job_id=job.pk)
    assert Export.objects.get().stored_as == first
    assert AuditEvent.objects.filter(act="markets.business.export").count() == 1


def test_files_go_after_a_week(client, city, long):
    factories.make_business(city.yuehai)
    sign_in(client, "leader", city.nanshan)
    ask(client)
    job_run(job_id=Job.objects.get().pk)
    kept = Export.objects.get()
    path = taking.stored(kept)
    taking.retention()
    assert path.exists()
    Export.objects.update(created_at=timezone.now() - timedelta(days=taking.KEPT_DAYS, hours=1))  # approved days later
    assert taking.retention() == 1 and not path.exists()
    left = path.with_name("left")  # by a killed worker
    left.touch()
    week = time.time() - timedelta(days=taking.KEPT_DAYS, hours=1).total_seconds()
    os.utime(left, (week, week))
    assert taking.retention() == 1 and not left.exists()
    assert client.get(reverse("lists:download", args=[kept.pk])).status_code == 404
    assert "已过期" in client.get(reverse("lists:exports")).content.decode()


def test_what_one_sheet_cannot_hold_goes_on_in_the_next(tmp_path):
    path = tmp_path / "out.xlsx"
    with path.open("wb") as file:
        xlsx_to(file, "经营主体", ["名称", "人数"], ([f"第{number}户", number] for number in range(7)), sheet_rows=3)
    book = CalamineWorkbook.from_path(str(path))
    sheets = [book.get_sheet_by_index(at).to_python() for at in range(3)]
    assert [len(sheet) for sheet in sheets] == [4, 4, 2] and all(sheet[0] == ["名称", "人数"] for sheet in sheets)
    assert [row[1] for sheet in sheets for row in sheet[1:]] == list(range(7))


def test_columns_are_as_wide_as_what_stands_in_them_and_a_page_holds_them_all(tmp_path):
    path = tmp_path / "out.xlsx"
    with path.open("wb") as file:
        xlsx_to(file, "经营主体", ["名称", "人数", "说明"], [["深圳市盛信隆美容美发店", 3, "长" * 300]] * 3)
    sheet = openpyxl.load_workbook(path).active
    widths = [sheet.column_dimensions[letter].width for letter in "ABC"]
    assert 22 <= widths[0] < 30 and 5 < widths[1] < 10 and 40 < widths[2] < 50
    assert sheet.page_setup.orientation == "landscape" and sheet.sheet_properties.pageSetUpPr.fitToPage


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@a", "\ta", "\ra", "＝1", "＋1", "－1", "＠a", "'=1", "'3D", "‘-"])
def test_what_a_spreadsheet_could_run_is_marked(text):
    assert guarded(text) == f"'{text}"


@pytest.mark.parametrize("before", [" ", "\u3000", "\xa0", "\t", "\r\n", "\u200b", "\ufeff", "\u2060 \u200e"])
@pytest.mark.parametrize("sign", "=+-@＝＋－＠")
def test_what_stands_unseen_before_a_formula_hides_it_not(before, sign):
    text = f"{before}{sign}1"
    assert guarded(text) == f"'{text}" and guarded(f"'{text}") == f"''{text}"
    assert clean(guarded(text)) == clean(f"{sign}1") == f"{sign}1"  # and the mark goes when the file comes back


@pytest.mark.parametrize("text", ["商行", "'引号'店", "3D打印", "", "a=b"])
def test_other_texts_are_left_alone(text):
    assert guarded(text) == text
