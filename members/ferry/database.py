"""The public side's own database, where no line joins the sides: what waits, the answers, the book, and what the
staff side shows.

There is no table for a person in it, and no migration makes it: what this writes may be run again after every upgrade.
"""

from collections.abc import Iterator

from django.conf import settings
from django.db import connection
from django.db.models import Field, Model

from members.ferry.shown import all_shown, columns_of
from members.models import Answer, FerryFile, Submission

SENT = ("id", "kind", "box", "received_at")
ANSWERED = ("code_index", "sealed", "written_at")
FUNCTION = "members_answer_of(bytea)"


def make_database() -> int:
    """As the owner of that database. Returns how many tables there are."""
    statements = list(_statements())
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
    return len(all_shown()) + 3


def _statements() -> Iterator[str]:
    public, carrier = map(connection.ops.quote_name, (settings.DATABASE_PUBLIC_ROLE, settings.DATABASE_FERRY_ROLE))
    yield from _table(Submission, SENT)
    yield from _table(Answer, ANSWERED)
    yield from _table(FerryFile, columns_of(FerryFile))
    for shown in all_shown():
        yield from _table(shown.model, shown.columns)
    yield f"CREATE UNIQUE INDEX IF NOT EXISTS ferryfile_number_once ON {FerryFile._meta.db_table} (direction, number)"
    yield (
        f"CREATE OR REPLACE FUNCTION {FUNCTION.replace('(', '(asked ')} RETURNS bytea"
        " LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS"
        f" 'SELECT sealed FROM {Answer._meta.db_table} WHERE code_index = asked'"
    )
    yield f"REVOKE ALL ON FUNCTION {FUNCTION} FROM PUBLIC"
    yield f"GRANT USAGE ON SCHEMA public TO {public}, {carrier}"
    yield f"GRANT EXECUTE ON FUNCTION {FUNCTION} TO {public}"
    yield f"GRANT INSERT ({', '.join(SENT)}) ON {Submission._meta.db_table} TO {public}"
    yield f"GRANT SELECT, DELETE ON {Submission._meta.db_table} TO {carrier}"
    yield f"GRANT SELECT, INSERT ON {FerryFile._meta.db_table} TO {carrier}"
    yield f"GRANT SELECT, INSERT, UPDATE, DELETE ON {Answer._meta.db_table} TO {carrier}"
    for shown in all_shown():
        yield f"GRANT SELECT ON {shown.table} TO {public}"
        yield f"GRANT SELECT, INSERT, UPDATE, DELETE ON {shown.table} TO {carrier}"


def _table(model: type[Model], columns: tuple[str, ...]) -> Iterator[str]:
    """The first column is the key. The rows were good where they come from: here nothing else is asked of them."""
    fields = {field.column: field for field in model._meta.concrete_fields}
    table = model._meta.db_table
    yield f"CREATE TABLE IF NOT EXISTS {table} ({columns[0]} {_type(fields[columns[0]], model)} PRIMARY KEY)"
    for name in columns[1:]:
        yield f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {name} {fields[name].db_type(connection)}"


def _type(field: Field, model: type[Model]) -> str:
    own = f" {field.db_type_suffix(connection)}" if model is FerryFile else ""  # its numbers are made here
    return f"{field.db_type(connection)}{own}"
