"""A table reads back the same from every kind of file, whatever its columns' order."""

import csv
import io
import zipfile

import openpyxl
import pytest
import xlsxwriter
import xlwt
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tables.readers import open_source
from tables.table import Column, Table

KEYS = {"code": "代码", "name": "名称", "note": "备注"}
TABLE = Table("sample", "样表", tuple(Column(key, label) for key, label in KEYS.items()), needs=(("code",), ("name",)))
# Rare characters of GB18030 and of both planes, marks of every format, what XML escapes.
CELL = st.text(st.sampled_from("甲乙公司𠮷䶮Aa09 ,;\t\"'&<>_x=·（é€"), max_size=8).map(str.strip)
ROWS = st.lists(st.fixed_dictionaries({"code": st.from_regex(r"\A[1-9][0-9]{2}[A-Z]\Z"), "name": CELL, "note": CELL}),
                min_size=1, max_size=6)  # fmt: skip


def as_csv(path, header, rows, encoding="utf-8"):
    text = io.StringIO()
    csv.writer(text).writerows([header, *rows])
    path.write_bytes(text.getvalue().encode(encoding))


def as_openpyxl(path, header, rows):
    book = openpyxl.Workbook()
    for row in [header, *rows]:
        book.active.append(row)
        for cell in book.active[book.active.max_row]:
            cell.data_type = "s"
    book.save(path)


def as_xlsxwriter(path, header, rows, **how):
    book = xlsxwriter.Workbook(str(path), how)
    sheet = book.add_worksheet()
    for number, row in enumerate([header, *rows]):
        for at, cell in enumerate(row):
            sheet.write_string(number, at, cell)
    book.close()


def as_xls(path, header, rows):
    book = xlwt.Workbook(encoding="utf-8")
    sheet = book.add_sheet("表")
    for number, row in enumerate([header, *rows]):
        for at, cell in enumerate(row):
            sheet.write(number, at, cell)
    book.save(str(path))


def as_zip(path, header, rows):
    as_csv(path, header, rows, "gb18030")
    content = path.read_bytes()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("名册.csv", content)


FORMS = {
    "utf-8": as_csv,
    "gb18030": lambda *file: as_csv(*file, "gb18030"),
    "utf-16": lambda *file: as_csv(*file, "utf-16"),
    "openpyxl": as_openpyxl,
    "shared": as_xlsxwriter,
    "inline": lambda *file: as_xlsxwriter(*file, constant_memory=True),
    "xls": as_xls,
    "zip": as_zip,
}


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=25, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS, order=st.permutations(list(KEYS)))
def test_every_form_reads_back_the_same(form, rows, order, tmp_path):
    path = tmp_path / "file"
    FORMS[form](path, [KEYS[key] for key in order], [[row[key] for key in order] for row in rows])
    source = open_source(path, TABLE)
    found = []
    for block in source.blocks():
        for at, number in enumerate(block.numbers):
            cells = block.row(at)
            found.append((int(number), {key: cells[source.mapping[key]].strip() for key in KEYS}))
    assert found == [(number, row) for number, row in enumerate(rows, 2)]
