"""Every list that can be taken out asks as many queries for many rows as for few."""

import json
from collections.abc import Callable

import pytest
from django.db import connection
from django.db.models import ForeignKey
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import audit
from accounts.models import User
from markets.models import Absence, DeliverySite, HandOver, IndustryArea, MarketPlan, Platform, SourceDifference
from markets.sources import LABELS, PLACE
from members import member_list
from members.models import Instructor
from reports import metrics
from reports.behind import RowsBehind, can_be_taken, model_of
from reports.models import ReportedFigure
from reports.row_columns import columns_of
from stations.models import FootfallTally
from tables.exports import Mark, export
from tables.listing import exportable, listing_of, listings
from tables.models import Batch
from tables.taking import streamed
from tests import factories

pytestmark = pytest.mark.django_db
FEW, MANY = len(LABELS), 2 * len(LABELS)  # the few have a difference of every column among them


def _placed(city) -> dict:
    return factories.placed(city.yuehai)


def _business(city, **more):
    area = IndustryArea.objects.create(code=f"A{IndustryArea.objects.count()}", name="片区", **_placed(city))
    before = factories.make_business(city.yuehai, entity_type="sole_trader")
    market = factories.make_market(city.yuehai)
    return factories.make_business(city.yuehai, market=market, industry_area=area, predecessor=before, **more)


def _difference(city) -> SourceDifference:
    """Of every column in turn; where a value is another record's id, each row names another one."""
    column = list(LABELS)[SourceDifference.objects.count() % len(LABELS)]
    row = _business(city)
    value = {
        "place": json.dumps([getattr(row, name) for name in PLACE]),
        "market_id": str(factories.make_market(city.yuehai).pk),
    }.get(column, "7")
    return SourceDifference.objects.create(business=row, column=column, source="survey", value=value)


def _absence(city) -> Absence:
    batch = Batch.objects.create(target="business", owner=factories.make_user())
    return Absence.objects.create(business=_business(city), batch=batch)


def _branch(city):
    return factories.make_branch(city.yuehai, superior=factories.make_branch(city.yuehai))


def _service_point(city):
    host, market = factories.make_branch(city.yuehai), factories.make_market(city.yuehai)
    return factories.make_service_point(city.yuehai, organization=host, market=market)


def _site(city) -> DeliverySite:
    return DeliverySite.objects.create(platform=_platform(city), name="网点", **_placed(city))


def _member(city):
    member = factories.make_member(workplace_business=factories.make_business(city.yuehai))
    factories.make_affiliation(member, _branch(city))
    return member


def _platform(city) -> Platform:
    return Platform.objects.create(name=f"第{Platform.objects.count()}平台")


MAKERS: dict[str, Callable] = {
    "business": _business,
    "market": lambda city: factories.make_market(city.yuehai),
    "industry_area": lambda city: IndustryArea.objects.create(
        code=f"Q{IndustryArea.objects.count()}", name="片区", **_placed(city)
    ),
    "platform": _platform,
    "delivery_site": _site,
    "difference": _difference,
    "absence": _absence,
    "organization": _branch,
    "member": _member,
    "auditevent": lambda city: audit.record("accounts.user.add", by=factories.make_user(), subjects=[]),
    "service_point": _service_point,
    "reported_figure": lambda city: ReportedFigure.objects.create(
        place="深圳市", name=f"第{ReportedFigure.objects.count()}项", value=1, as_of=timezone.localdate(), source="公报"
    ),
}
READERS: dict[str, Callable] = {  # of lists that a registrar may not take out
    "member": lambda city: factories.make_user("officer", city.yuehai),
    "auditevent": lambda city: factories.make_user(duty=User.Duty.AUDIT),
}
BEHIND: dict[str, Callable] = {  # rows behind a number that are no list of their own, and may be taken out
    "members.instructor": lambda city: Instructor.objects.create(
        organization=factories.make_branch(city.yuehai), name="甲"
    ),
    "markets.handover": lambda city: HandOver.objects.create(
        business=factories.make_business(city.yuehai), to=city.shahe, asked_by_system="登记系统"
    ),
    "markets.marketplan": lambda city: MarketPlan.objects.create(
        market=factories.make_market(city.yuehai), text="举措", responsible="单位"
    ),
    "stations.footfalltally": lambda city: FootfallTally.objects.create(
        place=factories.make_service_point(city.yuehai), on=timezone.localdate(), count=3
    ),
}
EMPTY = {"batch", "appeared_in", "poster"}  # keys that no column leads to


@pytest.fixture
def city(db):
    return factories.make_city()


MARK = Mark("内部资料", "示例", timezone.now())


def same_queries(what, rows) -> None:
    def asked(number: int) -> int:
        with CaptureQueriesContext(connection) as queries:
            columns = what.columns(QueryDict(""), True)
            pieces = export("表", columns, streamed(rows[:number], what), "csv", MARK)
            lines = b"".join(pieces).decode().splitlines()
        assert len(lines) == 1 + number
        return len(queries)

    assert asked(MANY) == asked(FEW)


@pytest.mark.parametrize("name", sorted(MAKERS))
def test_a_list(city, name):
    what = exportable(name)
    for _ in range(MANY):
        row = MAKERS[name](city)
    keys = [field for field in type(row)._meta.concrete_fields if isinstance(field, ForeignKey)]
    assert all(getattr(row, key.attname) for key in keys if key.name not in EMPTY), "a relation that is not tried"
    reader = READERS[name](city) if name in READERS else factories.make_user("registrar", city.city)
    same_queries(what, what.to_export(QueryDict(""), reader))


@pytest.mark.parametrize("label", sorted(BEHIND))
def test_rows_behind_a_number(city, label):
    metric, model = without_a_list()[label]
    for _ in range(MANY):
        BEHIND[label](city)
    same_queries(RowsBehind(metric), model.objects.order_by("pk").prefetch_related(*columns_of(model).related))


def without_a_list() -> dict[str, tuple]:
    found = {}
    for metric in metrics.METRICS.values():
        if can_be_taken(metric) and listing_of(model := model_of(metric)) is None:
            found[model._meta.label_lower] = (metric, model)
    return found


def test_nothing_is_left_out():
    assert set(MAKERS) == {each.name for each in listings() if each.export} | {member_list.LISTING.name}
    assert set(BEHIND) == set(without_a_list())
