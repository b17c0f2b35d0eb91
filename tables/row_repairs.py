"""Cells of small tables that were read as what they must have meant: noted, never silent."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import polars as pl
from django.db import models

from tables.doctor import OTHER, damage
from tables.errors import Repairs
from tables.exports import as_text
from tables.table import Column

if TYPE_CHECKING:
    from tables.importer import Reading, Row

NOTED = ("text", "code", "date", "integer")  # choices and places may be written in many ways, none of them damaged


class Mending(NamedTuple):
    """What one text was read as, and by which rule. Of a personal column neither text is told."""

    before: str
    after: str
    rule: str


def mending_of(column: Column, text: str, value: Any) -> Mending | None:
    """None where the cell was read as it stands, or not at all."""
    if column.kind not in NOTED or not isinstance(value, str | int | dt.date) or as_text(value) == text:
        return None
    rule = damage(text, column.kind)
    if rule is None and column.kind != "text" and as_text(value) != text.strip():
        rule = OTHER
    if rule is None:
        return None
    return Mending("", "", rule) if column.personal else Mending(text, as_text(value), rule)


def note(repairs: Repairs, numbers: np.ndarray, label: str, cells: pl.Series, mended: Mapping[str, Mending]) -> None:
    """One repair for each cell with one of these texts."""
    at = cells.is_in(list(mended)).fill_null(False).arg_true()
    told = pl.DataFrame([mended[text] for text in cells.gather(at)], schema=Mending._fields, orient="row")
    repairs.add(numbers[at.to_numpy()], label, told["before"], told["after"], told["rule"])


def zeros_lost(reading: "Reading", rows: "Sequence[Row]") -> None:
    """A number that stands nowhere, but with zeros before it in the person's own scope, has most likely lost them."""
    key = reading.keyed_by
    bare = {row.key: row for row in rows if row.record is None and not row.wrong and str(row.key or "").isdecimal()}
    if not bare:
        return
    visible = reading.model._default_manager.visible_to(reading.by, reading.target.permission)  # type: ignore[attr-defined]
    plain = models.Func(models.F(key), models.Value("0"), function="LTRIM", output_field=models.TextField())
    found = visible.annotate(plain=plain).filter(plain__in=bare, **{f"{key}__startswith": "0"})
    for number, whole in found.order_by("pk").values_list("plain", key):
        row = bare[number]
        row.meant[key] = whole
        row.tell(key, "系统里有加上前导零的同一号码，多半是表格软件丢了零。请采用建议；确是另一条的，请在系统里新增")
