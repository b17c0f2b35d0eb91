"""What rows were before a batch: kept while it writes, put back when it is undone. Personal values are encrypted."""

import base64
import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.db import models

from accounts.crypto import decrypt, encrypt
from tables.models import Batch, BatchChange, BatchRange

COLUMN = "tables.batchchange.before"  # bound into the ciphertext
SEALED = "sealed"


def _plain(value: Any, secret: bool) -> Any:
    if value is None or value == "":
        return value
    if isinstance(value, bytes | memoryview):
        value = base64.b64encode(bytes(value)).decode()
    if secret:
        return {SEALED: base64.b64encode(encrypt(str(value), column=COLUMN)).decode()}
    return value if isinstance(value, int | str | bool) else str(value) if isinstance(value, Decimal) else _day(value)


def _day(value: dt.date) -> str:
    return value.isoformat()


def unsealed(value: Any) -> Any:
    """A kept value as JSON tells it; encrypted ones are opened."""
    if isinstance(value, dict) and SEALED in value:
        return decrypt(base64.b64decode(value[SEALED]), column=COLUMN)
    return value


def keep_replaced(
    batch: Batch, rows: Iterable[tuple[models.Model, Mapping[str, Any]]], personal: frozenset[str]
) -> None:
    """The present values of the columns that are about to change."""
    BatchChange.objects.bulk_create(
        BatchChange(
            batch=batch,
            record_id=record.pk,
            before={name: _plain(getattr(record, name), name in personal) for name in changed},
        )
        for record, changed in rows
    )


def keep_made(batch: Batch, ids: Sequence[int]) -> None:
    """Which ids the batch made, as islands of numbers that follow each other."""
    ranges: list[list[int]] = []
    for one in sorted(ids):
        if ranges and ranges[-1][1] == one - 1:
            ranges[-1][1] = one
        else:
            ranges.append([one, one])
    BatchRange.objects.bulk_create(BatchRange(batch=batch, first=first, last=last) for first, last in ranges)
