"""What to fill in: a table's header with example rows; as xlsx also drop-downs and a sheet that explains each column."""

import io
from collections.abc import Iterator, Mapping, Sequence

import xlsxwriter
from xlsxwriter.utility import xl_col_to_name

from tables.exports import csv_lines
from tables.table import CHOICES_SHEET, NOTES_SHEET, Column, Table

ROWS_OFFERED = 5_000  # rows that have drop-downs
LIST_LIMIT = 255  # characters that a drop-down may hold by itself; a longer list stands on a sheet of its own
KINDS = {
    "date": "日期，如 2020-01-02",
    "integer": "整数",
    "code": "请设为文本格式",
    "time": "时间，如 2020-01-02 09:30",
}
Offered = Mapping[str, Sequence[str]]


def template(table: Table, format: str, offered: Offered | None = None) -> Iterator[bytes]:
    """`offered`: drop-downs that depend on who fills in, by column, beside those of the table itself."""
    columns = table.imported()
    header = [column.label for column in columns]
    examples = [
        [column.example[at] if at < len(column.example) else "" for column in columns]
        for at in range(max(len(column.example) for column in columns))
    ]
    return csv_lines(header, examples) if format == "csv" else iter([_workbook(table, examples, offered or {})])


def _workbook(table: Table, examples: Sequence[Sequence[str]], offered: Offered) -> bytes:
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    sheet, notes, lists = (book.add_worksheet(name) for name in (table.title, NOTES_SHEET, CHOICES_SHEET))
    lists.hide()
    text, bold = book.add_format({"num_format": "@"}), book.add_format({"bold": True, "bg_color": "#f3ece0"})
    for at, column in enumerate(table.imported()):
        sheet.set_column(at, at, 22 if column.kind in ("text", "code") else 14, text)
        sheet.write_string(0, at, column.label, bold)
        if choices := list(offered.get(column.key) or column.choices):
            source = _source(lists, at, choices)
            sheet.data_validation(
                1, at, ROWS_OFFERED, at, {"validate": "list", "source": source, "error_type": "warning"}
            )
    for number, row in enumerate(examples, 1):
        for at, value in enumerate(row):
            sheet.write_string(number, at, value, text)
    sheet.freeze_panes(1, 0)
    _explain(notes, table, bold)
    book.close()
    return file.getvalue()


def _source(lists, at: int, choices: list[str]) -> list[str] | str:
    """The choices themselves where they fit, else where they stand on the hidden sheet."""
    if len(",".join(choices)) <= LIST_LIMIT and not any("," in choice for choice in choices):
        return choices
    for number, choice in enumerate(choices):
        lists.write_string(number, at, choice)
    name = xl_col_to_name(at)
    return f"={CHOICES_SHEET}!${name}$1:${name}${len(choices)}"


def _explain(notes, table: Table, bold) -> None:
    notes.set_column(0, 0, 22)
    notes.set_column(1, 1, 100)
    number = 0
    for note in (*table.notes, "示例行请删除或改写；没有改的示例行会跳过，不导入。"):
        notes.write_string(number, 0, note)
        number += 1
    number += 1
    for at, title in enumerate(("列", "怎样填")):
        notes.write_string(number, at, title, bold)
    for column in table.imported():
        number += 1
        notes.write_string(number, 0, column.label)
        notes.write_string(number, 1, _how(column))


def _how(column: Column) -> str:
    parts = ["必须填写" if column.needed else "", KINDS.get(column.kind, "")]
    if column.choices:
        parts.append(f"可以填：{'、'.join(column.choices)}")
    if column.aliases:
        parts.append(f"列名也可以写作：{'、'.join(column.aliases[:4])}")
    return "；".join(part for part in parts if part)
