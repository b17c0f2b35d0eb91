"""Every rule of a registry file, with the ugly ways in which it is broken."""

import datetime as dt

import pytest
from django.utils import timezone

from markets.codes import check_digit
from markets.models import Business, Declaration
from tests import factories
from tests.markets.files import make_code, make_row

pytestmark = pytest.mark.django_db
TOMORROW = (timezone.localdate() + dt.timedelta(days=1)).isoformat()


WRONG_CELLS = [
    ("统一社会信用代码", "91440300MA5EYYYYY1", "校验码"),
    ("统一社会信用代码", "9.14403E+17", "科学计数法"),
    ("统一社会信用代码", "914403001234567000", "Excel"),
    ("统一社会信用代码", "91440300MA5EO0001X", "字母 O"),
    ("统一社会信用代码", "91440300MA5E", "12 位"),
    ("统一社会信用代码", "914403００MA5EY*001X", "只能由数字和大写字母"),
    ("统一社会信用代码", "91A40300MA5EYYYYY1", "区划码"),
    ("统一社会信用代码", "", "必须填写"),
    ("统一社会信用代码", "无", "必须填写"),
    ("名称", "", "必须填写"),
    ("名称", " 　 ", "必须填写"),
    ("名称", "示范�商贸", "损坏"),
    ("名称", "长" * 201, "200"),
    ("住所", "长" * 301, "300"),
    ("主体类型", "", "必须填写"),
    ("主体类型", "火星企业", "主体类型"),
    ("主体类型", "123", "主体类型"),
    ("规模", "巨型", "规模"),
    ("行业代码", "Z5211", "行业代码"),
    ("行业代码", "F52111", "行业代码"),
    ("行业代码", "9901", "大类"),
    ("成立日期", TOMORROW, "晚于今天"),
    ("成立日期", "2021-02-29", "没有这一天"),
    ("成立日期", "2021-13-01", "没有这一天"),
    ("成立日期", "去年", "认不出的日期"),
    ("成立日期", "2021", "认不出的日期"),
    ("成立日期", "2020-1-213", "认不出的日期"),
    ("成立日期", "1899-12-31", "1900"),
    ("经营状态", "不知道", "经营状态"),
    ("经营状态", "经营异常", "经营状态"),
    ("经营状态", "非正常户", "没说是哪种状态"),
    *(
        ("经营状态", text, "请写明 歇业、吊销、注销 或 迁出")
        for text in ("不在业", "不在册", "未在营", "非存续", "未正常经营")
    ),
    *(("经营状态", text, "可以填") for text in ("正常吗", "存续？", "在业(拟注销)", "存续/注销", "未吊销", "拟吊销")),
    *(("主体类型", text, "认不出") for text in ("非个体工商户", "不是有限责任公司", "个体户吗", "个体转企业")),
    ("统一社会信用代码", "0" * 18, "没有代码为 00 的省份"),
    ("统一社会信用代码", make_code(1, "91990000MA"), "没有代码为 99 的省份"),
    ("统一社会信用代码", make_code(1, "94440300MA"), "没有 94 这一种"),
    ("统一社会信用代码", make_code(1, "00440300MA"), "没有 00 这一种"),
    ("统一社会信用代码", "1" * 15, "同一个数字"),
    ("统一社会信用代码", "#N/A", "公式出错"),
    ("名称", "？？？", "乱码"),
    ("名称", "锟斤拷商行", "乱码"),
    ("住所", "æ·±åœ³å¸‚", "乱码"),
    ("主体类型", "有限公司或个体户", "不止一种"),
    ("主体类型", "个体或公司", "不止一种"),
    ("经营状态", "吊销中", "可以填"),
    ("行业代码", "F0111", "属于门类 A，不属于 F"),
    ("行业代码", "F5", "属于门类 A"),
    ("行业代码", "A00", "没有这个大类"),
    ("所属区", "朝阳区", "没有这个区"),
    ("所属街道", "不存在街道", "没有这个街道"),
    ("所属街道", "莲花街道", "与所属区不符"),
    ("监管所", "月球市场监管所", "没有这个监管所"),
    ("监管所", "莲花市场监管所", "不在所属区"),
    ("所属市场", "没有的市场", "没有登记"),
    ("从业人数", "-3", "负数"),
    ("从业人数", "1.5", "小数"),
    ("从业人数", "约50", "整数"),
    ("从业人数", "12 34", "两个"),
    ("从业人数", "12,34", "整数"),
    ("从业人数", "1234,567", "整数"),
    ("从业人数", "12户", "整数"),
    ("从业人数", "99999999999", "不合理"),
    ("正式党员数", "-1", "负数"),
    ("党员人数(含预备)", "0.5", "小数"),
]


def test_wrong_cells_are_told_with_row_column_and_value(send):
    rows = [make_row(**{"监管所": "", column: value}) for column, value, _ in WRONG_CELLS]
    answer = send([make_row(), *rows, make_row()])
    assert (answer["new"], answer["wrong"]) == (2, len(rows))
    assert len(answer["errors"]) == len(rows)
    for number, (error, (column, value, part)) in enumerate(zip(answer["errors"], WRONG_CELLS, strict=True), 3):
        assert (error["row"], error["column"], error["value"]) == (number, column, value[:200])
        assert part in error["reason"], error
    assert Business.objects.count() == 2


def test_each_wrong_cell_of_a_row_is_told(send):
    answer = send([make_row(经营状态="?", 从业人数="-1", 成立日期="x")])
    assert answer["wrong"] == 1
    assert {error["column"] for error in answer["errors"]} == {"经营状态", "从业人数", "成立日期"}


def test_a_place_is_needed(send):
    answer = send([make_row(所属区="", 所属街道="", 监管所="")])
    assert answer["wrong"] == 1 and "至少要填一项" in answer["errors"][0]["reason"]


DISGUISES = [
    "{lower}",
    " {code} ",
    "{wide}",
    "{split}",
    "{hidden}",
    "'{code}",
    '="{code}"',
    "{code}\t",
    "\u00a0{code}\ufeff",
]


def test_code_is_read_in_every_disguise(send):
    meant, rows = [], []
    for written in DISGUISES:
        code = make_code()
        wide = "".join(chr(ord(letter) + 0xFEE0) for letter in code)
        hidden = code[:5] + "\u200b" + code[5:]
        split = code[:9] + " " + code[9:]
        disguise = written.format(code=code, lower=code.lower(), wide=wide, hidden=hidden, split=split)
        meant.append(code)
        rows.append(make_row(统一社会信用代码=disguise))
    assert send(rows)["errors"] == []
    assert list(Business.objects.order_by("pk").values_list("uscc", flat=True)) == meant


@pytest.mark.parametrize("column", ["统一社会信用代码", "注册号"])
@pytest.mark.parametrize("number", ["440301123456789", "440301123456789.0", "４４０３０１１２３４５６７８９"])
def test_old_registration_number_in_either_column(send, column, number):
    row = make_row(统一社会信用代码="") | {"注册号": ""} | {column: number}
    assert send([row])["new"] == 1
    assert Business.objects.get().legacy_registration_no == "440301123456789"


def test_old_number_and_new_code_are_one_business(send):
    old, code = "440301123456789", make_code()
    send([make_row(统一社会信用代码=old)])
    answer = send([make_row(统一社会信用代码=code, 注册号=old)])
    assert (answer["changed"], answer["new"]) == (1, 0)
    business = Business.objects.get()
    assert (business.uscc, business.legacy_registration_no) == (code, old)
    assert send([make_row(统一社会信用代码=code), make_row(统一社会信用代码=old)])["duplicate"] == 1


def test_codes_of_two_businesses_in_one_row_are_wrong(send):
    old, code = "440301123456789", make_code()
    send([make_row(统一社会信用代码=old), make_row(统一社会信用代码=code)])
    answer = send([make_row(统一社会信用代码=code, 注册号=old)])
    assert answer["wrong"] == 1 and "不属于同一个主体" in answer["errors"][0]["reason"]


def test_first_row_with_a_code_stands(send):
    code = make_code()
    rows = [make_row(统一社会信用代码=code, 名称="甲"), make_row(), make_row(统一社会信用代码=code.lower(), 名称="乙")]
    answer = send(rows)
    assert (answer["new"], answer["duplicate"]) == (2, 1)
    assert answer["errors"] == [
        {"row": 4, "column": "统一社会信用代码", "value": code, "reason": "与第 2 行号码相同，以第 2 行为准"}
    ]
    assert Business.objects.get(uscc=code).name == "甲"


def test_wrong_row_still_claims_its_code_but_a_wrong_code_claims_nothing(send):
    code = make_code()
    bad_code = code[:-1] + ("0" if code[-1] != "0" else "1")
    rows = [make_row(统一社会信用代码=code, 从业人数="-1"), make_row(统一社会信用代码=code, 成立日期="x"),
            make_row(统一社会信用代码=bad_code), make_row(统一社会信用代码=bad_code)]  # fmt: skip
    answer = send(rows)
    assert (answer["wrong"], answer["duplicate"], answer["new"]) == (3, 1, 0)


TYPES = [
    ("有限责任公司（自然人投资或控股）", "company"),
    ("有限责任公司(自然人独资)", "company"),
    ("其他有限责任公司", "company"),
    ("有限责任公司(非自然人投资或控股的法人独资)", "company"),
    ("非公司私营企业", "other"),
    ("有限公司", "company"),
    ("股份有限公司（非上市）", "joint_stock"),
    ("个人独资企业", "sole_proprietorship"),
    ("普通合伙企业", "partnership"),
    ("有限合伙", "partnership"),
    ("有限责任公司分公司(自然人投资或控股)", "branch_office"),
    ("个人独资企业分支机构", "branch_office"),
    ("营业部", "branch_office"),
    ("个体工商户", "sole_trader"),
    ("个体户", "sole_trader"),
    ("个体", "sole_trader"),
    ("个体（内地）", "sole_trader"),
    ("农民专业合作社", "cooperative"),
    ("农民专业合作社分支机构", "cooperative"),
    ("有限责任公司(自然人投资或控股的法人独资)", "company"),
    ("普通合伙企业/有限合伙", "partnership"),
    ("外商投资企业", "other"),
    ("全民所有制", "other"),
    ("小型企业", "other"),
]


def test_types_as_registries_write_them(send):
    assert send([make_row(主体类型=text) for text, _ in TYPES])["new"] == len(TYPES)
    assert dict(Business.objects.values_list("entity_type_text", "entity_type")) == dict(TYPES)


def test_scale_written_as_type_leaves_the_known_type(send):
    row = make_row()
    send([row])
    assert send([row | {"主体类型": "微型企业"}])["changed"] == 1
    business = Business.objects.get()
    assert (business.entity_type, business.scale) == ("company", "micro")


STATUSES = [
    ("存续", "active"),
    ("在业", "active"),
    ("存续（在营、开业、在册）", "active"),
    ("在营（开业）企业", "active"),
    ("正常", "active"),
    ("正常经营", "active"),
    ("营业中", "active"),
    ("1-存续", "active"),
    ("歇业", "dormant"),
    ("停业", "dormant"),
    ("吊销，未注销", "revoked"),
    ("吊销", "revoked"),
    ("被吊销企业", "revoked"),
    ("吊销营业执照（未注销）", "revoked"),
    ("吊销，已注销", "deregistered"),
    ("吊销后注销", "deregistered"),
    ("注销", "deregistered"),
    ("迁出", "moved_away"),
    ("", "active"),
]


def test_statuses(send):
    assert send([make_row(经营状态=text) for text, _ in STATUSES])["new"] == len(STATUSES)
    found = Business.objects.order_by("pk").values_list("status", flat=True)
    assert list(found) == [status for _, status in STATUSES]


DATES = [
    "2020-01-02",
    "2020/1/2",
    "2020年1月2日",
    "20200102",
    "2020.1.2",
    "43832",
    "43832.0",
    "２０２０－０１－０２",
    "2020-01-02 00:00:00",
    "2020/1/2 0:00",
    "2020-01-02T08:30:00",
]


def test_dates(send):
    answer = send([make_row(成立日期=text) for text in DATES])
    assert answer["errors"] == []
    assert Business.objects.filter(registered_on=dt.date(2020, 1, 2)).count() == len(DATES)


INDUSTRIES = [("F5211", "F5211"), ("5211", "F5211"), ("h62", "H62"), ("62", "H62"), ("F", "F")]


def test_industries(send):
    send([make_row(行业代码=text) for text, _ in INDUSTRIES])
    found = Business.objects.order_by("pk").values_list("industry", flat=True)
    assert list(found) == [industry for _, industry in INDUSTRIES]


def test_head_counts(send):
    texts = ["12", "12.0", "12人", "12 人", "１２", " 12 ", "+12"]
    assert send([make_row(从业人数=text) for text in texts])["new"] == len(texts)
    assert Business.objects.filter(employees=12).count() == len(texts)


def test_thousands_are_grouped_by_commas_only(send):
    texts = ["1,234", "1，234", "1,234人"]
    assert send([make_row(从业人数=text) for text in texts])["new"] == len(texts)
    assert Business.objects.filter(employees=1234).count() == len(texts)


def test_the_unit_of_the_heading_may_stand_behind_a_count(send):
    assert send([make_row() | {"从业人数（口）": text} for text in ("12", "12口", "12人")])["new"] == 3
    answer = send([make_row() | {"从业人数（万人）": "12"}])
    assert answer["wrong"] == 1 and "换算" in answer["errors"][0]["reason"]


def test_members_of_small_businesses_and_sole_traders_are_dropped(send):
    few = {"正式党员数": "3"}
    rows = [
        make_row(从业人数="9", **few), make_row(**few), make_row(主体类型="个体工商户", 从业人数="50", **few),
        make_row(从业人数="10", **few), make_row(从业人数="5"), make_row(从业人数="5", 正式党员数="0"),
    ]  # fmt: skip
    answer = send(rows)
    assert (answer["new"], answer["dropped"]) == (6, 4)
    assert Declaration.objects.get().business.uscc == rows[3]["统一社会信用代码"]
    assert send(rows)["dropped"] == 4


def test_declaration_takes_what_is_told(send):
    row = make_row(从业人数="30", 正式党员数="3", 预备党员数="2")
    send([row])
    told = Declaration.objects.get()
    assert (told.full_members, told.members_incl_probationary, told.source) == (3, 5, "registry_file")
    assert told.as_of == timezone.localdate()
    Declaration.objects.update(as_of=told.as_of - dt.timedelta(days=40))
    assert send([row])["unchanged"] == 1 and Declaration.objects.count() == 1
    answer = send([row | {"正式党员数": "4", "预备党员数": ""}])
    assert answer["changed"] == 1
    latest = Declaration.objects.latest("as_of")
    assert (latest.full_members, latest.members_incl_probationary) == (4, 5)
    assert send([row | {"正式党员数": "4", "预备党员数": ""}])["unchanged"] == 1


def test_a_business_that_became_small_keeps_no_head_counts(send):
    row = make_row(从业人数="30", 正式党员数="3")
    send([row])
    answer = send([row | {"从业人数": "5"}])
    assert (answer["changed"], answer["dropped"]) == (1, 1)
    assert not Declaration.objects.exists()


@pytest.mark.parametrize(
    "members",
    [{"正式党员数": "5", "党员人数(含预备)": "4"}, {"预备党员数": "5", "党员人数(含预备)": "4"},
     {"正式党员数": "3", "预备党员数": "2", "党员人数(含预备)": "4"}],
)  # fmt: skip
def test_contradicting_head_counts_are_wrong(send, members):
    answer = send([make_row(从业人数="30", **members)])
    assert answer["wrong"] == 1 and len(answer["errors"]) == 1


def test_district_by_name(send, city):
    texts = ["南山", "南山区", "深圳市南山区", " 南山区 "]
    assert send([make_row(所属区=text) for text in texts])["new"] == len(texts)
    places = Business.objects.values_list("district_committee", "guidance_station", "street").distinct()
    assert list(places) == [(city.nanshan.pk, None, None)]


def test_office_by_its_names(send, city):
    texts = [
        "粤海",
        "粤海所",
        "粤海监管所",
        "粤海市场监管所",
        "粤海市场监督管理所",
        "粤海指导站",
        "粤海市场监管所党建工作指导站",
        "深圳市市场监督管理局南山监管局粤海所",
        "南山分局粤海市场监管所",
    ]
    assert send([make_row(所属区="", 监管所=text) for text in texts])["new"] == len(texts)
    assert Business.objects.filter(guidance_station=city.yuehai).count() == len(texts)


def test_street_places_under_its_guidance_station(send, city):
    texts = ["粤海", "粤海街道", "南山区粤海街道办事处"]
    assert send([make_row(所属区="", 所属街道=text) for text in texts])["new"] == len(texts)
    assert Business.objects.filter(guidance_station=city.yuehai, district_committee=city.nanshan).count() == 3


def test_bureau_of_a_district_is_not_the_office_of_its_namesake_street(send, city):
    factories.organization_create(by=None, parent=city.nanshan, level=3, code="NS", name="南山市场监管所党建工作指导站")
    texts = ["南山监管局", "深圳市市场监督管理局南山监管局", "南山区市场监督管理局", "南山分局"]
    rows = [make_row(所属街道="粤海街道", 监管所=text) for text in texts]
    rows += [make_row(所属区="", 监管所=text) for text in texts]
    rows += [make_row(监管所="深圳市市场监督管理局")]
    assert send(rows)["new"] == len(rows)
    places = Business.objects.order_by("pk").values_list("guidance_station", "district_committee")
    assert list(places) == [(city.yuehai.pk, city.nanshan.pk)] * 4 + [(None, city.nanshan.pk)] * 5
    assert send([make_row(监管所="福田监管局"), make_row(所属区="", 监管所="市场监督管理局")])["wrong"] == 2


def test_special_districts(send, city):
    for name in ("大鹏新区", "深汕特别合作区"):
        division = factories.make_division(name, 2, city.divisions["city"])
        factories.organization_create(by=None, parent=city.city, level=2, code=name, name=name, district=division)
    rows = [make_row(所属区=name) for name in ("大鹏", "大鹏新区", "深汕", "深汕合作区", "深汕特别合作区")]
    assert send(rows)["new"] == 5
    assert Business.objects.filter(district_committee__code="大鹏新区").count() == 2


def test_market_of_another_district_is_not_taken(send, city):
    factories.make_market(city.lianhua, name="莲花市场", code="LH1")
    assert send([make_row(所属市场="莲花市场")])["wrong"] == 1
    assert send([make_row(所属区="福田", 所属市场="LH1")])["new"] == 1


def test_check_digit_matches_known_codes():
    # Published codes of well-known companies.
    for code in ("91440300708461136T", "914403001922038216", "9144030071526726XG", "91110000802100433B"):
        assert check_digit(code[:17]) == code[17]
