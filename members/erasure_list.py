"""The list of who was erased and what was taken back, outside the database: after a restore it is played again
(`manage.py replay_erasures`).

One line of JSON for each row: its table, its number, when it was entered, what was done. No person's data, no digest of any.
The time of entry keeps a number that was given to somebody else after the restore from being taken for the erased one. The
list must not lie in what is restored: ERASURE_LIST names its place.
"""

import json
import logging
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import models
from django.db.models import Q

from members.models import Consent, Member, Pledge, Receipt, Registration

logger = logging.getLogger(__name__)

ERASE, WITHDRAW = "erase", "withdraw"
ENTERED = {
    Member: "entered_at", Registration: "submitted_at", Receipt: "made_at", Consent: "given_at", Pledge: "consented_at",
}  # fmt: skip
TABLES: dict[str, type[models.Model]] = {model._meta.label_lower: model for model in ENTERED}
STILL = {ERASE: Q(erased_at__isnull=True), WITHDRAW: Q(withdrawn_at__isnull=True)}  # not done, as it stands now
ACTS = {Member: {ERASE}, Registration: {ERASE, WITHDRAW}, Receipt: {WITHDRAW}, Consent: {WITHDRAW}, Pledge: {WITHDRAW}}


class BadList(Exception):
    """A line that is none of ours; says which."""


@dataclass(frozen=True)
class Erased:
    table: str
    id: int
    entered_at: str
    act: str = ERASE  # lines of older versions say none

    @classmethod
    def of(cls, row: models.Model, act: str) -> "Erased":
        return cls(row._meta.label_lower, row.pk, getattr(row, ENTERED[type(row)]).isoformat(), act)  # type: ignore[index]

    def row(self) -> models.Model | None:
        """The row as it stands now, where it is not erased, or not taken back."""
        model = TABLES[self.table]
        entered = {ENTERED[model]: datetime.fromisoformat(self.entered_at)}  # type: ignore[index]
        return model._default_manager.filter(STILL[self.act], pk=self.id, **entered).first()


def path() -> Path:
    return Path(settings.ERASURE_LIST)


def erased_write(rows: Iterable[models.Model]) -> None:
    """Add them, on the disk before the erasing transaction ends: who is on the list and was not erased was due anyway."""
    _add(Erased.of(row, ERASE) for row in rows)


def withdrawn_write(rows: Iterable[models.Model]) -> None:
    """Add what the person took back: who is on the list and whose act came to nothing had asked for it. Without its list
    a withdrawal goes on: it is always possible, and a full disk is the operator's."""
    try:
        _add(Erased.of(row, WITHDRAW) for row in rows)
    except OSError:
        logger.exception("a withdrawal is not on the list %s: played again after a restore it will not be", path())


def _add(entries: Iterable[Erased]) -> None:
    lines = "".join(json.dumps(asdict(entry)) + "\n" for entry in entries)
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
                if entry.act not in ACTS[TABLES[entry.table]]:
                    raise ValueError(entry.act)
            except (ValueError, TypeError, KeyError) as error:
                raise BadList(f"抹除清单第 {number} 行读不懂，没有抹除任何内容。请核对文件 {file}。") from error
            yield entry
