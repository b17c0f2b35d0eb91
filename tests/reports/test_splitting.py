"""Breakdowns as they are read: the parts of a unit, their rows, what is kept back, and as of a past day."""

import json
from datetime import timedelta

import pytest
from django.http import QueryDict
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from markets.models import Business
from reports import breakdowns, metrics, rows, selectors, splitting, withheld_parts
from reports.models import KnownCount, OwnCount
from reports.split_board import board
from reports.words import Basis
from tests import factories as make
from tests.reports import builders as build
from tests.reports.helpers import refresh, today
from tests.reports.random_city import RandomCity

pytestmark = pytest.mark.django_db
CODES = (
    "operating",
    "with_members",
    "covered",
    "covered_own",
    "work_covered",
    "uncovered",
    "due_not_built",
    "registered",
)


def split(unit, kind: str, by: str, **more) -> str:
    return (
        reverse("reports:split", args=[kind, unit.code]) + "?by=" + by + "".join(f"&{k}={v}" for k, v in more.items())
    )


@pytest.mark.parametrize("dimension", breakdowns.DIMENSIONS)
def test_every_part_has_as_many_rows_as_it_says_and_parts_add_up(dimension):
    made = RandomCity(31, businesses=60)
    refresh()
    compared = 0
    for unit in (made.city.city, made.city.nanshan, made.city.yuehai, made.city.divisions["nanshan"]):
        own = selectors.latest(unit)
        parts = splitting.parts(own, dimension)
        for code in CODES:
            for range in metrics.RANGES:
                for denominator in metrics.METRICS[code].denominators[1:3] or ("operating",):
                    key = metrics.count_key(code, denominator, range)
                    assert sum(part.numbers.counts[key] for part in parts) == own.counts[key], (unit, key)
        for part in parts:
            for code in CODES:
                found = rows.all_rows(code, unit, part=(dimension, part.value))
                assert found.count() == part.numbers.value(code), (unit, part.name, code)
                compared += found.count() > 0
    assert compared > 50


def test_a_metric_that_is_not_of_businesses_has_no_parts():
    city = make.make_city()
    with pytest.raises(metrics.UnknownMetric):
        rows.rows("markets", city.city, user=make.make_user("leader", city.city), part=("industry", "F"))
    assert not breakdowns.can_be_broken_down(metrics.METRICS["market_coverage"])
    assert breakdowns.can_be_broken_down(metrics.METRICS["organization_coverage"])


@pytest.mark.parametrize(
    "asked", ["by=industry&key=1", "by=nothing&key=F", "by=street&key=1 OR 1", "by=type&key='", "key=F"]
)
def test_an_address_that_names_no_part_is_refused_with_a_sentence(asked):
    make.make_city()
    with pytest.raises(metrics.UnknownMetric):
        breakdowns.part_of(QueryDict(asked))


# --- pages ------------------------------------------------------------------------------------------------------------


def test_the_page_shows_parts_that_lead_to_their_rows(sign_in, town):
    client = sign_in("city_leader")
    Business.objects.filter(guidance_station=town.city.yuehai).update(industry="F5212")
    refresh()
    url = reverse("reports:split_chart", args=["o", town.city.yuehai.code]) + "?by=industry&denominator=operating"
    data = client.get(url).json()
    assert [row["name"] for row in data["rows"]] == ["批发和零售业"]
    first, total = data["table"]["rows"]
    assert [cell["text"] if isinstance(cell, dict) else cell for cell in first][1:] == total[1:]
    listed = client.get(first[1]["url"])
    assert listed.context["total"] == int(first[1]["text"]) and "行业：批发和零售业" in listed.content.decode()


def test_a_fragment_for_htmx_a_page_for_everybody_else_and_the_dashboard_asks_for_it(sign_in, town):
    client = sign_in("officer")
    url = split(town.city.yuehai, "o", "scale")
    page, fragment = client.get(url).content.decode(), client.get(url, headers={"HX-Request": "true"}).content.decode()
    assert "<html" in page and "<html" not in fragment and "按规模分布" in fragment and "按规模分布" in page
    assert 'hx-get="/dashboard/o/' in client.get(reverse("reports:dashboard")).content.decode()
    assert client.get(split(town.city.yuehai, "o", "nothing")).status_code == 404
    assert client.get(split(town.city.shahe, "o", "scale")).status_code == 404
    assert sign_in("city_leader").get(split(town.branch, "o", "scale")).status_code == 404


def test_modes_add_up_to_the_unit_in_each_basis(town):
    reader = town.people["officer"]
    own = selectors.for_reader(reader, town.city.yuehai).own
    for denominator in ("operating", "with_members", "due"):
        data = board(reader, own, "mode", Basis(denominator))
        assert sum(row["value"] for row in data["rows"]) == own.value(denominator)


# --- small cells ------------------------------------------------------------------------------------------------------


def test_no_part_about_persons_can_be_worked_out_from_the_others(settings):
    made = RandomCity(33, businesses=250)
    refresh()
    reader = make.make_user("leader", made.city.city)
    shown = {}
    for unit in (made.city.city, made.city.nanshan, made.city.futian):
        own = selectors.for_reader(reader, unit).own
        true = {part.value: part.numbers for part in splitting.parts(selectors.latest(unit), "industry")}
        for part in withheld_parts.parts_for(reader, own, "industry"):
            for code in ("with_members", "covered@with_members", "work_covered@with_members"):
                shown[(unit.pk, part.value, code)] = (part.numbers.counts[code], true[part.value].counts[code])
        for code in ("with_members", "covered@with_members"):
            cells = [cell for (pk, _, key), cell in shown.items() if (pk, key) == (unit.pk, code)]
            hidden = [number for found, number in cells if found is None]
            assert not [found for found, _ in cells if found is not None and 0 < found < settings.SMALL_CELL]
            assert own.counts[code] is None or not hidden or len(hidden) > 1 and sum(hidden) >= settings.SMALL_CELL
    assert {found is None for found, _ in shown.values()} == {True, False}
    district = [withheld_parts.parts_for(reader, selectors.latest(made.city.yuehai), "industry")]
    assert all(part.numbers.counts["with_members"] is None for part in district[0])
    officer = make.make_user("officer", made.city.yuehai)
    own = withheld_parts.parts_for(officer, selectors.latest(made.city.yuehai), "industry")
    assert all(part.numbers.counts["with_members"] is not None for part in own) and own


# --- the API, and time ------------------------------------------------------------------------------------------------


def test_the_api_gives_a_line_for_each_part(town):
    client = APIClient()
    client.force_authenticate(town.people["officer"])
    answer = client.get("/api/v1/numbers/?by=type&metric=operating,organization_coverage@operating")
    lines = json.loads(b"".join(answer.streaming_content))["results"]
    whole = selectors.latest(town.city.yuehai)
    assert {line["breakdown"] for line in lines} == {"type"} and all(line["key"] and line["key_name"] for line in lines)
    assert sum(line["value"] for line in lines if line["metric"] == "operating") == whole.value("operating")
    assert client.get("/api/v1/numbers/?by=type&metric=markets").status_code == 400
    assert client.get("/api/v1/numbers/?by=mood").status_code == 400


def test_a_past_day_keeps_its_parts_and_old_days_keep_month_ends():
    city = make.make_city()
    row = build.business(city.yuehai, industry="F5212")
    first = timezone.localdate()
    refresh()
    with today(first + timedelta(days=1)):
        Business.objects.filter(pk=row.pk).update(industry="H6210")
        refresh()
        names = {day: [part.value for part in splitting.parts(selectors.latest(city.city, day), "industry")]
                 for day in (first, first + timedelta(days=1))}  # fmt: skip
    assert names == {first: ["F"], first + timedelta(days=1): ["H"]}
    ends = {first, (first.replace(day=1) + timedelta(days=31)).replace(day=1) - timedelta(days=1)}
    for days in range(2, 100):
        with today(first + timedelta(days=days)):
            refresh()
    last = first + timedelta(days=99)
    kept = set(OwnCount.objects.values_list("as_of", flat=True)) | set(
        KnownCount.objects.values_list("as_of", flat=True)
    )
    old = {day for day in kept if day < last - timedelta(days=splitting.DAILY_FOR)}
    assert old and all((day + timedelta(days=1)).day == 1 for day in old)
    assert ends & kept
