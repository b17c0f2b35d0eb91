"""Terms of committees: how long they are, and how far one may be extended. All dates half-open: the end is out."""

import calendar
from datetime import date

from orgs.kinds import CAPABILITIES

EXTENSION_MONTHS = 12  # 支部工作条例: an extension needs the superior's approval and is at most a year


def add_months(day: date, months: int) -> date:
    """The same day of the month `months` later, or that month's last day: 2024-02-29 + 36 months = 2027-02-28."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def term_end(kind: str, starts_on: date) -> date | None:
    """When the term of a committee of this kind runs out; None where the body is appointed and has no term."""
    years = CAPABILITIES[kind].term_years
    return add_months(starts_on, years * 12) if years else None


def term_problem(organization) -> tuple[str, str] | None:
    """What is wrong with the term of an organization as (field, sentence), or None."""
    start, end, extended = organization.term_starts_on, organization.term_ends_on, organization.extended_until
    if organization.capability.term_years is None:
        if start or end or extended:
            return "term_starts_on", f"「{organization.get_kind_display()}」由上级指定，没有任期，请把任期和延期留空。"
        return None
    if start and end and end <= start:
        return "term_ends_on", "本届止必须晚于本届起。"
    if extended is None:
        return None
    if end is None:
        return "term_ends_on", "填了延期就要填本届止。"
    if extended <= end:
        return "extended_until", "延期至必须晚于本届止。"
    if extended > add_months(end, EXTENSION_MONTHS):
        return "extended_until", f"延期最长 {EXTENSION_MONTHS} 个月，最晚到 {add_months(end, EXTENSION_MONTHS)}。"
    if not organization.extension_document:
        return "extension_document", "延期换届要填批复文号。"
    return None
