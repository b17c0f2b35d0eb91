"""Taking back batches of markets and rolls: what nobody touched returns, the rest stays and is told."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from markets.models import Market
from markets.services import market_save
from members.models import Affiliation, Consent, Member, Receipt, Registration
from members.services import member_edit, registration_contact, registration_withdraw
from orgs.models import Organization, OrganizationChange
from orgs.services import organization_rename
from orgs.tree_check import tree_problems
from reports.models import Snapshot
from tables.models import Batch, ColumnSighting, Sighting
from tables.services import batch_take_back, retention
from tables.statements import fetch
from tables.traces import TABLE_LOCK
from tests import factories
from tests.markets import files
from tests.members import make
from tests.members.test_import_leads import lead


@pytest.fixture
def city(db):
    return factories.make_city()


@pytest.fixture
def registrar(city):
    return factories.make_user("registrar", city.city)


@pytest.fixture
def bring(registrar, tmp_path):
    def bringing(target, rows, by=registrar):
        answer = files.import_file(files.write(tmp_path / "file.csv", rows), by, target=target)
        assert "error" not in answer, answer
        return Batch.objects.latest("pk")

    return bringing


def market(number: int, **more) -> dict:
    return {"编号": f"SC-{number}", "名称": f"示例市场{number}", "指导站": "粤海指导站"} | more


def take_back(batch: Batch, by) -> dict[int, str]:
    Batch.objects.filter(pk=batch.pk).update(state=Batch.State.UNDOING)
    batch.refresh_from_db()
    batch_take_back(batch=batch, by=by)
    return dict(batch.conflicts.values_list("record_id", "kind"))


def test_markets_return_to_what_they_were(city, registrar, bring):
    bring("market", [market(1, 摊位数="10", 关闭日期="2024-01-02"), market(2)])
    second = bring("market", [market(1, 摊位数="20", 指导站="沙河指导站"), market(3), market(4)])
    assert take_back(second, registrar) == {}
    one = Market.objects.get(code="SC-1")
    assert (one.stalls, one.guidance_station, str(one.closed_on)) == (10, city.yuehai, "2024-01-02")
    assert Market.objects.count() == 2
    assert second.state == Batch.State.UNDONE
    assert fetch("SELECT FROM pg_locks WHERE locktype = 'advisory' AND classid = %s", [TABLE_LOCK])  # no file beside it


def test_what_was_touched_since_stays_and_is_told(city, registrar, bring):
    bring("market", [market(1), market(2)])
    batch = bring("market", [market(1, 摊位数="20"), market(2, 摊位数="20"), market(3), market(4), market(5)])
    later = bring("market", [market(2, 摊位数="30")])
    Batch.objects.filter(pk=later.pk).update(state=Batch.State.UNDOING)  # it waits for its turn, and stands until then
    rows = {row.code: row for row in Market.objects.all()}
    factories.make_business(city.yuehai, market=rows["SC-3"])
    market_save(market=rows["SC-4"], by=registrar)
    an_hour_ago(batch)
    assert take_back(batch, registrar) == {
        rows["SC-2"].pk: "later", rows["SC-3"].pk: "referred", rows["SC-4"].pk: "edited",
    }  # fmt: skip
    assert Market.objects.get(code="SC-2").stalls == 30
    assert Market.objects.filter(code="SC-3").exists()
    assert not Market.objects.filter(code="SC-5").exists()


def an_hour_ago(batch: Batch) -> None:
    """A test is one transaction, so everything carries its time."""
    Batch.objects.filter(pk=batch.pk).update(applied_at=timezone.now() - timedelta(hours=1))


def test_what_a_later_file_only_confirmed_stays_and_is_told(city, registrar, bring):
    """Of what was changed, where it says something in a changed column; of what is new, where it names it."""
    bring("market", [market(number, 摊位数="10") for number in range(1, 7)])
    changed = [market(number, 摊位数="20") for number in range(1, 4)]
    moved = [market(number, 指导站="沙河指导站") for number in range(4, 7)]
    batch = bring("market", [*changed, *moved, market(7), market(8)])
    later = [
        changed[0],  # says so
        market(2, 摊位数=""),
        market(4, 指导站="沙河指导站"),  # says so
        market(5, 指导站="", 所属区="南山区"),
        market(7),  # names it
    ]
    bring("market", later)
    an_hour_ago(batch)
    rows = {row.code: row for row in Market.objects.all()}
    assert take_back(batch, registrar) == {rows[f"SC-{number}"].pk: "confirmed" for number in (1, 4, 7)}
    rows = {row.code: row for row in Market.objects.all()}
    assert [rows[f"SC-{number}"].stalls for number in (1, 2, 3)] == [20, 10, 10]
    assert [rows[f"SC-{number}"].guidance_station for number in (4, 5, 6)] == [city.shahe, city.yuehai, city.yuehai]
    assert "SC-8" not in rows
    assert ColumnSighting.objects.exists() and Sighting.objects.exists()
    Batch.objects.update(applied_at=timezone.now() - timedelta(days=32))
    retention()
    assert not ColumnSighting.objects.exists() and not Sighting.objects.exists()


@pytest.mark.parametrize("target", ["organization", "roll", "lead"])
def test_other_files_confirm_too(city, registrar, bring, target):
    """`again` names what the first file made, and nothing that it changes; the second batch rests on it."""
    make.notice()
    by = factories.make_user("officer", city.city) if target == "lead" else registrar
    factories.make_branch(city.yuehai, name="示例党支部")
    rows = {
        "organization": [branch(1), branch(2)],
        "roll": [
            {"姓名": name, "身份证号": make.id_number(), "手机号": make.phone(), "党员类别": "正式党员", "党支部": "示例党支部"}
            for name in ("张示例", "李示例")
        ],
        "lead": [lead(), lead()],
    }[target]  # fmt: skip
    batch = bring(target, rows, by=by)
    model = {"organization": Organization, "roll": Member, "lead": Registration}[target]
    one, other = model.objects.order_by("-pk")[:2][::-1]
    bring(target, rows[:1], by=by)
    an_hour_ago(batch)
    Receipt.objects.update(made_at=Batch.objects.get(pk=batch.pk).applied_at)
    assert take_back(batch, by) == {one.pk: "confirmed"}
    assert model.objects.filter(pk=one.pk).exists() and not model.objects.filter(pk=other.pk).exists()


def test_facts_of_people_and_organizations_stay_where_they_were_said_again(city, registrar, bring):
    factories.make_branch(city.yuehai, name="示例党支部")
    person = {"姓名": "张示例", "身份证号": make.id_number(), "党员类别": "正式党员", "党支部": "示例党支部"}
    bring("roll", [person | {"手机号": make.phone()}])
    bring("organization", [branch(1), branch(2)])
    numbered = person | {"手机号": make.phone()}
    named = branch(1, 简称="一支部")
    batches = bring("roll", [numbered]), bring("organization", [named, branch(2, 简称="二支部")])
    bring("roll", [numbered])
    bring("organization", [named, branch(2, 简称="")])
    for batch in batches:
        an_hour_ago(batch)
    member, one = Affiliation.objects.get().member, Organization.objects.get(code="D-1")
    assert take_back(batches[0], registrar) == {member.pk: "confirmed"}
    assert take_back(batches[1], registrar) == {one.pk: "confirmed"}
    assert list(Organization.objects.filter(code__startswith="D-").order_by("code").values_list("short_name", flat=True)) == [
        "一支部", "",
    ]  # fmt: skip


def test_people_leave_the_roll_and_facts_return(city, registrar, bring):
    branch = factories.make_branch(city.yuehai, name="示例党支部")
    known = make.person("周示例")
    row = {"姓名": "张示例", "身份证号": make.id_number(), "手机号": make.phone(), "党员类别": "正式党员"}
    first = bring("roll", [row | {"党支部": "示例党支部"}])
    second = bring(
        "roll",
        [
            row | {"手机号": make.phone(), "党支部": ""},
            row | {"姓名": "周示例", "身份证号": known.id_number, "手机号": ""},
        ],
    )
    assert Affiliation.objects.count() == 2
    assert take_back(second, registrar) == {}
    member = Affiliation.objects.get(organization=branch).member
    assert (member.phone, member.phone_tail) == (row["手机号"], row["手机号"][-4:])
    assert Member.objects.filter(pk=known.pk).exists()
    member_edit(member=member, by=registrar, workplace="改过")
    an_hour_ago(first)
    assert take_back(first, registrar) == {member.pk: "edited"}
    assert Affiliation.objects.count() == 1


def test_people_whom_the_file_made_go_with_it(city, registrar, bring):
    factories.make_branch(city.yuehai, name="示例党支部")
    batch = bring(
        "roll", [{"姓名": "张示例", "身份证号": make.id_number(), "党员类别": "正式党员", "党支部": "示例党支部"}]
    )
    assert take_back(batch, registrar) == {}
    assert not Affiliation.objects.exists() and not Member.objects.exists()


def branch(number: int, **more) -> dict:
    return {"代码": f"D-{number}", "名称": f"示例{number}党支部", "类型": "党支部", "上级": "粤海指导站"} | more


def test_organizations_return_to_what_they_were(city, registrar, bring):
    bring("organization", [branch(1, 本届起="2022-07-01")])
    one = Organization.objects.get(code="D-1")
    before = Organization.objects.filter(pk=one.pk).values().get()
    second = bring(
        "organization",
        [branch(1, 名称="改名党支部", 简称="改名", 所属街道="沙河街道", 本届起="2023-07-01", 本届止="2026-01-01"),
         branch(2, 上级="D-3"), branch(3, 名称="示例党总支", 类型="党总支")],
    )  # fmt: skip
    Snapshot.objects.create(organization=Organization.objects.get(code="D-2"), as_of="2026-01-01")  # merely computed
    assert take_back(second, registrar) == {}
    assert Organization.objects.filter(pk=one.pk).values().get() == before
    assert not Organization.objects.filter(code__in=["D-2", "D-3"]).exists()
    assert not list(tree_problems())
    told = list(one.changes.order_by("pk").values_list("event", "document"))
    note = f"撤销导入（批次 {second.pk}）"
    assert told == [("create", ""), ("rename", ""), ("edit", ""), ("rename", note), ("edit", note)]
    last = one.changes.latest("pk")
    assert (last.before["short_name"], last.after["short_name"]) == ("改名", "")
    assert (last.before["street"], last.after["street"]) == (
        city.divisions["shahe"].code,
        city.divisions["yuehai"].code,
    )


def test_history_of_nothing_else_can_be_removed(city, registrar, bring):
    """The function that takes foundings back looks for itself."""
    batch = bring("organization", [branch(1), branch(2)])
    one, two = Organization.objects.filter(code__startswith="D-").order_by("code")
    organization_rename(organization=two, name="改名党支部", by=registrar)
    ids, lines = [one.pk, two.pk, city.yuehai.pk], OrganizationChange.objects.count()
    fetch("SELECT orgs_forget_founding(%s, %s)", [batch.pk, ids])  # it is not being undone
    assert OrganizationChange.objects.count() == lines
    Batch.objects.filter(pk=batch.pk).update(state=Batch.State.UNDOING)
    fetch("SELECT orgs_forget_founding(%s, %s)", [batch.pk, ids])
    assert OrganizationChange.objects.count() == lines - 1 and not one.changes.exists()


def test_organizations_that_are_in_use_stay_with_what_they_hang_on(city, registrar, bring):
    batch = bring(
        "organization",
        [branch(1, 上级="D-2"), branch(2, 名称="示例党总支", 类型="党总支"), branch(3), branch(4), branch(5)],
    )
    known = {one.code: one for one in Organization.objects.filter(code__startswith="D-")}
    Affiliation.objects.create(
        member=make.person("周示例"), organization=known["D-1"], kind="formal", **make_units(known["D-1"])
    )
    organization_rename(organization=known["D-3"], name="改名党支部", by=registrar)
    bring("organization", [branch(4, 简称="后来")])
    an_hour_ago(batch)
    assert take_back(batch, registrar) == {
        known["D-1"].pk: "referred", known["D-2"].pk: "referred", known["D-3"].pk: "edited", known["D-4"].pk: "later",
    }  # fmt: skip
    assert not Organization.objects.filter(code="D-5").exists() and not list(tree_problems())


def make_units(unit: Organization) -> dict:
    return {"guidance_station": unit.guidance_station, "district_committee": unit.district_committee}


def test_leads_go_while_nobody_works_on_them(city, bring):
    make.notice()
    officer = factories.make_user("officer", city.city)
    far = make.registration(city.lianhua)
    rows = [lead(), lead(), lead(), lead(手机号=far.phone, 身份证号="")]
    batch = bring("lead", rows, by=officer)
    assert Receipt.objects.count() == 5
    by_phone = {one.phone: one for one in Registration.objects.all()}
    worked, withdrawn = by_phone[rows[1]["手机号"]], by_phone[rows[2]["手机号"]]
    registration_contact(registration=worked, outcome="no_answer", by=officer)
    registration_withdraw(registration=withdrawn, by=None)
    assert take_back(batch, officer) == {worked.pk: "edited", withdrawn.pk: "edited"}
    assert set(Registration.objects.values_list("pk", flat=True)) == {far.pk, worked.pk, withdrawn.pk}
    assert set(Receipt.objects.values_list("registration", "is_joined")) == {
        (far.pk, False), (worked.pk, False), (withdrawn.pk, False),
    }  # fmt: skip
    assert not Consent.objects.exclude(registration__in=[far, worked, withdrawn]).exists()


def test_a_lead_who_reported_again_by_an_own_form_stays(city, bring):
    make.notice()
    officer = factories.make_user("officer", city.city)
    row = lead()
    batch = bring("lead", [row], by=officer)
    mine = make.registration(city.yuehai, phone=row["手机号"], id_number=row["身份证号"])
    assert mine == Registration.objects.get()
    assert take_back(batch, officer) == {mine.pk: "referred"}


def test_a_table_that_the_model_knows_nothing_of_keeps_a_record(city, registrar, bring):
    batch = bring("market", [market(1)])
    one = Market.objects.get()
    make.notice()
    registration = make.registration(city.yuehai)
    Registration.objects.filter(pk=registration.pk).change(market=one)  # its key has no name on Market's side
    assert take_back(batch, registrar) == {one.pk: "referred"}


def test_what_cannot_go_back_is_told_alone(city, registrar, bring):
    bring("market", [market(number) for number in range(1, 6)])
    second = bring("market", [market(number, 指导站="沙河指导站") for number in range(1, 6)])
    three = Market.objects.get(code="SC-3")
    second.changes.filter(record_id=three.pk).update(before={"guidance_station_id": 99_999_999})
    assert take_back(second, registrar) == {three.pk: "gone"}
    assert set(Market.objects.exclude(pk=three.pk).values_list("guidance_station", flat=True)) == {city.yuehai.pk}
    three.refresh_from_db()
    assert three.guidance_station == city.shahe


@pytest.mark.parametrize("target", ["organization", "lead", "market"])
def test_the_page_names_what_stayed(client, city, registrar, bring, target):
    make.notice()
    by = factories.make_user("officer", city.city) if target == "lead" else registrar
    batch = bring(target, [{"organization": branch, "market": market}.get(target, lambda _: lead())(1)], by=by)
    if target == "organization":
        name = "示例1党支部"
        factories.make_branch(Organization.objects.get(code="D-1"))
    elif target == "market":
        name = "示例市场1"
        factories.make_business(city.yuehai, market=Market.objects.get())
    else:
        one = Registration.objects.get()
        name = str(one)
        registration_contact(registration=one, outcome="no_answer", by=by)
    client.force_login(by)
    assert client.get(reverse("tables:undo", args=[batch.pk])).status_code == 200
    assert len(take_back(batch, by)) == 1
    page = client.get(reverse("tables:batch", args=[batch.pk])).content.decode()
    assert "已撤销" in page and name in page
    assert (
        b"".join(client.get(reverse("tables:conflicts", args=[batch.pk]), {"format": "csv"})).decode().count(name) == 1
    )
