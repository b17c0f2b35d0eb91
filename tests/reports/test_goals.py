"""Plans and goals: who sets them, what is refused, breaking one down, and reading many at once."""

import threading
import time
from datetime import timedelta
from decimal import Decimal as D

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.urls import reverse

from accounts import audit
from accounts.models import AuditEvent
from reports import goal_progress, goal_services, metrics, selectors
from reports.goal_history import changes_of
from reports.models import Goal, Plan
from tests import factories as make
from tests.at_once import at_once, somebody_waits
from tests.reports.making_goals import TODAY, goal_of, plan_of, snapshot

pytestmark = pytest.mark.django_db


# --- services ---------------------------------------------------------------------------------------------------------


def test_base_is_what_the_system_counted(town, plan, registrar):
    goal = goal_of(plan, town.city.nanshan, registrar, base_value=None, base_on=TODAY, metric="covered", target="99")
    assert goal.base_value == selectors.latest(town.city.nanshan).value("covered") == 6
    assert (goal.base_on, goal.base_is_typed) == (TODAY, False)


def test_a_base_before_all_numbers_must_be_typed(town, plan, registrar):
    with pytest.raises(ValidationError, match="请填写基数"):
        goal_of(plan, town.city.nanshan, registrar, base_value=None, base_on=TODAY - timedelta(days=900))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"metric": "members_on_roll", "target": "5"}, "涉及党员"),
        ({"metric": "work_coverage@with_members"}, "有党员"),
        ({"target": "1.2"}, "100%"),
        ({"metric": "covered", "target": "3.5", "base_value": D(1)}, "整数"),
        ({"target": "-0.1"}, "不能小于 0"),
        ({"due_on": TODAY + timedelta(days=2000)}, "计划的止期"),
        ({"due_on": TODAY + timedelta(days=5), "base_on": TODAY + timedelta(days=5)}, "晚于基期"),
        ({"due_on": TODAY - timedelta(days=1), "base_on": TODAY - timedelta(days=9)}, "已经过了"),
        ({"milestones": [(TODAY + timedelta(days=1001), D("0.5"))]}, "不在基期和完成期限之间"),
        ({"milestones": [(TODAY + timedelta(days=10), D("0.95"))]}, "应在前一个数和目标值之间"),
        ({"milestones": [(TODAY + timedelta(days=10), D("0.5"))] * 2}, "有两行"),
        ({"milestones": [(TODAY + timedelta(d), D(v)) for d, v in ((10, "0.5"), (20, "0.4"))]}, "前一个数"),
    ],
)
def test_what_makes_no_goal_is_told(town, plan, registrar, wrong, said):
    with pytest.raises(ValidationError, match=said):
        goal_of(plan, town.city.nanshan, registrar, **wrong)
    assert not Goal.objects.exists()


def test_a_goal_is_for_units_of_the_plan_down_to_guidance_stations(town, registrar):
    plan = plan_of(town.city.nanshan, registrar)
    with pytest.raises(ValidationError, match="不在"):
        goal_of(plan, town.city.futian, registrar)
    with pytest.raises(ValidationError, match="不定到基层"):
        goal_of(plan, town.branch, registrar)


def test_a_second_running_goal_of_the_same_metric_is_refused_until_the_first_is_ended(town, plan, registrar):
    first = goal_of(plan, town.city.nanshan, registrar)
    with pytest.raises(ValidationError, match="已有一个目标"):
        goal_of(plan, town.city.nanshan, registrar)
    goal_services.goal_close(goal=first, by=registrar, reason="重定")
    goal_of(plan, town.city.nanshan, registrar)


def test_nobody_lowers_what_was_set_from_above(town, plan, registrar):
    goal = goal_of(plan, town.city.nanshan, registrar)
    district = make.make_user("registrar", town.city.nanshan)
    goal.target = D("0.2")
    with pytest.raises(PermissionDenied):
        goal_services.goal_save(goal=goal, milestones=[], by=district)
    with pytest.raises(PermissionDenied):
        goal_services.goal_close(goal=goal, by=district, reason="太高")
    with pytest.raises(PermissionDenied):
        plan_of(town.city.city, district, title="另一个")
    assert plan_of(town.city.nanshan, district).created_by == district


def test_leaders_read_and_set_nothing(town, plan):
    with pytest.raises(PermissionDenied):
        plan_of(town.city.city, town.people["city_leader"], title="领导的")


def test_what_is_over_stays_and_changes_no_more(town, plan, registrar):
    goal = goal_of(plan, town.city.nanshan, registrar)
    with pytest.raises(goal_services.GoalRefused, match="原因"):
        goal_services.plan_close(plan=plan, by=registrar, reason=" ")
    goal_services.plan_close(plan=plan, by=registrar, reason="到期")
    for act in (
        lambda: goal_services.goal_save(goal=goal, milestones=[], by=registrar),
        lambda: goal_services.goal_close(goal=goal, by=registrar, reason="x"),
        lambda: goal_services.plan_close(plan=plan, by=registrar, reason="x"),
        lambda: goal_of(plan, town.city.futian, registrar),
    ):
        with pytest.raises(goal_services.GoalRefused):
            act()


def test_a_plan_does_not_end_before_its_goals(town, plan, registrar):
    goal_of(plan, town.city.nanshan, registrar)
    plan.ends_on = TODAY + timedelta(days=30)
    with pytest.raises(ValidationError, match="1 个目标"):
        goal_services.plan_save(plan=plan, by=registrar)


def test_a_goal_is_not_due_before_its_plan_begins(town, registrar):
    begins = TODAY + timedelta(days=40)
    plan = plan_of(town.city.city, registrar, starts_on=begins)
    with pytest.raises(ValidationError, match="起期"):
        goal_of(plan, town.city.nanshan, registrar, due_on=begins - timedelta(days=1))
    goal_of(plan, town.city.nanshan, registrar, due_on=begins + timedelta(days=1))
    plan.starts_on = begins + timedelta(days=2)
    with pytest.raises(ValidationError, match="1 个目标"):
        goal_services.plan_save(plan=plan, by=registrar)


def test_an_overdue_goal_is_still_edited_and_moved_but_not_to_another_day_that_is_over(town, plan, registrar):
    goal = goal_of(plan, town.city.nanshan, registrar, base_on=TODAY - timedelta(days=30))
    Plan.objects.filter(pk=plan.pk).update(starts_on=TODAY - timedelta(days=60))
    Goal.objects.filter(pk=goal.pk).update(due_on=TODAY - timedelta(days=3))
    goal = Goal.objects.get(pk=goal.pk)
    goal_services.goal_save(goal=goal, milestones=[], by=registrar)
    with pytest.raises(goal_services.GoalRefused, match="已经过了"):
        goal_services.goal_distribute(goal=goal, targets={}, by=registrar)
    goal.due_on = TODAY - timedelta(days=2)
    with pytest.raises(ValidationError, match="已经过了"):
        goal_services.goal_save(goal=goal, milestones=[], by=registrar)
    goal.due_on = TODAY
    goal_services.goal_save(goal=goal, milestones=[], by=registrar)


@pytest.mark.django_db(transaction=True)
def test_a_plan_set_up_twice_at_once_is_one_and_the_other_is_told():
    city = make.make_city()
    registrar = make.make_user("registrar", city.city)
    said = at_once(*[lambda: plan_of(city.city, registrar)] * 4)
    assert sorted(type(one).__name__ for one in said) == ["Plan", *["ValidationError"] * 3]


@pytest.mark.django_db(transaction=True)
def test_a_goal_ended_while_somebody_edits_it_stays_ended():
    city = make.make_city()
    registrar = make.make_user("registrar", city.city)
    goal = goal_of(plan_of(city.city, registrar), city.nanshan, registrar)

    def edit():
        return goal_services.goal_save(goal=Goal.objects.get(pk=goal.pk), milestones=[], by=registrar)

    def end_later():
        with transaction.atomic():
            ended = goal_services.goal_close(goal=goal, by=registrar, reason="重定")
            asked.set()
            deadline = time.monotonic() + 10
            while not somebody_waits() and time.monotonic() < deadline:
                time.sleep(0.01)
            return ended

    def edit_then():
        asked.wait(10)
        return edit()

    asked = threading.Event()
    ended, edited = at_once(end_later, edit_then)
    assert isinstance(edited, goal_services.GoalRefused) and Goal.objects.get(pk=goal.pk).closed_on is not None


def test_acts_are_audited_with_what_changed(town, plan, registrar):
    goal = goal_of(plan, town.city.nanshan, registrar)
    goal.target = D("0.5")
    goal_services.goal_save(goal=goal, milestones=[], by=registrar)
    event = AuditEvent.objects.get(act="reports.goal.edit")
    assert (event.actor, event.subjects) == (registrar, [goal.pk])
    assert (event.detail["was"]["target"], event.detail["now"]["target"]) == ("0.9000", "0.5")
    for detail in ({}, {"was": {}, "now": {}}, {"was": "2026", "now": 1}):  # by SQL: they cannot be taken away again
        audit.record("reports.goal.edit", by=None, subjects=[goal], detail=detail)
    assert [change["texts"] for change in changes_of(goal)] == [["目标 90.0% → 50.0%"]]


# --- breaking down ----------------------------------------------------------------------------------------------------


def test_breaking_down_gives_each_unit_its_own_base(town, plan, registrar):
    goal = goal_of(plan, town.city.city, registrar, metric="covered", target="50", base_value=None, base_on=TODAY)
    nanshan, futian = town.city.nanshan, town.city.futian
    parts = goal_services.parts_of(goal, {nanshan.pk: D(30), futian.pk: D(20)})
    assert {part.unit: part.act for part in parts} == {futian: "create", nanshan: "create"}
    assert Goal.objects.count() == 1  # a preview writes nothing
    done = goal_services.goal_distribute(goal=goal, targets={nanshan.pk: D(30), futian.pk: D(20)}, by=registrar)
    assert len(done) == 2
    below = {row.organization: (row.base_value, row.target, row.due_on) for row in Goal.objects.exclude(pk=goal.pk)}
    assert below == {nanshan: (6, 30, goal.due_on), futian: (0, 20, goal.due_on)}
    again = goal_services.goal_distribute(goal=goal, targets={nanshan.pk: D(35), futian.pk: D(20)}, by=registrar)
    assert [part.unit for part in again] == [nanshan] and Goal.objects.count() == 3
    assert Goal.objects.get(organization=nanshan).target == 35


def test_breaking_down_is_all_or_none(town, plan, registrar):
    goal = goal_of(plan, town.city.city, registrar, base_on=TODAY)  # futian has numbers, but nothing is typed for it
    with pytest.raises(goal_services.GoalRefused, match="100%"):
        goal_services.goal_distribute(
            goal=goal, targets={town.city.nanshan.pk: D("0.9"), town.city.futian.pk: D("1.5")}, by=registrar
        )
    assert Goal.objects.count() == 1


def test_units_elsewhere_are_not_reached_by_a_made_up_form(town, registrar, sign_in):
    plan = plan_of(town.city.nanshan, registrar)
    goal = goal_of(plan, town.city.nanshan, registrar, base_on=TODAY)
    sign_in("registrar").post(
        reverse("reports:goal_distribute", args=[goal.pk]),
        {f"unit_{town.city.lianhua.pk}": "90", f"unit_{town.city.yuehai.pk}": "90", "confirm": "1"},
    )
    assert set(Goal.objects.values_list("organization", flat=True)) == {town.city.nanshan.pk, town.city.yuehai.pk}


# --- reading ----------------------------------------------------------------------------------------------------------


def test_progress_of_many_is_that_of_each(town, plan, registrar):
    units = [town.city.city, town.city.nanshan, town.city.futian, town.city.yuehai, town.city.shahe]
    for unit in units:
        snapshot(unit, TODAY - timedelta(days=90), operating=10, work_covered=1)
        goal_of(plan, unit, registrar, base_on=TODAY - timedelta(days=200))
        goal_of(plan, unit, registrar, metric="covered", target="50", base_value=D(1))
    goals = list(Goal.objects.select_related("organization__parent", "plan").prefetch_related("milestones"))
    for line in goal_progress.progress_many(goals):
        own = selectors.latest(line.goal.organization)
        value = own.value(*metrics.parse_key(line.goal.metric))
        assert line.actual == (D(value) if value is not None else None), line.goal
        if line.goal.metric == "work_coverage" and value is not None and value > D("0.1"):
            assert f"{TODAY - timedelta(days=90):%Y-%m-%d}" in line.pace_note


def test_a_list_of_many_goals_takes_few_queries(town, plan, registrar, django_assert_max_num_queries):
    for unit in (town.city.yuehai, town.city.shahe, town.city.lianhua, town.city.huafu):
        for metric in ("work_coverage", "covered", "due_not_built"):
            goal_of(plan, unit, registrar, metric=metric, target="1", base_value=D(0))
    goals = list(Goal.objects.select_related("organization__parent", "plan").prefetch_related("milestones"))
    with django_assert_max_num_queries(16):
        goal_progress.progress_many(goals)


def test_an_overdue_goal_looks_at_its_due_day(town, plan, registrar):
    unit = town.city.nanshan
    snapshot(unit, TODAY - timedelta(days=3), operating=10, work_covered=10)
    goal = goal_of(plan, unit, registrar, base_on=TODAY - timedelta(days=400))
    goal.due_on = TODAY - timedelta(days=3)
    assert goal_progress.progress_many([goal])[0].word == "按期达成"
