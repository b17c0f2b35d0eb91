"""Workbooks that are written into: what stands in each cell, and the same file with some cells filled.

A form keeps its look because nothing of it is written anew: the bytes of a sheet stay as they are except for the cells
that are filled. What no form needs and what could act on whoever opens it is refused before anything is read.
"""

from tables.readers.base import Refused
from tables.workbooks.guard import Workbook, open_workbook
from tables.workbooks.look import Sheet, Spot, address, look, look_through, read_address
from tables.workbooks.write import Extra, filled

__all__ = [
    "Extra",
    "Refused",
    "Sheet",
    "Spot",
    "Workbook",
    "address",
    "filled",
    "look",
    "look_through",
    "open_workbook",
    "read_address",
]
