"""Three systems, one truth: who writes which column, and what is kept of what the others say."""

import datetime as dt

import pytest
from django.urls import reverse
from django.utils import timezone

from markets import services
from markets.differences import difference_adopt, told_now
from markets.models import Absence, Business, Declaration, HandOver, SourceDifference
from markets.sources import ORDER, Source, may_write
from tables.models import Batch, BatchChange
from tests import factories
from tests.markets.files import make_code, make_row

TODAY = timezone.localdate()


def day(back: int) -> str:
    return f"--file-date={TODAY - dt.timedelta(days=back)}"


def differences() -> list[tuple]:
    return list(SourceDifference.objects.order_by("column", "source").values_list("column", "source", "value"))


def test_every_column_has_every_source_and_a_hand_written_mark_hides_nobody():
    for column, order in ORDER.items():
        assert sorted(order) == sorted(Source), column
        assert order.index(Source.MANUAL) < 2, column  # so that a mark that stays on confirmation blocks nobody above
    assert may_write("employees", "annual_report", "registration")
    assert not may_write("employees", "registration", "annual_report")
    assert may_write("name", "registration", "manual")


@pytest.mark.django_db
def test_three_sources_that_contradict_each_other(send):
    code = make_code()
    row = make_row(统一社会信用代码=code, 从业人数="10", 经营状态="存续")
    assert send([row])["new"] == 1
    assert Business.objects.get().provenance == {}

    annual = row | {"名称": "年报商贸有限公司", "从业人数": "15", "成立日期": "2020-01-02"}
    assert send([annual], "--source=annual_report")["changed"] == 1
    business = Business.objects.get()
    assert (business.name, business.employees) == ("示范商贸有限公司", 15)
    assert business.provenance == {"employees": "annual_report", "registered_on": "annual_report"}
    told = [("employees", "registration", "10"), ("name", "annual_report", "年报商贸有限公司")]
    assert differences() == told

    images = BatchChange.objects.count()
    again = send([annual], "--source=annual_report")
    assert again["unchanged"] == 1 and BatchChange.objects.count() == images
    assert differences() == told

    survey = row | {"从业人数": "8", "成立日期": "2021-01-02"}
    assert send([survey], "--source=survey")["unchanged"] == 1
    assert ("employees", "survey", "8") in differences() and ("registered_on", "survey", "2021-01-02") in differences()

    assert send([row | {"名称": "年报商贸有限公司", "成立日期": "2019-01-02"}])["changed"] == 1
    business.refresh_from_db()
    assert business.employees == 15 and business.registered_on == dt.date(2019, 1, 2)
    assert business.provenance == {"employees": "annual_report"}
    assert ("name", "annual_report", "年报商贸有限公司") not in differences()  # they agree again
    assert ("registered_on", "annual_report", "2020-01-02") in differences()


@pytest.mark.django_db
def test_a_blank_cell_neither_clears_nor_contradicts(send):
    code = make_code()
    send([make_row(统一社会信用代码=code, 从业人数="10", 成立日期="2020-01-02")])
    assert send([make_row(统一社会信用代码=code, 从业人数="", 成立日期="")], "--source=annual_report")["unchanged"] == 1
    assert Business.objects.get().employees == 10 and differences() == []


@pytest.mark.django_db
def test_a_better_source_that_confirms_is_the_one_that_vouches(send):
    row = make_row(从业人数="10")
    send([row])
    assert send([row], "--source=annual_report")["changed"] == 1
    assert send([row], "--source=annual_report")["unchanged"] == 1
    assert send([row | {"从业人数": "12"}])["unchanged"] == 1
    assert Business.objects.get().employees == 10
    assert differences() == [("employees", "registration", "12")]


@pytest.mark.django_db
def test_a_scale_belongs_to_the_best_source_that_said_it(client, send, registrar):
    """And the better one that only confirms it changes no row where it is the registration system."""
    client.force_login(registrar)
    row = make_row(规模="微型", 经营状态="存续")
    seen = []
    for source in ("survey", "annual_report", "registration", "registration", "survey"):
        answer = send([row], f"--source={source}")
        business = Business.objects.get()
        page = client.get(reverse("markets:business_detail", args=[business.pk])).content.decode()
        assert f"微型（{Source(business.scale_source).label}）" in page
        seen.append((business.scale_source, answer["changed"]))
    assert seen == [("survey", 0), ("annual_report", 1), *[("registration", 0)] * 3]
    business.scale = "small"
    services.business_save(business=business, by=registrar, columns=["scale"])
    assert business.scale_source == "manual" and Business(scale="unknown").scale_source == ""


@pytest.mark.django_db
def test_an_older_file_writes_nothing_and_says_nothing(send):
    row = make_row(从业人数="10")
    send([row], day(5))
    answer = send([row | {"名称": "旧名商行", "从业人数": "9"}], day(9))
    assert (answer["unchanged"], answer["older"]) == (1, 1)
    assert Business.objects.get().name == "示范商贸有限公司" and differences() == []
    other = send(
        [row | {"从业人数": "9"}], day(9), "--source=annual_report"
    )  # older than another system's: its own truth
    assert (other["changed"], other["older"]) == (1, 0)


@pytest.mark.django_db
def test_what_is_set_by_hand_stays_where_a_person_knows_better(send, registrar, city):
    row = make_row(从业人数="10", 所属街道="粤海街道", 经营状态="存续")
    send([row])
    business = Business.objects.get()
    business.guidance_station, business.employees, business.name = city.shahe, 20, "手工改名"
    services.business_save(business=business, by=registrar, columns=["guidance_station", "employees", "name"])
    assert business.provenance == {"place": "manual", "employees": "manual", "name": "manual"}
    assert send([row | {"监管所": "粤海所"}])["changed"] == 1
    business.refresh_from_db()
    assert (business.guidance_station, business.employees, business.name) == (city.shahe, 20, "示范商贸有限公司")
    assert business.provenance == {"place": "manual", "employees": "manual"}
    assert {(column, source) for column, source, _ in differences()} == {
        ("employees", "registration"), ("name", "manual"), ("place", "registration"),
    }  # fmt: skip


@pytest.mark.django_db
def test_an_annual_report_tells_only_the_sum_of_members(send):
    row = make_row(从业人数="30", 正式党员数="4")
    row["党员人数(含预备)"] = "6"
    send([row])
    send([row], "--source=annual_report", day(3))
    told = Declaration.objects.get(source="annual_report")
    assert (told.full_members, told.members_incl_probationary) == (None, 6)
    assert told.as_of == TODAY - dt.timedelta(days=3)
    assert Declaration.objects.get(source="registry_file").full_members == 4


# --- full files -------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_full_file_lists_what_did_not_appear_and_closes_nothing(send, city):
    rows = [make_row() for _ in range(4)]
    send(rows)
    Business.objects.filter(uscc=rows[3]["统一社会信用代码"]).update(status="deregistered")
    elsewhere = factories.make_business(city.lianhua)
    clerk = factories.make_user("registrar", city.nanshan)
    wrong = rows[1] | {"成立日期": "不知道"}  # it did appear
    answer = send([rows[0], wrong], "--full", by=clerk)
    assert (answer["absent"], answer["expected"]) == (1, 3)
    absent = Absence.objects.get()
    assert absent.business.uscc == rows[2]["统一社会信用代码"] and absent.business.status == "active"
    assert not Absence.objects.filter(business=elsewhere).exists()
    send([rows[2]], by=clerk)
    assert not Absence.objects.exists()


# --- hand-over --------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_mine_that_stands_elsewhere_is_offered_and_another_ones_that_stands_here_is_asked_for(send, city):
    nanshan = factories.make_user("registrar", city.nanshan)
    mine, theirs = make_code(), make_code()
    factories.make_business(city.yuehai, uscc=mine)
    factories.make_business(city.lianhua, uscc=theirs, name="对方名称")
    rows = [
        make_row(统一社会信用代码=mine, 所属区="福田区", 监管所="莲花所"),
        make_row(统一社会信用代码=theirs, 监管所="粤海所"),
    ]
    for _ in range(2):
        answer = send(rows, by=nanshan)
        assert (answer["out_of_scope"], answer["hand_over"]) == (2, 2)
        assert "对方名称" not in str(answer)
    offered = HandOver.objects.get(business__uscc=mine)
    asked = HandOver.objects.get(business__uscc=theirs)
    assert (offered.asked_from, offered.to, offered.to_street) == ("holder", city.lianhua, city.divisions["lianhua"])
    assert (asked.asked_from, asked.to, asked.name) == ("receiver", city.yuehai, "示范商贸有限公司")
    assert HandOver.objects.count() == 2


# --- the page of differences ------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_difference_is_adopted_or_kept_until_it_changes(client, send, city):
    row = make_row(从业人数="10")
    send([row])
    send([row | {"名称": "年报名称商行"}], "--source=annual_report")
    clerk = factories.make_user("registrar", city.nanshan)
    client.force_login(clerk)
    text = client.get(reverse("markets:difference_list")).content.decode()
    assert "年报名称商行" in text and "示范商贸有限公司" in text and "年报系统" in text
    difference = SourceDifference.objects.get()
    client.post(reverse("markets:difference_keep", args=[difference.pk]))
    send([row | {"名称": "年报名称商行"}], "--source=annual_report")
    difference.refresh_from_db()
    assert difference.kept_at
    send([row | {"名称": "年报又一名称"}], "--source=annual_report")
    difference.refresh_from_db()
    assert difference.kept_at is None and difference.value == "年报又一名称"
    assert "采用该值" in client.get(reverse("markets:difference", args=[difference.pk])).content.decode()
    client.post(reverse("markets:difference_adopt", args=[difference.pk]))
    business = Business.objects.get()
    assert (business.name, business.provenance["name"]) == ("年报又一名称", "manual")
    assert differences() == [("name", "registration", "示范商贸有限公司")]


@pytest.mark.django_db
@pytest.mark.parametrize("column", ["place", "market_id", "registered_on", "employees", "entity_type", "scale"])
def test_every_kind_of_value_can_be_adopted(city, registrar, column):
    business = factories.make_business(city.yuehai)
    market = factories.make_market(city.yuehai)
    values = {
        "place": str([city.futian.pk, city.lianhua.pk, city.divisions["futian"].pk, city.divisions["lianhua"].pk]),
        "market_id": str(market.pk), "registered_on": "2020-01-02", "employees": "7", "entity_type": "partnership",
        "scale": "micro",
    }  # fmt: skip
    told = SourceDifference.objects.create(business=business, column=column, source="survey", value=values[column])
    difference_adopt(difference=told, by=registrar)
    business.refresh_from_db()
    assert told_now(business, column) == values[column]
    assert not SourceDifference.objects.filter(value=values[column]).exists()


@pytest.mark.django_db
def test_a_decision_lasts_until_the_leading_system_says_something_new(send, registrar):
    row = make_row(从业人数="10", 经营状态="存续")
    send([row])
    send([row | {"名称": "年报商行"}], "--source=annual_report")
    difference_adopt(difference=SourceDifference.objects.get(), by=registrar)
    images = BatchChange.objects.count()
    for _ in range(2):  # the value that was decided against, again and again
        answer = send([row])
        assert (answer["changed"], answer["unchanged"]) == (0, 1) and BatchChange.objects.count() == images
    assert Business.objects.get().name == "年报商行"
    kept = SourceDifference.objects.get()
    assert (kept.source, kept.value, kept.decided_against) == ("registration", row["名称"], True) and kept.kept_at
    assert send([row | {"住所": "新址"}])["changed"] == 1  # the rest of the row goes on
    assert Business.objects.get().name == "年报商行"
    assert send([row | {"名称": "登记新名"}])["changed"] == 1
    assert Business.objects.get().name == "登记新名"
    assert differences() == [("name", "manual", "年报商行")]


@pytest.mark.django_db
def test_a_decision_is_over_when_the_leading_system_agrees(send, registrar):
    row = make_row(经营状态="存续")
    send([row])
    annual = row | {"名称": "年报商行"}
    send([annual], "--source=annual_report")
    difference_adopt(difference=SourceDifference.objects.get(), by=registrar)
    assert send([annual])["unchanged"] == 1
    assert Business.objects.get().provenance == {} and differences() == []
    assert send([row])["changed"] == 1
    assert Business.objects.get().name == row["名称"]


@pytest.mark.django_db
def test_what_the_registry_confirmed_no_other_file_changes(send):
    row = make_row(经营状态="存续")
    send([row], "--source=annual_report")
    assert send([row])["unchanged"] == 1
    assert Business.objects.get().provenance == {}
    images = BatchChange.objects.count()
    assert send([row])["unchanged"] == 1 and BatchChange.objects.count() == images
    send([row | {"名称": "年报新名"}], "--source=annual_report")
    assert Business.objects.get().name == row["名称"]
    assert differences() == [("name", "annual_report", "年报新名")]


# --- full files: what cannot be read, what is older -------------------------------------------------------------------


@pytest.mark.django_db
def test_a_damaged_code_speaks_of_what_it_must_have_been_or_perhaps_of_a_namesake(client, registrar, send):
    rows = [make_row(名称=f"第{number}商行") for number in range(5)]
    send(rows)
    damaged = rows[0] | {"统一社会信用代码": rows[0]["统一社会信用代码"][:-1]}
    digit = rows[1]["统一社会信用代码"]
    typo = rows[1] | {"统一社会信用代码": digit[:-1] + ("0" if digit[-1] != "0" else "1"), "名称": "改了名"}
    blank = rows[2] | {"统一社会信用代码": ""}
    stranger = make_row(统一社会信用代码="9.14E+17", 名称="谁也不是")
    answer = send([damaged, typo, blank, stranger, rows[3]], "--full")
    absent = dict(Absence.objects.values_list("business__name", "has_namesake"))
    listed = absent.pop("第1商行", None)  # a wrong digit leads to the business only where one other fits it
    assert absent == {"第2商行": True, "第4商行": False} and not listed
    assert answer["wrong"] == 4 and answer["unread"] == (1 if listed is None else 2)
    assert (answer["absent"], answer["namesakes"]) == (len(absent) + (listed is not None), 1)
    client.force_login(registrar)
    page = client.get(reverse("markets:absence_list")).content.decode()
    assert page.count("同名行的代码读不出：文件里有一行同名，可能就是它") == 1
    marked = client.get(reverse("markets:absence_list"), {"namesake": "1"}).content.decode()
    assert "第2商行" in marked and "第4商行" not in marked


@pytest.mark.django_db
def test_a_namesake_that_is_truly_absent_is_listed(send):
    """Two of one name, one row with a broken code: whichever it is, the other did not appear."""
    rows = [make_row(名称="便民超市") for _ in range(2)]
    send(rows)
    answer = send([rows[0] | {"统一社会信用代码": "9.14E+17"}], "--full", "--dry-run")
    assert (answer["absent"], answer["namesakes"]) == (2, 2)
    digits = rows[0]["统一社会信用代码"]
    other = rows[0] | {"统一社会信用代码": digits[:-1]}  # the check digit says which one it is
    answer = send([other], "--full")
    assert (answer["absent"], answer["namesakes"]) == (1, 0)
    assert Absence.objects.get().business.uscc == rows[1]["统一社会信用代码"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("source", "words"),
    [("registration", "本次未出现"), ("annual_report", "未报送年报"), ("survey", "本次未摸排到")],
)
def test_what_a_full_file_does_not_name_is_called_in_the_words_of_its_source(client, registrar, send, source, words):
    rows = [make_row(), make_row()]
    send(rows, f"--source={source}")
    send(rows[:1], f"--source={source}", "--full")
    client.force_login(registrar)
    batch = Batch.objects.latest("pk")
    plan = client.get(reverse("tables:batch", args=[batch.pk])).content.decode()
    listed = client.get(reverse("markets:absence_list")).content.decode()
    business = client.get(reverse("markets:business_detail", args=[Absence.objects.get().business_id])).content.decode()
    assert f'<div class="tile-label">{words}</div>' in plan and words in listed and words in business
    assert "停业" not in business and Business.objects.filter(status="active").count() == 2


@pytest.mark.django_db
def test_an_older_full_file_does_not_miss_what_was_not_there_yet(send):
    old, new, young = make_row(), make_row(), make_row(成立日期=TODAY.isoformat())
    send([old, new], day(3))
    send([young], "--source=survey")
    assert send([make_row()], day(9), "--full")["absent"] == 0
    assert not Absence.objects.exists()


# --- asked again ------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_refused_request_is_asked_again_by_a_newer_file_once(send, city):
    nanshan = factories.make_user("registrar", city.nanshan)
    business = factories.make_business(city.yuehai, uscc=make_code())
    row = make_row(统一社会信用代码=business.uscc, 所属区="福田区", 监管所="莲花所")

    def refuse(back: int, state: str = "refused") -> None:
        HandOver.objects.filter(state="asked").update(state=state, decided_at=timezone.now() - dt.timedelta(days=back))

    for back, asked in ((30, 1), (20, 1), (9, 2)):
        send([row], day(back), by=nanshan)
        assert HandOver.objects.count() == asked, back
        refuse(19)
    send([row], by=nanshan)
    assert HandOver.objects.count() == 2  # refused twice: by hand only
    business.status = "deregistered"
    business.save()
    HandOver.objects.all().delete()
    assert send([row], by=nanshan)["hand_over"] == 0 and not HandOver.objects.exists()


@pytest.mark.django_db
def test_a_row_that_says_deregistered_asks_for_nothing(send, city):
    nanshan = factories.make_user("registrar", city.nanshan)
    far, near = (
        factories.make_business(city.lianhua, uscc=make_code()),
        factories.make_business(city.yuehai, uscc=make_code()),
    )
    rows = [
        make_row(统一社会信用代码=far.uscc, 监管所="粤海所", 经营状态="注销"),
        make_row(统一社会信用代码=near.uscc, 所属区="福田区", 监管所="莲花所", 经营状态="吊销"),
    ]
    answer = send(rows, by=nanshan)
    assert (answer["out_of_scope"], answer["hand_over"]) == (2, 0) and not HandOver.objects.exists()
