"""Setting up plans and goals, breaking a goal down to the units below, and ending what is over.

A goal belongs to whoever set it: the right is asked for at the plan's unit, so nobody lowers what was set from above.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone

from accounts import audit
from orgs.kinds import Level
from orgs.models import Organization
from reports import goal_progress, goal_words, judging, selectors
from reports.models import Goal, Milestone, Plan
from reports.models.goals import refuse_value

Points = Sequence[tuple[date, Decimal]]
NOT_HERE = "这个计划由「{}」制定，您的岗位不能修改。"


class GoalRefused(ValueError):
    """What was asked for cannot be done; the text is for the person who asked."""


def must_hold(by, permission: str, plan: Plan) -> None:
    """Raises PermissionDenied where the person does not hold the right at the unit that set the plan."""
    held = Organization.objects.visible_to(by, permission).filter(pk=plan.organization_id).exists()
    if not held:
        raise PermissionDenied(NOT_HERE.format(plan.organization))


def may_change(user, plan: Plan) -> bool:
    return plan.is_open and Plan.objects.visible_to(user, "reports.change_plan").filter(pk=plan.pk).exists()


def _record(act: str, row: Plan | Goal, by, **detail) -> None:
    audit.record(f"reports.{act}", by=by, subjects=[row], detail=detail)


# --- plans ------------------------------------------------------------------------------------------------------------


@transaction.atomic
def plan_save(*, plan: Plan, by) -> Plan:
    """Create or edit a plan. Raises ValidationError, PermissionDenied."""
    is_new = plan.pk is None
    must_hold(by, "reports.add_plan" if is_new else "reports.change_plan", plan)
    one_by_one(plan.organization_id)
    if is_new:
        plan.created_by = by
    else:
        was = Plan.objects.select_for_update().get(pk=plan.pk)
        if was.organization_id != plan.organization_id:
            raise ValidationError({"organization": "制定单位不能改；请结束这个计划，另建一个。"})
        _must_be_open(was)
        running = plan.goals.filter(closed_on__isnull=True)
        if beyond := running.filter(due_on__gt=plan.ends_on).count():
            raise ValidationError({"ends_on": f"有 {beyond} 个目标的期限晚于这一天，请先改这些目标的期限。"})
        if before := running.filter(due_on__lt=plan.starts_on).count():
            raise ValidationError({"starts_on": f"有 {before} 个目标的期限早于这一天，请先改这些目标的期限。"})
    plan.full_clean()
    plan.save()
    _record("plan.create" if is_new else "plan.edit", plan, by)
    return plan


def one_by_one(unit_id: int) -> None:
    """What two people set up for a unit at once is set up one after the other: the second is told what is there."""
    Organization.objects.select_for_update(no_key=True).get(pk=unit_id)


def _must_be_open(plan: Plan) -> None:
    if not plan.is_open:
        raise GoalRefused("这个计划已经结束，不能再改。")


@transaction.atomic
def plan_close(*, plan: Plan, by, reason: str) -> Plan:
    """End a plan with its goals; everything stays to be read."""
    plan = Plan.objects.select_for_update().get(pk=plan.pk)
    must_hold(by, "reports.change_plan", plan)
    _must_be_open(plan)
    if not reason.strip():
        raise GoalRefused("请写明结束的原因。")
    plan.closed_on, plan.close_reason = timezone.localdate(), reason.strip()[:200]
    plan.save(update_fields=["closed_on", "close_reason"])
    _record("plan.close", plan, by)
    return plan


# --- goals ------------------------------------------------------------------------------------------------------------


def fill_base(goal: Goal) -> None:
    """The base from this system's own numbers where nobody typed one. Raises ValidationError where there is none."""
    if goal.base_value is not None:
        return
    found = goal_progress.value_on(goal.organization, goal.metric, goal.base_on)
    if found is None:
        raise ValidationError(
            {"base_value": f"系统在 {goal.base_on:%Y-%m-%d} 及以前没有这个单位的这个数字，请填写基数，或换一个基期。"}
        )
    goal.base_on, goal.base_value = found[0], found[1]
    goal.base_is_typed = False


def check_milestones(goal: Goal, milestones: Points) -> None:
    """Raises ValidationError: milestones lie between base and due date, each once, each nearer to the target."""
    seen, last = set(), goal.base_value
    sign = judging.sign(goal.metric)
    for day, value in sorted(milestones):
        if not goal.base_on < day < goal.due_on:
            raise ValidationError(f"阶段目标 {day:%Y-%m-%d} 不在基期和完成期限之间，请改正。")
        if day in seen:
            raise ValidationError(f"阶段目标 {day:%Y-%m-%d} 有两行，请只留一行。")
        if problem := refuse_value(goal.metric, value):
            raise ValidationError(f"阶段目标 {day:%Y-%m-%d}：{problem}")
        if not goal_progress.is_kept(goal) and not (last * sign <= value * sign <= goal.target * sign):
            raise ValidationError(f"阶段目标 {day:%Y-%m-%d} 应在前一个数和目标值之间，请改正。")
        seen.add(day)
        last = value


@transaction.atomic
def goal_save(*, goal: Goal, milestones: Points, by) -> Goal:
    """Create or edit a goal with its milestones. Raises ValidationError, PermissionDenied, GoalRefused."""
    is_new = goal.pk is None
    must_hold(by, "reports.add_goal" if is_new else "reports.change_goal", goal.plan)
    _must_be_open(Plan.objects.select_for_update().get(pk=goal.plan_id))
    before = None if is_new else Goal.objects.select_for_update().get(pk=goal.pk)
    if before is not None and before.closed_on is not None:
        raise GoalRefused("这个目标已经结束，不能再改。")
    was = _said(before, [(one.due_on, one.value) for one in before.milestones.all()]) if before is not None else {}
    if is_over(goal) and (before is None or before.due_on != goal.due_on):
        raise ValidationError({"due_on": "完成期限已经过了：那时的数已经知道，不能再定成目标。请写今天以后的日期。"})
    judging.validate_key(goal.metric)
    fill_base(goal)
    goal.full_clean()
    check_milestones(goal, milestones)
    goal.save()
    goal.milestones.all().delete()
    Milestone.objects.bulk_create([Milestone(goal=goal, due_on=day, value=value) for day, value in milestones])
    _record("goal.create" if is_new else "goal.edit", goal, by, was=was, now=_said(goal, milestones))
    return goal


def _said(goal: Goal, milestones: Points) -> dict[str, str]:
    """As the page of the goal tells what was changed (reports/goal_history.py)."""
    columns = {name: str(getattr(goal, name)) for name in ("metric", "base_on", "base_value", "due_on", "target")}
    points = (f"{day:%Y-%m-%d} {goal_words.exact(goal.metric, value)}" for day, value in sorted(milestones))
    return columns | {"milestones": "、".join(points)}


@transaction.atomic
def goal_close(*, goal: Goal, by, reason: str) -> Goal:
    """End one goal: it leaves lists and tiles, and stays to be read."""
    goal = Goal.objects.select_for_update(of=("self",)).select_related("plan").get(pk=goal.pk)
    must_hold(by, "reports.change_goal", goal.plan)
    if not goal.is_open:
        raise GoalRefused("这个目标已经结束，不能再改。")
    if not reason.strip():
        raise GoalRefused("请写明结束的原因。")
    goal.closed_on, goal.close_reason = timezone.localdate(), reason.strip()[:200]
    goal.save(update_fields=["closed_on", "close_reason"])
    _record("goal.close", goal, by)
    return goal


# --- breaking a goal down ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Part:
    """What one unit below would get: a new goal, another target for the one it has, nothing, or why it cannot."""

    unit: Organization
    base: goal_progress.Point | None
    present: Goal | None
    target: Decimal | None = None
    problem: str = ""

    @property
    def act(self) -> str:
        if self.problem:
            return "problem"
        if self.target is None:
            return "skip"
        if self.present is None:
            return "create"
        return "skip" if self.present.target == self.target else "change"


def is_over(goal: Goal) -> bool:
    """Whether the day it is due has passed: what was reached by then is known."""
    return goal.due_on < timezone.localdate()


def units_below(goal: Goal) -> list[Organization]:
    """The units a goal can be broken down to: those right below its own."""
    return [
        unit
        for unit in selectors.child_units(goal.organization)
        if isinstance(unit, Organization) and unit.closed_on is None and unit.level < Level.GRASSROOTS
    ]


def parts_of(goal: Goal, targets: dict[int, Decimal]) -> list[Part]:
    """What breaking the goal down by these targets (unit → target) would do, unit by unit; nothing is written."""
    units = units_below(goal)
    present = {
        row.organization_id: row
        for row in Goal.objects.filter(
            plan=goal.plan_id, metric=goal.metric, closed_on__isnull=True, organization__in=units
        )
    }
    return [_part(goal, unit, present.get(unit.pk), targets.get(unit.pk)) for unit in units]


def _part(goal: Goal, unit: Organization, present: Goal | None, target: Decimal | None) -> Part:
    base = goal_progress.value_on(unit, goal.metric, goal.base_on)
    if present is not None:
        base = (present.base_on, present.base_value)
    problem = ""
    if target is not None:
        problem = refuse_value(goal.metric, target)
        if not problem and base is None:
            problem = f"系统在 {goal.base_on:%Y-%m-%d} 及以前没有这个单位的这个数字，请把这个单位留空，单独给它定目标。"
    return Part(unit, base, present, target, problem)


@transaction.atomic
def goal_distribute(*, goal: Goal, targets: dict[int, Decimal], by) -> list[Part]:
    """Give the units below their goals, all or none. Raises GoalRefused, PermissionDenied."""
    must_hold(by, "reports.add_goal", goal.plan)
    _must_be_open(Plan.objects.select_for_update().get(pk=goal.plan_id))
    if not Goal.objects.filter(pk=goal.pk, closed_on__isnull=True).exists():
        raise GoalRefused("这个目标已经结束，不能再分解。")
    if is_over(goal):
        raise GoalRefused("这个目标的完成期限已经过了，不能再分解。请先改期限，或另定一个目标。")
    parts = parts_of(goal, targets)
    if wrong := [part for part in parts if part.problem]:
        raise GoalRefused(f"「{wrong[0].unit}」：{wrong[0].problem}")
    done = [part for part in parts if part.act in ("create", "change")]
    for part in done:
        if part.act == "create" and part.base is not None and part.target is not None:
            child = Goal(
                plan=goal.plan, organization=part.unit, metric=goal.metric, base_on=part.base[0],
                base_value=part.base[1], due_on=goal.due_on, target=part.target,
            )  # fmt: skip
            goal_save(goal=child, milestones=[], by=by)
        elif part.present is not None and part.target is not None:
            part.present.target = part.target
            goal_save(goal=part.present, milestones=_kept(part.present), by=by)
    _record("goal.distribute", goal, by, units=len(done))
    return done


def _kept(goal: Goal) -> list[tuple[date, Decimal]]:
    """The milestones that still lie between base and the new target; the others fell with the old one."""
    sign = judging.sign(goal.metric)
    low, high = sorted((goal.base_value * sign, goal.target * sign))
    return [(one.due_on, one.value) for one in goal.milestones.all() if low <= one.value * sign <= high]
