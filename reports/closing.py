"""Closed months for their readers: who closed what, whether it is untouched, what came late, and who may revise."""

from dataclasses import dataclass

from django.utils import timezone

from orgs.doors import postings_with
from orgs.kinds import Level
from orgs.models import Organization
from reports import metrics, selectors
from reports.days import month_end_before
from reports.models import MonthClosing
from reports.services import closing_digest

CLOSE = "reports.close_monthclosing"
LATE_SHOWN = 50


def may_close(user) -> bool:
    """A closing is of the whole city: the right has to be held there."""
    return any(
        posting.organization is not None and posting.organization.level == Level.CITY
        for posting in postings_with(user, CLOSE)
    )


def is_untouched(closing: MonthClosing) -> bool:
    """Whether the digest is still that of the numbers, computed anew."""
    return closing_digest(closing) == closing.digest


def months_open() -> list:
    """Months that are over, were counted and are not closed yet, the newest first; of the last thirteen."""
    closed = set(MonthClosing.objects.values_list("month", flat=True))
    found, last = [], month_end_before(timezone.localdate())
    for _ in range(13):
        first = last.replace(day=1)
        if first not in closed:
            found.append(first)
        last = month_end_before(first)
    return found


@dataclass(frozen=True)
class Late:
    """Organizations entered after their month was closed: those this reader may see, and how many others."""

    seen: list[Organization]
    others: int


def late(closing: MonthClosing, user) -> Late:
    codes = closing.numbers.get("entered_late", [])
    seen = list(Organization.objects.filter(code__in=codes).visible_to(user).order_by("code")[:LATE_SHOWN])
    return Late(seen, len(codes) - len(seen))


def changed_since(closing: MonthClosing, unit: selectors.Unit) -> list[str] | None:
    """Names of the numbers of this unit that a revision has changed; None for a first closing."""
    before = MonthClosing.objects.filter(month=closing.month, revision=closing.revision - 1).first()
    if before is None:
        return None
    was, now = selectors.closing_counts(before, unit) or {}, selectors.closing_counts(closing, unit) or {}
    codes = {key.partition("#")[0].partition("@")[0] for key in was.keys() | now.keys() if was.get(key) != now.get(key)}
    return sorted(metrics.METRICS[code].name for code in codes if code in metrics.METRICS)
