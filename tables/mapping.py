"""Which column of a file is which of ours: found by name or content, put right by a person, remembered for the next file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from django.utils import timezone

from tables.models import Batch, ColumnMapping
from tables.readers import Source, header_digest
from tables.table import Table

NAME, CONTENT, REMEMBERED, CHOSEN = "name", "content", "remembered", "chosen"
HOW = {NAME: "按列名", CONTENT: "按内容", REMEMBERED: "上次确认过", CHOSEN: "您选定"}


def digest_of(header: Sequence[str]) -> str:
    last = max((at for at, cell in enumerate(header) if cell.strip()), default=-1)
    return header_digest(header[: last + 1])


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

    picked: Mapping[str, str] = field(default_factory=dict)  # {key of our column: name of the file's column}
    remembered: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # the same by digest of the header

    @classmethod
    def of(cls, table: Table, batch: Batch) -> "RememberingTable":
        known = ColumnMapping.objects.filter(target=batch.target, source=batch.source)
        same: dict[str, Any] = {each.name: getattr(table, each.name) for each in fields(table)}
        return cls(**same, picked=batch.mapping, remembered=dict(known.values_list("header_digest", "mapping")))

    def known(self, header: Sequence[str]) -> dict[str, int] | None:
        """The columns as somebody chose them; None where nobody did for this header."""
        names = heading_names(header)
        mapping = self.picked if self.picked and set(self.picked.values()) <= set(names) else None
        if mapping is None:
            mapping = self.remembered.get(digest_of(header))
        if mapping is None:
            return None
        return {key: names.index(name) for key, name in mapping.items() if key in self.by_key and name in names}

    def map_header(self, cells: Sequence[str]) -> dict[str, int]:
        known = self.known(cells)
        return super().map_header(cells) if known is None else known


def mapped_as_known(source: Source, table: RememberingTable) -> None:
    """What somebody chose is all there is: a column that was set aside is not found again by its content."""
    known = table.known(source.header)
    if known is not None:
        source.mapping = known
        source.unknown = [
            heading.strip() for at, heading in enumerate(source.header) if at not in known.values() and heading.strip()
        ]


def mapping_shown(source: Source, table: RememberingTable) -> dict[str, Any]:
    """The file's columns and what became of them, as a batch keeps it for its page."""
    names = heading_names(source.header)
    how = {}
    if table.known(source.header) is not None:
        by = CHOSEN if table.picked else REMEMBERED
        how = dict.fromkeys(source.mapping, by)
    return {
        "header": names,
        "headings": list(source.header),
        "columns": {
            key: [names[at], how.get(key, CONTENT if names[at] in source.by_content else NAME)]
            for key, at in source.mapping.items()
        },
    }


def remember(batch: Batch) -> None:
    """What was confirmed with a batch is used for the next file of the same source with the same header."""
    shown = batch.plan.get("mapping")
    if shown:
        ColumnMapping.objects.update_or_create(
            target=batch.target,
            source=batch.source,
            header_digest=digest_of(shown["headings"]),
            defaults={
                "mapping": {key: name for key, (name, _) in shown["columns"].items()},
                "changed_at": timezone.now(),
            },
        )
