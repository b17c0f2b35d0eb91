"""The file of only the wrong rows: to take home, mend and send again."""

import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import numpy as np

from accounts.sealed_files import create_sealed, open_sealed
from tables.errors import Errors
from tables.exports import Mark, rows_as
from tables.readers import Source

EXTRAS = ("原行号", "原因", "建议")  # beside the file's own columns; passed over in silence when the file comes back


def write_wrong_rows(*, source: Source, errors: Errors, to: Path, heard: Callable[[], None]) -> None:
    """Keep the rows that are wrong: the file's own columns, their number, reasons, suggestions. Gzipped JSON
    lines, encrypted as the upload is. `heard` may raise to give up."""
    told = errors.wrong_rows()
    if not told:
        return
    wanted = np.fromiter(told, dtype=np.int64)
    own = [at for at, heading in enumerate(source.header) if heading.strip() not in EXTRAS]
    with create_sealed(to) as sealed, gzip.open(sealed, "wt", encoding="utf-8", compresslevel=3) as file:
        file.write(json.dumps([*(source.header[at] for at in own), *EXTRAS], ensure_ascii=False) + "\n")
        for block in source.blocks():
            heard()
            for at in np.flatnonzero(np.isin(block.numbers, wanted)):
                number, cells = int(block.numbers[at]), block.row(int(at))
                line = [*(cells[place] for place in own), str(number), *told[number]]
                file.write(json.dumps(line, ensure_ascii=False) + "\n")


def wrong_rows_as(path: Path, format: str, mark: Mark) -> Iterator[bytes]:
    """The kept wrong rows as csv or xlsx. Raises FileNotFoundError when they are gone, CannotDecrypt."""
    lines = _lines(open_sealed(path))
    header = next(lines)
    return rows_as(format, "有误的行", header, lines, mark)


def _lines(sealed: IO[bytes]) -> Iterator[list[str]]:
    with sealed, gzip.open(sealed, "rt", encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)
