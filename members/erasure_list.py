"""The list of who was erased, outside the database: after a restore it is played again (`manage.py replay_erasures`).

One line of JSON for each row: its table, its number, when it was entered. No person's data, no digest of any. The time of
entry keeps a number that was given to somebody else after the restore from being taken for the erased one. The list must
not lie in what is restored: ERASURE_LIST names its place.
"""

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import models

from members.models import Member, Registration

ENTERED = {Member: "entered_at", Registration: "submitted_at"}
TABLES: dict[str, type[models.Model]] = {model._meta.label_lower: model for model in ENTERED}


class BadList(Exception):
    """A line that is none of ours; says which."""


@dataclass(frozen=True)
class Erased:
    table: str
    id: int
    entered_at: str

    @classmethod
    def of(cls, row: Member | Registration) -> "Erased":
        return cls(row._meta.label_lower, row.pk, getattr(row, ENTERED[type(row)]).isoformat())

    def row(self) -> models.Model | None:
        """The row as it stands now, where it is not erased."""
        model = TABLES[self.table]
        entered = {ENTERED[model]: datetime.fromisoformat(self.entered_at)}  # type: ignore[index]
        return model._default_manager.filter(pk=self.id, erased_at__isnull=True, **entered).first()


def path() -> Path:
    return Path(settings.ERASURE_LIST)


def erased_write(rows: Iterable[Member | Registration]) -> None:
    """Add them, on the disk before the erasing transaction ends: who is on the list and was not erased was due anyway."""
    lines = "".join(json.dumps(asdict(Erased.of(row))) + "\n" for row in rows)
    path().parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path().open("a", encoding="utf-8") as file:
        file.write(lines)
        file.flush()
        os.fsync(file.fileno())


def erased_read(file: Path) -> Iterator[Erased]:
    """Raises BadList, OSError. A last line that was cut off by a crash counts as none."""
    with file.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if not line.endswith("\n"):
                return
            try:
                entry = Erased(**json.loads(line))
                datetime.fromisoformat(entry.entered_at)
                TABLES[entry.table]
            except (ValueError, TypeError, KeyError) as error:
                raise BadList(f"抹除清单第 {number} 行读不懂，没有抹除任何内容。请核对文件 {file}。") from error
            yield entry
