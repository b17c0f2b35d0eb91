"""Reading files as offices send them: encodings, titles, quotes, workbooks, and what is refused."""

import datetime as dt

import pytest
import xlsxwriter

from markets.tables import BUSINESSES
from tables.readers import Refused, open_source, text
from tables.table import Column, Table, header_key

TABLE = Table(
    name="sample",
    title="样表",
    columns=(
        Column("code", "代码", ("编号",)),
        Column("name", "名称", ("企业名称",)),
        Column("count", "人数(含预备)", ("人数",)),
    ),
    needs=(("code",), ("name",)),
)
PLAIN = "代码,名称,人数(含预备)\n001,甲公司,3\n002,乙商行,\n"


def read(path, table=TABLE):
    """{row number: (code, name, count)} of a file."""
    source = open_source(path, table)
    found = {}
    for block in source.blocks():
        for at, number in enumerate(block.numbers):
            cells = block.row(at)
            found[int(number)] = tuple(
                cells[source.mapping[key]] if key in source.mapping else None for key in ("code", "name", "count")
            )
    return found


def save(tmp_path, content, name="file.csv"):
    path = tmp_path / name
    path.write_bytes(content)
    return path


EXPECTED = {2: ("001", "甲公司", "3"), 3: ("002", "乙商行", "")}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "gbk", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
def test_every_encoding_and_delimiter(tmp_path, encoding, delimiter):
    assert read(save(tmp_path, PLAIN.replace(",", delimiter).encode(encoding))) == EXPECTED


@pytest.mark.parametrize("ends", ["\r\n", "\r", "\n"])
def test_every_line_end(tmp_path, ends):
    assert read(save(tmp_path, PLAIN.replace("\n", ends).encode())) == EXPECTED


def test_no_line_end_after_the_last_row(tmp_path):
    assert read(save(tmp_path, PLAIN.rstrip("\n").encode())) == EXPECTED


def test_chinese_after_megabytes_of_ascii_is_still_recognised(tmp_path, monkeypatch):
    monkeypatch.setattr(text, "CHUNK", 4096)
    many = "".join(f"{number:03d},plain,1\n" for number in range(2000))
    found = read(save(tmp_path, ("代码,名称,人数\n" + many + "999,丙公司,2\n").encode("gb18030")))
    assert len(found) == 2001 and found[2002] == ("999", "丙公司", "2")


def test_title_rows_and_blank_rows_keep_numbers(tmp_path):
    content = "某区市场主体名单,,\n,,\n代码,名称,人数\n001,甲,1\n\n,,\n  ,　,\n002,乙,2\n"
    assert read(save(tmp_path, content.encode())) == {4: ("001", "甲", "1"), 8: ("002", "乙", "2")}


def test_header_names_in_disguise_and_any_order(tmp_path):
    content = "备注,* 企业 名称 ：,人数（含预备）,编\u3000号\nx,甲,3,001\n"
    assert read(save(tmp_path, content.encode())) == {2: ("001", "甲", "3")}
    assert header_key(" 党员人数（含预备）* ") == "党员人数(含预备)"


def test_label_beats_alias(tmp_path):
    assert read(save(tmp_path, "编号,代码,名称\n9,001,甲\n".encode()))[2][0] == "001"


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_rows_for_progress_are_those_of_the_file(tmp_path, end, encoding):
    content = (end or "\n").join(["代码,名称", "001,甲", "002,乙"]) + end
    assert open_source(save(tmp_path, content.encode(encoding)), TABLE).rows == 2


def test_short_and_long_rows(tmp_path):
    found = read(save(tmp_path, "代码,名称,人数\n001\n002,乙,2,多,余\n003,丙\n".encode()))
    assert found == {2: ("001", "", ""), 3: ("002", "乙", "2"), 4: ("003", "丙", "")}


@pytest.mark.parametrize("chunk", [16, 64, 8 * 1024 * 1024])
def test_quotes_line_breaks_and_stray_quotes(tmp_path, monkeypatch, chunk):
    monkeypatch.setattr(text, "CHUNK", chunk)
    content = '代码,名称,人数\n001,"甲,公司",1\n002,"乙\n公司",2\n003,5"屏,3\n"004","丙""丁",4\n005,"开口,5\n006,戊,6\n007,己,7\n'
    found = read(save(tmp_path, content.encode()))
    assert found[2] == ("001", "甲,公司", "1") and found[3] == ("002", "乙\n公司", "2")
    assert found[4] == ("003", '5"屏', "3") and found[5] == ("004", '丙"丁', "4")
    # The mark that is never closed swallows nothing.
    assert found[7] == ("006", "戊", "6") and found[8] == ("007", "己", "7")
    assert len(found) == 7


@pytest.mark.parametrize("chunk", [16, 8 * 1024 * 1024])
def test_two_stray_quotes_swallow_no_rows_between(tmp_path, monkeypatch, chunk):
    monkeypatch.setattr(text, "CHUNK", chunk)
    content = '代码,名称,人数\n001,"甲,1\n002,乙,2\n003,"丙,3\n004,丁,4\n'
    found = read(save(tmp_path, content.encode()))
    assert found[3] == ("002", "乙", "2") and found[5] == ("004", "丁", "4")
    assert len(found) == 4


@pytest.mark.parametrize("chunk", [64, 1000])
def test_blocks_do_not_move_row_numbers(tmp_path, monkeypatch, chunk):
    monkeypatch.setattr(text, "CHUNK", chunk)
    lines = [f"{number:04d},企业{number},{'' if number % 3 else number}" for number in range(300)]
    lines[50] = '0050,"引号, 企业",1'
    lines.insert(100, "")
    found = read(save(tmp_path, ("代码,名称,人数\n" + "\n".join(lines)).encode()))
    assert len(found) == 300
    for number, (code, _, _) in found.items():
        assert int(code) == number - 2 - (number > 102)


def make_workbook(path, rows, sheet="表", before=()):
    book = xlsxwriter.Workbook(str(path))
    for name in before:
        book.add_worksheet(name).write(0, 0, "说明：请看下一张表")
    page = book.add_worksheet(sheet)
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    for number, row in enumerate(rows):
        for at, cell in enumerate(row):
            if isinstance(cell, dt.date):
                page.write_datetime(number, at, dt.datetime(cell.year, cell.month, cell.day), day)
            elif cell is not None:
                page.write(number, at, cell)
    book.close()
    return path


@pytest.mark.parametrize("name", ["file.xlsx", "file.csv", "file.xls"])
def test_workbook_is_recognised_by_content(tmp_path, name):
    rows = [
        ["名单"],
        [],
        ["代码", "名称", "人数"],
        ["001", "甲", 3],
        [],
        [440301123456789, dt.date(2020, 1, 2), 12.0],
        [9.14403e17, "乙", 0.5],
    ]
    path = make_workbook(tmp_path / "made.xlsx", rows)
    path = path.rename(tmp_path / name)
    assert read(path) == {
        4: ("001", "甲", "3"),
        6: ("440301123456789", "2020-01-02", "12"),
        7: ("9.14403E+17", "乙", "0.5"),
    }


def test_the_sheet_with_the_header_is_taken(tmp_path):
    path = make_workbook(tmp_path / "file.xlsx", [["代码", "名称"], ["001", "甲"]], before=["说明"])
    assert read(path) == {2: ("001", "甲", None)}


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"", "空"),
        (b"PK\x03\x04 broken", "打不开"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 broken", "打不开"),
        (b"%PDF-1.7", "PDF"),
        (b"\x89PNG\r\n\x1a\n" + bytes(99), "图片"),
        (b"7z\xbc\xaf\x27\x1c" + bytes(99), "压缩包"),
        (bytes(3000), "没有找到"),
        (b"<html><table><tr><td>x</td></tr></table></html>", "网页"),
        (bytes(range(128, 256)) * 50, "编码"),
        ("姓名,电话\n张三,1\n".encode(), "没有找到表头"),
        ("代码,人数\n001,1\n".encode(), "缺少「名称」"),
        (b"\n\n\n", "没有找到任何列名"),
    ],
)
def test_refused_with_a_sentence(tmp_path, content, part):
    with pytest.raises(Refused, match=part):
        read(save(tmp_path, content))


def test_refusal_names_what_is_needed_and_what_was_found(tmp_path):
    with pytest.raises(Refused) as refused:
        open_source(save(tmp_path, "姓名,电话,备注\n张三,1,x\n".encode()), BUSINESSES)
    said = str(refused.value)
    for part in ("统一社会信用代码", "名称", "主体类型", "所属区", "姓名、电话、备注"):
        assert part in said


def test_no_control_characters_in_refusals_and_column_names(tmp_path):
    with pytest.raises(Refused) as refused:
        read(save(tmp_path, "颜色\x00,尺寸\x01\n1,2\n".encode()))
    assert "颜色、尺寸" in str(refused.value)
    source = open_source(save(tmp_path, ("代码(\x00),名称\x00\n" + "001,甲\n" * 20).encode()), TABLE)
    assert source.header == ["代码()", "名称"] and source.label("name") == "名称"


def test_one_broken_character_does_not_refuse_the_file(tmp_path):
    content = PLAIN.encode() + b"003,\xe4\xb8" + b",5\n" + "".join(f"{n},正常企业名称,1\n" for n in range(500)).encode()
    found = read(save(tmp_path, content))
    assert found[2] == ("001", "甲公司", "3") and "\ufffd" in found[4][1]
