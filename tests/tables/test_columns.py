"""Saying by hand which column of a file is which of ours: nothing is sent twice, and the next file is known."""

import zipfile
from io import BytesIO

import pytest
from django.urls import reverse

from markets.models import Business
from tables import services
from tables.mapping import headers_of
from tables.models import ColumnMapping
from tests import factories
from tests.markets.files import make_code, make_row, to_csv
from tests.tables.scan import found_in_clear
from tests.tables.test_fixes import act, page, sent, worked

pytestmark = pytest.mark.django_db

OUR_NAMES = ["社会码", "店招", "注册类型", "行政区"]  # nobody else calls them so


@pytest.fixture
def clerk(client, city):
    user = factories.make_user("registrar", city.nanshan)
    client.force_login(user)
    return user


def foreign(*rows, names=OUR_NAMES, title="") -> bytes:
    header = to_csv(list(rows)).replace(",".join(make_row()), ",".join(names), 1)
    return f"{title}{header}".encode()


def choices(batch, **said) -> dict:
    """What the form sends: as found, but for `said` (our column → the file's, of the first header that has it)."""
    data = {}
    for number, header in enumerate(headers_of(batch)):
        keys = {at: key for key, at in header["columns"].items()}
        for at, name in enumerate(header["names"]):
            key = next((ours for ours, theirs in said.items() if theirs == name), keys.get(at, ""))
            data[f"column-{number}-{at}"] = key
    return data


KNOWN = {"code": "社会码", "name": "店招", "entity_type": "注册类型", "district": "行政区"}


def test_columns_are_put_right_and_remembered(client, clerk):
    batch = sent(client, to_csv([make_row(实际经营地址="科苑路 1 号")]).encode())
    assert batch.unused_columns == ["实际经营地址"]
    lacking = act(client, "columns", batch, **choices(batch) | {"column-0-1": ""})
    assert lacking.status_code == 422 and "还缺少「名称」" in lacking.content.decode()
    twice = act(client, "columns", batch, **choices(batch) | {"column-0-4": "name"})
    assert twice.status_code == 422 and "「名称」已经选作名称" in twice.content.decode()
    act(client, "columns", batch, **choices(batch, address="实际经营地址"))
    worked(batch)
    assert batch.unused_columns == [] and "您选定" in page(client, batch)
    assert not ColumnMapping.objects.exists()
    act(client, "confirm", batch)
    worked(batch)
    assert Business.objects.get().address == "科苑路 1 号"
    again = sent(client, to_csv([make_row(实际经营地址="科苑路 2 号")]).encode())
    assert again.unused_columns == [] and "上次确认过" in page(client, again)
    other = sent(client, to_csv([make_row(实际经营地址="科苑路 3 号")]).encode(), source="survey")
    assert other.unused_columns == ["实际经营地址"]


def test_a_file_of_other_names_is_mapped_by_hand_and_goes_on_to_its_plan(client, clerk):
    batch = sent(client, foreign(make_row(名称="示范一"), make_row(名称="示范二")))
    assert batch.state == "unmapped" and services.stored(batch).exists()
    shown = page(client, batch)
    assert "请指出哪一列是哪一项" in shown and "示范一，示范二" in shown and "店招" in shown
    assert shown.index("社会码") < shown.index("店招") < shown.index("行政区")  # in the file's own order
    lacking = act(client, "columns", batch, **choices(batch, code="社会码"))
    assert lacking.status_code == 422 and "还缺少「名称」" in lacking.content.decode()
    assert "每一列都认出来了" not in lacking.content.decode()
    act(client, "columns", batch, **choices(batch, **KNOWN))
    assert worked(batch).state == "checked" and batch.counts["new"] == 2
    act(client, "confirm", batch)
    assert worked(batch).state == "applied"
    again = sent(client, foreign(make_row(), make_row()))
    assert again.state == "checked" and again.counts["new"] == 2  # as it was confirmed


def test_what_was_remembered_is_a_proposal_that_can_be_changed(client, clerk):
    first = sent(client, foreign(make_row(), make_row()))
    act(client, "columns", first, **choices(first, **KNOWN))
    act(client, "confirm", worked(first))
    worked(first)
    again = sent(client, foreign(make_row()))
    assert "上次确认过" in page(client, again)
    act(client, "columns", again, **choices(again) | {"column-0-3": "street"})
    assert worked(again).counts["new"] == 0 and "您选定" in page(client, again)  # 南山区 is no street


def test_a_header_that_stands_elsewhere_or_nowhere(client, clerk):
    title = "南山区示范名录,第一批,截至十月,共两户,内部,草稿\n"  # fuller than the header
    batch = sent(client, foreign(make_row(), make_row(), title=title))
    (header,) = headers_of(batch)
    assert (batch.state, header["row"]) == ("unmapped", 1)
    assert "请填 0 到 30" in act_and_follow(client, batch, header=header["digest"], row="x")
    act(client, "columns", batch, header=header["digest"], row=2)
    (header,) = headers_of(worked(batch))
    assert (batch.state, header["row"], header["names"]) == ("unmapped", 2, OUR_NAMES)
    act(client, "columns", batch, **choices(batch, **KNOWN))
    assert worked(batch).counts["new"] == 2
    bare = sent(client, foreign(make_row(), make_row()).split(b"\n", 1)[1])
    (header,) = headers_of(bare)
    act(client, "columns", bare, header=header["digest"], row=0)
    (header,) = headers_of(worked(bare))
    assert header["names"] == ["第 1 列", "第 2 列", "第 3 列", "第 4 列"]
    act(client, "columns", bare, **choices(bare, **dict(zip(KNOWN, header["names"], strict=True))))
    assert worked(bare).counts["new"] == 2
    act(client, "confirm", bare)
    worked(bare)
    assert ColumnMapping.objects.count() == 0  # the next file without a header may be anybody's


def act_and_follow(client, batch, **data) -> str:
    return client.post(reverse("tables:columns", args=[batch.pk]), data, follow=True).content.decode()


def test_several_headers_of_one_batch_are_said_and_remembered(client, clerk):
    other = ["代号", "字号", "种类", "区县名"]
    files = (foreign(make_row(), make_row()), foreign(make_row(), names=other), to_csv([make_row()]).encode())
    batch = sent(client, *files)
    assert batch.state == "checked" and batch.counts["new"] == 1  # the third; the others are set aside, not lost
    assert "没有找到表头，没有读取" in page(client, batch)
    said = KNOWN | {"_": ""}
    data = choices(batch, **said)
    data |= {f"column-{number}-{at}": key for number, at, key in places(batch, other)}
    act(client, "columns", batch, **data)
    worked(batch)
    assert (batch.counts["rows"], batch.counts["new"]) == (4, 4)
    act(client, "confirm", batch)
    worked(batch)
    assert ColumnMapping.objects.count() == 3
    again = sent(client, foreign(make_row(), names=other))
    assert again.counts["new"] == 1 and "上次确认过" in page(client, again)


def places(batch, names):
    for number, header in enumerate(headers_of(batch)):
        if header["names"] == names:
            for at, key in enumerate(("code", "name", "entity_type", "district")):
                yield number, at, key


def test_what_waits_for_its_columns_can_be_left(client, clerk, django_capture_on_commit_callbacks):
    batch = sent(client, foreign(make_row()))
    with django_capture_on_commit_callbacks(execute=True):
        act(client, "cancel", batch)
    batch.refresh_from_db()
    assert batch.state == "cancelled" and not services.stored(batch).exists()
    assert "按所选检查" not in page(client, batch)


def test_a_sheet_that_cannot_be_read_after_all_is_not_lost(client, clerk):
    batch = sent(client, foreign(make_row()))
    (header,) = headers_of(batch)
    act(client, "columns", batch, header=header["digest"], row=25)
    assert worked(batch).state == "unmapped" and services.stored(batch).exists()
    assert "重新检查没有完成" in page(client, batch)


def test_nothing_of_persons_is_kept_in_clear(client, city):
    client.force_login(factories.make_user("registrar", city.city))
    rows = "欧阳示例,13912345678,440301199003071234,科苑党支部\n欧阳示范,13912345679,440301199003071235,科苑党支部\n"
    batch = sent(client, rows.encode(), target="roll")
    assert batch.state == "unmapped"
    assert found_in_clear("欧阳示例", "欧阳示范", "13912345678", "440301199003071234") == []
    shown = page(client, batch)
    assert "13912345679" not in shown and "440301199003071235" not in shown and "4***" in shown


def test_an_archive_without_a_table_is_refused(client, clerk):
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as package:
        package.writestr("说明.txt", "请查收")
    assert sent(client, packed.getvalue()).state == "refused"


def test_a_code_alone_does_not_make_a_header(client, clerk):
    """A column known by its cells is proposed; where the header is, somebody says."""
    rows = "".join(f"{make_code()},甲{number}店,甲类,乙地\n" for number in range(5))
    batch = sent(client, rows.encode())
    assert batch.state == "unmapped" and headers_of(batch)[0]["columns"] == {"code": 0}
    assert "按内容" in page(client, batch)


def test_the_columns_that_only_an_export_of_ours_has_are_not_missed(client, clerk):
    batch = sent(client, to_csv([make_row(更新时间="2026-11-01", 实际经营地="科苑路 1 号")]).encode())
    assert batch.unused_columns == ["实际经营地"]
