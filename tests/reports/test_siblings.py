"""各区对照: off by default; on, the districts read each other's released numbers and nothing behind them."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.urls import reverse

from reports import boards, selectors, words
from reports.words import Basis


def address(unit, line: str = "organization") -> str:
    return reverse(f"reports:siblings_{line}", args=[unit.code])


@pytest.fixture
def compared(settings):
    settings.DISTRICTS_COMPARED = True


def test_by_default_it_is_like_missing_and_not_linked(sign_in, town):
    client = sign_in("district_leader")
    answer, missing = (
        client.get(address(town.city.nanshan)),
        client.get(reverse("reports:siblings_organization", args=["X"])),
    )
    assert answer.status_code == missing.status_code == 404 and answer.content == missing.content
    assert "各区对照" not in client.get(reverse("reports:dashboard")).content.decode()


def test_the_districts_see_each_others_numbers_and_no_way_to_the_rows(sign_in, town, compared):
    client = sign_in("district_leader")
    page = client.get(reverse("reports:dashboard"))
    assert address(town.city.nanshan) in page.content.decode()
    text = client.get(address(town.city.nanshan), {"denominator": "operating"}).content.decode()
    main = text.split('id="siblings-title"', 1)[1].split("</section>", 1)[0]
    futian = selectors.latest(town.city.futian)
    assert "福田区" in main and words.shown(futian, "organization_coverage", Basis("operating")) in main
    assert "href" not in main and town.city.futian.code not in text
    assert client.get(words.unit_page(town.city.futian)).status_code == 404
    assert (
        client.get(reverse("reports:rows", args=["operating"]), {"organization": town.city.futian.code}).status_code
        == 404
    )


def test_small_cells_are_those_of_the_widest_reader(sign_in, town, compared):
    unit = town.city.nanshan
    found = sign_in("district_leader").get(address(unit)).context["found"]
    public = selectors.for_reader(AnonymousUser(), town.city.city)
    said = boards.children_table(public, Basis())
    assert [row["cells"] for row in found.rows] == [[cell["text"] for cell in row["cells"]] for row in said["rows"][:2]]
    assert words.SMALL in found.rows[0]["cells"] and [row["own"] for row in found.rows] == [True, False]


def test_only_districts_are_compared_and_only_inside_the_own_scope(sign_in, town, compared):
    assert sign_in("officer").get(address(town.city.yuehai)).status_code == 404
    assert sign_in("officer").get(address(town.city.nanshan)).status_code == 404
    client = sign_in("city_leader")
    assert client.get(address(town.city.city)).status_code == 404
    assert client.get(address(town.city.futian)).status_code == 200
    assert client.get(address(town.city.divisions["nanshan"], "division")).status_code == 200
    assert sign_in("district_leader").get(address(town.city.futian)).status_code == 404
