"""How far a goal is: against a straight line from its base to its target, and when it will be reached at this pace.

Plain functions over values, and one reader that gets the values of many goals in few queries. The line goes from the
base through the milestones to the target; it is straight where there are none. A goal whose base is the target already
is to be kept: its line is flat.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_CEILING, Decimal

from django.conf import settings

from orgs.models import Organization
from reports import judging, metrics, selectors
from reports.models import Goal

GREEN, AMBER, RED, NONE = "green", "amber", "red", "none"
BADGES = {GREEN: "ok", AMBER: "warn", RED: "bad", NONE: "plain"}
FARTHEST = 36_500  # days: a pace that needs a century leads nowhere

Point = tuple[date, Decimal]


def points_of(goal: Goal) -> list[Point]:
    """Base, milestones, target: the corners of the line."""
    between = [(one.due_on, one.value) for one in goal.milestones.all()]
    return [(goal.base_on, goal.base_value), *sorted(between), (goal.due_on, goal.target)]


def is_kept(goal: Goal) -> bool:
    """Whether the base meets the target already, so that the goal is to stay there."""
    return (goal.base_value - goal.target) * judging.sign(goal.metric) >= 0


def expected_on(goal: Goal, day: date) -> Decimal:
    """Where the line is on a day: the base before it begins, the target after it ends."""
    if is_kept(goal):
        return goal.target
    points = points_of(goal)
    if day <= points[0][0]:
        return points[0][1]
    for (start, low), (end, high) in zip(points, points[1:], strict=False):
        if day <= end:
            return low + (high - low) * (day - start).days / max((end - start).days, 1)
    return goal.target


@dataclass(frozen=True)
class Progress:
    """One goal on one day. None is shown as —. `ahead`: how much better than the line, in the metric's own unit."""

    goal: Goal
    as_of: date | None
    actual: Decimal | None
    expected: Decimal | None
    ahead: Decimal | None
    reached: bool
    light: str
    word: str
    reach_on: date | None = None
    pace_note: str = ""

    @property
    def badge(self) -> str:
        return BADGES[self.light]

    @property
    def done_share(self) -> Decimal | None:
        """Which part of the way from base to target is behind, 0–1 (and beyond)."""
        way = self.goal.target - self.goal.base_value
        if self.actual is None or not way or is_kept(self.goal):
            return None
        return (self.actual - self.goal.base_value) / way


def light_of(goal: Goal, actual: Decimal, expected: Decimal) -> str:
    """Green, amber or red by how far behind the line a running goal is, as a share of the whole way."""
    behind = (expected - actual) * judging.sign(goal.metric)
    if behind <= 0:
        return GREEN
    way = abs(goal.target - goal.base_value)
    if not way or is_kept(goal):
        return RED  # it stood there, and has fallen below
    share = behind / way * 100
    return GREEN if share <= settings.GOAL_GREEN_WITHIN else AMBER if share <= settings.GOAL_AMBER_WITHIN else RED


def reach_day(goal: Goal, then: Point, now: Point) -> date | None:
    """When the target is reached at the pace between two points; None where it leads elsewhere or nowhere."""
    sign, days = judging.sign(goal.metric), (now[0] - then[0]).days
    if days <= 0:
        return None
    pace = (now[1] - then[1]) * sign / days
    left = (goal.target - now[1]) * sign
    if pace <= 0:
        return None
    more = int((left / pace).to_integral_value(ROUND_CEILING))
    return now[0] + timedelta(days=more) if more <= FARTHEST else None


def progress_of(goal: Goal, now: Point | None, then: Point | None = None, at_due: Decimal | None = None) -> Progress:
    """`now`: the newest value. `then`: an earlier one, for the pace; the base where there is none. `at_due`: the value
    on the day it was due, once that has passed."""
    if now is None or now[0] < goal.base_on:
        word = "还没有数字" if now is None else "未开始"
        return Progress(goal, now[0] if now else None, None, None, None, False, NONE, word)
    on, actual = now
    sign = judging.sign(goal.metric)
    expected = expected_on(goal, on)
    reached = (actual - goal.target) * sign >= 0
    ahead = (actual - expected) * sign
    light, word = _judge(goal, on, actual, expected, reached, at_due)
    reach_on, note = (None, "") if reached or on > goal.due_on else _forecast(goal, now, then)
    return Progress(goal, on, actual, expected, ahead, reached, light, word, reach_on, note)


def _judge(
    goal: Goal, on: date, actual: Decimal, expected: Decimal, reached: bool, at_due: Decimal | None
) -> tuple[str, str]:
    if on > goal.due_on:
        in_time = at_due is not None and (at_due - goal.target) * judging.sign(goal.metric) >= 0
        if in_time:
            return GREEN, "按期达成"
        return (AMBER, "逾期后达成") if reached else (RED, "到期未达成")
    if reached:
        return GREEN, "保持" if is_kept(goal) else "已达成"
    light = light_of(goal, actual, expected)
    return light, {GREEN: "按进度", AMBER: "略落后", RED: "落后"}[light]


def _forecast(goal: Goal, now: Point, then: Point | None) -> tuple[date | None, str]:
    start = then if then is not None and goal.base_on <= then[0] < now[0] else (goal.base_on, goal.base_value)
    if start[0] >= now[0]:
        return None, "刚开始，还看不出速度"
    day = reach_day(goal, start, now)
    since = f"按 {start[0]:%Y-%m-%d} 以来的速度"
    return day, since if day else f"{since}达不到"


# --- reading the values -----------------------------------------------------------------------------------------------


def _value(numbers: "selectors.Numbers", key: str) -> Decimal | None:
    """Only keys that may be judged by are read here: none of them is ever a small cell, so nobody's are kept back."""
    if not judging.may_judge(key):
        return None
    found = metrics.value(numbers.counts, *metrics.parse_key(key))
    return Decimal(found) if isinstance(found, int) else found


def numbers_of(units: Iterable[Organization], as_of: date | None = None) -> dict[int, "selectors.Numbers"]:
    """The newest numbers of organizations, not after `as_of`: all below one parent at once."""
    wanted: dict[int, Organization] = {unit.pk: unit for unit in units}
    below: dict[Organization, int] = defaultdict(int)
    for unit in wanted.values():
        if unit.parent is not None:
            below[unit.parent] += 1
    found: dict[int, selectors.Numbers] = {}
    for parent, count in below.items():
        if count > 1:
            found |= {line.unit.pk: line for line in selectors.children(parent, as_of) if line.unit.pk in wanted}
    for pk, unit in wanted.items():
        if pk not in found and (own := selectors.latest(unit, as_of)) is not None:
            found[pk] = own
    return found


def progress_many(goals: Sequence[Goal], as_of: date | None = None) -> list[Progress]:
    """The progress of goals, in their order. Goals come with organization__parent and milestones fetched."""
    now = numbers_of([goal.organization for goal in goals], as_of)
    newest = max((line.as_of for line in now.values()), default=None)
    if newest is None:
        return [progress_of(goal, None) for goal in goals]
    before = numbers_of([goal.organization for goal in goals], newest - timedelta(days=settings.GOAL_PACE_DAYS))
    overdue: dict[date, list[Organization]] = defaultdict(list)
    for goal in goals:
        if goal.due_on < newest:
            overdue[goal.due_on].append(goal.organization)
    due = {day: numbers_of(units, day) for day, units in overdue.items()}

    def one(goal: Goal) -> Progress:
        if goal.organization.closed_on is not None:  # its last numbers say nothing of today
            return Progress(goal, None, None, None, None, False, NONE, "单位已撤销")
        if not judging.may_judge(goal.metric):
            return Progress(goal, None, None, None, None, False, NONE, "指标已停用")
        late = _point(due.get(goal.due_on, {}), goal)
        return progress_of(goal, _point(now, goal), _point(before, goal), late[1] if late else None)

    return [one(goal) for goal in goals]


def _point(found: dict[int, "selectors.Numbers"], goal: Goal) -> Point | None:
    line = found.get(goal.organization_id)
    if line is None:
        return None
    value = _value(line, goal.metric)
    return (line.as_of, value) if value is not None else None


def value_on(unit: Organization, key: str, day: date) -> Point | None:
    """What this system counted for a unit, on the newest day not after `day`."""
    line = selectors.latest(unit, day)
    value = _value(line, key) if line is not None else None
    return (line.as_of, value) if line is not None and value is not None else None


def running_lines(organization: Organization) -> list[str]:
    """What the preview of a move, merge or closing says of goals."""
    units = Organization.objects.within(organization)
    running = Goal.objects.filter(organization__in=units, closed_on__isnull=True, plan__closed_on__isnull=True)
    return [f"进行中的目标 {count} 个"] if (count := running.count()) else []
