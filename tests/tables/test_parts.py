"""Several sheets and files in one batch: each with its own header, one layout, numbers that tell where a row stands."""

import io
import zipfile

import openpyxl
import pytest
import xlwt

from markets.tables import BUSINESSES
from tables.readers import Refused, header_digest, open_source, place, said
from tables.table import Column, Table
from tables.templates import template
from tests.markets.files import make_code

TABLE = Table(
    name="sample",
    title="样表",
    columns=(
        Column("code", "代码", ("编号",), kind="code"),
        Column("name", "名称", ("企业名称",)),
        Column("count", "人数(含预备)", ("人数",)),
        Column("office", "监管所", kind="place"),
    ),
    needs=(("code",), ("name",)),
)


def cells(source, *keys):
    """[(row, cell, …)] of a file in its order."""
    found = []
    for block in source.blocks():
        for at, number in enumerate(block.numbers):
            row = block.row(at)
            found.append((int(number), *(row[source.mapping[key]] if key in source.mapping else None for key in keys)))
    return found


def workbook(path, sheets, hidden=()):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
        if name in hidden:
            sheet.sheet_state = "hidden"
    book.save(path)
    return path


def archive(path, entries):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in entries.items():
            package.writestr(name, content)
    return path


SHEETS = {
    "一": [["代码", "名称"], ["001", "甲"], ["002", "乙"]],
    "说明": [["请看其他表"]],
    "二": [["某某名单"], ["企业名称", "备注", "编号", "人数"], ["丙", "x", "003", 5]],
    "旧": [["代码", "名称"], ["009", "旧"]],
}


def test_sheets_with_their_own_headers(tmp_path):
    source = open_source(workbook(tmp_path / "a.xlsx", SHEETS, hidden=["旧"]), TABLE)
    assert cells(source, "code", "name", "count") == [(2, "001", "甲", ""), (3, "002", "乙", ""), (6, "003", "丙", "5")]
    assert source.parts == [[0, "一"], [3, "二"]]
    assert source.header == ["代码", "名称", "备注", "人数"] and source.unknown == ["备注"]
    assert source.passed_over == [("旧", "隐藏的工作表不读取"), ("说明", "没有找到表头")]
    assert place(source.parts, 6) == ("二", 3) and said(source.parts, 3) == "「一」第 3 行"
    assert place([], 6) == ("", 6) and said([], 6) == "第 6 行"


def test_old_workbook_with_two_sheets(tmp_path):
    book = xlwt.Workbook()
    for name in ("一", "二"):
        sheet = book.add_sheet(name)
        for number, row in enumerate(SHEETS["一"]):
            for at, cell in enumerate(row):
                sheet.write(number, at, cell)
    book.save(str(tmp_path / "a.xls"))
    source = open_source(tmp_path / "a.xls", TABLE)
    assert [row for row, _ in cells(source, "code")] == [2, 3, 5, 6]
    assert source.parts == [[0, "一"], [3, "二"]]


def test_archive_of_every_kind(tmp_path):
    workbook(tmp_path / "in.xlsx", SHEETS)
    path = archive(
        tmp_path / "a.zip",
        {
            "文件夹/甲.csv": "代码,名称\n001,甲\n".encode("gb18030"),
            "乙.tsv": "名称\t代码\n乙\t002\n".encode("utf-16"),
            "丙.xlsx": (tmp_path / "in.xlsx").read_bytes(),
            "../../../etc/丁.csv": "代码;名称\n004;丁\n".encode(),
            "__MACOSX/._甲.csv": b"junk",
            "图.png": b"\x89PNG\r\n\x1a\n",
            "无关.csv": "颜色,尺寸\n1,2\n".encode(),
        },
    )
    source = open_source(path, TABLE)
    found = cells(source, "code", "name")
    assert [pair[1:] for pair in found] == [
        ("001", "甲"), ("002", "乙"), ("001", "甲"), ("002", "乙"), ("003", "丙"), ("009", "旧"), ("004", "丁"),
    ]  # fmt: skip
    assert len({row for row, *_ in found}) == len(found)
    assert [name for _, name in source.parts] == [
        "甲.csv",
        "乙.tsv",
        "丙.xlsx · 一",
        "丙.xlsx · 二",
        "丙.xlsx · 旧",
        "丁.csv",
    ]
    assert place(source.parts, found[-1][0]) == ("丁.csv", 2)
    assert [name for name, _ in source.passed_over] == ["图.png", "丙.xlsx · 说明", "无关.csv"]
    assert cells(source, "code", "name") == found, "a second reading gives the same numbers"


def test_names_in_gbk_are_read(tmp_path):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as package:
        info = zipfile.ZipInfo("x" * 8)
        package.writestr(info, "代码,名称\n001,甲\n".encode())
        package.writestr("second.csv", "代码,名称\n002,乙\n".encode())
    path = tmp_path / "a.zip"
    path.write_bytes(made.getvalue().replace(b"x" * 8, "名册.csv".encode("gbk")))
    source = open_source(path, TABLE)
    assert [row for row, _ in cells(source, "code")] == [2, 4]
    assert source.parts[0] == [0, "名册.csv"]


def test_an_archive_with_nothing_to_read_says_so(tmp_path):
    with pytest.raises(Refused, match="没有能读的表格.*图.png"):
        open_source(archive(tmp_path / "a.zip", {"图.png": b"\x89PNG\r\n"}), TABLE)
    with pytest.raises(Refused, match="没有文件"):
        open_source(archive(tmp_path / "b.zip", {}), TABLE)
    with pytest.raises(Refused, match="没有找到表头"):
        open_source(archive(tmp_path / "c.zip", {"a.csv": "颜色,尺寸\n1,2\n"}), TABLE)


def test_temporary_files_are_closed(tmp_path):
    source = open_source(archive(tmp_path / "a.zip", {"a.csv": "代码,名称\n001,甲\n"}), TABLE)
    file = source.sheets[0].reader.file
    source.close()
    assert file.closed


# --- what stands between the rows -------------------------------------------------------------------------------------


def test_totals_and_repeated_headers_are_skipped_and_told(tmp_path):
    rows = [
        "代码,名称,人数,监管所",
        "001,甲,3,粤海所",
        "代码,名称,人数,监管所",
        "002,合计商行,4,",
        "小计,,7,",
        ",合 计：2户,7,",
        "总计,,,",
    ]
    path = tmp_path / "a.csv"
    path.write_text("\n".join(rows))
    source = open_source(path, TABLE)
    assert cells(source, "code", "name") == [(2, "001", "甲"), (4, "002", "合计商行")]
    assert [(each.row, each.rule) for each in source.notes.skipped] == [
        (3, "重复的表头（已跳过）"), (5, "合计行（已跳过）"), (6, "合计行（已跳过）"), (7, "合计行（已跳过）"),
    ]  # fmt: skip
    assert source.notes.counts == {"重复的表头（已跳过）": 1, "合计行（已跳过）": 3}


@pytest.mark.parametrize("kind", ["xlsx", "xls"])
def test_merged_cells_hold_for_all_their_rows(tmp_path, kind):
    rows = [
        ["代码", "名称", "监管所"],
        ["001", "甲", "粤海所"],
        ["002", "乙", None],
        ["003", "丙", None],
        ["004", "丁", "莲花所"],
    ]
    path = tmp_path / f"a.{kind}"
    if kind == "xlsx":
        book = openpyxl.Workbook()
        for row in rows:
            book.active.append(row)
        book.active.merge_cells("C2:C4")
        book.active.merge_cells("A4:A5")
        book.save(path)
    else:
        book = xlwt.Workbook()
        sheet = book.add_sheet("表")
        for number, row in enumerate(rows):
            for at, cell in enumerate(row):
                if cell is not None and (number, at) not in ((1, 2), (4, 0)):
                    sheet.write(number, at, cell)
        sheet.write_merge(1, 3, 2, 2, "粤海所")
        book.save(str(path))
    source = open_source(path, TABLE)
    offices = [office for _, office in cells(source, "office")]
    assert offices == ["粤海所", "粤海所", "粤海所", "莲花所"]
    assert [(each.row, each.before, each.after, each.rule) for each in source.notes.mended] == [
        (3, "", "粤海所", "合并单元格"), (4, "", "粤海所", "合并单元格"),
    ]  # fmt: skip
    if kind == "xlsx":
        assert cells(source, "code")[3] == (5, ""), "a code is never filled down"


# --- which column is which --------------------------------------------------------------------------------------------


def test_one_header_has_one_digest():
    assert header_digest(["代码", " 名 称 "]) == header_digest(["代码＊", "名称"]) != header_digest(["代码"])


def test_two_columns_for_one_field_are_told(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("代码,企业名称,名称,备注\n001,乙,甲,x\n")
    source = open_source(path, TABLE)
    assert cells(source, "name") == [(2, "甲")]
    assert source.unknown == ["企业名称（与「名称」是同一项，没有用）", "备注"]


def content(*header):
    rows = [
        [make_code(), f"第{number}示例商贸有限公司", "有限责任公司", "2020-01-02", "南山区", "91"]
        for number in range(5)
    ]
    return "\n".join(",".join(row) for row in [header, *rows])


def test_nameless_columns_are_recognised_by_what_they_hold(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(content("编码", "", "主体类型", "日期", "所属区", "x"))
    source = open_source(path, BUSINESSES)
    assert source.mapping == {"entity_type": 2, "district": 4, "code": 0, "name": 1, "registered_on": 3}
    assert source.by_content == ["第 2 列", "编码", "日期"]


def test_a_column_with_a_name_of_its_own_is_taken_only_where_nothing_goes_without(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(content("照面码", "名称", "主体类型", "核准日期", "所属区", "x"))
    source = open_source(path, BUSINESSES)
    assert source.mapping["code"] == 0 and "registered_on" not in source.mapping
    assert source.by_content == ["照面码"] and source.unknown == ["核准日期", "x"]


def test_nobody_is_told_of_the_other_sheets_of_our_own_template(tmp_path):
    path = tmp_path / "t.xlsx"
    path.write_bytes(b"".join(template(BUSINESSES, "xlsx")))
    source = open_source(path, BUSINESSES)
    assert source.passed_over == [] and source.rows >= 2


def test_a_header_of_two_rows(tmp_path):
    """What is merged over both rows stands in the upper one, what is merged over columns is told by the lower one."""
    path = tmp_path / "a.csv"
    path.write_text("登记表,,,,\n代码,基本情况,,人数,监管所\n,名称,备注,,\n001,甲,x,3,粤海所\n002,乙,,,\n")
    source = open_source(path, TABLE)
    assert source.header == ["代码", "名称", "备注", "人数", "监管所"]
    assert cells(source, "code", "name", "count", "office") == [
        (4, "001", "甲", "3", "粤海所"),
        (5, "002", "乙", "", ""),
    ]
