"""Which codes the rows of a file carry: the later row of a code is a duplicate."""

from dataclasses import dataclass, field

import numpy as np

from markets import codes

HASH_FACTOR = np.uint64(0x9E3779B97F4A7C15)  # odd, so that no bit is lost


@dataclass
class Claims:
    """Which codes the rows read so far carry, to find duplicates when all are read. 30 bytes a row."""

    codes: list[np.ndarray] = field(default_factory=list)
    rows: list[np.ndarray] = field(default_factory=list)

    def add(self, claimed: list[str], rows: np.ndarray) -> None:
        if len(claimed):
            self.codes.append(np.array(claimed, dtype="S18"))
            self.rows.append(rows.astype(np.int32))

    def later(self) -> list[tuple[int, int, str]]:
        """Rows whose code an earlier row carries: (row, the first row with that code, the code)."""
        if not self.codes:
            return []
        claimed, rows = np.concatenate(self.codes), np.concatenate(self.rows)
        letters = claimed.view(np.uint8).reshape(-1, codes.LENGTH)
        # A hash first, because sorting numbers is an order faster than sorting texts; equal codes have equal hashes.
        mixed = np.zeros(len(letters), np.uint64)
        for at in range(codes.LENGTH):
            mixed = mixed * HASH_FACTOR + letters[:, at]
        order = np.argsort(mixed, kind="stable")
        same = mixed[order][1:] == mixed[order][:-1]
        return _later_in_runs(order, same, claimed, rows)


def _later_in_runs(order, same, claimed, rows) -> list[tuple[int, int, str]]:
    """Within each run of equal hashes: the rows that are not the first of their code."""
    ends = np.flatnonzero(same)
    members = order[np.unique(np.concatenate([ends, ends + 1]))]
    first_row: dict[bytes, int] = {}
    later = []
    for at in members[np.argsort(rows[members], kind="stable")]:
        code, row = claimed[at], int(rows[at])
        first = first_row.setdefault(code, row)
        if first != row:
            later.append((row, first, code.decode()))
    return later
