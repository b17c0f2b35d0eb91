"""The pages of plans and goals: their scope, their forms with ugly input, the chart, the tile's mark and the API."""

import random
from datetime import timedelta
from decimal import Decimal as D

import pytest
from django.urls import reverse

from reports import goal_progress, goal_services
from reports.models import Goal, Plan
from tests.reports.making_goals import TODAY, goal_of, snapshot

pytestmark = pytest.mark.django_db


def test_goals_are_seen_where_their_unit_is(town, plan, registrar, sign_in):
    random.seed(7)
    units = [getattr(town.city, name) for name in ("city", "nanshan", "futian", "yuehai", "shahe", "lianhua", "huafu")]
    keys = ["work_coverage", "organization_coverage", "due_built_rate", "market_coverage", "work_coverage@registered"]
    for _ in range(25):
        unit, key = random.choice(units), random.choice(keys)
        if not Goal.objects.filter(organization=unit, metric=key).exists():
            goal_of(plan, unit, registrar, metric=key)
    for name in ("city_leader", "district_leader", "division_leader", "officer", "registrar"):
        place = town.people[name].postings.get()
        unit = place.organization or {"南山区": town.city.nanshan}[place.division.name]
        client = sign_in(name)
        page = client.get(reverse("reports:goals"))
        expected = {row.pk for row in Goal.objects.all() if row.organization.path.startswith(unit.path)}
        rows = [*page.context["table"]["rows"], *page.context["settled"]["rows"]]
        shown = {int(row["url"].split("/")[-2]) for row in rows}
        assert shown == expected, name
        for goal in Goal.objects.all():
            status = 200 if goal.pk in expected else 404
            for address in ("reports:goal", "reports:goal_chart"):
                assert client.get(reverse(address, args=[goal.pk])).status_code == status, (name, goal)


def test_secretaries_and_administrators_have_no_goals(town, sign_in):
    for name in ("secretary", "system", "security", "audit"):
        assert sign_in(name).get(reverse("reports:goals")).status_code == 403


def test_list_shows_the_worst_first_and_filters(town, plan, registrar, sign_in):
    goal_of(plan, town.city.city, registrar, metric="covered", target="1", base_value=D(0))
    goal_of(plan, town.city.nanshan, registrar, metric="covered", target="900", base_value=D(800))
    client = sign_in("city_leader")
    page = client.get(reverse("reports:goals"))
    for table, words in (("table", ["落后"]), ("settled", ["已达成"])):
        assert [row["cells"][-1]["text"] for row in page.context[table]["rows"]] == words
    green = client.get(reverse("reports:goals"), {"light": "green"})
    assert len(green.context["table"]["rows"]) == 1 and not green.context["settled"]["rows"]
    red = client.get(reverse("reports:goals"), {"light": "red"})
    assert [row["cells"][0]["text"] for row in red.context["table"]["rows"]] == ["南山区小个专党委"]
    assert client.get(reverse("reports:goals"), {"light": "x", "plan": "9", "start": "-5"}).status_code == 200
    for name, count in (
        ("city_leader", 1),
        ("district_leader", 1),
    ):  # the first page counts what stands behind its link
        client = sign_in(name)
        front = client.get(reverse("reports:front")).context["found"]
        lagging = next(one for one in front.dues if one["label"] == "落后的目标")
        assert lagging["text"] == str(count) and len(client.get(lagging["url"]).context["table"]["rows"]) == count


def test_the_page_tells_what_was_changed_by_whom_and_whether_it_was_too_late(town, plan, registrar, sign_in):
    goal = goal_of(plan, town.city.nanshan, registrar, target="0.9", milestones=[(TODAY + timedelta(days=9), D("0.3"))])
    url, client = reverse("reports:goal", args=[goal.pk]), sign_in("district_leader")
    assert "的 3% 为按进度，不超过 10% 为略落后" in client.get(url).content.decode()
    assert client.get(url).context["changes"] == []
    goal.target = D("0.8")
    goal_services.goal_save(goal=goal, milestones=[], by=registrar)
    day = timedelta(days=1)
    Plan.objects.update(starts_on=TODAY - 20 * day)
    Goal.objects.filter(pk=goal.pk).update(base_on=TODAY - 9 * day, due_on=TODAY - day)
    goal.refresh_from_db()
    goal.target = D("0.4")
    goal_services.goal_save(goal=goal, milestones=[], by=registrar)
    goal_services.goal_save(goal=goal, milestones=[], by=registrar)  # nothing changed
    page = client.get(url)
    assert [(one["texts"], one["by"], one["late"]) for one in page.context["changes"]] == [
        (["目标 80.0% → 40.0%"], registrar, True),
        (["目标 90.0% → 80.0%", f"阶段目标 {TODAY + 9 * day} 30.0% → 没有"], registrar, False),
    ]
    assert page.content.decode().count("完成期限过后才改") == 1


def test_registrar_sets_a_plan_a_goal_and_breaks_it_down(town, sign_in):
    client = sign_in("registrar")
    sent = {
        "organization": town.city.city.pk, "title": "三年行动计划", "starts_on": TODAY, "document": "深市监党〔2026〕3号",
        "ends_on": TODAY + timedelta(days=1095),
    }  # fmt: skip
    assert client.post(reverse("reports:plan_new"), sent).status_code == 302
    plan = Plan.objects.get()
    goal = {
        "organization": town.city.city.pk, "code": "organization_coverage_strict", "denominator": "registered",
        "range": "all", "base_on": TODAY, "base_value": "", "due_on": TODAY + timedelta(days=1000), "target": "85.5%",
        "milestones": f"{TODAY + timedelta(days=300):%Y-%m-%d}\t60%\n\n{TODAY + timedelta(days=600):%Y-%m-%d}　70",
    }  # fmt: skip
    response = client.post(reverse("reports:goal_new", args=[plan.pk]), goal)
    row = Goal.objects.get()
    assert (response.status_code, row.metric, row.target) == (
        302,
        "organization_coverage_strict@registered",
        D("0.855"),
    )
    assert [one.value for one in row.milestones.all()] == [D("0.6"), D("0.7")]
    page = client.get(reverse("reports:goal", args=[row.pk])).content.decode()
    assert "85.5%" in page and "D1 登记在册" in page and "分解到下级" in page
    url = reverse("reports:goal_distribute", args=[row.pk])
    assert "85.5" in client.get(url).content.decode()
    preview = client.post(url, {"same": "80", f"unit_{town.city.futian.pk}": "75%"})
    assert Goal.objects.count() == 1 and "确认定下" in preview.content.decode()
    client.post(url, {"same": "80", f"unit_{town.city.futian.pk}": "75%", "confirm": "1"})
    targets = dict(Goal.objects.exclude(pk=row.pk).values_list("organization", "target"))
    assert targets == {town.city.nanshan.pk: D("0.8"), town.city.futian.pk: D("0.75")}


UGLY = [
    ({"code": "members_on_roll"}, "code"), ({"denominator": "with_members"}, "denominator"),
    ({"target": "八成"}, "target"), ({"target": "180"}, "target"), ({"target": ""}, "target"),
    ({"base_value": "=1"}, "base_value"), ({"base_on": "2999-01-01"}, "base_on"), ({"milestones": "明年 60%"}, "milestones"),
    ({"milestones": "2027-02-30 60%"}, "milestones"), ({"milestones": "2027-06-30"}, "milestones"),
    ({"organization": "999999"}, "organization"), ({"due_on": "not a day"}, "due_on"),
    ({"due_on": "2020-01-01", "base_on": "2019-01-01", "base_value": "1"}, "due_on"),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "field"), UGLY, ids=[str(wrong) for wrong, _ in UGLY])
def test_ugly_goals_come_back_with_a_sentence_and_nothing_is_lost(town, plan, sign_in, wrong, field):
    sent = {
        "organization": town.city.city.pk, "code": "work_coverage", "denominator": "operating", "range": "all",
        "base_on": TODAY, "base_value": "", "due_on": TODAY + timedelta(days=900), "target": "80", "milestones": "",
    } | wrong  # fmt: skip
    response = sign_in("registrar").post(reverse("reports:goal_new", args=[plan.pk]), sent)
    assert response.status_code == 422 and field in response.context["form"].errors
    assert not Goal.objects.exists() and str(sent["due_on"]) in response.content.decode()


def test_a_metric_without_this_basis_is_told(town, plan, sign_in):
    sent = {
        "organization": town.city.city.pk, "code": "organizations", "denominator": "due", "range": "all",
        "base_on": TODAY, "due_on": TODAY + timedelta(days=900), "target": "80",
    }  # fmt: skip
    response = sign_in("registrar").post(reverse("reports:goal_new", args=[plan.pk]), sent)
    assert response.status_code == 422 and "请改选口径" in response.content.decode()


def test_editing_keeps_the_base_that_was_counted(town, plan, registrar, sign_in):
    goal = goal_of(plan, town.city.city, registrar, metric="covered", target="50", base_value=None, base_on=TODAY)
    url, client = reverse("reports:goal_edit", args=[goal.pk]), sign_in("registrar")
    form = client.get(url).context["form"]
    sent = {name: form[name].value() for name in form.fields if name != "organization"}
    assert client.post(url, sent | {"target": "60"}).status_code == 302
    goal.refresh_from_db()
    assert (goal.target, goal.base_value, goal.base_is_typed) == (60, 6, False)
    client.post(url, sent | {"base_value": "2"})
    goal.refresh_from_db()
    assert goal.base_is_typed


def test_district_sees_the_goal_set_from_above_without_the_plan(town, plan, registrar, sign_in):
    goal = goal_of(plan, town.city.nanshan, registrar)
    client = sign_in("district_leader")
    page = client.get(reverse("reports:goal", args=[goal.pk])).content.decode()
    assert "三年行动" in page and reverse("reports:plan", args=[plan.pk]) not in page
    assert client.get(reverse("reports:plan", args=[plan.pk])).status_code == 404


def test_chart_and_its_table_hold_the_same(town, plan, registrar, sign_in):
    unit = town.city.nanshan
    for day in range(1, 6):
        snapshot(unit, TODAY - timedelta(days=day), operating=10, work_covered=day)
    goal = goal_of(plan, unit, registrar, base_on=TODAY - timedelta(days=4))
    data = sign_in("city_leader").get(reverse("reports:goal_chart", args=[goal.pk])).json()
    assert [value for _, value, _ in data["actual"]][:4] == [40.0, 30.0, 20.0, 10.0] and len(data["actual"]) == 5
    assert len(data["table"]["rows"]) == 5 and data["table"]["rows"][-1][1] == "40.0%"
    assert data["line"] == [[f"{goal.base_on}", 10.0, "10.0%"], [f"{goal.due_on}", 90.0, "90.0%"]]


def test_the_tile_shows_how_far_its_goal_is(town, plan, registrar, sign_in):
    goal = goal_of(plan, town.city.nanshan, registrar, metric="work_coverage@registered")
    page = sign_in("district_leader").get(reverse("reports:dashboard"))
    tiles = {tile["code"]: tile for group in page.context["groups"] for tile in group["tiles"]}
    assert tiles["work_coverage"]["goal"]["text"] == "目标 90.0%（D1 登记在册）"
    assert reverse("reports:goal", args=[goal.pk]) in page.content.decode()
    assert "goal" not in tiles["organizations"]
    goal_services.goal_close(goal=goal, by=registrar, reason="x")
    page = sign_in("district_leader").get(reverse("reports:dashboard"))
    assert reverse("reports:goal", args=[goal.pk]) not in page.content.decode()


def test_the_api_says_what_the_page_says(town, plan, registrar, sign_in, django_assert_max_num_queries):
    goals = [goal_of(plan, unit, registrar, metric="covered", target="50", base_value=D(0)) for unit in
             (town.city.nanshan, town.city.yuehai, town.city.futian)]  # fmt: skip
    client = sign_in("district_leader")
    with django_assert_max_num_queries(20):
        rows = {row["id"]: row for row in client.get("/api/v1/goals/").json()["results"]}
    assert set(rows) == {goals[0].pk, goals[1].pk}
    one = client.get(f"/api/v1/goals/{goals[0].pk}/").json()
    line = goal_progress.progress_many([goals[0]])[0]
    assert one["progress"] == rows[goals[0].pk]["progress"]
    assert (D(one["progress"]["actual"]), one["progress"]["word"]) == (line.actual, line.word)
    assert client.get(f"/api/v1/goals/{goals[2].pk}/").status_code == 404
    assert client.get("/api/v1/goals/", {"running": "false"}).json()["results"] == []


def test_a_unit_that_was_closed_is_not_judged_by_its_last_numbers(town, plan, registrar):
    goal = goal_of(plan, town.city.shahe, registrar)
    assert goal_progress.running_lines(town.city.nanshan) == ["进行中的目标 1 个"]
    assert goal_progress.running_lines(town.city.futian) == []
    town.city.shahe.closed_on = TODAY
    town.city.shahe.save(update_fields=["closed_on"])
    line = goal_progress.progress_many([Goal.objects.get(pk=goal.pk)])[0]
    assert (line.light, line.word, line.actual) == ("none", "单位已撤销", None)


def test_a_goal_of_a_metric_that_is_no_more_breaks_no_page(town, plan, registrar, sign_in):
    goal = goal_of(plan, town.city.nanshan, registrar)
    Goal.objects.filter(pk=goal.pk).update(metric="metric_of_old")
    client = sign_in("registrar")
    for address in ("reports:goals", "reports:dashboard"):
        assert client.get(reverse(address), follow=True).status_code == 200
    for address in ("reports:goal", "reports:goal_edit", "reports:goal_distribute"):
        assert client.get(reverse(address, args=[goal.pk])).status_code == 200, address
    assert "已停用" in client.get(reverse("reports:goal_chart", args=[goal.pk])).json()["empty"]
    assert "指标已停用" in client.get(reverse("reports:plan", args=[plan.pk])).content.decode()
    nanshan = reverse("reports:organization", args=[town.city.nanshan.code])
    assert client.get(nanshan).status_code == 200 and client.get("/api/v1/goals/").status_code == 200


def test_an_ended_goal_is_not_broken_down(town, plan, registrar):
    goal = goal_of(plan, town.city.city, registrar)
    goal_services.goal_close(goal=goal, by=registrar, reason="x")
    with pytest.raises(goal_services.GoalRefused, match="已经结束"):
        goal_services.goal_distribute(goal=goal, targets={town.city.nanshan.pk: D("0.5")}, by=registrar)


@pytest.mark.parametrize(
    "query",
    [{"plan": "9" * 40}, {"unit": "9" * 40}, {"metric": "x' OR 1=1"}, {"light": "purple"}, {"start": "9" * 30},
     {"start": "-1"}, {"start": "٣"}, {"plan": "", "unit": "abc"}],
)  # fmt: skip
def test_made_up_filters_break_nothing(town, plan, registrar, sign_in, query):
    goal_of(plan, town.city.nanshan, registrar)
    assert sign_in("city_leader").get(reverse("reports:goals"), query).status_code == 200
