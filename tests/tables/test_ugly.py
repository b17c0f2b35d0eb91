"""Files that nobody meant to hurt with: read for what they say, or refused with what to do; no row is lost in silence."""

import codecs
import io
import zipfile

import openpyxl
import polars as pl
import pytest
import xlwt
from xlwt.CompoundDoc import XlsDoc

from tables import cells
from tables.readers import Refused, open_source
from tables.readers.numbers import UNCALCULATED
from tables.readers.sheet_child import failed_cells, records_of
from tables.readers.sheetxml import unescaped
from tables.table import Column, Table
from tests.tables.hostile import BOOK, HEADER, ROW, ods, ods_row, sheet, workbook

TABLE = Table(
    name="sample",
    title="样表",
    columns=(Column("code", "代码", kind="code"), Column("name", "名称"), Column("day", "日期", kind="date")),
    needs=(("code",), ("name",)),
)
HEADING, LINES = "代码,名称,日期\n", "001,甲,2020-01-02\n002,乙,\n"
EXPECTED = {2: ("001", "甲", "2020-01-02"), 3: ("002", "乙", "")}


def read(path):
    source = open_source(path, TABLE)
    places = [source.mapping.get(key) for key in ("code", "name", "day")]
    return {
        int(number): tuple("" if place is None else block.row(at)[place] for place in places)
        for block in source.blocks()
        for at, number in enumerate(block.numbers)
    }


def refused(path):
    with pytest.raises(Refused) as refusal:
        open_source(path, TABLE)
    return str(refusal.value)


# --- text -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        codecs.BOM_UTF32_BE + (HEADING + LINES).encode("utf-32-be"),
        codecs.BOM_UTF32_LE + (HEADING + LINES).encode("utf-32-le"),
        codecs.BOM_UTF8 * 2 + (HEADING + LINES).encode(),
        (HEADING + LINES).replace(",", ";").replace("\n", ";;;\r\n").encode("gb18030"),
        (HEADING + LINES).replace("\n", "\r").encode("gb18030"),
        (HEADING.strip() + "\r" + LINES.replace("\n", "\r\n")).encode(),
        (HEADING + LINES).replace(",", "\v,\f").encode(),
        (HEADING + LINES).replace(",", "|").replace("\n", "\r").encode("utf-16-le"),
        (HEADING + LINES).replace(",", ";").replace("\n", "\r").encode("utf-16-be"),
        (HEADING.replace("称", "\u00ad称★") + LINES).encode(),
        (HEADING + LINES.replace("\n", "\n\r", 1)).replace("\n\r", "\n").encode(),
    ],
)
def test_ways_of_writing_a_text(tmp_path, content):
    (tmp_path / "a.csv").write_bytes(content)
    found = read(tmp_path / "a.csv")
    assert {row: tuple(map(str.strip, each)) for row, each in found.items()} == EXPECTED


def test_lines_that_end_in_different_ways_are_all_read(tmp_path):
    (tmp_path / "a.csv").write_bytes("代码,名称\r\n001,甲\r002,乙\n003,丙\r\r\n004,丁".encode())
    assert [each[0] for each in read(tmp_path / "a.csv").values()] == ["001", "002", "003", "004"]


def test_files_put_together(tmp_path):
    """A byte mark and the header once more stand in the middle."""
    one = HEADING + LINES
    (tmp_path / "a.csv").write_bytes(one.encode("utf-8-sig") + one.replace("00", "01").encode("utf-8-sig"))
    source = open_source(tmp_path / "a.csv", TABLE)
    codes = [block.row(at)[0] for block in source.blocks() for at in range(len(block))]
    assert codes == ["001", "002", "011", "012"] and source.notes.counts == {"重复的表头（已跳过）": 1}


def test_two_encodings_in_one_file(tmp_path):
    lines = [f"{number},示范商贸有限公司{number},\n" for number in range(1000, 1400)]
    mixed = b"".join(line.encode("gb18030" if at % 2 else "utf-8") for at, line in enumerate(lines))
    (tmp_path / "a.csv").write_bytes(HEADING.encode("gb18030") + mixed)
    assert "两种编码" in refused(tmp_path / "a.csv")
    (tmp_path / "b.csv").write_bytes((HEADING + "".join(lines)).encode("gb18030"))
    assert len(read(tmp_path / "b.csv")) == 400
    (tmp_path / "c.csv").write_bytes(HEADING.encode() + mixed.replace("示范".encode(), "示".encode()))
    assert "编码" in refused(tmp_path / "c.csv")


def test_an_encoding_of_letters_only_has_no_header(tmp_path):
    (tmp_path / "a.csv").write_bytes((HEADING + LINES).encode("utf-7"))
    assert "没有找到表头" in refused(tmp_path / "a.csv")


@pytest.mark.parametrize(("above", "found"), [(29, True), (30, False)])
def test_a_header_in_row_thirty(tmp_path, above, found):
    (tmp_path / "a.csv").write_text("说明\n" * above + HEADING + LINES)
    if found:
        assert list(read(tmp_path / "a.csv")) == [31, 32]
    else:
        assert "没有找到表头" in refused(tmp_path / "a.csv")


@pytest.mark.parametrize(
    "content", ["MIME-Version: 1.0\nX-Document-Type: Workbook\n", "<div><table>", "<!-- x --><tr>"]
)
def test_pages_that_call_themselves_tables(tmp_path, content):
    (tmp_path / "a.xls").write_text(content)
    assert "网页" in refused(tmp_path / "a.xls")


# --- archives ---------------------------------------------------------------------------------------------------------


class Stream(io.BytesIO):
    """What is written to a pipe: sizes stand behind each entry, not before it."""

    def seekable(self):
        return False

    def seek(self, *_args):
        raise io.UnsupportedOperation


def test_paths_of_an_archive_lead_nowhere(tmp_path):
    made = Stream()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("/etc/甲.csv", HEADING + LINES)
        archive.writestr("C:\\x\\乙.csv", HEADING + LINES)
    (tmp_path / "a.zip").write_bytes(made.getvalue())
    source = open_source(tmp_path / "a.zip", TABLE)
    assert sum(map(len, source.blocks())) == 4 and [name for _, name in source.parts] == ["甲.csv", "乙.csv"]


def test_files_of_one_name_are_told_apart_by_their_folders(tmp_path):
    deep = "/".join(["深"] * 40)
    paths = ["南山/名单.csv", "福田\\名单.csv", "罗湖/别的.csv", f"甲{deep}/长.csv", f"乙{deep}/长.csv"]
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for path in paths:
            archive.writestr(path, HEADING + LINES)
    source = open_source(tmp_path / "a.zip", TABLE)
    assert len(list(source.blocks())) == 5
    names = [name for _, name in source.parts]
    assert names[:3] == ["南山/名单.csv", "福田/名单.csv", "别的.csv"]
    assert names[3].startswith("4：") and names[3].endswith("深/长.csv") and len(set(names)) == 5


def test_two_entries_of_one_place(tmp_path):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("a.csv", HEADING + LINES)
        archive.writestr("b.csv", HEADING + LINES)
    content = bytearray(made.getvalue())
    second = content.rindex(b"PK\x01\x02")
    content[second + 42 : second + 46] = bytes(4)  # where its content begins
    (tmp_path / "a.zip").write_bytes(content)
    assert "打不开" in refused(tmp_path / "a.zip")


# --- workbooks --------------------------------------------------------------------------------------------------------


def made_by_hand(tmp_path, row, **more):
    return read(workbook(tmp_path / "a.xlsx", sheet(HEADER.replace("</row>", DAY + "</row>") + row), **more))


DAY = '<c r="C1" t="inlineStr"><is><t>日期</t></is></c>'
STYLES = {"xl/styles.xml": '<styleSheet><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs></styleSheet>'}


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ('<c r="C2"><f>A2</f></c>', UNCALCULATED),
        ('<c r="C2" t="str"><f>A2</f><v></v></c>', ""),
        ('<c r="C2"><f>A2</f><v></v></c>', UNCALCULATED),
        ('<c r="C2"><f>A2</f><v/></c>', UNCALCULATED),
        ('<c r="C2"><f>A2</f><v>7</v></c>', "7"),
        ('<c r="C2" t="e"><f>A2</f><v>#REF!</v></c>', "#REF!"),
        ('<c r="C2" t="e"><v>#N/A</v></c>', "#N/A"),
        ('<c r="C2" t="b"><v>1</v></c>', "TRUE"),
        ('<c r="C2" s="1"><v>-5</v></c>', "-5"),
        ('<c r="C2" s="1"><v>1</v></c>', "1900-01-01"),
        ('<c r="C2" s="1"><v>9999999999</v></c>', "9999999999"),
        ('<c r="C2" s="1"><v>inf</v></c>', "inf"),
        (f'<c r="C2" s="{"9" * 5_000}"><v>7</v></c>', "7"),
    ],
)
def test_cells_of_every_kind(tmp_path, cell, text):
    row = ROW.replace("</row>", cell + "</row>")
    assert made_by_hand(tmp_path, row, more=STYLES)[2] == ("001", "甲", text)


def test_a_character_whose_number_has_thousands_of_digits():
    assert unescaped(pl.Series(["&amp;", f"&#{'9' * 5_000};"])).str.head(3).to_list() == ["&", "&#9"]


def test_days_of_a_calendar_that_begins_in_1904(tmp_path):
    book = BOOK.replace("<sheets>", '<workbookPr date1904="1"/><sheets>')
    row = ROW.replace("</row>", '<c r="C2" s="1"><v>1</v></c></row>')
    assert made_by_hand(tmp_path, row, book=book, more=STYLES)[2][2] == "1904-01-02"


@pytest.mark.parametrize("number", ["-1", "5", "99999999999", "x"])
def test_a_text_that_is_not_there(tmp_path, number):
    row = ROW.replace("</row>", f'<c r="C2" t="s"><v>{number}</v></c><c r="D2"><f>1</f></c></row>')
    path = workbook(tmp_path / "a.xlsx", sheet(HEADER.replace("</row>", DAY + "</row>") + row))
    with pytest.raises(Refused, match="对不上号"):
        read(path)


def test_a_sheet_that_breaks_off(tmp_path):
    """Whole rows stand in it, and none says that more were to come."""
    many = "".join(ROW.replace('"2"', f'"{n}"').replace("A2", f"A{n}").replace("B2", f"B{n}") for n in range(2, 500))
    path = workbook(tmp_path / "a.xlsx", "<worksheet><sheetData>" + HEADER + many)
    with pytest.raises(Refused, match="打不开"):
        read(path)


@pytest.mark.parametrize("text", ["#REF!", "#NAME?", " #DIV/0! ", UNCALCULATED, "Err:502"])
def test_a_formula_that_failed_is_no_text(text):
    assert cells.read(cells.text(), text) == (None, cells.UNSOLVED)
    assert cells.read(cells.text(), f"甲{text}")[1] is None


def old_book(path, *, day=None, date_format=None, from_1904=False):
    book = xlwt.Workbook()
    book.dates_1904 = from_1904
    page = book.add_sheet("表")
    for at, name in enumerate(("代码", "名称", "日期")):
        page.write(0, at, name)
    page.write(1, 0, "001")
    page.write(1, 1, "甲")
    if day is not None:
        page.write(1, 2, day, xlwt.easyxf(num_format_str=date_format) if date_format else xlwt.Style.default_style)
    page.row(2).set_cell_text(0, "002")
    page.row(2).set_cell_error(1, 0x17)
    page.row(2).set_cell_boolean(2, True)
    book.save(str(path))
    return book


def test_old_workbooks_with_days_errors_and_booleans(tmp_path):
    old_book(tmp_path / "a.et", day=43832, date_format="yyyy-mm-dd")  # as WPS calls them
    assert read(tmp_path / "a.et") == {2: ("001", "甲", "2020-01-02"), 3: ("002", "#REF!", "TRUE")}
    old_book(tmp_path / "b.xls", day=43832.0)
    assert read(tmp_path / "b.xls")[2][2] == "43832"
    for date_format in (None, "yyyy-mm-dd"):
        old_book(tmp_path / "c.xls", day=43832 - 1462, date_format=date_format, from_1904=True)
        assert read(tmp_path / "c.xls")[2][2] == "2020-01-02"


def test_failed_formulas_of_old_workbooks_in_their_places(tmp_path):
    book = xlwt.Workbook()
    hidden, *pages = (book.add_sheet(name) for name in ("隐", "甲", "乙"))
    hidden.visibility = 1
    hidden.row(1).set_cell_error(1, 0x07)
    for page in pages:
        for at, name in enumerate(("代码", "名称", "日期")):
            page.write(2, at, name)
        for number in range(3, 400):  # more than a sector holds
            page.write(number, 0, f"{number:03d}")
            page.write(number, 1, "甲")
    pages[0].row(390).set_cell_error(2, 0x2A)
    pages[1].row(5).set_cell_error(2, 0x1D)
    book.save(str(tmp_path / "a.xls"))
    source = open_source(tmp_path / "a.xls", TABLE)
    odd = [(int(n), block.row(at)[2]) for block in source.blocks() for at, n in enumerate(block.numbers)]
    assert [each for each in odd if each[1]] == [(391, "#N/A"), (400 + 6, "#NAME?")]


@pytest.mark.parametrize(
    "failed", ['office:value-type="string" office:string-value=""', 'office:value-type="float" office:value="0"']
)
def test_failed_formulas_of_open_workbooks(tmp_path, failed):
    plain = 'office:value-type="string" table:number-columns-repeated="1"><text:p>'
    row = ods_row("001", "甲", "#DIV/0!").replace(f"{plain}#", f"{failed}><text:p>#")
    path = ods(tmp_path / "a.ods", ods_row("代码", "名称", "日期") + row + ods_row("002", "乙", "2020-01-02"))
    assert read(path) == {2: ("001", "甲", "#DIV/0!"), 3: ("002", "乙", "2020-01-02")}


def failed(file):
    return failed_cells(records_of(file))


def test_an_old_workbook_whose_sectors_lead_nowhere(tmp_path):
    old_book(tmp_path / "a.xls")
    content = (tmp_path / "a.xls").read_bytes()
    for at in (30, 44, 48, 68, 76):
        for bad in (b"\xff\xff", b"\x00\x00", b"\x09\x00"):
            assert failed(content[:at] + bad + content[at + 2 :]) in ({}, failed(content))
    assert failed(content[:600]) == {} == failed(b"")


def test_old_workbooks_that_are_locked_or_hold_macros(tmp_path):
    content = old_book(tmp_path / "a.xls").get_biff_data()
    begun = 4 + int.from_bytes(content[2:4], "little")
    locked = content[:begun] + b"\x2f\x00\x06\x00" + b"\x01\x00\x01\x00\x01\x00" + content[begun:]
    with (tmp_path / "locked.xls").open("wb") as file:
        XlsDoc().save(file, locked)
    assert "打开密码" in refused(tmp_path / "locked.xls")
    macros = (tmp_path / "a.xls").read_bytes() + "_VBA_PROJECT_CUR".encode("utf-16-le")
    (tmp_path / "macros.xls").write_bytes(macros)
    assert "含宏" in refused(tmp_path / "macros.xls")


def test_a_header_merged_over_two_rows(tmp_path):
    book = openpyxl.Workbook()
    for row in (["代码", "基本情况", None], [None, "名称", "日期"], ["001", "甲", "2020-01-02"], ["002", "乙", None]):
        book.active.append(row)
    book.active.merge_cells("A1:A2")
    book.active.merge_cells("B1:C1")
    book.save(tmp_path / "a.xlsx")
    assert read(tmp_path / "a.xlsx") == {3: EXPECTED[2], 4: EXPECTED[3]}
