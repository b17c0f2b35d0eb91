"""Templates of every target: drop-downs, notes, and examples that import once they are real."""

import io

import openpyxl
import pytest

from tables.readers import open_source
from tables.readers.tidy import EXAMPLE_ROW
from tables.register import _targets
from tables.templates import template
from tests import factories
from tests.tables import examples


@pytest.fixture
def city(db):
    return factories.make_city()


@pytest.mark.parametrize("name", sorted(examples.REAL))
@pytest.mark.parametrize("format", ["csv", "xlsx"])
def test_examples_made_real_import(city, name, format, tmp_path):
    examples.prepare(city, name)
    by = factories.make_user(examples.ROLES.get(name, "registrar"), city.city)
    kind = _targets[name]
    path = tmp_path / f"template.{format}"
    path.write_bytes(b"".join(template(kind.table, format, kind.offer(by))))
    answer = examples.bring(examples.made_real(path, name, format), by, name)
    assert (answer["rows"], answer["new"]) == (2, 2), answer
    again = examples.bring(path, by, name)
    assert again["unchanged"] == 2, again


@pytest.mark.parametrize("name", sorted(examples.REAL))
def test_examples_left_above_the_filled_rows_are_skipped(city, name, tmp_path):
    """Half of those who fill a form write below them: 示例综合党委 became an organization of the city."""
    table = _targets[name].table
    for format in ("csv", "xlsx"):
        path = tmp_path / f"{format}.{format}"
        path.write_bytes(b"".join(template(table, format, {})))
        source = open_source(path, table)
        assert sum(map(len, source.blocks())) == 0
        assert source.notes.counts == {EXAMPLE_ROW: 2}


def test_every_target_has_a_template_to_try(db):
    assert set(examples.REAL) == set(_targets)


def test_a_long_list_stands_on_a_hidden_sheet(city):
    for number in range(40):
        factories.make_branch(city.yuehai, name=f"示例第{number}党支部")
    by = factories.make_user("registrar", city.city)
    kind = _targets["market"]
    offered = kind.offer(by)
    offered["office"] = [f"示例第{number}指导站" for number in range(60)]
    book = openpyxl.load_workbook(io.BytesIO(b"".join(template(kind.table, "xlsx", offered))))
    sheet, lists = book[kind.table.title], book["选项"]
    assert lists.sheet_state == "hidden"
    formulas = {str(rule.formula1) for rule in sheet.data_validations.dataValidation}
    assert any(formula.startswith("选项!$") and formula.endswith("$60") for formula in formulas)
    assert any(formula.startswith('"农贸,') for formula in formulas)
    assert any("必须填写" in str(cell.value) for cell in book["填写说明"]["B"] if cell.value)
