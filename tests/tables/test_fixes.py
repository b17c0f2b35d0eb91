"""Putting an import right in its preview: cells, rows, groups, columns; and what the plan page says about it."""

import io
from datetime import date, timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.urls import reverse
from openpyxl import load_workbook

from jobs.runner import job_run
from markets.models import Absence, Business, HandOver, SourceDifference
from tables import services
from tables.models import Batch, RowError, RowFix
from tests import factories
from tests.markets import files
from tests.markets.files import make_code, make_row

pytestmark = pytest.mark.django_db


@pytest.fixture
def clerk(client, city):
    user = factories.make_user("registrar", city.nanshan)
    client.force_login(user)
    return user


def sent(client, *contents, **said):
    """Send files, checked; the batch."""
    uploads = [SimpleUploadedFile(f"名册{at}.csv", content) for at, content in enumerate(contents)]
    answer = client.post(reverse("tables:upload"), {"target": "business", "file": uploads, **said})
    assert answer.status_code == 302, answer.context["form"].errors
    return worked(Batch.objects.latest("pk"))


def csv(*rows):
    return files.to_csv(list(rows)).encode()


def worked(batch):
    batch.refresh_from_db()
    job_run(job_id=batch.job_id)
    batch.refresh_from_db()
    return batch


def act(client, name, batch, **data):
    return client.post(reverse(f"tables:{name}", args=[batch.pk]), data)


def page(client, batch, query=""):
    return client.get(reverse("tables:batch", args=[batch.pk]) + query).content.decode()


def test_a_mended_cell_counts_once_it_is_checked_again(client, clerk):
    batch = sent(client, csv(make_row(经营状态="?"), make_row()))
    act(client, "fix", batch, row=2, column="经营状态", value="存续")
    assert "有修改还没有检查" in page(client, batch)
    act(client, "confirm", batch, mode="good")
    batch.refresh_from_db()
    assert batch.state == "checked" and not Business.objects.exists()  # not what was shown
    act(client, "recheck", batch)
    worked(batch)
    assert (batch.counts["new"], batch.counts["wrong"]) == (2, 0) and not batch.errors.exists()
    assert "您的修改已计入上面的结果" in page(client, batch)
    act(client, "confirm", batch, mode="all")
    assert worked(batch).state == "applied" and Business.objects.count() == 2


def test_fixes_are_encrypted_and_can_be_taken_back(client, clerk):
    batch = sent(client, csv(make_row(经营状态="?")))
    act(client, "fix", batch, row=2, column="经营状态", value="存续")
    fix = RowFix.objects.get()
    with connection.cursor() as cursor:
        cursor.execute("SELECT value FROM tables_rowfix")
        assert "存续".encode() not in bytes(cursor.fetchone()[0]) and fix.value == "存续"
    act(client, "unfix", batch, fix=fix.pk)
    assert not RowFix.objects.exists() and "有修改还没有检查" not in page(client, batch)


def test_only_rows_with_errors_and_columns_of_the_file_can_be_mended(client, clerk, city):
    batch = sent(client, csv(make_row(经营状态="?"), make_row()))
    assert act(client, "fix", batch, row=3, column="名称", value="甲").status_code == 404
    assert act(client, "fix", batch, row=2, column="名称", value="甲").status_code == 404
    client.force_login(factories.make_user("registrar", city.city))
    for name in ("fix", "fix_group", "unfix", "columns", "recheck"):
        assert act(client, name, batch, row=2, column="经营状态", value="存续").status_code == 404


def test_rows_left_out_are_not_in_rows(client, clerk):
    batch = sent(client, csv(make_row(经营状态="?"), make_row(经营状态="?"), make_row(从业人数="-1"), make_row()))
    reason = batch.errors.filter(row=2).get()
    act(client, "fix_group", batch, act="leave", kind="wrong", column=reason.column, reason=reason.reason)
    act(client, "fix", batch, row=4)
    act(client, "recheck", batch)
    worked(batch)
    assert (batch.counts["rows"], batch.counts["new"], batch.counts["left_out"]) == (1, 1, 3)
    assert 'data-count="left_out"' in page(client, batch)


def test_suggestions_are_adopted_one_and_all(client, clerk):
    batch = sent(client, csv(*(make_row(经营状态="?") for _ in range(3))))
    RowError.objects.update(suggestion="存续")
    assert "全部采用建议（3）" in page(client, batch)
    error = batch.errors.first()
    act(client, "fix", batch, row=error.row, column=error.column, adopt="1")
    act(client, "fix_group", batch, act="adopt", kind="wrong", column=error.column, reason=error.reason)
    assert [fix.value for fix in batch.fixes.all()] == ["存续"] * 3
    act(client, "recheck", batch)
    assert worked(batch).counts["new"] == 3


def test_wrong_rows_are_mended_in_the_workbook_and_sent_again(client, clerk):
    batch = sent(client, csv(make_row(备注="甲"), make_row(经营状态="?"), make_row(从业人数="-1")))
    answer = client.get(reverse("tables:errors_file", args=[batch.pk]))
    book = load_workbook(io.BytesIO(b"".join(answer.streaming_content)))
    sheet = book.active
    heads = {cell.value: cell.column for cell in sheet[1]}
    assert [sheet.cell(row, heads["原行号"]).value for row in (2, 3)] == ["3", "4"]
    for row in (2, 3):
        sheet.cell(row, heads["经营状态"]).value = "存续"
        sheet.cell(row, heads["从业人数"]).value = "12"
    mended = io.BytesIO()
    book.save(mended)
    again = sent(client, mended.getvalue())
    assert (again.counts["rows"], again.counts["new"]) == (2, 2)
    assert again.unused_columns == batch.unused_columns  # 原因, 原行号 and 建议 are passed over in silence


def test_a_reading_that_fails_late_leaves_the_rows_that_the_page_tells_of(client, clerk, monkeypatch):
    batch = sent(client, csv(make_row(经营状态="?"), make_row()))
    act(client, "fix", batch, row=2, column="经营状态", value="存续")
    act(client, "recheck", batch)
    batch.refresh_from_db()

    def fails(point):
        if point == "check.kept":
            raise OSError("somebody pulled a plug")

    address = reverse("tables:errors_file", args=[batch.pk])
    with monkeypatch.context() as patched:
        patched.setattr(services, "fault", fails)
        with pytest.raises(OSError, match="plug"):
            services.batch_check(batch=batch)
    assert "?" in b"".join(client.get(f"{address}?format=csv").streaming_content).decode()
    worked(batch)
    assert batch.counts["wrong"] == 0 and client.get(address).status_code == 404
    assert not list(services.stored(batch).parent.glob(f"{services.stored(batch).name}.*"))


def test_several_files_are_one_batch_with_rows_named_by_file(client, clerk):
    batch = sent(client, csv(make_row()), csv(make_row(), make_row(经营状态="?")))
    assert batch.file_name == "名册0.csv 等 2 个文件"
    assert (batch.counts["rows"], batch.counts["new"], batch.counts["wrong"]) == (3, 2, 1)
    assert "「名册1.csv」第 3 行" in page(client, batch)


def test_a_batch_says_whose_it_is_and_of_which_day(client, clerk):
    batch = sent(client, csv(make_row()), source="annual_report", file_date="2026-01-05", is_full="yes")
    assert (batch.source, batch.file_date, batch.is_full) == ("annual_report", date(2026, 1, 5), True)
    assert "年报系统 · 2026-01-05 · 全量" in page(client, batch)
    named = SimpleUploadedFile("全量20260301.csv", csv(make_row()))
    client.post(reverse("tables:upload"), {"target": "business", "file": named, "source": "registration"})
    assert Batch.objects.latest("pk").file_date == date(2026, 3, 1)
    tomorrow = date.today() + timedelta(days=2)
    late = SimpleUploadedFile("a.csv", csv(make_row()))
    answer = client.post(reverse("tables:upload"), {"target": "business", "file": late, "file_date": tomorrow})
    assert answer.status_code == 422 and "不能晚于今天" in answer.content.decode()


def test_full_is_for_what_tells_of_absence_only(client, clerk, tmp_path):
    sent_as_full = sent(client, csv({"编号": "SC-1", "名称": "市场"}), target="market", is_full="yes")
    assert not sent_as_full.is_full and "全量" not in page(client, sent_as_full)
    told = files.import_file(files.write(tmp_path / "a.csv", [{"编号": "SC-1"}]), clerk, "--full", target="market")
    assert "不分全量和增量" in told["error"]


def test_a_batch_that_cannot_be_taken_back_says_why(client, clerk):
    batch = sent(client, csv(make_row()))
    assert "撤销这一批" not in page(client, batch)
    act(client, "confirm", batch)
    assert "撤销这一批" in page(client, worked(batch))
    Batch.objects.filter(pk=batch.pk).update(applied_at=batch.applied_at - timedelta(days=31))
    shown = page(client, batch)
    assert "撤销这一批" not in shown and "写入已满 30 天" in shown
    answer = client.get(reverse("tables:undo", args=[batch.pk]), follow=True)
    assert "写入已满 30 天" in answer.content.decode()


def test_a_plan_that_is_refused_leads_to_checking_again(client, clerk, city):
    row = make_row(统一社会信用代码=make_code(), 住所="新址")
    batch = sent(client, csv(row))
    factories.make_business(city.yuehai, uscc=row["统一社会信用代码"])
    act(client, "confirm", batch)
    worked(batch)
    shown = page(client, batch)
    batch.refresh_from_db()
    assert batch.state == "checked" and "没有写入" in shown and "重新检查" in shown
    act(client, "recheck", batch)
    assert worked(batch).counts["changed"] == 1
    act(client, "confirm", batch)
    assert worked(batch).state == "applied"


def test_a_written_batch_is_taken_back_by_its_page(client, clerk):
    batch = sent(client, csv(make_row(), make_row()))
    act(client, "confirm", batch)
    worked(batch)
    edited = Business.objects.first()
    Business.objects.filter(pk=edited.pk).update(changed_at=edited.changed_at + timedelta(seconds=1))
    assert "新增的 2 条记录会被删除" in client.get(reverse("tables:undo", args=[batch.pk])).content.decode()
    act(client, "undo", batch)
    assert worked(batch).state == "undone" and Business.objects.get() == edited
    shown = page(client, batch)
    assert "写入后又有人修改过 1 条" in shown and edited.name in shown and "撤销这一批" not in shown
    answer = client.get(reverse("tables:conflicts", args=[batch.pk]) + "?format=csv")
    assert str(edited.pk) in b"".join(answer.streaming_content).decode()


def test_the_plan_shows_what_was_repaired(client, clerk):
    batch = sent(client, csv(make_row(), make_row()))
    batch.repairs.create(row=2, column="从业人数", before="１２", after="12", rule="全角数字")
    shown = page(client, batch)
    assert "自动修复和跳过的行" in shown and "１２" in shown and "全角数字" in shown


def test_the_plan_shows_what_changed_rows_change(client, clerk, city):
    code = make_code()
    factories.make_business(city.yuehai, uscc=code, name="旧名", address="旧址")
    batch = sent(client, csv(make_row(统一社会信用代码=code, 名称="新名", 住所="新址", 经营状态="歇业"), make_row()))
    assert batch.counts["changed"] == 1 and batch.plan["columns"]["名称"] == 1
    (sample,) = batch.plan["samples"]
    cells = {column: (before, after) for column, before, after in sample["cells"]}
    assert (sample["row"], sample["name"]) == (2, "旧名") and cells["名称"] == ("旧名", "新名")
    shown = page(client, batch)
    assert "变更举例" in shown and "<del>旧址</del>" in shown and "名称 1" in shown


def test_cells_under_headings_of_several_lines_or_with_long_remarks_can_be_mended(client, clerk):
    remark = "（" + "指截至报告期末的全部人员，" * 6 + "没有的填零）"
    rows = csv(make_row(经营状态="?", 从业人数="许多"))
    headed = rows.decode().replace("经营状态", '"经营\n状态"', 1).replace("从业人数", f"从业人数{remark}", 1)
    batch = sent(client, headed.encode())
    assert set(batch.errors.values_list("column", flat=True)) == {"经营 状态", "从业人数"}
    act(client, "fix", batch, row=2, column="经营 状态", value="存续")
    act(client, "fix", batch, row=2, column="从业人数", value="12")
    batch.refresh_from_db()
    act(client, "recheck", batch)
    batch = worked(batch)
    assert (batch.counts["new"], batch.counts["wrong"]) == (1, 0)


def test_codes_damaged_in_one_way_are_one_group(client, clerk):
    damaged = [make_row(统一社会信用代码=make_code()[:17]) for _ in range(3)]
    batch = sent(client, csv(*damaged))
    assert "全部采用建议（3）" in page(client, batch)


def test_a_file_of_hand_overs_alone_can_be_confirmed_and_says_what_that_does(client, clerk, city):
    """Nothing is written then, but another district is asked: without the button nobody could ask."""
    theirs = make_code()
    factories.make_business(city.lianhua, uscc=theirs)
    batch = sent(client, csv(make_row(统一社会信用代码=theirs, 监管所="粤海所")))
    said = page(client, batch)
    assert "1 行的主体登记在其他单位：不改动，向对方单位发起划转" in said and "确认办理" in said
    act(client, "confirm", batch, mode="good")
    assert worked(batch).state == "applied" and HandOver.objects.count() == 1


def confirmed(client, batch):
    act(client, "confirm", batch, mode="good")
    assert worked(batch).state == "applied"
    return batch


def test_a_file_that_only_says_otherwise_can_be_confirmed_once(client, clerk):
    row, annual = make_row(), {"source": "annual_report"}
    confirmed(client, sent(client, csv(row)))
    batch = sent(client, csv(row | {"名称": "年报商行"}), **annual)
    assert (batch.counts["unchanged"], batch.counts["differences"]) == (1, 1)
    said = page(client, batch)
    assert "1 处与别的来源说法不同，记入“系统间差异”" in said and "确认办理" in said
    confirmed(client, batch)
    assert SourceDifference.objects.get().value == "年报商行" and Business.objects.get().name == row["名称"]
    assert "确认办理" not in page(client, sent(client, csv(row | {"名称": "年报商行"}), **annual))
    agreeing = sent(client, csv(row), **annual)
    assert (agreeing.counts["unchanged"], agreeing.counts["settled"]) == (1, 1)
    confirmed(client, agreeing)
    assert not SourceDifference.objects.exists()


def test_a_plan_of_differences_is_refused_when_one_was_told_meanwhile(client, clerk):
    row, annual = make_row(), {"source": "annual_report"}
    confirmed(client, sent(client, csv(row)))
    batch, other = (sent(client, csv(row | {"名称": name}), **annual) for name in ("年报商行", "年报商行"))
    confirmed(client, other)
    act(client, "confirm", batch, mode="good")
    worked(batch)
    assert "登记内容在检查之后变了，没有写入任何内容" in page(client, batch)
    act(client, "recheck", batch)
    assert worked(batch).counts["differences"] == 0 and "确认办理" not in page(client, batch)


def test_a_file_that_only_ends_absences_can_be_confirmed(client, clerk):
    rows = [make_row(), make_row()]
    confirmed(client, sent(client, csv(*rows)))
    confirmed(client, sent(client, csv(rows[0]), is_full="yes"))
    assert Absence.objects.count() == 1
    batch = sent(client, csv(*rows), is_full="yes")
    assert (batch.counts["unchanged"], batch.counts["appeared"]) == (2, 1) and "1 户再次出现" in page(client, batch)
    confirmed(client, batch)
    assert not Absence.objects.exists()


def test_a_file_that_changes_nothing_is_kept_as_the_later_word(client, clerk):
    """Else an older file that comes after it would write over what it said."""
    days = [str(date.today() - timedelta(days=back)) for back in (9, 5, 2)]
    row = make_row(名称="甲商行")
    confirmed(client, sent(client, csv(row), file_date=days[0]))
    batch = sent(client, csv(row), file_date=days[2])
    assert batch.counts["newer"] == 1 and "1 户的内容不变，记下数据日期" in page(client, batch)
    confirmed(client, batch)
    older = sent(client, csv(row | {"名称": "乙商行"}), file_date=days[1])
    assert older.counts["older"] == 1 and "确认办理" not in page(client, older)
    assert "确认办理" not in page(client, sent(client, csv(row), file_date=days[2]))


def test_what_the_registry_only_confirms_can_be_confirmed(client, clerk):
    row = make_row(经营状态="存续")
    confirmed(client, sent(client, csv(row), source="annual_report"))
    batch = sent(client, csv(row))
    assert (batch.counts["unchanged"], batch.counts["confirmed"]) == (1, 1)
    assert "今后以登记注册系统为准" in page(client, batch)
    confirmed(client, batch)
    assert Business.objects.get().provenance == {}


def test_a_file_that_does_nothing_offers_nothing_to_confirm(client, clerk):
    row = make_row()
    act(client, "confirm", first := sent(client, csv(row)), mode="good")
    worked(first)
    said = page(client, sent(client, csv(row)))
    assert "没有需要写入的行。" in said and "确认办理" not in said and "确认写入</button>" not in said
