"""Reading a file of rows: what it is by its content, where its header stands, its rows in blocks."""

from tables.readers.base import BLOCK_ROWS, Block, Mended, Refused
from tables.readers.open import header_digest, open_source
from tables.readers.source import Part, Source, Unmapped, place, said

__all__ = [
    "BLOCK_ROWS", "Block", "Mended", "Part", "Refused", "Source", "Unmapped", "header_digest", "open_source", "place", "said",
]  # fmt: skip
