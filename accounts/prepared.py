"""Statements that each connection plans once: of some that every page asks, planning takes longer than answering."""

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

from django.db import DEFAULT_DB_ALIAS, models

from accounts.postgres import connection


class Prepared:
    """`sql` has its parameters as $1, $2 … with their types; `name` is no other statement's. One that `meets_persons` reads
    walled tables; any other answers the same to everybody, and the connection need not be told who asks."""

    def __init__(self, name: str, sql: str, *, meets_persons: bool = True):
        self.name, self.sql, self.meets_persons = name, sql, meets_persons

    def rows(self, *values: Any) -> list[tuple]:
        with nullcontext() if self.meets_persons else connection.without_persons(), connection.cursor() as cursor:
            if self.name not in connection.prepared:
                cursor.execute(f"PREPARE {self.name} AS {self.sql}")
                connection.prepared |= {self.name}
            cursor.execute(f"EXECUTE {self.name} ({', '.join(['%s'] * len(values))})", values)
            return cursor.fetchall()


class Columns:
    """All columns of a model, as a statement asks for them under an alias, and the instance that they make."""

    def __init__(self, model: type[models.Model], alias: str):
        fields = model._meta.concrete_fields
        self.model, self.names = model, [field.attname for field in fields]
        self.sql = ", ".join(f'{alias}."{field.column}"' for field in fields)
        self._key = self.names.index(model._meta.pk.attname)

    def __len__(self) -> int:
        return len(self.names)

    def instance(self, values: Sequence) -> Any:
        """None where an outer join found nothing."""
        return None if values[self._key] is None else self.model.from_db(DEFAULT_DB_ALIAS, self.names, values)
