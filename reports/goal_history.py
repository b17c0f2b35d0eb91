"""What was changed of a goal, when and by whom: from the audit, which keeps an edit with what it said before and after."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from django.utils import timezone

from accounts.models import AuditEvent
from reports import goal_words, judging
from reports.models import Goal

NAMES = {
    "metric": "指标", "base_on": "基期", "base_value": "基数", "due_on": "完成期限", "target": "目标", "milestones": "阶段目标",
}  # fmt: skip
MOST = 50


def changes_of(goal: Goal) -> list[dict]:
    """The newest first. `late`: the day it was due had passed, so that what had been reached was known already."""
    events = AuditEvent.objects.filter(
        act="reports.goal.edit", subject_type=Goal._meta.label_lower, subjects__contains=[goal.pk],
        detail__was__has_keys=["metric", "due_on"], detail__now__has_key="metric",
    )  # fmt: skip
    found = []
    for event in events.select_related("actor").order_by("-id")[:MOST]:
        was, now = event.detail["was"], event.detail["now"]
        if texts := list(_differences(was, now)):
            late = timezone.localtime(event.at).date() > date.fromisoformat(was["due_on"])
            found.append({"at": event.at, "by": event.actor, "texts": texts, "late": late})
    return found


def _differences(was: dict, now: dict) -> Iterator[str]:
    for name, label in NAMES.items():
        if name in was and name in now and (before := _said(name, was)) != (after := _said(name, now)):
            yield f"{label} {before} → {after}"


def _said(name: str, columns: dict) -> str:
    text, key = str(columns[name]), columns["metric"]
    if name == "metric":
        return judging.label(key)
    if name in ("base_value", "target"):
        return goal_words.exact(key, Decimal(text))
    return text or "没有"
