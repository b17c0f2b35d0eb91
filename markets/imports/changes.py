"""What the changed rows of a plan would change: how often each column, and some rows before and after."""

from collections.abc import Mapping
from typing import Any

from django.db.models import ForeignKey

from markets.imports.plan import MATCH, STAGE
from markets.models import Business
from tables.exports import as_text
from tables.register import Sample
from tables.statements import fetch

SAMPLES = 20
NEW_HERE = 0  # stands for a record that the same file brings in
FOLLOWS = frozenset({"entity_type_text", "district_committee_id", "provenance", "name_pinyin"})
CHANGED = f"FROM {MATCH} m JOIN {STAGE} s ON s.row = m.row JOIN markets_business b ON b.id = m.id WHERE m.differs"


def changes(becomes: Mapping[str, str]) -> tuple[dict[str, int], list[Sample]]:
    """Columns that only follow another are not named. Needs the staged and matched plan."""
    fields = {field.column: field for field in Business._meta.concrete_fields}
    columns = [column for column in becomes if column not in FOLLOWS]
    differs = ", ".join(f"count(*) FILTER (WHERE b.{name} IS DISTINCT FROM ({becomes[name]}))" for name in columns)
    (counts,) = fetch(f"SELECT {differs} {CHANGED}")
    labels = [str(fields[column].verbose_name) for column in columns]
    pairs = ", ".join(f"b.{name}, ({becomes[name]})" for name in columns)
    rows = fetch(f"SELECT s.row, b.name, {pairs} {CHANGED} ORDER BY s.row LIMIT {SAMPLES}")
    names = {
        at: _names(fields[column], {value for row in rows for value in row[2 + 2 * at : 4 + 2 * at]})
        for at, column in enumerate(columns)
    }
    samples: list[Sample] = []
    for row, name, *values in rows:
        cells = [
            (labels[at], names[at].get(before, as_text(before)), names[at].get(after, as_text(after)))
            for at, (before, after) in enumerate(zip(values[::2], values[1::2], strict=True))
            if before != after
        ]
        samples.append({"row": row, "name": name, "cells": cells})
    return {label: count for label, count in zip(labels, counts, strict=True) if count}, samples


def _names(field, values: set) -> dict[Any, str]:
    """How people call the values of a column that holds codes or records."""
    if isinstance(field, ForeignKey):
        found = field.related_model._default_manager.in_bulk(values - {None})
        return {NEW_HERE: "本文件中新增的主体"} | {key: str(record) for key, record in found.items()}
    return {value: str(label) for value, label in field.flatchoices}
