"""One row of a file that is read row by row (tables/importer.py)."""

from dataclasses import dataclass, field
from typing import Any

from tables.readers import Block


@dataclass(slots=True, eq=False)
class Row:
    """On its way. `said`: what its cells mean, by column; `values`: what the record would hold."""

    number: int
    block: Block
    at: int
    said: dict[str, Any] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    wrong: list[tuple[str, str]] = field(default_factory=list)
    meant: dict[str, str] = field(default_factory=dict)  # what a wrong cell may have been meant to say, by column
    key: Any = None
    record: Any = None  # what stands already
    place: Any = None  # where the row says it stands, in tables that have a place
    parent: Any = None  # what it hangs on, in trees: a record or another row
    changed: dict[str, Any] = field(default_factory=dict)
    verdict: str = ""

    def tell(self, key: str, reason: str) -> None:
        self.wrong.append((key, reason))

    def is_wrong(self, *keys: str) -> bool:
        return any(key in keys for key, _ in self.wrong)
