"""The first load of a city: into a table without indexes and foreign keys, which are built when all rows are in.

Everything is one transaction. While it lasts nobody reads the table, or organizations and divisions, to which its keys
lead; so it begins only when everything is read and judged, and where readers keep the table busy the rows go the
ordinary way.
"""

from collections.abc import Callable

from django.db import OperationalError, transaction
from psycopg2.errors import LockNotAvailable, ObjectNotInPrerequisiteState

from markets.imports import conversions
from markets.imports.plan import STAGE, Plan
from markets.imports.write import declare_new, insert, steps
from tables.faults import fault
from tables.statements import fetch, run
from tables.traces import keep_made, keep_seen

FROM_ROWS = 100_000  # fewer are in before the keys would be built again
# What it takes beside reading and judging the rows, for progress: measured at 4.28 million.
TIMES = 3  # as long as that
ROWS_SHARE = 0.2  # of it until the rows are in; the rest builds keys and indexes

Tell = Callable[[int, str], None]


def is_one(rows: int) -> bool:
    return rows >= FROM_ROWS and not fetch("SELECT EXISTS (SELECT FROM markets_business)")[0][0]


def write(plan: Plan, tell: Tell) -> bool:
    """All staged rows as new ones. False, and nothing done, where it is no first load or the table is busy."""
    if not is_one(plan.staged):
        return False
    ((last,),) = fetch(f"SELECT max(row) FROM {STAGE}")
    run("SET CONSTRAINTS ALL IMMEDIATE")
    bare = _make_bare(last)
    if bare is None:
        return False
    base, to_build = bare
    fault("apply.bare")
    ids = f"{base} + s.row"
    for part in steps():
        insert(plan.rules, f"{STAGE} s", ids, part)
        declare_new(plan, f"{STAGE} s", ids, part)
        tell(round(part[1] * TIMES * ROWS_SHARE), "正在写入")
    fault("apply.rows_in")
    for number in range(to_build):
        tell(round(last * TIMES * (ROWS_SHARE + (1 - ROWS_SHARE) * number / to_build)), "正在建立索引")
        run("SELECT markets_business_rebuild()")
    fault("apply.rebuilt")
    conversions.convert(plan, f"(SELECT s.row, {ids} AS id FROM {STAGE} s)")
    made = keep_made(plan.batch, f"SELECT {ids} FROM {STAGE} s")
    keep_seen(plan.batch, "SELECT 1::bigint WHERE false", made)
    run("SET CONSTRAINTS ALL DEFERRED")
    run("ANALYZE markets_business")
    return True


def _make_bare(last: int) -> tuple[int, int] | None:
    """Number before the first id, and how many keys and indexes there are to build; None where the table is busy."""
    try:
        with transaction.atomic():
            return fetch("SELECT base, steps FROM markets_business_bare(%s)", [last])[0]
    except OperationalError as busy:
        if isinstance(busy.__cause__, LockNotAvailable | ObjectNotInPrerequisiteState):
            return None
        raise
