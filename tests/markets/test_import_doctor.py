"""Damage by spreadsheets and hands: what is certain is repaired and counted, what is not is proposed; nothing silently."""

import datetime as dt
import random

import openpyxl
import pytest

from markets import codes
from markets.models import Business
from tables.models import Batch, RowRepair
from tests import factories
from tests.markets import files
from tests.markets.files import make_code, make_row

pytestmark = pytest.mark.django_db
DAY = dt.date(2020, 1, 2)


def wide(text):
    return "".join(chr(ord(letter) + 0xFEE0) for letter in text)


def repairs():
    batch = Batch.objects.latest("pk")
    return list(RowRepair.objects.filter(batch=batch).values_list("row", "column", "rule"))


CODES = [
    ("{code}", None),
    ("{wide}", "全角字符"),
    ("\u00a0{code}", "不可见字符"),
    ("{code}\u200b", "不可见字符"),
    ("'{code}", "文本标记（'）"),
    ('="{code}"', "公式外壳"),
    ("{lower}", "小写字母"),
    ("{code} ", "多余的空格"),
]
DATES = [
    ("2020-01-02", None),
    ("43832", "日期序号"),
    ("43832.0", "日期序号"),
    ("2020/1/2", "日期写法"),
    ("2020.1.2", "日期写法"),
    ("20200102", "日期写法"),
    ("2020年1月2日", "日期写法"),
    ("二〇二〇年一月二日", "日期写法"),
    ("二零二零年一月二日", "日期写法"),
    ("2020-01-02 00:00:00", "日期写法"),
    ("2-Jan-20", "日期写法"),
    ("Jan 2, 2020", "日期写法"),
    ("2 January 2020", "日期写法"),
    ("2020/1/2 0:00", "日期写法"),
    ("２０２０－０１－０２", "全角字符"),
]
NUMBERS = [
    ("1234", None),
    ("1,234", "千分位逗号"),
    ("１２３４", "全角字符"),
    ("1234.0", "多余的 .0"),
    ("1234人", "多余的单位"),
]


@pytest.mark.parametrize(
    ("column", "written", "rule"),
    [("统一社会信用代码", *each) for each in CODES]
    + [("成立日期", *each) for each in DATES]
    + [("从业人数", *each) for each in NUMBERS]
    + [
        ("名称", "示范\u200b商贸", "不可见字符"),
        ("名称", "示范商贸\u00a0", "不可见字符"),
        ("名称", "示范  商贸", "多余的空格"),
    ],
)
def test_certain_damage_is_repaired_and_told(send, column, written, rule):
    code = make_code()
    text = written.format(code=code, wide=wide(code), lower=code.lower())
    row = make_row(统一社会信用代码=code) | {column: text}
    answer = send([row])
    assert (answer["new"], answer["repaired"], answer["errors"]) == (1, int(rule is not None), [])
    assert repairs() == ([(2, column, rule)] if rule else [])
    business = Business.objects.get(uscc=code)
    if column == "成立日期":
        assert business.registered_on == DAY
    elif column == "从业人数":
        assert business.employees == 1234
    elif column == "名称":
        assert business.name in ("示范商贸", "示范 商贸")


def test_chinese_days_up_to_thirty_one(send):
    days = {
        "二〇二〇年十月十日": 10,
        "二〇二〇年十二月二十日": 20,
        "二〇一九年十二月三十一日": 31,
        "二〇二〇年一月十五日": 15,
    }
    assert send([make_row(成立日期=text) for text in days])["new"] == len(days)
    assert sorted(d.day for d in Business.objects.values_list("registered_on", flat=True)) == sorted(days.values())
    assert send([make_row(成立日期="二〇二〇年二月三十日"), make_row(成立日期="2-Foo-20")])["wrong"] == 2


def test_industry_codes_that_lost_their_zero(send):
    rows = [make_row(行业代码=text) for text in ("5211", "6210", "8810", "111", "511", "F5211")]
    assert send(rows)["repaired"] == 2
    found = Business.objects.order_by("pk").values_list("industry", flat=True)
    assert list(found) == ["F5211", "H6210", "R8810", "A0111", "A0511", "F5211"]
    assert [rule for *_, rule in repairs()] == ["丢失的前导零"] * 2
    send([make_row(行业代码="7"), make_row(行业代码="521")])  # a division, and a group of three digits among no classes
    assert list(Business.objects.order_by("-pk").values_list("industry", flat=True)[:2]) == ["F521", "B07"]


def test_serials_of_a_workbook_from_1904(registrar, tmp_path):
    book = openpyxl.Workbook()
    book.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904
    row = make_row(成立日期=43832 - 1462, 从业人数=40000)
    book.active.append(list(row))
    book.active.append(list(row.values()))
    book.save(tmp_path / "a.xlsx")
    assert files.import_file(tmp_path / "a.xlsx", registrar)["new"] == 1
    business = Business.objects.get()
    assert (business.registered_on, business.employees) == (DAY, 40000)
    assert repairs() == [(2, "成立日期", "日期序号（1904 年起算）")]


# --- proposed, never done ---------------------------------------------------------------------------------------------


def wrong_code(send, text, **more):
    answer = send([make_row(统一社会信用代码=text, **more)])
    assert (answer["new"], answer["wrong"], answer["repaired"]) == (0, 1, 0)
    (error,) = answer["errors"]
    return error.get("suggestion", "")


def test_missing_check_digit_and_lookalikes_are_proposed(send):
    code = make_code(120, prefix="91440300MA")
    assert wrong_code(send, code[:17]) == code
    assert wrong_code(send, code.replace("0", "O")) == code
    assert wrong_code(send, code.replace("1", "I")) == code
    assert wrong_code(send, code.replace("2", "Z", 1)) == code
    assert wrong_code(send, code[:16]) == "" and wrong_code(send, "O" + code[1:]) == ""
    assert not Business.objects.exists()


def test_swapped_neighbours_are_proposed_where_one_way_fits(send):
    proposed = 0
    for number in range(200, 230):
        code = make_code(number, prefix="91440300MA")
        swapped = code[:14] + code[15] + code[14] + code[16:]
        if swapped == code:
            continue
        said = wrong_code(send, swapped)
        assert said in (code, "")
        proposed += said == code
    assert proposed > 5


def test_old_number_that_lost_its_zero(send):
    number = next(f"04403010000{n:03d}" for n in range(1000) if codes._fits_legacy(f"04403010000{n:03d}0"))
    assert wrong_code(send, f"{number}0"[1:]) == f"{number}0"


LOST = "914403001234567"


def digits_code(tail=range(100)):
    for number in tail:
        body = f"{LOST}{number:02d}"
        if codes.check_digit(body).isdigit():
            return body + codes.check_digit(body)
    raise AssertionError


@pytest.mark.parametrize("damaged", ["9.14403E+17", "9.14403001234567E+17", LOST + "000", "9.144E17"])
def test_lost_digits_are_proposed_from_the_row_of_the_same_name(send, city, damaged):
    code = digits_code()
    factories.make_business(city.yuehai, uscc=code, name="甲商贸公司")
    factories.make_business(city.yuehai, uscc=make_code(), name="乙商贸公司")
    assert wrong_code(send, damaged, 名称="甲商贸公司") == code
    assert wrong_code(send, damaged, 名称="乙商贸公司") == "", "its code begins otherwise"
    assert wrong_code(send, damaged, 名称="丙商贸公司") == ""


def test_nothing_is_proposed_from_outside_the_scope_or_from_two_rows(send, city):
    code = digits_code()
    factories.make_business(city.lianhua, uscc=code, name="甲商贸公司")
    clerk = factories.make_user("registrar", city.nanshan)
    answer = send([make_row(统一社会信用代码=LOST + "000", 名称="甲商贸公司")], by=clerk)
    assert answer["wrong"] == 1 and "suggestion" not in answer["errors"][0]
    factories.make_business(city.lianhua, uscc=digits_code(range(99, 0, -1)), name="甲商贸公司")
    assert wrong_code(send, LOST + "000", 名称="甲商贸公司") == ""


def test_blank_place_below_another_is_proposed(send):
    rows = [make_row(), make_row(所属区=""), make_row(主体类型="")]
    answer = send(rows)
    assert [(error["row"], error["suggestion"]) for error in answer["errors"]] == [(3, "南山区"), (4, "有限责任公司")]


def test_proposals_are_taken_when_somebody_says_so(send):
    code = make_code(120, prefix="91440300MA")
    rows = [make_row(统一社会信用代码=code[:17]), make_row(主体类型=""), make_row(从业人数="x")]
    assert send(rows, "--dry-run", "--accept-repairs")["new"] == 2
    assert not Business.objects.exists() and not Batch.objects.exists()
    answer = send([make_row(), *rows], "--accept-repairs")
    assert (answer["new"], answer["wrong"]) == (3, 1)
    assert Business.objects.filter(uscc=code).exists()


def test_parts_are_told(registrar, tmp_path):
    book = openpyxl.Workbook()
    for title, row in (("甲表", make_row(从业人数="x")), ("乙表", make_row(从业人数="-1"))):
        sheet = book.create_sheet(title)
        sheet.append(list(row))
        sheet.append(list(row.values()))
    code = make_code()
    for title in ("甲表", "乙表"):
        book[title].append(list(make_row(统一社会信用代码=code, 从业人数="1").values()))
    book.save(tmp_path / "a.xlsx")
    answer = files.import_file(tmp_path / "a.xlsx", registrar)
    assert [(error["part"], error["row"]) for error in answer["errors"]] == [("甲表", 2), ("乙表", 2), ("乙表", 3)]
    assert "「甲表」第 3 行" in answer["errors"][2]["reason"]


def test_rows_that_are_none_are_skipped_and_told(send):
    row = make_row()
    answer = send([row, dict(zip(row, row, strict=True)), make_row(), {"名称": "合计", "主体类型": "2"}])
    assert (answer["rows"], answer["new"], answer["skipped"], answer["errors"]) == (2, 2, 2, [])
    assert repairs() == [(3, "", "重复的表头（已跳过）"), (5, "", "合计行（已跳过）")]


def test_footers_do_not_stand_in_the_way_of_all_or_nothing(send):
    footers = [{"名称": "总数", "从业人数": "12"}, {"统一社会信用代码": "制表人：张示例", "名称": "审核人：李示例"}]
    answer = send([make_row(从业人数="12"), *footers, make_row(名称="备注文具店")], "--all-or-nothing")
    assert (answer["rows"], answer["new"], answer["skipped"], answer["errors"]) == (2, 2, 2, [])
    assert repairs() == [(3, "", "合计行（已跳过）"), (4, "", "表尾、说明（已跳过）")]


def test_what_stands_behind_the_last_column_is_told(registrar, tmp_path):
    """A comma without quotation marks has cut an address in two; the row never comes in with half of it."""
    rows = [make_row(住所=f"示例路{number}号") for number in range(5)]
    rows[1]["住所"], rows[3]["住所"] = "示例路,13800138000", "示例路,2 号"
    path = tmp_path / "a.csv"
    path.write_text(files.to_csv(rows).replace('"', ""))
    answer = files.import_file(path, registrar)
    assert (answer["new"], answer["wrong"]) == (3, 2)
    told = [(each["row"], each["column"], each["value"]) for each in answer["errors"]]
    assert told == [(3, "（表头之外）", "1***"), (5, "（表头之外）", "2 号")]
    assert all("加上引号" in each["reason"] for each in answer["errors"])


# --- all at once ------------------------------------------------------------------------------------------------------


def test_every_planted_error_is_told_and_none_invented(send):
    """Known rows, some damaged in a known cell: exactly those are told, the others come in."""
    chance = random.Random(7)
    bad = {
        "统一社会信用代码": lambda code: code[:17] + ("0" if code[17] != "0" else "1"),
        "名称": lambda _: "",
        "主体类型": lambda _: "火星企业",
        "所属区": lambda _: "朝阳区",
        "成立日期": lambda _: "2021-02-29",
        "从业人数": lambda _: "-1",
        "经营状态": lambda _: "不知道",
        "行业代码": lambda _: "Z1",
    }
    harmless = {
        "统一社会信用代码": wide,
        "名称": lambda name: name + "\u200b",
        "成立日期": lambda _: "二〇二〇年一月二日",
        "从业人数": lambda _: "1,234",
    }
    rows, wrong, mended = [], set(), set()
    for number in range(2, 602):
        row = make_row(成立日期="2020-01-02", 从业人数="1234", 经营状态="存续", 行业代码="F5211")
        kind = chance.random()
        column = chance.choice(list(bad if kind < 0.2 else harmless))
        if kind < 0.2:
            row[column] = bad[column](row[column])
            wrong.add((number, column))
        elif kind < 0.5:
            row[column] = harmless[column](row[column])
            mended.add((number, column))
        rows.append(row)
    answer = send(rows)
    assert {(error["row"], error["column"]) for error in answer["errors"]} == wrong
    assert {(row, column) for row, column, _ in repairs()} == mended
    assert (answer["new"], answer["wrong"], answer["repaired"]) == (600 - len(wrong), len(wrong), len(mended))


def test_a_formula_that_failed_is_told_and_written_nowhere(send):
    answer = send(
        [make_row(名称="#REF!"), make_row(住所="#VALUE!"), make_row(成立日期="#NAME?"), make_row(住所="#N/A")]
    )
    assert (answer["wrong"], answer["new"]) == (4, 0)
    told = [(each["row"], each["column"]) for each in answer["errors"]]
    assert told == [(2, "名称"), (3, "住所"), (4, "成立日期"), (5, "住所")]
    assert all("公式出错" in each["reason"] for each in answer["errors"])


def test_a_swap_at_the_front_is_proposed_only_where_a_business_comes_of_it():
    """One in thirty-one swaps fits the check digit by chance: 94… is nobody's."""
    assert codes.proposal("91449999MA00000000") == ("", "")
    right = make_code(7)
    swapped = right[1] + right[0] + right[2:]
    assert codes.proposal(swapped)[0] in (right, "")
    assert all(
        codes.proposal(right[:at] + right[at + 1] + right[at] + right[at + 2 :])[0][:2] in ("91", "")
        for at in range(17)
    )


@pytest.mark.django_db
def test_an_identity_number_in_place_of_a_code_is_kept_nowhere(send):
    """A sole trader's own number: told as one, never proposed as a code, masked where the error is kept."""
    (error,) = send([make_row(统一社会信用代码="11010519491231002X")])["errors"]
    assert (error["value"], "suggestion" in error) == ("1***", False) and "身份证号码" in error["reason"]
