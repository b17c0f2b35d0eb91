"""Forms as upper bodies send them, written by a library that is not ours, and read back with it."""

import io
import re
import zipfile
from collections.abc import Callable
from datetime import date
from typing import Any

import openpyxl
from openpyxl.styles import Border, Font, Side
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.table import Table

TITLE = "２０２６年小个专党建工作情况统计表"
THIN = Border(*[Side(style="thin")] * 4)


def saved(book: openpyxl.Workbook) -> bytes:
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def simple(text: str = "党组织") -> bytes:
    book = openpyxl.Workbook()
    book.active.title = "表一"
    book.active["A2"] = text
    return saved(book)


def with_table(ref: str, **more: int) -> bytes:
    """A sheet with a table object (套用表格格式) over a range."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "表一"
    table = Table(displayName="情况", ref=ref, **more)
    for column, cell in enumerate(sheet[ref][0], 1):
        cell.value = f"第{column}项"
    sheet.add_table(table)
    return saved(book)


def ugly() -> bytes:
    """A title over merged cells, two header rows, full-width words, formulas over our cells, a protected and a hidden
    sheet, a print area, number formats, a day, numbers of last month still in it."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "表一 情况"
    sheet["A1"] = TITLE
    sheet.merge_cells("A1:E1")
    sheet["A1"].font = Font(name="方正小标宋简体", size=18, bold=True)
    sheet["A2"], sheet["D2"], sheet["E2"] = "填报单位：", "填报日期：", date(2020, 1, 1)
    sheet["E2"].number_format = "yyyy-mm-dd"
    sheet["A3"], sheet["B3"], sheet["D3"] = "地区", "党组织（个）", "覆盖情况"
    for area in ("A3:A4", "B3:C3", "D3:E3"):
        sheet.merge_cells(area)
    sheet["B4"], sheet["C4"], sheet["D4"], sheet["E4"] = "党组织总数", "其中：党支部", "组织覆盖率", "工作覆盖率(%)"
    for row, name in enumerate(("南山区", "福田区"), 5):
        sheet[f"A{row}"] = name
        sheet[f"B{row}"] = 999  # what was handed in a year ago
        for column in "ABCDE":
            sheet[f"{column}{row}"].border = THIN
        sheet[f"D{row}"].number_format = "0.0%"
    sheet["A7"], sheet["B7"], sheet["C7"] = "合　计", "=SUM(B5:B6)", "=SUM(C5:C6)"
    sheet.print_area = "A1:E7"
    sheet.add_data_validation(DataValidation(type="whole", operator="greaterThan", formula1="0", sqref="B5:C6"))
    locked = book.create_sheet("表二")
    locked["A1"], locked["A2"] = "＝党员总数（人）", "自主报到党员"
    locked.protection.sheet = True
    hidden = book.create_sheet("字典")
    hidden.sheet_state = "hidden"
    hidden["A1"] = "=SUM('表一 情况'!B5:C6)"
    return saved(book)


def opened(content: bytes) -> Any:
    return openpyxl.load_workbook(io.BytesIO(content))


def repacked(content: bytes, change: Callable[[str, bytes], bytes | None], **more: bytes | str) -> bytes:
    """A package with its parts changed (None leaves one out) and further ones."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if (data := change(name, old.read(name))) is not None:
                new.writestr(name, data)
        for name, data in more.items():
            new.writestr(name, data)
    return out.getvalue()


def with_relation(content: bytes, kind: str, target: str = "x.bin", mode: str = "Internal") -> bytes:
    """The workbook refers to something more."""
    base = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    relation = f'<Relationship Id="rX" Type="{base}/{kind}" Target="{target}" TargetMode="{mode}"/>'.encode()

    def change(name: str, data: bytes) -> bytes:
        return (
            data.replace(b"</Relationships>", relation + b"</Relationships>")
            if name.endswith("workbook.xml.rels")
            else data
        )

    return repacked(content, change)


def with_sheet(content: bytes, change: Callable[[bytes], bytes], part: str = "xl/worksheets/sheet1.xml") -> bytes:
    return repacked(content, lambda name, data: change(data) if name == part else data)


def with_rows(content: bytes, rows: str | bytes) -> bytes:
    """The first sheet with these rows in place of its own, as they are written."""
    rows = rows.encode() if isinstance(rows, str) else rows
    return with_sheet(content, lambda data: re.sub(rb"<sheetData>.*</sheetData>", lambda _: rows, data, flags=re.S))
