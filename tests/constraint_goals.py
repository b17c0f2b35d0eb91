"""The cases of plans, goals and evaluations; read by test_constraints.py like constraint_cases.py."""

from datetime import timedelta

from django.utils import timezone

from reports.models import (
    Evaluation,
    EvaluationLine,
    EvaluationRelease,
    EvaluationWithdrawal,
    Goal,
    Milestone,
    Plan,
    ReportedFigure,
)
from tests import factories as make
from tests.constraint_cases import DAY, Cases, again, changed


def plan(city, **more) -> Plan:
    columns = {"title": "三年行动", "starts_on": DAY, "ends_on": DAY + timedelta(days=1000), **more}
    return Plan.objects.create(organization=city.nanshan, **columns)


def goal(city, **more) -> Goal:
    columns = {"metric": "work_coverage", "base_value": 0, "base_on": DAY, "target": 1, **more}
    due_on = DAY + timedelta(days=900)
    return Goal.objects.create(plan=plan(city), organization=city.yuehai, due_on=due_on, **columns)


def milestone(city) -> Milestone:
    return Milestone.objects.create(goal=goal(city), due_on=DAY + timedelta(days=9), value=0)


def evaluation(city) -> Evaluation:
    return Evaluation.objects.create(organization=city.nanshan, title="评价", as_of=DAY)


def line(city) -> EvaluationLine:
    columns = {"metric": "work_coverage", "weight": 100, "floor": 0, "full": 1}
    return EvaluationLine.objects.create(evaluation=evaluation(city), position=1, **columns)


def withdrawal(city) -> EvaluationWithdrawal:
    release = EvaluationRelease.objects.create(
        evaluation=evaluation(city), sheet={}, units=[], digest="0" * 64, released_at=timezone.now(),
        released_by=make.make_user(),
    )  # fmt: skip
    return EvaluationWithdrawal.objects.create(release=release, reason="有误", withdrawn_by=make.make_user())


GOALS: Cases = {
    "plan_once": lambda city: again(plan(city), document="另一个"),
    "plan_in_order": lambda city: changed(plan(city), ends_on=DAY),
    "plan_closed_with_reason": lambda city: changed(plan(city), closed_on=DAY),
    "goal_once": lambda city: again(goal(city), target=0),
    "goal_in_order": lambda city: changed(goal(city), {"due_on": DAY}, {"due_on": DAY - timedelta(days=1)}),
    "goal_values_not_negative": lambda city: changed(goal(city), {"target": -1}, {"base_value": -1}),
    "goal_closed_with_reason": lambda city: changed(goal(city), closed_on=DAY),
    "goal_metric_may_judge": lambda city: changed(
        goal(city), {"metric": "members_on_roll"}, {"metric": "work_coverage@with_members"},
        {"metric": "registrations_verified"}, {"metric": "check_ins_30d"}, {"metric": "with_members"},
        {"metric": "applications"}, {"metric": "两个 指标"},
    ),
    "milestone_once_a_day": lambda city: again(milestone(city), value=1),
    "milestone_value_not_negative": lambda city: changed(milestone(city), value=-1),
    "reportedfigure_has_its_source": lambda city: changed(
        ReportedFigure.objects.create(place="深圳", name="组织数", value=1, as_of=DAY, source="公报"),
        {"source": ""}, {"place": ""}, {"name": ""},
    ),
    "evaluation_once": lambda city: again(evaluation(city), note="另一份"),
    "evaluation_of_a_day_or_a_month": lambda city: changed(evaluation(city), {"as_of": None}, {"month": DAY}),
    "evaluation_month_is_its_first_day": lambda city: changed(
        evaluation(city), as_of=None, month=DAY + timedelta(days=1)
    ),
    "evaluationline_metric_once": lambda city: again(line(city), position=2),
    "evaluationline_position_once": lambda city: again(line(city), metric="market_coverage"),
    "evaluationline_metric_may_judge": lambda city: changed(
        line(city), {"metric": "members_distinct"}, {"metric": "organization_coverage@with_members"},
        {"metric": "registrations"}, {"metric": "check_ins_30d"},
    ),
    "evaluationline_weight_is_a_share": lambda city: changed(line(city), {"weight": 0}, {"weight": "100.01"}),
    "evaluationline_floor_is_not_full": lambda city: changed(line(city), floor=1),
    "evaluationwithdrawal_has_a_reason": lambda city: again(withdrawal(city), reason=""),
}  # fmt: skip
