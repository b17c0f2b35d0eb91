"""Plans and goals for the tests of goals."""

from datetime import timedelta
from decimal import Decimal as D

from django.utils import timezone

from reports import goal_services
from reports.models import Goal, Plan, Snapshot

TODAY = timezone.localdate()


def plan_of(unit, by, **more) -> Plan:
    columns = {"title": "三年行动", "starts_on": TODAY, "ends_on": TODAY + timedelta(days=1095), **more}
    return goal_services.plan_save(plan=Plan(organization=unit, **columns), by=by)


def goal_of(plan, unit, by, *, metric="work_coverage", target="0.9", milestones=(), **more) -> Goal:
    columns = {"base_on": TODAY - timedelta(days=1), "due_on": TODAY + timedelta(days=1000), "base_value": D("0.1")}
    row = Goal(plan=plan, organization=unit, metric=metric, target=D(target), **(columns | more))
    return goal_services.goal_save(goal=row, milestones=milestones, by=by)


def snapshot(unit, day, **counts):
    Snapshot.objects.update_or_create(organization=unit, as_of=day, breakdown="", key="", defaults={"counts": counts})
