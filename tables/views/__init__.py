"""The pages of importing a file, by noun."""

from tables.views.base import file_response
from tables.views.batches import BatchDetail, BatchList, Cancel, Confirm, ErrorsFile, Recheck
from tables.views.mending import Columns, Fix, FixGroup, Unfix
from tables.views.undo import Conflicts, Undo
from tables.views.upload import Template, Upload

__all__ = [
    "BatchDetail",
    "BatchList",
    "Cancel",
    "Columns",
    "Conflicts",
    "Confirm",
    "ErrorsFile",
    "Fix",
    "FixGroup",
    "Recheck",
    "Template",
    "Undo",
    "Unfix",
    "Upload",
    "file_response",
]
