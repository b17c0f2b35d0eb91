"""Rows that another system sends one request at a time: judged and written as a file's rows are, without a batch.

The same checks, the same column rules, the same versions. There is no before-image: what came in this way is put right
by the next row from the same system, not by taking a batch back.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np

from markets.imports import write
from markets.imports.becomes import Rules
from markets.imports.checks import Checker
from markets.imports.places import Scope
from markets.imports.plan import ALWAYS_BLANK, MATCH, NEW, STAGE, Plan
from markets.rules import COUNTING
from markets.sources import Source
from tables.errors import Errors, Kind
from tables.models import Batch
from tables.readers import Block
from tables.readers.base import series_of
from tables.statements import fetch, run
from tables.traces import lock as import_lock

SOURCE = Source.REGISTRATION  # what other departments' systems send is what the registration system says
MERGED = "。如果上面是合并单元格"  # what a file's reader is told beside the reason; events have no row above
TRIES = 10  # half a second each, for an import that is being written; the sender tries again later


class Busy(Exception):
    """A file is being written. Raised in a transaction that cannot go on."""


@dataclass
class Cells:
    """Rows that were no file: `names` says how the sender calls each column."""

    names: dict[str, str]

    @property
    def mapping(self) -> dict[str, int]:
        return {key: at for at, key in enumerate(self.names)}

    def label(self, key: str) -> str:
        return self.names.get(key, "")

    def block(self, rows: Sequence[dict[str, str | None]]) -> Block:
        cells = [[row.get(key) for key in self.names] for row in rows]
        return Block(np.arange(1, len(rows) + 1), series_of(cells, len(self.names)))


@dataclass
class Verdict:
    """What became of one row. `what`: new, changed, unchanged, wrong, out_of_scope."""

    what: str
    business: int | None = None
    errors: list[tuple[str, str]] = field(default_factory=list)  # (what the sender calls the column, reason)


def lock() -> None:
    """The lock of every import, waited for a moment only. Raises Busy."""
    left = iter(range(TRIES))

    def waiting() -> None:
        if next(left, None) is None:
            raise Busy

    import_lock(waiting)


def take(
    rows: Sequence[dict[str, str | None]], days: Sequence[date], *, scope: Scope, names: dict[str, str]
) -> tuple[list[Verdict], list[int]]:
    """Judge rows with different codes and write what is new or changed, in this transaction, under `lock`.

    `days`: of which day each row is. A verdict for each row, in order, and the units whose numbers moved.
    """
    errors, source = Errors(), Cells(names)
    # Each row has a day of its own: which are older is asked below, not of this batch that never is.
    batch, rules = Batch(target="business", source=SOURCE, file_date=date.max), Rules.of(SOURCE)
    plan = Plan(errors, scope, batch, rules)
    plan.open()
    checker = Checker(source=source, errors=errors, scope=scope)  # type: ignore[arg-type]  # all it needs of a file
    checker.zeros_lost = False  # what a column of a file tells of its rows, events do not tell of each other
    plan.stage(checker.check(source.block(rows)))
    plan.match(names["code"])
    _leave_older(days)
    errors.flush()
    units = write.touched(plan)
    _write(rules)
    return _verdicts(len(rows)), units


def _leave_older(days: Sequence[date]) -> None:
    """A row says nothing against a file of the registry of a later day that spoke of its business."""
    run(
        f"UPDATE {MATCH} m SET differs = false FROM unnest(%s::int[], %s::date[]) d (row, day), "
        "tables_sighting s JOIN tables_batch t ON t.id = s.batch_id "
        "WHERE m.row = d.row AND m.differs AND t.target = 'business' AND t.source = %s AND t.state = %s "
        "AND t.file_date > d.day AND m.id < length(s.ids) * 8::bigint AND get_bit(s.ids, m.id) = 1",
        [list(range(1, len(days) + 1)), list(days), SOURCE, Batch.State.APPLIED],
    )


def _write(rules: Rules) -> None:
    run(
        f"CREATE TEMP TABLE {NEW} ON COMMIT DROP AS SELECT s.row, "
        "nextval(pg_get_serial_sequence('markets_business', 'id')) AS id "
        f"FROM {STAGE} s WHERE NOT EXISTS (SELECT 1 FROM {MATCH} m WHERE m.row = s.row) ORDER BY s.row"
    )
    sets = ", ".join(f"{column} = {value}" for column, value in rules.becomes.items())
    was = ", ".join(f"'{column}', old.{column}" for column in COUNTING)
    now = ", ".join(f"'{column}', new.{column}" for column in COUNTING)
    run(
        f"WITH done AS (UPDATE markets_business b SET {sets}, changed_at = now() "
        f"FROM {STAGE} s JOIN {MATCH} m ON m.row = s.row WHERE b.id = m.id AND m.differs "
        f"RETURNING b.id, old.entered_at, jsonb_build_object({was}) AS was, jsonb_build_object({now}) AS now) "
        "INSERT INTO markets_businessversion (business_id, valid_from, valid_to, values) "
        "SELECT id, COALESCE((SELECT max(valid_to) FROM markets_businessversion o WHERE o.business_id = done.id), "
        "entered_at), now(), jsonb_object_agg(k, v) FROM done, jsonb_each(was) e (k, v) "
        "WHERE v IS DISTINCT FROM now -> k GROUP BY id, entered_at"
    )
    values = {**rules.first, **ALWAYS_BLANK, "id": "n.id", "entered_at": "now()", "changed_at": "now()"}
    run(
        f"INSERT INTO markets_business ({', '.join(values)}) SELECT {', '.join(values.values())} "
        f"FROM {STAGE} s JOIN {NEW} n ON n.row = s.row ORDER BY s.row"
    )
    write.forget_small()


def _verdicts(count: int) -> list[Verdict]:
    told: dict[int, list[tuple[str, str, str]]] = defaultdict(list)
    for row, kind, name, reason in fetch(
        f"SELECT row, kind, colname, reason FROM {Errors.TABLE} ORDER BY row, colname"
    ):
        told[row].append((kind, name, reason.split(MERGED, 1)[0]))
    known = {row: (pk, differs) for row, pk, differs in fetch(f"SELECT row, id, differs FROM {MATCH}")}
    made = dict(fetch(f"SELECT row, id FROM {NEW}"))
    found = []
    for row in range(1, count + 1):
        if row in told:
            is_out = all(kind == Kind.OUT_OF_SCOPE for kind, _, _ in told[row])
            errors = [(name, reason) for _, name, reason in told[row]]
            found.append(Verdict("out_of_scope" if is_out else "wrong", None, errors))
        elif row in made:
            found.append(Verdict("new", made[row]))
        else:
            pk, differs = known[row]
            found.append(Verdict("changed" if differs else "unchanged", pk))
    return found
