"""Events beside files: who came later, where systems differ, what did not appear, hand-overs and conversions."""

import datetime as dt
import threading

import pytest
from django.db import connection, transaction
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEvent
from markets.differences import difference_adopt
from markets.hand_overs import hand_over_accept, hand_over_refuse
from markets.models import Absence, Business, BusinessCoverage, EventSighting, HandOver, SourceDifference
from members.models import IntakeEvent
from tables import services
from tables.models import Batch
from tests import factories as make
from tests.at_once import somebody_waits
from tests.jobs.test_runner import wait_for
from tests.markets.files import import_file, make_row, write
from tests.members.intake_tools import hours_ago, item, make_client, results, uscc

pytestmark = pytest.mark.django_db
TODAY = timezone.localdate()


@pytest.fixture
def bring(city, tmp_path):
    registrar = make.make_user("registrar", city.city)

    def run(*rows: dict, days_ago: int = 0, source: str = "registration", more: tuple[str, ...] = ()) -> dict:
        day = f"--file-date={TODAY - dt.timedelta(days=days_ago)}"
        return import_file(write(tmp_path / "f.csv", list(rows)), registrar, day, f"--source={source}", *more)

    return run


def row(code: str, **more) -> dict:
    return make_row(统一社会信用代码=code, 监管所="粤海监管所", **more)


def event(code: str, *, days_ago: float = 0, **business) -> dict:
    return item(occurred_at=hours_ago(24 * days_ago), event_type="change", business={"uscc": code, **business})


def told(client, sender, *events: dict) -> list[tuple[str, str]]:
    return [(one["result"], one["code"]) for one in results(client, sender, *events)]


def differences() -> list[tuple]:
    return list(SourceDifference.objects.order_by("column", "source").values_list("column", "source", "value"))


def test_an_older_file_that_comes_later_does_not_overwrite_an_event(client, sender, bring):
    code = uscc()
    assert told(client, sender, event(code, days_ago=2, name="事项里的名称有限公司")) == [("accepted", "")]
    older = bring(row(code, 名称="旧文件里的名称有限公司"), days_ago=5)
    assert (older["unchanged"], older["older"]) == (1, 1)
    assert Business.objects.get().name == "事项里的名称有限公司" and differences() == []
    assert bring(row(code, 名称="新文件里的名称有限公司"), days_ago=1)["changed"] == 1
    assert Business.objects.get().name == "新文件里的名称有限公司"


def test_an_event_that_only_confirms_is_as_new(client, sender, bring):
    code = uscc()
    same = {"name": "示范商贸有限公司", "office": "粤海监管所"}
    assert bring(row(code), days_ago=9)["new"] == 1
    assert told(client, sender, event(code, days_ago=2, **same)) == [("unchanged", "")]
    assert bring(row(code, 名称="旧文件里的名称有限公司"), days_ago=5)["older"] == 1


def test_other_sources_files_are_not_older_than_events(client, sender, bring):
    code = uscc()
    told(client, sender, event(code, days_ago=2, employees=10))
    answer = bring(row(code, 从业人数="15"), days_ago=5, source="annual_report")
    assert (answer["changed"], answer["older"]) == (1, 0)
    assert Business.objects.get().employees == 15


def test_an_older_event_writes_nothing_over_a_newer_file_and_says_so(client, sender, bring):
    code = uscc()
    bring(row(code, 名称="文件里的名称有限公司"), days_ago=2)
    assert told(client, sender, event(code, days_ago=4, name="旧事项有限公司")) == [("unchanged", "older")]
    assert Business.objects.get().name == "文件里的名称有限公司" and IntakeEvent.objects.count() == 1
    assert told(client, sender, event(code, name="新事项有限公司")) == [("updated", "")]
    assert bring(row(code, 名称="文件里的名称有限公司"), days_ago=2)["older"] == 1
    assert Business.objects.get().name == "新事项有限公司"


def test_an_older_event_is_told_from_a_newer_one_and_does_not_set_the_day_back(client, sender):
    code = uscc()
    told(client, sender, event(code, days_ago=2))
    assert told(client, sender, event(code, days_ago=6, name="旧事项有限公司")) == [("unchanged", "older")]
    assert EventSighting.objects.get().day == timezone.localdate() - dt.timedelta(days=2)


def test_an_event_that_disagrees_with_the_annual_report_is_a_difference(client, sender, bring):
    code = uscc()
    bring(row(code, 从业人数="15"), days_ago=3, source="annual_report")
    (found,) = told(client, sender, event(code, days_ago=1, employees=10, name="登记的名称有限公司"))
    assert found == ("updated", "")
    business = Business.objects.get()
    assert (business.employees, business.name) == (15, "登记的名称有限公司")
    assert business.provenance.get("employees") == "annual_report" and "name" not in business.provenance
    assert ("employees", "registration", "10") in differences()
    assert ("name", "annual_report", "示范商贸有限公司") in differences()
    difference = SourceDifference.objects.get(column="employees")
    assert (difference.file_date, difference.batch) == (TODAY - dt.timedelta(days=1), None)
    told(client, sender, event(code, employees=15, name="登记的名称有限公司"))
    assert not SourceDifference.objects.filter(column="employees").exists()  # they agree again


def test_an_event_that_confirms_another_source_is_the_one_that_vouches(client, sender, bring):
    code = uscc()
    bring(row(code), days_ago=3, source="survey")
    assert Business.objects.get().provenance["name"] == "survey"
    (found,) = told(client, sender, event(code, name="示范商贸有限公司"))
    assert found == ("unchanged", "") and "name" not in Business.objects.get().provenance


def test_an_older_event_neither_confirms_nor_differs(client, sender, bring):
    code = uscc()
    bring(row(code, 从业人数="15"), days_ago=3, source="annual_report")
    bring(row(code), days_ago=1)
    before = Business.objects.get().provenance, differences()
    (found,) = told(client, sender, event(code, days_ago=2, employees=10, name="旧名有限公司"))
    assert found == ("unchanged", "older") and (Business.objects.get().provenance, differences()) == before


def test_what_an_event_names_appears_again_and_is_not_absent_from_an_older_file(client, sender, bring):
    absent, fresh, other = uscc(), uscc(), uscc()
    bring(row(absent), row(other), days_ago=9)
    bring(row(other), days_ago=6, more=("--full",))
    assert Absence.objects.get().business.uscc == absent
    told(client, sender, event(absent, days_ago=2), event(fresh, days_ago=2))
    assert not Absence.objects.exists()
    assert bring(row(other), days_ago=4, more=("--full",))["absent"] == 0
    assert bring(row(other), days_ago=1, more=("--full",))["absent"] == 2


def test_a_difference_that_an_event_told_is_on_its_page_and_a_decision_lasts(client, city, sender, bring):
    code, registrar = uscc(), make.make_user("registrar", city.city)
    bring(row(code, 名称="年报的名称有限公司"), days_ago=5, source="annual_report")
    told(client, sender, event(code, days_ago=3, name="登记的名称有限公司"))
    client.force_login(registrar)
    difference = SourceDifference.objects.get(column="name")
    for page in (reverse("markets:difference_list"), reverse("markets:difference", args=[difference.pk])):
        assert "登记的名称有限公司" in client.get(page).content.decode()
    difference_adopt(difference=difference, by=registrar)
    same = told(client, sender, event(code, days_ago=1, name="登记的名称有限公司"))
    assert same == [("unchanged", "")] and Business.objects.get().name == "年报的名称有限公司"
    assert told(client, sender, event(code, name="另一个名称有限公司")) == [("updated", "")]
    assert Business.objects.get().name == "另一个名称有限公司"


def test_an_undone_file_leaves_what_an_event_wrote_since(client, city, sender, bring):
    code = uscc()
    told(client, sender, event(code, days_ago=5))
    bring(row(code, 名称="文件里的名称有限公司"), days_ago=3)
    told(client, sender, event(code, days_ago=1, name="事项里的名称有限公司"))
    services.batch_undo(batch=Batch.objects.get(), by=make.make_user("registrar", city.city))
    assert Business.objects.get().name == "事项里的名称有限公司" and EventSighting.objects.exists()


# --- hand-overs -------------------------------------------------------------------------------------------------------


@pytest.fixture
def moved(client, sender, bring):
    """A business of Nanshan that an event puts into Futian: its code and the answer."""
    code = uscc()
    bring(row(code), days_ago=3)
    (found,) = results(
        client, sender, event(code, days_ago=1, name="改名有限公司", office="莲花监管所", district="福田区")
    )
    return code, found


def test_another_district_is_asked_to_take_over_and_nothing_moves(city, moved):
    code, found = moved
    assert (found["result"], found["code"]) == ("updated", "hand_over") and "划转" in found["message"]
    business = Business.objects.get(uscc=code)
    assert (business.name, business.guidance_station) == ("改名有限公司", city.yuehai)
    assert (business.district, business.street) == (city.divisions["nanshan"], city.divisions["yuehai"])
    asked = HandOver.objects.get()
    assert (asked.business, asked.to, asked.asked_from, asked.state) == (business, city.lianhua, "holder", "asked")
    assert (asked.to_district, asked.to_street) == (city.divisions["futian"], city.divisions["lianhua"])
    assert (asked.asked_by, asked.asked_by_system, asked.source) == (None, "市场监管 商事登记系统", "registration")
    assert AuditEvent.objects.get(act="markets.handover.ask").subjects == [asked.pk]
    assert differences() == []


def test_the_receiver_sees_the_system_and_accepts(client, city, sender, moved):
    code, _ = moved
    asked, receiver = HandOver.objects.get(), make.make_user("registrar", city.futian)
    client.force_login(receiver)
    shown = client.get(reverse("markets:hand_over_list")).content.decode()
    assert "市场监管 商事登记系统" in shown and "同意划转" in shown
    assert "市场监管 商事登记系统" in client.get(reverse("api:hand-over-list")).content.decode()
    client.post(reverse("markets:hand_over_accept", args=[asked.pk]))
    assert Business.objects.get(uscc=code).guidance_station == city.lianhua
    sent = event(code, name="改名有限公司", office="莲花监管所", district="福田区")
    assert told(client, sender, sent) == [("unchanged", "")]


def test_a_refusal_stands_until_an_event_of_a_later_day_and_is_told(client, city, sender, moved):
    code, _ = moved
    hand_over_refuse(
        hand_over=HandOver.objects.get(), by=make.make_user("registrar", city.futian), reason="仍在南山经营"
    )
    again = {"name": "改名有限公司", "office": "莲花监管所", "district": "福田区"}
    assert told(client, sender, event(code, **again)) == [("unchanged", "hand_over_not_agreed")]
    assert Business.objects.get(uscc=code).guidance_station == city.yuehai and HandOver.objects.count() == 1
    HandOver.objects.update(decided_at=timezone.now() - dt.timedelta(days=2))
    assert told(client, sender, event(code, **again)) == [("unchanged", "hand_over")]
    assert HandOver.objects.filter(state="asked").count() == 1
    assert told(client, sender, event(code, **again)) == [("unchanged", "hand_over")]
    assert HandOver.objects.count() == 2


def test_within_a_district_it_moves_and_a_deregistration_asks_nobody(client, city, sender, bring):
    near, gone = uscc(), uscc()
    bring(row(near), row(gone), days_ago=3)
    elsewhere = {"office": "莲花监管所", "district": "福田区"}
    assert told(client, sender, event(near, name="示范商贸有限公司", office="沙河监管所")) == [("updated", "")]
    assert Business.objects.get(uscc=near).guidance_station == city.shahe
    (found,) = told(client, sender, event(gone, **elsewhere) | {"event_type": "deregister"})
    assert found == ("updated", "")
    business = Business.objects.get(uscc=gone)
    assert (business.status, business.guidance_station) == ("deregistered", city.yuehai)
    assert not HandOver.objects.exists()


def test_a_place_that_a_person_chose_stays_and_differs(client, city, sender):
    business = make.make_business(city.yuehai, uscc=uscc(), provenance={"place": "manual"})
    told(client, sender, event(business.uscc, office="莲花监管所", district="福田区"))
    business.refresh_from_db()
    assert business.guidance_station == city.yuehai and not HandOver.objects.exists()
    assert SourceDifference.objects.filter(column="place", source="registration").exists()


def test_a_districts_system_asks_the_other_side_as_its_file_would(client, city):
    sender = make_client(city.nanshan)
    mine, theirs = make.make_business(city.yuehai, uscc=uscc()), make.make_business(city.lianhua, uscc=uscc())
    answers = results(
        client,
        sender,
        event(mine.uscc, office="莲花监管所", district="福田区"),
        event(theirs.uscc, office="粤海监管所"),
    )
    assert [(one["result"], one["code"]) for one in answers] == [("refused", "hand_over")] * 2
    assert "接收" in answers[0]["message"] and "划出" in answers[1]["message"]
    asked = HandOver.objects.order_by("business").values_list("business", "to", "asked_from")
    assert list(asked) == [(mine.pk, city.lianhua.pk, "holder"), (theirs.pk, city.yuehai.pk, "receiver")]
    hand_over_accept(hand_over=HandOver.objects.get(business=theirs), by=make.make_user("registrar", city.futian))
    sent = event(theirs.uscc, name="莲花来的有限公司", office="粤海监管所")
    assert told(client, sender, sent) == [("updated", "")]


@pytest.mark.django_db(transaction=True)
def test_an_event_waits_for_who_accepts_just_now(client, city, sender, moved):
    code, _ = moved
    answers: list = []

    def send_it() -> None:
        try:
            sent = event(code, name="再改名有限公司", office="莲花监管所", district="福田区")
            answers.extend(told(client, sender, sent))
        finally:
            connection.close()

    thread = threading.Thread(target=send_it)
    with transaction.atomic():
        hand_over_accept(hand_over=HandOver.objects.get(), by=make.make_user("registrar", city.futian))
        thread.start()
        wait_for(somebody_waits)
    thread.join()
    assert answers == [("updated", "")]
    business = Business.objects.get(uscc=code)
    assert (business.name, business.guidance_station) == ("再改名有限公司", city.lianhua)


# --- 个转企 -----------------------------------------------------------------------------------------------------------


def trader(city) -> Business:
    return make.make_business(city.yuehai, uscc=uscc(), entity_type="sole_trader", name="张三小卖部")


def test_an_enterprise_names_the_sole_trader_it_was(client, city, sender):
    before = trader(city)
    branch = make.make_branch(city.yuehai)
    BusinessCoverage.objects.create(organization=branch, business=before, mode="own", starts_on=dt.date(2025, 1, 1))
    sent = event(uscc(), predecessor=before.uscc, registered_on="2026-03-01")
    assert told(client, sender, sent) == [("accepted", "")]
    business = Business.objects.get(uscc=sent["business"]["uscc"])
    assert business.predecessor == before
    links = BusinessCoverage.objects.order_by("starts_on").values_list("business", "starts_on", "ends_on")
    day = dt.date(2026, 3, 1)
    assert list(links) == [(before.pk, dt.date(2025, 1, 1), day), (business.pk, day, None)]
    assert told(client, sender, sent) == [("unchanged", "")]
    assert told(client, sender, sent | {"event_id": "again", "occurred_at": hours_ago(0)}) == [("unchanged", "")]
    assert BusinessCoverage.objects.count() == 2


def test_without_a_day_of_its_own_it_is_the_events(client, city, sender):
    before, after = trader(city), make.make_business(city.yuehai, uscc=uscc())
    BusinessCoverage.objects.create(
        organization=make.make_branch(city.yuehai), business=before, mode="own", starts_on=dt.date(2025, 1, 1)
    )
    (found,) = told(client, sender, event(after.uscc, days_ago=4, predecessor=before.uscc))
    assert found == ("updated", "")
    day = TODAY - dt.timedelta(days=4)
    assert BusinessCoverage.objects.get(business=after).starts_on == day


def test_both_in_one_request(client, city, sender):
    old, new = uscc(), uscc()
    sent = [event(new, predecessor=old), event(old, entity_type="个体工商户", name="李四小卖部"), event(uscc())]
    assert told(client, sender, *sent) == [("accepted", "")] * 3
    assert Business.objects.get(uscc=new).predecessor.uscc == old


def test_what_cannot_have_been_it_is_told_by_its_field_and_asks_nobody(client, city, sender):
    here = make.make_business(city.yuehai, uscc=uscc())
    sent = event(here.uscc, predecessor=uscc(), office="莲花监管所", district="福田区"), event(uscc(), predecessor="x")
    for answer in results(client, sender, *sent):
        assert (answer["result"], answer["code"]) == ("refused", "invalid")
        assert [error["field"] for error in answer["errors"]] == ["business.predecessor"], answer
    assert not HandOver.objects.exists()


def test_an_older_event_converts_nothing(client, city, sender, bring):
    before, after = trader(city), uscc()
    bring(row(after), days_ago=1)
    assert told(client, sender, event(after, days_ago=3, predecessor=before.uscc)) == [("unchanged", "older")]
    assert Business.objects.get(uscc=after).predecessor is None


@pytest.mark.parametrize("file_day", [5, 2])
@pytest.mark.django_db(transaction=True)  # each act has its own time
def test_what_an_event_said_since_stays_when_the_file_is_taken_back(client, city, sender, bring, file_day):
    """Whether it changed a row of the file or only confirmed one; every row that stays is listed with its reason."""
    before, changed, confirmed, made, fresh = (uscc() for _ in range(5))
    same = {"name": "文件里的名称有限公司", "office": "粤海监管所"}
    bring(*(row(code, 名称="原来的名称有限公司") for code in (before, changed, confirmed)), days_ago=9)
    told(
        client, sender, event(before, days_ago=2, name="原来的名称有限公司")
    )  # the file is older, or of that day and came since
    bring(*(row(code, 名称=same["name"]) for code in (before, changed, confirmed, made, fresh)), days_ago=file_day)
    batch = Batch.objects.latest("pk")
    events = (
        event(changed, days_ago=2, name="事项里的名称有限公司"),
        *(event(code, days_ago=2, **same) for code in (confirmed, made)),
    )
    assert [result for result, _ in told(client, sender, *events)] == ["updated", "unchanged", "unchanged"]
    services.batch_undo(batch=batch, by=batch.owner)
    services.batch_take_back(batch=batch, by=batch.owner)
    assert dict(Business.objects.values_list("uscc", "name")) == {
        before: "原来的名称有限公司", changed: "事项里的名称有限公司", confirmed: same["name"], made: same["name"],
    }  # fmt: skip
    kept = {one.record_id: one.get_kind_display() for one in batch.conflicts.all()}
    ids = dict(Business.objects.values_list("uscc", "pk"))
    assert kept == {
        ids[changed]: "写入后又有人修改过", ids[confirmed]: "之后的文件或事项也这样说", ids[made]: "之后的文件或事项也这样说",
    }  # fmt: skip
    client.force_login(batch.owner)
    page = client.get(reverse("tables:batch", args=[batch.pk])).content.decode()
    assert "事项里的名称有限公司" in page and page.count("之后的文件或事项也这样说") >= 2
