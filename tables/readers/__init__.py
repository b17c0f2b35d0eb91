"""Reading a file of rows: what it is by its content, where its header stands, its rows in blocks."""

from tables.readers.base import Block, Refused, Source
from tables.readers.open import open_source

__all__ = ["Block", "Refused", "Source", "open_source"]
