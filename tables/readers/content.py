"""Which column is which where its name does not say so: by what its cells hold. Never a personal column."""

from collections.abc import Sequence

from tables.readers.base import STRIPPED
from tables.table import Column, Table, header_key

SAMPLE = 3  # cells at least
SHARE = 0.8  # of them that must be recognised
NAMELESS = frozenset({"", "日期", "时间", "代码", "编码", "号码", "名字", "类型", "类别", "地点", "列"})


def recognise(
    table: Table, header: Sequence[str], mapping: dict[str, int], rows: Sequence[Sequence[str]]
) -> dict[str, int]:
    """Columns of ours that no name leads to, with the one column of the file that holds such cells.

    A column that has a name of its own means something else (核准日期 is not 成立日期): it is taken only for what a file
    cannot do without. Two columns that both could be it are not taken.
    """
    needed = {key for group in table.needs if not any(key in mapping for key in group) for key in group}
    taken = set(mapping.values())
    width = max([len(header), *map(len, rows)], default=0)
    free = [at for at in range(width) if at not in taken]
    fitting: dict[str, list[int]] = {}
    for column in table.imported():
        if column.key in mapping or column.personal or column.recognised is None:
            continue
        fitting[column.key] = [
            at for at in free if (column.key in needed or _nameless(header, at)) and _holds(column, _cells(rows, at))
        ]
    claims = [at for places in fitting.values() for at in places]
    return {key: places[0] for key, places in fitting.items() if len(places) == 1 and claims.count(places[0]) == 1}


def _nameless(header: Sequence[str], at: int) -> bool:
    name = header_key(header[at]) if at < len(header) else ""
    return name.rstrip("0123456789") in NAMELESS or name.startswith(("unnamed", "column"))


def _cells(rows: Sequence[Sequence[str]], at: int) -> list[str]:
    found = [row[at].strip(STRIPPED) for row in rows if at < len(row)]
    return [cell for cell in found if cell]


def _holds(column: Column, cells: Sequence[str]) -> bool:
    fits = sum(bool(column.recognised and column.recognised(cell)) for cell in cells)
    return len(cells) >= SAMPLE and fits >= SHARE * len(cells)
