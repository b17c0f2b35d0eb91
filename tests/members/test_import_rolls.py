"""Files of rolls: who is put on a roll, what changes, what is told of people elsewhere (nothing but that)."""

import pytest
from django.utils import timezone

from members.erasure import erase_elsewhere
from members.models import Affiliation, Member
from members.tables import ROLLS
from tables.before_images import unsealed
from tables.exports import as_text
from tables.models import BatchChange, BatchRange, RowError
from tests import factories
from tests.markets import files
from tests.members import make
from tests.tables.scan import found_in_clear


@pytest.fixture
def city(db):
    return factories.make_city()


@pytest.fixture
def branch(city):
    return factories.make_branch(city.yuehai, name="示例党支部")


@pytest.fixture
def bring(city, tmp_path):
    registrar = factories.make_user("registrar", city.city)

    def bringing(rows, *options, by=registrar):
        answer = files.import_file(files.write(tmp_path / "file.csv", rows), by, *options, target="roll")
        assert "error" not in answer, answer
        return answer

    return bringing


def person(**more) -> dict:
    return {
        "姓名": "张示例",
        "身份证号": make.id_number(),
        "手机号": make.phone(),
        "党员类别": "正式党员",
        "党支部": "示例党支部",
    } | more


def counts(answer: dict) -> dict:
    parts = ("new", "changed", "unchanged", "wrong", "duplicate", "out_of_scope")
    return {name: answer[name] for name in parts if answer[name]}


def told(answer: dict) -> list[tuple]:
    return [(error["row"], error["column"], error["reason"]) for error in answer["errors"]]


def test_people_are_put_on_the_roll_and_the_same_file_twice_changes_nothing(city, branch, bring):
    woman = make.id_number(male=False)
    rows = [person(入党日期="2001-07-01", 在册起="2020-01-02", 性别="女", 身份证号=woman), person(党员类别="预备")]
    assert counts(bring(rows, "--dry-run")) == {"new": 2}
    assert counts(bring(rows)) == {"new": 2}
    first, second = Affiliation.objects.order_by("pk").select_related("member")
    assert (first.organization, first.guidance_station, first.district_committee) == (branch, city.yuehai, city.nanshan)
    assert (str(first.starts_on), second.starts_on) == ("2020-01-02", timezone.localdate())
    assert (first.member.id_number, first.member.phone) == (rows[0]["身份证号"], rows[0]["手机号"])
    assert (first.member.sex, second.member.standing) == ("2", "probationary")
    assert first.member.phone_tail == rows[0]["手机号"][-4:]
    made = BatchRange.objects.get()
    assert (made.first, made.last) == (first.pk, second.pk)
    assert counts(bring(rows)) == {"unchanged": 2}
    assert BatchRange.objects.count() == 1
    assert not BatchChange.objects.exists()


def test_plain_facts_change_and_blank_never_clears(branch, bring):
    row = person(工作单位="甲商行")
    bring([row])
    new_phone = make.phone()
    assert counts(bring([row | {"手机号": new_phone, "工作单位": "", "姓名": "张改名"}])) == {"changed": 1}
    member = Member.objects.get()
    assert (member.name, member.phone, member.workplace) == ("张改名", new_phone, "甲商行")
    assert member.phone_index and member.phone_tail == new_phone[-4:]
    before = BatchChange.objects.get().before
    assert {name: unsealed(value) for name, value in before.items()} == {"name": "张示例", "phone": row["手机号"]}
    assert found_in_clear(row["手机号"], new_phone, row["身份证号"], "张示例") == []


def test_wrong_cells_are_told_masked(branch, bring):
    number = make.id_number()
    bad = number[:-1] + ("0" if number[-1] != "0" else "1")
    rows = [
        person(身份证号=bad),
        person(手机号="12345"),
        person(身份证号=""),
        person(姓名=""),
        person(党员类别="群众"),
        person(党支部="没有的支部"),
        person(入党日期="2020-13-01"),
        person(党支部=""),
        person(身份证号="440300900307123"),
    ]
    answer = bring(rows)
    assert counts(answer) == {"wrong": 8, "new": 1}  # the only branch of the scope need not be named
    assert [(row, column) for row, column, _ in told(answer)] == [
        (2, "身份证号"), (3, "手机号"), (4, "身份证号"), (5, "姓名"), (6, "党员类别"), (7, "党支部"), (8, "入党日期"),
        (10, "身份证号"),
    ]  # fmt: skip
    assert {error["value"] for error in answer["errors"] if error["column"] == "身份证号"} <= {"4***", ""}
    assert RowError.objects.exists()
    assert found_in_clear(bad, "440300900307123", "张示例") == []


def test_somebody_on_a_roll_elsewhere_is_told_without_where(city, branch, bring):
    far = factories.make_branch(city.lianhua, name="远方党支部")
    elsewhere = make.person("李在他处")
    factories.make_affiliation(elsewhere, far)
    ended = make.person("王已转出", ended="moved_out", ended_on="2020-01-01")
    near = factories.make_user("secretary", branch)
    rows = [
        person(姓名="李在他处", 身份证号=elsewhere.id_number),
        person(姓名="王已转出", 身份证号=ended.id_number),
        person(姓名="赵不同名", 身份证号=make.person("孙另一人").id_number),
    ]
    answer = bring(rows, by=near)
    assert counts(answer) == {"wrong": 3}
    assert len({reason for _, _, reason in told(answer)}) == 1
    assert "远方" not in str(answer) and "李" not in str(answer)
    assert Affiliation.objects.get().organization == far


def test_a_person_known_without_a_roll_joins(city, branch, bring):
    known = make.person("周示例", workplace="原单位")
    assert counts(bring([person(姓名="周示例", 身份证号=known.id_number, 工作单位="别的")])) == {"new": 1}
    assert Affiliation.objects.get().member == known
    known.refresh_from_db()
    assert known.workplace == "原单位"


def test_a_phone_without_a_number_is_looked_at_by_people(city, branch, bring):
    mobile = make.phone()
    known = make.person("吴示例", phone=mobile)
    Member.objects.filter(pk=known.pk).change(id_number=None, id_number_index=None)
    answer = bring([person(手机号=mobile)])
    assert counts(answer) == {"wrong": 1}
    assert "已在他处" in told(answer)[0][2]
    factories.make_affiliation(known, branch)
    assert "先在系统里核对" in told(bring([person(手机号=mobile)]))[0][2]


def test_duplicates_in_the_file(branch, bring):
    row = person()
    answer = bring([row, row | {"姓名": "另一"}, row | {"身份证号": row["身份证号"].lower()}])
    assert counts(answer) == {"new": 1, "duplicate": 2}
    number = Member.objects.get().pk
    answer = bring([row, {"档案编号": str(number), "姓名": "张示例"}])
    assert counts(answer) == {"unchanged": 1, "duplicate": 1}


def test_a_secretary_need_not_name_the_one_branch_and_keeps_to_it(city, branch, bring):
    other = factories.make_branch(city.yuehai, name="另一党支部")
    secretary = factories.make_user("secretary", branch)
    assert counts(bring([person(党支部="")], by=secretary)) == {"new": 1}
    answer = bring([person(党支部="另一党支部"), person(党支部="没有的支部")], by=secretary)
    assert counts(answer) == {"wrong": 2}
    assert len({reason for _, _, reason in told(answer)}) == 1, other


def test_two_districts_do_not_touch_each_other(city, branch, bring):
    row = person()
    bring([row])
    member = Member.objects.get()
    theirs = factories.make_user("registrar", city.futian)
    by_both = [row | {"党支部": ""}, {"档案编号": str(member.pk), "手机号": make.phone()}]
    assert counts(bring(by_both, by=theirs)) == {"wrong": 2}  # and nothing tells that both are one person
    answer = bring([{"档案编号": str(member.pk), "手机号": make.phone()}, {"档案编号": "99999999"}], by=theirs)
    assert [reason for _, _, reason in told(answer)] == ["没有这个档案编号，或不在您的范围内"] * 2


def test_a_masked_export_comes_back_with_no_changes(branch, bring):
    man, woman = make.id_number(male=True), make.id_number(male=False)
    bring(
        [
            person(工作单位="甲商行", 入党日期="2001-07-01", 身份证号=man),
            person(性别="女", 职业="快递员", 身份证号=woman),
        ]
    )
    exported = [
        {column.label: as_text(column.of(row)) for column in ROLLS.exported()}
        for row in Affiliation.objects.select_related("member", "organization")
    ]
    assert "*" in exported[0]["身份号码"] and "*" in exported[0]["姓名"]
    assert counts(bring(exported)) == {"unchanged": 2}


def test_an_erased_person_leaves_no_before_image(branch, bring):
    row = person()
    bring([row])
    bring([row | {"手机号": make.phone()}])
    member = Member.objects.get()
    erase_elsewhere([member], [])
    assert not BatchChange.objects.exists()


def test_facts_that_the_number_contradicts_are_told_without_the_number(city, branch, bring):
    man = make.id_number(born="19700307", male=True)
    rows = [
        person(性别="女", 身份证号=man),
        person(入党日期="1988-03-06", 身份证号=make.id_number(male=True)),
        person(入党日期="1988-03-07", 身份证号=make.id_number(male=True)),
        person(入党日期="2001-07-01", 在册起="2001-06-30", 身份证号=make.id_number(male=True)),
        person(身份证号=make.id_number(region="000000")),
    ]
    answer = bring(rows)
    assert counts(answer) == {"new": 1, "wrong": 4}
    assert [(row, column) for row, column, _ in told(answer)] == [
        (2, "性别"), (3, "入党日期"), (5, "在册起"), (6, "身份证号"),
    ]  # fmt: skip
    words = [reason for *_, reason in told(answer)]
    assert (
        "对照居民身份证" in words[0] and "18 周岁" in words[1] and "早于入党日期" in words[2] and "不会是 0" in words[3]
    )
    assert not any(row["身份证号"][6:] in str(answer) for row in rows)


def test_what_stands_already_is_not_judged_again_but_what_changes_is(city, branch, bring):
    number = make.id_number(male=True)
    assert counts(bring([person(身份证号=number, 性别="男")])) == {"new": 1}
    member = Member.objects.get()
    Member.objects.filter(pk=member.pk).change(sex="2")  # as it came in before anybody compared
    assert counts(bring([{"档案编号": str(member.pk), "性别": "女"}])) == {"unchanged": 1}
    assert counts(bring([{"档案编号": str(member.pk), "入党日期": "1975-01-01"}])) == {"wrong": 1}
