"""Dates and owners of columns decide what stands in the end, never the order in which the files came in."""

import datetime as dt
import itertools
import random

import pytest
from django.utils import timezone

from markets.imports.becomes import FIRST_UNTOLD
from markets.models import Business
from tables.models import BatchChange
from tables.statements import fetch
from tests.markets.files import make_code, make_row

pytestmark = pytest.mark.django_db
TODAY = timezone.localdate()
SOURCES = ("registration", "annual_report", "survey")
KEPT = (
    "name", "name_pinyin", "entity_type", "entity_type_text", "scale", "industry", "registered_on",
    "status", "employees", "address", "guidance_station_id", "district_committee_id", "district_id", "street_id",
)  # fmt: skip
# Of one business each: what the three systems say. What is blank in one is said by another, or by none.
SAID: list[dict[str, dict[str, str]]] = [
    {
        "registration": {"名称": "登记商行", "经营状态": "存续", "住所": "登记路1号", "从业人数": "3"},
        "annual_report": {"名称": "年报商行", "经营状态": "歇业", "住所": "年报路2号", "从业人数": "15"},
        "survey": {"名称": "摸排商行", "经营状态": "注销", "住所": "摸排路3号", "从业人数": "9"},
    },
    {
        "registration": {"经营状态": "", "住所": ""},
        "annual_report": {"经营状态": "", "成立日期": "2020-01-02", "从业人数": ""},
        "survey": {"经营状态": "歇业", "成立日期": "2021-01-02", "住所": "摸排路3号", "从业人数": "9"},
    },
    {
        "registration": {"经营状态": "", "主体类型": "小型企业"},
        "annual_report": {"主体类型": "小型企业", "经营状态": "存续"},
        "survey": {"主体类型": "合伙企业", "经营状态": "歇业"},
    },
    {
        "registration": {"所属街道": "粤海街道"},
        "annual_report": {},
        "survey": {"监管所": "沙河所", "所属街道": "粤海街道"},
    },
    {
        "registration": {},
        "annual_report": {"监管所": "粤海所"},
        "survey": {"监管所": "沙河所"},
    },
    {
        "registration": {},
        "annual_report": {"所属区": "福田区", "监管所": "莲花所"},
        "survey": {"行业代码": "5211"},
    },
    {
        "registration": {"名称": "同名商行", "住所": "一号"},
        "annual_report": {"名称": "同名商行", "住所": "　一号 "},
        "survey": {"名称": "另名商行", "住所": "一号"},
    },
]  # fmt: skip


def ending(codes: list[str]) -> list[tuple]:
    found = {row["uscc"]: row for row in Business.objects.filter(uscc__in=codes).values("uscc", *KEPT)}
    return [tuple(found[code][name] for name in KEPT) for code in codes]


def rows_of(codes: list[str], source: str, **more) -> list[dict]:
    return [make_row(统一社会信用代码=code, **said[source] | more) for code, said in zip(codes, SAID, strict=True)]


def test_three_systems_in_all_six_orders(send, city):
    ends = []
    for order in itertools.permutations(SOURCES):
        codes = [make_code() for _ in SAID]
        for back, source in enumerate(order):  # the dates of different systems do not matter to each other
            answer = send(rows_of(codes, source), f"--source={source}", day(back * 7 % 5))
            assert answer["older"] == 0 and not answer["errors"], (order, source)
        ends.append((order, ending(codes)))
    for order, end in ends:
        for number, (here, first) in enumerate(zip(end, ends[0][1], strict=True)):
            assert here == first, (order, number)
    names = [row[0] for row in ends[0][1]]
    assert names[0] == "登记商行"
    assert FIRST_UNTOLD  # the second and the third business rest on it


def test_two_dates_of_each_system_in_any_order(send):
    sent = [(source, back) for source in SOURCES for back in (3, 9)]
    chance, ends = random.Random(5), set()
    for _ in range(6):
        chance.shuffle(sent)
        code = make_code()
        for source, back in sent:
            row = make_row(
                统一社会信用代码=code, 名称=f"{source}第{back}天", 经营状态="存续", 从业人数=str(10 + back),
                住所=f"{source}{back}", 成立日期=f"20{back + 10}-01-02", 所属街道="粤海街道" if back == 3 else "沙河街道",
            )  # fmt: skip
            send([row], f"--source={source}", day(back))
        ends.update(ending([code]))
    assert len(ends) == 1 and next(iter(ends))[0] == "registration第3天"


@pytest.mark.parametrize("source", SOURCES)
def test_an_older_file_is_told_apart_and_writes_nothing(send, source):
    row = make_row(从业人数="30", 经营状态="存续", 正式党员数="4", 住所="新址")
    send([row], f"--source={source}", day(2))
    tables = ("business", "declaration", "sourcedifference", "businessversion", "absence", "handover")
    before = {table: fetch(f"SELECT to_jsonb(t)::text FROM markets_{table} t ORDER BY id") for table in tables}
    images = BatchChange.objects.count()
    old = row | {
        "名称": "旧名",
        "从业人数": "20",
        "住所": "旧址",
        "正式党员数": "3",
        "监管所": "沙河所",
        "经营状态": "歇业",
    }
    answer = send([old], f"--source={source}", day(5))
    assert (answer["older"], answer["unchanged"], answer["changed"], answer["new"]) == (1, 1, 0, 0)
    assert answer["rows"] == 1
    assert before == {table: fetch(f"SELECT to_jsonb(t)::text FROM markets_{table} t ORDER BY id") for table in tables}
    assert BatchChange.objects.count() == images
    newer = send([old], f"--source={source}", day(1))
    assert (newer["older"], newer["changed"]) == (0, 1)


def day(back: int) -> str:
    return f"--file-date={TODAY - dt.timedelta(days=back)}"
