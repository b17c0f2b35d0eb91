"""Files made to hurt: each is refused in words or read for what it holds, quickly and in little memory."""

import io
import zipfile

import pytest
import xlsxwriter
from xlwt.CompoundDoc import XlsDoc

from tables.readers import package
from tests.tables.hostile import HEADER, PADDING, ROW, TYPES, ods, ods_row, read, sheet, workbook


def test_the_workbook_built_here_is_read(tmp_path):
    assert read(workbook(tmp_path / "a.xlsx", sheet())) == ("", [[2, "001"]])


# --- bombs ------------------------------------------------------------------------------------------------------------


def test_bomb_by_ratio(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", TYPES.format(""))
        with archive.open("xl/worksheets/sheet1.xml", "w") as part:
            for _ in range(200):
                part.write(b"0" * 1_000_000)
    assert "解压后大得不正常" in read(tmp_path / "a.xlsx")[0]


def test_bomb_by_size_that_lies_about_it(tmp_path):
    """The stated size is small, what comes out is not: reading stops at what was stated."""
    path = workbook(tmp_path / "a.xlsx", sheet() + " " * 40_000_000)
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        size = archive.getinfo("xl/worksheets/sheet1.xml").file_size
    content = content.replace(size.to_bytes(4, "little"), (1000).to_bytes(4, "little"))
    path.write_bytes(content)
    assert "打不开" in read(path)[0]


def test_bomb_by_absolute_size(tmp_path, monkeypatch):
    monkeypatch.setattr(package, "UNPACKED_LIMIT", 1_000_000)
    from tables.readers import Refused

    path = workbook(tmp_path / "a.xlsx", sheet(), more={"xl/media/a.bin": bytes(2_000_000)}, packing=zipfile.ZIP_STORED)
    with path.open("rb") as file, pytest.raises(Refused, match="解压后大得不正常"):
        package.open_package(file, package.Allowance(file))


def test_archive_in_an_archive(tmp_path):
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("a.csv", "代码,名称\n001,甲\n")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("ok.csv", "代码,名称\n001,甲\n")
        archive.writestr("in.zip", inner.getvalue())
    assert "压缩包里还有压缩包" in read(tmp_path / "a.zip")[0]


def test_hundred_thousand_entries(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for number in range(100_000):
            archive.writestr(zipfile.ZipInfo(f"{number}.csv"), b"")
    assert "超过 5,000 个文件" in read(tmp_path / "a.zip")[0]


LAUGHS = (
    '<!DOCTYPE x [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True))
    + "]>"
)
OUTSIDE = '<!DOCTYPE x [<!ENTITY i SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize("prolog", [LAUGHS, OUTSIDE])
@pytest.mark.parametrize("part", ["sheet", "shared", "styles", "workbook"])
def test_entities_are_refused_wherever_they_stand(tmp_path, prolog, part):
    rows = HEADER + ROW.replace("001", "&i;") if part == "sheet" else HEADER + ROW
    more = {
        "shared": {"xl/sharedStrings.xml": f"{prolog}<sst><si><t>&i;</t></si></sst>"},
        "styles": {"xl/styles.xml": f"{prolog}<styleSheet>&i;</styleSheet>"},
    }.get(part)
    content = sheet(rows, prolog=prolog if part == "sheet" else "")
    path = workbook(tmp_path / "a.xlsx", content, prolog=prolog if part == "workbook" else "", more=more)
    said, rows = read(path)
    assert "DOCTYPE" in said and not rows


# --- dimensions -------------------------------------------------------------------------------------------------------


def test_a_dimension_that_lies_is_not_believed(tmp_path):
    path = workbook(tmp_path / "a.xlsx", sheet(before='<dimension ref="A1:XFD20000000"/>'))
    assert read(path) == ("", [[2, "001"]])


def test_one_cell_in_the_last_corner(tmp_path):
    corner = '<row r="1048576"><c r="A1048576"><v>7</v></c><c r="XFD1048576"><v>1</v></c></row>'
    assert read(workbook(tmp_path / "a.xlsx", sheet(HEADER + ROW + corner))) == ("", [[2, "001"], [1_048_576, "7"]])


def test_rows_beyond_the_last_and_rows_that_go_back(tmp_path):
    rows = HEADER + ROW + ROW.replace("001", "002") + ROW.replace('r="2"', 'r="9999999"').replace("001", "003")
    assert read(workbook(tmp_path / "a.xlsx", sheet(rows))) == ("", [[2, "001"], [3, "002"], [4, "003"]])


def test_sixteen_thousand_columns(tmp_path):
    book = xlsxwriter.Workbook(str(tmp_path / "a.xlsx"))
    page = book.add_worksheet()
    page.write_row(0, 0, ["代码", "名称", *(f"列{number}" for number in range(16_382))])
    page.write_row(1, 0, ["001", "甲"])
    book.close()
    assert "超过 1,000 列" in read(tmp_path / "a.xlsx")[0]
    text = ",".join(["代码", "名称", *(f"列{number}" for number in range(16_382))]) + "\n001,甲\n"
    (tmp_path / "a.csv").write_text(text)
    assert "超过 1,000 列" in read(tmp_path / "a.csv")[0]


def test_one_long_text_in_every_cell(tmp_path):
    shared = f"<sst><si><t>{'长' * 32_000}</t></si></sst>"
    cells = "".join(
        f'<row r="{n}"><c r="A{n}" t="s"><v>0</v></c><c r="B{n}" t="s"><v>0</v></c></row>' for n in range(2, 30_000)
    )
    said, rows = read(workbook(tmp_path / "a.xlsx", sheet(HEADER + cells), more={"xl/sharedStrings.xml": shared}))
    assert said == "" and rows[0] == [2, "长" * 20]


def test_a_row_without_end(tmp_path):
    rows = HEADER + ROW + '<row r="3">' + '<c r="A3"><v>1</v></c>' * 1_800_000 + "</row>"
    path = workbook(tmp_path / "b.xlsx", sheet(rows), more=PADDING)
    assert "大得不正常" in read(path)[0]


def test_ods_that_repeats_a_cell_a_billion_times(tmp_path):
    rows = ods_row("代码", "名称") + ods_row("001", "甲")
    assert read(ods(tmp_path / "a.ods", rows)) == ("", [[2, "001"]])
    everywhere = ods_row("代码", rows=1_048_576, columns=16_384)
    assert "打不开" in read(ods(tmp_path / "b.ods", everywhere))[0]
    long = ods_row("长" * 30_000, rows=1_000, columns=1_000)
    assert "系统读不下" in read(ods(tmp_path / "c.ods", rows + long))[0]


# --- what it is not ---------------------------------------------------------------------------------------------------


def test_macros(tmp_path):
    kind = '<Override PartName="/xl/workbook.xml" ContentType="application/vnd.ms-excel.sheet.macroEnabled.main+xml"/>'
    assert "含宏" in read(workbook(tmp_path / "a.xlsx", sheet(), types=kind))[0]
    assert "含宏" in read(workbook(tmp_path / "b.xlsx", sheet(), more={"xl/vbaProject.bin": b"x"}))[0]
    assert "二进制工作簿" in read(workbook(tmp_path / "c.xlsx", sheet(), more={"xl/workbook.bin": b"x"}))[0]


def test_locked(tmp_path):
    stream = XlsDoc()
    made = io.BytesIO()
    stream.save(made, b"x" * 9000)
    locked = made.getvalue().replace("Workbook".encode("utf-16-le"), "EncryptedPackage".encode("utf-16-le")[:16])
    (tmp_path / "a.xlsx").write_bytes(locked + "EncryptedPackage".encode("utf-16-le"))
    assert "打开密码" in read(tmp_path / "a.xlsx")[0]
    path = workbook(tmp_path / "b.zip", sheet())
    content = bytearray(path.read_bytes())
    at = content.find(b"PK\x01\x02")
    content[at + 8] |= 1  # the flag of an entry that is encrypted
    path.write_bytes(content)
    assert "打开密码" in read(path)[0]


CSV = "代码,名称\n001,甲\n".encode()


@pytest.mark.parametrize(
    ("name", "content", "part"),
    [
        ("page.xls", b"<html><table><tr><td>x</td></tr></table></html>", "网页"),
        ("page.xls", b'<?xml version="1.0"?><Workbook/>', "网页"),
        ("a.xlsx", b"", "空"),
        ("a.csv", "代码,名称\n".encode(), ""),
        ("a.csv", bytes(5_000_000), "没有找到"),
        ("a.csv", bytes(range(256)) * 20_000, ""),
        ("a.csv", b"PK\x03\x04" + bytes(range(256)) * 100, "打不开"),
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(range(256)) * 100, "打不开"),
        ("a.csv", b"%PDF-1.7\n" + CSV, "PDF"),
        ("a.csv", b"GIF89a," + CSV, "图片"),
        ("a.gz", b"\x1f\x8b\x08" + bytes(99), "zip"),
    ],
)
def test_mislabelled_empty_and_junk(tmp_path, name, content, part):
    path = tmp_path / name
    path.write_bytes(content)
    said, rows = read(path)
    assert part in said and not rows


def test_what_it_holds_counts_not_its_name(tmp_path):
    workbook(tmp_path / "a.csv", sheet())
    (tmp_path / "b.xls").write_bytes(CSV)
    (tmp_path / "c.csv").write_bytes(b"\x00" + CSV.replace(b"001", b"0\x0001") + CSV[-8:] * 9)
    for name in ("a.csv", "b.xls"):
        assert read(tmp_path / name) == ("", [[2, "001"]])
    assert read(tmp_path / "c.csv")[1][:2] == [[2, "0\x0001"], [3, "001"]]


def test_one_line_without_end(tmp_path):
    with (tmp_path / "a.csv").open("wb") as file:
        file.write(CSV)
        for _ in range(100):
            file.write(b"x" * 1_000_000)
    assert "长得不正常" in read(tmp_path / "a.csv")[0]


def test_cut_off(tmp_path):
    content = workbook(tmp_path / "a.xlsx", sheet(HEADER + ROW * 2000)).read_bytes()
    (tmp_path / "a.xlsx").write_bytes(content[: len(content) // 2])
    assert "打不开" in read(tmp_path / "a.xlsx")[0]
    broken = workbook(tmp_path / "b.xlsx", sheet()[:-60])
    assert "打不开" in read(broken)[0] or read(broken)[1] == []


def test_an_archive_before_a_table_is_an_archive(tmp_path):
    """A polyglot: text in front, an archive behind. It is read for what its beginning says, once."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("b.csv", "代码,名称\n999,乙\n")
    (tmp_path / "a.csv").write_bytes(CSV + b"002,x\n" + made.getvalue().replace(b"\n", b" "))
    said, rows = read(tmp_path / "a.csv")
    assert said or rows[:2] == [[2, "001"], [3, "002"]]
