"""The context of templates/generic/list.html from a Table: columns, cells, the column chooser, refusing what is unknown."""

from collections.abc import Iterable, Sequence

from django.http import HttpRequest, HttpResponseRedirect
from django.utils.http import urlencode

from tables.exports import as_text
from tables.keyset import MARKS, ORDER
from tables.table import Column, Table

WHOLE = ("code", "date")  # cells that are read as one and not broken between lines


def unknown_dropped(request: HttpRequest, known: Iterable[str]) -> HttpResponseRedirect | None:
    """A redirect without the parameters that nobody knows: a mistyped filter must not pass for "everything"."""
    allowed = {*known, *MARKS, ORDER, "cols"}
    if set(request.GET) <= allowed:
        return None
    kept = [(key, value) for key, values in request.GET.lists() if key in allowed for value in values]
    return HttpResponseRedirect(f"{request.path}?{urlencode(kept)}")


def chooser(table: Table, chosen: Sequence[Column]) -> list[dict]:
    return [{"key": c.key, "label": c.label, "chosen": c in chosen} for c in table.listed()]


def table_context(table: Table, columns: Sequence[Column], rows: Iterable) -> dict:
    """What partials/_table.html takes; the first column's link is the row's."""
    shown = []
    for row in rows:
        cells = [_cell(column, row) for column in columns]
        link = next((column.link for column in table.columns if column.link), None)
        shown.append({"url": link(row) if link else "", "pk": row.pk, "cells": cells})
    return {
        "columns": [{"key": c.key, "label": c.label, "numeric": c.numeric, "whole": c.kind in WHOLE} for c in columns],
        "rows": shown,
        "caption": table.title,
    }


def _cell(column: Column, row) -> dict:
    badge = column.badge(row) if column.badge else ""
    return {"text": as_text(column.of(row)) or "—"} | ({"badge": badge} if badge else {})
