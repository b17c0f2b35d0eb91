"""Which codes the rows of a file carry: the later row of a code is a duplicate."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from markets import codes

HASH_FACTOR = np.uint64(0x9E3779B97F4A7C15)  # odd, so that no bit is lost


@dataclass
class Claims:
    """Which codes the rows read so far carry, to find duplicates when all are read. 30 bytes a row.

    A hash stands beside each code, because sorting numbers is an order faster than sorting texts; equal codes have equal
    hashes. The codes themselves stay in the pieces they came in: few of them are looked at again.
    """

    codes: list[np.ndarray] = field(default_factory=list)
    rows: list[np.ndarray] = field(default_factory=list)
    hashes: list[np.ndarray] = field(default_factory=list)

    def add(self, claimed: list[str], rows: np.ndarray) -> None:
        if not len(claimed):
            return
        block = np.array(claimed, dtype="S18")
        letters = block.view(np.uint8).reshape(-1, codes.LENGTH)
        mixed = np.zeros(len(block), np.uint64)
        for at in range(codes.LENGTH):
            mixed = mixed * HASH_FACTOR + letters[:, at]
        self.codes.append(block)
        self.rows.append(rows.astype(np.int32))
        self.hashes.append(mixed)

    def later(self) -> list[tuple[int, int, str]]:
        """Rows whose code an earlier row carries: (row, the first row with that code, the code)."""
        if not self.codes:
            return []
        mixed = np.concatenate(self.hashes)
        order = np.argsort(mixed)
        mixed = mixed[order]
        ends = np.flatnonzero(mixed[1:] == mixed[:-1])
        alike = sorted(self._claims(order[np.unique(np.concatenate([ends, ends + 1]))]))
        first_row: dict[bytes, int] = {}
        later = []
        for row, code in alike:
            first = first_row.setdefault(code, row)
            if first != row:
                later.append((row, first, code.decode()))
        return later

    def _claims(self, places: np.ndarray) -> Iterator[tuple[int, bytes]]:
        """Row and code at some places, counted over all pieces."""
        ends = np.cumsum([len(rows) for rows in self.rows])
        for at, piece in zip(places, np.searchsorted(ends, places, side="right"), strict=True):
            within = at - ends[piece] + len(self.rows[piece])
            yield int(self.rows[piece][within]), self.codes[piece][within]
