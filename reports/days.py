"""Which day a page shows, and how it came to be that one: chosen, fallen back to, closed, or kept as counts only."""

from dataclasses import dataclass, replace
from datetime import date, timedelta

from django.utils import timezone

from reports import releases, selectors, words
from reports.models import MonthClosing
from reports.rows import KEPT_FOR
from reports.selectors import Numbers, Released, Unit
from reports.withheld import hidden_alone
from reports.words import Basis

DIGEST_SHOWN = 12


def month_end_before(day: date) -> date:
    return day.replace(day=1) - timedelta(days=1)


def year_before(day: date) -> date:
    """The same day of the year before; of a leap day the day before it."""
    return day.replace(year=day.year - 1, day=28) if (day.month, day.day) == (2, 29) else day.replace(year=day.year - 1)


AGAINST = {"month": ("上月末", month_end_before), "year": ("去年同期", year_before)}


def day_against(day: date, against: str) -> date:
    """The day that a day's numbers are compared with."""
    return AGAINST[against][1](day)


# --- the numbers of the day -------------------------------------------------------------------------------------------


def closing_of(day: date) -> MonthClosing | None:
    """The newest revision of the closing that holds the numbers of this day."""
    return MonthClosing.objects.filter(as_of=day).select_related("closed_by").order_by("-revision").first()


def released(user, unit: Unit, basis: Basis) -> Released | None:
    """What the page shows: the numbers of the day, or those that were closed, as this person may see them."""
    family = selectors.for_reader(user, unit, basis.as_of)
    if family is None or not basis.closed or (closing := closing_of(family.own.as_of)) is None:
        return family
    closed = [_closed(user, closing, line) for line in (family.own, *family.children)]
    own, *below = closed
    return replace(family, own=own, children=[line for line in below if line is not None]) if own else family


def _closed(user, closing: MonthClosing, line: Numbers) -> Numbers | None:
    """The closed counts of a unit; what its snapshot keeps back is kept back here, and what its own sums would tell."""
    counts = selectors.closing_counts(closing, line.unit)
    if counts is None:
        return None
    found = Numbers(line.unit, closing.as_of, closing.closed_at, dict(counts))
    if releases.is_responsible(user, line.unit):
        return found
    return found.without(line.hidden | hidden_alone(counts, line.hidden))


@dataclass(frozen=True)
class Shown:
    """What the page says about its day."""

    day: date
    asked: date | None
    counts_only: bool
    closing: MonthClosing | None
    is_closed: bool
    url: str  # the same page, closed or not
    choices: list[dict]

    @property
    def fell_back(self) -> bool:
        return self.asked is not None and self.asked != self.day

    @property
    def is_past(self) -> bool:
        return self.day < timezone.localdate()

    @property
    def digest(self) -> str:
        return self.closing.digest[:DIGEST_SHOWN] if self.closing else ""


def shown(unit: Unit, own: Numbers, basis: Basis) -> Shown:
    closing = closing_of(own.as_of)
    other = replace(basis, closed=not basis.closed, as_of=own.as_of)
    return Shown(
        own.as_of,
        basis.as_of,
        counts_only=own.as_of < timezone.localdate() - timedelta(days=KEPT_FOR),
        closing=closing,
        is_closed=basis.closed and closing is not None,
        url=words.unit_page(unit, other),
        choices=choices(unit, basis),
    )


def choices(unit: Unit, basis: Basis) -> list[dict]:
    """Days that are often asked for, from the one shown or from today."""
    today = timezone.localdate()
    days = (
        ("最新", None),
        ("昨天", today - timedelta(days=1)),
        ("上月末", month_end_before(today)),
        ("去年同期", year_before(today)),
    )
    return [
        {
            "label": label,
            "url": words.unit_page(unit, replace(basis, as_of=day, closed=False)),
            "current": day == basis.as_of,
        }
        for label, day in days
    ]
