"""对照: off by default; on, districts or guidance stations read each other's released numbers and nothing behind them."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.urls import reverse

from accounts.models import AuditEvent
from reports import boards, selectors, words
from reports.comparison_services import ComparisonRefused, comparison_choose
from reports.models import ComparisonChoice
from reports.words import Basis


def address(unit, line: str = "organization") -> str:
    return reverse(f"reports:siblings_{line}", args=[unit.code])


def choose(town, unit, is_open: bool = True) -> ComparisonChoice:
    leader = town.people["city_leader"]
    return comparison_choose(unit=unit, is_open=is_open, reason="市委会议定", by=leader)


@pytest.fixture
def compared(town):
    return choose(town, town.city.city)


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


def test_guidance_stations_of_a_district_are_compared_where_it_says_so_and_until_it_says_otherwise(sign_in, town):
    unit, district = town.city.yuehai, town.city.nanshan
    client = sign_in("officer")
    assert client.get(address(unit)).status_code == 404
    choose(town, district)
    assert address(unit) in client.get(reverse("reports:dashboard")).content.decode()
    page = client.get(address(unit), {"denominator": "operating"})
    text = page.content.decode()
    assert "各指导站对照" in text and "市委会议定" in text and str(town.people["city_leader"]) in text
    public = selectors.for_reader(AnonymousUser(), district)
    said = boards.children_table(public, Basis("operating"))["rows"][: len(public.children)]
    assert [row["cells"] for row in page.context["found"].rows] == [
        [cell["text"] for cell in row["cells"]] for row in said
    ]
    assert words.unit_page(town.city.shahe) not in text and client.get(address(town.city.shahe)).status_code == 404
    assert sign_in("division_leader").get(address(town.city.divisions["yuehai"], "division")).status_code == 200
    assert sign_in("city_leader").get(address(town.city.lianhua)).status_code == 404  # another district's
    assert sign_in("city_leader").get(address(town.branch)).status_code == 404
    choose(town, district, is_open=False)
    client = sign_in("officer")
    assert address(unit) not in client.get(reverse("reports:dashboard")).content.decode()
    assert client.get(address(unit)).status_code == 404


def test_the_leader_decides_with_a_reason_and_it_is_written_down(sign_in, town):
    district, page = town.city.nanshan, reverse("reports:comparison_choices")
    own = reverse("reports:comparison_choose", args=[district.code])
    client = sign_in("district_leader")
    assert own in client.get(page).content.decode() and town.city.futian.code not in client.get(page).content.decode()
    for code in (town.city.futian.code, town.city.city.code, town.city.yuehai.code):
        assert client.get(reverse("reports:comparison_choose", args=[code])).status_code == 404
    answer = client.post(own, {"is_open": "1", "reason": ""})
    assert (
        answer.status_code == 422 and "请写明理由" in answer.content.decode() and not ComparisonChoice.objects.exists()
    )
    assert client.post(own, {"is_open": "1", "reason": "区里商定"}).status_code == 302
    event = AuditEvent.objects.get(act="reports.comparison.open")
    assert event.actor_id == town.people["district_leader"].pk and event.detail["unit"] == district.code
    text = client.get(page).content.decode()
    assert "区里商定" in text and "打开" in text and str(town.people["district_leader"]) in text
    again = client.post(own, {"is_open": "1", "reason": "再来一次"})
    assert (
        again.status_code == 422 and "已经是“打开”" in again.content.decode() and "再来一次" in again.content.decode()
    )
    with pytest.raises(ComparisonRefused):
        choose(town, town.city.futian, is_open=False)
    assert ComparisonChoice.objects.count() == 1
