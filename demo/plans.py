"""What the invented city set out to reach, and how it compared its districts once: through the services, as anybody."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts.models import User
from orgs.models import Organization
from reports import evaluation_services, evaluation_sheets, goal_progress, goal_services
from reports.digests import digest_of
from reports.models import Evaluation, EvaluationLine, Goal, MonthClosing, Plan, Snapshot

# metric, target as a multiple of the base, broken down to the districts
GOALS = (
    ("organization_coverage_strict", Decimal("1.45"), True),
    ("work_coverage", Decimal("1.20"), False),
    ("market_coverage", Decimal("1.50"), True),
    ("due_not_built", Decimal("0"), False),
)
LINES = (
    ("organization_coverage_strict", "40", "0", "0.2"), ("work_coverage", "30", "0.05", "0.3"),
    ("due_built_rate", "20", "0.4", "0.9"), ("terms_overdue", "10", "5", "0"),
)  # fmt: skip


def build_plans(city: Organization, *, today: dt.date, say: Callable[[str], object]) -> None:
    """Needs the personas and the numbers of the past."""
    registrar, leader = (User.objects.get(username=name) for name in ("registrar_city", "city_leader"))
    first = Snapshot.objects.filter(organization=city, breakdown="", key="").earliest("as_of").as_of
    plan = Plan(
        organization=city, title="小个专党建三年行动计划", document="示范文号", starts_on=first,
        ends_on=first + dt.timedelta(days=1095),
    )  # fmt: skip
    goal_services.plan_save(plan=plan, by=registrar)
    for metric, times, breaks_down in GOALS:
        try:
            _goal(plan, metric, times, first, breaks_down, registrar)
        except (ValidationError, goal_services.GoalRefused) as refusal:  # a small city has not every number
            say(f"目标 {metric}：{refusal}")
    _evaluation(city, today, registrar, leader, say)


def _times(base: Decimal, times: Decimal, metric: str) -> Decimal:
    if metric == "due_not_built":
        return Decimal(round(base * times))
    return min((base * times).quantize(Decimal("0.001")), Decimal(1))


def _goal(plan: Plan, metric: str, times: Decimal, base_on: dt.date, breaks_down: bool, by: User) -> None:
    base = goal_progress.value_on(plan.organization, metric, base_on)
    if base is None:
        return
    goal = Goal(
        plan=plan, organization=plan.organization, metric=metric, base_on=base_on, due_on=plan.ends_on,
        target=_times(base[1], times, metric),
    )  # fmt: skip
    goal_services.goal_save(goal=goal, milestones=[], by=by)
    if breaks_down:
        parts = goal_services.parts_of(goal, {})
        targets = {part.unit.pk: _times(part.base[1], times, metric) for part in parts if part.base}
        goal_services.goal_distribute(goal=goal, targets=targets, by=by)


def _evaluation(city: Organization, today: dt.date, by: User, leader: User, say: Callable[[str], object]) -> None:
    closing = MonthClosing.objects.order_by("-month").first()
    day = min(today, timezone.localdate())
    evaluation = Evaluation(
        organization=city, title="各区工作评价（示范）", month=closing.month if closing else None,
        as_of=None if closing else day, note="示范：指标、权重和分数线都是举例。",
    )  # fmt: skip
    lines = [
        EvaluationLine(metric=metric, weight=Decimal(weight), floor=Decimal(floor), full=Decimal(full))
        for metric, weight, floor, full in LINES
    ]
    evaluation_services.evaluation_save(evaluation=evaluation, lines=lines, by=by)
    try:
        seen = digest_of(evaluation_sheets.sheet_of(evaluation))
        evaluation_services.evaluation_release(evaluation=evaluation, by=leader, seen=seen)
    except (evaluation_sheets.NoNumbers, evaluation_services.EvaluationRefused) as refusal:
        say(f"工作评价：{refusal}")
