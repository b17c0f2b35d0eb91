"""A small city made at random: every kind of organization, mode, period, place and state, also the odd ones."""

import random
from datetime import timedelta

from django.utils import timezone

from markets.models import (
    Business,
    BusinessCoverage,
    Declaration,
    DeliverySite,
    GroupOrganization,
    HandOver,
    IndustryArea,
    MarketCoverage,
    MarketPlan,
    Mode,
    Platform,
    SourceDifference,
)
from members.models import Affiliation, Instructor, InstructorAssignment, Member, Registration, Seat, Transfer
from orgs.kinds import Kind, kinds_at
from stations.models import CheckIn, FootfallTally, ServicePoint
from tests import factories as make


class RandomCity:
    def __init__(self, seed: int, businesses: int = 70):
        self.random = random.Random(seed)
        self.today = timezone.localdate()
        self.city = make.make_city()
        self.units = [self.city[name] for name in ("yuehai", "shahe", "lianhua", "huafu", "nanshan", "futian", "city")]
        self.branches, self.markets, self.businesses, self.members = [], [], [], []
        self.officer = make.make_user("officer", self.city.yuehai)
        self.platform = Platform.objects.create(name="平台")
        for _ in range(22):
            self.add_branch()
        for _ in range(8):
            self.add_market()
        for _ in range(businesses):
            self.add_business()
        for _ in range(30):
            self.add_member()
        for _ in range(12):
            self.add_place()
            self.add_seat()
        for branch in self.random.sample(self.branches, 3):
            self.close_branch(branch)

    def pick(self, *values):
        return self.random.choice(values)

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def unit(self):
        return self.random.choices(self.units, [6, 6, 6, 4, 2, 1, 2])[0]

    def place(self) -> dict:
        """Where a row stands: mostly in step, sometimes under one guidance station and in another's street."""
        place, other = make.placed(self.unit()), make.placed(self.unit())
        if self.chance(0.15):
            place |= {"district_id": other["district_id"], "street_id": other["street_id"]}
        return place

    def position(self) -> dict:
        """Somewhere in three kilometres around a place between two squares of the map, or not known."""
        if self.chance(0.2):
            return {}
        degrees = self.random.uniform
        return {"latitude": round(degrees(22.525, 22.555), 6), "longitude": round(degrees(114.045, 114.075), 6)}

    def period(self) -> dict:
        start = self.today - timedelta(days=self.random.randint(-3, 40))
        end = start + timedelta(days=self.random.randint(1, 60)) if self.chance(0.4) else None
        return {"starts_on": start, "ends_on": self.pick(end, end, self.today if start < self.today and end else end)}

    def next_kind(self) -> str:
        """Each kind in turn, with ordinary branches in between."""
        kinds, number = kinds_at(4), len(self.branches)
        return Kind.BRANCH if number % 2 else kinds[number // 2 % len(kinds)]

    def add_branch(self):
        parent = self.pick(self.unit(), self.unit(), *(self.branches[-2:] or [self.city.yuehai]))
        days = self.random.randint(-100, 250)
        branch = make.make_branch(
            parent,
            kind=self.next_kind(),
            approved_on=self.pick(
                None, self.today, self.today - timedelta(days=9), self.today - timedelta(days=500),
                self.today + timedelta(days=1),
            ),
        )  # fmt: skip
        if branch.capability.term_years:
            branch.term_ends_on = self.pick(None, self.today, self.today + timedelta(days=days))
            if branch.term_ends_on and self.chance(0.3):
                branch.extended_until = branch.term_ends_on + timedelta(days=self.pick(10, 40))
                branch.extension_document = "批复"
            branch.save()
        self.branches.append(branch)
        return branch

    def add_seat(self) -> None:
        if self.chance(0.5):
            Transfer.objects.create(
                member=self.pick(*self.members), origin=self.pick(None, *self.branches[:4]), target=self.pick(*self.branches),
                sent_on=self.today, valid_until=self.pick(None, self.today, self.today - timedelta(days=1)),
                state=self.pick("sent", "sent", "received"), decided_on=None,
            )  # fmt: skip
        branch = self.pick(*self.branches)
        for post in self.pick(
            (), ("secretary",), ("deputy", "organization", "member"), ("secretary", "deputy", "member")
        ):
            if Seat.objects.filter(organization=branch, post=post).exists():
                continue
            Seat.objects.create(
                organization=branch, member=self.pick(*self.members), post=post, **self.period(),
            )  # fmt: skip

    def close_branch(self, branch) -> None:
        """Its links and its roll stay as they are: what they count for is the engine's question."""
        is_approved = branch.approved_on is None or branch.approved_on < self.today - timedelta(days=2)
        if is_approved and not branch.children.exists():
            branch.closed_on = self.pick(self.today, self.today + timedelta(days=1), self.today - timedelta(days=2))
            branch.save()

    def add_market(self):
        market = make.make_market(self.unit(), **self.place(), **self.position())
        if self.chance(0.15):
            market.closed_on = self.pick(self.today, self.today + timedelta(days=1))
            market.save()
        self.markets.append(market)
        for days in (-1, 0, 20):
            MarketPlan.objects.create(
                market=market, text="举措", responsible="单位", due_on=self.pick(None, self.today + timedelta(days=days)),
                done_on=self.pick(None, None, self.today),
            )  # fmt: skip
        for branch in self.random.sample(self.branches[:9], self.pick(1, 2, 4)):
            MarketCoverage.objects.create(organization=branch, market=market, **self.period())
        return market

    def add_business(self) -> Business:
        row = make.make_business(
            self.city.yuehai,
            **self.place(),
            entity_type=self.pick("sole_trader", "company", "cooperative"),
            status=self.pick(*["active"] * 6, *Business.Status.values),
            not_operating=self.pick(*[""] * 6, *Business.NotOperating.values),
            scale=self.pick("small", "micro", "unknown"),
            industry=self.pick("", "F5212", "F5190", "H6210", "C3982"),
            is_key=self.chance(0.2),
            employees=self.pick(None, 3, 10, 60),
            fixed_premises=self.pick(None, True, True, False),
            above_size=self.pick(None, True, False),
            market=self.pick(None, None, *self.markets),
        )
        self.businesses.append(row)
        self.link(row)
        self.told(row)
        return row

    def told(self, row: Business) -> None:
        """What other systems say of it, who should take it over, and what it was before."""
        if self.chance(0.2):
            now = timezone.now()
            SourceDifference.objects.update_or_create(
                business=row,
                column="address",
                source="tax",
                defaults={"value": "别处", "kept_at": self.pick(None, None, now)},
            )
        if self.chance(0.2) and not HandOver.objects.filter(business=row).exists():
            to = self.random.choice(self.units[:6])
            place = make.placed(to)
            HandOver.objects.create(
                business=row, to=to, to_district_id=place["district_id"], to_street_id=place["street_id"],
                asked_from=self.pick("holder", "receiver"), state=self.pick("asked", "asked", "refused"),
                asked_by_system="登记系统",
            )  # fmt: skip
        traders = [one for one in self.businesses if one.entity_type == "sole_trader"]
        if row.entity_type != "sole_trader" and traders and self.chance(0.3):
            Business.objects.filter(pk=row.pk).update(predecessor=self.pick(*traders))

    def link(self, row: Business) -> None:
        for branch in self.random.sample(self.branches, self.pick(0, 0, 1, 1, 2)):
            mode = self.pick(*Mode.values, Mode.OWN, Mode.OWN)
            BusinessCoverage.objects.create(organization=branch, business=row, mode=mode, **self.period())
        for days in self.random.sample([-1, 0, 5, 30], self.pick(0, 0, 1, 2)):
            full = self.pick(None, 0, 2, 3, 5, 9)
            Declaration.objects.create(
                business=row, source="survey", as_of=self.today - timedelta(days=days), full_members=full,
                members_incl_probationary=self.pick(None, (full or 0) + self.pick(0, 1)), union_members=4,
            )  # fmt: skip
        if self.chance(0.15):
            GroupOrganization.objects.create(business=row, kind="union", **self.period())
        if self.chance(0.15):
            instructor = Instructor.objects.create(
                organization=self.pick(self.unit(), self.unit(), self.pick(*self.branches)), name="指导",
                ends_on=self.pick(None, None, self.today),
            )  # fmt: skip
            InstructorAssignment.objects.create(instructor=instructor, business=row, **self.period())

    def add_member(self) -> Member:
        member = make.make_member(
            standing=self.pick("full", "full", "probationary"),
            occupation=self.pick("", "rider", "courier", "owner"),
            workplace_business=self.pick(None, *self.random.sample(self.businesses, 2)),
        )
        if self.chance(0.15):
            member.ended = "moved_out"
            member.ended_on = self.pick(self.today, self.today + timedelta(days=1))
            member.save()
        if self.chance(0.6):
            branch = self.pick(*self.branches)
            branch.refresh_from_db()  # it may have moved
            make.make_affiliation(member, branch, **self.period())
        for branch in self.random.sample(self.branches, self.pick(0, 1, 2)):
            branch.refresh_from_db()
            make.make_affiliation(member, branch, kind=Affiliation.Kind.ACTIVITY, **self.period())
        for _ in range(self.pick(0, 1, 2)):
            self.add_registration(member)
        self.members.append(member)
        return member

    def add_registration(self, member: Member) -> Registration:
        state = self.pick(*Registration.State.values, "verified", "verified")
        unit, now = self.unit(), timezone.now()
        return Registration.objects.create(
            member=member, state=state, method="interview", reason="说明",
            due_on=self.today + timedelta(days=self.pick(-1, 0, 3, 4)),
            submitted_at=now - timedelta(days=self.pick(0, 29, 30)), assigned_to=self.pick(None, self.officer),
            withdrawn_at=now if state == "withdrawn" else None, decided_at=now,
            guidance_station_id=unit.guidance_station_id, district_committee_id=unit.district_committee_id,
        )  # fmt: skip

    def add_place(self) -> ServicePoint:
        place = self.place()
        point_number = ServicePoint.objects.count()
        kinds = [kind for kind in ServicePoint.Kind.values if kind != "counter"]
        point = make.make_service_point(
            self.city.yuehai,
            **place,
            **self.position(),
            kind=kinds[point_number % len(kinds)],
            closed_on=self.pick(None, None, self.today),
            market=self.pick(None, *self.markets[:1]),
        )
        for days in (0, 29, 30):
            FootfallTally.objects.create(
                place=point, on=self.today - timedelta(days=days), count=self.pick(0, 1, 7),
                kind=self.pick("rest", "charge", "errand"),
            )  # fmt: skip
            CheckIn.objects.create(
                member=self.pick(*self.members), place=point, on=self.today - timedelta(days=days),
                purpose=self.pick("report", "activity", "study", "volunteer"), occurred_at=timezone.now(),
                channel="scan", disputed_at=self.pick(None, None, timezone.now()), **place,
            )  # fmt: skip
        DeliverySite.objects.create(
            platform=self.platform, name=f"网点{point.pk}", couriers=self.pick(None, 12),
            closed_on=self.pick(None, self.today), **place, **self.position(),
        )  # fmt: skip
        IndustryArea.objects.create(code=f"A{point.pk}", name="片区", **place)
        return point
