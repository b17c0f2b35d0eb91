"""Files of service points."""

import pytest

from stations.models import ServicePoint
from tests import factories
from tests.markets import files


@pytest.fixture
def city(db):
    return factories.make_city()


@pytest.fixture
def bring(city, tmp_path):
    registrar = factories.make_user("registrar", city.city)

    def bringing(rows, *options, by=registrar):
        answer = files.import_file(files.write(tmp_path / "file.csv", rows), by, *options, target="service_point")
        assert "error" not in answer, answer
        return answer

    return bringing


def point(number: int, **more) -> dict:
    return {"编号": f"FW-{number}", "名称": f"驿站{number}", "类型": "爱心商户", "监管所": "粤海市场监管所"} | more


def told(answer: dict) -> list[tuple]:
    return [(error["row"], error["column"], error["reason"]) for error in answer["errors"]]


def test_new_changed_and_the_same_file_twice(city, bring):
    rows = [point(1, 开放时间="08:00–22:00", 纬度="22.5431", 经度="113.9345"), point(2, 类型="骑手驿站")]
    assert bring(rows)["new"] == 2
    assert bring(rows)["unchanged"] == 2
    row = ServicePoint.objects.get(code="FW-1")
    assert (row.kind, row.guidance_station, row.district_committee) == ("caring_merchant", city.yuehai, city.nanshan)
    assert str(row.latitude) == "22.543100"
    assert bring([point(1, 类型="party_home")])["changed"] == 1
    row.refresh_from_db()
    assert (row.kind, row.hours) == ("party_home", "08:00–22:00")


def test_host_and_market_are_found_in_scope(city, bring):
    branch = factories.make_branch(city.yuehai, name="示例党支部")
    market = factories.make_market(city.yuehai)
    assert bring([point(1, 主办党组织="示例党支部", 所在市场=market.code)])["new"] == 1
    row = ServicePoint.objects.get()
    assert (row.organization, row.market) == (branch, market)
    far = factories.make_branch(city.lianhua, name="别区党支部")
    near = factories.make_user("registrar", city.nanshan)
    answer = bring([point(2, 主办党组织="别区党支部"), point(3, 主办党组织="没有的支部")], by=near)
    assert len({reason for _, _, reason in told(answer)}) == 1, far
    assert answer["wrong"] == 2


def test_one_open_counter_a_guidance_station(city, bring):
    answer = bring(
        [point(1, 类型="指导站窗口"), point(2, 类型="指导站窗口"), point(3, 类型="窗口", 监管所="沙河监管所")]
    )
    assert (answer["new"], answer["wrong"]) == (2, 1)
    assert told(answer)[0][:2] == (3, "类型")
    closing = bring([point(1, 停用日期="2024-01-01"), point(2, 类型="指导站窗口")])
    assert (closing["changed"], closing["new"]) == (1, 1)


def test_scope_between_two_districts(city, bring):
    bring([point(1), point(2, 监管所="莲花监管所")])
    theirs = factories.make_user("registrar", city.futian)
    answer = bring([point(1, 名称="改名"), point(2, 名称="改名", 监管所="莲花监管所")], by=theirs)
    assert (answer["out_of_scope"], answer["changed"]) == (1, 1)
    assert ServicePoint.objects.get(code="FW-1").name == "驿站1"
