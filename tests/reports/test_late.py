"""What is entered for a closed month is marked wherever a month is shown, and is a reason of its own in 差异说明."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from markets.models import Business, BusinessCoverage, MarketCoverage
from orgs.models import Organization
from orgs.services import organization_close
from reports import late, monthly
from reports.models import Snapshot
from reports.services import month_close
from tests import factories as make
from tests.reports import builders as build
from tests.reports.helpers import LONG_AGO, refresh

pytestmark = pytest.mark.django_db


@pytest.fixture
def closed(town):
    """Last month as it stood today, closed a moment ago."""
    Organization.objects.filter(level=4).change(entered_at=LONG_AGO, approved_on=LONG_AGO.date())
    for model in (Business, BusinessCoverage, MarketCoverage):
        model.objects.update(entered_at=LONG_AGO)
    day = timezone.localdate().replace(day=1) - timedelta(days=1)
    for row in list(Snapshot.objects.filter(breakdown="", key="")):
        row.pk, row.as_of = None, day
        row.save(force_insert=True)
    return month_close(month=day, by=None)


@pytest.fixture
def entered(town, closed):
    """One of each kind under 粤海, and a branch of another district that is not theirs."""
    on, yuehai = closed.as_of, town.city.yuehai
    branch = make.make_branch(yuehai, name="补录党支部", approved_on=on)
    row = Business.objects.filter(guidance_station=yuehai, coverages=None).first()
    build.cover(branch, row, starts_on=on)
    build.cover_market(branch, make.make_market(yuehai), starts_on=on)
    build.assign(yuehai, row, starts_on=on)
    build.union(row).__class__.objects.filter(business=row).update(starts_on=on)
    make.make_affiliation(make.make_member("李四"), branch, starts_on=on)
    organization_close(organization=town.other_branch, on=on, by=None)
    make.make_branch(town.city.futian, name="别区党支部", approved_on=on)
    make.make_branch(yuehai, name="本月党支部", approved_on=timezone.localdate())
    refresh()
    return branch


PUBLIC = (
    "成立的党组织 1 个（补录党支部），对经营主体的覆盖关系 1 条，对专业市场的覆盖关系 1 条，指导员、联络员派驻 1 项，"
    "群团组织 1 个"
)


def test_the_month_of_entry_and_the_closed_month_tell_what_came_late(town, closed, entered, sign_in):
    yuehai, today = town.city.yuehai, timezone.localdate()
    leader, officer = town.people["district_leader"], town.people["officer"]
    assert late.notes(leader, yuehai, today) == [
        f"本月补录了日期在以前已关账月份的：{PUBLIC}。从录入时起计数，以前的月份不改。"
    ]
    (after,) = late.notes(officer, yuehai, closed.as_of)
    assert after.startswith(f"{closed.month:%Y-%m} 关账以后又补录了") and PUBLIC in after
    assert "党员的在册、纳管关系 1 条" in after  # to whoever is responsible for them
    (lianhua,) = late.notes(leader, town.city.lianhua, today)
    assert f"撤销的党组织 1 个（{town.other_branch.name}）" in lianhua and "成立" not in lianhua
    assert late.notes(leader, yuehai, closed.as_of - timedelta(days=40)) == []

    client = sign_in("district_leader")
    for query in ({}, {"as_of": closed.as_of.isoformat()}, {"as_of": closed.as_of.isoformat(), "closed": "1"}):
        board = client.get(reverse("reports:organization", args=[yuehai.code]), query).content.decode()
        assert PUBLIC in board, query
    content = monthly.content_of(yuehai, monthly.month_for(yuehai, today.replace(day=1)))
    assert any(PUBLIC in sentence for sentence in content["summary"])  # the paper and the workbook print these


def test_a_revision_marks_what_came_after_the_closing(town, closed, entered, sign_in):
    assert closed.numbers["entered_late"] == []
    second = month_close(month=closed.month, by=None, reason="补录")
    assert entered.code in second.numbers["entered_late"] and len(second.numbers["entered_late"]) == 2
    assert second.numbers["organizations"] == closed.numbers["organizations"]
    text = sign_in("district_leader").get(reverse("reports:closing", args=[second.pk])).content.decode()
    assert "这一版标明的补录" in text and "补录党支部" in text and "别区党支部" not in text


def test_an_explanation_says_what_came_late(town, closed, entered, sign_in):
    client = sign_in("city_leader")

    def reasons(code: str, unit) -> dict[str, int]:
        query = {"organization": unit.code, "than": closed.as_of.isoformat(), "as_of": timezone.localdate().isoformat()}
        page = client.get(reverse("reports:explain", args=[code]), query | {"denominator": "operating"})
        return {one.text: one.count for one in page.context["found"].explained.reasons}

    fresh, late_one = "新批准、新录入或新启用", "补录：较早批准，那天以后才录入"
    assert reasons("organizations", town.city.yuehai) == {late_one: 1, fresh: 1}
    assert reasons("organizations", town.city.lianhua) == {"补录：较早撤销，那天以后才录入": 1}
    assert reasons("covered", town.city.yuehai) == {"补录的覆盖关系：由「无」变为「单独」": 1}
