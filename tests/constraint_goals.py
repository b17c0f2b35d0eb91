"""The cases of plans and goals; read by test_constraints.py like constraint_cases.py."""

from datetime import timedelta

from reports.models import Goal, Milestone, Plan
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
}  # fmt: skip
