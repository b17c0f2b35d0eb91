"""Any day's page: which day it is, what it is compared with, and why two numbers differ."""

from datetime import date, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEvent
from accounts.row_codes import CodedRow
from markets.models import Business, BusinessCoverage
from markets.services import business_save
from members.models import Affiliation
from orgs.models import Organization
from reports import metrics, selectors
from reports.days import month_end_before
from reports.explain_asked import HIDDEN, ONLY_WHOLE
from reports.models import Snapshot
from reports.services import month_close
from tests import factories as make
from tests.reports import builders as build
from tests.reports.helpers import LONG_AGO, refresh
from tests.reports.random_days import ENTERED, day_of_work

pytestmark = pytest.mark.django_db
DASHBOARD = reverse("reports:dashboard")


def back(days: int) -> date:
    return timezone.localdate() - timedelta(days=days)


def entered(model, **values):
    rows = model._default_manager.all()
    (rows.change if issubclass(model, CodedRow) else rows.update)(**values)


@pytest.fixture
def past(town):
    """The town was there three days ago already, and was counted then; since then three things happened."""
    from django.apps import apps

    for label in ENTERED:
        if label != "orgs.OrganizationChange":
            entered(apps.get_model(label), entered_at=LONG_AGO)
    for model in (Affiliation, apps.get_model("markets.BusinessCoverage")):
        entered(model, starts_on=date(2020, 1, 1))
    refresh(back(3))
    gone, moved = Business.objects.filter(guidance_station=town.city.lianhua).order_by("pk")[:2]
    gone.status = "deregistered"
    business_save(business=gone, by=None)
    for name, value in make.placed(town.city.yuehai).items():
        setattr(moved, name, value)
    business_save(business=moved, by=None)
    build.business(town.city.lianhua)
    refresh()
    return town


def explain(client, code: str, unit, **query):
    kind = "organization" if isinstance(unit, Organization) else "division"
    return client.get(reverse("reports:explain", args=[code]), {kind: unit.code, **query})


def reasons(page) -> dict[str, int]:
    return {one.text: one.count for one in page.context["found"].explained.reasons}


def test_the_day_is_said_and_every_link_keeps_it(sign_in, past):
    day = back(2)  # nothing was counted on it: the last day before is shown
    page = sign_in("city_leader").get(DASHBOARD, {"as_of": day.isoformat(), "denominator": "operating"})
    text = page.content.decode()
    assert f"数据日期 {back(3):%Y-%m-%d}" in text and f"{day:%Y-%m-%d} 没有统计" in text
    links = [tile["url"] for group in page.context["groups"] for tile in group["tiles"] if tile["url"]]
    links += [row["url"] for row in page.context["table"]["rows"] if row["url"]]
    links += [page.context["other_line"]["url"], page.context["compare_url"]]
    assert len(links) > 20
    for link in links:
        assert parse_qs(urlsplit(link).query)["as_of"] == [day.isoformat()], link


def test_the_list_of_a_past_day_is_as_long_as_its_tile(sign_in, past):
    client = sign_in("city_leader")
    for code in ("operating", "due", "covered", "organizations"):
        found = client.get(
            reverse("reports:rows", args=[code]),
            {"organization": past.city.lianhua.code, "as_of": back(2).isoformat(), "denominator": "operating"},
        )
        assert found.context["total"] == selectors.latest(past.city.lianhua, back(3)).counts[code], code
        assert f"数据日期 {back(3):%Y-%m-%d}" in found.content.decode()
        assert not found.context["computed"]


def test_beyond_four_hundred_days_there_are_counts_only(sign_in, past):
    Snapshot.objects.create(
        organization=past.city.city, as_of=back(420), counts=selectors.latest(past.city.city).counts
    )
    client, day = sign_in("city_leader"), back(410).isoformat()
    assert "只有数字" in client.get(DASHBOARD, {"as_of": day}).content.decode()
    listed = client.get(reverse("reports:rows", args=["operating"]), {"as_of": day})
    assert "不再列出" in listed.content.decode() and "total" not in listed.context
    told = explain(client, "operating", past.city.city, than=day)
    assert "不能逐行说明" in told.content.decode()


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31", "2026-02-30", "x"])
def test_odd_days_are_answered(sign_in, past, day):
    client = sign_in("city_leader")
    assert client.get(DASHBOARD, {"as_of": day}).status_code == 200
    assert client.get(reverse("reports:compare_organization", args=["SZ"]), {"as_of": day}).status_code == 200
    assert explain(client, "operating", past.city.city, as_of=day, than=day).status_code in (200, 400)
    assert client.get(reverse("reports:rows", args=["operating"]), {"as_of": day}).status_code in (200, 400)


def test_two_days_of_a_unit_are_explained_to_the_row(sign_in, past):
    client = sign_in("city_leader")
    page = explain(client, "operating", past.city.lianhua, than=back(3).isoformat())
    assert reasons(page) == {"注销": 1, "划出本单位": 1, "新登记录入": 1}
    assert page.context["found"].explained.adds_up
    gone = next(one for one in page.context["groups"][0]["reasons"] if one["text"] == "注销")
    listed = client.get(reverse("reports:explain", args=["operating"]) + gone["url"].partition("#")[0])
    assert listed.context["drill"]["total"] == 1
    assert Business.objects.get(status="deregistered").name in listed.content.decode()


def test_two_units_and_two_denominators_are_explained(sign_in, past):
    client = sign_in("city_leader")
    pair = explain(client, "operating", past.city.nanshan, with_organization=past.city.futian.code)
    assert set(reasons(pair)) == {"不在「南山区」", "不在「福田区」"} and pair.context["found"].explained.adds_up
    basis = explain(client, "covered", past.city.nanshan, denominator="registered", with_denominator="due")
    assert basis.context["found"].explained.adds_up and reasons(basis)
    share = explain(client, "organization_coverage", past.city.lianhua, than=back(3).isoformat(), of="below",
                    denominator="operating")  # fmt: skip
    assert reasons(share) == {"注销": 1, "划出本单位": 1, "新登记录入": 1}


def test_a_unit_out_of_scope_answers_as_a_missing_one(sign_in, past):
    client = sign_in("district_leader")
    assert explain(client, "operating", past.city.futian).status_code == 404
    assert explain(client, "operating", past.city.nanshan, with_organization=past.city.futian.code).status_code == 404
    assert client.get(reverse("reports:compare_organization", args=[past.city.futian.code])).status_code == 404
    assert explain(client, "nothing", past.city.nanshan).status_code == 404
    assert (
        explain(client, "operating", past.city.nanshan, than=back(3).isoformat(), only="in:x' OR 1=1").status_code
        == 400
    )


REST = "其余（人数过少的不分开说，也可能没有）"


@pytest.fixture
def months(past):
    """The town as counted at the ends of the last three months; `join`: people come to a branch on a day."""
    ends = [month_end_before(timezone.localdate())]
    for _ in range(2):
        ends.insert(0, month_end_before(ends[0]))

    def join(branch, people: int, on: date) -> None:
        with day_of_work(on):
            for _ in range(people):
                make.make_affiliation(make.make_member("钱七"), branch, starts_on=on)

    def two_months(first: int, then: int) -> None:
        """So many join the branch in the first month, so many in the one after it."""
        for people, begin, end in ((first, ends[0], ends[1]), (then, ends[1], ends[2])):
            join(past.branch, people, begin + timedelta(days=9))
            refresh(end)

    past.join, past.two_months, past.ends = join, two_months, ends
    refresh(ends[0])
    return past


def between(one: date, other: date) -> dict[str, str]:
    return {"than": one.isoformat(), "as_of": other.isoformat()}


def test_persons_are_told_as_events_and_small_ones_not_at_all(sign_in, months):
    client, (one, other, _) = sign_in("city_leader"), months.ends
    months.join(months.branch, 6, one + timedelta(days=9))
    refresh(other)
    told = explain(client, "members_on_roll", months.city.nanshan, **between(one, other))
    assert reasons(told) == {"组织关系转入（在册）": 6, REST: None}
    assert not told.context["found"].open and "钱" not in told.content.decode()
    for group in told.context["groups"]:  # nobody left: that is not said
        assert group["total"] is None and group["reasons"][-1]["text"] == REST
    apart = explain(client, "members_on_roll", months.city.nanshan, with_organization=months.city.futian.code)
    assert apart.context["found"].explained is None


def test_a_small_event_is_not_given_away_by_the_one_beside_it(sign_in, months):
    client, (one, two, three) = sign_in("city_leader"), months.ends
    for branch, first, then in ((months.branch, 9, 6), (months.other_branch, 9, 2)):
        months.join(branch, first, one + timedelta(days=9))
        months.join(branch, then, two + timedelta(days=9))
    for end in (two, three):
        refresh(end)
    for unit in (months.city.futian, months.city.nanshan):
        assert reasons(explain(client, "members_on_roll", unit, **between(two, three))) == {REST: None}
    whole = explain(client, "members_on_roll", months.city.city, **between(two, three))
    assert reasons(whole) == {"组织关系转入（在册）": 8, REST: None}


def test_windows_that_overlap_do_not_tell_what_each_keeps_back(sign_in, months):
    """Eight in a month, six of them by its tenth day: whoever may ask for both knows of the two in the rest of it."""
    client, unit, (one, other, _) = sign_in("city_leader"), months.city.nanshan, months.ends
    days = [one + timedelta(days=9), one + timedelta(days=19)]
    for day, people in zip(days, (6, 2), strict=True):
        months.join(months.branch, people, day)
        refresh(day)
    refresh(other)
    for window in ((days[0], other), (one, days[1]), (days[0], days[1]), (one, timezone.localdate())):
        page = explain(client, "members_on_roll", unit, **between(*window))
        assert page.context["found"].explained is None and "选成月末" in page.content.decode()
    assert f"than={other}" in page.context["instead"]["url"]
    found = explain(client, "members_on_roll", unit, **between(one, other))
    assert reasons(found)["组织关系转入（在册）"] == 8


def test_several_months_say_no_more_than_each_of_them(sign_in, months):
    client, unit, (one, _, three) = sign_in("city_leader"), months.city.nanshan, months.ends
    months.two_months(6, 7)
    both = explain(client, "members_on_roll", unit, **between(one, three))
    assert reasons(both) == {"组织关系转入（在册）": 13, REST: None}
    turned = explain(client, "members_on_roll", unit, **between(three, one)).context["found"].explained
    assert [(reason.came, reason.count) for reason in turned.reasons if reason.count] == [(False, 13)]


def test_months_of_which_one_keeps_back_its_count_are_not_added_up(sign_in, months):
    client, unit, (one, two, three) = sign_in("city_leader"), months.city.nanshan, months.ends
    months.two_months(6, 2)
    assert reasons(explain(client, "members_on_roll", unit, **between(one, two)))["组织关系转入（在册）"] == 6
    for window in ((two, three), (one, three)):
        assert reasons(explain(client, "members_on_roll", unit, **between(*window))) == {REST: None}


def test_the_parts_of_a_number_of_persons_are_not_told_beside_it(sign_in, months):
    """Twelve became members here, ten of them full ones: the other two would be known."""
    client, city, window = sign_in("city_leader"), months.city.city, between(*months.ends[:2])
    refresh(months.ends[1])
    for key in ("members_full", "members_probationary", "registrations_verified", "registrations_closed_rate"):
        found = explain(client, key, city, **window).context["found"]
        assert found.explained is None and found.why_not in (ONLY_WHOLE, HIDDEN), key
    part = explain(client, "with_members", city, range="enterprises", **window).context["found"]
    assert part.explained is None and part.why_not in (ONLY_WHOLE, HIDDEN)
    assert explain(client, "members_distinct", city, **window).context["found"].explained


def test_the_comparison_has_every_metric_and_hides_what_the_tile_hides(sign_in, past):
    page = sign_in("city_leader").get(reverse("reports:compare_organization", args=["SZ"]))
    rows = {row["code"]: row for group in page.context["found"].groups for row in group["rows"]}
    assert set(rows) == set(metrics.METRICS)
    own = selectors.for_reader(past.people["city_leader"], past.city.city).own
    for code, row in rows.items():
        fit = page.context["basis"].fitting(metrics.METRICS[code])
        assert (row["text"] == "不显示") == own.is_hidden(code, fit.denominator, fit.range), code


def test_changes_are_against_last_month_or_last_year_by_choice(sign_in, past):
    counts = selectors.latest(past.city.city).counts
    for day, less in ((timezone.localdate().replace(day=1) - timedelta(days=1), 1), (back(366), 2)):
        Snapshot.objects.create(
            organization=past.city.city, as_of=day, counts={**counts, "operating": counts["operating"] - less}
        )
    client = sign_in("city_leader")
    for against, change in (("month", "+1"), ("year", "+2")):
        page = client.get(DASHBOARD, {"against": against, "denominator": "operating"})
        tile = next(t for g in page.context["groups"] for t in g["tiles"] if t["code"] == "operating")
        assert tile["change"].endswith(change), against
        assert client.get(tile["explain_url"]).status_code == 200


def test_a_closed_month_is_said_and_its_numbers_can_be_read(sign_in, past):
    last = timezone.localdate().replace(day=1) - timedelta(days=1)
    counts = selectors.latest(past.city.city).counts
    Snapshot.objects.create(organization=past.city.city, as_of=last, counts=counts)
    closing = month_close(month=last, by=past.people["registrar"])
    Snapshot.objects.filter(as_of=last).update(counts={**counts, "operating": 0})  # whatever became of it
    client = sign_in("city_leader")
    page = client.get(DASHBOARD, {"as_of": last.isoformat(), "denominator": "operating"})
    assert closing.digest[:12] in page.content.decode() and "已关账" in page.content.decode()
    for closed, number in (("", 0), ("1", counts["operating"])):
        page = client.get(DASHBOARD, {"as_of": last.isoformat(), "denominator": "operating", "closed": closed})
        assert page.context["own"].counts["operating"] == number


def test_the_api_tells_the_same(sign_in, past):
    client = sign_in("city_leader")
    asked = {"organization": past.city.lianhua.code, "than": back(3).isoformat()}
    told = client.get("/api/v1/explain/operating/", asked).json()
    assert {one["reason"]: one["count"] for one in told["reasons"]} == {"注销": 1, "划出本单位": 1, "新登记录入": 1}
    came = sum(one["count"] * (1 if one["only_in"] == "b" else -1) for one in told["reasons"])
    assert told["b"]["count"] == told["a"]["count"] + came + told["b"]["lost"] - told["a"]["lost"]
    assert client.get("/api/v1/explain/operating/", {**asked, "than": "x"}).status_code == 400
    assert client.get("/api/v1/explain/nothing/", asked).status_code == 404
    assert (
        sign_in("district_leader")
        .get("/api/v1/explain/operating/", {**asked, "organization": past.city.futian.code})
        .status_code
        == 404
    )


def test_the_rows_of_a_difference_are_taken_out_as_any_list(sign_in, past):
    client = sign_in("city_leader")
    page = explain(client, "operating", past.city.lianhua, than=back(3).isoformat())
    url = page.context["exports"][0]["url"]
    assert "3 行" in client.get(url).text
    taken = client.post(url, {"purpose": "区级例会通报", "format": "csv"})
    lines = b"".join(taken.streaming_content).decode("utf-8-sig").splitlines()
    assert len(lines) == 1 + 3
    assert AuditEvent.objects.get(act="reports.explain.export").detail["rows"] == 3
    persons = explain(client, "members_on_roll", past.city.city, than=back(3).isoformat())
    assert not persons.context["exports"]


def test_lists_of_a_past_day_tell_what_cannot_be_put_back(sign_in, past):
    """A link that is ended with an earlier day after the day was counted: the snapshot stays, the row is gone."""
    link = BusinessCoverage.objects.filter(business__guidance_station=past.city.yuehai).first()
    BusinessCoverage.objects.filter(pk=link.pk).update(ends_on=back(10))
    refresh()
    client = sign_in("city_leader")
    asked = {"organization": past.city.yuehai.code, "denominator": "operating"}
    listed = client.get(reverse("reports:rows", args=["covered"]), {**asked, "as_of": back(3).isoformat()})
    assert "差额来自事后不能还原的改动" in listed.content.decode()
    told = explain(client, "covered", past.city.yuehai, than=back(3).isoformat(), denominator="operating")
    found = told.context["found"].explained
    assert found.lost_a == 1 and found.adds_up and "不能逐行还原" in told.content.decode()
