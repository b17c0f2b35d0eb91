"""A code over the columns of a row that say who may do what, made with a key that the database does not have.

Whoever writes such a row past the product (by SQL, as owner or with a stolen password of the web role) cannot make its
code, and a row without it opens nothing (GB/T 22239-2019 8.1.4.7 b: integrity of 鉴别数据 and 重要配置数据). It is an
HMAC-SHA-256 under a key derived from DIGEST_KEY, which is never changed. What it does not tell: a row that was removed,
and an older state of a row put back together with its code.
"""

import hmac
import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import models, transaction

TOLD = "这一条在系统之外被改动过，不起作用，也不能修改。请系统管理员运行 manage.py verify_rows 核对。"


class RowChanged(ValueError):
    """A row that was changed outside would have been saved, and blessed by that; the message is for whoever saves."""


def _said(field: models.Field, value) -> object:
    """Equal before a row is saved and after it was read."""
    if isinstance(field, models.DateField):
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


class CodedRow(models.Model):
    """A row with a RowCodeField `row_code`."""

    objects = CodedQuerySet.as_manager()

    class Meta:
        abstract = True

    @transaction.atomic
    def save(self, *args, update_fields: Collection[str] | None = None, **options) -> None:  # type: ignore[override]
        """Of some columns only: the code is made with the others as they are stored. Raises RowChanged."""
        field = code_field(type(self))
        changed = set(field.over) if update_fields is None else set(field.over) & set(update_fields)
        if changed and not self._state.adding:
            stored = type(self)._base_manager.select_for_update(no_key=True).get(pk=self.pk)
            if not stored.is_whole:
                raise RowChanged(TOLD)
            for name in set(field.over) - changed:
                attname = self._meta.get_field(name).attname
                setattr(self, attname, getattr(stored, attname))
            if update_fields is not None:
                update_fields = {*update_fields, field.name}
        super().save(*args, update_fields=update_fields, **options)

    @property
    def is_whole(self) -> bool:
        """Whether it says what the product wrote."""
        field = code_field(type(self))
        return hmac.compare_digest(bytes(field.value_from_object(self) or b""), field.code_of(self))


def code_field(model: type[models.Model]) -> RowCodeField:
    field = model._meta.get_field("row_code")
    assert isinstance(field, RowCodeField)
    return field


def coded_models() -> Iterator[type[CodedRow]]:
    return (model for model in apps.get_models() if issubclass(model, CodedRow))


def rows_changed() -> list[CodedRow]:
    """Every row that was written past the product."""
    return [
        row for model in coded_models() for row in model._base_manager.order_by("pk").iterator() if not row.is_whole
    ]


def give_codes(rows: Iterable[models.Model]) -> None:
    """What stands there counts as true from now on: when the column is added, and where the operator has looked."""
    for row in rows:
        type(row)._base_manager.filter(pk=row.pk).update(row_code=code_field(type(row)).code_of(row))
