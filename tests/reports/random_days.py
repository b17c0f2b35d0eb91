"""Days of a random city on which things happen, each through the service that does it on a page."""

from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from unittest import mock

from django.apps import apps
from django.utils import timezone

from markets.models import BusinessCoverage, Declaration, MarketCoverage, Mode
from markets.services import CannotSave, business_save, coverage_end, coverage_link
from members.models import Affiliation
from orgs.kinds import Kind
from orgs.models import Division, Organization
from orgs.services import TreeError, organization_close, organization_edit, organization_move
from tests import factories as make
from tests.reports import builders as build
from tests.reports.helpers import LONG_AGO, refresh, today
from tests.reports.random_city import RandomCity

ENTERED = (
    "orgs.Organization", "orgs.OrganizationChange", "markets.Business", "markets.BusinessCoverage",
    "markets.MarketCoverage", "markets.Market", "markets.GroupOrganization", "markets.Declaration", "members.Member",
    "members.Affiliation", "members.InstructorAssignment",
)  # fmt: skip


@contextmanager
def entering(moment):
    """What is entered now is entered at this moment: a default of the model does not see the moved clock."""
    with ExitStack() as stack:
        for label in ENTERED:
            field = apps.get_model(label)._meta.get_field("entered_at")
            stack.enter_context(mock.patch.object(field, "_get_default", lambda: moment))
        yield


@contextmanager
def day_of_work(on):
    with today(on) as now, entering(now):
        yield now


class Days:
    """`on`: the days that were counted, oldest first; the last is today."""

    def __init__(self, seed: int, days: int = 5, acts: int = 12, businesses: int = 60):
        with entering(LONG_AGO):
            self.made = RandomCity(seed, businesses=businesses)
        # Head-counts that may not be kept go with the next edit, and with them what the past counted by them.
        Declaration.objects.exclude(business__employees__gte=10).delete()
        Declaration.objects.filter(business__entity_type="sole_trader").delete()
        self.on = [self.made.today - timedelta(days=back) for back in range(days - 1, -1, -1)]
        refresh(self.on[0])
        for day in self.on[1:]:
            with day_of_work(day):
                for _ in range(acts):
                    self.act(day)
                refresh()

    def act(self, day) -> None:
        made = self.made
        acts = (self.edit, self.edit, self.edit, self.add, self.link, self.link, self.end, self.move, self.kind,
                self.close, self.market_link, self.market_end, self.join, self.join, self.leave, self.verify)  # fmt: skip
        with suppress(CannotSave, TreeError):  # the service refused, and nothing happened
            made.pick(*acts)(day)

    def edit(self, day) -> None:
        made = self.made
        row = made.pick(*made.businesses)
        row.refresh_from_db()
        values = made.pick(
            {"status": made.pick("active", "revoked", "deregistered", "dormant")},
            {"not_operating": made.pick("", "zombie", "paused")},
            {"entity_type": made.pick("sole_trader", "company") if not row.declarations.exists() else "cooperative"},
            {"employees": made.pick(10, 30), "fixed_premises": made.pick(True, False, None)},
            {"market": made.pick(None, *made.markets)},
            {"above_size": made.pick(True, None)},
            make.placed(Organization.objects.get(pk=made.unit().pk)),
        )
        for name, value in values.items():
            setattr(row, name, value)
        business_save(business=row, by=None)

    def add(self, day) -> None:
        made = self.made
        made.businesses.append(make.make_business(Organization.objects.get(pk=made.unit().pk)))

    def link(self, day) -> None:
        made = self.made
        pair = {"business": made.pick(*made.businesses), "organization": made.pick(*made.branches)}
        if not BusinessCoverage.objects.filter(**pair).exists():
            link = BusinessCoverage(**pair, mode=made.pick(*Mode.values, Mode.OWN), starts_on=day)
            coverage_link(link=link, by=None)

    def running(self, model, day):
        rows = list(model.objects.filter(starts_on__lt=day, ends_on=None).order_by("pk"))
        return self.made.pick(*rows) if rows else None

    def end(self, day) -> None:
        if row := self.running(BusinessCoverage, day):
            coverage_end(link=row, ends_on=day, by=None)

    def market_link(self, day) -> None:
        made = self.made
        pair = {"market": made.pick(*made.markets), "organization": made.pick(*made.branches)}
        if not MarketCoverage.objects.filter(**pair).exists():
            coverage_link(link=MarketCoverage(**pair, starts_on=day), by=None)

    def market_end(self, day) -> None:
        if row := self.running(MarketCoverage, day):
            coverage_end(link=row, ends_on=day, by=None)

    def move(self, day) -> None:
        made = self.made
        what = made.pick(*made.branches, made.city.yuehai, made.city.huafu)
        to = made.pick(
            made.city.nanshan, made.city.futian, *([] if what.level == 3 else [made.city.shahe, *made.branches])
        )
        organization_move(organization=what, parent=to, by=None, on=day)

    def join(self, day) -> None:
        made = self.made
        member = make.make_member("周九", workplace_business=made.pick(None, *made.businesses[:20]))
        branch = made.pick(*made.branches)
        branch.refresh_from_db()  # it may have moved
        make.make_affiliation(member, branch, starts_on=day)
        made.members.append(member)

    def leave(self, day) -> None:
        if row := self.running(Affiliation, day):
            row.ends_on = day
            row.save()

    def verify(self, day) -> None:
        made = self.made
        unit = Organization.objects.get(pk=made.pick(made.city.yuehai, made.city.shahe, made.city.lianhua).pk)
        build.verified(made.pick(*made.members), unit, submitted_at=timezone.now())

    def kind(self, day) -> None:
        row = self.made.pick(*self.made.branches)
        organization_edit(organization=row, kind=self.made.pick(Kind.BRANCH, Kind.TEMPORARY_BRANCH), by=None, on=day)

    def close(self, day) -> None:
        organization_close(organization=self.made.pick(*self.made.branches), on=day, by=None)


def units() -> list:
    return [*Organization.objects.all(), *Division.objects.all()]
