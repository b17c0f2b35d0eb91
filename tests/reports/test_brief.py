"""一页看懂: what is chosen, since when, where, and that nothing is chosen which may not be ranked."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from orgs.models import Organization
from reports import brief, metrics, ranking, selectors, words
from reports.behind import PERMISSION
from reports.days import month_end_before
from reports.models import Snapshot
from tests import factories as make

pytestmark = pytest.mark.django_db


def counted(unit, day, breakdown: str = "", **counts):
    key = "organization" if isinstance(unit, Organization) else "division"
    Snapshot.objects.update_or_create(
        **{key: unit}, as_of=day, breakdown=breakdown, key="", defaults={"counts": {"markets": 0} | counts}
    )


@pytest.fixture
def told(db):
    """A city whose coverage rose since the month end by what 南山 did, and whose overdue terms grew in 福田."""
    city = make.make_city()
    today = timezone.localdate()
    end = month_end_before(today)
    for day, south, overdue in ((end, 10, 2), (end + timedelta(days=1), 30, 2), (today, 40, 9)):
        parts = {"operating": 100, "covered_joint": 0, "covered": south, "covered_own": south, "terms_overdue": 0}
        rest = {"operating": 100, "covered_joint": 0, "covered": 10, "covered_own": 10, "terms_overdue": overdue}
        counted(city.nanshan, day, **parts)
        counted(city.futian, day, **rest)
        counted(city.city, day, **{name: parts[name] + rest[name] for name in parts})
    return city, today, end


def read(unit, user, day=None):
    return brief.brief(user, unit, day, PERMISSION)


def test_it_says_what_since_when_where_and_who(told):
    city, today, end = told
    leader = make.make_user("leader", city.city, username="top", name="陈局长")
    make.make_user("leader", city.nanshan, name="林书记")
    found = read(city.city, leader)
    good, bad = found.good[0], found.bad[0]
    assert (good.code, good.value.split("（")[0]) == ("organization_coverage_strict", "25.0%")
    assert "+15.0 个百分点" in good.why and good.since == end + timedelta(days=1)
    assert [(place.name, place.share, place.who) for place in good.places] == [
        ("南山区", "+15.00 个百分点", "领导 林书记")
    ]
    assert good.who.endswith("（领导 陈局长）")
    assert (bad.code, bad.value, bad.since) == ("terms_overdue", "9 个", today)
    assert [(place.name, place.share, place.who) for place in bad.places] == [("福田区", "+7 个", "没有登记领导")]
    assert any("terms_overdue" in link["url"] for link in bad.links)


def test_one_family_is_named_once_on_each_side(told):
    city, *_ = told
    found = read(city.city, make.make_user("leader", city.city))
    for side in (found.good, found.bad):
        families = [brief.FAMILIES[point.code][0] for point in side]
        assert len(families) == len(set(families)) <= brief.SHOWN


def test_a_share_of_few_and_a_small_change_are_not_told(told):
    city, today, end = told
    few = {"operating": 29, "covered_joint": 0, "terms_overdue": 3}
    counted(city.nanshan, end, **few, covered_own=1, covered=1)
    counted(city.nanshan, today, **(few | {"terms_overdue": 5}), covered_own=29, covered=29)
    found = read(city.nanshan, make.make_user("leader", city.nanshan))
    assert found.good == []
    assert [point.why for point in found.bad] == [
        f"仍未解决，较 {words.day(end, today)} +2"
    ]  # too little; the gap stands


def test_a_gap_that_stands_says_how_much_of_it_is_where_and_not_that_it_grew_there(told):
    city, today, end = told
    for unit, day, overdue in ((city.futian, end, 9), (city.city, end, 9), (city.nanshan, end, 0)):
        counted(unit, day, operating=10, covered_joint=0, terms_overdue=overdue)
    (gap,) = read(city.city, make.make_user("leader", city.city)).bad
    assert gap.why == f"仍未解决，较 {words.day(end, today)} 持平"
    assert [(place.name, place.share) for place in gap.places] == [("福田区", "9 个")]


def test_a_metric_with_rows_of_its_own_leads_to_them(told):
    city, today, end = told
    for day, count in ((end, 2), (today, 9)):
        counted(city.city, day, organizations=20, market_organizations=count)
    (good,) = read(city.city, make.make_user("leader", city.city)).good
    assert "/rows/market_organizations/" in good.links[-1]["url"] and good.links[-1]["label"].endswith("（9）")


def test_the_unit_above_is_compared_with_only_by_whom_may_read_it(told):
    city, today, end = told
    even = {"operating": 100, "covered_joint": 0, "covered": 40, "covered_own": 40, "terms_overdue": 0}
    counted(city.nanshan, end, **even)
    above = read(city.nanshan, make.make_user("leader", city.city))
    inside = read(city.nanshan, make.make_user("leader", city.nanshan))
    assert "高于" in above.good[0].why and "15.0 个百分点" in above.good[0].why
    assert inside.good == []  # the city's number is not theirs to read; the own place is
    assert "第 1 名，共 2 个" in above.standing and above.standing == inside.standing


def test_where_adds_up_to_the_whole_change(told, monkeypatch):
    city, today, end = told
    futian = {"operating": 150, "covered_joint": 0, "covered": 35, "covered_own": 35, "terms_overdue": 9}
    counted(city.futian, today, **futian)
    counted(city.city, today, operating=250, covered_joint=0, covered=75, covered_own=75, terms_overdue=9)
    shares = [
        Decimal(place.share.split()[0]) for place in read(city.city, make.make_user("leader", city.city)).good[0].places
    ]
    assert sum(shares) == 20  # 10% → 30%


def test_nothing_is_looked_at_that_may_not_be_ranked():
    codes = {*ranking.RANKED, *ranking.RANKED_GRASSROOTS}
    assert codes == set(brief.FAMILIES)
    for code in codes:
        metric = metrics.METRICS[code]
        assert not metric.person and metric.group not in ("members", "registrations")
    assert brief.BASIS.denominator != "with_members"
    for _, listed in brief.FAMILIES.values():
        assert metrics.METRICS[listed].has_rows and not metrics.METRICS[listed].person


# --- the page ---------------------------------------------------------------------------------------------------------


def test_the_page_of_each_unit_in_scope_says_its_rule_and_its_links_open(sign_in, town):
    client = sign_in("city_leader")
    for unit in (town.city.city, town.city.nanshan, town.city.yuehai, town.branch):
        page = client.get(reverse("reports:brief_organization", args=[unit.code]))
        text = page.content.decode()
        assert page.status_code == 200 and brief.RULE[0] in text and "还不能与上月末比" in text
        for side in page.context["sides"]:
            for point in side["points"]:
                for link in point.links:
                    assert client.get(link["url"]).status_code == 200, link
    assert client.get(reverse("reports:brief_division", args=[town.city.divisions["nanshan"].code])).status_code == 200


def test_gaps_are_told_without_a_month_before_and_lead_to_as_many_rows(sign_in, town):
    client = sign_in("city_leader")
    points = client.get(reverse("reports:brief")).context["found"].bad
    gap = next(point for point in points if point.code == "due_not_built_blank")
    count = selectors.latest(town.city.city).value("due_not_built_blank")
    assert gap.from_the_first and gap.links[-1]["label"].endswith(f"（{count}）")
    assert client.get(gap.links[-1]["url"]).context["total"] == count


def test_links_of_a_past_day_keep_it(told):
    city, today, end = told
    counted(city.city, month_end_before(end), operating=200, covered_joint=0, covered=90, covered_own=90)
    points = read(city.city, make.make_user("leader", city.city), end).bad
    assert points[0].code == "organization_coverage_strict"
    counted(city.city, end, operating=200, covered_joint=0, covered=20, covered_own=20, due_not_built_blank=7)
    point = next(one for one in read(city.city, make.make_user("leader", city.city), end).bad if one.links)
    assert f"as_of={end.isoformat()}" in point.links[-1]["url"]


def test_outside_the_scope_is_like_missing_and_a_bad_day_gets_a_sentence(sign_in, town):
    client = sign_in("district_leader")
    for outside in (town.city.futian, town.city.city):
        there = client.get(reverse("reports:brief_organization", args=[outside.code]))
        missing = client.get(reverse("reports:brief_organization", args=["NOSUCH"]))
        assert there.status_code == missing.status_code == 404 and there.content == missing.content
    assert "日期写法" in client.get(reverse("reports:brief"), {"as_of": "2026-13-40"}).content.decode()
    assert "还没有统计数字" in client.get(reverse("reports:brief"), {"as_of": "1999-01-01"}).content.decode()
