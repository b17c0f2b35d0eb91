"""Taking back a batch of a table that was read row by row (tables/importer.py).

These tables carry no `changed_at`. Nothing edits their rows without an audit event, so whoever edited since is found
there, and later batches by their own before-images.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import IntegrityError, models, transaction
from django.db.models import Q

from accounts.models import AuditEvent
from tables.before_images import unsealed
from tables.models import Batch, BatchChange, BatchConflict, BatchRange
from tables.register import Progress
from tables.statements import run

STEP = 2_000
UNITS = ("guidance_station_id", "district_committee_id")
Kind = BatchConflict.Kind


class RowUndo:
    """Runs in the caller's transaction, under the import lock. A room overrides what is particular to its rows."""

    edits: tuple[str, ...] = ()  # acts of the audit that count as edits; none: every event about a row is one

    def __init__(self, batch: Batch, model: type[models.Model], progress: Progress) -> None:
        self.batch, self.model, self.progress = batch, model, progress
        self.units: set[int] = set()

    def run(self) -> list[int]:
        run("SET CONSTRAINTS ALL IMMEDIATE")  # a row that cannot go back is told from the others at once
        self.batch.conflicts.all().delete()
        changes = list(self.batch.changes.exclude(before=None).order_by("record_id"))
        made = [
            one
            for part in BatchRange.objects.filter(batch=self.batch).order_by("first")
            for one in range(part.first, part.last + 1)
        ]
        done, total = 0, len(changes) + len(made)
        for start in range(0, len(changes), STEP):
            step = changes[start : start + STEP]
            self._restore(step)
            done += len(step)
            self.progress(done, total, "正在撤销")
        for start in range(0, len(made), STEP):
            ids = made[start : start + STEP]
            self.remove(ids)
            done += len(ids)
            self.progress(done, total, "正在撤销")
        run("SET CONSTRAINTS ALL DEFERRED")
        return sorted(self.units)

    # --- what stays --------------------------------------------------------------------------------------------------

    def touched(self, ids: Sequence[int]) -> dict[int, str]:
        """Records that somebody, or a later batch, wrote since."""
        later = BatchChange.objects.filter(record_id__in=ids, batch__target=self.batch.target).filter(
            Q(batch__applied_at__gt=self.batch.applied_at), batch__state=Batch.State.APPLIED
        )
        found = dict.fromkeys(later.values_list("record_id", flat=True), str(Kind.LATER))
        events = AuditEvent.objects.filter(
            at__gt=self.batch.applied_at, subject_type=self.model._meta.label_lower, subjects__overlap=list(ids)
        )
        if self.edits:
            events = events.filter(act__in=self.edits)
        wanted = set(ids)
        for subjects in events.values_list("subjects", flat=True):
            found |= {one: str(Kind.EDITED) for one in subjects if one in wanted}
        return found

    def referred_to(self, ids: Sequence[int]) -> set[int]:
        found: set[int] = set()
        for relation in self.model._meta.related_objects:
            column = relation.field.attname
            rows = relation.related_model._base_manager.filter(**{f"{column}__in": ids})
            found |= set(rows.values_list(column, flat=True))
        return found

    def keep(self, kept: dict[int, str]) -> None:
        BatchConflict.objects.bulk_create(
            [BatchConflict(batch=self.batch, record_id=one, kind=kind) for one, kind in kept.items()],
            ignore_conflicts=True,
        )

    # --- what goes back ----------------------------------------------------------------------------------------------

    def _restore(self, changes: Sequence[BatchChange]) -> None:
        kept = self.touched([change.record_id for change in changes])
        records = self.model._base_manager.in_bulk([change.record_id for change in changes])
        for change in changes:
            record = records.get(change.record_id)
            if record is None or change.record_id in kept:
                continue
            self.touch(record)
            try:
                with transaction.atomic():
                    self.put_back(record, {name: self._value(name, kept) for name, kept in change.before.items()})
            except IntegrityError:
                kept[change.record_id] = str(Kind.GONE)
            self.touch(record)
        self.keep(kept)

    def _value(self, name: str, kept: Any) -> Any:
        if isinstance(kept, dict):
            return unsealed(kept)  # text, whatever the column is made of
        return self.model._meta.get_field(name).to_python(kept)

    def put_back(self, record: models.Model, values: dict[str, Any]) -> None:
        for name, value in values.items():
            setattr(record, name, value)
        record.save(update_fields=[self.model._meta.get_field(name).name for name in values])

    def remove(self, ids: Sequence[int]) -> None:
        """New records that nobody touched and nothing refers to."""
        kept = self.touched(ids) | dict.fromkeys(self.referred_to(ids), str(Kind.REFERRED))
        going = self.model._base_manager.filter(pk__in=[one for one in ids if one not in kept])
        for record in going:
            self.touch(record)
        going._raw_delete(going.db)  # nothing refers to them, so nothing is to be collected
        self.keep(kept)

    def touch(self, record: models.Model) -> None:
        self.add_units(getattr(record, name, None) for name in UNITS)

    def add_units(self, units: Iterable[int | None]) -> None:
        self.units |= {unit for unit in units if unit is not None}
