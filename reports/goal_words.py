"""Goals in words: values, gaps, lines of a table, the line of a chart, and the mark on a tile."""

import unicodedata
from collections.abc import Iterable
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from django.conf import settings
from django.urls import reverse

from orgs.models import Organization
from reports import goal_progress, judging, metrics, selectors, words
from reports.goal_progress import AMBER, GREEN, NONE, RED, Progress, expected_on, points_of
from reports.models import Goal

DAYS_SHOWN = 1_200  # three years of days; beyond 400 the month ends
COLUMNS = (
    ("单位", False), ("指标", False), ("基数", True), ("目标", True), ("期限", True), ("应达", True), ("实际", True),
    ("差距", True), ("预计达成", True), ("进度", False),
)  # fmt: skip
ASIDE = {"基数", "目标", "期限", "应达"}  # on a phone: the goal's own page has them


def figure(key: str, value: Decimal | None) -> str:
    """82.6% · 1,412 · —"""
    if value is None:
        return words.UNKNOWN
    return f"{words.percent(value)}%" if judging.is_rate(key) else f"{round(value):,}"


def exact(key: str, value: Decimal) -> str:
    """What somebody set, with as many places as they gave: 82.65%."""
    if judging.is_rate(key) and value * 1000 % 1:
        return f"{value * 100:.2f}%"
    return figure(key, value)


def gap(key: str, actual: Decimal | None, expected: Decimal | None) -> str:
    """How far from the line, with its direction: 领先 1.7 个百分点 · 落后 34 户 · 持平. Of the numbers as printed."""
    if actual is None or expected is None:
        return words.UNKNOWN
    rate, unit = judging.is_rate(key), metrics.METRICS[metrics.parse_key(key)[0]].unit
    now, line = (words.percent(value) if rate else Decimal(round(value)) for value in (actual, expected))
    ahead = (now - line) * judging.sign(key)
    if not ahead:
        return "持平"
    amount = f"{abs(ahead)} 个百分点" if rate else f"{abs(ahead):,} {unit}"
    return f"{'领先' if ahead > 0 else '落后'} {amount}"


def read_value(text: str, key: str) -> Decimal:
    """What somebody typed: "82.5%", "82.5" (percent) or "1,412". Raises ValueError with a sentence."""
    plain = unicodedata.normalize("NFKC", text).replace(",", "").strip()
    rate = judging.is_rate(key)
    try:
        value = Decimal(plain.removesuffix("%").strip() if rate else plain)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or value.adjusted() >= 10:  # abs() of 1e9999999 overflows
        raise ValueError(f"「{text.strip()[:20]}」不是数字，请写成 {'82.5 或 82.5%' if rate else '1412'} 这样。")
    if not rate:
        return value
    share = value / 100
    if share != share.quantize(Decimal("0.0001")):
        raise ValueError("百分比最多两位小数，请改正。")
    return share.quantize(Decimal("0.0001"))


def typed(key: str, value: Decimal | None) -> str:
    """A value as it stands in a form's field."""
    if value is None:
        return ""
    number = value * 100 if judging.is_rate(key) else value
    return f"{number.normalize():f}"


def forecast(progress: Progress) -> str:
    if progress.reach_on is not None:
        late = (progress.reach_on - progress.goal.due_on).days
        return f"{progress.reach_on:%Y-%m-%d}{f'，晚 {_span(late)}' if late > 0 else ''}"
    return "达不到" if progress.pace_note.endswith("达不到") else words.UNKNOWN


def _span(days: int) -> str:
    return f"{days} 天" if days < 365 else f"{days / 365.25:.1f} 年"


def goal_page(goal: Goal) -> str:
    return reverse("reports:goal", args=[goal.pk])


def table_of(lines: Iterable[Progress], caption: str) -> dict[str, Any]:
    """The lines of partials/_table.html, in the order given."""
    return {
        "caption": caption,
        "columns": [{"label": label, "numeric": numeric, "aside": label in ASIDE} for label, numeric in COLUMNS],
        "rows": [{"url": goal_page(line.goal), "cells": _cells(line)} for line in lines],
    }


def _cells(line: Progress) -> list[dict]:
    goal, key = line.goal, line.goal.metric
    return [
        {"text": goal.organization.short_name or goal.organization.name},
        {"text": judging.label(key)},
        {"text": figure(key, goal.base_value)},
        {"text": exact(key, goal.target)},
        {"text": f"{goal.due_on:%Y-%m-%d}"},
        {"text": figure(key, line.expected)},
        {"text": figure(key, line.actual)},
        {"text": gap(key, line.actual, line.expected)},
        {"text": forecast(line)},
        {"text": line.word, "badge": line.badge},
    ]


# --- the chart of one goal --------------------------------------------------------------------------------------------


def chart_of(goal: Goal, until: date) -> dict[str, Any]:
    """What was counted since the base beside the line to the target; with its table."""
    key = goal.metric
    if judging.metric_of(key) is None:
        return {"empty": "这个指标已停用，没有可以画出的数字。"}
    counted = selectors.trend(goal.organization, [key], min((until - goal.base_on).days + 1, DAYS_SHOWN), until)
    actual = [(row["as_of"], Decimal(row[key])) for row in counted if row[key] is not None]
    rate = judging.is_rate(key)

    def drawn(points: list[tuple[date, Decimal]]) -> list[list]:
        """(day, number to draw, its words)"""
        plain = ((day, value, round(float(value * 100), 2) if rate else float(value)) for day, value in points)
        return [[f"{day:%Y-%m-%d}", number, figure(key, value)] for day, value, number in plain]

    line = [(goal.base_on, goal.target), (goal.due_on, goal.target)] if goal_progress.is_kept(goal) else points_of(goal)
    table = [
        [f"{day:%Y-%m-%d}", figure(key, value), figure(key, expected_on(goal, day))] for day, value in reversed(actual)
    ]
    return {
        "percent": rate,
        "name": judging.label(key),
        "line": drawn(line),
        "actual": drawn(actual),
        "corners": [{"day": f"{day:%Y-%m-%d}", "text": figure(key, value)} for day, value in line],
        "table": {"columns": ["日期", "实际", "按直线应达"], "rows": table},
        "empty": "",
    }


# --- the mark on a tile -----------------------------------------------------------------------------------------------


def marks(user, unit: "selectors.Unit", as_of: date) -> dict[str, dict]:
    """code of a metric → the mark of its next goal: {text, badge, word, url}. For whoever may see goals there."""
    if not isinstance(unit, Organization):
        return {}
    goals = list(
        Goal.objects.visible_to(user)
        .filter(organization=unit, closed_on__isnull=True, plan__closed_on__isnull=True)
        .select_related("plan", "organization__parent")
        .prefetch_related("milestones")
        .order_by("due_on", "pk")
    )
    found: dict[str, Progress] = {}
    for line in goal_progress.progress_many(goals, as_of) if goals else []:
        metric = judging.metric_of(line.goal.metric)
        code = metric.code if metric else ""
        if code not in found or found[code].goal.due_on < as_of <= line.goal.due_on:
            found[code] = line  # the next one due; what is over only where nothing is running
    return {code: _mark(line) for code, line in found.items()}


def _mark(line: Progress) -> dict[str, str]:
    goal = line.goal
    basis = judging.basis_label(goal.metric) if judging.metric_of(goal.metric) else ""
    text = f"目标 {exact(goal.metric, goal.target)}{f'（{basis}）' if basis else ''}"
    return {"text": text, "due": f"{goal.due_on:%Y-%m-%d}", "badge": line.badge, "word": line.word,
            "url": goal_page(goal)}  # fmt: skip


def put_on(groups: list[dict], found: dict[str, dict]) -> list[dict]:
    """The tiles of a dashboard with their marks."""
    for group in groups:
        for tile in group["tiles"]:
            if tile["code"] in found:
                tile["goal"] = found[tile["code"]]
    return groups


LIGHTS = (
    (RED, "落后或到期未达成"), (AMBER, "略落后或逾期后达成"), (GREEN, "按进度或已达成"), (NONE, "还没有数字")
)  # fmt: skip


def limits() -> str:
    """The limits in force of green and amber: they are a city's to set."""
    green, amber = (f"{limit:f}%" for limit in (settings.GOAL_GREEN_WITHIN, settings.GOAL_AMBER_WITHIN))
    return f"落后不超过全程（目标值减基数）的 {green} 为按进度，不超过 {amber} 为略落后，再多为落后"


ORDER = {light: index for index, (light, _) in enumerate(LIGHTS)}


def worst_first(lines: Iterable[Progress]) -> list[Progress]:
    return sorted(lines, key=lambda one: (ORDER[one.light], one.goal.organization.path, one.goal.metric))
