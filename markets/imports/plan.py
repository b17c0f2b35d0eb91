"""From judged rows to the database: one hash join with what is there, one UPDATE, one INSERT. Never a row at a time.

Everything runs in the caller's transaction. Staging tables are temporary and gone at its end; they hold no persons,
head-counts only.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

import polars as pl

from markets.imports.becomes import Rules, may
from markets.imports.places import Scope
from markets.rules import KEEPS_HEADS_FROM, TAKEN
from tables.copying import copy_in
from tables.errors import Errors, Kind
from tables.models import Batch
from tables.statements import fetch, run
from tables.traces import digest_of, see_later

STAGE, MATCH, NEW = "import_business", "import_business_match", "import_business_new"
SAYS_BEFORE = "import_business_says_before"  # row, code of the predecessor; of the rows that name one
LATER = "import_business_later"  # businesses that a later file spoke of
DAYS = "import_business_day"  # row, day; of rows that have a day of their own

OUTSIDE, NAMED, ASKED = "import_business_outside", "import_business_named", "import_business_asked"

COLUMNS = {
    "row": "int NOT NULL",
    "uscc": "text",
    "legacy_registration_no": "text",
    "name": "text NOT NULL",
    "name_pinyin": "text NOT NULL",
    "entity_type": "text NOT NULL",
    "entity_type_text": "text NOT NULL",
    "only_scale": "boolean NOT NULL",
    "scale": "text",
    "status": "text",
    "industry": "text",
    "registered_on": "date",
    "employees": "int",
    "address": "text",
    "market_id": "bigint",
    "district_committee_id": "bigint",
    "guidance_station_id": "bigint",
    "district_id": "bigint",
    "street_id": "bigint",
    "placed_by": "text NOT NULL",
    "street_said": "boolean NOT NULL",
    "full_members": "int",
    "members_incl_probationary": "int",
    "heads": "boolean NOT NULL",
}

# Of the database's memory for the big joins, which one import at a time takes: what the administrator gave the server for
# its pages says how large the machine is. A hash takes twice of it; a city's registry needs 1.4 GB not to go by the disk.
SORT_IN_MEMORY = (
    "SELECT set_config('work_mem', greatest(256 * 1024, pg_size_bytes(current_setting('shared_buffers')) / 4096) || 'kB', "
    "true)"
)

ALWAYS_BLANK = {"not_operating": "''", "is_key": "false"}


PLACED = ("row", "uscc", "legacy_registration_no", "name", "district_committee_id", "guidance_station_id",
          "district_id", "street_id", "status")  # fmt: skip


def keeps_heads(kind: str, employees: str) -> str:
    return f"({kind} <> 'sole_trader' AND COALESCE({employees}, 0) >= {KEEPS_HEADS_FROM})"


@dataclass
class Plan:
    """The staged rows of one file, matched with the businesses they are about."""

    errors: Errors
    scope: Scope
    batch: Batch
    rules: Rules
    counts: dict[str, int] = field(
        default_factory=lambda: {"wrong": 0, "duplicate": 0, "out_of_scope": 0, "duplicate_registry": 0, "older": 0}
    )

    staged: int = 0  # rows in STAGE
    by_old_number: bool = False  # some of them carry one
    has_later: bool = False  # LATER is there
    converts: bool = False  # the file has a column of predecessors: SAYS_BEFORE is there
    has_days: bool = False  # DAYS is there
    sender: str = ""  # a system that sends its rows itself: no person has seen this plan
    has_new: bool = True  # unless every row was found to be about a business that is there

    @property
    def day(self) -> str:
        """On which day row m speaks."""
        return (
            f"(SELECT y.day FROM {DAYS} y WHERE y.row = m.row)" if self.has_days else f"'{self.batch.file_date}'::date"
        )

    def open(self) -> None:
        for table in (STAGE, MATCH, NEW, LATER, OUTSIDE, ASKED, NAMED, SAYS_BEFORE, DAYS):
            run(f"DROP TABLE IF EXISTS {table}")
        columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
        run(f"CREATE TEMP TABLE {STAGE} ({columns}) ON COMMIT DROP")

        outside = ", ".join(f"{name} {COLUMNS[name]}" for name in PLACED)
        run(f"CREATE TEMP TABLE {OUTSIDE} ({outside}) ON COMMIT DROP")
        run(f"CREATE TEMP TABLE {NAMED} (code text, row int) ON COMMIT DROP")

    def date(self, days: Sequence[date]) -> None:
        """Row n of what will be staged speaks of a day of its own, not of the batch's."""
        run(f"CREATE TEMP TABLE {DAYS} ON COMMIT DROP AS SELECT * FROM unnest(%s::int[], %s::date[]) d (row, day)",
            [list(range(1, len(days) + 1)), list(days)])  # fmt: skip
        run(f"CREATE INDEX ON {DAYS} (row)")
        run(f"ANALYZE {DAYS}")
        self.has_days = True

    def stage(self, frame: pl.DataFrame) -> None:
        """Of rows that say they stand outside the person's scope nothing is written, but they may be asked for."""
        inside = frame.filter(~pl.col("out")).select(list(COLUMNS))
        self.staged += inside.height
        self.by_old_number |= inside["legacy_registration_no"].null_count() < inside.height
        copy_in(STAGE, inside)
        copy_in(OUTSIDE, frame.filter("out").select(PLACED))
        if "predecessor" in frame.columns:
            if not self.converts:
                run(f"CREATE TEMP TABLE {SAYS_BEFORE} (row int, code text) ON COMMIT DROP")
                self.converts = True
            said = frame.filter(~pl.col("out") & pl.col("predecessor").is_not_null())
            copy_in(SAYS_BEFORE, said.select("row", pl.col("predecessor").alias("code")))

    def drop(self, rows: list[int]) -> None:
        if rows:
            self.staged -= run(f"DELETE FROM {STAGE} WHERE row = ANY(%s)", [rows])
            run(f"DELETE FROM {OUTSIDE} WHERE row = ANY(%s)", [rows])

    def match(self, label: str) -> None:
        """Find the business of each row; rows that may not touch theirs are told of and leave the plan."""
        run(SORT_IN_MEMORY)
        run(f"CREATE INDEX ON {STAGE} (row)")
        run(f"ANALYZE {STAGE} (row, uscc, legacy_registration_no, heads)")  # the rest tells no plan anything
        select, params = self._matches("uscc")
        run(f"CREATE TEMP TABLE {MATCH} ON COMMIT DROP AS {select}", params)
        if self.by_old_number:
            run(f"INSERT INTO {MATCH} {self._matches('legacy_registration_no')[0]}", params)
            self._settle_old_numbers()
        # Writing looks step by step for what changes; the other millions are never looked for by their row again.
        run(f"CREATE INDEX ON {MATCH} (row) WHERE differs OR heads")
        run(f"ANALYZE {MATCH}")
        self._find_hand_overs()
        self.counts["out_of_scope"] += self.leave(
            f"SELECT row FROM {MATCH} WHERE outside", Kind.OUT_OF_SCOPE, label, f"'{TAKEN}'"
        )
        if self.sender:
            self._ask_instead_of_moving()
        self.has_later = self._see_later()
        if self.has_later:  # what is older says nothing against what is newer
            self.counts["older"] += run(
                f"UPDATE {MATCH} m SET differs = false, heads = false, dropped = false, confirms = false "
                f"FROM {LATER} l WHERE l.id = m.id"
            )

    def _see_later(self) -> bool:
        """A file is compared with later files and events of its source. Rows with days of their own are with files only:
        their sender puts them in their order, which is finer than by days."""
        source = self.batch.source
        if not self.has_days:
            events = "SELECT business_id AS id FROM markets_eventsighting WHERE source = %s AND day > %s"
            return see_later(self.batch, LATER, events, [source, self.batch.file_date])
        files = (  # each bitmap is taken out of its storage once, as in ids_seen
            "SELECT t.file_date, s.ids || ''::bytea AS ids FROM tables_sighting s JOIN tables_batch t ON t.id = s.batch_id "
            f"WHERE t.target = %s AND t.source = %s AND t.state = %s AND t.file_date > (SELECT min(day) FROM {DAYS}) OFFSET 0"
        )
        run(
            f"CREATE TEMP TABLE {LATER} ON COMMIT DROP AS WITH f AS MATERIALIZED ({files}) SELECT DISTINCT m.id FROM f, "
            f"(SELECT row, id FROM {MATCH} UNION ALL SELECT row, id FROM {ASKED}) m WHERE f.file_date > {self.day} "
            "AND m.id < length(f.ids) * 8::bigint AND get_bit(f.ids, m.id) = 1",
            [self.batch.target, source, Batch.State.APPLIED],
        )
        return True

    def _matches(self, code: str) -> tuple[str, list]:
        outside, params = self.scope.sql("b")
        rules, becomes = self.rules, self.rules.becomes
        kept = keeps_heads(becomes["entity_type"], becomes["employees"])
        heads = f"({rules.full}, {rules.together}) IS DISTINCT FROM (d.full_members, d.members_incl_probationary)"
        heads += f" AND COALESCE(d.as_of <= '{self.batch.file_date}'::date, TRUE)"
        return (
            f"SELECT s.row, b.id, b.changed_at AS seen_at, NOT {outside} AS outside, {rules.differs} AS differs, "
            f"(s.heads AND {kept} AND {heads}) AS heads, (s.heads AND NOT {kept}) AS dropped, "
            f"{rules.confirms} AS confirms, {code == 'legacy_registration_no'} AS by_legacy, "
            "COALESCE(s.uscc <> b.uscc, false) AS another "
            f"FROM {STAGE} s JOIN markets_business b ON b.{code} = s.{code} {rules.latest}",
            params,
        )

    def _find_hand_overs(self) -> None:
        """Mine, and the row says elsewhere: the receiver is asked to take it. Another's, and the row says here: the
        holder is asked to let it go. Nobody is asked for what is not registered any more."""
        inside, params = self.scope.sql("b")
        live = "b.is_registered AND COALESCE({0}.status, 'active') IN ('active', 'dormant')"
        to = "COALESCE({0}.guidance_station_id, {0}.district_committee_id)"
        sides = " UNION ALL ".join(
            f"SELECT b.id, o.row, o.name, {to.format('o')} AS to_id, o.district_id, o.street_id, 'holder' AS asked_from "
            f"FROM {OUTSIDE} o JOIN markets_business b ON b.{code} = o.{code} "
            f"WHERE {inside} AND {live.format('o')}"
            for code in ("uscc", "legacy_registration_no")
        )
        run(
            f"CREATE TEMP TABLE {ASKED} ON COMMIT DROP AS SELECT DISTINCT ON (id) * FROM ({sides} UNION ALL "
            f"SELECT m.id, s.row, s.name, {to.format('s')}, s.district_id, s.street_id, 'receiver' "
            f"FROM {MATCH} m JOIN {STAGE} s ON s.row = m.row JOIN markets_business b ON b.id = m.id "
            f"WHERE m.outside AND {live.format('s')}) q WHERE to_id IS NOT NULL ORDER BY id, row",
            [*params, *params],
        )
        self.counts["hand_over"] = fetch(f"SELECT count(*) FROM {ASKED}")[0][0]

    def _ask_instead_of_moving(self) -> None:
        """Where both districts are in scope a person who confirms a plan moves a business. Without one its place stays,
        and the receiver is asked."""
        to = "COALESCE(s.guidance_station_id, s.district_committee_id)"
        elsewhere = (
            f"FROM {MATCH} m JOIN {STAGE} s ON s.row = m.row JOIN markets_business b ON b.id = m.id "
            f"WHERE s.district_committee_id <> b.district_committee_id AND {may('place', self.batch.source)}"
        )
        run(
            f"INSERT INTO {ASKED} SELECT m.id, s.row, s.name, {to}, s.district_id, s.street_id, 'holder' {elsewhere} "
            "AND b.is_registered AND COALESCE(s.status, 'active') IN ('active', 'dormant')"
        )
        # As a row that says the same district alone, which says nothing against what stands there.
        stays = run(
            f"UPDATE {STAGE} t SET district_committee_id = b.district_committee_id, street_id = b.street_id, "
            "guidance_station_id = b.guidance_station_id, district_id = b.district_id, street_said = false, "
            f"placed_by = CASE WHEN b.district_id IS NULL THEN 'waiting' ELSE 'district' END {elsewhere} AND t.row = s.row"
        )
        if stays:
            run(
                f"UPDATE {MATCH} t SET differs = {self.rules.differs}, confirms = {self.rules.confirms} FROM {MATCH} m "
                f"JOIN {STAGE} s ON s.row = m.row JOIN markets_business b ON b.id = m.id WHERE t.row = m.row"
            )

    def _settle_old_numbers(self) -> None:
        """Rows whose two codes lead to two businesses, and rows that come to one business on two ways."""
        run(
            f"DELETE FROM {MATCH} m USING {MATCH} o "
            "WHERE o.row = m.row AND o.id = m.id AND m.by_legacy AND NOT o.by_legacy"
        )
        conflict = (
            f"SELECT row FROM {MATCH} WHERE another UNION SELECT row FROM {MATCH} GROUP BY row HAVING count(*) > 1"
        )
        twice = f"SELECT m.row FROM {MATCH} m JOIN {MATCH} o ON o.id = m.id AND o.row < m.row"
        contradicted = self.leave(conflict, Kind.WRONG, "注册号", "'注册号与信用代码不属于同一个主体，请核对'")
        repeated = self.leave(twice, Kind.DUPLICATE, "注册号", "'前面已有一行是同一个主体（号码不同），以前一行为准'")
        self.counts["wrong"] += contradicted
        self.counts["duplicate"] += repeated
        self.counts["duplicate_registry"] += contradicted + repeated

    def leave(
        self, rows: str, kind: str, column: str, reason: str, value: str = "COALESCE(s.uscc, s.legacy_registration_no)"
    ) -> int:
        """Tell of the rows that a query gives and take them out of the plan. How many there were."""
        self.errors.flush()
        told = run(
            f"WITH gone AS (DELETE FROM {STAGE} s USING (SELECT DISTINCT row FROM ({rows}) q) x WHERE s.row = x.row "
            f"RETURNING s.*) INSERT INTO {Errors.TABLE} (row, kind, colname, value, reason) "
            f"SELECT s.row, %s, %s, {value}, {reason} FROM gone s",
            [str(kind), column],
        )
        if told:
            self.errors.count += told
            self.staged -= told
            run(f"DELETE FROM {MATCH} m WHERE NOT EXISTS (SELECT 1 FROM {STAGE} s WHERE s.row = m.row)")
        return told

    def digest(self, counts: dict[str, int], *more: str) -> str:
        """Of what each row says and would do, and of the state of the business it would do it to."""
        return digest_of(
            "SELECT hash_record_extended(ROW(s.*, m.id, m.seen_at, m.differs, m.heads), 0) "
            f"FROM {STAGE} s LEFT JOIN {MATCH} m ON m.row = s.row",
            [*sorted(counts.items()), *more],
        )

    @property
    def is_new(self) -> str:
        """Condition on s. Where no row is new nobody looks for one among millions."""
        return f"NOT EXISTS (SELECT 1 FROM {MATCH} m WHERE m.row = s.row)" if self.has_new else "FALSE"

    def count(self) -> dict[str, int]:
        """new, changed, unchanged; dropped: rows with head-counts that are not kept; confirmed: of the unchanged ones."""
        ((matched, changed, dropped, confirmed),) = fetch(
            "SELECT count(*), count(*) FILTER (WHERE differs OR heads), count(*) FILTER (WHERE dropped), "
            f"count(*) FILTER (WHERE confirms AND NOT differs AND NOT heads) FROM {MATCH}"
        )
        self.has_new = self.staged > matched
        new = new_dropped = 0
        if self.has_new:
            kept = keeps_heads("s.entity_type", "s.employees")
            ((new, new_dropped),) = fetch(
                f"SELECT count(*), count(*) FILTER (WHERE s.heads AND NOT {kept}) FROM {STAGE} s WHERE {self.is_new}"
            )
        return {
            "new": new, "changed": changed, "unchanged": matched - changed, "dropped": dropped + new_dropped,
            "confirmed": confirmed,
        }  # fmt: skip
