"""Who gets which numbers about persons: all of them in the responsible guidance station, elsewhere no small cells.

Which cells these are is worked out in reports/withheld.py, the same for every page, export and answer of the API.
"""

from typing import TYPE_CHECKING

from orgs.doors import postings_with
from orgs.kinds import Level
from orgs.models import Organization
from reports.withheld import Withheld, small_keys

if TYPE_CHECKING:
    from reports.selectors import Numbers


def is_responsible(user, unit) -> bool:
    """Whether the unit's persons are this reader's own work: the officer there, or the branch's secretary."""
    if not isinstance(unit, Organization):
        return False
    for posting in postings_with(user, "members.view_member"):
        place = posting.organization
        if place is None:
            continue
        if place.level == Level.GUIDANCE_STATION and place.pk == unit.guidance_station_id:
            return True
        if place.level == Level.GRASSROOTS and unit.path.startswith(place.path):
            return True
    return False


def release_family(user, own: "Numbers", children: list["Numbers"], unassigned: "Numbers | None") -> tuple:
    """(own, children, unassigned) with the cells kept back that this reader may not see."""
    if is_responsible(user, own.unit):
        return own, children, unassigned
    withheld = Withheld(own.as_of)
    rest = release_one(user, unassigned, withheld) if unassigned is not None else None
    return release_one(user, own, withheld), [release_one(user, child, withheld) for child in children], rest


def release_one(user, numbers: "Numbers", withheld: Withheld) -> "Numbers":
    """One line by itself. `withheld`: of the day of these numbers."""
    if is_responsible(user, numbers.unit):
        return numbers
    keys = withheld.keys(numbers.unit, unassigned=numbers.is_unassigned)
    return numbers.without(keys | small_keys(numbers.counts))
