"""Somebody who got into every place there is, is erased: nothing planted is found any more, wherever one looks."""

import datetime
import io
import uuid
import zipfile
from urllib.parse import urlencode

import openpyxl
import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEvent
from members import erasure_list, identity, services
from members.models import Consent, Draft, Member, Receipt, Registration, RightsRequest, Transfer
from members.services import retention
from stations.services import check_in
from tables import services as files
from tables.fixes import cell_fix
from tables.listing import exportable, listings
from tables.models import Batch, BatchChange, Export, RowError, SavedView
from tables.work import apply, check
from tests import factories
from tests.markets.files import to_csv
from tests.members import make
from tests.members.everywhere import found
from tests.members.test_import_leads import lead
from tests.members.test_import_rolls import person
from tests.workbook_files import saved

pytestmark = pytest.mark.django_db
NAME, OTHER = "欧阳金丝雀", "何无关"
PHONE, NEW_PHONE = "13977661234", "13977665678"
WORK, HOME, TOWN = "金丝雀单位二楼", "金丝雀村党支部", "金丝雀省雀县"
SAID, REPLY, REASON = "金丝雀说的话", "给金丝雀的答复", "金丝雀不好联系"
PROMISE, STREET, LETTER, STALL = "金丝雀的承诺", "金丝雀街道党工委", "介绍信雀字1号", "金丝雀摊位门口"


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path / "media")
    settings.ERASURE_LIST = str(tmp_path / "media" / "erasures" / "list.jsonl")
    cache.clear()


@pytest.fixture
def city():
    make.notice()
    return factories.make_city()


@pytest.fixture
def officer(city):
    return factories.make_user("officer", city.yuehai)


def upload(by, target: str, rows: list[dict], name: str) -> Batch:
    return brought(by, target, to_csv(rows).encode(), name)


def brought(by, target: str, content: bytes, name: str) -> Batch:
    file = SimpleUploadedFile(name, content)
    batch = files.batch_start(by=by, target_name=target, uploads=[file])
    check(batch.job, lambda *said: None)
    batch.refresh_from_db()
    assert batch.state == Batch.State.CHECKED, batch.problem
    return batch


def applied(batch: Batch, by) -> Batch:
    batch = files.batch_confirm(batch=batch, by=by)
    apply(batch.job, lambda *said: None)
    batch.refresh_from_db()
    assert batch.state == Batch.State.APPLIED, batch.problem
    return batch


def planted_everywhere(city, officer, client) -> tuple[Member, list[str]]:
    """One person who reports, is verified, on a roll, in files of every state, asks, checks in, moves and withdraws."""
    number = make.id_number()
    receipt = make.submit(
        make.station_poster(city.yuehai), consents={"check_in"}, name=NAME, phone=PHONE, id_number=number,
        workplace=WORK, home_unknown=False, home_place=TOWN, home_branch=HOME,
    )  # fmt: skip
    services.draft_save(form_token=receipt.form_token, content={"name": NAME})
    row = services.registration_verify(registration=receipt.registration, method="document", by=officer)
    member = row.member
    assert member is not None
    services.member_code_issue(receipt=receipt)
    branch = factories.make_branch(city.yuehai, name="示例党支部")
    registrar = factories.make_user("registrar", city.city)
    told = {"姓名": NAME, "身份证号": number, "手机号": PHONE, "工作单位": WORK}
    applied(upload(registrar, "roll", [person(**told)], f"{NAME}的名册.csv"), registrar)  # on the roll
    roll = applied(
        upload(registrar, "roll", [person(**told | {"手机号": NEW_PHONE})], "更正.csv"), registrar
    )  # replaces
    assert BatchChange.objects.filter(batch=roll).exists()
    wrong = lead(**told | {"手机号": PHONE, "同意方式": SAID, "姓名": NAME, "工作单位": WORK})
    upload(officer, "lead", [wrong, lead(姓名=OTHER)], "线索.csv")  # waits, with a wrong row and its file
    assert RowError.objects.filter(value__contains=SAID).exists() or RowError.objects.exists()
    place = factories.make_service_point(city.yuehai, organization=branch)
    check_in(
        member=member, place=place, purpose="report", channel="code", nonce=uuid.uuid4(), occurred_at=None, by=officer
    )
    factories.make_pledge(member, branch, promise=PROMISE, place=STALL)
    request = services.rights_request(receipt=receipt, kind="copy", details=SAID)
    services.rights_answer(request=request, outcome="granted", reply=REPLY, by=officer)
    client.force_login(officer)
    client.post(reverse("members:list"), {"name": NAME})
    client.get(reverse("members:list"), {"phone_tail": PHONE[-4:]})
    client.post(reverse("lists:export", args=["member"]), {"purpose": "组织关系核对", "format": "csv"})
    client.post(reverse("members:member_reveal", args=[member.pk]),
                {"fields_wanted": ["name", "phone", "id_number"], "purpose": "核实报到"})  # fmt: skip
    Registration.objects.filter(pk=row.pk).change(reason=REASON)
    affiliation = member.affiliations.get(kind="formal", ends_on=None)
    Transfer.objects.create(
        member=member, origin=branch, elsewhere=STREET, number=LETTER, sent_on=datetime.date(2026, 1, 1)
    )
    services.affiliation_end(affiliation=affiliation, by=officer)
    services.receipt_withdraw(receipt=receipt)
    planted = [NAME, PHONE, NEW_PHONE, number, WORK, HOME, TOWN, SAID, REPLY, REASON, PROMISE, STALL, STREET, LETTER]
    return member, planted


def test_nothing_planted_is_found_after_erasure_and_all_of_it_before(city, officer, client):
    member, planted = planted_everywhere(city, officer, client)
    before = found(*planted)
    assert [text for text, places in before.items() if not places] == []  # the control: the search sees every place
    assert {
        "model members.Member", "model members.Registration", "before-images", "sealed imports", "sealed copies",
        "model members.RightsRequest", "model members.Transfer", "model members.Pledge", "model members.Draft",
        "table tables_batch",
    } <= set().union(*before.values())  # fmt: skip
    retention.retention_run()
    assert {text: places for text, places in found(*planted).items() if places} == {}
    member.refresh_from_db()
    assert member.erased_at
    assert AuditEvent.objects.filter(act="members.member.erase", subjects=[member.pk]).exists()  # the number stays


def test_a_tail_of_a_phone_is_never_kept_as_the_filter_of_a_file(city, officer, client):
    make.verified(city.yuehai, by=officer, phone=PHONE)
    client.force_login(officer)
    address = reverse("lists:export", args=["member"])
    assert f"{address}?standing=full" in client.get(reverse("members:list"), {"standing": "full"}).content.decode()
    tail = {"phone_tail": PHONE[-4:]}
    assert address not in client.get(reverse("members:list"), tail).content.decode()
    answer = client.post(f"{address}?{urlencode(tail)}", {"purpose": "组织关系核对", "format": "csv"})
    assert "手机尾号只用来找人" in answer.content.decode() and not Export.objects.exists()
    assert not AuditEvent.objects.filter(act="members.member.export").exists()


def test_files_of_others_stay_and_the_owner_is_told_of_a_file_that_went(city, officer, client):
    row = make.verified(city.yuehai, by=officer, phone=PHONE)
    theirs = upload(officer, "lead", [lead(手机号=f"+86 {PHONE[:3]} {PHONE[3:]}")], "有此人.csv")
    others = upload(officer, "lead", [lead(姓名=OTHER)], "没有此人.csv")
    services.receipt_withdraw(receipt=row.receipts.get())
    retention.retention_run()
    theirs.refresh_from_db()
    others.refresh_from_db()
    assert (theirs.stored_as, theirs.state, theirs.file_name) == ("", "cancelled", "（已移除）")
    assert others.stored_as and files.stored(others).exists()
    client.force_login(officer)
    page = client.get(reverse("tables:batch", args=[theirs.pk])).content.decode()
    assert "有人要求删除本人信息" in page


def left_out(batch: Batch) -> None:
    cell_fix(batch=batch, row=2, column="")


def mended_to_another(batch: Batch) -> None:
    for column, value in (("手机号", make.phone()), ("身份证号", make.id_number())):
        cell_fix(batch=batch, row=2, column=column, value=value)


def mended_to_theirs(batch: Batch) -> None:
    cell_fix(batch=batch, row=2, column="手机号", value=PHONE)


STRANGER = person(姓名=OTHER, 工作单位="某单位")
WAYS = {
    "a row that was left out": (to_csv([STRANGER | {"手机号": PHONE}]), left_out),
    "cells that were mended": (to_csv([STRANGER | {"手机号": PHONE, "身份证号": "1"}]), mended_to_another),
    "what a cell was mended to": (to_csv([STRANGER | {"手机号": "1"}]), mended_to_theirs),
    "above the header": (f"名册，填表人{NAME} {PHONE}\n" + to_csv([STRANGER]), None),
    "a footer that is skipped": (to_csv([STRANGER]) + f"填表人：{NAME}；电话 {PHONE},,,,,\n", None),
    "a remark about somebody else": (to_csv([STRANGER | {"工作单位": f"同{NAME} {PHONE} 一起"}]), None),
}


@pytest.mark.parametrize(("text", "put_right"), WAYS.values(), ids=WAYS)
def test_a_file_is_searched_as_it_lies_and_not_as_it_counts(city, officer, text, put_right):
    row = make.verified(city.yuehai, by=officer, phone=PHONE)
    registrar = factories.make_user("registrar", city.city)
    factories.make_branch(city.yuehai, name="示例党支部")
    theirs, others = (brought(registrar, "roll", each.encode(), "名册.csv") for each in (text, to_csv([STRANGER])))
    if put_right:
        put_right(theirs)
    retention.erase([row.member], [row])
    theirs.refresh_from_db()
    others.refresh_from_db()
    assert (theirs.stored_as, theirs.state) == ("", "cancelled") and others.stored_as


def test_sheets_that_nobody_maps_are_searched_and_hidden_ones_are_taken_for_ones_that_name_everybody(city, officer):
    row = make.verified(city.yuehai, by=officer, phone=PHONE)
    registrar = factories.make_user("registrar", city.city)
    factories.make_branch(city.yuehai, name="示例党支部")

    def sent(title: str, text: str, state: str = "visible") -> Batch:
        book = openpyxl.Workbook()
        for each in (list(STRANGER), list(STRANGER.values())):
            book.active.append(each)
        more = book.create_sheet(title)
        more.append([text])
        more.sheet_state = state
        return brought(registrar, "roll", saved(book), "名册.xlsx")

    sheets = [("说明", "请看前一张"), ("说明", f"有问题找{NAME} {PHONE}"), ("旧名册", "请看前一张", "hidden")]
    batches = [sent(*each) for each in sheets]
    retention.erase([row.member], [row])
    for batch in batches:
        batch.refresh_from_db()
    assert [bool(batch.stored_as) for batch in batches] == [True, False, False]


def test_forms_found_to_be_the_same_persons_go_with_the_one_that_they_repeat(city, officer):
    """One after the other, each decided today: their 90 days are not waited for."""
    first, second, third, other = (make.registration(city.yuehai) for _ in range(4))
    services.registration_mark_duplicate(registration=third, of=second, by=officer)
    services.registration_mark_duplicate(registration=second, of=first, by=officer)
    services.registration_refuse(registration=other, reason="查无此人", by=officer)
    assert retention.erase_due() == 0
    services.receipt_withdraw(receipt=first.receipts.get())
    retention.retention_run()
    left = Registration.objects.filter(erased_at__isnull=True)
    assert [row.pk for row in left] == [other.pk] and not any(found(third.phone, second.phone).values())


def test_a_form_found_to_be_a_members_goes_with_the_member(city, officer):
    number = make.id_number()
    member = make.person(id_number=number)
    form = make.registration(city.yuehai, id_number=number)
    services.registration_mark_duplicate(registration=form, by=officer)
    request = services.rights_request_in_person(kind="erase", member=member, by=officer)
    assert retention.erase_due() == 0
    services.rights_answer(request=request, outcome="granted", reply="已办理", by=officer)
    retention.retention_run()
    form.refresh_from_db()
    assert form.erased_at and not any(found(number).values())


def test_a_file_that_cannot_be_read_is_taken_for_one_that_names_everybody(city, officer):
    row = make.verified(city.yuehai, by=officer, phone=PHONE)
    batch = upload(officer, "lead", [lead(姓名=OTHER)], "坏了.csv")
    files.stored(batch).write_bytes(b"not sealed")
    services.receipt_withdraw(receipt=row.receipts.get())
    retention.retention_run()
    batch.refresh_from_db()
    assert batch.stored_as == ""


def test_what_was_told_of_cells_goes_with_the_upload_after_a_week(city, officer):
    batch = upload(officer, "lead", [lead(同意方式="金丝雀方式", 填表人金丝雀="")], "线索.csv")
    batch.refresh_from_db()
    assert RowError.objects.filter(batch=batch).exists() and batch.unused_columns == ["填表人金丝雀"]
    Batch.objects.filter(pk=batch.pk).update(created_at=make.days_ago(8))
    assert files.retention() == 1
    batch.refresh_from_db()
    assert not RowError.objects.exists() and batch.unused_columns == []


def test_names_of_sheets_and_of_files_in_an_archive_go_with_the_upload(city):
    registrar = factories.make_user("registrar", city.city)
    factories.make_branch(city.yuehai, name="示例党支部")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(f"{NAME}.csv", to_csv([person(姓名=OTHER)]))
        archive.writestr(f"{PHONE}.csv", to_csv([person(姓名=OTHER)]))
        archive.writestr(f"{HOME}.pdf", b"%PDF-1.7")
    unread = io.BytesIO()
    with zipfile.ZipFile(unread, "w") as archive:
        archive.writestr(f"{NAME}.pdf", b"%PDF-1.7")
    for content in (packed, unread):
        file = SimpleUploadedFile("名册.zip", content.getvalue())
        check(files.batch_start(by=registrar, target_name="roll", uploads=[file]).job, lambda *said: None)
    batch = Batch.objects.get(state="checked")
    said_of_it = {"rows": {f"{NAME}.csv": 1}}
    Batch.objects.filter(pk=batch.pk).update(mapping=said_of_it, plan=batch.plan | {"mark": [0, 0, said_of_it]})
    assert all(found(NAME, PHONE, HOME).values())
    Batch.objects.update(created_at=make.days_ago(8))
    assert files.retention() == 2
    assert not any(found(NAME, PHONE, HOME).values())


def test_files_called_after_somebody_without_a_number_are_forgotten_too(city):
    registrar = factories.make_user("registrar", city.city)
    factories.make_branch(city.yuehai, name="示例党支部")
    upload(registrar, "roll", [person(姓名=OTHER)], f"{NAME}的名册.csv")
    retention.erase([factories.make_member(NAME, phone=None)], [])
    assert not any(found(NAME).values())


def test_no_list_of_persons_has_saved_views_and_only_that_of_members_leaves():
    """Their filters would have to be searched at erasure, and their files: forgetting.forget_exports knows one kind."""
    persons = {"member", "registration", "affiliation", "checkin", "roll", "lead"}
    assert not persons & {listing.name for listing in listings()}
    assert {name for name in persons if exportable(name)} == {"member"}
    assert not SavedView.objects.filter(table__in=persons).exists()


def test_drafts_of_the_erased_form_go(city):
    receipt = make.submit(make.station_poster(city.yuehai))
    services.draft_save(form_token=receipt.form_token, content={"name": NAME})
    services.receipt_withdraw(receipt=receipt)
    retention.retention_run()
    assert not Draft.objects.exists()


# --- after a restore ------------------------------------------------------------------------------------------------------


def erased_and_restored(city, officer) -> tuple[Member, Registration]:
    """Erased; then the rows come back as they were, as from a backup taken before the withdrawal."""
    row = make.verified(city.yuehai, by=officer, name=NAME, phone=PHONE)
    backup = [
        (model, values)
        for model in (Member, Registration)
        for values in model.objects.values()
    ]  # fmt: skip
    services.receipt_withdraw(receipt=row.receipts.get())
    retention.retention_run()
    for model, values in backup:
        QuerySet(model).filter(pk=values.pop("id")).update(**values)
    row.refresh_from_db()
    assert (row.name, row.state, row.member.name) == (NAME, "verified", NAME)
    return row.member, row


def test_the_list_names_no_person_and_is_played_after_a_restore(city, officer, capsys):
    member, row = erased_and_restored(city, officer)
    text = erasure_list.path().read_text()
    assert len(text.splitlines()) == 4 and NAME not in text and PHONE not in text
    assert identity.phone_index(PHONE).hex() not in text
    call_command("replay_erasures", "--check")
    assert "还有 2 条没有抹除、1 条没有撤回" in capsys.readouterr().out
    call_command("replay_erasures")
    member.refresh_from_db()
    row.refresh_from_db()
    assert (member.name, row.name, row.state, row.phone) == ("", None, "withdrawn", None)
    call_command("replay_erasures")
    assert "重新抹除 0 条" in capsys.readouterr().out


def test_what_was_taken_back_before_it_was_erased_is_taken_back_again(city, officer, capsys):
    """The person is on a roll, so nothing is erased; one consent was given anew after it was taken back."""
    poster = make.station_poster(city.yuehai)
    row = make.verified(city.yuehai, by=officer, name=NAME, phone=PHONE, consents={"check_in"})
    receipt, joined = row.receipts.get(), make.submit(poster, name=NAME, phone=PHONE)
    kept, other = make.submit(poster, phone="13900139001"), make.submit(poster, phone="13900139002")
    backup = [(model, values) for model in (Receipt, Registration, Consent) for values in model.objects.values()]
    services.consent_withdraw(receipt=receipt, item="check_in")
    services.consent_give(receipt=receipt)
    services.receipt_withdraw(receipt=joined)
    services.receipt_withdraw(receipt=other)
    Consent.objects.exclude(pk__in=[values["id"] for model, values in backup if model is Consent]).delete()
    for model, values in backup:
        QuerySet(model).filter(pk=values.pop("id")).update(**values)
    call_command("replay_erasures", "--check")
    assert "还有 0 条没有抹除、4 条没有撤回" in capsys.readouterr().out
    call_command("replay_erasures")
    assert "重新撤回 3 条、重新抹除 0 条" in capsys.readouterr().out  # the form of `other` went with its receipt
    call_command("replay_erasures")
    assert "重新撤回 0 条" in capsys.readouterr().out
    for one in (row, receipt, joined, kept, other):
        one.refresh_from_db()
    assert (row.state, receipt.withdrawn_at, kept.withdrawn_at, kept.registration.state) == (
        "verified",
        None,
        None,
        "submitted",
    )
    assert joined.withdrawn_at and other.withdrawn_at and other.registration.state == "withdrawn"
    assert row.consents.filter(item="check_in").order_by("pk").first().withdrawn_at is not None


def test_a_list_that_cannot_be_written_stops_no_withdrawal(city, settings, tmp_path, caplog):
    settings.ERASURE_LIST = str(tmp_path / "file" / "list.jsonl")
    (tmp_path / "file").write_text("")
    receipt = make.submit(make.station_poster(city.yuehai))
    services.receipt_withdraw(receipt=receipt)
    assert Registration.objects.get().state == "withdrawn" and "is not on the list" in caplog.text


def test_a_number_given_to_somebody_else_since_is_left_alone(city, officer):
    member, row = erased_and_restored(city, officer)
    later = timezone.now()
    Member.objects.filter(pk=member.pk).change(entered_at=later, name=OTHER)
    Registration.objects.filter(pk=row.pk).change(submitted_at=later, name=OTHER)
    call_command("replay_erasures")
    member.refresh_from_db()
    assert member.name == OTHER


@pytest.mark.parametrize(
    ("line", "words"), [("{}\n", "第 1 行"), ("x\n", "第 1 行"), ('{"table": "a", "id": 1}\n', "第 1 行")]
)
def test_a_list_that_is_none_of_ours_erases_nobody(city, officer, tmp_path, line, words):
    member, row = erased_and_restored(city, officer)
    (tmp_path / "list").write_text(line + erasure_list.path().read_text())
    with pytest.raises(CommandError, match=words):
        call_command("replay_erasures", f"--list={tmp_path / 'list'}")
    member.refresh_from_db()
    assert member.name == NAME


def test_a_missing_list_says_where_to_look(tmp_path):
    with pytest.raises(CommandError, match="--list"):
        call_command("replay_erasures", f"--list={tmp_path / 'none'}")


def test_a_line_cut_off_by_a_crash_counts_as_none(city, officer):
    erased_and_restored(city, officer)
    with erasure_list.path().open("a") as file:
        file.write('{"table": "memb')
    assert len(list(erasure_list.erased_read(erasure_list.path()))) == 4


def test_who_rolled_back_is_on_the_list_and_harms_nobody(city, officer, monkeypatch):
    """The list is written first: an erasure that failed then is done by the next run."""
    receipt = make.submit(make.station_poster(city.yuehai), name=NAME)
    services.receipt_withdraw(receipt=receipt)
    monkeypatch.setattr(retention, "_settle_requests", lambda *given: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        retention.erase_due()
    assert Registration.objects.get().name == NAME
    monkeypatch.undo()
    retention.erase_due()
    assert Registration.objects.get().name is None
    assert len(erasure_list.path().read_text().splitlines()) == 4
    assert RightsRequest.objects.count() == 0
