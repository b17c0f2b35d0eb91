"""Rows that another system sends one request at a time: judged and written as a file's rows are, without a batch.

The same checks, the same column rules, the same versions, the same differences. There is no before-image: what came in
this way is put right by the next row from the same system, not by taking a batch back. Instead of a batch's sighting
each business keeps the latest day of which it was spoken (EventSighting).
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np

from accounts import audit
from markets.imports import conversions, told, write
from markets.imports.becomes import Rules
from markets.imports.checks import Checker
from markets.imports.places import Scope
from markets.imports.plan import ALWAYS_BLANK, ASKED, LATER, MATCH, NEW, STAGE, Plan
from markets.models import HandOver
from markets.rules import COUNTING
from markets.sources import Source
from tables.errors import Errors, Kind
from tables.models import Batch
from tables.readers import Block
from tables.readers.base import series_of
from tables.statements import fetch, run
from tables.traces import lock as import_lock

SOURCE = Source.REGISTRATION  # what other departments' systems send is what the registration system says
# What a file's reader is told beside the reason: events have no row above, and their answers no column of proposals.
BESIDE = re.compile("。如果上面是合并单元格.*|(?<=。)[^。]*建议值。$")
TRIES = 10  # half a second each, for an import that is being written; the sender tries again later
WAITS, NOT_AGREED = "waits", "not_agreed"


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
    is_older: bool = False  # than something else that was said of this business: nothing was written
    hand_over: str = ""  # the row says another district: WAITS for an answer, or the answer was no


def lock() -> None:
    """The lock of every import, waited for a moment only. Raises Busy."""
    left = iter(range(TRIES))

    def waiting() -> None:
        if next(left, None) is None:
            raise Busy

    import_lock(waiting)


def take(
    rows: Sequence[dict[str, str | None]], days: Sequence[date], *, scope: Scope, names: dict[str, str], sender: str
) -> tuple[list[Verdict], list[int]]:
    """Judge rows with different codes and write what is new or changed, in this transaction, under `lock`.

    `days`: of which day each row is; `sender`: the system that sends them. A verdict for each row, in order,
    and the units whose numbers moved.
    """
    if not any(row.get("predecessor") for row in rows):  # a column that nobody uses costs nothing
        names = {key: name for key, name in names.items() if key != "predecessor"}
    errors, source = Errors(), Cells(names)
    plan = Plan(errors, scope, Batch(target="business", source=SOURCE), Rules.of(SOURCE), sender=sender)
    plan.open()
    plan.date(days)
    checker = Checker(source=source, errors=errors, scope=scope)  # type: ignore[arg-type]  # all it needs of a file
    checker.zeros_lost = False  # what a column of a file tells of its rows, events do not tell of each other
    plan.stage(checker.check(source.block(rows)))
    _wait_for_others()
    plan.match(names["code"])
    conversions.settle(plan, source.label("predecessor"))
    errors.flush()
    run(f"DELETE FROM {ASKED} a USING {Errors.TABLE} e WHERE e.row = a.row AND e.kind = '{Kind.WRONG}'")
    units = sorted({*write.touched(plan), *conversions.touched(plan)})
    _write(plan)
    return _verdicts(len(rows)), units


def _wait_for_others() -> None:
    """Who is deciding a hand-over or saving one of these businesses just now comes first: the plan rests on what stands
    afterwards. Requests before businesses, as who decides them locks them."""
    known = "SELECT id FROM markets_business WHERE uscc = ANY(%s) OR legacy_registration_no = ANY(%s)"
    codes = [code for (code,) in fetch(f"SELECT COALESCE(uscc, legacy_registration_no) FROM {STAGE}")]
    run(
        f"SELECT FROM markets_handover WHERE state = 'asked' AND business_id IN ({known}) ORDER BY id FOR UPDATE",
        [codes, codes],
    )
    run(f"SELECT FROM markets_business WHERE id IN ({known}) ORDER BY id FOR NO KEY UPDATE", [codes, codes])


def _write(plan: Plan) -> None:
    rules = plan.rules
    told.hear(plan)
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
    told.confirm(plan)
    conversions.convert(plan, NEW)
    write.forget_small()
    told.keep_differences(plan)
    told.keep_absent(plan)
    _ask(plan)
    _keep_seen(plan)


def _ask(plan: Plan) -> None:
    asked = told.ask(plan)
    if asked:
        audit.record(
            "markets.handover.ask", by=None, subjects=[pk for pk, _ in asked], subject_type=HandOver._meta.label_lower,
            units={to for _, to in asked}, detail={"system": plan.sender, "rows": len(asked)},
        )  # fmt: skip


def _keep_seen(plan: Plan) -> None:
    run(
        f"INSERT INTO markets_eventsighting AS e (business_id, source, day, told_at) SELECT m.id, %s, {plan.day}, now() "
        f"FROM (SELECT row, id FROM {MATCH} UNION ALL SELECT row, id FROM {NEW}) m "
        "ON CONFLICT (business_id, source) DO UPDATE SET day = excluded.day, told_at = now() WHERE e.day <= excluded.day",
        [plan.batch.source],
    )


def _verdicts(count: int) -> list[Verdict]:
    problems: dict[int, list[tuple[str, str, str]]] = defaultdict(list)
    for row, kind, name, reason in fetch(
        f"SELECT row, kind, colname, reason FROM {Errors.TABLE} ORDER BY row, colname"
    ):
        problems[row].append((kind, name, BESIDE.sub("", reason)))
    is_older = f"EXISTS (SELECT FROM {LATER} l WHERE l.id = m.id)"
    known = {row: rest for row, *rest in fetch(f"SELECT row, id, differs, {is_older} FROM {MATCH} m")}
    made = dict(fetch(f"SELECT row, id FROM {NEW}"))
    waits = "EXISTS (SELECT FROM markets_handover h WHERE h.business_id = m.id AND h.state = 'asked')"
    asked = dict(
        fetch(
            f"SELECT row, CASE WHEN {waits} THEN '{WAITS}' ELSE '{NOT_AGREED}' END FROM {ASKED} m WHERE NOT {is_older}"
        )
    )
    found = []
    for row in range(1, count + 1):
        if row in problems:
            is_out = all(kind == Kind.OUT_OF_SCOPE for kind, _, _ in problems[row])
            errors = [(name, reason) for _, name, reason in problems[row]]
            found.append(Verdict("out_of_scope" if is_out else "wrong", None, errors, hand_over=asked.get(row, "")))
        elif row in made:
            found.append(Verdict("new", made[row]))
        else:
            pk, differs, is_older = known[row]
            what = "changed" if differs else "unchanged"
            found.append(Verdict(what, pk, is_older=is_older, hand_over=asked.get(row, "")))
    return found
