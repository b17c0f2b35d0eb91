"""Files that cost time or memory by their shape: refused in words, or read in a time that grows as they do."""

import time
import zipfile

import pytest
import xlwt

from tables.readers import Refused, xlsx
from tests.tables.hostile import BOOK, HEADER, PADDING, ROW, SECONDS, answer, read, sheet, workbook

WIDE = [f"列{number}" for number in range(990)]
HEADING = "代码,名称\n001,甲\n"


@pytest.mark.parametrize("begun", ['<row r="3" x="', "<!--", "<?x "])
def test_a_tag_without_an_end(tmp_path, begun):
    """The parser begins anew at what is open with each piece: twenty megabytes of one tag would take minutes."""
    path = workbook(tmp_path / "a.xlsx", "<worksheet><sheetData>" + HEADER + ROW + begun + "A" * 30_000_000)
    started = time.monotonic()
    assert "打不开" in read(path)[0]
    assert time.monotonic() - started < SECONDS / 2


@pytest.mark.parametrize(("line", "rows"), [("\n", []), ("7\n", [[2, "7"]])])
def test_short_lines_under_a_wide_header(tmp_path, line, rows):
    (tmp_path / "a.csv").write_text(",".join(["代码", "名称", *WIDE]) + "\n" + line * 40_000)
    said, found = read(tmp_path / "a.csv")
    assert said == "" and found[:1] == rows


def test_short_rows_under_a_wide_header(tmp_path):
    header = "".join(f"<c><v>{name}</v></c>" if name in WIDE else "" for name in WIDE)
    header = HEADER.replace("</row>", header.replace("<c>", '<c t="str">') + "</row>")
    rows = "".join(f'<row r="{number}"><c r="A{number}"><v>7</v></c></row>' for number in range(2, 40_000))
    path = workbook(tmp_path / "a.xlsx", sheet(header + rows))
    said, found = read(path)
    assert said == "" and found[0] == [2, "7"]


def test_ten_million_blank_lines(tmp_path):
    with (tmp_path / "a.csv").open("w") as file:
        file.write("代码,名称\n001,甲\n")
        for _ in range(10):
            file.write("\n" * 1_000_000)
        file.write("002,乙\n")
    assert read(tmp_path / "a.csv") == ("", [[2, "001"], [10_000_003, "002"]])


def test_half_a_character_in_an_escape(tmp_path):
    path = workbook(tmp_path / "a.xlsx", sheet(HEADER + ROW.replace("001", "0_xDFFF_1").replace("甲", "甲_xD800_")))
    assert read(path) == ("", [[2, "0\ufffd1"]])


def test_thirty_two_bits_a_character(tmp_path):
    (tmp_path / "a.csv").write_bytes("代码,名称\n001,甲\n".encode("utf-32"))
    assert read(tmp_path / "a.csv") == ("", [[2, "001"]])


def test_many_rows_without_a_cell(tmp_path):
    rows = "".join(f'<row r="{number}"></row>' for number in range(3, 300_000))
    assert read(workbook(tmp_path / "a.xlsx", sheet(HEADER + ROW + rows)))[1][0] == [2, "001"]


# --- workbooks --------------------------------------------------------------------------------------------------------


def test_an_old_workbook_with_a_cell_in_the_far_corner(tmp_path):
    for name, row, column in (("near", 20, 20), ("far", 65_535, 255)):
        book = xlwt.Workbook()
        page = book.add_sheet("表")
        for at, cells in enumerate([("代码", "名称"), ("001", "甲")]):
            page.write(at, 0, cells[0])
            page.write(at, 1, cells[1])
        page.write(row, column, "x")
        book.save(str(tmp_path / f"{name}.xls"))
    assert read(tmp_path / "near.xls") == ("", [[2, "001"]])
    said, rows = read(tmp_path / "far.xls")
    assert "离数据很远" in said and not rows


def test_an_old_workbook_that_claims_to_be_huge(tmp_path):
    """The dimensions it states are believed by the library: what it asks for then ends a process."""
    book = xlwt.Workbook()
    page = book.add_sheet("表")
    for number in range(99):
        page.write(number, 0, "代码")
    book.save(str(tmp_path / "a.xls"))
    content = (tmp_path / "a.xls").read_bytes()
    at = content.index(b"\x00\x02\x0e\x00")
    (tmp_path / "a.xls").write_bytes(content[: at + 8] + b"\xff\xff\xff\x0f" + content[at + 12 :])
    said, rows = read(tmp_path / "a.xls")
    assert said and not rows


DEEP = "<a>" * 2_000_000


@pytest.mark.parametrize("part", ["sheet", "shared", "styles", "workbook", "types", "relations"])
def test_elements_within_elements(tmp_path, part):
    more = {"shared": {"xl/sharedStrings.xml": "<sst><si>" + DEEP}, "styles": {"xl/styles.xml": "<styleSheet>" + DEEP}}
    path = workbook(
        tmp_path / "a.xlsx",
        sheet(HEADER + DEEP if part == "sheet" else HEADER + ROW),
        types=DEEP if part == "types" else "",
        prolog=DEEP if part == "relations" else "",
        book="<workbook>" + DEEP if part == "workbook" else BOOK,
        more=more.get(part, {}) | PADDING,
    )
    assert "层层嵌套" in read(path)[0]


@pytest.mark.parametrize(
    ("inside", "said"),
    [
        ("<a/>" * 3_000_000, ""),
        ('<cellXfs><xf numFmtId="14"/>' + "<xf/>" * 1_000_000 + "</cellXfs>", "格式多得不正常"),
        ("".join(f'<numFmt numFmtId="{n}" formatCode="yyyy{n}"/>' for n in range(100_000)), "格式多得不正常"),
        ('<numFmt numFmtId="200" formatCode="' + "[" * 1_900_000 + '"/><cellXfs><xf numFmtId="200"/></cellXfs>', ""),
        ('<cellXfs><xf numFmtId="' + "9" * 5_000 + '"/></cellXfs>', ""),
        (" " * 33_600_000, "大得不正常"),
    ],
)
def test_styles_of_many_megabytes(tmp_path, inside, said):
    more = {"xl/styles.xml": f"<styleSheet>{inside}</styleSheet>"} | PADDING
    told, rows = read(workbook(tmp_path / "a.xlsx", sheet(), more=more))
    assert (said in told and not rows) if said else (told, rows) == ("", [[2, "001"]])


def test_three_hundred_thousand_sheets(tmp_path):
    sheets = "".join(f'<sheet name="{n}" sheetId="{n}" r:id="rId1"/>' for n in range(300_000))
    book = BOOK.replace("<sheets>", "<sheets>" + sheets)
    assert "超过 1,000 张工作表" in read(workbook(tmp_path / "a.xlsx", sheet(), book=book, more=PADDING))[0]
    few = BOOK.replace("<sheets>", "<sheets>" + '<sheet name="x" sheetId="9" r:id="rId1"/>' * 900)
    assert read(workbook(tmp_path / "b.xlsx", sheet(), book=few)) == ("", [[2, "001"]]), "a part is one sheet only"


@pytest.mark.parametrize(
    "row",
    [
        "<row/>",
        '<row r="{}"/>',
        '<row r="{}" spans="1:2" s="1" customFormat="1" ht="14.25" customHeight="1" x14ac:dyDescent="0.2"/>',
    ],
)
def test_rows_without_an_end_tag(tmp_path, row):
    """As somebody leaves them who has given a format to whole sheets: far more than one row may take."""
    empty = "".join(row.format(number) for number in range(3, 400_000))
    last = ROW.replace("001", "002").replace('"2"', '"400000"').replace("A2", "A400000").replace("B2", "B400000")
    path = workbook(tmp_path / "a.xlsx", sheet(HEADER + ROW + empty + last), more=PADDING)
    assert read(path) == ("", [[2, "001"], [400_000, "002"]])


def test_more_rows_than_there_are(tmp_path):
    path = workbook(tmp_path / "b.xlsx", sheet(HEADER + "<row/>" * 1_100_000), more=PADDING)
    assert "超过 Excel 的上限" in read(path)[0]


def test_merged_cells_over_each_other(tmp_path):
    """No spreadsheet makes them: filling each of them down would take hours."""
    rows = "".join(f'<row r="{n}"><c r="A{n}"><v>{n}</v></c></row>' for n in range(2, 60_000))
    merges = "".join(f'<mergeCell ref="B{n}:B1048576"/>' for n in range(2, 60_000))
    content = sheet(HEADER + ROW + rows.partition("</row>")[2])
    content = content.replace("</sheetData>", f"</sheetData><mergeCells>{merges}</mergeCells>")
    assert read(workbook(tmp_path / "a.xlsx", content))[1][:2] == [[2, "001"], [3, "3"]]


def test_texts_without_number(tmp_path, monkeypatch):
    monkeypatch.setattr(xlsx, "SHARED_COUNT", 1_000)
    many = {"xl/sharedStrings.xml": "<sst>" + "<si/>" * 1_001 + "</sst>"}
    path = workbook(tmp_path / "a.xlsx", sheet(), more=many)
    with zipfile.ZipFile(path) as package, pytest.raises(Refused, match="文字太多"):
        xlsx.xlsx_readers(package)


def test_one_text_of_many_megabytes(tmp_path):
    one = {"xl/sharedStrings.xml": f"<sst><si><t>{'长' * 20_000_000}</t></si></sst>"} | PADDING
    row = HEADER + ROW.replace('t="inlineStr"><is><t>甲</t></is>', 't="s"><v>0</v>')
    assert read(workbook(tmp_path / "b.xlsx", sheet(row), more=one)) == ("", [[2, "001"]])


def test_workbooks_in_an_archive_come_to_no_more_than_one(tmp_path):
    """Each is within its bounds, and packs to almost nothing once more."""
    inner = workbook(tmp_path / "in.xlsx", sheet() + " " * 39_000_000).read_bytes()
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(150):
            archive.writestr(f"{number}.xlsx", inner)
    assert "大得不正常" in read(tmp_path / "a.zip")[0]


# --- text -------------------------------------------------------------------------------------------------------------


def text(path, pieces, times):
    with path.open("w", newline="") as file:
        file.write(HEADING)
        for _ in range(times):
            file.write(pieces)
    return path


@pytest.mark.parametrize(
    ("line", "times", "said", "count"),
    [
        ("\n", 4, "", 1),
        ("\r\n", 4, "", 1),
        ("\r", 4, "", 1),
        ("x\n", 3, "", 3_000_001),
        ('"",\n', 1, "", 1),
        ('"\n', 2, "", None),
        ('"x\n', 2, "引号", None),
    ],
)
def test_millions_of_short_lines(tmp_path, line, times, said, count):
    found = answer(text(tmp_path / "a.csv", line * 1_000_000, times))
    assert said in found["said"] and found["rows"][0] == [2, "001"]
    assert count is None or found["count"] == count


def test_a_hundred_and_fifty_megabytes_of_blank_lines(tmp_path):
    found = answer(text(tmp_path / "a.csv", "\n" * 5_000_000, 30))
    assert (found["said"], found["rows"]) == ("", [[2, "001"]])


@pytest.mark.parametrize("line", ["7\n", "\n", ",,\n"])
def test_short_lines_in_number_under_a_thousand_columns(tmp_path, line):
    with (tmp_path / "a.csv").open("w") as file:
        file.write(",".join(["代码", "名称", *WIDE]) + "\n")
        for _ in range(5):
            file.write(line * 100_000)
    found = answer(tmp_path / "a.csv")
    assert found["said"] == "" and found["count"] == (500_000 if line == "7\n" else 0)


def test_a_cell_of_a_hundred_megabytes(tmp_path):
    with (tmp_path / "a.csv").open("w") as file:
        file.write(HEADING + '002,"')
        for _ in range(100):
            file.write("长" * 300_000)
        file.write('"\n')
    assert "长得不正常" in read(tmp_path / "a.csv")[0]


@pytest.mark.parametrize("begun", [b"MZ\x90\x00\x03", b"\x7fELF\x02\x01\x01\x00"])
def test_a_program_under_the_name_of_a_table(tmp_path, begun):
    (tmp_path / "名册.xlsx").write_bytes(begun + b"\0" * 2_000)
    assert "这是程序" in read(tmp_path / "名册.xlsx")[0]
    (tmp_path / "名册.csv").write_text("MZ,代码,名称\n1,001,甲\n")
    assert read(tmp_path / "名册.csv")[0] == ""
