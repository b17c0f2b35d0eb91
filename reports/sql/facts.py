"""What is known of businesses beyond their own row, driven from the small sides (performance.md).

A business is here if it has a member, a coverage link, an instructor or a group organization: some sixty thousand of
4.28 million. Everything else is counted without being looked at (base counts).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from django.conf import settings

from markets.models.coverage import COVERS, Covers
from reports.sql.parts import LEAD_MARKETS, Day, live, market_links, place, texts

DUE_MEMBERS = 3  # full members from which an own organization is due (党章 Art. 30)


@dataclass(frozen=True)
class Near:
    """Narrows the facts: `ids` selects the businesses wanted; `only` is the condition on a column that names one of them."""

    ids: str
    # IS TRUE keeps it a hashed look-up; as a join the planner takes `near` for 200 rows and sorts it out five times.
    only: str = "AND ({} IN (SELECT id FROM near)) IS TRUE"
    # Which organizations can cover one of them.
    covering: str = "TRUE"
    # Those of them of which nothing is known but that their market is covered.
    stalls: str = ""

    @classmethod
    def where(cls, condition: str, *, stalls: bool = False) -> "Near":
        """`condition` on the columns of markets_business b."""
        covered = (
            f"SELECT b.id AS business_id FROM markets_business b JOIN market_links l ON l.market_id = b.market_id "
            f"WHERE {condition} AND b.is_operating"
        )
        return cls(f"SELECT b.id FROM markets_business b WHERE {condition}", stalls=covered if stalls else "")

    @classmethod
    def these(cls, ids: Iterable[int]) -> "Near":
        """A few businesses, each looked up by its key."""
        array = f"(ARRAY[{', '.join(map(str, ids))}]::bigint[])"
        condition = f"b.id = ANY {array}"
        linked = f"SELECT organization_id FROM markets_businesscoverage WHERE business_id = ANY {array}"
        covering = f"(o.id = ANY (ARRAY({linked})) OR {LEAD_MARKETS})"
        return replace(cls.where(condition), only=f"AND {{}} = ANY {array}", covering=covering)


def three_haves(alias: str) -> str:
    """「三有」 beyond operating; unknown employees count as under the threshold."""
    return f"({alias}.fixed_premises AND {alias}.employees >= {int(settings.THREE_HAVES_EMPLOYEES)}) IS TRUE"


def mode_is(covers: str) -> str:
    """Whether the mode of a link c gives this; modes are turned into covers by the one table of markets."""
    return f"c.mode IN ({texts(mode for mode, gives in COVERS.items() if gives == covers)})"


_HELP = (
    ("false", "false"),
    ("true", "false"),
    ("false", "true"),
)  # by a link, by an instructor, by a group organization


def links(day: Day, near: str = "") -> str:
    """What links, instructors and group organizations give businesses, one row each (needs `live`)."""
    nothing = "false AS own, false AS joint, false AS market, true AS work"
    organized, guided, grouped = (f"{one} AS instructed, {two} AS grouped" for one, two in _HELP)
    return f"""
        SELECT c.business_id, o.counts AND {mode_is(Covers.OWN)} AS own, o.counts AND {mode_is(Covers.JOINT)} AS joint,
               o.counts AND {mode_is(Covers.MARKET)} AS market, NOT o.counts OR {mode_is(Covers.WORK)} AS work,
               {organized}
        FROM markets_businesscoverage c JOIN live o ON o.id = c.organization_id
        WHERE {day.holds("c")} {near.format("c.business_id")}
        UNION ALL
        SELECT a.business_id, {nothing}, {guided} FROM members_instructorassignment a
        JOIN members_instructor i ON i.id = a.instructor_id AND (i.ends_on IS NULL OR i.ends_on > {day.literal})
        WHERE a.business_id IS NOT NULL AND {day.holds("a")} {near.format("a.business_id")}
        UNION ALL
        SELECT g.business_id, {nothing}, {grouped} FROM markets_grouporganization g
        WHERE {day.holds("g")} {near.format("g.business_id")}"""


def current_member(day: Day, alias: str = "m") -> str:
    """A member who is one on the day: not ended, not erased, entered by then."""
    return (
        f"{alias}.erased_at IS NULL AND ({alias}.ended = '' OR {alias}.ended_on > {day.literal}) "
        f"AND {alias}.entered_at < {day.end}"
    )


def verified(day: Day, alias: str = "r") -> str:
    return (
        f"{alias}.state = 'verified' AND {alias}.withdrawn_at IS NULL "
        f"AND ({alias}.decided_at IS NULL OR {alias}.decided_at < {day.end})"
    )


def _people(day: Day, near: str) -> str:
    """Known members by workplace: on a roll, taken in, or verified and not withdrawn."""
    return f"""
        SELECT m.workplace_business_id AS business_id, count(*) AS members,
               count(*) FILTER (WHERE m.standing = 'full') AS full_members
        FROM members_member m
        WHERE m.workplace_business_id IS NOT NULL AND {current_member(day)} {near.format("m.workplace_business_id")}
          AND (EXISTS (SELECT FROM members_affiliation a WHERE a.member_id = m.id AND {day.holds("a")})
               OR EXISTS (SELECT FROM members_registration r WHERE r.member_id = m.id AND {verified(day)}))
        GROUP BY 1"""


def _told(day: Day, near: str) -> str:
    """The latest declaration that says anything of members. Full members stay null where they were not told."""
    return f"""
        SELECT DISTINCT ON (d.business_id) d.business_id, d.full_members AS told_full_members,
               greatest(d.members_incl_probationary, d.full_members) AS told_members
        FROM markets_declaration d
        WHERE d.as_of <= {day.literal} AND d.entered_at < {day.end}
          AND (d.full_members IS NOT NULL OR d.members_incl_probationary IS NOT NULL) {near.format("d.business_id")}
        ORDER BY d.business_id, d.as_of DESC, d.id DESC"""


LINKED = ("own", "joint", "market", "work", "instructed", "grouped")
_PEOPLE = ("members", "full_members")
_TOLD = ("told_members", "told_full_members")


def _part(select: str, says: tuple[str, ...] = ()) -> str:
    """A selection of businesses in the columns of all of them; of what it does not say it is silent."""
    silent = [*((name, "false") for name in LINKED), *((name, "NULL::bigint") for name in (*_PEOPLE, *_TOLD))]
    listed = ", ".join(name if name in says else f"{nothing} AS {name}" for name, nothing in silent)
    return f"SELECT business_id, {listed} FROM ({select}) part"


def facts(day: Day, near: Near | None = None) -> str:
    """CTEs that end in `facts`: one row a business, with place, the flags of its own row, and what covers it.

    Businesses of which nothing is known but that their market is covered are left out, unless `near` asks for them: they
    are as many as the markets are big, and counted in groups without being looked at one by one (businesses.py).
    """
    filter_by = near.only if near else ""
    narrow = f"near AS MATERIALIZED ({near.ids})," if near else ""
    # Put below each other and grouped once: joined, parts without statistics are taken for millions of rows, and
    # whatever reads the facts is planned for those.
    parts = [
        _part(links(day, filter_by), LINKED),
        _part(_people(day, filter_by), _PEOPLE),
        _part(_told(day, filter_by), _TOLD),
    ]
    if near and near.stalls:
        parts.append(_part(near.stalls))
    said = ", ".join(f"bool_or({name}) AS {name}" for name in LINKED)
    return f"""{live(day, near.covering if near else "TRUE")}, {market_links(day)}, {narrow}
    known AS MATERIALIZED (
        SELECT business_id, {said}, coalesce(max(members), max(told_members), 0) AS members,
               coalesce(CASE WHEN max(members) IS NULL THEN max(told_full_members) ELSE max(full_members) END, 0)
               AS full_members
        FROM ({" UNION ALL ".join(parts)}) parts GROUP BY business_id),
    facts AS MATERIALIZED (
        SELECT b.id, {place("b")}, b.market_id, b.entity_type, b.scale, b.section, b.is_key,
               b.entity_type = 'sole_trader' AS sole, b.is_registered, b.is_operating,
               {three_haves("b")} AS three_haves, b.above_size IS TRUE AS above_size,
               k.own, k.joint, (k.market OR l.counts) IS TRUE AS market, (k.work OR NOT l.counts) IS TRUE AS work,
               k.instructed, k.grouped, k.members > 0 AS with_members, k.full_members >= {DUE_MEMBERS} AS due,
               k.full_members
        FROM known k JOIN markets_business b ON b.id = k.business_id
        LEFT JOIN market_links l ON l.market_id = b.market_id AND b.is_operating)"""


# 口径, as conditions on a row of `facts`; the first four hold on markets_business alone.
DENOMINATORS = {
    "registered": "is_registered",
    "operating": "is_operating",
    "three_haves": "is_operating AND three_haves",
    "above_size": "is_operating AND above_size",
    "with_members": "is_operating AND with_members",
    "due": "is_operating AND due",
}
NUMERATORS = {
    "covered": "(own OR joint OR market)",
    "covered_own": "own",
    "covered_joint": "joint AND NOT own",
    "covered_market": "market AND NOT own AND NOT joint",
    "work_covered": "(own OR joint OR market OR work)",
}
_DUE = DENOMINATORS["due"]
GAPS = {
    "due_and_built": f"{_DUE} AND own",
    "due_not_built": f"{_DUE} AND NOT own",
    "due_not_built_sheltered": f"{_DUE} AND NOT own AND (joint OR market)",
    "due_not_built_blank": f"{_DUE} AND NOT own AND NOT joint AND NOT market",
}
# Of operating businesses, whatever the 口径.
PARTS = {
    "work_covered_only": "is_operating AND work AND NOT own AND NOT joint AND NOT market",
    "instructed": "is_operating AND instructed",
    "grouped": "is_operating AND grouped",
    "key_businesses_covered": "is_operating AND is_key AND (own OR joint OR market)",
}
# What is not in a count of `facts`: never looked at one by one, but the rest of all that operate.
REST = {"uncovered": "covered", "work_uncovered": "work_covered"}
RANGES = {"all": "TRUE", "sole_traders": "sole", "enterprises": "NOT sole"}
OF_PEOPLE = ("with_members", "due")  # the flags that rest on members
KEY = "is_operating AND is_key"


def condition(code: str, denominator: str, range: str) -> str:
    """Which rows of `facts` a count of businesses counts."""
    if code in NUMERATORS:
        what = f"{DENOMINATORS[denominator]} AND {NUMERATORS[code]}"
    elif code in REST:
        what = f"is_operating AND NOT {NUMERATORS[REST[code]]}"
    else:
        what = {**DENOMINATORS, **GAPS, **PARTS, "key_businesses": KEY}[code]
    return f"{what} AND {RANGES[range]}"


def counted() -> dict[str, str]:
    """Key (without range) → condition, for everything counted from `facts`."""
    inside = {
        f"{code}{'' if below == 'operating' else f'@{below}'}": f"{where} AND {what}"
        for code, what in NUMERATORS.items()
        for below, where in DENOMINATORS.items()
    }
    return inside | GAPS | PARTS | {name: DENOMINATORS[name] for name in OF_PEOPLE}
