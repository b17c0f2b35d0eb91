"""Taking back a batch of a table that was read row by row (tables/importer.py).

These tables carry no `changed_at`. Nothing edits their rows without an audit event, so whoever edited since is found
there, and later batches by their own before-images.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

from django.db import IntegrityError, models, transaction
from django.db.models import Q

from accounts.models import AuditEvent
from accounts.row_codes import removing
from tables.before_images import unsealed
from tables.models import Batch, BatchChange, BatchConflict, BatchRange
from tables.register import Progress
from tables.said_again import said_since
from tables.statements import run
from tables.traces import lock_table

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
        self.begin()
        changes = list(self.batch.changes.exclude(before=None).order_by("record_id"))
        made = self.made()
        done, total = 0, len(changes) + len(made)
        for step in self.steps(changes):
            self._restore(step)
            done += len(step)
            self.progress(done, total, "正在撤销")
        for ids in self.steps(made):
            self.remove(ids)
            done += len(ids)
            self.progress(done, total, "正在撤销")
        run("SET CONSTRAINTS ALL DEFERRED")
        return sorted(self.units)

    def begin(self) -> None:
        lock_table(self.batch.target)  # no file comes to rely on what is about to go
        run("SET CONSTRAINTS ALL IMMEDIATE")  # a row that cannot go back is told from the others at once
        self.batch.conflicts.all().delete()

    def made(self) -> list[int]:
        """Children before their parents."""
        ranges = BatchRange.objects.filter(batch=self.batch).order_by("-first")
        return [one for part in ranges for one in range(part.last, part.first - 1, -1)]

    def steps(self, rows: Sequence) -> Iterator[Sequence]:
        return (rows[start : start + STEP] for start in range(0, len(rows), STEP))

    # --- what stays --------------------------------------------------------------------------------------------------

    def touched(self, ids: Sequence[int]) -> dict[int, str]:
        """Records that somebody, or a later batch, wrote since."""
        later = BatchChange.objects.filter(record_id__in=ids, batch__target=self.batch.target).filter(
            Q(batch__applied_at__gt=self.batch.applied_at), batch__state__in=Batch.WRITTEN
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

    def stays(self, ids: Sequence[int]) -> dict[int, str]:
        """New records that do not go, and why, whatever refers to them."""
        return dict.fromkeys(said_since(self.batch, ids), str(Kind.CONFIRMED)) | self.touched(ids)

    def own(self) -> Sequence[type[models.Model]]:
        """Tables whose rows go with the new record that they refer to."""
        return ()

    def references(self) -> list[tuple[type[models.Model], str]]:
        """Every table with a key to the model, also one that the model knows nothing of, and the key's column."""
        fields: Any = self.model._meta.get_fields(include_hidden=True)
        return [(one.related_model, one.field.attname) for one in fields if one.auto_created and not one.concrete]

    def referred_to(self, ids: Iterable[int]) -> set[int]:
        """Records to which something refers that does not go with them."""
        found: set[int] = set()
        for model, column in self.references():
            if model not in self.own():
                rows = model._base_manager.filter(**{f"{column}__in": ids})
                rows = rows.exclude(pk__in=ids) if model is self.model else rows
                found.update(rows.values_list(column, flat=True))
        return found

    def keep(self, kept: dict[int, str]) -> None:
        BatchConflict.objects.bulk_create(
            [BatchConflict(batch=self.batch, record_id=one, kind=kind) for one, kind in kept.items()],
            ignore_conflicts=True,
        )

    # --- what goes back ----------------------------------------------------------------------------------------------

    def _restore(self, changes: Sequence[BatchChange]) -> None:
        ids = [change.record_id for change in changes]
        said = said_since(self.batch, ids)
        kept = {
            one.record_id: str(Kind.CONFIRMED) for one in changes if one.before.keys() & said.get(one.record_id, ())
        }
        kept |= self.touched(ids)
        records = self.model._base_manager.select_for_update().in_bulk(ids)
        going = [
            (records[change.record_id], {name: self._value(name, value) for name, value in change.before.items()})
            for change in changes
            if change.record_id in records and change.record_id not in kept
        ]
        for record, _ in going:
            self.touch(record)
        for record in self._put_back(going):
            kept[record.pk] = str(Kind.GONE)
        for record, _ in going:
            self.touch(record)
        self.keep(kept)

    def _put_back(self, going: list[tuple[Any, dict[str, Any]]]) -> list[Any]:
        """All at once; where the database refuses that, halves, down to the records that cannot go back."""
        if not going:
            return []
        stand = [{name: getattr(record, name) for name in values} for record, values in going]
        try:
            with transaction.atomic():
                self.put_back(going)
            return []
        except IntegrityError:
            for (record, _), values in zip(going, stand, strict=True):
                for name, value in values.items():
                    setattr(record, name, value)
        if len(going) == 1:
            return [going[0][0]]
        half = len(going) // 2
        return self._put_back(going[:half]) + self._put_back(going[half:])

    def _value(self, name: str, kept: Any) -> Any:
        if isinstance(kept, dict):
            return unsealed(kept)  # text, whatever the column is made of
        return self.model._meta.get_field(name).to_python(kept)

    def put_back(self, records: Sequence[tuple[Any, dict[str, Any]]]) -> None:
        columns: set[str] = set()
        for record, values in records:
            for name, value in values.items():
                setattr(record, name, value)
                columns.add(self.model._meta.get_field(name).name)
        self.model._default_manager.bulk_update([record for record, _ in records], sorted(columns))

    def remove(self, ids: Sequence[int]) -> None:
        self.take_away(self.leaving(ids))

    def leaving(self, ids: Sequence[int]) -> set[int]:
        """New records that nobody touched and nothing refers to; the others are listed."""
        kept = self.stays(ids)
        going = set(ids) - kept.keys()
        while stays := self.referred_to(going):  # one that stays may keep another of them
            kept |= dict.fromkeys(stays, str(Kind.REFERRED))
            going -= stays
        self.keep(kept)
        return going

    def take_away(self, going: Collection[int]) -> None:
        for model, column in self.references():
            if model in self.own():
                self.forget(model, column, going)
        records = self.model._base_manager.filter(pk__in=going)
        self.touch_going(records)
        removing(records)
        records._raw_delete(records.db)  # nothing refers to them, so nothing is to be collected

    def forget(self, model: type[models.Model], column: str, ids: Iterable[int]) -> None:
        """Rows of their own that go with new records."""
        rows = model._base_manager.filter(**{f"{column}__in": ids})
        removing(rows)
        rows._raw_delete(rows.db)

    def touch(self, record: Any) -> None:
        self.units.update(unit for unit in self.units_of(record) if unit is not None)

    def touch_going(self, records: models.QuerySet) -> None:
        for record in records:
            self.touch(record)

    def units_of(self, record: Any) -> Iterable[int | None]:
        """Organizations whose numbers move with a record."""
        return (getattr(record, name, None) for name in UNITS)
