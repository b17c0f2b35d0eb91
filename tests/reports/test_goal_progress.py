"""A goal against its line: rates and counts, up and down, reached, overdue, at what pace."""

from datetime import date, timedelta
from decimal import Decimal as D
from types import SimpleNamespace

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from config.reading import lights, whole
from reports import goal_words
from reports.goal_progress import AMBER, FARTHEST, GREEN, NONE, RED, expected_on, is_kept, progress_of
from reports.models import Goal

START, END = date(2026, 1, 1), date(2026, 1, 1) + timedelta(days=1000)


def goal(metric="work_coverage", base="0.2", target="0.8", milestones=()):
    found = Goal(pk=1, metric=metric, base_on=START, base_value=D(base), due_on=END, target=D(target))
    found._prefetched_objects_cache = {"milestones": _Rows(milestones)}
    return found


class _Rows(list):
    """Milestones as if they had been fetched with the goal."""

    def __init__(self, rows):
        super().__init__(SimpleNamespace(due_on=START + timedelta(days=day), value=D(value)) for day, value in rows)


def on(day: int) -> date:
    return START + timedelta(days=day)


def at(found, day: int, value, **more):
    return progress_of(found, (on(day), D(value)), **more)


def test_line_is_straight_and_ends_at_the_target():
    found = goal()
    days = (-5, 0, 500, 1000, 1200)
    assert [expected_on(found, on(day)) for day in days] == [D("0.2"), D("0.2"), D("0.5"), D("0.8"), D("0.8")]


def test_line_passes_the_milestones():
    found = goal(milestones=[(500, "0.6")])
    assert [expected_on(found, on(day)) for day in (250, 500, 750)] == [D("0.4"), D("0.6"), D("0.7")]


@pytest.mark.parametrize(
    ("value", "light", "word"),
    [("0.5", GREEN, "按进度"), ("0.56", GREEN, "按进度"), ("0.485", GREEN, "按进度"), ("0.45", AMBER, "略落后"),
     ("0.43", RED, "落后"), ("0.8", GREEN, "已达成"), ("0.1", RED, "落后")],
)  # fmt: skip
def test_lights_by_the_settings(value, light, word):
    found = at(goal(), 500, value)  # 3 and 10 per cent of the way of 0.6: 0.018 and 0.06
    assert (found.light, found.word) == (light, word)


@override_settings(GOAL_GREEN_WITHIN=0, GOAL_AMBER_WITHIN=1)
def test_a_city_may_set_the_lights():
    assert at(goal(), 500, "0.499").light == AMBER and at(goal(), 500, "0.49").light == RED


@pytest.mark.parametrize(
    ("green", "amber", "limits"),
    [
        ("", "", ("3", "10")), ("2.5", "2.50", ("2.5", "2.50")), ("0", "0", ("0", "0")),
        ("12", "10", None), ("-1", "10", None), ("3%", "10", None), ("三", "10", None), ("3", "nan", None), ("3", "1e3", None),
    ],
)  # fmt: skip
def test_limits_that_make_no_sense_stop_the_start(monkeypatch, green, amber, limits):
    monkeypatch.setenv("GOAL_GREEN_WITHIN", green)
    monkeypatch.setenv("GOAL_AMBER_WITHIN", amber)
    if limits:
        assert lights("GOAL_GREEN_WITHIN", "GOAL_AMBER_WITHIN") == tuple(map(D, limits))
    else:
        with pytest.raises(ImproperlyConfigured, match="GOAL_"):
            lights("GOAL_GREEN_WITHIN", "GOAL_AMBER_WITHIN")


def test_a_number_that_is_no_rule_stops_the_start(monkeypatch):
    for text, found in (("", 5), (" 8 ", 8)):
        monkeypatch.setenv("SMALL_CELL", text)
        assert whole("SMALL_CELL", 5, 5) == found
    for text in ("0", "-3", "4", "5.0", "五"):
        monkeypatch.setenv("SMALL_CELL", text)
        with pytest.raises(ImproperlyConfigured, match="SMALL_CELL 应为不小于 5 的整数"):
            whole("SMALL_CELL", 5, 5)


def test_fewer_is_better_where_the_metric_says_so():
    down = goal("due_not_built", "100", "0")
    assert at(down, 500, "40").word == "按进度" and at(down, 500, "40").ahead == 10
    assert at(down, 500, "70").light == RED and at(down, 500, "0").word == "已达成"


def test_no_number_is_no_light():
    found = progress_of(goal(), None)
    assert (found.light, found.actual, found.ahead, found.word) == (NONE, None, None, "还没有数字")
    assert at(goal(), -10, "0.3").word == "未开始"


def test_a_goal_that_stands_there_is_to_be_kept():
    kept = goal(base="0.9", target="0.85")
    assert is_kept(kept) and expected_on(kept, on(500)) == D("0.85")
    assert at(kept, 500, "0.86").word == "保持" and at(kept, 500, "0.84").light == RED


def test_after_the_due_day_counts_what_was_on_it():
    assert at(goal(), 1001, "0.7", at_due=D("0.81")).word == "按期达成"
    assert at(goal(), 1001, "0.9", at_due=D("0.7")).word == "逾期后达成"
    late = at(goal(), 1001, "0.7", at_due=D("0.7"))
    assert (late.word, late.light, late.reach_on) == ("到期未达成", RED, None)
    assert at(goal(), 1000, "0.79").word == "按进度"  # the due day itself is still running


def test_forecast_by_the_present_pace():
    found = at(goal(), 500, "0.5", then=(on(400), D("0.4")))
    assert found.reach_on == on(800) and "2027-02-05" in found.pace_note
    assert at(goal(), 100, "0.23").reach_on == on(2000)  # without an earlier number, since the base
    stuck = at(goal(), 500, "0.5", then=(on(400), D("0.5")))
    assert stuck.reach_on is None and goal_words.forecast(stuck) == "达不到"
    assert at(goal(), 500, "0.5", then=(on(400), D("0.6"))).reach_on is None
    assert at(goal(), FARTHEST, "0.2001").reach_on is None  # in a million years
    assert at(goal("due_not_built", "100", "0"), 100, "90").reach_on == on(1000)
    assert "还看不出" in at(goal(), 0, "0.2").pace_note


def test_a_late_forecast_says_how_late():
    assert goal_words.forecast(at(goal(), 100, "0.23")) == f"{on(2000):%Y-%m-%d}，晚 2.7 年"


def test_words():
    assert goal_words.figure("work_coverage", D("0.826")) == "82.6%"
    assert goal_words.exact("work_coverage", D("0.8265")) == "82.65%"
    assert goal_words.exact("work_coverage", D("0.8")) == "80.0%"
    assert goal_words.figure("due_not_built", D("1412.0000")) == "1,412"
    assert goal_words.gap("work_coverage", D("0.0527"), D("0.0724")) == "落后 1.9 个百分点"  # of 5.3% and 7.2%
    assert goal_words.gap("due_not_built", D(10), D(44)) == "领先 34 户"
    assert goal_words.gap("work_coverage", D("0.5001"), D("0.5")) == "持平"
    assert goal_words.figure("work_coverage", None) == "—"


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [("82.5%", "work_coverage", "0.825"), ("８２．５％", "work_coverage", "0.825"), (" 80 ", "work_coverage", "0.8"),
     ("1,412", "due_not_built", "1412"), ("1，412", "due_not_built", "1412")],
)  # fmt: skip
def test_values_as_people_write_them(text, key, value):
    assert goal_words.read_value(text, key) == D(value)


@pytest.mark.parametrize(
    ("text", "key"),
    [("八成", "work_coverage"), ("82.555", "work_coverage"), ("NaN", "work_coverage"), ("Infinity", "due_not_built"),
     ("1e30", "due_not_built"), ("1e9999999", "due_not_built"), ("-1e9999999", "work_coverage"),
     ("82%", "due_not_built"), ("", "due_not_built"), ("=1+1", "due_not_built")],
)  # fmt: skip
def test_values_nobody_can_read_are_told(text, key):
    with pytest.raises(ValueError, match="改正|请写成"):
        goal_words.read_value(text, key)
