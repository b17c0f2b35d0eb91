"""Forms are filled where they stand: ugly real ones keep their look, hostile ones are refused with a sentence."""

import io
import zipfile
from datetime import date, datetime
from decimal import Decimal

import openpyxl
import pytest

from tables import workbooks
from tables.workbooks import Extra, Refused, filled, look, open_workbook, read_address, write
from tables.workbooks.guard import FILE_LIMIT
from tests import workbook_files as files

FIRST = "表一 情况"


def through(content: bytes, values: dict, extra: Extra | None = None) -> bytes:
    book = open_workbook(io.BytesIO(content))
    return filled(book, [look(book, part) for part in book.sheets], values, extra)


def sheet_of(content: bytes, number: int = 0) -> workbooks.Sheet:
    book = open_workbook(io.BytesIO(content))
    return look(book, book.sheets[number])


def parts(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        return {name: package.read(name) for name in package.namelist()}


# --- what is kept -----------------------------------------------------------------------------------------------------


def test_only_the_filled_cells_differ_and_everything_around_them_stays():
    before = files.ugly()
    after = through(
        before, {FIRST: {(5, 2): 12, (5, 4): Decimal("0.8260"), (2, 5): date(2026, 11, 1), (2, 2): "南山区委"}}
    )
    sheet, was = files.opened(after)[FIRST], files.opened(before)[FIRST]
    assert (sheet["B5"].value, sheet["D5"].value, sheet["B2"].value) == (12, 0.826, "南山区委")
    assert sheet["E2"].value.date() == date(2026, 11, 1) and sheet["E2"].number_format == "yyyy-mm-dd"
    assert sheet["D5"].number_format == "0.0%" and sheet["B5"].border.left.style == "thin"
    assert sheet["B6"].value == 999  # not asked for
    assert sheet["B7"].value == "=SUM(B5:B6)"
    assert sheet.merged_cells.ranges == was.merged_cells.ranges and sheet.print_area == was.print_area
    assert sheet["A1"].font.name == "方正小标宋简体" and sheet.data_validations.count == 1
    assert files.opened(after)["表二"].protection.sheet and files.opened(after)["字典"].sheet_state == "hidden"
    told, kept = parts(after), parts(before)
    assert told.keys() == kept.keys()
    changed = {name for name in kept if told[name] != kept[name]}
    assert changed == {"xl/worksheets/sheet1.xml", "xl/workbook.xml", "xl/worksheets/sheet3.xml"}  # a formula's result


def test_formulas_lose_what_they_came_to_before_and_are_worked_out_on_opening():
    rows = (
        '<sheetData><row r="1"><c r="A1"><v>1</v></c><c r="B1" t="str"><f>A1&amp;"户"</f><v>1户</v></c>'
        '<c r="C1"><f t="shared" ref="C1:C2" si="0">A1*2</f><v>2</v></c></row>'
        '<row r="2"><c r="C2"><f t="shared" si="0"/><v>4</v></c></row></sheetData>'
    )
    after = through(files.with_rows(files.simple(), rows), {"表一": {(1, 1): 7}})
    xml = parts(after)["xl/worksheets/sheet1.xml"].decode()
    assert xml.count("<v>") == 1 and "<v>7</v>" in xml and 't="str"' not in xml
    assert '<c r="C2"><f t="shared" si="0"/></c>' in xml
    assert files.opened(after).calculation.fullCalcOnLoad


def test_texts_are_never_formulas_and_what_xml_cannot_hold_is_left_out():
    after = through(files.simple(), {"表一": {(3, 1): '=HYPERLINK("http://x")', (4, 1): "a\x00<b>&_x0041_"}})
    sheet = files.opened(after)["表一"]
    assert (sheet["A3"].value, sheet["A3"].data_type) == ('=HYPERLINK("http://x")', "s")
    assert sheet["A4"].value.replace("_x005F_", "_") == "a<b>&_x0041_"


@pytest.mark.parametrize(
    "rows",
    [
        "<sheetData/>",
        "<sheetData></sheetData>",
        '<sheetData><row r="2"/></sheetData>',
        '<sheetData><row r="2" ht="30" customHeight="1"></row><row r="9"><c r="A9"/></row></sheetData>',
        '<sheetData><row><c><v>1</v></c></row><row><c><v>1</v></c><c r="D2"><v>4</v></c></row></sheetData>',
        "<sheetData><row r='2'><c r='A2' t='inlineStr'><is><t>甲 &gt; 乙</t></is></c></row></sheetData>",
    ],
)
def test_cells_and_rows_that_are_not_written_are_put_where_they_belong(rows):
    values = {(2, 2): 5, (1, 3): 6, (5, 1): 7, (2, 3): 8}
    after = through(files.with_rows(files.simple(), rows), {"表一": values})
    sheet = files.opened(after)["表一"]
    assert {place: sheet.cell(*place).value for place in values} == values
    again = sheet_of(after)
    assert list(again.rows) == sorted(again.rows)


def test_a_sheet_written_with_prefixes_is_filled_too():
    def prefixed(data: bytes) -> bytes:
        return (
            b'<x:worksheet xmlns:x="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><x:sheetData>'
            b'<x:row r="1"><x:c r="B1"><x:v>1</x:v></x:c></x:row></x:sheetData></x:worksheet>'
        )

    after = through(files.with_sheet(files.simple(), prefixed), {"表一": {(1, 1): 3, (1, 2): 4, (2, 2): "字"}})
    sheet = files.opened(after)["表一"]
    assert [sheet["A1"].value, sheet["B1"].value, sheet["B2"].value] == [3, 4, "字"]


def test_a_further_sheet_comes_last_and_its_cells_are_texts_and_numbers():
    extra = Extra("数据来源", (10, 20), [["格子", "值"], ["B5", 12], ["=1+1", None]])
    book = files.opened(through(files.ugly(), {}, extra))
    assert book.sheetnames == [FIRST, "表二", "字典", "数据来源"]
    assert [[cell.value for cell in row] for row in book["数据来源"]] == [["格子", "值"], ["B5", 12], ["=1+1", None]]
    assert book["数据来源"]["A3"].data_type == "s"
    assert book[FIRST].print_area == "'表一 情况'!$A$1:$E$7"


def test_styles_of_rows_and_columns_reach_cells_that_are_not_written():
    rows = '<sheetData><row r="2" s="1" customFormat="1"/><row r="3"/></sheetData>'
    columns = b'<cols><col min="2" max="3" width="9" style="2"/></cols><sheetData>'
    content = files.with_sheet(
        files.with_rows(files.simple(), rows), lambda data: data.replace(b"<sheetData>", columns)
    )
    sheet = sheet_of(content)
    assert [sheet.style(place) for place in ((2, 2), (3, 2), (3, 4))] == ["1", "2", ""]


def test_days_are_counted_from_1904_where_the_workbook_does():
    book = openpyxl.Workbook()
    book.epoch = datetime(1904, 1, 1)
    book.active["A1"] = date(2020, 1, 1)
    sheet = files.opened(through(files.saved(book), {"Sheet": {(1, 1): date(2026, 10, 31)}})).active
    assert sheet["A1"].value.date() == date(2026, 10, 31)


def test_strict_workbooks_get_a_further_sheet_in_their_own_words():
    def strict(_: str, data: bytes) -> bytes:
        for ours, theirs in ((write.MAIN, write.STRICT_MAIN), (write.OFFICE, write.STRICT_OFFICE)):
            data = data.replace(ours.encode(), theirs.encode())
        return data

    after = through(files.repacked(files.simple(), strict), {"表一": {(2, 1): 5}}, Extra("数据来源", (9,), [["字"]]))
    book = open_workbook(io.BytesIO(after))
    sheets = workbooks.look_through(book)
    assert [sheet.name for sheet in sheets] == ["表一", "数据来源"]
    assert (sheets[0].spots[2, 1].text, sheets[1].spots[1, 1].text) == ("5", "字")
    assert write.STRICT_MAIN.encode() in sheets[1].data and write.MAIN.encode() not in sheets[1].data


def test_a_row_that_gets_a_cell_more_says_no_longer_which_columns_it_has():
    rows = '<sheetData><row r="1" spans="1:1"><c r="A1"/></row><row spans="1:2" r="2"/></sheetData>'
    after = through(files.with_rows(files.simple(), rows), {"表一": {(1, 4): 1, (2, 4): 2}})
    assert b"spans" not in parts(after)["xl/worksheets/sheet1.xml"]
    assert [files.opened(after)["表一"].cell(row, 4).value for row in (1, 2)] == [1, 2]


# --- what can be filled -----------------------------------------------------------------------------------------------


def test_formulas_and_what_merging_covers_cannot_be_filled():
    sheet = sheet_of(files.ugly())
    assert "公式" in sheet.why_not((7, 2)) and "A1" in sheet.why_not((1, 3))
    assert sheet.why_not((1, 1)) == sheet.why_not((5, 2)) == sheet.why_not((900, 9)) == ""
    assert "1,000 行" in sheet.why_not((1001, 1)) and "200 列" in sheet.why_not((1, 201))
    rows = '<sheetData><row r="1"><c r="A1"><f t="array" ref="A1:A3">B1:B3*2</f><v>1</v></c></row></sheetData>'
    assert "公式" in sheet_of(files.with_rows(files.simple(), rows)).why_not((3, 1))


def test_headings_and_totals_of_a_table_object_cannot_be_filled_and_what_stands_between_can():
    sheet = sheet_of(files.with_table("B2:C5", totalsRowCount=1))
    for place in ((2, 2), (2, 3), (5, 2)):
        assert "标题行或汇总行" in sheet.why_not(place) and "转换为区域" in sheet.why_not(place)
    assert [sheet.why_not(place) for place in ((3, 2), (4, 3), (2, 1), (2, 4), (6, 2))] == [""] * 5
    bare = sheet_of(files.with_table("B2:C5", headerRowCount=0))
    assert bare.why_not((2, 2)) == bare.why_not((5, 2)) == ""


@pytest.mark.parametrize(
    ("text", "place"),
    [("B7", (7, 2)), ("$b$7", (7, 2)), ("XFD1048576", (1048576, 16384)), ("XFE1", None), ("A0", None), ("A1:B2", None),
     ("", None), ("7", None)],
)  # fmt: skip
def test_addresses_are_read_as_people_write_them(text, place):
    assert read_address(text) == place and (place is None or read_address(workbooks.address(place)) == place)


# --- what is refused --------------------------------------------------------------------------------------------------


def refused(content: bytes) -> str:
    with pytest.raises(Refused) as told:
        book = open_workbook(io.BytesIO(content))
        for part in book.sheets:
            look(book, part)
    return str(told.value)


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("externalLink", "其他工作簿"), ("oleObject", "嵌入的对象"), ("package", "嵌入的文件"), ("control", "控件"),
        ("connections", "外部数据连接"), ("xlMacrosheet", "宏表"), ("vbaProject", "宏"),
    ],
)  # fmt: skip
def test_parts_that_act_by_themselves_are_refused(kind, told):
    assert told in refused(files.with_relation(files.simple(), kind))


def test_what_lies_outside_the_file_is_refused_and_links_to_click_are_not():
    assert "外部" in refused(files.with_relation(files.simple(), "image", "http://x.example/a.png", "External"))
    open_workbook(io.BytesIO(files.with_relation(files.simple(), "hyperlink", "http://x.example/", "External")))


@pytest.mark.parametrize(
    "formula",
    [
        'WEBSERVICE("http://x")',
        '_xlfn.WEBSERVICE("http://x")',
        "cmd|'/c calc'!A0",
        '1+IMAGE("http://x")',
        'RTD("a","","b")',
        "[1]表一!A1",
        "SUM([1]表一:表三!A1)",
        r"1+'\\host\share\[别处.xlsx]it''s'!A1",
    ],
)
def test_formulas_that_reach_out_are_refused_wherever_they_stand(formula):
    text = formula.replace('"', "&quot;")
    cell = files.with_rows(files.simple(), f'<sheetData><row r="1"><c r="A1"><f>{text}</f></c></row></sheetData>')
    condition = files.with_sheet(
        files.simple(),
        lambda data: data.replace(
            b"</sheetData>",
            f'</sheetData><conditionalFormatting sqref="A1"><cfRule type="expression" priority="1"><formula>{text}'
            "</formula></cfRule></conditionalFormatting>".encode(),
        ),
    )
    name = files.with_sheet(
        files.simple(),
        lambda data: data.replace(
            b"</sheets>", f'</sheets><definedNames><definedName name="n">{text}</definedName></definedNames>'.encode()
        ),
        part="xl/workbook.xml",
    )
    for content in (cell, condition, name):
        assert "不接收" in refused(content)


def test_words_that_only_look_like_such_formulas_are_no_reason():
    for formula in (
        '"WEBSERVICE(x) a|b"&amp;SUM(B1:B2)',
        "SUM(情况[数量])*'表 二'!A1+表三!B1",
        "\"'[1]表'!\"&amp;'it''s'!A1",
        "情况[[#This Row],[数量]]",
    ):
        rows = f'<sheetData><row r="1"><c r="A1"><f>{formula}</f></c></row></sheetData>'
        assert sheet_of(files.with_rows(files.simple(), rows)).why_not((1, 1))


def test_two_sheets_of_one_name_are_refused():
    book = openpyxl.Workbook()
    book.active.title, book.create_sheet("表乙").title = "A1", "b1"
    twice = files.with_sheet(files.saved(book), lambda data: data.replace(b'"b1"', b'"a1"'), part="xl/workbook.xml")
    assert "不常见" in refused(twice)


def test_macros_old_workbooks_and_what_is_no_workbook_are_refused_by_what_they_are():
    assert "宏" in refused(files.repacked(files.simple(), lambda _, data: data, **{"xl/vbaProject.bin": "x"}))
    assert "旧的 .xls" in refused(b"\xd0\xcf\x11\xe0" + b"\0" * 600)
    assert "密码" in refused(b"\xd0\xcf\x11\xe0" + b"\0" * 600 + "EncryptedPackage".encode("utf-16-le"))
    assert "不是 Excel" in refused(b"%PDF-1.7") and "不是 Excel" in refused("单位,数\n".encode())
    assert "不是 Excel" in refused(files.repacked(b"PK\x05\x06" + b"\0" * 18, lambda _, data: data, a="b"))
    assert "5 MB" in refused(b"PK\x03\x04" + b"\0" * FILE_LIMIT)
    assert refused(files.simple()[:-300])


def test_a_lie_about_the_size_and_millions_of_cells_are_refused_before_they_fill_the_memory():
    """Ten million cells are 40 MB of XML in a file of 40 kB; a hundred thousand and one need no more than that."""
    assert "大得不正常" in refused(
        files.with_rows(files.simple(), b"<sheetData><row>" + b"<c/>" * 10_000_000 + b"</row></sheetData>")
    )
    rows = "".join(f'<row r="{at}">{"<c/>" * 1000}</row>' for at in range(1, 102))
    assert "格子多得" in refused(files.with_rows(files.simple(), f"<sheetData>{rows}</sheetData>"))
    book = openpyxl.Workbook()
    many = book.active
    for _ in range(300):
        many.append([1] * 200)
    book.copy_worksheet(many)
    content = files.saved(book)
    with pytest.raises(Refused, match="格子多得"):  # each sheet by itself would pass
        workbooks.look_through(open_workbook(io.BytesIO(content)))
    lying = files.with_sheet(files.simple(), lambda data: data.replace(b'ref="A2', b'ref="A1:XFD1048576'))
    assert sheet_of(lying).extent() == (2, 1)


def test_too_many_merged_cells_and_links_and_odd_orders_are_refused():
    over = b'</sheetData><mergeCells><mergeCell ref="A1:C3"/><mergeCell ref="C3:XFD1048576"/></mergeCells>'
    assert "不常见" in refused(files.with_sheet(files.simple(), lambda data: data.replace(b"</sheetData>", over)))
    merges = b"</sheetData><mergeCells>" + b'<mergeCell ref="A1:B1"/>' * 20_001 + b"</mergeCells>"
    assert "合并" in refused(files.with_sheet(files.simple(), lambda data: data.replace(b"</sheetData>", merges)))
    links = b"</sheetData><hyperlinks>" + b'<hyperlink ref="A1"/>' * 5_001 + b"</hyperlinks>"
    assert "链接" in refused(files.with_sheet(files.simple(), lambda data: data.replace(b"</sheetData>", links)))
    for rows in (
        '<row r="5"/><row r="2"/>', '<row r="1"><c r="B1"/><c r="A1"/></row>', '<row r="1"><c r="B7"/></row>',
        '<row r="1"><row r="2"/></row>', '<row r="1"><c r="A1"><c r="B1"/></c></row>',
    ):  # fmt: skip
        assert "不常见" in refused(files.with_rows(files.simple(), f"<sheetData>{rows}</sheetData>"))


def test_damage_inside_is_told_and_a_formula_longer_than_any_is_not_read():
    content = files.simple()
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        at = package.getinfo("xl/worksheets/sheet1.xml").header_offset + 80
    assert "打不开" in refused(content[:at] + b"\xff" * 40 + content[at + 40 :])
    rows = f'<sheetData><row r="1"><c r="A1"><f>"{"x" * 20_000}</f></c></row></sheetData>'
    assert "不常见" in refused(files.with_rows(files.simple(), rows))


def test_entities_and_other_encodings_are_refused():
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">]><worksheet><sheetData/></worksheet>'
    assert "DOCTYPE" in refused(files.with_sheet(files.simple(), lambda _: bomb))
    wide = '<?xml version="1.0" encoding="UTF-16"?><worksheet><sheetData/></worksheet>'.encode("utf-16")
    assert "不常见" in refused(files.with_sheet(files.simple(), lambda _: wide))
    book = files.with_sheet(
        files.simple(), lambda data: data.decode().replace("?>", "?>", 1).encode("utf-16"), part="xl/workbook.xml"
    )
    with pytest.raises(Refused, match="不常见|打不开"):
        through(book, {})
