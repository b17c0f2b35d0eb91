"""A sheet of a form as a table on a page: merged cells as one, hidden rows and columns left out, bound cells marked."""

from dataclasses import dataclass
from typing import Any

from tables.workbooks import Sheet, address
from tables.workbooks.look import Area, Place

ROWS, COLUMNS = 200, 40  # shown of a sheet; forms of upper bodies fit on paper
BEYOND = 2  # rows and columns shown behind the last that holds something
TEXT_SHOWN = 60


@dataclass(frozen=True)
class Bound:
    """What a cell is bound to, and what would stand there for the last closed month."""

    label: str
    shown: str
    problem: str = ""


@dataclass(frozen=True)
class Grid:
    columns: list[str]
    rows: list[dict[str, Any]]
    is_cut: bool  # there is more than is shown


def grid(sheet: Sheet, bound: dict[Place, Bound], chosen: Place | None = None) -> Grid:
    last_row, last_column = sheet.extent()
    rows = [at for at in range(1, min(last_row + BEYOND, ROWS) + 1) if not sheet.hides_row(at)]
    columns = [at for at in range(1, min(last_column + BEYOND, COLUMNS) + 1) if not sheet.hides_column(at)]
    anchors, covered = _merged(sheet, rows, columns)
    shown = []
    for row in rows:
        cells = []
        for column in columns:
            place = (row, column)
            if place not in covered:
                cells.append(_cell(sheet, place, bound.get(place), place == chosen) | anchors.get(place, {}))
        shown.append({"number": row, "cells": cells})
    letters = [address((1, column))[:-1] for column in columns]
    return Grid(letters, shown, last_row > ROWS or last_column > COLUMNS)


def _merged(sheet: Sheet, rows: list[int], columns: list[int]) -> tuple[dict[Place, dict], set[Place]]:
    """How far the first cell of each merged area reaches among what is shown, and which cells it covers."""
    anchors: dict[Place, dict] = {}
    covered: set[Place] = set()
    for area in sheet.merged:
        inside_rows, inside_columns = _inside(rows, area.top, area.bottom), _inside(columns, area.left, area.right)
        if not _starts_in_view(area, inside_rows, inside_columns):
            continue
        first = (area.top, area.left)
        anchors[first] = {"rows": len(inside_rows), "columns": len(inside_columns)}
        covered |= {(row, column) for row in inside_rows for column in inside_columns if (row, column) != first}
    return anchors, covered


def _inside(numbers: list[int], first: int, last: int) -> list[int]:
    return [at for at in numbers if first <= at <= last]


def _starts_in_view(area: Area, rows: list[int], columns: list[int]) -> bool:
    return bool(rows and columns and rows[0] == area.top and columns[0] == area.left)


def _cell(sheet: Sheet, place: Place, bound: Bound | None, is_chosen: bool) -> dict[str, Any]:
    spot = sheet.spots.get(place)
    formula = spot is not None and spot.formula is not None
    text = ("=" + spot.formula if spot.formula else "公式") if spot and formula else spot.text if spot else ""
    return {
        "address": address(place),
        "text": text if len(text) <= TEXT_SHOWN else f"{text[:TEXT_SHOWN]}…",
        "is_formula": formula,
        "can_be_bound": not sheet.why_not(place),
        "bound": bound,
        "is_chosen": is_chosen,
    }
