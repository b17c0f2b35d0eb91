"""Cells behind the header's last column: told, wherever they stand and however the file is read."""

import openpyxl
import pytest
import xlwt

from tables.readers import Refused, open_source, text
from tables.table import Column, Table

TABLE = Table(
    name="sample",
    title="样表",
    columns=(Column("code", "代码", kind="code"), Column("name", "名称"), Column("address", "地址")),
    needs=(("code",), ("name",)),
)
HEADER = ["代码", "名称", "地址"]
ROWS = [["001", "甲", "示例路"], ["002", "乙", "示例路", "1 号"], ["003", "丙", "示例路", "", " "], ["004", "丁"]]
ROWS += [["005", "戊", "示例路", "", "二楼", "三楼"], ["006", "己", "示例路"], ["007", "庚", "示例路"]]
TOLD = {3: "1 号", 6: "二楼"}


def lines(rows, delimiter=","):
    return "".join(delimiter.join(row) + "\n" for row in [HEADER, *rows])


def surplus(path):
    return {row: said for block in open_source(path, TABLE).blocks() for row, said in block.surplus.items()}


@pytest.mark.parametrize("delimiter", [",", "\t", "，"])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("quote", ["", '"'])
@pytest.mark.parametrize("chunk", [64, 8 * 1024 * 1024])
def test_text(tmp_path, monkeypatch, delimiter, ends, quote, chunk):
    monkeypatch.setattr(text, "CHUNK", chunk)
    content = lines(ROWS, delimiter).replace("丙", f"{quote}丙{quote}").replace("\n", ends)
    (tmp_path / "a.csv").write_bytes(content.encode())
    assert surplus(tmp_path / "a.csv") == TOLD


@pytest.mark.parametrize("formula", [False, True])
def test_workbooks(tmp_path, formula):
    book = openpyxl.Workbook()
    for row in [HEADER, *ROWS]:
        book.active.append(row)
    if formula:  # which the careful way reads
        book.active["B9"] = "=1+1"
    book.save(tmp_path / "a.xlsx")
    assert surplus(tmp_path / "a.xlsx") == TOLD


def test_old_workbooks(tmp_path):
    book = xlwt.Workbook()
    page = book.add_sheet("表")
    for number, row in enumerate([HEADER, *ROWS]):
        for at, cell in enumerate(row):
            page.write(number, at, cell)
    book.save(str(tmp_path / "a.xls"))
    assert surplus(tmp_path / "a.xls") == TOLD


def test_blank_cells_behind_every_row_are_none(tmp_path):
    (tmp_path / "a.csv").write_text(lines([[*HEADER[:0], str(n), "甲", "路", "", " ", "\u3000"] for n in range(50)]))
    assert surplus(tmp_path / "a.csv") == {}


def test_a_column_without_a_name_in_a_workbook_is_told_once(tmp_path):
    book = openpyxl.Workbook()
    for row in [HEADER, *([f"{n:03d}", "甲", "路", None, "又及"] for n in range(50))]:
        book.active.append(row)
    book.save(tmp_path / "a.xlsx")
    source = open_source(tmp_path / "a.xlsx", TABLE)
    assert source.unknown == ["第 5 列（没有列名）"]
    assert not any(block.surplus for block in source.blocks())


def test_text_whose_rows_are_longer_than_the_header(tmp_path):
    rows = [[f"{n:03d}", "甲", "路", "1 号"] for n in range(50)]
    (tmp_path / "a.csv").write_text(lines(rows))
    with pytest.raises(Refused, match="没有加引号"):
        open_source(tmp_path / "a.csv", TABLE)
    (tmp_path / "b.csv").write_text(lines(rows).replace("地址\n", "地址,\n"))
    source = open_source(tmp_path / "b.csv", TABLE)
    assert source.unknown == ["第 4 列（没有列名）"]
    assert sum(map(len, source.blocks())) == 50
