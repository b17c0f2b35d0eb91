"""The tiles of a dashboard: groups of figures, each with its own 口径, change and link to its rows."""

from dataclasses import dataclass, field, replace

from orgs.kinds import Level
from orgs.models import Organization
from reports import judging, metrics, words
from reports.selectors import Numbers
from reports.words import Basis


@dataclass(frozen=True)
class Tile:
    """Which metric, and what else stands on the tile: `beside` are metrics told in the line under the number."""

    code: str
    beside: tuple[str, ...] = ()
    lead: bool = False


@dataclass(frozen=True)
class Group:
    title: str
    tiles: tuple[Tile, ...]
    note: str = ""
    codes: frozenset[str] = field(default_factory=frozenset)


GROUPS = (
    Group(
        "覆盖",
        (
            Tile("organization_coverage_strict", lead=True),
            Tile("organization_coverage", lead=True),
            Tile("work_coverage", lead=True),
            Tile("due_built_rate", lead=True),
            Tile("own_establishment"),
            Tile("operating", ("registered",)),
            Tile("with_members"),
            Tile("covered", ("covered_own", "covered_joint", "covered_market")),
        ),
        "组织覆盖率同时给出两种算法：单独+联合（党内统计口径）与含市场覆盖。市场和主体分开计数，从不相加。",
    ),
    Group(
        "组织",
        (
            Tile("organizations", ("party_committees", "general_branches", "branches")),
            Tile("functional_organizations", ("temporary_organizations", "alliances")),
            Tile("market_organizations", ("market_organizations_own", "market_organizations_joint")),
            Tile("instructors"),
        ),
    ),
    Group(
        "市场",
        (
            Tile("market_coverage"),
            Tile("markets", ("industry_areas",)),
            Tile("markets_due", ("markets_due_not_built",)),
            Tile("delivery_sites", ("couriers",)),
        ),
    ),
    Group(
        "党员与报到",
        (
            Tile("members_distinct", ("members_full", "members_probationary")),
            Tile("members_on_roll"),
            Tile("members_verified"),
            Tile("members_taken_in"),
            Tile("registrations", ("registrations_submitted", "registrations_contacted")),
            Tile("registrations_overdue"),
            Tile("members_new_employment"),
        ),
        "在册、已核实、已纳管是三个不同的数，自主报到不转移组织关系；人数只作了解，不作排名和考核。",
    ),
    Group(
        "服务点与签到",
        (
            Tile("service_points", ("party_service_points", "party_homes")),
            Tile("rest_points", ("caring_merchants",)),
            Tile("check_ins_30d"),
            Tile("footfall_30d"),
        ),
    ),
    Group(
        "换届与缺口",
        (
            Tile("due_not_built", ("due",)),
            Tile("due_not_built_blank", ("due_not_built_sheltered",)),
            Tile("markets_due_not_built"),
            Tile("terms_overdue", ("terms_due_180",)),
        ),
    ),
)
SHORT = {
    "party_committees": "党委", "general_branches": "总支", "branches": "支部", "covered_own": "单独",
    "covered_joint": "联合", "covered_market": "市场", "market_organizations_own": "单独",
    "market_organizations_joint": "联合", "members_full": "正式", "members_probationary": "预备",
    "registrations_submitted": "待核实", "registrations_contacted": "已联系", "markets_due_not_built": "应建未建",
    "due_not_built_sheltered": "有联合或市场覆盖", "temporary_organizations": "临时", "alliances": "联盟",
    "due_not_built_blank": "空白",
}  # fmt: skip


def tile_codes() -> list[str]:
    """Every metric that is a tile of the dashboard."""
    return [tile.code for group in GROUPS for tile in group.tiles]


def groups(own: Numbers, before: Numbers | None, basis: Basis) -> list[dict]:
    """The groups as the template shows them; a grassroots page leaves out what it has no number for."""
    small = isinstance(own.unit, Organization) and own.unit.level == Level.GRASSROOTS
    found = []
    for group in GROUPS:
        tiles = [
            _tile(tile, own, before, basis, grassroots=small)
            for tile in group.tiles
            if not small or metrics.METRICS[tile.code].grassroots
        ]
        if tiles:
            found.append({"title": group.title, "note": group.note if not small else "", "tiles": tiles})
    return found


def _tile(tile: Tile, own: Numbers, before: Numbers | None, basis: Basis, *, grassroots: bool) -> dict:
    metric = metrics.METRICS[tile.code]
    # An organization's own page counts the businesses it covers among operating ones: it has no denominator.
    fit = (replace(basis, denominator=metrics.DEFAULT_DENOMINATOR) if grassroots else basis).fitting(metric)
    value = own.value(tile.code, fit.denominator, fit.range)
    hidden = own.is_hidden(tile.code, fit.denominator, fit.range)
    found = {
        "code": tile.code,
        "lead": tile.lead,
        "label": metric.name,
        "value": words.figure(value, metric.kind),
        "unit": "" if metric.kind == metrics.RATE or value is None else metric.unit,
        "url": words.rows_page(own.unit, tile.code, fit) if value is not None else None,
        "hidden": hidden,
        "note": note(metric, fit),
        **change(metric, own, before, fit),
    }
    if metric.kind == metrics.RATE:
        found |= _fraction(metric, own, fit)
        if tile.lead and metric.denominators and fit.denominator != metrics.DEFAULT_DENOMINATOR:
            beside = replace(fit, denominator=metrics.DEFAULT_DENOMINATOR)
            found["detail"] = f"同一单位按 {beside.label}：{words.shown(own, tile.code, beside)}"
    elif tile.beside:
        found["detail"] = " · ".join(
            f"{SHORT.get(code) or metrics.METRICS[code].name} {words.shown(own, code, fit)}" for code in tile.beside
        )
    return found


def fraction(metric: metrics.Metric, own: Numbers, basis: Basis) -> tuple[int | None, int | None]:
    """Numerator and denominator of a share, in the 口径 that fits it."""
    fit = basis.fitting(metric)
    inside = metrics.DEFAULT_DENOMINATOR if metric.denominator else fit.denominator
    parts = [own.value(part, inside, fit.range) for part in metric.numerator.split("+")]
    below = own.value(metric.denominator or fit.denominator, range=fit.range)
    above = None if None in parts else sum(int(part) for part in parts if part is not None)
    return above, int(below) if below is not None else None


def _fraction(metric: metrics.Metric, own: Numbers, fit: Basis) -> dict:
    above, below = fraction(metric, own, fit)
    if above is None or below is None:
        return {}
    unit = metrics.METRICS[metric.denominator or fit.denominator].unit
    return {"numerator": f"{above:,}", "denominator": f"{below:,}", "of_unit": unit}


def change(metric: metrics.Metric, own: Numbers, before: Numbers | None, fit: Basis) -> dict:
    """What changed since, in words, whether that is good, and where it is explained; {} where one side is not known."""
    value = own.value(metric.code, fit.denominator, fit.range)
    then = before.value(metric.code, fit.denominator, fit.range) if before else None
    if value is None or then is None or before is None:
        return {}
    text = words.difference(value, then, metric.kind)
    sign = (value > then) - (value < then)
    # Nothing good or bad hangs on numbers of persons, nor on a share that falls because more declare a membership.
    judged = sign and judging.may_judge(metrics.count_key(metric.code, fit.denominator, fit.range))
    return {
        "by": text if sign else "持平",
        "change": f"较 {words.day(before.as_of, own.as_of)} {text if sign else '持平'}",
        "explain_url": words.explain_page(own.unit, metric.code, fit, before.as_of, own.as_of),
        "direction": {1: "up", -1: "down", 0: "flat"}[sign],
        "good": ((sign > 0) == (metric.good == "up")) if judged else None,
    }


def note(metric: metrics.Metric, fit: Basis) -> str:
    """The 口径 printed on the tile."""
    if metric.denominators:
        return fit.label
    if metric.denominator:
        return metrics.METRICS[metric.denominator].name
    within = "" if fit.range == "all" or len(metric.ranges) == 1 else f"（{metrics.RANGES[fit.range]}）"
    return metric.definition.rstrip("。") + within
