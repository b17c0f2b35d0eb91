"""个转企: what a sole trader had goes on at the enterprise that it became, from the day of that, nothing twice."""

from datetime import date

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import QueryDict
from django.urls import reverse

from accounts.models import AuditEvent
from markets.conversion import ANOTHER, ITSELF, NO_ENTERPRISE, NO_SOLE_TRADER, TWICE, UNKNOWN
from markets.imports import first_load, write
from markets.imports.plan import Plan
from markets.listings import BUSINESS_LIST
from markets.models import Absence, Business, BusinessCoverage, CarriedOver, GroupOrganization
from markets.services import CannotSave, business_save
from members.models import InstructorAssignment
from reports.models import Snapshot
from tables import services
from tables import undo as tables_undo
from tables.exports import Mark, export
from tables.models import Batch, BatchChange
from tables.register import Cannot
from tables.statements import fetch
from tests import factories
from tests.markets import files
from tests.markets.files import make_code, make_row
from tests.markets.test_import_undo import conflicts, latest, undo
from tests.reports import builders
from tests.reports.helpers import refresh

pytestmark = pytest.mark.django_db(transaction=True)
DAY = date(2026, 3, 1)
TABLES = (
    "markets_business", "markets_businesscoverage", "markets_businessversion", "members_instructorassignment",
    "markets_grouporganization",
)  # fmt: skip


def everything() -> dict[str, list]:
    return {table: fetch(f"SELECT to_jsonb(t)::text FROM {table} t ORDER BY id") for table in TABLES}


def trader(unit, **more) -> Business:
    return factories.make_business(
        unit, **{"entity_type": "sole_trader", "uscc": make_code(prefix="92449999MA")} | more
    )


def enterprise(before: Business | str, **more) -> dict:
    code = before if isinstance(before, str) else before.code
    return make_row(监管所="粤海所", 成立日期=DAY.isoformat(), 前身代码=code) | more


def cover(row: Business, unit, starts_on: date = date(2025, 1, 1), **more) -> BusinessCoverage:
    branch = more.pop("organization", None) or factories.make_branch(unit)
    return builders.cover(branch, row, starts_on=starts_on, **more)


def links(row: Business) -> list[tuple]:
    return list(row.coverages.order_by("starts_on", "pk").values_list("organization", "starts_on", "ends_on"))


def after(before: Business) -> Business:
    return Business.objects.get(predecessor=before)


def reasons(answer: dict) -> list[tuple]:
    return [(error["row"], error["column"], error["value"], error["reason"]) for error in answer["errors"]]


def test_links_and_instructors_go_on_from_the_day(send, city):
    old = trader(city.yuehai)
    running = cover(old, city.yuehai, mode="joint", local_mode_name="片区联建")
    later = cover(old, city.yuehai, starts_on=date(2026, 5, 1), ends_on=date(2027, 1, 1))
    over = cover(old, city.yuehai, ends_on=date(2026, 3, 1))
    assignment = builders.assign(city.yuehai, old, role="liaison", starts_on=date(2025, 6, 1))
    assert send([enterprise(old)])["new"] == 1
    new = after(old)
    assert links(old) == [
        (running.organization_id, date(2025, 1, 1), DAY),
        (over.organization_id, date(2025, 1, 1), DAY),
    ]
    assert links(new) == [
        (running.organization_id, DAY, None), (later.organization_id, date(2026, 5, 1), date(2027, 1, 1)),
    ]  # fmt: skip
    carried = new.coverages.get(organization=running.organization)
    assert (carried.mode, carried.local_mode_name) == ("joint", "片区联建")
    told = InstructorAssignment.objects.order_by("starts_on").values_list("business", "role", "starts_on", "ends_on")
    assert list(told) == [(old.pk, "liaison", assignment.starts_on, DAY), (new.pk, "liaison", DAY, None)]


def test_group_organizations_go_on_too_and_the_plan_counts_what_goes_over(send, registrar, city):
    old = trader(city.yuehai)
    cover(old, city.yuehai)
    for kind in ("union", "league", "women"):
        GroupOrganization.objects.create(business=old, kind=kind, name=f"小店{kind}", starts_on=date(2025, 1, 1))
    before = everything()
    assert send([enterprise(old)], "--dry-run")["carried"] == 4
    assert send([enterprise(old)])["carried"] == 4
    told = GroupOrganization.objects.filter(business=after(old)).order_by("kind")
    assert list(told.values_list("kind", "name", "starts_on", "ends_on")) == [
        (kind, f"小店{kind}", DAY, None) for kind in ("league", "union", "women")
    ]
    assert set(old.group_organizations.values_list("ends_on", flat=True)) == {DAY}
    assert not conflicts(undo(latest(), registrar)) and everything() == before


def test_without_a_day_of_its_own_it_is_the_files(send, city):
    old = trader(city.yuehai)
    cover(old, city.yuehai)
    send([enterprise(old, 成立日期="")], "--file-date=2026-02-03")
    assert after(old).coverages.get().starts_on == old.coverages.get().ends_on == date(2026, 2, 3)


def test_what_the_enterprise_has_already_is_not_doubled(send, city):
    old, row = trader(city.yuehai), make_row(监管所="粤海所")
    send([row])
    new = Business.objects.get(uscc=row["统一社会信用代码"])
    branch = cover(old, city.yuehai).organization
    same = cover(old, city.yuehai).organization
    cover(new, city.yuehai, organization=branch, starts_on=date(2026, 4, 1), ends_on=date(2026, 6, 1))
    cover(new, city.yuehai, organization=same, starts_on=date(2026, 1, 1))
    assert send([row | {"前身代码": old.code, "成立日期": DAY.isoformat()}])["changed"] == 1
    assert [period[1:] for period in links(new) if period[0] == branch.pk] == [
        (DAY, date(2026, 4, 1)), (date(2026, 4, 1), date(2026, 6, 1)), (date(2026, 6, 1), None),
    ]  # fmt: skip
    assert [period[1:] for period in links(new) if period[0] == same.pk] == [(date(2026, 1, 1), None)]
    assert not old.coverages.exclude(ends_on=DAY).exists()


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("bare", [False, True])
@pytest.mark.parametrize("step", [2, 200_000])
def test_both_in_one_file_in_any_order(send, monkeypatch, backwards, bare, step, registrar):
    monkeypatch.setattr(first_load, "FROM_ROWS", 1 if bare else 100)
    monkeypatch.setattr(write, "STEP", step)
    monkeypatch.setattr(tables_undo, "STEP", step // 2)
    number = "440301123456789"
    old = make_row(统一社会信用代码="", 注册号=number, 主体类型="个体工商户", 监管所="粤海所")
    rows = [old, enterprise(number), make_row(), make_row()]
    answer = send(rows[::-1] if backwards else rows)
    assert answer["new"] == 4 and not answer["errors"]
    assert after(Business.objects.get(legacy_registration_no=number)).name == rows[1]["名称"]
    assert send(rows)["unchanged"] == 4
    for batch in Batch.objects.order_by("-pk"):
        undo(batch, registrar)
    assert not Business.objects.exists()


def test_the_same_file_twice_changes_nothing(send, city):
    old = trader(city.yuehai)
    cover(old, city.yuehai)
    rows = [enterprise(old)]
    send(rows)
    before, images = everything(), BatchChange.objects.count()
    answer = send(rows)
    assert (answer["unchanged"], answer["changed"]) == (1, 0)
    assert everything() == before and BatchChange.objects.count() == images
    assert send([rows[0] | {"前身代码": ""}])["unchanged"] == 1 and after(old)


def test_what_cannot_have_been_it_is_told(send, city):
    old, other, company = trader(city.yuehai), trader(city.yuehai), factories.make_business(city.yuehai)
    standing = enterprise(old)
    send([standing])
    itself, missing, damaged = make_code(), make_code(), other.code[:-1] + "Z"
    new, newer, standing = enterprise(other), enterprise(other), standing | {"前身代码": other.code}
    answer = send([
        standing, enterprise(itself, 统一社会信用代码=itself), enterprise(missing), enterprise(company),
        enterprise(other, 主体类型="个体工商户"), enterprise(old), new, newer, enterprise(damaged),
    ])  # fmt: skip
    said = reasons(answer)
    assert [each[1:] for each in said[:-1]] == [
        ("前身代码", other.code, ANOTHER), ("前身代码", itself, ITSELF), ("前身代码", missing, UNKNOWN),
        ("前身代码", company.code, NO_SOLE_TRADER), ("前身代码", other.code, NO_ENTERPRISE),
        ("前身代码", old.code, TWICE), ("前身代码", other.code, TWICE),
    ]  # fmt: skip
    assert said[-1][:3] == (10, "前身代码", damaged)
    assert (answer["new"], answer["wrong"]) == (1, 8)
    assert after(other).uscc == new["统一社会信用代码"]


def test_outside_the_scope_it_answers_like_an_unknown_one(send, city):
    far, missing = trader(city.lianhua), make_code()
    cover(far, city.lianhua)
    before = everything()
    clerk = factories.make_user("registrar", city.nanshan)
    answer = send([enterprise(far), enterprise(missing)], by=clerk)
    assert reasons(answer) == [(2, "前身代码", far.code, UNKNOWN), (3, "前身代码", missing, UNKNOWN)]
    assert everything() == before
    assert send([enterprise(far)])["new"] == 1  # the city's registrar is responsible for both


def test_a_row_left_for_its_predecessor_did_appear_in_a_full_file(send, city):
    row = make_row(监管所="粤海所")
    send([row])
    send([row | {"前身代码": make_code()}, make_row()], "--full")
    assert not Absence.objects.exists()


def test_an_older_file_converts_nothing(send, city):
    old, row = trader(city.yuehai), make_row(监管所="粤海所")
    cover(old, city.yuehai)
    send([row], "--file-date=2026-06-01")
    assert send([row | {"前身代码": old.code}], "--file-date=2026-05-01")["unchanged"] == 1
    assert not Business.objects.exclude(predecessor=None).exists() and old.coverages.get().ends_on is None


def test_a_row_that_says_nothing_else_new(send, registrar, city):
    old, row = trader(city.yuehai), make_row(监管所="粤海所")
    new = make_row(主体类型="个体工商户", 监管所="粤海所")
    rows = [row, make_row(监管所="粤海所")]
    send(rows)
    before = everything()
    named = [rows[0] | {"前身代码": old.code}, rows[1] | {"前身代码": new["统一社会信用代码"]}, new]
    answer = send(named)
    assert (answer["changed"], answer["new"]) == (2, 1)
    assert after(old).uscc == row["统一社会信用代码"] and Business.objects.exclude(predecessor=None).count() == 2
    assert not conflicts(undo(latest(), registrar)) and everything() == before


def test_undo_gives_links_and_predecessor_back(send, registrar, city):
    old, row, fresh = trader(city.yuehai), make_row(监管所="粤海所"), trader(city.yuehai)
    send([row])
    for each in (old, fresh):
        cover(each, city.yuehai)
        cover(each, city.yuehai, starts_on=date(2026, 4, 1))
        builders.assign(city.yuehai, each)
    before = everything()
    assert send([row | {"前身代码": old.code, "经营状态": "歇业"}, enterprise(fresh)])["changed"] == 1
    assert everything() != before
    assert not conflicts(undo(latest(), registrar)) and everything() == before


@pytest.mark.parametrize("touched", ["link", "new link", "enterprise", "predecessor"])
def test_after_somebody_worked_on_either_both_stay(send, registrar, city, touched):
    old = trader(city.yuehai)
    branch = cover(old, city.yuehai).organization
    send([enterprise(old)])
    new = after(old)
    if touched == "link":
        new.coverages.update(mode="joint")
    elif touched == "new link":
        cover(old, city.yuehai, organization=branch, starts_on=date(2026, 5, 1))
    else:
        each = new if touched == "enterprise" else old
        each.refresh_from_db()
        each.name = "有人改过"
        business_save(business=each, by=registrar)
    before = everything()
    assert {pk for pk, _ in conflicts(undo(latest(), registrar))} == {old.pk, new.pk}
    assert everything() == before


def test_the_plan_shows_it_and_is_another_when_the_predecessor_changed(send, registrar, city):
    old, row = trader(city.yuehai), make_row(监管所="粤海所")
    send([row])
    upload = SimpleUploadedFile("plan.csv", files.to_csv([row | {"前身代码": old.code}]).encode())
    batch = services.batch_start(by=registrar, target_name="business", uploads=[upload])
    services.batch_check(batch=batch)
    assert batch.plan["columns"] == {"前身（个转企）": 1}
    assert batch.plan["samples"][0]["cells"] == [["前身（个转企）", "", old.name]]
    Business.objects.filter(pk=old.pk).delete()
    with pytest.raises(Cannot, match="重新检查"):
        services.batch_apply(batch=batch)


def test_an_export_names_only_predecessors_that_the_reader_may_see(send, registrar, city, tmp_path):
    near, far = trader(city.yuehai), trader(city.lianhua)
    send([enterprise(near), enterprise(far)])

    def leave(user) -> str:
        rows = BUSINESS_LIST.to_export(QueryDict(""), user).iterator(50)
        columns = BUSINESS_LIST.columns(QueryDict(""), True)
        (path := tmp_path / "out.csv").write_bytes(b"".join(export("经营主体", columns, rows, "csv", Mark.by(user))))
        return path.read_text("utf-8-sig")

    clerk = factories.make_user("registrar", city.nanshan)
    assert leave(registrar).count(far.code) == 2  # its own row, and its successor's
    assert far.code not in leave(clerk) and near.code in leave(clerk)
    for user in (clerk, registrar):
        leave(user)
        answer = files.import_file(tmp_path / "out.csv", user)
        assert answer["unchanged"] == answer["rows"]


def test_numbers_follow(send, city):
    old = trader(city.yuehai)
    cover(old, city.yuehai)
    builders.assign(city.yuehai, old)

    def counts() -> list[tuple]:
        refresh()
        found = Snapshot.objects.get(organization=city.yuehai, breakdown="", key="").counts
        return [
            (found[f"{code}#sole_traders"], found[f"{code}#enterprises"]) for code in ("covered_own", "work_covered")
        ]

    assert counts() == [(1, 0), (1, 0)]
    send([enterprise(old)])
    assert counts() == [(0, 1), (0, 1)]


def test_by_hand_it_is_the_same(city, registrar, client):
    old = trader(city.yuehai)
    cover(old, city.yuehai)
    new = factories.make_business(city.yuehai, registered_on=DAY)
    new.predecessor = old
    business_save(business=new, by=registrar, columns=["predecessor"])
    assert old.coverages.get().ends_on == new.coverages.get().starts_on == DAY
    event = AuditEvent.objects.get(act="markets.business.convert")
    assert event.subjects == [new.pk, old.pk] and event.detail == {"carried": 1}
    business_save(business=new, by=registrar)
    assert new.coverages.count() == 1 and AuditEvent.objects.filter(act="markets.business.convert").count() == 1
    other = factories.make_business(city.yuehai, predecessor=None)
    other.predecessor = old
    with pytest.raises(CannotSave, match=TWICE):
        business_save(business=other, by=registrar)


@pytest.mark.parametrize("by_file", [True, False])
@pytest.mark.parametrize("other", [True, False])
def test_a_predecessor_put_right_gets_back_what_went_over(send, city, registrar, by_file, other):
    first, second = trader(city.yuehai), trader(city.yuehai)
    cover(first, city.yuehai, mode="joint")
    cover(first, city.yuehai, starts_on=date(2026, 5, 1), ends_on=date(2027, 1, 1))
    builders.assign(city.yuehai, first)
    GroupOrganization.objects.create(business=first, kind="union", name="工会", starts_on=date(2025, 1, 1))
    cover(second, city.yuehai)
    new = factories.make_business(city.yuehai, registered_on=DAY, uscc=make_code())
    own = cover(new, city.yuehai)
    tables = TABLES[1:2] + TABLES[3:]
    before = {name: rows for name, rows in everything().items() if name in tables}
    if by_file:
        send([make_row(统一社会信用代码=new.uscc, 前身代码=first.code)])
        new.refresh_from_db()
    else:
        new.predecessor = first
        business_save(business=new, by=registrar)
    assert new.coverages.count() == 3 and not first.coverages.filter(ends_on=None).exists()
    new.predecessor = second if other else None
    business_save(business=new, by=registrar)
    if other:
        assert links(second) == [(second.coverages.get().organization_id, date(2025, 1, 1), DAY)]
        new.predecessor = None
        business_save(business=new, by=registrar)
    assert new.coverages.get() == own
    assert {name: rows for name, rows in everything().items() if name in tables} == before
    assert not CarriedOver.objects.exists()
    event = AuditEvent.objects.filter(act="markets.business.unconvert").earliest("pk")
    assert event.subjects == [new.pk, first.pk] and event.detail == {"returned": 4, "stayed": 0}


@pytest.mark.parametrize("touched", ["at the enterprise", "at the trader", "new at the trader"])
def test_a_link_that_somebody_changed_since_stays_and_is_told(city, registrar, touched):
    old = trader(city.yuehai)
    branch = cover(old, city.yuehai).organization
    untouched = cover(old, city.yuehai)
    new = factories.make_business(city.yuehai, registered_on=DAY, predecessor=None)
    new.predecessor = old
    business_save(business=new, by=registrar)
    if touched == "new at the trader":
        cover(old, city.yuehai, organization=branch, starts_on=date(2026, 4, 1))
    else:
        (old if touched == "at the trader" else new).coverages.filter(organization=branch).update(
            local_mode_name="改过"
        )
    told: list[str] = []
    new.predecessor = None
    business_save(business=new, by=registrar, tell=told.append)
    (text,) = told
    assert "有 1 项" in text and str(old) in text
    assert new.coverages.get().organization == branch and old.coverages.get(ends_on=None, pk=untouched.pk)


def test_an_undone_file_leaves_nothing_to_give_back(send, city, registrar):
    old = trader(city.yuehai)
    cover(old, city.yuehai)
    send([enterprise(old)])
    assert CarriedOver.objects.count() == 1
    undo(latest(), registrar)
    assert not CarriedOver.objects.exists()


def test_in_the_admin_only_with_the_right_to_both(client, city):
    clerk = factories.make_user("registrar", city.nanshan)
    factories.Posting.objects.create(user=clerk, role="leader", organization=city.futian)
    new, near, far = factories.make_business(city.yuehai), trader(city.yuehai), trader(city.lianhua)
    client.force_login(clerk, backend="orgs.doors.DoorBackend")
    address = reverse("admin:markets_business_change", args=[new.pk])
    page = client.get(address)
    same = {k: v for k, v in page.context["adminform"].form.initial.items() if v is not None and v is not False}
    assert UNKNOWN in client.post(address, same | {"predecessor": far.pk}).content.decode()
    assert client.post(address, same | {"predecessor": near.pk}).status_code == 302
    assert after(near) == new


def test_the_page_shows_both_lives_and_nothing_outside_the_scope(client, city):
    near, far = trader(city.yuehai, name="粤海小店"), trader(city.lianhua, name="莲花小店")
    one = factories.make_business(city.yuehai, predecessor=near, name="粤海公司")
    two = factories.make_business(city.yuehai, predecessor=far)
    clerk = factories.make_user("registrar", city.nanshan)
    client.force_login(clerk, backend="orgs.doors.DoorBackend")

    def page(row) -> str:
        return client.get(reverse("markets:business_detail", args=[row.pk])).content.decode()

    assert "前身（个转企）" in page(one) and "粤海小店" in page(one)
    assert "后继（个转企）" in page(near) and "粤海公司" in page(near)
    assert "莲花小店" not in page(two) and "不在您的范围内" in page(two)


def test_a_file_without_the_column_pays_nothing(send, monkeypatch):
    seen: list[bool] = []
    count = Plan.count
    monkeypatch.setattr(Plan, "count", lambda plan: seen.append(plan.converts) or count(plan))
    send([make_row()])
    assert seen == [False] and not fetch("SELECT to_regclass('pg_temp.import_business_says_before')")[0][0]
