"""The monthly report as a spreadsheet: the same numbers, cell by cell, from what was kept of it."""

import io
from decimal import Decimal

import xlsxwriter

from reports.models import PrintedDocument
from tables.exports import guarded

LINE_COLUMNS = (
    "类别", "指标代码", "指标", "口径", "计量单位", "本月", "分子", "分母", "上月", "较上月", "上年同期", "较上年同期", "不显示",
)  # fmt: skip


class _Book:
    def __init__(self) -> None:
        self.file = io.BytesIO()
        self.book = xlsxwriter.Workbook(
            self.file, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
        )
        self.bold = self.book.add_format({"bold": True, "bottom": 1})
        self.percent = self.book.add_format({"num_format": "0.00%"})
        self.count = self.book.add_format({"num_format": "#,##0"})
        self.wrapped = self.book.add_format({"text_wrap": True, "valign": "top"})

    def sheet(self, title: str, header: tuple[str, ...], rows: list[list], widths: tuple[int, ...]) -> None:
        sheet = self.book.add_worksheet(title)
        for at, label in enumerate(header):
            sheet.write_string(0, at, label, self.bold)
        for at, width in enumerate(widths):
            sheet.set_column(at, at, width)
        sheet.freeze_panes(1, 0)
        sheet.repeat_rows(0)
        sheet.set_paper(9)
        sheet.set_landscape()
        sheet.fit_to_pages(1, 0)
        for number, row in enumerate(rows, 1):
            for at, cell in enumerate(row):
                self._write(sheet, number, at, cell)

    def _write(self, sheet, number: int, at: int, cell) -> None:
        if isinstance(cell, Decimal):
            sheet.write_number(number, at, float(cell), self.percent)
        elif isinstance(cell, int | float):
            sheet.write_number(number, at, cell, self.count)
        elif cell not in (None, ""):
            sheet.write_string(number, at, guarded(str(cell)), self.wrapped)

    def done(self) -> bytes:
        self.book.close()
        return self.file.getvalue()


def typed(value: int | str | None, percent: bool) -> int | Decimal | None:
    """A value of the kept content as a number; shares are kept as text."""
    if value is None:
        return None
    return Decimal(value) if percent else int(value)


def book(document: PrintedDocument) -> bytes:
    content, made = document.content, _Book()
    made.book.set_properties({"created": document.made_at})  # the same bytes whenever it is asked for
    made.sheet("说明", ("项目", "内容"), _facts(document), (18, 90))
    made.sheet("指标", LINE_COLUMNS, _lines(content), (14, 34, 28, 16, 10, 12, 10, 10, 12, 18, 12, 18, 8))
    if children := content["children"]:
        header = (
            "单位",
            *(one["name"] + (f"（{one['basis']}）" if one["basis"] else "") for one in children["columns"]),
        )
        made.sheet(children["title"], header, _children(children), (24, *(16 for _ in children["columns"])))
    trend = content["trend"]
    if trend["labels"]:
        header = ("日期", *(one["name"] for one in trend["series"]))
        made.sheet("走势", header, _trend(trend), (14, *(24 for _ in trend["series"])))
    if gaps := content["gaps"]["rows"]:
        rows = [[row["name"], row["total"], row["sheltered"], row["blank"]] for row in gaps]
        made.sheet("应建未建", ("单位", "应建未建", "已有联合或市场覆盖", "空白"), rows, (24, 14, 20, 14))
    rows = [
        [one["code"], one["name"], one["measure"], one["adds_up"], one["definition"]] for one in content["definitions"]
    ]
    made.sheet("口径", ("指标代码", "指标", "计量单位", "可否相加", "定义"), rows, (34, 28, 10, 10, 90))
    return made.done()


def _facts(document: PrintedDocument) -> list[list]:
    made, closed = document.content["document"], document.content["closed"]
    return [
        ["名称", made["title"]], ["月份", document.content["month"]], ["数据截至", made["as_of"]],
        ["关账", f"第 {closed['revision']} 版" if closed else "未关账，数字可能变动"],
        ["统计线", document.content["line"]], ["标识", made["classification"]], ["编号", made["number"]],
        ["摘要（SHA-256）", document.digest], ["生成时间", made["made_at"]],
        *([f"摘要 {number}", text] for number, text in enumerate(document.content["summary"], 1)),
        ["说明", "率为 0–1 的小数，显示为百分比；空格为没有数字，“不显示”为“是”的是涉及人数的小数值。"],
    ]  # fmt: skip


def _lines(content: dict) -> list[list]:
    return [
        [
            group["title"], line["key"], line["name"], line["basis"], line["measure"],
            typed(line["value"], line["percent"]), line.get("numerator"), line.get("denominator"),
            typed(line["last"], line["percent"]), line["last_change"],
            typed(line["year"], line["percent"]), line["year_change"], "是" if line["hidden"] else "",
        ]
        for group in content["groups"]
        for line in group["lines"]
    ]  # fmt: skip


def _children(children: dict) -> list[list]:
    columns = children["columns"]
    return [
        [
            row["name"],
            *(
                cell["text"] if cell["hidden"] else typed(cell["value"], column["percent"])
                for cell, column in zip(row["cells"], columns, strict=True)
            ),
        ]
        for row in children["rows"]
    ]


def _trend(trend: dict) -> list[list]:
    return [
        [
            label,
            *(
                None if value is None else Decimal(str(value)) / 100 if trend["percent"] else value
                for value in (one["values"][at] for one in trend["series"])
            ),
        ]
        for at, label in enumerate(trend["labels"])
    ]
