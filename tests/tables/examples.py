"""The examples of each template, made real: what has to be replaced so that they import and are no examples any more."""

import csv
import io
from pathlib import Path

import openpyxl
from django.utils import timezone

from markets.models import Platform
from tests import factories
from tests.markets import files
from tests.members import make as people

# By target: label of a column → values of the two rows. Everything else stays as the template has it.
REAL: dict[str, dict[str, tuple]] = {
    "business": {"统一社会信用代码": (files.make_code(), files.make_code(prefix="92449999MA"))},
    "market": {"名称": ("甲农贸市场", "乙电子市场")},
    "industry_area": {"名称": ("甲餐饮片区", "乙零售片区")},
    "platform": {"名称": ("甲快递", "乙外卖")},
    "delivery_site": {"名称": ("甲网点", "乙网点")},
    "service_point": {"名称": ("甲驿站", "乙商户")},
    "organization": {"名称": ("甲综合党委", "乙联合党支部")},
    "reported_figure": {"地区": ("甲市", "乙省")},
    "lead": {
        "身份号码": (people.id_number(), ""),
        "手机号": ("13800138003", "13800138004"),
        "告知书版本": ("2026-2", "2026-2"),
        "同意时间": (f"{timezone.localdate()}", f"{timezone.localdate()}"),
    },
    "roll": {
        "身份号码": (people.id_number(male=True), people.id_number(male=False)),
        "手机号": ("13800138001", "13800138002"),
    },
}
ROLES = {"lead": "officer"}


def prepare(city, name: str) -> None:
    """What the examples of a target refer to."""
    if name == "delivery_site":
        Platform.objects.create(name="示例快递")
    if name == "lead":
        people.notice()
    if name == "roll":
        factories.make_branch(city.yuehai, name="示例市场联合党支部")


def made_real(path: Path, name: str, format: str) -> Path:
    if format == "csv":
        rows = list(csv.reader(io.StringIO(path.read_text("utf-8-sig"))))
        _replace(rows, name)
        text = io.StringIO()
        csv.writer(text).writerows(rows)
        path.write_text(text.getvalue(), "utf-8-sig")
        return path
    book = openpyxl.load_workbook(path)
    sheet = book.worksheets[0]
    rows = [[cell.value or "" for cell in line] for line in sheet.iter_rows()]
    _replace(rows, name)
    for number, line in enumerate(rows, 1):
        for at, value in enumerate(line, 1):
            sheet.cell(number, at).value = value or None
    book.save(path)
    return path


def _replace(rows: list[list], name: str) -> None:
    for label, values in REAL[name].items():
        at = rows[0].index(label)
        for row, value in zip(rows[1:], values, strict=True):
            row[at] = value


def bring(path: Path, by, name: str) -> dict:
    return files.import_file(path, by, target=name)
