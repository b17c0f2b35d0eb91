"""The data of the charts: complete, the same as the tiles, and nothing that a tile keeps back."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from orgs.divisions import divisions_import
from orgs.models import Division
from orgs.services import organization_create
from reports import boards, metrics, ranking, selectors, words
from reports.models import Snapshot
from reports.words import Basis
from tests import factories as make
from tests.reports import builders as b
from tests.reports.helpers import refresh

pytestmark = pytest.mark.django_db


def chart(client, unit, kind: str, **query) -> dict:
    line = "d" if isinstance(unit, Division) else "o"
    response = client.get(reverse("reports:chart", args=[line, unit.code, kind]), query)
    assert response.status_code == 200, response.content
    return response.json()


def test_the_map_has_all_eleven_districts_and_one_stands_outside(client, db):
    divisions_import(by=None)
    top = Division.objects.get(level=1)
    city = organization_create(by=None, parent=None, level=1, code="SZ", name="市小个专党委")
    for number, district in enumerate(Division.objects.filter(level=2)):
        organization_create(
            by=None, parent=city, level=2, code=f"SZ-{number}", name=f"{district.name}小个专党委", district=district
        )
    refresh()
    client.force_login(make.make_user("leader", city), backend="orgs.doors.DoorBackend")
    for unit in (city, top):
        data = chart(client, unit, "map", denominator="operating")
        assert {row["name"] for row in data["rows"]} == set(
            Division.objects.filter(level=2).values_list("name", flat=True)
        )
        assert len(data["rows"]) == 11
        assert [row["name"] for row in data["outside"]] == ["深汕特别合作区"]
        assert len(data["table"]["rows"]) == 11
        assert all(row["url"] for row in data["rows"])
    shapes = client.get(data["geo_url"])
    names = {
        feature["properties"]["name"]
        for feature in __import__("json").loads(b"".join(shapes.streaming_content))["features"]
    }
    assert len(names) == 10 and names < {row["name"] for row in data["rows"]}


def test_ranking_has_the_unassigned_line_last_and_the_tiles_values(sign_in, town):
    client = sign_in("city_leader")
    data = chart(client, town.city.city, "rank", compare="due_not_built")
    own = selectors.latest(town.city.city)
    assert data["rows"][-1]["name"] == "直属/待分派" and data["rows"][-1]["url"] is None
    assert sum(row["value"] for row in data["rows"]) == own.value("due_not_built")
    values = [row["value"] for row in data["rows"][:-1]]
    assert values == sorted(values, reverse=True)
    assert len(data["table"]["rows"]) == len(data["rows"]) + 1  # and the unit itself


def test_a_page_that_opens_on_d4_ranks_over_d2_and_says_so(sign_in, town):
    client = sign_in("city_leader")
    for kind in ("rank", "map"):
        opened, asked = (
            chart(client, town.city.city, kind),
            chart(client, town.city.city, kind, denominator="operating"),
        )
        values = [(row["name"], row["value"], row["text"]) for row in opened["rows"]]
        assert values == [(row["name"], row["value"], row["text"]) for row in asked["rows"]], kind
    charts = client.get(reverse("reports:organization", args=[town.city.city.code])).context["charts"]
    assert "D2" in charts["rank"]["label"] and charts["rank"]["note"] == charts["map"]["note"] == ranking.WHY_NOT_D4
    assert "%40with_members" not in charts["rank"]["downloads"][0]["url"]


def test_the_own_place_is_told_inside_and_the_siblings_are_not(sign_in, town):
    client = sign_in("district_leader")
    page = client.get(reverse("reports:dashboard"))
    places = {one.code: (one.place, one.of) for one in page.context["standings"]}
    own, other = (
        selectors.latest(unit).value("organization_coverage_strict") for unit in (town.city.nanshan, town.city.futian)
    )
    assert places["organization_coverage_strict"] == (1 if own >= other else 2, 2)
    text = page.content.decode()
    assert "第 <strong" in text and "福田" not in text and town.city.futian.code not in text
    assert client.get(reverse("reports:organization", args=[town.branch.code])).context["standings"] == []


def test_strict_and_wide_stand_together(sign_in, town):
    data = chart(
        sign_in("city_leader"), town.city.city, "rank", compare="organization_coverage", denominator="operating"
    )
    nanshan = selectors.latest(town.city.nanshan)
    row = next(row for row in data["rows"] if row["name"] == "南山区")
    assert row["strict"] == float(round(nanshan.value("organization_coverage_strict") * 100, 2))
    assert row["wide"] == float(round(nanshan.value("organization_coverage") * 100, 2))
    assert data["table"]["columns"] == ["单位", "单独+联合", "含市场覆盖"]


def test_gaps_add_up_to_the_tile_and_lead_to_their_rows(sign_in, town):
    client = sign_in("city_leader")
    data = chart(client, town.city.city, "gaps")
    assert sum(data["totals"]) == selectors.latest(town.city.city).value("due_not_built")
    for total, url in zip(data["totals"], data["urls"], strict=True):
        assert client.get(url).context["total"] == total


def test_the_funnel_never_grows(sign_in, town):
    data = chart(sign_in("officer"), town.city.yuehai, "funnel")
    values = [row["value"] for row in data["rows"]]
    assert values == [10, 7, 7, 7]
    assert len(data["table"]["rows"]) == 1 + len(metrics.REGISTRATION_STATES)


def _past(unit, days: int, **counts) -> None:
    now = selectors.latest(unit)
    Snapshot.objects.create(
        organization=unit, as_of=timezone.localdate() - timedelta(days=days), counts={**now.counts, **counts}
    )


def test_the_line_over_time_is_the_rate_of_each_day(sign_in, town):
    _past(town.city.city, 10, covered=0, covered_own=0, covered_joint=0)
    data = chart(sign_in("city_leader"), town.city.city, "trend", denominator="operating", days="90")
    assert len(data["labels"]) == 2
    now = selectors.latest(town.city.city).value("organization_coverage")
    assert data["series"][1]["values"] == [0, round(float(now * 100), 2)]


def test_a_small_cell_of_a_past_day_is_not_drawn(sign_in, town):
    for key in ("covered", "covered_own"):
        assert selectors.latest(town.city.city).value(key, "with_members") >= 3
    told = {
        "operating": 400, "with_members": 40, "work_covered": 300, "work_covered@with_members": 30,
        "covered": 300, "covered_own": 280, "covered_joint": 10, "covered_market": 20,
        "covered@with_members": 30, "covered_own@with_members": 28, "covered_joint@with_members": 0,
        "covered_market@with_members": 2,
    }  # fmt: skip
    due = {f"{code}@due": 0 for code in ("covered", "covered_own", "covered_joint", "covered_market", "work_covered")}
    counts = told | {"due": 0} | due
    _past(town.city.city, 5, **counts, **{f"{key}#enterprises": number for key, number in counts.items()})
    data = chart(sign_in("city_leader"), town.city.city, "trend", days="90")
    strict, wide = data["series"][0]["values"][0], data["series"][1]["values"][0]
    assert strict is None and wide == 75.0  # both would give away the two


def test_a_hidden_tile_is_hidden_in_every_chart(sign_in, town):
    client = sign_in("district_leader")
    released = selectors.for_reader(town.people["district_leader"], town.city.nanshan)
    hidden = [code for code in ranking.RATES if released.own.is_hidden(code, "with_members")]
    assert hidden, "the small town should have a small cell"
    trend = chart(client, town.city.nanshan, "trend", days="90")
    names = {metrics.METRICS[code].name for code in hidden}
    assert all(value is None for line in trend["series"] if line["name"] in names for value in line["values"])
    drawn = names & set(trend["table"]["columns"])
    assert drawn
    for name in drawn:  # hidden is told as hidden, in the table as in the tooltip, as on the tile and in the files
        column = trend["table"]["columns"].index(name)
        assert {row[column] for row in trend["table"]["rows"]} == {words.SMALL}
        assert next(line["texts"] for line in trend["series"] if line["name"] == name)[-1] == words.SMALL


def test_an_unknown_chart_or_basis_is_refused(sign_in, town):
    client = sign_in("city_leader")
    code = town.city.city.code
    assert client.get(f"/dashboard/o/{code}/pie.json").status_code == 404
    assert client.get(reverse("reports:chart", args=["o", town.city.nanshan.code, "map"])).status_code == 404
    refused = client.get(reverse("reports:chart", args=["o", code, "rank"]), {"denominator": "D9"})
    assert refused.status_code == 400 and "口径" in refused.json()["empty"]


def test_children_and_the_unassigned_line_add_up(town):
    b.business(town.city.city)
    refresh()
    released = selectors.for_reader(town.people["city_leader"], town.city.city)
    table = boards.children_table(released, Basis("operating"))
    position = table["columns"].index("实体运营")
    cells = [int(row["cells"][position]["text"].replace(",", "")) for row in table["rows"]]
    assert sum(cells) == int(table["own"][position]["text"].replace(",", ""))
    assert table["rows"][-1]["name"] == "直属/待分派"
