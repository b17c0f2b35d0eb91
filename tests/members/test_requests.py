"""Requests about one's own data: asked by receipt and at the window, answered, and what the person gets."""

import datetime
import io
import json
import zipfile

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.crypto import CannotDecrypt
from accounts.models import AuditEvent
from accounts.personal import declared
from members import identity, sealing, services
from members.copies import person_of, sections
from members.errors import Refused
from members.models import Member, Registration, RightsRequest
from members.services import retention
from members.services.requests import COPY, COPY_FIRST, COPY_FIRST_DUE, NOTHING_LEFT
from tests import factories
from tests.members import make

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_limits")]
BEFORE = datetime.date(2025, 1, 1)


def code_of(receipt) -> str:
    return identity.receipt_code(receipt.form_token)


def url(receipt, name: str, *more) -> str:
    return reverse(f"members:{name}", args=[code_of(receipt), *more])


def reported(city, **answers):
    return make.submit(make.station_poster(city.yuehai), **answers)


def answer(desk, request, **data):
    whole = {"outcome": "granted", "reply": "已经办好", "checked": "on"} | data
    return desk.post(reverse("members:rights_answer", args=[request.pk]), whole)


@pytest.mark.parametrize("kind", ["copy", "correct", "object", "explain"])
def test_each_kind_is_asked_on_the_receipt_and_due_by_the_setting(city, settings, kind):
    settings.RIGHTS_ANSWER_DAYS = 7
    receipt = reported(city)
    Client().post(url(receipt, "receipt_rights"), {"kind": kind, "details": "职业写错了"})
    request = RightsRequest.objects.get()
    assert (request.kind, request.details) == (kind, "职业写错了")
    assert request.due_on == timezone.localdate() + datetime.timedelta(days=7)


def test_a_correction_without_a_word_is_asked_again_and_nothing_typed_is_lost(city):
    receipt = reported(city)
    page = Client().post(url(receipt, "receipt_rights"), {"kind": "correct", "details": " "})
    assert "请写明要更正什么" in page.content.decode()
    assert not RightsRequest.objects.exists()
    long = Client().post(url(receipt, "receipt_rights"), {"kind": "correct", "details": "长" * 501})
    assert "最多 500 个字" in long.content.decode() and "长长长" in long.content.decode()


def test_what_is_said_again_is_added_to_the_open_request(city):
    receipt = reported(city)
    for words in ("第一句", "第二句"):
        services.rights_request(receipt=receipt, kind="object", details=words)
    assert RightsRequest.objects.get().details == "第一句\n第二句"


# --- a copy -------------------------------------------------------------------------------------------------------------


def test_a_copy_is_sealed_to_the_receipt_and_nobody_else_opens_it(city, officer, desk):
    number = make.id_number()
    receipt = reported(city, name="欧阳示例", id_number=number, phone="13912345678", home_unknown=False,
                       home_place="湖南省隆回县", home_branch="某村党支部")  # fmt: skip
    services.registration_reveal(registration=receipt.registration, fields=["name"], purpose="核实报到", by=officer)
    request = services.rights_request(receipt=receipt, kind="copy")
    assert answer(desk, request, checked="").status_code == 422  # who it is was not checked
    shown = answer(desk, request)
    assert "欧阳示例" not in shown.content.decode() and number not in shown.content.decode()
    request.refresh_from_db()
    assert number.encode() not in bytes(request.sealed) and "欧阳示例".encode() not in bytes(request.sealed)
    page = Client().get(url(receipt, "receipt")).content.decode()
    assert url(receipt, "receipt_whole_copy", request.pk) in page and "已经办好" in page
    opened = Client().get(url(receipt, "receipt_whole_copy", request.pk)).content.decode()
    for said in (
        "欧阳示例",
        number,
        "13912345678",
        "湖南省隆回县",
        "某村党支部",
        "核实报到",
        "查看明文",
        str(officer),
        "党员身份、身份号码、向组织关系所在党组织核实",
    ):
        assert said in opened, said
    file = Client().get(url(receipt, "receipt_whole_copy", request.pk), {"format": "json"})
    found = json.loads(file.content)
    assert {one["类别"] for one in found["信息"]} >= {"报到", "同意", "回执", "权利申请"}
    other = reported(city)
    assert Client().get(url(other, "receipt_whole_copy", request.pk)).status_code == 404
    with pytest.raises(CannotDecrypt):
        sealing.unseal(request.sealed, code=code_of(other), what=COPY)


def test_a_copy_ends_after_its_days(city, officer):
    receipt = reported(city)
    request = services.rights_request(receipt=receipt, kind="copy")
    services.rights_answer(request=request, outcome="granted", reply="给您了", by=officer)
    request.refresh_from_db()
    RightsRequest.objects.update(sealed_until=make.days_ago(0))
    request.refresh_from_db()
    assert Client().get(url(receipt, "receipt_whole_copy", request.pk)).status_code == 404
    assert retention.retention_run()["copies"] == 1
    request.refresh_from_db()
    assert request.sealed is None


def test_a_copy_holds_every_declared_table_that_has_a_row_about_the_person(city, officer):
    """Whatever a room declares comes along: nothing is listed by hand."""
    row = make.verified(city.yuehai, by=officer)
    branch = factories.make_branch(city.yuehai)
    factories.make_affiliation(row.member, branch, starts_on=BEFORE)
    person = person_of(registration=row)
    expected = {held.title for held in declared() if held.rows and list(held.rows(person))}
    assert expected == {one.title for one in sections(person, masked=False)}
    assert {"党员", "报到", "党员关系", "同意", "回执"} <= expected


def test_a_joined_receipt_gets_nothing_of_the_person(city, officer, desk):
    own = reported(city, id_number=(number := make.id_number()))
    joined = reported(city, id_number=number)
    request = services.rights_request(receipt=joined, kind="copy")
    with pytest.raises(Refused, match="并入的"):
        services.rights_answer(request=request, outcome="granted", reply="给您", by=officer)
    answer(desk, request, outcome="refused", reply="张三丰请到窗口")
    page = Client().get(url(joined, "receipt")).content.decode()
    assert "请到窗口" not in page and "到指导站窗口领取" in page
    assert own.registration == joined.registration


def test_what_a_joined_form_takes_back_is_asked_of_the_person_first(city, desk):
    """Whoever knows a number can send such a form."""
    reported(city, id_number=(number := make.id_number()))
    services.receipt_withdraw(receipt=reported(city, id_number=number))
    request = RightsRequest.objects.get(kind="withdraw")
    page = desk.get(reverse("members:rights_answer", args=[request.pk])).content.decode()
    assert "问清是不是本人的意思" in page and "请本人到窗口当面提出" not in page
    assert "先核对是本人" in answer(desk, request, checked="").content.decode()
    assert Registration.objects.get().state == "submitted"
    assert answer(desk, request).status_code == 302 and Registration.objects.get().state == "withdrawn"


def test_who_comes_second_is_told_who_answered_and_that_nothing_was_kept(city, officer, desk):
    request = services.rights_request(receipt=reported(city), kind="object")
    services.rights_answer(request=request, outcome="refused", reply="照旧", by=officer)
    told = answer(desk, request)
    assert told.status_code == 422 and f"已由{officer}办结，您这次的没有保存" in told.content.decode()


def test_a_copy_at_the_window_is_a_page_and_a_file_in_one(city, officer, desk):
    receipt = reported(city, name="欧阳示例")
    at = reverse("members:registration_rights", args=[receipt.registration_id])
    assert "先核对是本人" in desk.post(at, {"kind": "copy", "details": ""}).content.decode()
    assert desk.post(at, {"kind": "copy", "details": "", "seen": "on"}, follow=True).status_code == 200
    request = RightsRequest.objects.get()
    assert (request.taken_by, request.receipt) == (officer, None)
    made = desk.post(reverse("members:rights_copy", args=[request.pk]))
    archive = zipfile.ZipFile(io.BytesIO(made.content))
    assert "欧阳示例" in archive.read("我的个人信息.html").decode()
    assert "欧阳示例" in json.dumps(json.loads(archive.read("我的个人信息.json")), ensure_ascii=False)
    assert AuditEvent.objects.get(act="members.rights.copy").purpose == "办理本人申请"
    answer(desk, request)
    assert desk.post(reverse("members:rights_copy", args=[request.pk])).status_code == 422
    assert RightsRequest.objects.get().sealed is None


# --- correction, erasure, the roll ----------------------------------------------------------------------------------------


def test_a_correction_reaches_the_registration_and_the_member(city, officer, desk):
    row = make.verified(city.yuehai, by=officer, phone="13900000001")
    request = services.rights_request(receipt=row.receipts.get(), kind="correct", details="手机号换了")
    again = answer(desk, request, reply="写好了的答复").content.decode()
    assert "请填写要更正的内容" in again and "写好了的答复" in again
    done = answer(desk, request, phone="139 1234 5678", workplace="三楼 8 号", sex="", standing="")
    assert done.status_code == 302, done.content.decode()
    row.refresh_from_db()
    member = Member.objects.get()
    for person in (row, member):
        assert (person.phone, person.phone_tail, person.workplace) == ("13912345678", "5678", "三楼 8 号")
        assert bytes(person.phone_index) == identity.phone_index("13912345678")
        assert person.name == "张三丰"
    fields = AuditEvent.objects.get(act="members.registration.correct").detail["fields"]
    assert fields == ["phone", "workplace"]


def test_erasure_asked_at_the_window_withdraws_and_the_night_erases(city, officer, desk):
    row = reported(city).registration
    request = services.rights_request_in_person(kind="erase", by=officer, registration=row)
    answer(desk, request)
    row.refresh_from_db()
    assert row.state == "withdrawn"
    retention.retention_run()
    row.refresh_from_db()
    assert row.name is None


def test_who_left_the_roll_and_never_reported_is_erased_on_request(city, officer):
    branch = factories.make_branch(city.yuehai)
    member = make.person()
    affiliation = factories.make_affiliation(member, branch, starts_on=BEFORE)
    request = services.rights_request_in_person(kind="erase", by=officer, member=member)
    assert request in RightsRequest.objects.visible_to(officer)
    assert request not in RightsRequest.objects.visible_to(factories.make_user("officer", city.lianhua))
    with pytest.raises(Refused, match="在名册上"):
        services.rights_answer(request=request, outcome="granted", reply="好", by=officer)
    services.affiliation_end(affiliation=affiliation, by=officer)
    services.rights_answer(request=request, outcome="granted", reply="好", by=officer)
    retention.retention_run()
    member.refresh_from_db()
    assert (member.name, member.phone) == ("", None)


def test_a_refusal_says_why_and_changes_nothing(city, officer, desk):
    receipt = reported(city)
    request = services.rights_request(receipt=receipt, kind="object", details="不要打电话")
    assert answer(desk, request, reply=" ").status_code == 422
    assert answer(desk, request, reply="\u200b").status_code == 422
    answer(desk, request, outcome="refused", reply="核实必须联系一次")
    closed = desk.get(reverse("members:rights_answer", args=[request.pk])).content.decode()
    assert "核实必须联系一次" in closed and 'name="reply"' not in closed
    page = Client().get(url(receipt, "receipt")).content.decode()
    assert "不予办理" in page and "核实必须联系一次" in page
    assert Registration.objects.get().state == "submitted"


def test_overdue_stands_first_and_is_counted(city, officer, desk):
    soon = services.rights_request(receipt=reported(city), kind="copy")
    late = services.rights_request(receipt=reported(city), kind="explain")
    RightsRequest.objects.filter(pk=late.pk).update(due_on=BEFORE)
    page = desk.get(reverse("members:rights")).content.decode()
    assert "逾期 1 件" in page
    assert page.index(f"/rights/{late.pk}/") < page.index(f"/rights/{soon.pk}/")


def test_what_was_said_goes_with_the_person(city, officer):
    receipt = reported(city)
    services.rights_request(receipt=receipt, kind="object", details="我叫张三丰")
    services.receipt_erase(receipt=receipt)
    retention.retention_run()
    for request in RightsRequest.objects.all():
        assert (request.details, request.sealed) == (None, None)
    assert "已抹除" in RightsRequest.objects.get(kind="erase").reply


# --- a copy and the erasure at once ---------------------------------------------------------------------------------------


def test_who_asks_for_a_copy_and_the_erasure_has_the_copy_first(city, officer):
    receipt = reported(city, name="欧阳示例")
    copy = services.rights_request(receipt=receipt, kind="copy")
    services.receipt_erase(receipt=receipt)
    copy.refresh_from_db()
    assert copy.due_on == timezone.localdate() + COPY_FIRST_DUE  # in time, before it is erased anyway
    assert retention.retention_run()["erased"] == 0
    services.rights_answer(request=copy, outcome="granted", reply="给您了", by=officer)
    assert retention.retention_run()["erased"] == 0  # it lies to be fetched
    opened = Client().get(url(receipt, "receipt_whole_copy", copy.pk))
    assert "欧阳示例" in opened.content.decode()
    copy.refresh_from_db()
    form = Registration.objects.get()
    assert copy.sealed_until == form.withdrawn_at + COPY_FIRST
    move_withdrawal(form, COPY_FIRST)
    assert retention.retention_run()["erased"] == 1
    copy.refresh_from_db()
    assert copy.sealed is None and Registration.objects.get().name is None


def test_a_copy_asked_for_in_the_evening_of_the_withdrawal_comes_first_too(city, officer):
    row = make.verified(city.yuehai, by=officer)
    receipt = row.receipts.get(is_joined=False)
    services.receipt_withdraw(receipt=receipt)
    copy = services.rights_request(receipt=receipt, kind="copy")
    assert copy.due_on == timezone.localdate() + COPY_FIRST_DUE
    assert retention.retention_run()["erased"] == 0  # the member neither
    services.rights_answer(request=copy, outcome="refused", reply="电话里本人说没有申请", by=officer)
    assert retention.retention_run()["erased"] == 2


def test_a_copy_that_nobody_made_in_time_keeps_nothing_from_being_erased(city, officer):
    receipt = reported(city)
    said = [services.rights_request(receipt=receipt, kind=kind, details="我叫张三丰") for kind in ("copy", "object")]
    services.receipt_erase(receipt=receipt)
    move_withdrawal(Registration.objects.get(), COPY_FIRST)
    assert retention.retention_run()["erased"] == 1
    for request in said:  # nothing is left that somebody could do
        request.refresh_from_db()
        assert (request.outcome, request.reply, request.details) == ("refused", NOTHING_LEFT, None)


def test_a_copy_had_before_the_withdrawal_delays_nothing(city, officer):
    receipt = reported(city)
    copy = services.rights_request(receipt=receipt, kind="copy")
    services.rights_answer(request=copy, outcome="granted", reply="给您了", by=officer)
    assert "先打开保存" in Client().get(url(receipt, "receipt_withdraw")).content.decode()
    services.receipt_withdraw(receipt=receipt)
    assert retention.retention_run()["erased"] == 1


def test_of_whom_nothing_is_left_nothing_is_written_down_any_more(city, officer):
    """No run would take it away again: the form is erased already."""
    number = make.id_number()
    own, joined = reported(city, id_number=number), reported(city, id_number=number)
    open_request = services.rights_request(receipt=joined, kind="correct")
    services.receipt_withdraw(receipt=own)
    retention.retention_run()
    with pytest.raises(Refused, match="已经抹除"):
        services.rights_request(receipt=own, kind="object", details="我叫张三丰")
    said = {"kind": "object", "details": "我叫张三丰"}
    assert Client().post(url(own, "receipt_rights"), said).status_code == 409
    assert Client().post(url(joined, "receipt_rights"), said).status_code == 302  # tells not that it is erased
    assert not [one for one in RightsRequest.objects.all() if one.details]
    with pytest.raises(Refused, match="并入的|已经抹除"):
        services.rights_answer(
            request=open_request, outcome="granted", reply="改了", by=officer, corrections={"name": "张三丰"}
        )


def move_withdrawal(form: Registration, back: datetime.timedelta) -> None:
    Registration.objects.filter(pk=form.pk).change(withdrawn_at=form.withdrawn_at - back)
