"""Files of markets, industry areas, platforms and delivery sites: verdicts, scope, the same file twice."""

import pytest
from django.db import transaction

from markets.models import DeliverySite, IndustryArea, Market, Platform
from tables.models import Batch, BatchChange, BatchRange
from tables.readers import open_source
from tables.register import no_progress, target
from tests import factories
from tests.markets import files

COUNTS = ("new", "changed", "unchanged", "wrong", "duplicate", "out_of_scope")


@pytest.fixture
def bring(registrar, tmp_path):
    def bringing(target, rows, *options, by=registrar):
        answer = files.import_file(files.write(tmp_path / "file.csv", rows), by, *options, target=target)
        assert "error" not in answer, answer
        return answer

    return bringing


def counts(answer: dict) -> dict:
    return {name: answer[name] for name in COUNTS if answer[name]}


def market(number: int, **more) -> dict:
    return {"编号": f"SC-{number:04d}", "名称": f"示例市场{number}", "类型": "农贸", "指导站": "粤海指导站"} | more


def told(answer: dict) -> list[tuple]:
    return [(error["row"], error["column"], error["reason"]) for error in answer["errors"]]


def test_new_changed_unchanged(city, bring):
    assert counts(bring("market", [market(1, 摊位数="120户"), market(2)])) == {"new": 2}
    row = Market.objects.get(code="SC-0001")
    assert (row.trade, row.stalls, row.guidance_station, row.district_committee) == (
        "farm", 120, city.yuehai, city.nanshan,
    )  # fmt: skip
    assert (row.district, row.street) == (city.divisions["nanshan"], city.divisions["yuehai"])
    again = bring("market", [market(1, 摊位数="130", 类型="批发市场"), market(2, 摊位数="")])
    assert counts(again) == {"changed": 1, "unchanged": 1}
    row.refresh_from_db()
    assert (row.stalls, row.trade) == (130, "wholesale")
    change = BatchChange.objects.get()
    assert (change.record_id, change.before) == (row.pk, {"stalls": 120, "trade": "farm"})


def test_made_rows_are_ranges_and_the_same_file_twice_writes_nothing(city, bring):
    rows = [market(number) for number in range(1, 30)]
    bring("market", rows)
    made = BatchRange.objects.get()
    assert made.last - made.first == 28
    assert Market.objects.filter(pk__gte=made.first, pk__lte=made.last).count() == 29
    assert counts(bring("market", rows)) == {"unchanged": 29}
    assert BatchRange.objects.count() == 1
    assert not BatchChange.objects.exists()
    assert Batch.objects.filter(state="applied").count() == 2


def test_dry_run_writes_nothing(bring):
    assert counts(bring("market", [market(1)], "--dry-run")) == {"new": 1}
    assert not Market.objects.exists()


def test_wrong_cells_are_told_exactly(bring):
    answer = bring(
        "market",
        [
            market(1, 类型="菜场", 摊位数="许多"),
            market(2, 指导站="没有的指导站"),
            market(3, 名称=""),
            market(4, 纬度="95", 经度="一百"),
            market(5, 编号=""),
            market(6, 指导站=""),
            market(7, 开办方信用代码="91440300123456789X"),
            market(8, 关闭日期="2020-02-30"),
            market(9, 名称="损坏�"),
            market(10, 纬度="114.05", 经度="22.54"),
            market(11, 经度="114.05"),
        ],
    )
    assert counts(answer) == {"wrong": 11}
    reasons = told(answer)
    assert [(row, column) for row, column, _ in reasons] == [
        (2, "摊位数"), (2, "类型"), (3, "指导站"), (4, "名称"), (5, "纬度"), (5, "经度"), (6, "编号"), (7, "指导站"),
        (8, "开办方信用代码"), (9, "关闭日期"), (10, "名称"), (11, "纬度"),
        (11, "经度"), (12, "经度"),
    ]  # fmt: skip
    assert "没有这个选项" in reasons[1][2] and "填反" in reasons[-2][2] and "都不填" in reasons[-1][2]
    assert not Market.objects.exists()


def test_later_rows_of_a_code_are_duplicates_whatever_else_is_wrong(bring):
    answer = bring("market", [market(1), market(1, 摊位数="x"), market(1)])
    assert counts(answer) == {"new": 1, "duplicate": 2}
    assert (4, "编号", "与第 2 行是同一条，以第 2 行为准") in told(answer)


def test_the_other_district_is_out_of_scope_and_stays_silent(city, bring):
    bring("market", [market(1), market(2, 指导站="莲花指导站")])
    theirs = factories.make_user("registrar", city.futian)
    rows = [market(1), market(2, 摊位数="9", 指导站="莲花指导站"), market(3), market(4, 指导站="莲花指导站")]
    answer = bring("market", rows, by=theirs)
    assert counts(answer) == {"changed": 1, "new": 1, "out_of_scope": 2}
    assert len({reason for _, _, reason in told(answer)}) == 1  # nothing tells what stands there from what does not
    assert Market.objects.get(code="SC-0001").stalls is None
    moved = bring("market", [market(2, 指导站="粤海指导站")], by=theirs)
    assert counts(moved) == {"out_of_scope": 1}


def test_a_district_alone_takes_no_office_away(city, bring):
    bring("market", [market(1)])
    assert counts(bring("market", [{"编号": "SC-0001", "所属区": "南山区"}])) == {"unchanged": 1}
    assert counts(bring("market", [{"编号": "SC-0001", "所属街道": "沙河街道"}])) == {"changed": 1}
    assert Market.objects.get().guidance_station == city.shahe


def test_industry_areas_and_platforms(city, bring):
    rows = [{"编号": "PQ-1", "名称": "餐饮片区", "行业": "餐饮", "指导站": "粤海指导站"}]
    assert counts(bring("industry_area", rows)) == {"new": 1}
    assert counts(bring("industry_area", rows)) == {"unchanged": 1}
    assert IndustryArea.objects.get().district_committee == city.nanshan
    code = files.make_code()
    assert counts(bring("platform", [{"名称": "甲快递"}, {"名称": "乙外卖", "信用代码": code}])) == {"new": 2}
    assert counts(bring("platform", [{"名称": "甲快递", "信用代码": files.make_code()}])) == {"changed": 1}
    assert Platform.objects.get(name="乙外卖").uscc == code


def test_delivery_sites_hang_on_a_platform_that_stands(city, bring):
    platform = Platform.objects.create(name="示例快递")
    row = {"平台": "示例快递", "名称": "粤海网点", "指导站": "粤海指导站", "骑手人数": "12"}
    answer = bring("delivery_site", [row, row | {"平台": "没有的"}, row | {"名称": "沙河网点", "骑手人数": ""}])
    assert counts(answer) == {"new": 2, "wrong": 1}
    assert told(answer) == [(3, "平台", "系统里没有这个平台，请先登记平台企业，再导入网点")]
    assert counts(bring("delivery_site", [row | {"骑手人数": "15"}])) == {"changed": 1}
    assert DeliverySite.objects.get(name="粤海网点", platform=platform).couriers == 15


def test_others_may_not_bring_markets_in(city, tmp_path):
    leader = factories.make_user("leader", city.city)
    answer = files.import_file(files.write(tmp_path / "file.csv", [market(1)]), leader, target="market")
    assert "没有导入专业市场的权限" in answer["error"]


def test_the_plan_shows_what_changes(city, bring, registrar, tmp_path):
    bring("market", [market(1, 摊位数="120"), market(2)])
    path = files.write(tmp_path / "again.csv", [market(1, 摊位数="130", 类型="批发"), market(2, 指导站="沙河指导站")])
    kind = target("market")
    batch = Batch(target="market", owner=registrar)
    with transaction.atomic():
        source = open_source(path, kind.table)
        outcome = kind.run(source=source, by=registrar, batch=batch, write=False, progress=no_progress)
    assert outcome.columns == {"摊位（户）": 1, "类型": 1, "指导站": 1}
    assert outcome.samples[0] == {
        "row": 2, "name": "示例市场1", "cells": [("类型", "农贸", "批发"), ("摊位（户）", "120", "130")],
    }  # fmt: skip
    assert outcome.samples[1]["cells"] == [("指导站", "粤海指导站", "沙河指导站")]
