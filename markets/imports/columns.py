"""Whole columns of cells made from others."""

import numpy as np
import polars as pl

from markets import codes
from tables.cells import masked

CODES = ("code", "legacy", "predecessor")


def replaced(cells: pl.Series, at: np.ndarray, mended: list[str | None]) -> pl.Series:
    """A copy with other texts at some places: the file's own cells are still needed to tell of errors."""
    return cells.clone().scatter(at, pl.Series(mended, dtype=pl.String))


def either(first: pl.Series, takes_first: pl.Series, second: pl.Series, takes_second: pl.Series) -> pl.Series:
    """The first column's code where it is of the wanted kind, else the second's."""
    mine = first.zip_with(takes_first.fill_null(False), pl.Series([None] * len(first), dtype=pl.String))
    other = second.zip_with(takes_second.fill_null(False), pl.Series([None] * len(second), dtype=pl.String))
    return mine.zip_with(mine.is_not_null(), other)


def as_told(key: str, cells: pl.Series) -> pl.Series:
    """Wrong cells as an error keeps them: where a code should stand, somebody's identity number may."""
    if key not in CODES:
        return cells
    return pl.Series(
        [masked(text) if codes.is_identity_number(text or "") else text for text in cells], dtype=pl.String
    )
