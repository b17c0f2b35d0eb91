"""Files of leads: a registration needs the person's own consent; who is known joins inside."""

import pytest
from django.utils import timezone

from members.models import Consent, Receipt, Registration
from members.services import registration_withdraw
from members.tables import LEADS
from tables.exports import as_text
from tables.models import BatchRange
from tests import factories
from tests.markets import files
from tests.members import make
from tests.tables.scan import found_in_clear


@pytest.fixture
def city(db):
    make.notice()
    return factories.make_city()


@pytest.fixture
def officer(city):
    return factories.make_user("officer", city.yuehai)


@pytest.fixture
def bring(officer, tmp_path):
    def bringing(rows, *options, by=officer):
        answer = files.import_file(files.write(tmp_path / "file.csv", rows), by, *options, target="lead")
        assert "error" not in answer, answer
        return answer

    return bringing


def lead(**more) -> dict:
    return {
        "姓名": "张示例",
        "手机号": make.phone(),
        "身份证号": make.id_number(),
        "指导站": "粤海指导站",
        "告知书版本": "2026-2",
        "同意时间": f"{timezone.localtime():%Y-%m-%d %H:%M}",
        "同意方式": "办事窗口",
    } | more


def counts(answer: dict) -> dict:
    parts = ("new", "changed", "unchanged", "wrong", "duplicate", "out_of_scope")
    return {name: answer[name] for name in parts if answer[name]}


def told(answer: dict) -> list[tuple]:
    return [(error["row"], error["column"], error["reason"]) for error in answer["errors"]]


def test_a_consent_opens_a_registration_once(city, bring):
    market = factories.make_market(city.yuehai, name="示例电子市场")
    workplace = '甲"商,行\\N'
    first_row = lead(所在市场="示例电子市场", 党员类别="预备党员", 工作单位=workplace)
    rows = [first_row, lead(身份证号="", 同意事项="党员身份；核实 签到")]
    assert counts(bring(rows, "--dry-run")) == {"new": 2}
    assert not Registration.objects.exists()
    assert counts(bring(rows)) == {"new": 2}
    first, second = Registration.objects.order_by("pk")
    assert (first.guidance_station, first.market, first.standing) == (city.yuehai, market, "probationary")
    assert (first.channel, first.confirmation, first.state) == ("intake", "reference", "submitted")
    assert (first.phone, first.id_number) == (rows[0]["手机号"], rows[0]["身份证号"])
    assert (first.workplace, second.workplace, second.id_number, second.home_unknown) == (workplace, "", None, True)
    assert set(first.receipts.get().items) == {"membership", "home_verify", "id_number"}
    consents = Consent.objects.filter(registration=first)
    assert set(consents.values_list("item", flat=True)) == {"membership", "home_verify", "id_number"}
    assert all(one.reference.startswith("办事窗口，批次") for one in consents)
    assert f"{timezone.localtime(consents[0].given_at):%Y-%m-%d %H:%M}" == rows[0]["同意时间"]
    assert set(second.consents.values_list("item", flat=True)) == {"membership", "home_verify", "check_in"}
    assert counts(bring(rows)) == {"unchanged": 2}
    assert (Registration.objects.count(), Receipt.objects.count(), BatchRange.objects.count()) == (2, 2, 1)


def test_without_consent_nobody_is_registered(bring):
    answer = bring(
        [
            lead(告知书版本=""),
            lead(告知书版本="没有的版本"),
            lead(同意时间=""),
            lead(同意时间="2020-01-01 09:00"),
            lead(同意方式=""),
            lead(同意事项="党员身份"),
            {"姓名": "张示例", "手机号": make.phone(), "指导站": "粤海指导站"},
        ]
    )
    assert counts(answer) == {"wrong": 7}
    assert {row for row, _, reason in told(answer) if "缺少本人同意凭证" in reason} == set(range(2, 9))
    assert not Registration.objects.exists() and not Receipt.objects.exists()


def test_a_file_without_consent_columns_is_told_row_by_row(bring):
    answer = bring([{"姓名": "张示例", "手机号": make.phone(), "指导站": "粤海指导站"}])
    assert counts(answer) == {"wrong": 1}
    assert (2, "告知书版本", "缺少本人同意凭证：「告知书版本」必须填写") in told(answer)


def test_wrong_cells_are_told_masked(bring):
    answer = bring(
        [lead(手机号="010-12345678"), lead(身份证号="440300900307123"), lead(姓名=""), lead(指导站=""),
         lead(同意时间="2999-01-01 10:00"), lead(同意事项="党员身份、核实"), lead(同意方式="不知道")]
    )  # fmt: skip
    assert counts(answer) == {"wrong": 7}
    assert [(row, column) for row, column, _ in told(answer)] == [
        (2, "手机号"), (3, "身份证号"), (4, "姓名"), (5, "指导站"), (6, "同意时间"), (7, "身份证号"), (8, "同意方式"),
    ]  # fmt: skip
    assert found_in_clear("010-12345678", "440300900307123", "张示例") == []


def test_who_is_known_joins_inside_and_only_that_is_told(city, bring):
    far, near = make.registration(city.lianhua), make.registration(city.yuehai)
    rows = [lead(手机号=far.phone, 身份证号=""), lead(手机号=near.phone, 身份证号="")]
    answer = bring(rows)
    assert counts(answer) == {"duplicate": 2}
    assert [reason for _, _, reason in told(answer)] == [
        "已在他处报到", "您的范围内已有这位人员的报到，没有重复登记",
    ]  # fmt: skip
    assert Registration.objects.count() == 2
    assert [receipt.is_joined for receipt in far.receipts.order_by("pk")] == [False, True]
    assert found_in_clear(far.phone, near.phone) == []
    again = bring(rows)
    assert Receipt.objects.count() == 4
    assert counts(again) == {"duplicate": 2}


def test_whoever_withdrew_is_not_brought_back(bring):
    row = lead()
    bring([row])
    registration_withdraw(registration=Registration.objects.get(), by=None)
    assert counts(bring([row])) == {"unchanged": 1}
    assert Registration.objects.count() == 1


def test_duplicates_in_the_file(bring):
    row = lead()
    answer = bring([row, row, lead(手机号=row["手机号"], 身份证号="")])
    assert counts(answer) == {"new": 1, "duplicate": 2}


def test_scope_between_two_districts(city, bring):
    factories.make_market(city.lianhua, name="远方市场")
    answer = bring(
        [lead(指导站="莲花指导站"), lead(指导站="", 所在市场="远方市场"), lead(指导站="", 所在市场="没有的")]
    )
    assert counts(answer) == {"out_of_scope": 1, "wrong": 2}
    assert len({reason for row, _, reason in told(answer) if row in (3, 4)}) == 1
    assert not Registration.objects.exists()


def test_a_masked_list_comes_back_with_no_changes(city, bring):
    bring([lead(), lead(工作单位="甲商行")])
    rows = [
        {column.label: as_text(column.of(row)) for column in LEADS.exported()} for row in Registration.objects.all()
    ]
    assert "*" in rows[0]["手机号"]
    assert counts(bring(rows)) == {"unchanged": 2}
    far = make.registration(city.lianhua)
    answer = bring([{"报到编号": str(far.pk), "姓名": "*"}, {"报到编号": "99999999", "姓名": "*"}])
    assert [reason for _, _, reason in told(answer)] == ["没有这条报到，或不在您的范围内"] * 2
