"""From judged rows to the database: one hash join with what is there, one UPDATE, one INSERT. Never a row at a time.

Everything runs in the caller's transaction. Staging tables are temporary and gone at its end; they hold no persons,
head-counts only.
"""

from dataclasses import dataclass, field

import polars as pl

from markets.imports.places import Scope
from markets.models import Business
from markets.rules import KEEPS_HEADS_FROM, TAKEN
from tables.errors import Errors, Kind, copy_in
from tables.models import Batch
from tables.statements import fetch, run
from tables.traces import digest_of, see_later

STAGE, MATCH, NEW = "import_business", "import_business_match", "import_business_new"
LATER = "import_business_later"  # businesses that a later file spoke of

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

# What a file cannot carry is no difference: invisible characters, outer and doubled white space (tables/cells.py).
_INVISIBLE = r"[\u0001-\u0008\u000e-\u001f\u007f\u00ad\u200b-\u200f\u2028-\u202e\u2060\ufeff]"
_SPACES = r"[\s\u00a0\u3000]+"


def _same_text(column: str) -> str:
    plain = f"btrim(regexp_replace(regexp_replace(b.{column}, '{_INVISIBLE}', '', 'g'), '{_SPACES}', ' ', 'g'))"
    return f"CASE WHEN s.{column} <> b.{column} AND s.{column} <> {plain} THEN s.{column} ELSE b.{column} END"


# The bare label of the type that stands already says nothing against what the registry wrote in full.
_LABEL = " ".join(f"WHEN '{kind.value}' THEN '{kind.label}'" for kind in Business.EntityType)
_TYPE_TEXT = (
    f"CASE WHEN s.only_scale OR (s.entity_type = b.entity_type AND s.entity_type_text = CASE b.entity_type {_LABEL} END) "
    "THEN b.entity_type_text ELSE s.entity_type_text END"
)
# The same street again (or the same district alone again) says nothing against the guidance station somebody chose.
_STAYS = (
    "(s.placed_by = 'street' AND b.street_id = s.street_id AND b.guidance_station_id IS NOT NULL) "
    "OR (s.placed_by = 'district' AND b.district_id = s.district_id) "
    "OR (s.placed_by = 'waiting' AND b.district_id IS NOT DISTINCT FROM s.district_id)"
)
# An office without a street of its own in the row does not move a business to another street of the same district;
# the office where it stands already says nothing about its street.
_STREET = (
    f"CASE WHEN s.street_said THEN s.street_id WHEN {_STAYS} THEN b.street_id "
    "WHEN s.placed_by = 'office' AND b.guidance_station_id = s.guidance_station_id THEN b.street_id "
    "WHEN s.placed_by = 'office' AND COALESCE(b.district_id = s.district_id, s.district_id IS NULL) "
    "THEN COALESCE(b.street_id, s.street_id) ELSE s.street_id END"
)
# What each column becomes: b is the business as it is, s the row of the file. A blank cell never clears.
BECOMES = {
    "uscc": "COALESCE(s.uscc, b.uscc)",
    "legacy_registration_no": "COALESCE(s.legacy_registration_no, b.legacy_registration_no)",
    "name": _same_text("name"),
    "entity_type": "CASE WHEN s.only_scale THEN b.entity_type ELSE s.entity_type END",
    "entity_type_text": _TYPE_TEXT,
    "scale": "COALESCE(s.scale, b.scale)",
    "scale_source": "CASE WHEN s.scale <> b.scale THEN 'registry' ELSE b.scale_source END",
    "industry": "COALESCE(s.industry, b.industry)",
    "registered_on": "COALESCE(s.registered_on, b.registered_on)",
    "status": "COALESCE(s.status, b.status)",
    "employees": "COALESCE(s.employees, b.employees)",
    "address": _same_text("address"),
    "market_id": "COALESCE(s.market_id, b.market_id)",
    "district_committee_id": f"CASE WHEN {_STAYS} THEN b.district_committee_id ELSE s.district_committee_id END",
    "guidance_station_id": f"CASE WHEN {_STAYS} THEN b.guidance_station_id ELSE s.guidance_station_id END",
    "district_id": "COALESCE(s.district_id, b.district_id)",
    "street_id": _STREET,
}
# The initials follow the name; where it stays, what stands there stays, so that a file seen before changes nothing.
BECOMES["name_pinyin"] = f"CASE WHEN {BECOMES['name']} = b.name THEN b.name_pinyin ELSE s.name_pinyin END"
# A row written for the first time: the model's defaults where the file says nothing. BECOMES has the same columns.
FIRST = {
    **{column: f"s.{column}" for column in BECOMES},
    "scale": "COALESCE(s.scale, 'unknown')",
    "scale_source": "CASE WHEN s.scale IS NULL THEN '' ELSE 'registry' END",
    "industry": "COALESCE(s.industry, '')",
    "status": "COALESCE(s.status, 'active')",
    "address": "COALESCE(s.address, '')",
}
ALWAYS_BLANK = {"not_operating": "''", "is_key": "false"}


# Head-counts as they will stand: a blank cell keeps the last one told, unless the other now contradicts it.
FULL = (
    "COALESCE(s.full_members, CASE WHEN d.full_members <= COALESCE(s.members_incl_probationary, d.full_members) "
    "THEN d.full_members END)"
)
TOGETHER = (
    "COALESCE(s.members_incl_probationary, CASE WHEN d.members_incl_probationary >= "
    "COALESCE(s.full_members, d.members_incl_probationary) THEN d.members_incl_probationary END)"
)
LATEST = (
    "LEFT JOIN (SELECT DISTINCT ON (business_id) business_id, as_of, full_members, members_incl_probationary "
    "FROM markets_declaration WHERE source = 'registry_file' ORDER BY business_id, as_of DESC) d "
    "ON d.business_id = b.id AND s.heads"
)


def keeps_heads(kind: str, employees: str) -> str:
    return f"({kind} <> 'sole_trader' AND COALESCE({employees}, 0) >= {KEEPS_HEADS_FROM})"


@dataclass
class Plan:
    """The staged rows of one file, matched with the businesses they are about."""

    errors: Errors
    scope: Scope
    counts: dict[str, int] = field(
        default_factory=lambda: {"wrong": 0, "duplicate": 0, "out_of_scope": 0, "duplicate_registry": 0, "older": 0}
    )

    def open(self) -> None:
        for table in (STAGE, MATCH, NEW, LATER):
            run(f"DROP TABLE IF EXISTS {table}")
        columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
        run(f"CREATE TEMP TABLE {STAGE} ({columns}) ON COMMIT DROP")

    def stage(self, frame: pl.DataFrame) -> None:
        copy_in(STAGE, frame.select(list(COLUMNS)))

    def drop(self, rows: list[int]) -> None:
        if rows:
            run(f"DELETE FROM {STAGE} WHERE row = ANY(%s)", [rows])

    def match(self, batch: Batch, label: str) -> None:
        """Find the business of each row; rows that may not touch theirs are told of and leave the plan."""
        run(f"CREATE INDEX ON {STAGE} (row)")
        run(f"ANALYZE {STAGE}")
        select, params = self._matches("uscc")
        run(f"CREATE TEMP TABLE {MATCH} ON COMMIT DROP AS {select}", params)
        if fetch(f"SELECT 1 FROM {STAGE} WHERE legacy_registration_no IS NOT NULL LIMIT 1"):
            run(f"INSERT INTO {MATCH} {self._matches('legacy_registration_no')[0]}", params)
            self._settle_old_numbers()
        run(f"CREATE INDEX ON {MATCH} (row)")
        run(f"ANALYZE {MATCH}")
        self.counts["out_of_scope"] += self._leave(
            f"SELECT row FROM {MATCH} WHERE outside", Kind.OUT_OF_SCOPE, label, f"'{TAKEN}'"
        )
        if see_later(batch, LATER):  # an older file says nothing against a newer one
            self.counts["older"] += run(
                f"UPDATE {MATCH} m SET differs = false, heads = false, dropped = false FROM {LATER} l WHERE l.id = m.id"
            )

    def _matches(self, code: str) -> tuple[str, list]:
        outside, params = self.scope.sql("b")
        differs = f"({_list('b.{}')}) IS DISTINCT FROM ({', '.join(BECOMES.values())})"
        kept = keeps_heads(BECOMES["entity_type"], BECOMES["employees"])
        heads = f"({FULL}, {TOGETHER}) IS DISTINCT FROM (d.full_members, d.members_incl_probationary)"
        return (
            f"SELECT s.row, b.id, b.changed_at AS seen_at, NOT {outside} AS outside, {differs} AS differs, "
            f"(s.heads AND {kept} AND {heads}) AS heads, (s.heads AND NOT {kept}) AS dropped, "
            f"{code == 'legacy_registration_no'} AS by_legacy, COALESCE(s.uscc <> b.uscc, false) AS another "
            f"FROM {STAGE} s JOIN markets_business b ON b.{code} = s.{code} {LATEST}",
            params,
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
        contradicted = self._leave(conflict, Kind.WRONG, "注册号", "'注册号与信用代码不属于同一个主体，请核对'")
        repeated = self._leave(twice, Kind.DUPLICATE, "注册号", "'前面已有一行是同一个主体（号码不同），以前一行为准'")
        self.counts["wrong"] += contradicted
        self.counts["duplicate"] += repeated
        self.counts["duplicate_registry"] += contradicted + repeated

    def _leave(self, rows: str, kind: str, column: str, reason: str) -> int:
        """Tell of the rows that a query gives and take them out of the plan. How many there were."""
        self.errors.flush()
        told = run(
            f"WITH gone AS (DELETE FROM {STAGE} s USING (SELECT DISTINCT row FROM ({rows}) q) x WHERE s.row = x.row "
            f"RETURNING s.*) INSERT INTO {Errors.TABLE} (row, kind, colname, value, reason) "
            f"SELECT s.row, %s, %s, COALESCE(s.uscc, s.legacy_registration_no), {reason} FROM gone s",
            [str(kind), column],
        )
        if told:
            self.errors.count += told
            run(f"DELETE FROM {MATCH} m WHERE NOT EXISTS (SELECT 1 FROM {STAGE} s WHERE s.row = m.row)")
        return told

    def digest(self, counts: dict[str, int]) -> str:
        """Of what each row says and would do, and of the state of the business it would do it to."""
        return digest_of(
            "SELECT hash_record_extended(ROW(s.*, m.id, m.seen_at, m.differs, m.heads), 0) "
            f"FROM {STAGE} s LEFT JOIN {MATCH} m ON m.row = s.row",
            sorted(counts.items()),
        )

    def count(self) -> dict[str, int]:
        """new, changed, unchanged; dropped: rows with head-counts that are not kept."""
        ((matched, changed, dropped),) = fetch(
            f"SELECT count(*), count(*) FILTER (WHERE differs OR heads), count(*) FILTER (WHERE dropped) FROM {MATCH}"
        )
        kept = keeps_heads("s.entity_type", "s.employees")
        ((new, new_dropped),) = fetch(
            f"SELECT count(*), count(*) FILTER (WHERE s.heads AND NOT {kept}) FROM {STAGE} s "
            f"WHERE NOT EXISTS (SELECT 1 FROM {MATCH} m WHERE m.row = s.row)"
        )
        return {"new": new, "changed": changed, "unchanged": matched - changed, "dropped": dropped + new_dropped}


def _list(shape: str) -> str:
    return ", ".join(shape.format(column) for column in BECOMES)
