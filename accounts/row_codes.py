"""A code over the columns of a row that decide, made with a key that the database does not have (GB/T 22239-2019
8.1.4.7 b: integrity of what is stored).

Whoever writes such a row past the product (by SQL, as owner or with a stolen password of the web role) cannot make its
code. A row that says who may do what (a CodedRow) opens nothing then; one that the product keeps (a CodedRecord:
organizations, members, registrations, consents) is found by the nightly check. Neither is saved again before somebody has
looked, for that would bless it. The code is an HMAC-SHA-256 under a key derived from DIGEST_KEY, which is never changed.
What was removed is told by accounts/removals.py; an older state of a row, put back together with its code, by nothing.
"""

import hmac
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from itertools import islice
from typing import Any, ClassVar

from django.apps import apps
from django.conf import settings
from django.db import models, transaction

from accounts.crypto import CannotDecrypt, EncryptedTextField
from accounts.sequences import next_keys

TOLD = "这一条在系统之外被改动过，不起作用，也不能修改。请系统管理员运行 manage.py verify_rows 核对。"
TOLD_OF_RECORDS = "这一条在系统之外被改动过，查清之前不能办理。请告诉系统管理员：运行 manage.py verify_rows 核对。"
PIECE = 2_000  # rows in memory at once

Removed = Callable[[type[models.Model], list[int]], None]
_removed: list[Removed] = []


def on_removed(listener: Removed) -> None:
    """Called before records of a model are removed, with their keys, in the same transaction."""
    _removed.append(listener)


class RowChanged(ValueError):
    """A row that was changed outside would have been saved, and blessed by that; the message is for whoever saves."""


def _said(field: models.Field, value) -> object:
    """Equal before a row is saved and after it was read."""
    if isinstance(field, EncryptedTextField):
        return value or None  # as it is stored
    if not isinstance(field, models.BinaryField):
        value = field.to_python(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return bytes(value).hex() if isinstance(value, bytes | memoryview) else value


class RowCodeField(models.BinaryField):
    """The code over the columns `over` (names of fields), made whenever the row is saved."""

    def __init__(self, *args, over: Sequence[str] = (), **options) -> None:
        self.over = tuple(over)
        super().__init__(*args, **options | {"max_length": 32, "editable": False})

    def deconstruct(self):
        name, path, args, options = super().deconstruct()
        return name, path, args, options | {"over": list(self.over)}

    def code_of(self, row: models.Model) -> bytes:
        """Raises CannotDecrypt where a ciphertext of the row does not open."""
        fields: list[Any] = [self.model._meta.get_field(name) for name in self.over]
        said = [self.model._meta.label_lower, *(_said(field, getattr(row, field.attname)) for field in fields)]
        key = hmac.digest(settings.DIGEST_KEY, b"row codes", "sha256")
        return hmac.digest(key, json.dumps(said, ensure_ascii=False).encode(), "sha256")

    def pre_save(self, model_instance, add):
        code = self.code_of(model_instance)
        setattr(model_instance, self.attname, code)
        return code


class CodedQuerySet(models.QuerySet):
    def update(self, **values) -> int:
        """Raises TypeError: the code is made row by row."""
        if covered := set(values) & set(code_field(self.model).over):
            raise TypeError(f"{self.model.__name__}: {sorted(covered)} stand under the row's code; save the rows")
        return super().update(**values)

    def bulk_create(self, objs, *args, **options):
        objs = list(objs)
        give_keys([row for row in objs if row.pk is None])
        return super().bulk_create(objs, *args, **options)

    def bulk_update(self, objs, fields, *args, **options) -> int:
        """With their codes, made of the other columns as they are stored. Raises what the model's `refusal` says."""
        objs, field = list(objs), code_field(self.model)
        if changed := set(field.over) & set(fields):
            stored = self.model._base_manager.select_for_update(no_key=True).in_bulk([row.pk for row in objs])
            for row in objs:
                row.take_on(stored[row.pk], changed)
                row.row_code = field.code_of(row)
            fields = [*fields, field.name]
        return models.QuerySet[Any](self.model).bulk_update(objs, fields, *args, **options)

    def delete(self) -> tuple[int, dict[str, int]]:
        with transaction.atomic():
            removing(self)
            return models.QuerySet[Any](self.model, query=self.query.chain()).delete()

    @transaction.atomic
    def change(self, **values) -> int:
        """What `update` does elsewhere, of values, for what must not wait until somebody has looked: what a person takes
        back, what is erased, what ends. A row that was changed outside is changed too, and does not become whole."""
        field = code_field(self.model)
        rows: list[Any] = list(self.select_for_update(no_key=True, of=("self",)))
        for row in rows:
            was_whole = row.is_whole
            for name, value in values.items():
                setattr(row, self.model._meta.get_field(name).attname, getattr(value, "pk", value))
            code = {field.name: field.code_of(row)} if was_whole else {}
            self.model._base_manager.filter(pk=row.pk).update(**values, **code)
        return len(rows)


class CodedRow(models.Model):
    """A row with a RowCodeField `row_code`. `refusal`: what is raised where one that was changed outside would be saved."""

    refusal: ClassVar[type[ValueError]] = RowChanged
    told: ClassVar[str] = TOLD

    objects = CodedQuerySet.as_manager()

    class Meta:
        abstract = True

    @transaction.atomic
    def save(self, *args, update_fields: Collection[str] | None = None, **options) -> None:  # type: ignore[override]
        """Of some columns only: the code is made with the others as they are stored. Raises what `refusal` says."""
        field = code_field(type(self))
        changed = set(field.over) if update_fields is None else set(field.over) & set(update_fields)
        if self._state.adding and self.pk is None:
            give_keys([self])
            options["force_insert"] = True
        elif changed and not self._state.adding:
            self.take_on(type(self)._base_manager.select_for_update(no_key=True).get(pk=self.pk), changed)
            if update_fields is not None:
                update_fields = {*update_fields, field.name}
        super().save(*args, update_fields=update_fields, **options)

    def take_on(self, stored: "CodedRow", changed: Collection[str]) -> None:
        """The covered columns that do not change, as they are stored."""
        if not stored.is_whole:
            raise self.refusal(self.told)
        field = code_field(type(self))
        for name in set(field.over) - set(changed):
            attname = self._meta.get_field(name).attname
            setattr(self, attname, getattr(stored, attname))

    @property
    def row_name(self) -> str:
        """How the audit and verify_rows name it: "orgs.posting:17"."""
        return f"{self._meta.label_lower}:{self.pk}"

    @property
    def is_whole(self) -> bool:
        """Whether it says what the product wrote."""
        field = code_field(type(self))
        try:
            return hmac.compare_digest(bytes(field.value_from_object(self) or b""), field.code_of(self))
        except CannotDecrypt:
            return False


class CodedRecord(CodedRow):
    """A row of which there are many: gone through at night (accounts/checking.py)."""

    told = TOLD_OF_RECORDS

    class Meta:
        abstract = True

    @transaction.atomic
    def delete(self, *args, **options) -> tuple[int, dict[str, int]]:
        removing(type(self)._base_manager.filter(pk=self.pk))
        return super().delete(*args, **options)


def give_keys(rows: Sequence[models.Model]) -> None:
    """Where the key stands under the code, it must be known before the row is written."""
    if rows and "id" in code_field(type(rows[0])).over:
        for row, key in zip(rows, next_keys(type(rows[0]), len(rows)), strict=True):
            row.pk = key


def code_field(model: type[models.Model]) -> RowCodeField:
    field = model._meta.get_field("row_code")
    assert isinstance(field, RowCodeField)
    return field


def removing(rows: models.QuerySet) -> None:
    """To be called where the product removes rows in another way than `delete`, before it does. Of records only."""
    if issubclass(rows.model, CodedRecord) and (keys := list(rows.order_by("pk").values_list("pk", flat=True))):
        for listener in _removed:
            listener(rows.model, keys)


def coded_models() -> list[type[CodedRow]]:
    return [model for model in apps.get_models() if issubclass(model, CodedRow)]


def rights_changed() -> list[CodedRow]:
    """Every row of those that say who may do what that was written past the product."""
    return [row for model in coded_models() if not issubclass(model, CodedRecord) for row in changed_rows(model)]


def record_models() -> list[type[CodedRecord]]:
    return [model for model in coded_models() if issubclass(model, CodedRecord)]


def records_changed() -> list[CodedRow]:
    """Every row of those that the product keeps that was written past it. The caller shows the whole city (accounts/wall)."""
    return [row for model in record_models() for row in changed_rows(model)]


def changed_rows(model: type[CodedRow]) -> Iterator[CodedRow]:
    return (row for row in every_row(model) if not row.is_whole)


def every_row(model: type[models.Model]) -> Iterator[Any]:
    """All, in pieces. Where a ciphertext does not open, its piece is read column by column when asked for."""
    keys = iter(model._base_manager.order_by("pk").values_list("pk", flat=True))
    while piece := list(islice(keys, PIECE)):
        rows = model._base_manager.filter(pk__in=piece).order_by("pk")
        try:
            yield from list(rows)
        except CannotDecrypt:
            yield from rows.only("pk")


def give_codes(rows: Iterable[models.Model]) -> int:
    """What stands there counts as true from now on: when the column is added, and where the operator has looked. Returns of
    how many rows; where a ciphertext does not open there is nothing to count as true."""
    given, rows = 0, iter(rows)
    while piece := [row for row in islice(rows, PIECE) if _is_coded_anew(row)]:
        models.QuerySet[Any](type(piece[0])).bulk_update(piece, ["row_code"])
        given += len(piece)
    return given


def _is_coded_anew(row: models.Model) -> bool:
    field = code_field(type(row))
    try:
        setattr(row, field.attname, field.code_of(row))
    except CannotDecrypt:
        return False
    return True
