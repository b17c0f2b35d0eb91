"""Members, registrations in every state and what hangs on them. Everybody is invented, every number of nowhere."""

import datetime as dt
import uuid
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

import numpy as np

from accounts.models import User
from demo import words
from demo.codes import identity_numbers, spread
from demo.tree import Tree
from members import identity
from members.models import (
    Affiliation,
    Consent,
    ContactLog,
    Member,
    MemberCode,
    Notice,
    Pledge,
    Poster,
    Receipt,
    Registration,
)
from orgs.kinds import CAPABILITIES, Kind
from orgs.models import Organization

SHANGHAI = ZoneInfo("Asia/Shanghai")
ON_ROLL, TAKEN_IN, VERIFIED_ONLY = range(3)
GROUPS = [0.36, 0.36, 0.28]
STATES = Registration.State
UNDECIDED = [  # what became of the registrations that are nobody's membership yet
    (STATES.SUBMITTED, 0.36), (STATES.CONTACTED, 0.16), (STATES.NOT_VERIFIED, 0.14), (STATES.UNREACHABLE, 0.12),
    (STATES.WITHDRAWN, 0.10), (STATES.DUPLICATE, 0.07), (STATES.EXPIRED, 0.05),
]  # fmt: skip
OCCUPATIONS = ["sole_trader", "sole_trader", "employee", "employee", "employee", "owner", "courier", "rider", "driver"]


@dataclass
class Place:
    """What a guidance station offers to a person: businesses to work in, branches to belong to, codes to scan."""

    unit: Organization
    officer: User
    posters: list[Poster] = field(default_factory=list)
    businesses: list[tuple[int, str, int | None]] = field(default_factory=list)  # id, name, market; biggest first
    rolls: list[Organization] = field(default_factory=list)
    takers: list[Organization] = field(default_factory=list)


def collect_places(tree: Tree, officers: dict[int, User], posters: list[Poster], businesses) -> list[Place]:
    places: dict[int | None, Place] = {unit.pk: Place(unit, officers[unit.pk]) for unit in tree.guidance_stations}
    for organization in tree.grassroots:
        place = places.get(organization.guidance_station_id)
        if place is not None and CAPABILITIES[organization.kind].holds_rolls:
            place.rolls.append(organization)
        if place is not None and organization.kind != Kind.ALLIANCE:
            place.takers.append(organization)
    for poster in posters:
        unit = poster.organization_id or poster.market.guidance_station_id
        places[unit].posters.append(poster)
    for pk, unit, name, market in businesses:
        places[unit].businesses.append((pk, name, market))
    return list(places.values())


class People:
    def __init__(self, places: list[Place], weights: np.ndarray, rng: np.random.Generator, seed: int, today: dt.date):
        self.places, self.weights, self.rng, self.seed, self.today = places, weights, rng, seed, today
        self.serial = 0
        self.taken: set[tuple[dt.date, int]] = set()  # whose numbers are given out
        self.members: list[Member] = []
        self.registrations: list[Registration] = []
        self.affiliations: list[Affiliation] = []
        self.consents: list[tuple[Registration, list[str]]] = []
        self.formal: dict[int, list[Member]] = {}  # organization id → its roll

    # -- drawing ------------------------------------------------------------------------------------------------------
    def _person(self) -> dict:
        self.serial += 1
        rng = self.rng
        male = bool(rng.random() < 0.6)
        while True:
            born = dt.date(1955, 1, 1) + dt.timedelta(days=int(rng.integers(0, 17_500)))
            sequence = int(rng.integers(0, 499)) * 2 + male
            if (born, sequence) not in self.taken:
                break
        self.taken.add((born, sequence))
        given = words.GIVEN
        name = words.SURNAMES[rng.integers(len(words.SURNAMES))] + given[rng.integers(len(given))]
        name += given[rng.integers(len(given))] if rng.random() < 0.7 else ""
        number = identity_numbers(np.array([int(f"{born:%Y%m%d}")]), np.array([sequence]))[0]
        phone = "160" + str(int(spread(np.array([self.serial]), 8, self.seed)[0])).zfill(8)  # no operator has 160
        return {"name": name, "sex": "1" if male else "2", "id_number": str(number), "phone": phone, "born": born}

    def _moment(self, day: dt.date) -> dt.datetime:
        minute = int(self.rng.integers(8 * 60, 20 * 60))
        return dt.datetime(day.year, day.month, day.day, minute // 60, minute % 60, tzinfo=SHANGHAI)

    def _day_within(self, days: int) -> dt.date:
        """A day of the last `days`, later ones likelier: the city is still growing."""
        return self.today - dt.timedelta(days=1 + int(days * self.rng.beta(1.0, 1.6)))

    def _workplace(self, place: Place) -> dict:
        if not place.businesses or self.rng.random() < 0.3:
            return {"workplace": "自由职业" if self.rng.random() < 0.5 else ""}
        rank = min(int(self.rng.pareto(0.9) * 2), len(place.businesses) - 1)
        pk, name, _ = place.businesses[rank]
        return {"workplace_business_id": pk, "workplace": name}

    # -- making -------------------------------------------------------------------------------------------------------
    def make(self, count: int) -> None:
        units = self.rng.choice(len(self.places), size=count, p=0.6 * self.weights + 0.4 / len(self.weights))
        groups = self.rng.choice(3, size=count, p=GROUPS)
        for unit, group in zip(units, groups, strict=True):
            self._member(self.places[unit], group)
        for unit in self.rng.choice(len(self.places), size=count // 4):
            self._undecided(self.places[unit])

    def _member(self, place: Place, group: int) -> None:
        rng, person = self.rng, self._person()
        knows_number = bool(rng.random() < 0.75)
        joined = person["born"] + dt.timedelta(days=int(rng.integers(20 * 365, 35 * 365)))
        standing = "probationary" if rng.random() < 0.05 else "full"
        day = self._day_within(600)
        member = Member(
            **_facts(person, knows_number or group == ON_ROLL), **self._workplace(place), standing=standing,
            joined_on=min(joined, self.today - dt.timedelta(days=30)),
            occupation=OCCUPATIONS[rng.integers(len(OCCUPATIONS))], entered_at=self._moment(day),
        )  # fmt: skip
        if rng.random() < 0.015:
            member.ended, member.ended_on = "moved_out", day + dt.timedelta(days=1)
        self.members.append(member)
        if group == ON_ROLL:
            self._affiliate(member, place, Affiliation.Kind.FORMAL, place.rolls, day)
        if group == TAKEN_IN:
            self._affiliate(member, place, Affiliation.Kind.ACTIVITY, place.takers, day)
        if group != ON_ROLL or rng.random() < 0.4:
            self._verified(member, person, place, day, knows_number)

    def _affiliate(self, member: Member, place: Place, kind: str, choices: list[Organization], day: dt.date) -> None:
        organization = choices[self.rng.integers(len(choices))]
        roll = self.formal.setdefault(organization.pk, [])
        start = max(day, organization.approved_on or day)
        self.affiliations.append(
            Affiliation(
                member=member, organization=organization, kind=kind, starts_on=start,
                ends_on=max(member.ended_on, start + dt.timedelta(days=1)) if member.ended_on else None,
                contact=roll[0] if kind == Affiliation.Kind.ACTIVITY and roll else None,
                guidance_station=place.unit, district_committee_id=place.unit.district_committee_id,
                entered_at=member.entered_at,
            )
        )  # fmt: skip
        if kind == Affiliation.Kind.FORMAL and not member.ended:
            roll.append(member)

    def _registration(self, person: dict, place: Place, day: dt.date, knows_number: bool, **more) -> Registration:
        poster = place.posters[self.rng.integers(len(place.posters))]
        moment = self._moment(day)
        return Registration(
            **_facts(person, knows_number), poster=poster, market_id=poster.market_id, submitted_at=moment,
            due_on=day + dt.timedelta(days=15), guidance_station=place.unit,
            district_committee_id=place.unit.district_committee_id, home_place="湖北省荆州市沙市区",
            home_branch=f"{words.brand(self.serial)}社区第一党支部" if self.rng.random() < 0.8 else "", **more,
        )  # fmt: skip

    def _verified(self, member: Member, person: dict, place: Place, day: dt.date, knows_number: bool) -> None:
        registration = self._registration(
            person, place, day, knows_number, state=STATES.VERIFIED, member=member, standing=member.standing,
            occupation=member.occupation, workplace=member.workplace,
            workplace_business_id=member.workplace_business_id,
            method=["home_branch", "home_branch", "document", "interview"][self.rng.integers(4)],
            decided_by=place.officer, assigned_to=place.officer,
        )  # fmt: skip
        registration.decided_at = registration.submitted_at + dt.timedelta(hours=int(self.rng.integers(3, 240)))
        now = self._moment(self.today - dt.timedelta(days=1))
        registration.decided_at = min(registration.decided_at, max(now, registration.submitted_at))
        self._keep(registration, knows_number, check_in=0.6)

    def _undecided(self, place: Place) -> None:
        states = [state for state, _ in UNDECIDED]
        state = states[self.rng.choice(len(states), p=[share for _, share in UNDECIDED])]
        is_open = state in Registration.OPEN
        day = self.today - dt.timedelta(days=int(self.rng.integers(1, 21))) if is_open else self._day_within(500)
        knows_number = bool(self.rng.random() < 0.6)
        registration = self._registration(self._person(), place, day, knows_number, state=state)
        decided_at = registration.submitted_at + dt.timedelta(hours=3)  # before that day ends
        if not is_open:
            registration.decided_by = place.officer
            registration.decided_at = decided_at
        if state in (STATES.CONTACTED, STATES.UNREACHABLE):
            registration.assigned_to = place.officer
        if state == STATES.NOT_VERIFIED:
            registration.reason = "组织关系所在党组织未能确认，待补充材料"
        if state == STATES.DUPLICATE:
            verified = [r for r in self.registrations[-400:] if r.state == STATES.VERIFIED]
            if not verified:
                return
            registration.member = verified[self.rng.integers(len(verified))].member
        if state == STATES.WITHDRAWN:
            registration.withdrawn_at = decided_at
            registration.erased_at = decided_at + dt.timedelta(minutes=40)
            for name in ("name", "id_number", "id_number_index", "phone", "phone_index"):
                setattr(registration, name, None)
            registration.phone_tail = ""
        self._keep(registration, knows_number, check_in=0.3)

    def _keep(self, registration: Registration, knows_number: bool, check_in: float) -> None:
        self.registrations.append(registration)
        items: list[str] = [Consent.Item.MEMBERSHIP, Consent.Item.HOME_VERIFY]
        items += [Consent.Item.ID_NUMBER] if knows_number else []
        items += [Consent.Item.CHECK_IN] if self.rng.random() < check_in else []
        self.consents.append((registration, items))

    # -- saving -------------------------------------------------------------------------------------------------------
    def save(self, notice: Notice) -> None:
        Member.objects.bulk_create(self.members, batch_size=2000)
        Affiliation.objects.bulk_create(self.affiliations, batch_size=2000)
        Registration.objects.bulk_create(self.registrations, batch_size=2000)
        ContactLog.objects.bulk_create(self._contacts(), batch_size=5000)
        Receipt.objects.bulk_create(
            [self._receipt(registration, items, notice) for registration, items in self.consents], batch_size=5000
        )
        Consent.objects.bulk_create(
            [
                Consent(
                    registration=registration, member=registration.member, notice=notice, item=item,
                    channel=registration.channel, given_at=registration.submitted_at,
                    withdrawn_at=registration.withdrawn_at,
                )
                for registration, items in self.consents
                for item in items
            ],
            batch_size=5000,
        )  # fmt: skip
        MemberCode.objects.bulk_create(list(self._member_codes()), batch_size=5000)
        Pledge.objects.bulk_create(list(self._pledges()), batch_size=5000)

    def _contacts(self) -> list[ContactLog]:
        """What made a registration 已联系, two hours after it came: a past day counts it by this."""
        outcomes = {STATES.CONTACTED: ContactLog.Outcome.REACHED, STATES.UNREACHABLE: ContactLog.Outcome.NO_ANSWER}
        return [
            ContactLog(
                registration=one, at=one.submitted_at + dt.timedelta(hours=2), by=one.assigned_to,
                outcome=outcomes[Registration.State(one.state)],
            )
            for one in self.registrations
            if one.state in outcomes
        ]  # fmt: skip

    def _receipt(self, registration: Registration, items: list[str], notice: Notice) -> Receipt:
        token = uuid.UUID(bytes=self.rng.bytes(16), version=4)
        return Receipt(
            registration=registration, form_token=token, made_at=registration.submitted_at,
            code_index=identity.receipt_index(identity.receipt_code(token)), notice=notice,
            items=[] if registration.withdrawn_at else sorted(items),
        )  # fmt: skip

    def _code(self) -> str:
        letters = self.rng.integers(0, len(identity.CODE_ALPHABET), identity.MEMBER_CODE_LENGTH)
        return "".join(identity.CODE_ALPHABET[i] for i in letters)

    def _member_codes(self):
        for registration, items in self.consents:
            if registration.state == STATES.VERIFIED and Consent.Item.CHECK_IN in items:
                code = self._code()
                yield MemberCode(
                    member=registration.member, code=code, code_index=identity.member_code_index(code),
                    issued_at=registration.decided_at,
                )  # fmt: skip

    def _pledges(self):
        """三亮 of a few who agreed to it; some were taken down since, and of these not every plaque is off the wall. Random
        numbers of their own, so that everything else of the invented city stays as it is."""
        rng = np.random.default_rng(self.seed)
        willing = [row for row in self.affiliations if not row.ends_on and rng.random() < 0.06]
        for number, row in enumerate(willing, 1):
            member, organization = row.member, row.organization
            agreed = max(row.starts_on, self.today - dt.timedelta(days=int(rng.integers(30, 300))))
            ended = (
                max(agreed, self.today - dt.timedelta(days=int(rng.integers(1, 29)))) if rng.random() < 0.15 else None
            )
            duty, promise = words.PLEDGES[rng.integers(len(words.PLEDGES))]
            yield Pledge(
                member=member, organization=organization, name=member.name, standing=member.standing,
                organization_name=organization.name, duty=duty, promise=promise, place=member.workplace,
                number=f"演示{number:04d}" if rng.random() < 0.8 else "", consented_at=self._moment_of(agreed, 9),
                withdrawn_at=self._moment_of(ended, 18) if ended else None,
                taken_off_on=ended if ended and rng.random() < 0.6 else None,
            )  # fmt: skip

    @staticmethod
    def _moment_of(day: dt.date, hour: int) -> dt.datetime:
        return dt.datetime(day.year, day.month, day.day, hour, tzinfo=SHANGHAI)


def _facts(person: dict, knows_number: bool) -> dict:
    facts = {key: person[key] for key in ("name", "sex", "phone")}
    facts |= {"phone_tail": person["phone"][-4:], "phone_index": identity.phone_index(person["phone"])}
    if knows_number:
        facts |= {
            "id_number": person["id_number"],
            "id_number_index": identity.id_number_index(person["id_number"]),
        }
    return facts
