"""What codes that lost their last digits must have been: the registry's own row of the same name knows them."""

from collections.abc import Sequence

from django.db import connection

from markets.imports.places import Scope
from tables.errors import Errors

TABLE = "import_business_lost"


def propose(lost: Sequence[tuple[int, str, str, str]], errors: Errors, scope: Scope) -> None:
    """Rows (row, column, leading digits, name): the one business in scope with that name and those digits is proposed.

    A spreadsheet keeps fifteen digits and may round the last of them.
    """
    if not lost:
        return
    rows, columns, digits, names = (list(each) for each in zip(*lost, strict=True))
    inside, params = scope.sql("b")
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH lost AS (SELECT * FROM unnest(%s::int[], %s::text[], %s::text[], %s::text[]) "
            "l (row, colname, digits, name) WHERE name <> '') "
            "SELECT l.row, l.colname, min(b.uscc) FROM lost l JOIN markets_business b ON b.name = l.name "
            # CASE: only codes of digits alone are numbers, and AND promises no order.
            "WHERE CASE WHEN b.uscc ~ '^[0-9]{18}$' THEN left(b.uscc, length(l.digits)) = l.digits OR "
            "rpad(l.digits, 18, '0')::numeric = round(b.uscc::numeric, length(l.digits) - 18) ELSE false END "
            f"AND {inside} GROUP BY l.row, l.colname HAVING count(*) = 1",
            [rows, columns, digits, names, *params],
        )
        found = cursor.fetchall()
    for column in {column for _, column, _ in found}:
        mine = [(row, code) for row, each, code in found if each == column]
        errors.suggest([row for row, _ in mine], column, [code for _, code in mine])
