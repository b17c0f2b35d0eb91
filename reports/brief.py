"""一页看懂: what is good and what is bad at one unit, since when, where, who answers for it, and what to do next.

One rule chooses, and the page prints it (RULE). Only metrics that may be ranked are looked at: never registrations,
check-ins, members or `with_members` (reports/ranking.py RANKED).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import partial

from orgs.kinds import Level
from orgs.models import Division, Organization, Posting, Role
from reports import metrics, ranking, selectors, siblings, tiles, words
from reports.days import day_against
from reports.selectors import Numbers, Released, Unit
from reports.words import Basis

SHOWN = 3  # of each side, and of the places named with each
FEWEST_BELOW = 30  # a share of fewer says more about chance than about work
POINTS, PERCENT, FEWEST = Decimal("0.2"), Decimal(1), 3  # smaller changes are not told
FROM_ABOVE = Decimal(2)  # points
LOOKED_BACK = 400  # days
BASIS = Basis(denominator=metrics.DEFAULT_DENOMINATOR)
RULE = (
    f"与上月末比：率变化不少于 {POINTS} 个百分点，个数和户数变化不少于 {FEWEST} 且不少于 {PERCENT}%；按变化幅度从大到小取。",
    f"不足 {SHOWN} 条时，与上级的同一指标比：率相差不少于 {FROM_ABOVE} 个百分点（只在您有权看上级数字时）。",
    f"“要抓紧的”仍不足 {SHOWN} 条时，列出仍然存在、没有减少的缺口（不少于 {FEWEST}）。",
    f"分母少于 {FEWEST_BELOW} 的率不列；同一类指标每边只列一个；幅度相同时按指标的固定顺序。",
    "自主报到、签到、党员人数和「有党员」口径从不参与。率一律按 D2 实体运营、全部主体。",
)
# Metrics of one family tell the same story: one of them on each side. The list of what to do next goes with it.
FAMILIES = {
    **dict.fromkeys(ranking.RATES, ("coverage", "due_not_built_blank")),
    **dict.fromkeys(("due_built_rate", "due_not_built", "due_not_built_blank"), ("due", "due_not_built")),
    **dict.fromkeys(("market_coverage", "markets_due_not_built", "markets_covered"), ("markets", "markets_due_not_built")),
    "organizations": ("organizations", "organizations"),
    "market_organizations": ("organizations", "market_organizations"),
    **dict.fromkeys(("covered", "covered_own", "covered_joint"), ("covered", "covered")),
    "terms_overdue": ("terms", "terms_overdue"),
    "service_points": ("places", "service_points"),
}  # fmt: skip
# What to do about a bad one, by family: the work that design.md and the articles know for it.
NEXT_STEPS = {
    "coverage": "对空白应建未建名单逐户定人定时间：够条件的单独建，不够的联合建",
    "due": "按应建未建名单逐户定人定时间建起来",
    "markets": "对应建未建的市场一场一策，定下由哪个党组织覆盖",
    "organizations": "核对新建、撤并和关闭的党组织，该补报的补报",
    "covered": "核对减少的主体：是注销、迁出，还是覆盖关系到期没有续上",
    "terms": "按届满未换届名单逐个排出换届日期，确需延期的先报批",
    "places": "核对停用的服务点，该恢复的恢复",
}
GAPS = ("due_not_built_blank", "markets_due_not_built", "terms_overdue", "due_not_built")
ANSWERS = {Level.GUIDANCE_STATION: Role.OFFICER, Level.GRASSROOTS: Role.SECRETARY}


@dataclass(frozen=True)
class Place:
    name: str
    url: str | None
    share: str
    who: str


@dataclass(frozen=True)
class Point:
    """One thing to know. `size` orders points of one reason; `since` is the first day of the unbroken run."""

    code: str
    name: str
    good: bool
    value: str
    why: str
    size: Decimal
    since: date
    from_the_first: bool  # so on every counted day that was looked at (LOOKED_BACK)
    places: list[Place]
    who: str
    links: list[dict]
    next_step: str  # in words; empty for a good one


@dataclass(frozen=True)
class Brief:
    own: Numbers
    before: Numbers | None
    good: list[Point]
    bad: list[Point]
    lines: list[Numbers]  # the units right below and the 直属/待分派 line
    standing: str  # the own place among the units of the one above


def brief(user, unit: Unit, as_of: date | None, permission: str) -> Brief | None:
    """What the page says to this reader; None where nothing was counted yet."""
    now = selectors.for_reader(user, unit, as_of)
    if now is None:
        return None
    then = selectors.for_reader(user, unit, day_against(now.own.as_of, "month"))
    parent = selectors.parent_on(unit, now.own.as_of)
    above = None
    if parent is not None and type(unit).objects.visible_to(user, permission).filter(pk=parent.pk).exists():
        above = selectors.for_reader(user, parent, now.own.as_of)
    asked = _Asked(now, then, above, replace(BASIS, as_of=as_of))
    changed = asked.changes()
    beside = asked.from_above()
    good = _choose([changed, beside], good=True)
    bad = _choose([changed, beside, asked.gaps()], good=False)
    return Brief(now.own, then.own if then else None, good, bad, _lines(now), _standing(now.own))


def _choose(by_reason: list[list[Point]], *, good: bool) -> list[Point]:
    found: list[Point] = []
    families: set[str] = set()
    for points in by_reason:
        for point in sorted((one for one in points if one.good == good), key=lambda one: -one.size):
            family = FAMILIES[point.code][0]
            if family not in families and len(found) < SHOWN:
                found.append(point)
                families.add(family)
    return found


def codes_of(unit: Unit) -> tuple[str, ...]:
    grassroots = isinstance(unit, Organization) and unit.level == Level.GRASSROOTS
    return ranking.RANKED_GRASSROOTS if grassroots else ranking.RANKED


def _key(code: str) -> str:
    return metrics.count_key(code)


class _Asked:
    """The unit on two days and the one above it, and their days before: read once, asked by each rule."""

    def __init__(self, now: Released, then: Released | None, above: Released | None, basis: Basis):
        self.basis = basis  # of links: they keep the day asked for
        self.now, self.then, self.above = now, then, above
        self.unit, self.own = now.own.unit, now.own
        self.codes = [code for code in codes_of(self.unit) if not metrics.is_personal(code)]
        keys = [_key(code) for code in self.codes]
        self.past = selectors.trend(self.unit, keys, LOOKED_BACK, self.own.as_of)
        days = selectors.trend(above.own.unit, keys, LOOKED_BACK, self.own.as_of) if above else []
        self.past_above = {row["as_of"]: row for row in days}

    def changes(self) -> list[Point]:
        if self.then is None or self.then.own.as_of >= self.own.as_of:
            return []
        then = self.then
        found = [self._change(code, then) for code in self.codes if metrics.METRICS[code].good]
        return [point for point in found if point is not None]

    def _change(self, code: str, before: Released) -> Point | None:
        metric, now, then = metrics.METRICS[code], self.own.value(code), before.own.value(code)
        if now is None or then is None or now == then:
            return None
        size = self._size(metric, before.own, now, then)
        if size is None:
            return None
        sign = 1 if now > then else -1
        why = f"较 {words.day(before.own.as_of, self.own.as_of)} {words.difference(now, then, metric.kind)}"
        since = self._since(code, lambda _, value: (value - then) * sign > 0)
        explained = words.explain_page(self.unit, code, BASIS, before.own.as_of, self.own.as_of)
        places = self._places(metric, sign, self._changed(metric, before))
        good = (sign > 0) == (metric.good == "up")
        return self._point(code, good, why, size, since, places, [_link("看差异说明", explained)])

    def _size(self, metric: metrics.Metric, before: Numbers, now: int | Decimal, then: int | Decimal) -> Decimal | None:
        """How large a change is: points of a share, percent of a count; None where it is too small to be told."""
        if metric.kind == metrics.RATE:
            points = abs(words.percent(now) - words.percent(then))
            fewest = min(_fraction(metric, line)[1] for line in (self.own, before))
            return points if fewest >= FEWEST_BELOW and points >= POINTS else None
        more = Decimal(now) - Decimal(then)
        percent = abs(more) / max(Decimal(now), Decimal(then)) * 100
        return percent if abs(more) >= FEWEST and percent >= PERCENT else None

    def _changed(self, metric: metrics.Metric, before: Released) -> Callable[[Numbers], Decimal | None]:
        """What a part added to the change; of a share, what it gained beyond the whole's old share of its growth."""
        old = {_who(line): line for line in _lines(before)}
        above, below = _fraction(metric, before.own)
        total = _fraction(metric, self.own)[1]

        def of_count(line: Numbers) -> Decimal | None:
            then = old.get(_who(line))
            values = line.value(metric.code), then.value(metric.code) if then else 0
            return None if values[0] is None or values[1] is None else Decimal(values[0]) - Decimal(values[1])

        def of_share(line: Numbers) -> Decimal | None:
            now, then = _fraction(metric, line), _fraction(metric, old.get(_who(line)))
            return (now[0] - then[0] - above / below * (now[1] - then[1])) / total * 100

        return of_share if metric.kind == metrics.RATE else of_count

    def from_above(self) -> list[Point]:
        if self.above is None:
            return []
        above = self.above.own
        rates = [code for code in self.codes if metrics.METRICS[code].kind == metrics.RATE]
        return [point for code in rates if (point := self._beside(code, above)) is not None]

    def _beside(self, code: str, above: Numbers) -> Point | None:
        metric, mine, theirs = metrics.METRICS[code], self.own.value(code), above.value(code)
        total = _fraction(metric, self.own)[1]
        if mine is None or theirs is None or total < FEWEST_BELOW:
            return None
        points, whole = words.percent(mine) - words.percent(theirs), Decimal(theirs)
        if abs(points) < FROM_ABOVE:
            return None
        sign, name = 1 if points > 0 else -1, words.short(above.unit)

        def share(line: Numbers) -> Decimal | None:
            parts = _fraction(metric, line)
            return (parts[0] - whole * parts[1]) / total * 100

        def holds(day: date, value) -> bool:
            then = self.past_above.get(day, {}).get(_key(code))
            return then is not None and (value - then) * sign > 0

        side = "高于" if sign > 0 else "低于"
        why = f"{side}{name} {abs(points)} 个百分点（{name} {words.figure(theirs, metrics.RATE)}）"
        places = self._places(metric, sign, share)
        return self._point(code, sign > 0, why, abs(points), self._since(code, holds), places, [])

    def gaps(self) -> list[Point]:
        found: list[Point] = []
        for code in (one for one in GAPS if one in self.codes):
            now = self.own.value(code)
            then = self.then.own.value(code) if self.then else None
            if now is None or now < FEWEST or (then is not None and now < then):
                continue
            since = self._since(code, lambda _, value: value > 0)
            places = self._places(metrics.METRICS[code], 1, partial(_count, code=code), "")
            why = "仍未解决"
            if self.then and then is not None:
                more = words.difference(now, then, metrics.COUNT) if now > then else "持平"
                why += f"，较 {words.day(self.then.own.as_of, self.own.as_of)} {more}"
            found.append(self._point(code, False, why, Decimal(-len(found)), since, places, []))
        return found

    def _since(self, code: str, holds: Callable) -> tuple[date, bool]:
        """(the first day of the unbroken run of counted days up to now on which it holds, whether no day was before)."""
        first = self.own.as_of
        for row in reversed(self.past):
            value = row[_key(code)]
            if value is None or not holds(row["as_of"], value):
                return first, False
            first = row["as_of"]
        return first, True

    def _places(
        self, metric: metrics.Metric, sign: int, share: Callable[[Numbers], Decimal | None], form: str = "+"
    ) -> list[Place]:
        """The parts that did most of it, the largest first; in the order of the tree where they are alike. `form`: with
        its sign, what a part changed; without, what there is of it."""
        shares = [(line, part * sign) for line in _lines(self.now) if (part := share(line)) is not None]
        shares = sorted((row for row in shares if row[1] > 0), key=lambda row: -row[1])[:SHOWN]
        return [
            Place(
                name_of(line),
                words.unit_page(line.unit, self.basis) if line.has_page else None,
                _share(metric, part * sign, form),
                "" if line.is_unassigned else answers(line.unit),
            )
            for line, part in shares
        ]

    def _point(self, code, good: bool, why: str, size: Decimal, since: tuple, places: list, links: list) -> Point:
        metric, listed = metrics.METRICS[code], code if code in GAPS else FAMILIES[code][1]
        value = words.shown(self.own, code, BASIS) + ("" if metric.kind == metrics.RATE else f" {metric.unit}")
        if code in ranking.PAIR:  # strict and wide always stand together
            other = next(one for one in ranking.PAIR if one != code)
            value += f"（{metrics.METRICS[other].name} {words.shown(self.own, other, BASIS)}）"
        if self.own.value(listed):
            text = f"看{metrics.METRICS[listed].name}名单（{words.shown(self.own, listed, BASIS)}）"
            links = [*links, _link(text, words.rows_page(self.unit, listed, self.basis))]
        next_step = "" if good else NEXT_STEPS[FAMILIES[code][0]]
        return Point(
            code, metric.name, good, value, why, size, since[0], since[1], places, responsible(self.unit), links,
            next_step,
        )  # fmt: skip


def _share(metric: metrics.Metric, part: Decimal, form: str) -> str:
    text = f"{part:+.2f} 个百分点" if metric.kind == metrics.RATE else f"{part:{form},.0f} {metric.unit}"
    return text.replace("-", "−")


def _link(label: str, url: str | None) -> dict:
    return {"label": label, "url": url}


def _lines(family: Released) -> list[Numbers]:
    return [*family.children, *([family.unassigned] if family.unassigned is not None else [])]


def _who(line: Numbers) -> tuple[bool, int]:
    return line.is_unassigned, line.unit.pk


def _count(line: Numbers, code: str) -> Decimal | None:
    value = line.value(code)
    return None if value is None else Decimal(value)


def _fraction(metric: metrics.Metric, line: Numbers | None) -> tuple[Decimal, Decimal]:
    """Numerator and denominator of a share; (0, 0) where the line has none, for it adds nothing then."""
    if line is None or metric.kind != metrics.RATE:
        return Decimal(0), Decimal(0)
    above, below = tiles.fraction(metric, line, BASIS)
    return (Decimal(0), Decimal(0)) if above is None or below is None else (Decimal(above), Decimal(below))


def name_of(line: Numbers) -> str:
    return line.name if line.is_unassigned else words.short(line.unit)


def responsible(unit: Unit) -> str:
    """A unit, and who answers for it."""
    return f"{words.short(unit)}（{answers(unit)}）"


def answers(unit: Unit) -> str:
    """Who answers for a unit by the postings on record: leaders, of a guidance station its officers.

    A grassroots organization answers by its post alone: the name of its secretary would say who is a member.
    """
    role = Role.LEADER if isinstance(unit, Division) else ANSWERS.get(Level(unit.level), Role.LEADER)
    if role == Role.SECRETARY:
        return role.label
    place = {"organization" if isinstance(unit, Organization) else "division": unit}
    held = Posting.objects.holding().filter(role=role, user__is_active=True, **place)
    held = held.select_related("user").order_by("starts_on", "pk")[:2]
    names = "、".join(str(one.user) for one in held)
    return f"{role.label} {names}" if names else f"没有登记{role.label}"


def _standing(own: Numbers) -> str:
    """The own place by strict coverage."""
    return "".join(
        f"{one.name}在{siblings.above(own)}中第 {one.place} 名，共 {one.of} 个"
        for one in siblings.standings(own, BASIS, (ranking.RATES[0],))
    )
