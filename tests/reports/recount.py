"""The same numbers counted the slow way: one row after the other in Python, from the words of the design.

Shares nothing with reports/: neither its SQL nor its tables of conditions.
"""

from collections import Counter, defaultdict
from copy import copy
from datetime import timedelta
from math import acos, cos, radians, sin

from django.utils import timezone

from markets.models import (
    Business,
    BusinessCoverage,
    Declaration,
    DeliverySite,
    GroupOrganization,
    HandOver,
    IndustryArea,
    Market,
    MarketCoverage,
    MarketPlan,
    SourceDifference,
)
from members.models import Affiliation, Instructor, InstructorAssignment, Member, Registration, Seat, Transfer
from orgs.kinds import CAPABILITIES
from orgs.models import Organization
from stations.models import CheckIn, FootfallTally, ServicePoint

JOINT = {
    "joint", "area_joint", "industry_joint", "chain_joint", "leader_joint", "building_joint", "association_joint",
    "village_joint",
}  # fmt: skip
POINTS = {
    "rest_point": "rest_points", "caring_merchant": "caring_merchants", "party_service": "party_service_points",
    "party_home": "party_homes", "finance": "finance_points", "training_base": "training_bases", "counter": "counters",
}  # fmt: skip


class Recount:
    def __init__(self, on=None):
        self.on = on or timezone.localdate()
        self.organizations = {row.pk: row for row in Organization.objects.all() if self.exists(row)}
        self.coverages = [row for row in BusinessCoverage.objects.select_related("business") if self.holds(row)]
        self.market_coverages = [
            row for row in MarketCoverage.objects.select_related("market")
            if self.holds(row) and not self.is_closed(row.market)
        ]  # fmt: skip
        self.persons = self._persons()
        self.businesses = list(Business.objects.all())
        for row in self.businesses:
            self._know(row)

    # what holds on the day
    def holds(self, row) -> bool:
        return row.starts_on <= self.on and (row.ends_on is None or row.ends_on > self.on)

    def is_closed(self, row) -> bool:
        return row.closed_on is not None and row.closed_on <= self.on

    def exists(self, row) -> bool:
        return not self.is_closed(row) and (row.approved_on is None or row.approved_on <= self.on)

    def counting(self, pk: int) -> bool:
        return pk in self.organizations and CAPABILITIES[self.organizations[pk].kind].counts_as_organization

    def _persons(self) -> list[tuple]:
        """(member, way, place, path)"""
        current = {
            row.pk: row for row in Member.objects.all() if not row.ended or row.ended_on > self.on
        }  # fmt: skip
        found = []
        for row in Affiliation.objects.select_related("organization"):
            if row.member_id in current and self.holds(row):
                way = "on_roll" if row.kind == "formal" else "taken_in"
                found.append((current[row.member_id], way, row.organization, row.organization.path))
        for row in Registration.objects.select_related("guidance_station", "district_committee"):
            if row.state == "verified" and row.withdrawn_at is None and row.member_id in current:
                place = row.guidance_station or row.district_committee
                found.append((current[row.member_id], "verified", place, None))
        return found

    def _know(self, row: Business) -> None:
        known = {member.pk: member for member, *_ in self.persons if member.workplace_business_id == row.pk}
        told = [
            one for one in Declaration.objects.filter(business=row, as_of__lte=self.on).order_by("as_of", "pk")
            if one.full_members is not None or one.members_incl_probationary is not None
        ]  # fmt: skip
        row.total, row.full = 0, 0
        if known:
            row.total = len(known)
            row.full = sum(member.standing == "full" for member in known.values())
        elif told:
            row.full = told[-1].full_members or 0
            row.total = max(told[-1].members_incl_probationary or 0, row.full)
        gives = {self._gives(link) for link in self.coverages if link.business_id == row.pk} - {None}
        operates = row.status == "active" and not row.not_operating
        if operates:
            for link in self.market_coverages:
                if link.market_id == row.market_id and link.organization_id in self.organizations:
                    gives.add("market" if self.counting(link.organization_id) else "work")
        row.grouped = any(self.holds(one) for one in GroupOrganization.objects.filter(business=row))
        row.instructed = any(
            self.holds(one) and not (one.instructor.ends_on and one.instructor.ends_on <= self.on)
            for one in InstructorAssignment.objects.filter(business=row).select_related("instructor")
        )
        row.best = next((one for one in ("own", "joint", "market") if one in gives), None)
        row.work = bool(gives) or row.grouped or row.instructed
        row.registered, row.operates = row.status in ("active", "dormant"), operates
        row.sole = row.entity_type == "sole_trader"

    def _gives(self, link) -> str | None:
        if link.organization_id not in self.organizations:
            return None
        if not self.counting(link.organization_id) or link.mode in ("attached", "fallback"):
            return "work"
        return "joint" if link.mode in JOINT else {"own": "own", "market_area": "market"}[link.mode]

    # counting one unit
    def unit(self, inside) -> Counter:
        """`inside(row)`: whether a row with the four ancestors stands in the unit."""
        found: Counter = Counter()
        for row in filter(inside, self.businesses):
            self._count_business(found, row)
            self._count_conversion(found, row)
        for row in filter(inside, self.organizations.values()):
            self._count_organization(found, row)
        for row in filter(inside, Market.objects.all()):
            self._count_market(found, row)
        self._count_places(found, inside)
        self.count_persons(found, lambda place, path: inside(place or row_nowhere))
        for row in Registration.objects.select_related("guidance_station", "district_committee"):
            place = row.guidance_station or row.district_committee
            if inside(place or row_nowhere):
                found["registrations"] += 1
                found[f"registrations_{row.state}"] += 1
                self._count_registration(found, row)
        return found

    def _count_registration(self, found: Counter, row) -> None:
        waits = row.state in ("submitted", "contacted")
        found["registrations_overdue"] += waits and row.due_on < self.on
        found["registrations_due_soon"] += waits and self.on <= row.due_on <= self.on + timedelta(days=3)
        found["registrations_unassigned"] += waits and row.assigned_to_id is None
        found["registrations_30d"] += timezone.localdate(row.submitted_at) > self.on - timedelta(days=30)

    def parts(self, inside) -> dict[tuple[str, str], Counter]:
        """Dimension and value → what is counted of the businesses of that part."""
        found: dict[tuple[str, str], Counter] = defaultdict(Counter)
        for row in filter(inside, self.businesses):
            street = "" if row.street_id is None else str(row.street_id)
            of = {"type": row.entity_type, "scale": row.scale, "industry": row.industry[:1], "street": street}
            for part in of.items():
                self._count_business(found[part], row)
        return found

    def _count_business(self, found: Counter, row) -> None:
        due = row.operates and row.full >= 3
        sets = {
            "registered": row.registered,
            "operating": row.operates,
            "three_haves": row.operates and bool(row.fixed_premises) and (row.employees or 0) >= 10,
            "with_members": row.operates and row.total > 0,
            "due": due,
            "above_size": row.operates and bool(row.above_size),
        }
        gaps = {
            "due_and_built": due and row.best == "own",
            "due_not_built": due and row.best != "own",
            "due_not_built_sheltered": due and row.best in ("joint", "market"),
            "due_not_built_blank": due and row.best is None,
            "uncovered": row.operates and row.best is None,
            "work_uncovered": row.operates and not row.work,
            "work_covered_only": row.operates and row.work and row.best is None,
            "instructed": row.operates and row.instructed,
            "grouped": row.operates and row.grouped,
            "key_businesses": row.operates and row.is_key,
            "key_businesses_covered": row.operates and row.is_key and row.best is not None,
        }
        for range in ("", "#sole_traders" if row.sole else "#enterprises"):
            for name, belongs in {**sets, **gaps}.items():
                found[f"{name}{range}"] += belongs
            for name, belongs in sets.items():
                at = "" if name == "operating" else f"@{name}"
                found[f"covered{at}{range}"] += belongs and row.best is not None
                found[f"work_covered{at}{range}"] += belongs and row.work
                if row.best:
                    found[f"covered_{row.best}{at}{range}"] += belongs
            found[f"fixed_premises_filled{range}"] += row.operates and row.fixed_premises is not None
            found[f"above_size_filled{range}"] += row.operates and row.above_size is not None

    def _count_conversion(self, found: Counter, row) -> None:
        if not row.registered or row.predecessor_id is None:
            return
        links = BusinessCoverage.objects.filter(starts_on__lte=self.on)
        had = links.filter(business=row.predecessor_id).exists()
        now = [one for one in self.coverages if one.business_id == row.pk and one.organization_id in self.organizations]
        found["conversions"] += 1
        found["conversions_with_links"] += had
        found["conversions_kept"] += had and bool(now)

    def _count_organization(self, found: Counter, row) -> None:
        if row.level != 4:
            return
        for kind, name in (("temporary_branch", "temporary"), ("functional_branch", "functional")):
            found[f"{name}_organizations"] += row.kind == kind
        found["alliances"] += row.kind == "alliance"
        if not self.counting(row.pk):
            return
        links = sum(link.organization_id == row.pk for link in self.market_coverages)
        ends_on = row.extended_until or row.term_ends_on
        found["organizations"] += 1
        for kind in ("joint", "floating", "project"):
            found[f"{kind}_branches"] += row.kind == f"{kind}_branch"
        led = {link.business_id for link in self.coverages if link.organization_id == row.pk}
        found["joint_branches_wide"] += row.kind == "joint_branch" and len(led) > 5
        found["industry_committees"] += row.kind == "industry_committee"
        found["organizations_new"] += row.approved_on is not None and row.approved_on.year == self.on.year
        secretaries = Seat.objects.filter(organization=row, post="secretary")
        found["secretaries_missing"] += not any(map(self.holds, secretaries))
        in_office = {one.member_id for one in Seat.objects.filter(organization=row) if self.holds(one)}
        found["committees_formed"] += len(in_office) >= 3
        found["party_committees"] += row.kind.endswith("_committee")
        found["general_branches"] += row.kind == "general_branch"
        found["branches"] += row.kind in ("branch", "joint_branch", "floating_branch", "project_branch")
        found["market_organizations"] += links > 0
        found["market_organizations_own"] += links == 1
        found["market_organizations_joint"] += links > 1
        found["terms_overdue"] += ends_on is not None and ends_on <= self.on
        for days in (180, 90, 60, 30):
            due = ends_on is not None and self.on < ends_on <= self.on + timedelta(days=days)
            found[f"terms_due_{days}"] += due
        found["terms_unknown"] += ends_on is None
        found["terms_extended"] += ends_on is not None and (row.term_ends_on or ends_on) <= self.on < ends_on

    def _is_led(self, market, among=None) -> bool:
        return any(
            link.market_id == market.pk and self.counting(link.organization_id)
            and (among is None or link.organization_id in among)
            for link in self.market_coverages
        )  # fmt: skip

    def _count_market(self, found: Counter, row) -> None:
        if self.is_closed(row):
            return
        full = sum(b.full for b in self.businesses if b.market_id == row.pk and b.operates and b.best != "own")
        found["markets"] += 1
        found["markets_covered"] += self._is_led(row)
        found["markets_due"] += full >= 3
        found["markets_due_not_built"] += full >= 3 and not self._is_led(row)
        found["markets_due_and_built"] += full >= 3 and self._is_led(row)
        found["markets_suggested_joint"] += full in (1, 2)
        found["markets_suggested_joint_built"] += full in (1, 2) and self._is_led(row)
        found["markets_suggested_joint_not_built"] += full in (1, 2) and not self._is_led(row)
        found["markets_located"] += row.latitude is not None
        found["markets_near"] += self._is_served(row)
        for plan in MarketPlan.objects.filter(market=row):
            if plan.done_on is None or plan.done_on > self.on:
                found["market_plans_open"] += 1
                found["market_plans_overdue"] += plan.due_on is not None and plan.due_on < self.on

    def _is_served(self, row) -> bool:
        """Whether an open service point is within a kilometre, by the spherical law of cosines."""
        if row.latitude is None:
            return False
        here, east = radians(row.latitude), radians(row.longitude)
        for point in ServicePoint.objects.exclude(latitude=None):
            if self.is_closed(point):
                continue
            there, step = radians(point.latitude), radians(point.longitude) - east
            angle = sin(here) * sin(there) + cos(here) * cos(there) * cos(step)
            if acos(min(1.0, angle)) * 6371 <= 1:
                return True
        return False

    def _count_places(self, found: Counter, inside) -> None:
        recent = self.on - timedelta(days=30)
        for row in filter(inside, ServicePoint.objects.all()):
            if not self.is_closed(row):
                found["service_points"] += 1
                found["service_points_in_markets"] += row.market_id is not None
                found["service_points_used"] += any(
                    recent < one.on <= self.on and one.count for one in FootfallTally.objects.filter(place=row)
                )
                found[POINTS[row.kind]] += 1
        for row in filter(inside, CheckIn.objects.all()):
            for key in ("check_ins_30d", f"check_ins_{row.purpose}_30d"):
                found[key] += recent < row.on <= self.on and row.disputed_at is None
        for row in FootfallTally.objects.select_related("place"):
            if inside(row.place) and recent < row.on <= self.on:
                for key in ("footfall_30d", f"footfall_{row.kind}_30d"):
                    found[key] += row.count
        for row in filter(inside, DeliverySite.objects.all()):
            if not self.is_closed(row):
                found["delivery_sites"] += 1
                found["couriers"] += row.couriers or 0
                found["sites_located"] += row.latitude is not None
                found["sites_near"] += self._is_served(row)
        found["industry_areas"] += sum(map(inside, IndustryArea.objects.all()))
        for row in Instructor.objects.select_related("organization"):
            if inside(row.organization) and not (row.ends_on and row.ends_on <= self.on):
                found["instructors"] += 1
                assigned = InstructorAssignment.objects.filter(instructor=row)
                found["instructors_assigned"] += any(map(self.holds, assigned))
        for row in Transfer.objects.filter(state="sent").select_related("origin", "target"):
            if inside(row.origin or row.target):
                found["members_transferring"] += 1
                found["members_transfers_expired"] += row.valid_until is not None and row.valid_until < self.on
        self._count_told(found, inside)

    def _count_told(self, found: Counter, inside) -> None:
        for row in SourceDifference.objects.filter(kept_at=None).select_related("business"):
            found["differences_open"] += inside(row.business)
        for row in HandOver.objects.filter(state="asked").select_related("business", "to"):
            place = row.business
            if row.asked_from == "holder":
                place = copy(row.to)
                place.district_id, place.street_id = row.to_district_id, row.to_street_id
            found["hand_overs_pending"] += inside(place)

    def count_persons(self, found: Counter, inside) -> None:
        here = [(member, way) for member, way, place, path in self.persons if inside(place, path)]
        everyone = {member.pk: member for member, _ in here}
        for way in ("on_roll", "verified", "taken_in"):
            found[f"members_{way}"] += len({member.pk for member, one in here if one == way})
        found["members_distinct"] += len(everyone)
        for standing in ("full", "probationary"):
            found[f"members_{standing}"] += sum(member.standing == standing for member in everyone.values())
        new = ("courier", "rider", "driver", "trucker")
        found["members_new_employment"] += sum(member.occupation in new for member in everyone.values())

    def grassroots(self, unit) -> Counter:
        found: Counter = Counter()
        among = {pk for pk, row in self.organizations.items() if row.path.startswith(unit.path)}
        for pk in among:
            self._count_organization(found, self.organizations[pk])
        self.count_persons(found, lambda place, path: path is not None and path.startswith(unit.path))
        del found["members_verified"]
        found["markets_covered"] = sum(
            self._is_led(row, among) for row in Market.objects.all() if not self.is_closed(row)
        )  # fmt: skip
        for row in self.businesses:
            gives = {self._gives(link) for link in self.coverages
                     if link.business_id == row.pk and link.organization_id in among} - {None}  # fmt: skip
            for link in self.market_coverages:
                if link.market_id == row.market_id and link.organization_id in among:
                    gives.add("market" if self.counting(link.organization_id) else "work")
            best = next((one for one in ("own", "joint", "market") if one in gives), None)
            for range in ("", "#sole_traders" if row.sole else "#enterprises"):
                found[f"covered{range}"] += row.operates and best is not None
                found[f"work_covered{range}"] += row.operates and bool(gives)
                if best:
                    found[f"covered_{best}{range}"] += row.operates
        return found


class _Nowhere:
    district_committee_id = guidance_station_id = district_id = street_id = None


row_nowhere = _Nowhere()


def inside_of(unit, *, unassigned: bool = False):
    """Whether a row stands in a unit, or in its 直属/待分派 line, by the four ancestors."""
    is_organization = isinstance(unit, Organization)
    upper, lower = (
        ("district_committee_id", "guidance_station_id") if is_organization else ("district_id", "street_id")
    )  # fmt: skip
    if unit.level == 1:
        return lambda row: not unassigned or getattr(row, upper) is None
    if unit.level == 2:
        return lambda row: getattr(row, upper) == unit.pk and not (unassigned and getattr(row, lower) is not None)
    return lambda row: getattr(row, lower) == unit.pk
