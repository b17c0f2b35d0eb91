"""The way of a file through the pages: sent, checked, shown, confirmed or left; only by its owner."""

import csv
import io
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from python_calamine import CalamineWorkbook

from accounts.models import AuditEvent
from jobs.models import Job
from jobs.runner import job_run
from markets.models import Business
from markets.services import business_save
from tables import register, services
from tables.models import Batch, RowError, RowFix, RowRepair
from tests import factories
from tests.markets import files
from tests.markets.files import make_code, make_row

pytestmark = pytest.mark.django_db


@pytest.fixture
def clerk(client, city):
    user = factories.make_user("registrar", city.nanshan)
    client.force_login(user)
    return user


def upload(client, rows, name="名册.csv", content=None):
    """Send a file and let the worker check it; the batch."""
    file = SimpleUploadedFile(name, files.to_csv(rows).encode("gb18030") if content is None else content)
    answer = client.post(reverse("tables:upload"), {"target": "business", "file": file, "source": "registration"})
    assert answer.status_code == 302, answer.context["form"].errors
    batch = Batch.objects.latest("pk")
    assert answer["Location"] == batch.job.get_absolute_url()
    job_run(job_id=batch.job_id)
    batch.refresh_from_db()
    return batch


def detail(client, batch):
    return client.get(reverse("tables:batch", args=[batch.pk]))


def test_upload_check_confirm_apply(client, clerk, city):
    heard = []
    register.on_applied(lambda name, units: heard.append((name, units)))
    try:
        code = make_code()
        batch = upload(
            client,
            [
                make_row(监管所="粤海所"),
                make_row(统一社会信用代码=code, 经营状态="不详"),
                make_row(统一社会信用代码=code),
            ],
        )
        assert (batch.state, batch.counts["new"], batch.counts["wrong"], batch.counts["duplicate"]) == (
            "checked",
            1,
            1,
            1,
        )
        assert not Business.objects.exists()
        page = detail(client, batch)
        text = page.content.decode()
        assert "确认写入 1 行" in text and "认不出的经营状态" in text and "以第 3 行为准" in text
        answer = client.post(reverse("tables:confirm", args=[batch.pk]))
        batch.refresh_from_db()
        assert batch.state == "applying" and answer["Location"] == batch.job.get_absolute_url()
        job = job_run(job_id=batch.job_id)
        batch.refresh_from_db()
        assert (job.state, job.result["url"], batch.state) == (
            "done",
            reverse("tables:batch", args=[batch.pk]),
            "applied",
        )
        assert Business.objects.count() == 1
        assert heard == [("business", sorted([city.yuehai.pk, city.nanshan.pk]))]
        assert AuditEvent.objects.filter(act="markets.business.import", actor=clerk).count() == 1
        assert not services.stored(batch).exists() and services.wrong_rows(batch).exists()
        assert "确认写入" not in detail(client, batch).content.decode()
    finally:
        register._hearers.pop()


def test_confirmed_twice_is_written_once(client, clerk):
    batch = upload(client, [make_row()])
    client.post(reverse("tables:confirm", args=[batch.pk]))
    jobs = Job.objects.count()
    client.post(reverse("tables:confirm", args=[batch.pk]))
    assert Job.objects.count() == jobs
    batch.refresh_from_db()
    job_run(job_id=batch.job_id)
    Job.objects.filter(pk=batch.job_id).update(state="queued")  # as if the worker had died after its commit
    job_run(job_id=batch.job_id)
    assert Business.objects.count() == 1
    assert AuditEvent.objects.filter(act="markets.business.import").count() == 1


def confirm(client, batch):
    client.post(reverse("tables:confirm", args=[batch.pk]))
    batch.refresh_from_db()
    job_run(job_id=batch.job_id)
    batch.refresh_from_db()
    services.batch_settle(batch)
    return batch.job


def test_a_plan_is_refused_when_the_registry_changed_since(client, clerk, city):
    code = make_code()
    batch = upload(client, [make_row(统一社会信用代码=code), make_row()])
    factories.make_business(city.lianhua, uscc=code)
    job = confirm(client, batch)
    assert job.state == "failed" and "请重新检查" in job.message
    assert batch.state == "checked" and Business.objects.count() == 1


@pytest.mark.parametrize("touched", [{"name": "改过的名字"}, {}])
def test_a_plan_rests_on_the_businesses_it_would_change(client, clerk, city, touched):
    business = factories.make_business(city.yuehai, uscc=make_code())
    batch = upload(client, [make_row(统一社会信用代码=business.uscc, 住所="新址"), make_row()])
    if touched:
        for name, value in touched.items():
            setattr(business, name, value)
        business_save(business=business, by=clerk)
    job = confirm(client, batch)
    assert (job.state, batch.state) == (("failed", "checked") if touched else ("done", "applied"))
    assert Business.objects.filter(address="新址").exists() is not bool(touched)


def test_all_or_nothing_writes_nothing_when_a_row_is_wrong(client, clerk):
    batch = upload(client, [make_row(), make_row(从业人数="-1"), make_row(所属区="福田区")])
    client.post(reverse("tables:confirm", args=[batch.pk]), {"mode": "all"})
    batch.refresh_from_db()
    assert batch.state == "checked"
    Batch.objects.filter(pk=batch.pk).update(state="applying", all_or_nothing=True)  # wrong only when it was written
    batch.refresh_from_db()
    with pytest.raises(register.Cannot, match="有 2 行不能写入"):
        services.batch_apply(batch=batch)
    batch.refresh_from_db()
    assert batch.state == "applying" and not Business.objects.exists()


def test_all_right_is_written_as_a_whole(client, clerk):
    batch = upload(client, [make_row(), make_row()])
    client.post(reverse("tables:confirm", args=[batch.pk]), {"mode": "all"})
    batch.refresh_from_db()
    job_run(job_id=batch.job_id)
    batch.refresh_from_db()
    assert batch.state == "applied" and batch.all_or_nothing and Business.objects.count() == 2


def test_large_counts_are_grouped(client, clerk):
    batch = upload(client, [make_row()])
    Batch.objects.filter(pk=batch.pk).update(counts=batch.counts | {"rows": 1_234_567, "new": 1_234_567})
    page = detail(client, batch).content.decode()
    assert "共 1,234,567 行" in page and "确认写入 1,234,567 行" in page


def test_wrong_rows_come_back_with_their_reasons_and_can_be_sent_again(client, clerk, tmp_path):
    rows = [
        make_row(备注="甲"),
        make_row(备注="=乙", 从业人数="-1"),
        make_row(备注="丙", 经营状态="不详", 从业人数="1.5"),
    ]
    rows.append({**rows[0], "名称": "重复的一行"})  # would overwrite the first if it came back with the wrong ones
    batch = upload(client, rows)
    assert batch.counts["duplicate"] == 1
    address = reverse("tables:errors_file", args=[batch.pk])
    content = b"".join(client.get(f"{address}?format=csv").streaming_content).decode("utf-8-sig")
    found = list(csv.DictReader(io.StringIO(content)))
    assert [row["原行号"] for row in found] == ["3", "4"]
    assert found[0]["统一社会信用代码"] == rows[1]["统一社会信用代码"] and found[0]["备注"] == "'=乙"
    assert found[0]["原因"] == "从业人数：人数不能是负数"
    assert "经营状态：" in found[1]["原因"] and "人数不能是小数" in found[1]["原因"]
    path = tmp_path / "wrong.xlsx"
    path.write_bytes(b"".join(client.get(address).streaming_content))
    sheet = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python()
    assert len(sheet) == 3 and sheet[0][-3:] == ["原行号", "原因", "建议"]
    mended = [{**row, "从业人数": "5", "经营状态": ""} for row in found]
    assert upload(client, mended).counts["new"] == 2


def test_unreadable_file_says_why_and_is_removed(client, clerk):
    batch = upload(client, [], content="姓名\n张三\n".encode())
    assert batch.state == "refused" and "没有找到表头" in batch.problem
    assert batch.problem in detail(client, batch).content.decode()
    assert not services.stored(batch).exists()
    answer = client.post(reverse("tables:upload"), {"target": "business", "file": SimpleUploadedFile("a.csv", b"")})
    assert answer.status_code == 422 and "文件是空的" in answer.content.decode()
    two = [SimpleUploadedFile(name, b"x") for name in ("a.csv", "b.ZIP")]
    answer = client.post(reverse("tables:upload"), {"target": "business", "file": two})
    assert answer.status_code == 422 and "zip 请单独上传" in answer.content.decode()


def test_cancel_leaves_nothing(client, clerk, django_capture_on_commit_callbacks):
    batch = upload(client, [make_row(), make_row(经营状态="不详")])
    with django_capture_on_commit_callbacks(execute=True):
        client.post(reverse("tables:cancel", args=[batch.pk]))
    batch.refresh_from_db()
    assert (
        batch.state == "cancelled" and not services.stored(batch).exists() and not services.wrong_rows(batch).exists()
    )
    client.post(reverse("tables:confirm", args=[batch.pk]))
    batch.refresh_from_db()
    assert batch.state == "cancelled" and not Business.objects.exists()


def test_a_batch_is_its_owners_only(client, clerk, city):
    batch = upload(client, [make_row(经营状态="不详")])
    client.force_login(factories.make_user("registrar", city.city))
    for name, method in (("batch", "get"), ("errors_file", "get"), ("confirm", "post"), ("cancel", "post")):
        assert getattr(client, method)(reverse(f"tables:{name}", args=[batch.pk])).status_code == 404
    assert "名册" not in client.get(reverse("tables:list")).content.decode()
    assert client.get(batch.job.get_absolute_url()).status_code == 404


def test_uploads_are_private_and_go_after_a_week(client, clerk):
    batch, waiting = upload(client, [make_row(经营状态="不详")], name="../../x.csv"), upload(client, [make_row()])
    path = services.stored(batch)
    assert (
        path.parent == Path(django_settings.MEDIA_ROOT) / "imports"
        and "x" not in path.name.replace(path.suffix, "")[:0]
    )
    assert path.stat().st_mode & 0o077 == 0 and batch.file_name == "x.csv"
    Batch.objects.filter(pk=batch.pk).update(created_at=batch.created_at - timedelta(days=8))
    assert services.retention() == 1
    batch.refresh_from_db()
    assert batch.state == "cancelled" and not path.exists() and services.stored(waiting).exists()
    assert detail(client, batch).status_code == 200


def test_a_number_of_a_person_in_a_column_that_slipped_goes_with_the_upload(client, clerk):
    """However it is written, and in what became a heading; where a file has none, words stay."""
    cells = ("13800138000", "１３８００１３８０００", "138 0013 8000", "138-0013-8000", "很多")
    batch = upload(client, [make_row(从业人数=cell, 备注13800138001="") for cell in cells])
    row = {"batch": batch, "row": 2, "column": "住所"}
    RowRepair.objects.create(**row, before="１３８ 0013 8002", after="13800138002", rule="全角")
    RowFix.objects.create(**row, value="13800138003")
    Batch.objects.filter(pk=batch.pk).update(
        created_at=batch.created_at - timedelta(days=8),
        parts=[[0, "138-0013-8004"]],
        problem="「13800138005.pdf」这是 PDF",
    )
    services.retention()
    batch.refresh_from_db()
    assert sorted(RowError.objects.values_list("value", flat=True)) == ["1***", "1***", "1***", "很多", "１***"]
    assert list(RowRepair.objects.values_list("before", "after")) == [("１***", "1***")]
    assert RowFix.objects.get().value == "1***"
    assert (batch.unused_columns, batch.parts, batch.problem) == (["备***"], [[0, "1***"]], "「***")


def test_who_confirms_while_old_uploads_go_keeps_the_file(client, clerk, monkeypatch):
    first, second = upload(client, [make_row()]), upload(client, [make_row()])
    Batch.objects.update(created_at=first.created_at - timedelta(days=8))
    forget, confirmed = services.forget, []

    def confirm_the_other(batch, *, wrong=False):
        if not confirmed:
            confirmed.append(first if batch == second else second)
            services.batch_confirm(batch=confirmed[0], by=clerk)
        forget(batch, wrong=wrong)

    monkeypatch.setattr(services, "forget", confirm_the_other)
    assert services.retention() == 1
    kept = confirmed[0]
    kept.refresh_from_db()
    assert kept.state == "applying" and services.stored(kept).exists()


@pytest.mark.parametrize("format", ["xlsx", "csv"])
def test_template_has_header_and_examples_that_are_never_taken(client, clerk, tmp_path, registrar, format):
    answer = client.get(f"{reverse('tables:template', args=['business'])}?format={format}")
    path = tmp_path / f"template.{format}"
    path.write_bytes(b"".join(answer.streaming_content))
    told = files.import_file(path, registrar, "--dry-run")
    assert "表头下面没有一行数据" in told["error"]
    assert client.get(reverse("tables:template", args=["nothing"])).status_code == 404


def test_errors_stand_by_reason_first_and_every_one_on_a_page_without_cutting_a_row(client, clerk):
    batch = upload(client, [make_row(经营状态="不详", 从业人数="-1", 成立日期="x") for _ in range(70)])
    page = reverse("tables:batch", args=[batch.pk])

    def walked(query: str) -> list[tuple]:
        seen = []
        while query:
            context = client.get(page + query).context
            assert len(context["errors"]) <= 20 and "groups" not in context
            seen += [(item["error"].row, item["error"].column) for item in context["errors"]]
            query = context["next_url"]
        return seen

    groups = client.get(page).context["groups"]
    assert [group["reason"].count for group in groups] == [70, 70, 70]
    for group in groups:
        assert [item["error"].row for item in group["items"]] == [2, 3, 4, 5, 6]
        assert walked(f"?{group['query']}") == [(row, group["reason"].column) for row in range(2, 72)]
    for query in ("?kind=all", "?after=1"):
        seen = walked(query)
        assert len(seen) == len(set(seen)) == 210


def test_cancelled_job_writes_nothing_and_the_batch_waits_again(client, clerk):
    batch = upload(client, [make_row()])
    client.post(reverse("tables:confirm", args=[batch.pk]))
    batch.refresh_from_db()
    client.post(reverse("jobs:cancel", args=[batch.job_id]))
    assert job_run(job_id=batch.job_id) is None and not Business.objects.exists()
    assert "确认写入 1 行" in detail(client, batch).content.decode()
    client.post(reverse("tables:confirm", args=[batch.pk]))
    batch.refresh_from_db()
    job_run(job_id=batch.job_id)
    assert Business.objects.count() == 1


def test_check_that_was_cancelled_or_failed_says_so(client, clerk):
    for state, shown in (("cancelled", "cancelled"), ("failed", "refused")):
        batch = upload(client, [make_row()])
        Batch.objects.filter(pk=batch.pk).update(state="reading", counts={}, headers=None)
        Job.objects.filter(pk=batch.job_id).update(state=state, message="没有办成")
        assert detail(client, batch).status_code == 200
        batch.refresh_from_db()
        assert batch.state == shown and not services.stored(batch).exists()


def test_columns_that_mean_nothing_are_named(client, clerk):
    batch = upload(client, [make_row(从业人员的数量="30", 备忘="老客户")])
    assert batch.unused_columns == ["从业人员的数量", "备忘"]
    assert "从业人员的数量、备忘" in detail(client, batch).content.decode()


def test_cancelled_work_leads_back_to_its_batch(client, clerk):
    batch = upload(client, [make_row()])
    client.post(reverse("tables:confirm", args=[batch.pk]))
    batch.refresh_from_db()
    client.post(reverse("jobs:cancel", args=[batch.job_id]))
    assert batch.get_absolute_url() in client.get(batch.job.get_absolute_url()).content.decode()


def test_a_full_disk_is_told_at_the_file(client, clerk, monkeypatch):
    def refuse(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tables.uploads._pour", refuse)
    file = SimpleUploadedFile("名册.csv", files.to_csv([make_row()]).encode())
    answer = client.post(reverse("tables:upload"), {"target": "business", "file": file})
    assert answer.status_code == 507
    assert "磁盘存不下" in answer.content.decode()
    assert not Batch.objects.exists()
