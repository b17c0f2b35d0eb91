"""Which column of a file is which of ours: found by name or content, put right by a person, remembered for the next file.

A batch keeps what somebody said of its file in `mapping`: {"columns": {digest of a header: {key of our column: its
place in the row}}, "rows": {sheet or file: row of its header, 0 for none}}.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from django.utils import timezone

from accounts.own_words import names_a_person
from tables.cells import masked
from tables.models import Batch, ColumnMapping
from tables.readers import Part, header_digest
from tables.table import Table

NAME, CONTENT, REMEMBERED, CHOSEN = "name", "content", "remembered", "chosen"
HOW = {NAME: "按列名", CONTENT: "按内容", REMEMBERED: "上次确认过", CHOSEN: "您选定"}
HEADERS_SHOWN = 10  # different ones of a batch
PARTS_NAMED = 200  # of those with one header
SAMPLE_SHOWN = 30  # characters of a cell
_BORN = r"(?:(?:19|20)\d\d|\d\d)(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
PERSONAL_HEADING = re.compile("姓名|联系人|联络人|法定代表|法人代表|负责人|经营者|电话|手机|身份证")
_ELEVEN_DIGITS = "[0-9０-９]([^0-9０-９A-Za-z]*[0-9０-９]){10}"  # for the database, which leaves few to be looked at
PERSONAL = re.compile(rf"(?<!\d)(?:1[3-9]\d{{9}}|[1-9]\d{{5}}{_BORN}\d{{3}}[\dXx]?)(?![0-9A-Za-z])")


def digest_of(header: Sequence[str]) -> str:
    last = max((at for at, cell in enumerate(header) if cell.strip()), default=-1)
    return header_digest(header[: last + 1])


NO_NAMES = digest_of([])  # a file without a header: what was said of one means nothing to the next


def heading_names(header: Sequence[str]) -> list[str]:
    """A name for each column of a file that no other has: its heading where it can be."""
    names: list[str] = []
    for number, heading in enumerate(header, 1):
        name = heading.strip()
        names.append(name if name and name not in names else f"{name}（第 {number} 列）" if name else f"第 {number} 列")
    return names


@dataclass(frozen=True)
class RememberingTable(Table):
    """A table that reads a header as somebody chose, in this preview or when a file of the same header was confirmed."""

    picked: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    remembered: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    rows: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, table: Table, batch: Batch) -> "RememberingTable":
        known = ColumnMapping.objects.filter(target=batch.target, source=batch.source)
        same: dict[str, Any] = {each.name: getattr(table, each.name) for each in fields(table)}
        return cls(
            **same,
            picked=batch.mapping.get("columns", {}),
            remembered=dict(known.values_list("header_digest", "mapping")),
            rows=batch.mapping.get("rows", {}),
        )

    def known(self, header: Sequence[str]) -> Mapping[str, int] | None:
        """The columns as somebody chose them; None where nobody did for this header."""
        digest = digest_of(header)
        return self.picked.get(digest, self.remembered.get(digest))

    def map_header(self, cells: Sequence[str]) -> dict[str, int]:
        known = self.known(cells)
        if known is None:
            return super().map_header(cells)
        return {key: at for key, at in known.items() if key in self.by_key}

    def header_row(self, part: str) -> int | None:
        return self.rows.get(part)

    def is_chosen(self, cells: Sequence[str]) -> bool:
        return self.known(cells) is not None


# --- what the page shows ----------------------------------------------------------------------------------------------


def headers_shown(parts: Iterable[Part], table: RememberingTable) -> str:
    """The different headers of a file as a batch keeps them: where each stands, its columns in their order with some
    cells, what became of them, and why the rows below are not read, where they are not."""
    shown: dict[str, dict[str, Any]] = {}
    for part in parts:
        digest = digest_of(part.header)
        if digest not in shown and len(shown) < HEADERS_SHOWN:
            shown[digest] = _header_shown(digest, part, table)
        if digest in shown and len(shown[digest]["parts"]) < PARTS_NAMED:
            shown[digest]["parts"].append(part.reader.name)
    return json.dumps(list(shown.values()), ensure_ascii=False)


def _header_shown(digest: str, part: Part, table: RememberingTable) -> dict[str, Any]:
    width = max([len(part.header), *map(len, part.first_rows)])
    header = [*part.header, *[""] * (width - len(part.header))]
    names = heading_names(header)
    said = CHOSEN if digest in table.picked else REMEMBERED if digest in table.remembered else ""
    used = set(part.mapping.values())
    found = [said or (CONTENT if (header[at] or names[at]) in part.by_content else NAME) for at in range(width)]
    return {
        "digest": digest,
        "parts": [],
        "row": part.header_row,
        "names": names,
        "columns": part.mapping,
        "how": [how if at in used else "" for at, how in enumerate(found)],
        "samples": [_samples(part, at, table) for at in range(width)],
        "reason": part.reason,
    }


def _samples(part: Part, at: int, table: Table) -> list[str]:
    """Some cells of one column: masked where they may be a person's."""
    cells = dict.fromkeys(row[at].strip() for row in part.first_rows if at < len(row) and row[at].strip())
    heading = part.header[at] if at < len(part.header) else ""
    hide = PERSONAL_HEADING.search(heading) or any(column.personal for column in table.columns)
    return [masked(cell) if hide or PERSONAL.search(cell) else cell[:SAMPLE_SHOWN] for cell in cells]


def unnamed(text: str, table: Table) -> str:
    """A cell of a column without a name, as an error keeps it: masked where it may be a person's."""
    return masked(text) if PERSONAL.search(text) or any(column.personal for column in table.columns) else text


def _is_personal(text: str) -> bool:
    return bool(PERSONAL.search(text)) or names_a_person(text)


def _hidden(text: str) -> str:
    return masked(text) if _is_personal(text) else text


def without_numbers(said: Any) -> Any:
    """What is told of a file (JSON), with each text masked in which a person's number may stand: a column that slipped, a
    sheet that is called after somebody."""
    if isinstance(said, dict):
        return {_hidden(key): without_numbers(value) for key, value in said.items()}
    if isinstance(said, list):
        return [without_numbers(each) for each in said]
    return _hidden(said) if isinstance(said, str) else said


def hide_numbers(batch: Batch) -> None:
    """Mask what may be a person's number in what was told of, mended in or typed over the cells of a file about something
    else. There may be millions of them: one that has none never waits in memory."""
    for rows, columns in (
        (batch.errors.filter(value__regex=_ELEVEN_DIGITS), ["value", "suggestion"]),  # type: ignore[attr-defined]
        (batch.repairs.filter(before__regex=_ELEVEN_DIGITS), ["before", "after"]),  # type: ignore[attr-defined]
        (batch.fixes.exclude(value=None), ["value"]),  # type: ignore[attr-defined]
    ):
        told: list[Any] = [
            row for row in rows.iterator() if any(_is_personal(getattr(row, column)) for column in columns)
        ]
        for row in told:
            for column in columns:
                setattr(row, column, masked(getattr(row, column)))
        rows.model.objects.bulk_update(told, columns, batch_size=1_000)


def headers_of(batch: Batch) -> list[dict[str, Any]]:
    return json.loads(batch.headers) if batch.headers else []


def columns_of(batch: Batch) -> dict[str, str]:
    """Which of our columns (key) the columns of the file are, by name."""
    return {header["names"][at]: key for header in headers_of(batch) for key, at in header["columns"].items()}


def said_of(batch: Batch, *, columns: Mapping[str, Any] | None = None, rows: Mapping[str, int] | None = None) -> dict:
    """The batch's `mapping` with what is said now."""
    return {
        "columns": {**batch.mapping.get("columns", {}), **(columns or {})},
        "rows": {**batch.mapping.get("rows", {}), **(rows or {})},
    }


def remember(batch: Batch) -> None:
    """What was confirmed with a batch is used for the next file of the same source with the same header."""
    for header in headers_of(batch):
        if header["reason"] or header["digest"] == NO_NAMES:
            continue
        ColumnMapping.objects.update_or_create(
            target=batch.target,
            source=batch.source,
            header_digest=header["digest"],
            defaults={"mapping": header["columns"], "changed_at": timezone.now()},
        )
