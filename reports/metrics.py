"""The registry of metrics: what each number means, of what it is made, and in which 口径 it may be read.

Dashboards, lists, exports, the API, tooltips and the page 统计口径 read this. How a count is computed stands in
reports/sql; which rows it counts, in reports/rows.py. A key in `Snapshot.counts` is `code[@denominator][#range]`: the
bare code is counted among operating businesses of every type.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

# 口径: a denominator × a range. The numerator is always counted inside both.
DENOMINATORS = {
    "registered": "登记在册",
    "operating": "实体运营",
    "three_haves": "「三有」企业",
    "with_members": "有党员",
    "due": "应建",
    "above_size": "规上",
}
D_NUMBERS = {code: f"D{number}" for number, code in enumerate(DENOMINATORS, 1)}
RANGES = {"all": "全部主体", "sole_traders": "个体工商户", "enterprises": "企业"}
DEFAULT_DENOMINATOR = "operating"
# A denominator whose column is filled on no row means nothing: the count of rows on which it is filled.
FILLED = {"three_haves": "fixed_premises_filled", "above_size": "above_size_filled"}

COUNT, RATE = "count", "rate"


@dataclass(frozen=True)
class Metric:
    """One entry of the registry.

    `additive`: children and the 直属/待分派 line add up to the parent. `person`: counts persons, or businesses by their
    persons; small cells are hidden outside the responsible guidance station. `source`: the rows it counts (a name in
    reports/sql). `sum_of`: the column added up where the metric is not a count of rows. `good`: which way is better.
    """

    code: str
    name: str
    definition: str
    group: str
    unit: str = "个"
    kind: str = COUNT
    additive: bool = True
    numerator: str = ""
    denominator: str = ""  # the fixed one; empty with `denominators` filled: 口径 chosen by the reader
    denominators: tuple[str, ...] = ()
    ranges: tuple[str, ...] = ("all",)
    good: str | None = None
    person: bool = False
    source: str = ""
    sum_of: str = ""
    grassroots: bool = False  # has a value for a grassroots organization too

    @property
    def has_rows(self) -> bool:
        return bool(self.source)


_ALL_RANGES, _ALL_DENOMINATORS = tuple(RANGES), tuple(DENOMINATORS)


def _organizations() -> list[Metric]:
    def make(code: str, name: str, definition: str, **more: Any) -> Metric:
        return Metric(code, name, definition, "organizations", source="organizations", grassroots=True, **more)

    return [
        make("organizations", "党组织", "存续的基层党组织，逐个计数；不含临时、功能型党支部和联建联盟。", good="up"),
        make("party_committees", "党委", "党组织中的基层党委、行业党委和综合党委。"),
        make("general_branches", "党总支", "党组织中的党总支。"),
        make("branches", "党支部", "党组织中的党支部、联合党支部、流动党员党支部和项目党支部。"),
        make("temporary_organizations", "临时党支部", "存续的临时党支部；不计入党组织数。"),
        make("functional_organizations", "功能型党支部", "存续的功能型党支部；不计入党组织数。"),
        make("alliances", "联建联盟", "存续的联建、联盟；不计入党组织数。"),
        make("market_organizations", "市场党组织", "至少有一条有效市场覆盖关系的党组织。", good="up"),
        make("market_organizations_own", "单独组建的市场党组织", "恰好覆盖一个市场的党组织。"),
        make("market_organizations_joint", "联合组建的市场党组织", "覆盖两个及以上市场的党组织。"),
        make("terms_due_180", "180天内届满", "任期（含经批准的延期）将在180天内届满的党组织。", good="down"),
        make("terms_overdue", "届满未换届", "任期（含经批准的延期）已经届满的党组织。", good="down"),
    ]


def _businesses() -> list[Metric]:
    def make(code: str, name: str, definition: str, **more: Any) -> Metric:
        more = {"ranges": _ALL_RANGES, "unit": "户", "source": "businesses"} | more
        return Metric(code, name, definition, "businesses", **more)

    covered: dict[str, Any] = {"denominators": _ALL_DENOMINATORS, "grassroots": True, "good": "up"}
    return [
        make("registered", "登记在册", "登记状态为存续或歇业的经营主体；不含吊销、注销和迁出。"),
        make("operating", "实体运营", "登记在册且实体运营；不含僵尸、空壳、一企多照、歇业和查无下落。"),
        make("three_haves", "「三有」企业", "实体运营，有固定经营场所，从业人数达到设定人数；人数不详按10人以下计。"),
        make(
            "with_members", "有党员", "实体运营且至少有1名党员（含预备）：看已知党员，没有时看最近填报。", person=True
        ),
        make("due", "应建", "实体运营且正式党员不少于3名；预备党员不计，人数不详的不计。"),
        make("above_size", "规上", "实体运营的规模以上经营主体。"),
        make("covered", "组织覆盖", "有单独、联合组建的党组织，或所在市场有党组织；每户只计一次。", **covered),
        make("covered_own", "单独覆盖", "有单独组建的党组织。", **covered),
        make("covered_joint", "联合覆盖", "没有单独组建、有联合组建的党组织。", **covered),
        make("covered_market", "市场覆盖", "没有单独和联合组建，所在市场有党组织。", **covered | {"good": None}),
        make(
            "work_covered", "工作覆盖",
            "已有组织覆盖，或有指导员、联络员，或有群团组织，或有仅计工作覆盖的关系（挂靠、兜底、功能型）。", **covered,
        ),
        make("due_and_built", "应建已建", "应建且已单独组建。", good="up"),
        make("due_not_built", "应建未建", "应建而没有单独组建。", good="down"),
        make("due_not_built_sheltered", "应建未建（有联合或市场覆盖）", "应建未建中有联合或市场覆盖的。", good="down"),
        make("due_not_built_blank", "应建未建（空白）", "应建未建中没有任何组织覆盖的。", good="down"),
    ]  # fmt: skip


def _markets() -> list[Metric]:
    def make(code: str, name: str, definition: str, **more: Any) -> Metric:
        more = {"source": "markets"} | more
        return Metric(code, name, definition, "markets", **more)

    return [
        make("markets", "专业市场", "统计日未关闭的专业市场。与经营主体分开计数，从不相加。"),
        make("markets_covered", "已覆盖市场", "有党组织覆盖的市场；临时、功能型的不算。", good="up", grassroots=True),
        make("markets_due", "应建市场", "场内没有单独组建的实体运营主体，其正式党员合计不少于3名。"),
        make("markets_due_not_built", "应建未建市场", "应建市场中没有党组织覆盖的。", good="down"),
        make("industry_areas", "行业片区", "已划定的行业片区。", source="industry_areas"),
        make("delivery_sites", "配送网点", "未关闭的平台配送网点。", source="delivery_sites"),
        make(
            "couriers", "骑手", "配送网点填报的骑手人数合计；只有人数。", unit="人", source="delivery_sites",
            sum_of="couriers",
        ),
    ]  # fmt: skip


def _members() -> list[Metric]:
    def make(code: str, name: str, definition: str, **more: Any) -> Metric:
        usual: dict[str, Any] = {"unit": "人", "person": True, "source": "persons", "grassroots": True}
        return Metric(code, name, definition, "members", **(usual | {"additive": False} | more))

    return [
        make("members_on_roll", "在册党员", "组织关系在本单位党组织的党员。自主报到不改变在册。", additive=True),
        make("members_verified", "已核实党员", "自主报到经指导站核实、本人没有撤回的党员。", grassroots=False),
        make("members_taken_in", "已纳管党员", "由党组织接纳参加活动的党员；不转移组织关系。", good="up"),
        make("members_distinct", "党员（去重）", "在册、已核实、已纳管，每人只计一次。"),
        make("members_full", "正式党员", "党员（去重）中的正式党员。"),
        make("members_probationary", "预备党员", "党员（去重）中的预备党员。"),
        make("members_new_employment", "新就业群体党员", "党员（去重）中的快递员、外卖配送员、网约车司机和货车司机。"),
    ]


REGISTRATION_STATES = {
    "submitted": "待核实",
    "contacted": "已联系",
    "verified": "已核实",
    "not_verified": "未核实",
    "duplicate": "重复",
    "unreachable": "无法联系",
    "withdrawn": "本人撤回",
    "expired": "逾期未办",
}


def _registrations() -> list[Metric]:
    def make(code: str, name: str, definition: str, **more: Any) -> Metric:
        return Metric(code, name, definition, "registrations", unit="人次", person=True, source="registrations", **more)

    return [
        make("registrations", "自主报到", "本人开始的或凭本人同意录入的报到，不论结果。"),
        *(
            make(f"registrations_{state}", f"报到：{name}", f"统计日处于「{name}」的报到。")
            for state, name in REGISTRATION_STATES.items()
        ),
        make("registrations_overdue", "超期未办结报到", "过了应办结日期仍待核实或已联系的报到。", good="down"),
    ]


def _places() -> list[Metric]:
    def make(code: str, name: str, definition: str, **more: Any) -> Metric:
        more = {"source": "service_points"} | more
        return Metric(code, name, definition, "places", **more)

    return [
        make("service_points", "服务点", "统计日未停用的服务点。", good="up"),
        make("rest_points", "骑手驿站", "骑手驿站、暖蜂服务点。"),
        make("caring_merchants", "爱心商户", "爱心商户。"),
        make("party_service_points", "党群服务点", "党群服务点。"),
        make("party_homes", "党建之家", "党建之家。"),
        make("finance_points", "金融服务点", "金融服务点。"),
        make("training_bases", "实训基地", "实训基地。"),
        make("counters", "指导站窗口", "指导站窗口，每个指导站一个。"),
        make(
            "check_ins_30d", "近30天签到", "近30天（含统计日）本人签到，不含本人有异议的。", unit="次", person=True,
            source="check_ins",
        ),
        make(
            "footfall_30d", "近30天客流", "近30天（含统计日）歇脚、充电、办事的人次；不识别身份。", unit="人次",
            source="footfall", sum_of="count",
        ),
        make("instructors", "指导员", "在任的指导员和联络员。", unit="人", source="instructors"),
    ]  # fmt: skip


def _rates() -> list[Metric]:
    def make(code: str, name: str, definition: str, numerator: str, **more: Any) -> Metric:
        group = more.pop("group", "businesses")
        more = {"denominators": _ALL_DENOMINATORS, "ranges": _ALL_RANGES, "good": "up"} | more
        return Metric(code, name, definition, group, unit="%", kind=RATE, additive=False, numerator=numerator, **more)

    return [
        make("organization_coverage", "组织覆盖率（含市场）", "组织覆盖（单独、联合、市场）÷ 所选口径。", "covered"),
        make(
            "organization_coverage_strict", "组织覆盖率（单独+联合）", "（单独覆盖 + 联合覆盖）÷ 所选口径。",
            "covered_own+covered_joint",
        ),
        make("own_establishment", "单独组建率", "单独覆盖 ÷ 所选口径。", "covered_own"),
        make("work_coverage", "工作覆盖率", "工作覆盖 ÷ 所选口径。", "work_covered"),
        make("due_built_rate", "应建已建率", "应建已建 ÷ 应建。", "due_and_built", denominators=(), denominator="due"),
        make(
            "market_coverage", "市场覆盖率", "已覆盖市场 ÷ 专业市场。", "markets_covered", denominators=(),
            denominator="markets", ranges=("all",), group="markets",
        ),
    ]  # fmt: skip


METRICS: dict[str, Metric] = {
    metric.code: metric
    for part in (_organizations, _businesses, _markets, _members, _registrations, _places, _rates)
    for metric in part()
}
GROUPS = {
    "organizations": "党组织",
    "businesses": "经营主体与覆盖",
    "markets": "市场与网点",
    "members": "党员",
    "registrations": "自主报到",
    "places": "服务点与人员",
}


class UnknownMetric(ValueError):
    """No such metric, or not in this 口径; the message is for the reader."""


def count_key(code: str, denominator: str = DEFAULT_DENOMINATOR, range: str = "all") -> str:
    """The key of a count in `Snapshot.counts`."""
    at = "" if denominator == DEFAULT_DENOMINATOR else f"@{denominator}"
    return f"{code}{at}{'' if range == 'all' else f'#{range}'}"


def check(code: str, denominator: str = DEFAULT_DENOMINATOR, range: str = "all") -> Metric:
    """The metric; raises UnknownMetric where it does not exist or not in this 口径."""
    metric = METRICS.get(code)
    if metric is None:
        raise UnknownMetric(f"没有指标「{code}」，可选指标见统计口径页。")
    if denominator != DEFAULT_DENOMINATOR and denominator not in metric.denominators:
        raise UnknownMetric(f"「{metric.name}」不能按「{DENOMINATORS.get(denominator, denominator)}」口径统计。")
    if range not in metric.ranges:
        raise UnknownMetric(f"「{metric.name}」不能按「{RANGES.get(range, range)}」范围统计。")
    return metric


def is_personal(code: str, denominator: str = DEFAULT_DENOMINATOR) -> bool:
    """Whether small cells of this number are hidden: persons, `with_members`, and whatever is counted inside it."""
    return METRICS[code].person or denominator == "with_members"


def _is_filled(counts: Mapping[str, int | None], denominator: str) -> bool:
    return denominator not in FILLED or bool(counts.get(FILLED[denominator]))


def count(
    counts: Mapping[str, int | None], code: str, denominator: str = DEFAULT_DENOMINATOR, range: str = "all"
) -> int | None:
    """One count; None where the unit has none, where it is hidden, or where its 口径 is filled on no row."""
    check(code, denominator, range)
    if not _is_filled(counts, denominator) or not _is_filled(counts, code):
        return None
    return counts.get(count_key(code, denominator, range))


def rate(
    counts: Mapping[str, int | None], code: str, denominator: str = DEFAULT_DENOMINATOR, range: str = "all"
) -> Decimal | None:
    """A share, to 4 places; None where there is nothing to divide by, or where a part of it is hidden."""
    metric = check(code, denominator, range)
    if metric.denominator:
        below = count(counts, metric.denominator, range=range)
        parts = [count(counts, part, range=range) for part in metric.numerator.split("+")]
    else:
        below = count(counts, denominator, range=range)
        parts = [count(counts, part, denominator, range) for part in metric.numerator.split("+")]
    if not below or None in parts:
        return None
    share = Decimal(sum(part for part in parts if part is not None)) / Decimal(below)
    return share.quantize(Decimal("0.0001"), ROUND_HALF_UP)


def value(
    counts: Mapping[str, int | None], code: str, denominator: str = DEFAULT_DENOMINATOR, range: str = "all"
) -> int | Decimal | None:
    """The value of any metric: a count, or a share between 0 and 1."""
    read = rate if check(code, denominator, range).kind == RATE else count
    return read(counts, code, denominator, range)


def parse_key(text: str) -> tuple[str, str, str]:
    """`metric[@denominator][#range]` into its three parts; raises UnknownMetric."""
    rest, _, range = text.partition("#")
    code, _, denominator = rest.partition("@")
    parts = (code, denominator or DEFAULT_DENOMINATOR, range or "all")
    check(*parts)
    return parts


def all_keys() -> list[str]:
    """Every metric in every 口径 it may be read in, as keys."""
    return [
        count_key(metric.code, denominator, range)
        for metric in METRICS.values()
        for denominator in metric.denominators or (DEFAULT_DENOMINATOR,)
        for range in metric.ranges
    ]
