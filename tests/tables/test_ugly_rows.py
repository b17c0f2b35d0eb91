"""Every table with the files that people really send: a title above the header, merged cells, totals, the header again,
numbers for codes, full-width text, wrong codes, rows twice in the file, rows that stand already, rows of elsewhere."""

from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.utils import timezone

from markets.models import DeliverySite, IndustryArea, Market, Platform
from members.models import Affiliation, Registration
from orgs.models import Organization
from stations.models import ServicePoint
from tests import factories
from tests.markets import files
from tests.members import make

PARTS = ("new", "changed", "unchanged", "wrong", "duplicate", "out_of_scope")
Rows = list[tuple[list[Any], str]]  # cells, verdict


@pytest.fixture
def near(city):
    """A registrar of one district only."""
    return factories.make_user("registrar", city.nanshan)


def workbook(path: Path, title: str, header: list[str], rows: list[list], merged: int | None = None) -> Path:
    """With `merged` that column of the first two rows is one cell."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append([title])
    sheet.append([f"填报单位：示例　填报日期：{timezone.localdate()}"])
    sheet.append(header)
    for number, row in enumerate(rows):
        if number == 2:
            sheet.append(header)  # a page break of a printed list
        sheet.append(row)
    sheet.append(["合计", "", len(rows)])
    sheet.merge_cells(start_row=1, end_row=1, start_column=1, end_column=len(header))
    if merged is not None:
        sheet.merge_cells(start_row=4, end_row=5, start_column=merged + 1, end_column=merged + 1)
    book.save(path)
    return path


def judged(tmp_path, by, target: str, header: list[str], rows: Rows, merged: int | None = None) -> dict:
    """The answer, after each verdict was told as expected; the file again changes nothing."""
    path = workbook(tmp_path / "file.xlsx", "二〇二六年登记表", header, [cells for cells, _ in rows], merged)
    answer = files.import_file(path, by, target=target)
    assert "error" not in answer, answer
    expected = {part: sum(verdict == part for _, verdict in rows) for part in PARTS}
    assert {part: answer[part] for part in PARTS} == expected, answer["errors"]
    assert answer["skipped"] == 2
    at = {number + (4 if number < 2 else 5): verdict for number, (_, verdict) in enumerate(rows)}
    told = {error["row"] for error in answer["errors"]}
    assert told == {row for row, verdict in at.items() if verdict in ("wrong", "duplicate", "out_of_scope")}
    again = files.import_file(path, by, target=target)
    stands = expected["new"] + expected["changed"] + expected["unchanged"]
    joined = expected["duplicate"] - again["duplicate"]  # of a lead who was known: the consent stands by now
    assert again["unchanged"] - joined == stands and joined <= (target == "lead"), again["errors"]
    assert (again["new"], again["changed"]) == (0, 0)
    return answer


@pytest.mark.parametrize("target", ["market", "industry_area", "service_point"])
def test_places_with_a_code(city, near, tmp_path, target):
    model = {"market": Market, "industry_area": IndustryArea, "service_point": ServicePoint}[target]
    for unit, code in ((city.yuehai, "1001"), (city.yuehai, "0031"), (city.lianhua, "2001"), (city.lianhua, "0041")):
        more = {"kind": "rest_point"} if target == "service_point" else {}
        model.objects.create(code=code, name="原有", **more, **factories.placed(unit))
    kind = {"market": "农贸市场", "industry_area": "餐饮", "service_point": "爱心商户"}[target]
    column = "行业" if target == "industry_area" else "类型"
    rows: Rows = [
        [["粤海监管所", "００７", "Ａ区　市场", kind], "new"],
        [[None, 1002.0, "乙市场", kind], "new"],  # under the merged cell
        [["粤海市场监督管理所", 1001, "改名", kind], "changed"],
        [["南山区粤海街道", "1003", "丙市场", kind], "wrong"],  # a street is no office
        [["莲花指导站", "1004", "丁市场", kind], "out_of_scope"],
        [["粤海指导站", "2001", "改别人的", kind], "out_of_scope"],
        [["粤海指导站", "1002.0", "乙市场", kind], "duplicate"],
        [["粤海指导站", "", "没有编号", kind], "wrong"],
        [["粤海指导站", "1005", "", kind], "wrong"],
        [["粤海指导站", 9.13e17, "己市场", kind], "wrong"],
        [["粤海指导站", 31, "丢了零", kind], "wrong"],
        [["粤海指导站", 41, "别处有零", kind], "new"],
        [["", "1006", "没有地方", kind], "wrong"],
    ]
    answer = judged(tmp_path, near, target, ["监管所", "编号", "名称", column], rows, merged=0)
    assert [error["suggestion"] for error in answer["errors"] if error.get("suggestion")] == ["0031"]
    assert model.objects.get(code="007").guidance_station == model.objects.get(code="1002").guidance_station
    assert model.objects.get(code="1001").name == "改名" and model.objects.get(code="2001").name == "原有"


def test_platforms(city, near, tmp_path):
    code, other = files.make_code(), files.make_code()
    Platform.objects.create(name="甲快递", uscc=other)
    rows: Rows = [
        [["乙外卖", code], "new"],
        [["丙　闪送", "９" + code[1:].lower()], "wrong" if code[0] != "9" else "new"],
        [["甲快递", other], "unchanged"],
        [["丁网约车", code[:-1] + ("0" if code[-1] != "0" else "1")], "wrong"],
        [["戊", 9.13e17], "wrong"],
        [["己", code[:-1]], "wrong"],
        [[" 乙外卖 ", ""], "duplicate"],
        [["", code], "wrong"],
    ]
    judged(tmp_path, near, "platform", ["平台名称", "统一社会信用代码"], rows)
    assert Platform.objects.get(name="乙外卖").uscc == code


def test_what_stands_behind_the_last_column(city, near, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("平台名称,统一社会信用代码\n甲快递,\n乙外卖,,2 号\n丙闪送,\n丁专送,\n")
    answer = files.import_file(path, near, target="platform")
    (error,) = answer["errors"]
    assert (answer["new"], answer["wrong"], error["row"], error["value"]) == (3, 1, 3, "2 号")
    assert "加上引号" in error["reason"] and not Platform.objects.filter(name="乙外卖").exists()


def test_delivery_sites(city, near, tmp_path):
    platform = Platform.objects.create(name="甲快递")
    for unit, name in ((city.yuehai, "原有网点"), (city.lianhua, "远处网点")):
        DeliverySite.objects.create(platform=platform, name=name, couriers=3, **factories.placed(unit))
    rows: Rows = [
        [["甲快递", "一号网点", "粤海所", "１２人"], "new"],
        [[None, "二号网点", "粤海所", 5.0], "new"],
        [["甲 快递", "原有网点", "", "1,000"], "changed"],
        [["乙外卖", "三号网点", "粤海所", 1], "wrong"],
        [["甲快递", "远处网点", "粤海所", 9], "out_of_scope"],
        [["甲快递", "四号网点", "莲花所", 9], "out_of_scope"],
        [["甲快递", "五号网点", "粤海所", -3], "wrong"],
        [["甲快递", "六号网点", "粤海所", "2.5"], "wrong"],
        [["甲快递", "一号网点", "粤海所", 7], "duplicate"],
    ]
    answer = judged(tmp_path, near, "delivery_site", ["平台", "网点名称", "监管所", "骑手人数"], rows, merged=0)
    assert answer["repaired"] >= 3
    assert DeliverySite.objects.get(name="原有网点").couriers == 1000
    assert DeliverySite.objects.get(name="二号网点").platform == platform


def test_organizations(city, near, tmp_path):
    factories.make_branch(city.yuehai, code="1001", name="原有党支部")
    factories.make_branch(city.lianhua, code="2001", name="远处党支部")
    rows: Rows = [
        [["粤海指导站", "１００２", "甲党总支", "党总支", date(2020, 7, 1)], "new"],
        [[None, 1003.0, "乙党支部", "支部", "2021年3月15日"], "new"],
        [["粤海指导站", 1001, "改名党支部", "党支部", None], "changed"],
        [["1002", "1004", "丙党支部", "党支部", 44197], "new"],
        [["莲花指导站", "1005", "丁党支部", "党支部", None], "wrong"],
        [["粤海指导站", "2001", "改别人的", "党支部", None], "out_of_scope"],
        [["粤海指导站", "1003", "乙党支部", "党支部", None], "duplicate"],
        [["粤海指导站", "1006", "戊党支部", "党小组", None], "wrong"],
        [["粤海指导站", "", "己党支部", "党支部", None], "wrong"],
        [["粤海指导站", "1007", "庚党支部", "党支部", "2999-01-01"], "wrong"],
        [["粤海指导站", "1008", "甲党总支", "党总支", None], "wrong"],
    ]
    judged(tmp_path, near, "organization", ["上级党组织", "代码", "党组织名称", "类型", "成立日期"], rows, merged=0)
    assert Organization.objects.get(code="1004").parent.code == "1002"
    assert str(Organization.objects.get(code="1004").approved_on) == "2021-01-01"
    assert Organization.objects.get(code="1003").parent == city.yuehai


def test_rolls(city, near, tmp_path):
    branch = factories.make_branch(city.yuehai, name="示例党支部", code="ZB-1")
    factories.make_branch(city.lianhua, name="远处党支部")
    known, far = make.person("周示例"), make.person("吴示例")
    Affiliation.objects.create(
        member=known, organization=branch, kind="formal", starts_on=date(2020, 1, 1),
        guidance_station=city.yuehai, district_committee=city.nanshan,
    )  # fmt: skip
    Affiliation.objects.create(
        member=far, organization=factories.make_branch(city.lianhua, name="别处党支部"), kind="formal",
        guidance_station=city.lianhua, district_committee=city.futian,
    )  # fmt: skip
    first, second, third = (make.id_number(born="19700308") for _ in range(3))
    phone = make.phone()
    rows: Rows = [
        [
            ["示例党支部", "张　示例", f"'{first}", f"{phone[:3]} {phone[3:7]}-{phone[7:]}", "正式", date(2001, 7, 1)],
            "new",
        ],
        [[None, "李示例", second, float(make.phone()), "预备党员", "2001.7.1"], "new"],
        [["示例党支部", "周示例", known.id_number, int(make.phone()), "正式党员", None], "changed"],
        [["示例党支部", "吴示例", far.id_number, "", "正式党员", None], "wrong"],
        [["示例党支部", "赵示例", float(third) if third.isdigit() else 4.4e17, "", "正式党员", None], "wrong"],
        [["示例党支部", "钱示例", third[:-1] + ("0" if third[-1] != "0" else "1"), "", "正式党员", None], "wrong"],
        [["远处党支部", "孙示例", third, "", "正式党员", None], "wrong"],
        [["示例党支部", "李示例", second.lower(), "", "正式党员", None], "duplicate"],
        [["示例党支部", "郑示例", "", "", "正式党员", None], "wrong"],
    ]
    header = ["党支部", "姓名", "身份证号", "手机", "人员类别", "入党时间"]
    answer = judged(tmp_path, near, "roll", header, rows, merged=0)
    assert all(
        "***" in error["value"] or not error["value"] for error in answer["errors"] if error["column"] != "党支部"
    )
    made = Affiliation.objects.latest("pk").member
    assert Affiliation.objects.filter(organization=branch).count() == 3 and str(made.joined_on) == "2001-07-01"


def test_leads(city, tmp_path):
    make.notice()
    officer = factories.make_user("officer", city.nanshan)
    factories.make_market(city.yuehai, name="示例电子市场", code="SC-1")
    known = make.registration(city.yuehai)
    now = timezone.localtime()
    phones = [make.phone() for _ in range(6)]
    at = datetime(now.year, now.month, now.day, now.hour, now.minute)
    rows: Rows = [
        [["粤海指导站", "张示例", f"+86 {phones[0]}", make.id_number(), "２０２６－２", at, "办事窗口"], "new"],
        [[None, "李示例", float(phones[1]), "", "2026-2", f"{now:%Y/%m/%d %H:%M}", "手机办理"], "new"],
        [["粤海指导站", "周示例", known.phone, "", "2026-2", at, "办事窗口"], "duplicate"],
        [["莲花指导站", "吴示例", phones[2], "", "2026-2", at, "办事窗口"], "out_of_scope"],
        [["粤海指导站", "郑示例", phones[3], "", "2019-9", at, "办事窗口"], "wrong"],
        [["粤海指导站", "王示例", phones[4], "", "2026-2", "", "办事窗口"], "wrong"],
        [["粤海指导站", "冯示例", "0755-12345678", "", "2026-2", at, "办事窗口"], "wrong"],
        [["粤海指导站", "陈示例", phones[0], "", "2026-2", at, "办事窗口"], "duplicate"],
        [["粤海指导站", "褚示例", phones[5], "440300900307123", "2026-2", at, "办事窗口"], "wrong"],
    ]
    header = ["指导站", "姓名", "手机号", "身份证号", "告知书版本", "同意时间", "同意方式"]
    judged(tmp_path, officer, "lead", header, rows, merged=0)
    assert Registration.objects.filter(channel="intake", guidance_station=city.yuehai).count() == 2
