"""A registry file as a bureau would send it, written from a city of the demo: its codes are valid, its places known."""

import csv
import itertools
from pathlib import Path

import xlsxwriter

from tools.bench.databases import connected

# The rows lie in an order that says nothing, as in a registry's export: by a hash of the code.
_ROWS = """
SELECT b.uscc AS "统一社会信用代码", b.name AS "名称", b.entity_type_text AS "主体类型",
    CASE b.scale WHEN 'small' THEN '小型' WHEN 'micro' THEN '微型' END AS "规模",
    b.industry AS "行业代码", b.registered_on AS "成立日期",
    CASE b.status WHEN 'active' THEN '存续' WHEN 'dormant' THEN '歇业' WHEN 'revoked' THEN '吊销'
        WHEN 'deregistered' THEN '注销' ELSE '迁出' END AS "经营状态",
    district.name AS "所属区", street.name AS "所属街道",
    replace(unit.short_name, '指导站', '市场监管所') AS "监管所", market.name AS "所属市场",
    b.employees + {more} AS "从业人数",
    CASE WHEN b.employees >= 10 AND b.id % 7 = 0 THEN b.id % 5 END AS "正式党员数",
    b.address || {suffix} AS "住所"
FROM markets_business b
LEFT JOIN orgs_division district ON district.id = b.district_id
LEFT JOIN orgs_division street ON street.id = b.street_id
LEFT JOIN orgs_organization unit ON unit.id = b.guidance_station_id
LEFT JOIN markets_market market ON market.id = b.market_id
ORDER BY hashtext(b.uscc)
"""


def write_file(city_url: str, path: Path, changed: int | None = None) -> None:
    """All businesses of the city as CSV. `changed` 0–99 picks a hundredth of the rows and alters two of its cells."""
    chosen = "FALSE" if changed is None else f"abs(hashtext(b.uscc)) % 100 = {int(changed)}"
    rows = _ROWS.format(
        more=f"CASE WHEN {chosen} THEN 20 ELSE 0 END", suffix=f"CASE WHEN {chosen} THEN '之一' ELSE '' END"
    )
    with connected(city_url) as cursor, path.open("wb") as file:
        cursor.copy_expert(f"COPY ({rows}) TO STDOUT WITH (FORMAT csv, HEADER)", file)


def write_first(source: Path, path: Path, rows: int) -> None:
    """The header and the first rows of such a file."""
    with source.open(encoding="utf-8") as file, path.open("w", encoding="utf-8") as few:
        few.writelines(itertools.islice(file, rows + 1))


def write_workbook(source: Path, path: Path, rows: int) -> int:
    """The first rows of such a file as xlsx, every cell a text, as registries export it. How many there were."""
    written = 0
    with (
        source.open(encoding="utf-8", newline="") as file,
        xlsxwriter.Workbook(path, {"constant_memory": True}) as book,
    ):
        sheet = book.add_worksheet()
        for written, cells in enumerate(itertools.islice(csv.reader(file), rows + 1)):
            sheet.write_row(written, 0, cells)
    return written
