"""Records under a code (accounts/row_codes.py) that were removed past the product.

Whatever the product removes is an event of the audit, with a code over the keys. The nightly check writes down which records
there were (SeenRows) and looks whether each is still there, or was removed by such an event. The code of what it wrote down
stands in its own event, so that the list cannot be changed either, nor an older one be put back. What it does not tell: a
record that was made and removed between two checks; the audit has the event of its making.
"""

import hmac
import json
from collections.abc import Collection, Iterable
from datetime import UTC, timedelta
from typing import NamedTuple

from django.conf import settings
from django.db import models
from django.utils import timezone

from accounts import audit
from accounts.models import AuditEvent, SeenRows
from accounts.row_codes import CodedRow, on_removed, record_models

ACT = "accounts.rows.remove"
OVERLAP = timedelta(days=1)  # an event is as old as its act, which may end long after the check that did not see it
Runs = list[list[int]]  # first and last key of each unbroken series


def register() -> None:
    on_removed(tell)


def tell(model: type[models.Model], keys: Collection[int]) -> None:
    """Who did it, and why, is told by the act that removes them."""
    label = model._meta.label_lower
    audit.record(ACT, by=None, subject_type=label, subjects=keys, detail={"code": code_of("gone", label, list(keys))})


def code_of(*said) -> str:
    """For an event that stands for something: whoever has the web role's password may add events, and makes no code."""
    key = hmac.digest(settings.DIGEST_KEY, b"removed rows", "sha256")
    return hmac.digest(key, json.dumps(said, sort_keys=True).encode(), "sha256").hex()


def has_code(event: AuditEvent, *said) -> bool:
    return isinstance(event.detail, dict) and event.detail.get("code") == code_of(*said)


def _code_of(seen: SeenRows) -> str:
    return code_of("seen", seen.table, seen.checked_at.astimezone(UTC).isoformat(), seen.runs)


class Looked(NamedTuple):
    """By name: records that are gone, tables whose list was changed itself; and the code of each new list."""

    gone: list[str]
    false_lists: list[str]
    codes: dict[str, str]


def look(changed: Iterable[CodedRow], last: AuditEvent | None) -> Looked:
    """Compare with the lists and write new ones, which keep what is gone.

    `changed`: the records of today that are not whole. They join no list, for the owner may remove them. `last`: the newest
    check, which has the codes of the lists it wrote. A list that is not as it was written is told, and not read: nothing can be
    made of it.
    """
    looked = Looked([], [], {})
    false = {(row._meta.label_lower, row.pk) for row in changed}
    for model in record_models():
        label = model._meta.label_lower
        before = SeenRows.objects.filter(table=label).first()
        if last and label in last.detail["seen"] and not (before and last.detail["seen"][label] == _code_of(before)):
            looked.false_lists.append(label)
            before = None
        seen = _keys(before.runs) if before else set()
        there = set(model._base_manager.values_list("pk", flat=True).iterator())
        told = _told(label, before.checked_at - OVERLAP) if before else set()
        looked.gone.extend(f"{label}:{key}" for key in sorted(seen - there - told))
        whole = {key for key in there if (label, key) not in false}
        runs = _runs((seen | whole) - told)
        now, _ = SeenRows.objects.update_or_create(table=label, defaults={"runs": runs, "checked_at": timezone.now()})
        looked.codes[label] = _code_of(now)
    return looked


def _told(label: str, since) -> set[int]:
    events = AuditEvent.objects.filter(act=ACT, subject_type=label, at__gte=since)
    return {key for event in events if has_code(event, "gone", label, event.subjects) for key in event.subjects}


def _runs(keys: Iterable[int]) -> Runs:
    runs: Runs = []
    for key in sorted(keys):
        if runs and runs[-1][1] == key - 1:
            runs[-1][1] = key
        else:
            runs.append([key, key])
    return runs


def _keys(runs: Runs) -> set[int]:
    return {key for first, last in runs for key in range(first, last + 1)}
