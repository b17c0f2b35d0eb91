"""What each column becomes when a row of one source meets a business. SQL over b (the business) and s (the row).

The source is the same for a whole file, so what it may always write stays the plain expression.
"""

from dataclasses import dataclass, field

from markets.models import Business
from markets.sources import ORDER, PLACE, UNTOLD, Source, leads, may_write, writes_over

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
# The same street again (or the same district alone again) says nothing against the guidance station somebody chose;
# what a worse source chose must not stand ({own}), or the order of the files would decide.
_STAYS = (
    "(s.placed_by = 'street' AND b.street_id = s.street_id AND b.guidance_station_id IS NOT NULL AND {own}) "
    "OR (s.placed_by = 'district' AND b.district_id = s.district_id) "
    "OR (s.placed_by = 'waiting' AND b.district_id IS NOT DISTINCT FROM s.district_id)"
)
# An office without a street of its own in the row does not move a business to another street of the same district;
# the office where it stands already says nothing about its street.
_STREET = (
    f"CASE WHEN s.street_said THEN s.street_id WHEN {_STAYS} THEN b.street_id "
    "WHEN s.placed_by = 'office' AND b.guidance_station_id = s.guidance_station_id AND {own} THEN b.street_id "
    "WHEN s.placed_by = 'office' AND {own} AND COALESCE(b.district_id = s.district_id, s.district_id IS NULL) "
    "THEN COALESCE(b.street_id, s.street_id) ELSE s.street_id END"
)
# Where the source may write: a blank cell never clears. By key of ORDER, for each column that goes with it.
WRITTEN: dict[str, dict[str, str]] = {
    "uscc": {"uscc": "COALESCE(s.uscc, b.uscc)"},
    "legacy_registration_no": {
        "legacy_registration_no": "COALESCE(s.legacy_registration_no, b.legacy_registration_no)"
    },
    "name": {"name": _same_text("name")},
    "entity_type": {
        "entity_type": "CASE WHEN s.only_scale THEN b.entity_type ELSE s.entity_type END",
        "entity_type_text": _TYPE_TEXT,
    },
    "scale": {"scale": "COALESCE(s.scale, b.scale)"},
    "industry": {"industry": "COALESCE(s.industry, b.industry)"},
    "registered_on": {"registered_on": "COALESCE(s.registered_on, b.registered_on)"},
    "status": {"status": "COALESCE(s.status, b.status)"},
    "employees": {"employees": "COALESCE(s.employees, b.employees)"},
    "address": {"address": _same_text("address")},
    "market_id": {"market_id": "COALESCE(s.market_id, b.market_id)"},
    "place": {
        "district_committee_id": f"CASE WHEN {_STAYS} THEN b.district_committee_id ELSE s.district_committee_id END",
        "guidance_station_id": f"CASE WHEN {_STAYS} THEN b.guidance_station_id ELSE s.guidance_station_id END",
        "district_id": "COALESCE(s.district_id, b.district_id)",
        "street_id": _STREET,
    },
}
DECLARED_AS = {
    Source.REGISTRATION: "registry_file", Source.ANNUAL_REPORT: "annual_report", Source.SURVEY: "survey",
}  # fmt: skip
# Nothing stands there yet: any source may fill it in. A name always stands.
BLANK = {
    "uscc": "b.uscc IS NULL",
    "legacy_registration_no": "b.legacy_registration_no IS NULL",
    "entity_type": f"COALESCE(b.provenance ->> 'entity_type' = '{UNTOLD}', FALSE)",
    "status": f"COALESCE(b.provenance ->> 'status' = '{UNTOLD}', FALSE)",
    "scale": "b.scale = 'unknown'",
    "industry": "b.industry = ''",
    "registered_on": "b.registered_on IS NULL",
    "employees": "b.employees IS NULL",
    "address": "b.address = ''",
    "market_id": "b.market_id IS NULL",
    # 待分派, and not for another district than the one that was told.
    "place": "(b.guidance_station_id IS NULL AND COALESCE(b.district_id = s.district_id, b.district_id IS NULL))",
}


def _array(shape: str, columns=PLACE) -> str:
    return f"jsonb_build_array({', '.join(shape.format(column) for column in columns)})::text"


_SAID: dict[str, str] = {key: f"s.{key}::text" for key in ORDER} | {
    "name": _same_text("name"),
    "address": f"CASE WHEN s.address IS NOT NULL THEN {_same_text('address')} END",
    "entity_type": "CASE WHEN NOT s.only_scale THEN s.entity_type END",
    "place": f"CASE WHEN b.guidance_station_id IS NOT NULL AND ({_STAYS}) THEN NULL ELSE "
    f"jsonb_build_array({', '.join(WRITTEN['place'][column] for column in PLACE)})::text END",
}


def said(key: str, source: str) -> str:
    """What the row says, as text; NULL where it says nothing."""
    return _of(_SAID[key], key, source)


def _of(template: str, key: str, source: str) -> str:
    """A template of this module for the files of one source."""
    own = f"{came_from(key)} NOT IN {_among(_worse(key, source))}" if _worse(key, source) else "TRUE"
    return template.replace("{own}", own)


def _worse(key: str, source: str) -> list[str]:
    return [str(each) for each in ORDER[key] if not may_write(key, each, source)]


def stands(key: str, of: str = "b") -> str:
    """The present value as text, as SourceDifference keeps values."""
    return _array(f"{of}.{{}}") if key == "place" else f"{of}.{key}::text"


def came_from(key: str, of: str = "b") -> str:
    return f"COALESCE({of}.provenance ->> '{key}', '{Source.REGISTRATION}')"


def _among(sources) -> str:
    return "(" + ", ".join(f"'{source}'" for source in sources) + ")"


def may(key: str, source: str) -> str:
    """Whether the file's source may write over what stands in a column."""
    if leads(key, source):  # only what a person decided against does not come back
        return (
            f"NOT ({came_from(key)} = '{Source.MANUAL}' AND EXISTS (SELECT FROM markets_sourcedifference x "
            f"WHERE x.business_id = b.id AND x.\"column\" = '{key}' AND x.decided_against "
            f"AND x.value = {said(key, source)}))"
        )
    blank = f" OR {BLANK[key]}" if key in BLANK else ""
    return f"({came_from(key)} IN {_among(writes_over(key, source))}{blank})"


@dataclass(frozen=True)
class Rules:
    """For the files of one source."""

    source: str
    becomes: dict[str, str] = field(default_factory=dict)
    differs: str = ""  # whether anything becomes another value: what is dear to ask is asked last
    first: dict[str, str] = field(default_factory=dict)
    confirms: str = "FALSE"  # whether the registration system only confirms what another source had said

    @classmethod
    def of(cls, source: str) -> "Rules":
        becomes, differs = {}, []
        for key, columns in WRITTEN.items():
            for column, template in columns.items():
                value = _of(template, key, source)
                becomes[column] = f"CASE WHEN {may(key, source)} THEN {value} ELSE b.{column} END"
                # What the row says already stands in most cells: this plain question spares them the long one.
                says = f"s.{column} IS DISTINCT FROM b.{column}"
                differs.append(f"({says} AND b.{column} IS DISTINCT FROM ({value}) AND {may(key, source)})")
        confirmed, provenance = _confirmed(source), _provenance(source)
        if source != Source.REGISTRATION:
            differs.append(f"(b.provenance IS DISTINCT FROM ({provenance}))")
        # The initials follow the name; where it stays they stay, so that a file seen before changes nothing.
        becomes["name_pinyin"] = f"CASE WHEN {becomes['name']} = b.name THEN b.name_pinyin ELSE s.name_pinyin END"
        # A row written for the first time: the model's defaults where the file says nothing.
        first = {
            **{column: f"s.{column}" for column in becomes},
            "scale": "COALESCE(s.scale, 'unknown')",
            "industry": "COALESCE(s.industry, '')",
            "status": "COALESCE(s.status, 'active')",
            "address": "COALESCE(s.address, '')",
            "provenance": _first_provenance(source),
        }
        return cls(source, becomes | {"provenance": provenance}, f"({' OR '.join(differs)})", first, confirmed)

    # Head-counts as they will stand, by the same source: a blank cell keeps the last one told, unless the other now
    # contradicts it. An annual report knows only the sum.
    @property
    def full(self) -> str:
        if self.source == Source.ANNUAL_REPORT:
            return "NULL::int"
        return (
            "COALESCE(s.full_members, CASE WHEN d.full_members <= "
            "COALESCE(s.members_incl_probationary, d.full_members) THEN d.full_members END)"
        )

    @property
    def together(self) -> str:
        if self.source == Source.ANNUAL_REPORT:
            return "COALESCE(s.members_incl_probationary, d.members_incl_probationary)"
        return (
            "COALESCE(s.members_incl_probationary, CASE WHEN d.members_incl_probationary >= "
            "COALESCE(s.full_members, d.members_incl_probationary) THEN d.members_incl_probationary END)"
        )

    @property
    def declared_as(self) -> str:
        return DECLARED_AS[Source(self.source)]

    @property
    def latest(self) -> str:
        """A join to what the source told last."""
        return (
            "LEFT JOIN (SELECT DISTINCT ON (business_id) business_id, as_of, full_members, members_incl_probationary "
            f"FROM markets_declaration WHERE source = '{self.declared_as}' ORDER BY business_id, as_of DESC) d "
            "ON d.business_id = b.id AND s.heads"
        )


def _marks(source: str) -> list[tuple[str, str]]:
    """For each key: whether the value comes from this source from now on. A better source that only confirms vouches."""
    marks = []
    for key in ORDER:
        others = [*_worse(key, source), *([UNTOLD] if key in FIRST_UNTOLD else [])]
        confirms = f" OR {came_from(key)} IN {_among(others)}" if others else ""
        text = said(key, source)
        marks.append(
            (key, f"{text} IS NOT NULL AND {may(key, source)} AND ({text} IS DISTINCT FROM {stands(key)}{confirms})")
        )
    return marks


def _provenance(source: str) -> str:
    """Sparse: a value of the registration system has no entry."""
    if source == Source.REGISTRATION:
        gone = ", ".join(f"CASE WHEN {mine} THEN '{key}' END" for key, mine in _marks(source))
        return f"CASE WHEN b.provenance = '{{}}' THEN b.provenance ELSE b.provenance - ARRAY[{gone}] END"
    marks = ", ".join(f"'{key}', CASE WHEN {mine} THEN '{source}' END" for key, mine in _marks(source))
    return f"b.provenance || jsonb_strip_nulls(jsonb_build_object({marks}))"


def _confirmed(source: str) -> str:
    """Such rows count as unchanged, so that a list taken out comes in again without a change, and lose their marks."""
    if source != Source.REGISTRATION:
        return "FALSE"
    return f"(b.provenance <> '{{}}' AND b.provenance <> ({_provenance(source)}))"


# Of a new row: what stands although its file did not say it. Condition on s.
FIRST_UNTOLD = {"status": "s.status IS NULL", "entity_type": "s.only_scale"}


def _first_provenance(source: str) -> str:
    untold = ", ".join(f"'{key}', CASE WHEN {silent} THEN '{UNTOLD}' END" for key, silent in FIRST_UNTOLD.items())
    if source == Source.REGISTRATION:
        silent = " OR ".join(FIRST_UNTOLD.values())
        return f"CASE WHEN {silent} THEN jsonb_strip_nulls(jsonb_build_object({untold})) ELSE '{{}}'::jsonb END"
    told = {key: f"s.{key} IS NOT NULL" for key in ORDER} | {"place": "s.placed_by IS NOT NULL"}
    marks = ", ".join(
        f"'{key}', CASE WHEN {value} THEN '{source}' END" for key, value in told.items() if key not in FIRST_UNTOLD
    )
    known = ", ".join(
        f"'{key}', CASE WHEN {silent} THEN '{UNTOLD}' ELSE '{source}' END" for key, silent in FIRST_UNTOLD.items()
    )
    return f"jsonb_strip_nulls(jsonb_build_object({marks}, {known}))"
