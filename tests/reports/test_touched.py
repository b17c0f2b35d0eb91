"""Counting again what was touched equals counting everything, and a recount by hand, whatever was done."""

import contextlib
import os
import random
from collections import Counter
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.db.models import ProtectedError
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
    Mode,
    SourceDifference,
)
from members.models import (
    Affiliation,
    Instructor,
    InstructorAssignment,
    Member,
    Registration,
    Seat,
    Transfer,
)
from orgs.models import Division, Organization
from orgs.services import TreeError, organization_move
from reports import kept, selectors, services
from reports.models import (
    ChangedBusiness,
    KnownBusiness,
    KnownCount,
    KnownPerson,
    LastCount,
    OwnCount,
    Snapshot,
    Touched,
)
from reports.tally import COUNT_KEYS, GRASSROOTS_KEYS
from stations.models import CheckIn, FootfallTally, ServicePoint
from tables.statements import in_bulk
from tests import factories as make
from tests.reports import builders as build
from tests.reports.helpers import refresh
from tests.reports.random_city import RandomCity
from tests.reports.recount import Recount, inside_of

ACTS = int(os.environ.get("RECOUNT_ACTS", "100"))


def state() -> dict:
    """Every number that is shown or kept, by its name."""
    found: dict = {}
    for row in Snapshot.objects.filter(as_of=timezone.localdate()):
        place = row.organization_id, row.division_id, row.breakdown, row.key
        keeps_zeros = row.breakdown == selectors.SUGGESTED  # elsewhere no number is the same as none
        found |= {(*place, key): number for key, number in row.counts.items() if number or keeps_zeros}
    for model in (KnownBusiness, KnownPerson):
        found |= {(model, row[0]): row for row in model.objects.values_list()}
    return found | groups()


def groups() -> dict:
    """What breakdowns are read from: each group's sum, however many rows it has."""
    counted: Counter = Counter()
    for model, numbers in ((OwnCount, OwnCount.NUMBERS), (KnownCount, ("n",))):
        names = [field.name for field in model._meta.concrete_fields if field.name not in ("id", *numbers)]
        for row in model.objects.filter(as_of=timezone.localdate()).values():
            for number in numbers:
                counted[(model, number, *(row[name] for name in names))] += row[number]
    return {group: number for group, number in counted.items() if number}


class Life:
    """One act after the other on rows of any kind: added, changed, moved, ended, deleted."""

    def __init__(self, made: RandomCity, seed: int):
        self.made, self.random = made, random.Random(seed)
        self.today = timezone.localdate()

    def some(self, model, **filters):
        return self.random.choice(list(model.objects.filter(**filters).order_by("pk")) or [None])

    def act(self) -> str:
        acts = [getattr(self, name) for name in sorted(dir(type(self))) if name.startswith("a_")]
        act = self.random.choice(acts)
        with contextlib.suppress(IntegrityError, ProtectedError, TreeError, ValidationError), transaction.atomic():
            act()  # what a rule refuses was not done, and is not told; some refuse at a commit only
            connection.check_constraints()
        return act.__name__

    def a_business_more(self):
        self.made.add_business()

    def a_business_changes(self):
        row, pick = self.some(Business), self.made.pick
        row.status, row.not_operating = pick("active", "revoked", "dormant"), pick("", "", "zombie")
        row.employees, row.fixed_premises, row.above_size = pick(None, 9, 10), pick(None, True, False), pick(None, True)
        row.entity_type, row.scale = pick("sole_trader", "company"), pick("small", "micro")
        row.industry, row.is_key = pick("", "F5190", "I6510"), pick(True, False)
        row.save()

    def a_business_moves(self):
        row = self.some(Business)
        Business.objects.filter(pk=row.pk).update(**self.made.place(), market=self.made.pick(None, *self.made.markets))

    def a_business_goes(self):
        self.some(Business).delete()

    def a_link(self):
        self.made.link(self.some(Business))

    def a_link_ends(self):
        if row := self.some(BusinessCoverage, ends_on=None):
            BusinessCoverage.objects.filter(pk=row.pk).update(
                ends_on=max(self.today, row.starts_on + timedelta(days=1))
            )

    def a_link_goes(self):
        self.some(BusinessCoverage).delete()

    def a_link_of_another_mode(self):
        BusinessCoverage.objects.filter(pk=self.some(BusinessCoverage).pk).update(mode=self.made.pick(*Mode.values))

    def a_market_more(self):
        self.made.add_market()

    def a_market_closes(self):
        Market.objects.filter(pk=self.some(Market).pk).update(closed_on=self.made.pick(None, self.today))

    def a_market_moves(self):
        Market.objects.filter(pk=self.some(Market).pk).update(**self.made.place())

    def a_market_link_goes(self):
        if row := self.some(MarketCoverage):
            row.delete()

    def a_market_link_more(self):
        branch, market = self.some(Organization, level=4), self.some(Market)
        if not MarketCoverage.objects.filter(organization=branch, market=market).exists():
            MarketCoverage.objects.create(organization=branch, market=market, starts_on=self.today)

    def a_branch_more(self):
        self.made.add_branch()

    def a_branch_closes(self):
        self.made.close_branch(self.some(Organization, level=4))

    def a_branch_moves(self):
        branch = self.some(Organization, level=4, closed_on=None)
        if branch:
            with transaction.atomic():
                organization_move(organization=branch, parent=self.made.unit(), by=None)

    def a_branch_of_another_kind(self):
        branch = self.some(Organization, level=4, kind__in=("branch", "joint_branch"))
        if branch:
            kinds = {"branch": "joint_branch", "joint_branch": "branch"}
            Organization.objects.filter(pk=branch.pk).change(kind=kinds[branch.kind])

    def a_member_more(self):
        self.made.add_member()

    def a_member_changes(self):
        workplace, ended = self.made.pick(None, self.some(Business)), self.made.pick("", "", "moved_out")
        Member.objects.filter(pk=self.some(Member).pk).change(
            standing=self.made.pick("full", "probationary"), occupation=self.made.pick("", "rider"),
            workplace_business=workplace, ended=ended, ended_on=self.today if ended else None,
        )  # fmt: skip

    def a_roll_ends(self):
        if row := self.some(Affiliation, ends_on=None):
            Affiliation.objects.filter(pk=row.pk).change(ends_on=max(self.today, row.starts_on + timedelta(days=1)))

    def a_registration_more(self):
        self.made.add_registration(self.some(Member))

    def a_registration_changes(self):
        row = self.some(Registration)
        now = timezone.now()
        state = self.made.pick("verified", "not_verified", "withdrawn")
        Registration.objects.filter(pk=row.pk).change(
            state=state, decided_at=now, withdrawn_at=now if state == "withdrawn" else None
        )

    def a_declaration_more(self):
        row, day = self.some(Business), self.today - timedelta(days=self.random.randint(0, 3))
        Declaration.objects.update_or_create(
            business=row, source="survey", as_of=day, defaults={"full_members": self.made.pick(0, 3, 7)}
        )

    def a_group_goes(self):
        if row := self.some(GroupOrganization):
            row.delete()

    def an_instructor_leaves(self):
        if row := self.some(Instructor):
            Instructor.objects.filter(pk=row.pk).update(ends_on=self.made.pick(None, self.today))

    def a_seat_more(self):
        self.made.add_seat()

    def a_seat_ends(self):
        if row := self.some(Seat, ends_on=None):
            Seat.objects.filter(pk=row.pk).update(ends_on=max(self.today, row.starts_on + timedelta(days=1)))

    def a_transfer_is_decided(self):
        if row := self.some(Transfer):
            Transfer.objects.filter(pk=row.pk).update(state=self.made.pick("sent", "returned"))

    def a_source_says_something(self):
        self.made.told(self.some(Business))

    def a_difference_is_settled(self):
        if row := self.some(SourceDifference):
            kept_at = self.made.pick(None, timezone.now())
            SourceDifference.objects.filter(pk=row.pk).update(kept_at=kept_at)

    def a_difference_goes(self):
        if row := self.some(SourceDifference):
            row.delete()

    def a_hand_over_is_decided(self):
        if row := self.some(HandOver):
            HandOver.objects.filter(pk=row.pk).update(state=self.made.pick("asked", "accepted"))

    def a_predecessor_is_taken_back(self):
        Business.objects.filter(pk=self.some(Business).pk).update(predecessor=None)

    def a_plan_is_done(self):
        if row := self.some(MarketPlan):
            MarketPlan.objects.filter(pk=row.pk).update(done_on=self.made.pick(None, self.today))

    def an_assignment_goes(self):
        if row := self.some(InstructorAssignment):
            row.delete()

    def a_registration_is_assigned(self):
        Registration.objects.filter(pk=self.some(Registration).pk).change(
            assigned_to=self.made.pick(None, self.made.officer)
        )

    def a_place_more(self):
        self.made.add_place()

    def a_place_changes(self):
        point = self.some(ServicePoint)
        ServicePoint.objects.filter(pk=point.pk).update(
            **self.made.place(), **self.made.position(), closed_on=self.made.pick(None, self.today)
        )
        Market.objects.filter(pk=self.some(Market).pk).update(**self.made.position())
        FootfallTally.objects.filter(pk=self.some(FootfallTally).pk).update(count=self.random.randint(1, 40))
        CheckIn.objects.filter(pk=self.some(CheckIn).pk).update(disputed_at=self.made.pick(None, timezone.now()))
        DeliverySite.objects.filter(pk=self.some(DeliverySite).pk).update(couriers=self.made.pick(None, 3))
        IndustryArea.objects.filter(pk=self.some(IndustryArea).pk).update(**self.made.place())


@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(60, 64))
def test_after_any_acts_what_was_touched_is_all_that_differs(seed):
    made = RandomCity(seed, businesses=40)
    refresh()
    life = Life(made, seed)
    for _ in range(30):
        done = [life.act() for _ in range(life.random.choice((1, 1, 2, 5)))]
        assert not refresh(touched=True).skipped or not Touched.objects.exists()
        by_parts = state()
        with transaction.atomic():
            refresh()
            everything = state()
            transaction.set_rollback(True)
        keys = by_parts.keys() | everything.keys()
        found = {key: (by_parts.get(key), everything.get(key)) for key in keys}
        assert {key: pair for key, pair in found.items() if pair[0] != pair[1]} == {}, done


def assert_counted() -> None:
    recount = Recount()
    for unit in [*Organization.objects.filter(level__lte=3), *Division.objects.all()]:
        expected, found = recount.unit(inside_of(unit)), selectors.latest(unit).counts
        assert {key: found[key] for key in COUNT_KEYS} == {key: expected[key] for key in COUNT_KEYS}, unit
    for pk, unit in recount.organizations.items():
        if unit.level == 4:
            expected, found = recount.grassroots(unit), selectors.latest(unit).counts
            assert {key: found[key] for key in GRASSROOTS_KEYS} == {key: expected[key] for key in GRASSROOTS_KEYS}, pk


@pytest.mark.django_db
def test_after_many_acts_every_number_equals_a_recount():
    made = RandomCity(70, businesses=40)
    refresh()
    life = Life(made, 70)
    for number in range(1, ACTS + 1):
        life.act()
        if number % (ACTS // 1000 or 1) == 0:  # in one transaction nothing is vacuumed: ten thousand would crawl
            refresh(touched=True)
        if number % 2000 == 0:
            assert_counted()
    assert_counted()


@pytest.mark.django_db
def test_without_the_triggers_a_change_goes_unseen():
    """The control: it is they that tell, and the random acts above would notice."""
    city = make.make_city()
    refresh()
    build.business(city.yuehai)
    Touched.objects.all().delete()
    ChangedBusiness.objects.all().delete()
    refresh(touched=True)
    assert selectors.latest(city.yuehai).value("operating") == 0


@pytest.mark.django_db
def test_a_change_of_what_is_not_counted_tells_nothing():
    city = make.make_city()
    row = build.business(city.yuehai)
    refresh()
    Business.objects.filter(pk=row.pk).update(name="别的名字", address="别处")
    assert not kept.any_told()
    assert refresh(touched=True).skipped


@pytest.mark.django_db
def test_many_rows_at_once_say_only_that_everything_is_to_be_counted():
    city = make.make_city()
    rows = [build.business(city.yuehai) for _ in range(5)]
    refresh()
    with transaction.atomic():
        in_bulk()
        Business.objects.filter(pk__in=[row.pk for row in rows]).update(employees=12)
    assert set(Touched.objects.values_list("kind", flat=True)) == {"all"}
    assert not ChangedBusiness.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_what_is_rolled_back_was_never_told_and_what_comes_meanwhile_waits():
    city = make.make_city()
    services.coverage_refresh()
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        build.business(city.yuehai)
        1 / 0  # noqa: B018
    assert not kept.any_told()
    build.business(city.yuehai)
    with pytest.raises(ZeroDivisionError), transaction.atomic():  # a refresh that fails takes nothing
        kept.take()
        kept.forget_changes()
        1 / 0  # noqa: B018
    assert services.coverage_refresh(touched=True).units
    assert selectors.latest(city.yuehai).value("operating") == 1
    assert not kept.any_told() and not ChangedBusiness.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_after_a_crash_everything_is_counted():
    """Unlogged tables are empty then, all of them together."""
    city = make.make_city()
    services.coverage_refresh()
    build.business(city.yuehai)
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relpersistence = 'u' AND relkind = 'r' ORDER BY 1")
        unlogged = [name for (name,) in cursor.fetchall()]
    models = (ChangedBusiness, KnownBusiness, KnownPerson, LastCount, Touched)
    assert unlogged == sorted(model._meta.db_table for model in models)
    for model in models:
        model.objects.all().delete()
    services.coverage_refresh(touched=True)
    assert selectors.latest(city.yuehai).value("operating") == 1
    assert KnownPerson.objects.count() == 0 and LastCount.objects.count() == 1
