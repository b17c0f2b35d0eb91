"""The receipt's page, withdrawal, the member code, requests, and what the night erases."""

import datetime
import re
import uuid

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from members import erasure, identity, selectors, services
from members.errors import Refused
from members.models import Consent, Draft, Member, MemberCode, Receipt, Registration, RightsRequest
from members.services import drafts, retention
from members.tasks import retention as retention_task
from tests import factories
from tests.members import make

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_limits")]
BEFORE = datetime.date(2025, 1, 1)


def receipt_of(row: Registration) -> Receipt:
    return row.receipts.get(is_joined=False)


def url(receipt: Receipt, name: str = "receipt", *more) -> str:
    return reverse(f"members:{name}", args=[identity.receipt_code(receipt.form_token), *more])


def page(receipt: Receipt) -> str:
    return Client().get(url(receipt)).content.decode()


def label_on(text: str) -> str:
    """The word of the badge at the top of a receipt."""
    return re.search(r'<span class="state [^>]+>.*?</svg>\s*([^<]+)</span>', text, re.S).group(1)


def reported(city, officer, decide=None, **answers) -> Receipt:
    row = make.registration(city.yuehai, **answers)
    if decide:
        decide(row)
    return Receipt.objects.select_related("registration").get(registration=row)


DECISIONS = {
    "已核实": lambda officer: lambda row: services.registration_verify(registration=row, method="document", by=officer),
    "未核实": lambda officer: lambda row: services.registration_refuse(registration=row, reason="不是党员", by=officer),
    "已撤回": lambda officer: lambda row: services.receipt_withdraw(receipt=receipt_of(row)),
    "已收到": lambda officer: None,
}


@pytest.mark.parametrize("label", DECISIONS)
def test_each_state_in_plain_words_and_never_the_reason(city, officer, label):
    text = page(reported(city, officer, DECISIONS[label](officer)))
    assert label_on(text) == label
    assert "不是党员" not in text
    assert "非党员" not in text


def test_contacted_and_duplicate_look_like_received(city, officer):
    first, second = reported(city, officer), reported(city, officer)
    services.registration_contact(registration=first.registration, outcome="reached", by=officer)
    services.registration_mark_duplicate(registration=second.registration, of=first.registration, by=officer)
    assert label_on(page(first)) == "已收到"
    assert label_on(page(second)) == "已收到"


def test_a_receipt_code_opens_spoken_or_written_and_only_that_one(city, officer):
    receipt = reported(city, officer)
    code = identity.receipt_code(receipt.form_token)
    assert Client().get(reverse("members:receipt", args=[code.lower()])).status_code == 200
    missing = Client().get(reverse("members:receipt", args=["AAAABBBBCCCCDDDD"]))
    assert missing.status_code == 404
    assert "没有找到这张回执" in missing.content.decode()
    assert code.encode() not in bytes(receipt.code_index)


@pytest.mark.parametrize("name", ["receipt_withdraw", "receipt_rights", "receipt_copy"])
def test_pages_of_no_receipt_are_404(name):
    assert Client().get(reverse(f"members:{name}", args=["AAAABBBBCCCCDDDD"])).status_code == 404


def test_the_person_withdraws_after_being_asked(city, officer):
    receipt = reported(city, officer)
    client = Client()
    assert "确认撤回" in client.get(url(receipt, "receipt_withdraw")).content.decode()
    receipt.registration.refresh_from_db()
    assert receipt.registration.state == "submitted"
    assert client.post(url(receipt, "receipt_withdraw")).url == url(receipt)
    row = Registration.objects.get()
    assert (row.state, row.withdrawn_at is not None) == ("withdrawn", True)
    assert not row.consents.filter(withdrawn_at__isnull=True).exists()


def test_a_joined_receipt_withdraws_itself_and_asks_the_officer(city, officer):
    own = reported(city, officer, id_number=(number := make.id_number()))
    joined = make.submit(make.station_poster(city.yuehai), id_number=number)
    services.receipt_withdraw(receipt=joined)
    own.registration.refresh_from_db()
    assert own.registration.state == "submitted"
    assert label_on(page(joined)) == "已撤回"
    assert label_on(page(own)) == "已收到"
    request = RightsRequest.objects.visible_to(officer).get()
    assert (request.kind, request.receipt) == ("withdraw", joined)


def test_withdrawn_and_erasure_pages_of_a_joined_form_are_those_of_a_first_one(city, officer):
    own = reported(city, officer, id_number=(number := make.id_number()))
    joined = make.submit(make.station_poster(city.yuehai), id_number=number)
    texts = []
    for receipt in (joined, own):
        Client().post(url(receipt, "receipt_rights"), {"kind": "erase"})
        receipt.refresh_from_db()
        code = identity.receipt_code(receipt.form_token)
        text = page(receipt).replace(code, "CODE").replace(identity.grouped(code), "CODE")
        texts.append(text[text.index("<footer") :] + text[text.index("receipt-code") : text.index("<img class")])
        texts[-1] += str(text.count("<li"))
        assert label_on(text) == "已撤回"
    assert texts[0] == texts[1]


def test_the_code_comes_only_after_verification_and_its_own_consent(city, officer):
    receipt = reported(city, officer)
    with pytest.raises(Refused, match="核实之后"):
        services.consent_give(receipt=receipt)
    services.registration_verify(registration=receipt.registration, method="document", by=officer)
    with pytest.raises(Refused, match="还没有同意签到"):
        services.member_code_issue(receipt=receipt)
    client = Client()
    assert client.post(url(receipt, "receipt_act", "give")).status_code == 409  # nothing was ticked
    assert not Consent.objects.filter(item="check_in").exists()
    client.post(url(receipt, "receipt_act", "give"), {"check_in": "on"})
    client.post(url(receipt, "receipt_act", "issue"))
    code = MemberCode.objects.get()
    assert identity.grouped(code.code) in page(receipt)
    assert selectors.member_by_code(identity.grouped(code.code)) == code.member
    assert selectors.has_check_in_consent(code.member)


def verified_with_code(city, officer) -> tuple[Receipt, MemberCode]:
    receipt = reported(city, officer, DECISIONS["已核实"](officer))
    services.consent_give(receipt=receipt)
    return receipt, services.member_code_issue(receipt=receipt)


def test_a_new_code_ends_the_old_and_issuing_twice_keeps_it(city, officer):
    receipt, first = verified_with_code(city, officer)
    assert services.member_code_issue(receipt=receipt) == first
    second = services.member_code_issue(receipt=receipt, anew=True)
    assert selectors.member_by_code(first.code) is None
    assert selectors.member_by_code(second.code) == second.member


@pytest.mark.parametrize("name", ["revoke", "ungive"])
def test_revoking_and_taking_the_consent_back_stop_the_code(city, officer, name):
    receipt, code = verified_with_code(city, officer)
    Client().post(url(receipt, "receipt_act", name))
    assert selectors.member_by_code(code.code) is None
    assert selectors.has_check_in_consent(code.member) is (name == "revoke")


@pytest.mark.parametrize("decide", ["已收到", "已核实"])
def test_the_number_is_taken_back_alone_and_goes_at_once(city, officer, decide):
    receipt = reported(city, officer, DECISIONS[decide](officer), id_number=make.id_number())
    assert "撤回：身份号码" in page(receipt)
    Client().post(url(receipt, "receipt_act", "ungive-number"))
    row = Registration.objects.get()
    assert (row.id_number, row.id_number_index, row.state == "withdrawn") == (None, None, False)
    assert row.member is None or (row.member.id_number, row.member.phone) == (None, row.phone)
    assert row.consents.get(item="id_number").withdrawn_at
    assert row.consents.filter(withdrawn_at__isnull=True).count() == 2
    assert "撤回：身份号码" not in page(receipt)


def test_a_roll_keeps_the_number_that_its_registration_lost(city, officer):
    receipt = reported(city, officer, DECISIONS["已核实"](officer), id_number=(number := make.id_number()))
    member = Registration.objects.get().member
    factories.make_affiliation(member, factories.make_branch(city.yuehai), starts_on=BEFORE)
    services.consent_withdraw(receipt=receipt, item="id_number")
    member.refresh_from_db()
    assert (member.id_number, Registration.objects.get().id_number) == (number, None)


def test_check_in_ticked_on_the_form_is_taken_back_before_anybody_verified(city, officer):
    receipt = make.submit(make.station_poster(city.yuehai), consents={"check_in"})
    Client().post(url(receipt, "receipt_act", "ungive"))
    assert Consent.objects.get(item="check_in").withdrawn_at
    with pytest.raises(Refused, match="撤回这次报到"):
        services.consent_withdraw(receipt=receipt, item="membership")


def test_taking_an_item_back_looks_the_same_on_a_joined_form(city, officer):
    own = reported(city, officer, id_number=(number := make.id_number()))
    joined = make.submit(make.station_poster(city.yuehai), id_number=number)
    texts = []
    for receipt in (joined, own):
        Client().post(url(receipt, "receipt_act", "ungive-number"))
        code = identity.receipt_code(receipt.form_token)
        text = page(receipt).replace(code, "CODE").replace(identity.grouped(code), "CODE")
        texts.append(text[text.index("consent-heading") :])
        if receipt == joined:
            assert Registration.objects.get().id_number == number
            assert RightsRequest.objects.get().kind == "withdraw"
    strip = re.compile(r'csrfmiddlewaretoken" value="[^"]+')
    assert strip.sub("", texts[0]) == strip.sub("", texts[1])


def test_the_receipt_leads_to_the_words_that_were_agreed_to(city, officer):
    receipt = reported(city, officer)
    make.later_notice("后来的")
    address = reverse("members:notice_version", args=[receipt.notice.version])
    assert address in page(receipt) and "后来的" not in address


def test_a_joined_receipt_gets_no_code_and_no_copy(city, officer):
    receipt = reported(city, officer, DECISIONS["已核实"](officer), id_number=(number := make.id_number()))
    joined = make.submit(make.station_poster(city.yuehai), id_number=number)
    assert joined.registration == receipt.registration
    with pytest.raises(Refused):
        services.consent_give(receipt=joined)
    assert Client().get(url(joined, "receipt_copy")).status_code == 404
    assert "党员码" not in page(joined)


def test_the_own_copy_is_masked(city, officer):
    number = make.id_number()
    receipt = reported(city, officer, DECISIONS["已核实"](officer), id_number=number, phone="13912345678")
    text = Client().get(url(receipt, "receipt_copy")).content.decode()
    assert identity.mask_id(number) in text
    assert number not in text
    assert "13912345678" not in text


def test_a_request_is_open_once_and_closed_with_an_answer(city, officer):
    receipt = reported(city, officer)
    first, again = (services.rights_request(receipt=receipt, kind="copy") for _ in range(2))
    assert first == again
    assert first.due_on == timezone.localdate() + datetime.timedelta(days=15)
    with pytest.raises(Refused):
        services.rights_answer(request=first, outcome="granted", reply="", by=officer)
    assert services.rights_answer(request=first, outcome="granted", reply="当面给了一份", by=officer).done_at
    with pytest.raises(Refused, match="办结，您这次的没有保存"):
        services.rights_answer(request=first, outcome="granted", reply="再来", by=officer)


# --- the night ---------------------------------------------------------------------------------------------------------


def test_a_withdrawn_person_without_a_roll_is_erased_everywhere(city, officer):
    branch = factories.make_branch(city.yuehai)
    contact = make.person()
    factories.make_affiliation(contact, branch, starts_on=BEFORE)
    receipt, code = verified_with_code(city, officer)
    member = code.member
    services.member_accept(member=member, organization=branch, contact=contact, by=officer)
    services.receipt_withdraw(receipt=receipt)
    assert not Member.objects.visible_to(officer).filter(pk=member.pk).exists()
    told = []
    erasure.on_erase(eraser := lambda members, forms: told.append((members, forms)))
    try:
        retention_task()
    finally:
        erasure._erasers.remove(eraser)
    member.refresh_from_db()
    row = Registration.objects.get(pk=receipt.registration_id)
    for person in (member, row):
        assert (person.name or "", person.phone, person.phone_index, person.id_number, person.phone_tail) == (
            "", None, None, None, "",
        )  # fmt: skip
        assert person.erased_at is not None
    assert told == [([member], [row])]
    assert retention.retention_run() == {
        "copies": 0,
        "inbox": 0,
        "pledges": 0,
        "expired": 0,
        "erased": 0,
    }  # safe to run twice


def test_who_is_on_a_roll_here_stays_a_member(city, officer):
    branch = factories.make_branch(city.yuehai)
    receipt = reported(city, officer, DECISIONS["已核实"](officer))
    member = Registration.objects.get().member
    factories.make_affiliation(member, branch, starts_on=BEFORE)
    services.receipt_withdraw(receipt=receipt)
    retention.retention_run()
    member.refresh_from_db()
    assert (member.name, member.erased_at) == ("张三丰", None)
    assert Registration.objects.get().name is None


def test_unverified_forms_are_erased_after_ninety_days_not_before(city, officer):
    row = reported(city, officer, DECISIONS["未核实"](officer)).registration
    retention.retention_run()
    row.refresh_from_db()
    assert row.name
    Registration.objects.filter(pk=row.pk).change(decided_at=make.days_ago(91))
    retention.retention_run()
    row.refresh_from_db()
    assert (row.name, row.reason, row.state) == (None, identity.ERASED, "not_verified")


def test_what_nobody_handled_for_sixty_days_expires(city, officer):
    late, soon = make.registration(city.yuehai), make.registration(city.yuehai)
    today = timezone.localdate()
    Registration.objects.filter(pk=late.pk).change(due_on=today - datetime.timedelta(days=61))
    Registration.objects.filter(pk=soon.pk).change(due_on=today - datetime.timedelta(days=60))
    assert retention.retention_run()["expired"] == 1
    late.refresh_from_db()
    soon.refresh_from_db()
    assert (late.state, soon.state) == ("expired", "submitted")


def test_forms_never_sent_are_removed_when_their_day_is_over(city):
    poster = make.station_poster(city.yuehai)
    old, fresh = (services.draft_save(form_token=uuid.uuid4(), poster=poster, phone="13800138000") for _ in range(2))
    Draft.objects.filter(pk=old.pk).update(expires_at=make.days_ago(0))
    assert drafts.drafts_expire() == 1
    assert Draft.objects.get() == fresh


@pytest.mark.parametrize(("late", "left"), [(-1, True), (0, False), (1, False)])
def test_who_comes_back_to_the_second_begins_anew_with_a_whole_time(city, monkeypatch, late, left):
    """Seconds after the end. The page said that what was typed is gone: it is, and the next step does not meet it again."""
    token, poster, began = uuid.uuid4(), make.station_poster(city.yuehai), timezone.now()
    services.draft_save(form_token=token, poster=poster, phone="13800138000")
    end = Draft.objects.get().expires_at
    monkeypatch.setattr(drafts.timezone, "now", lambda: end + datetime.timedelta(seconds=late))
    found = services.draft_find(token)
    assert (found is not None, Draft.objects.exists()) == (left, left)
    services.draft_save(form_token=token, poster=poster, name="张三丰")
    again = services.draft_find(token)
    assert again and ("phone" in services.draft_content(again)) == left
    assert (again.expires_at == end) == left and again.expires_at > began


def test_erasing_answers_the_request_that_asked_for_it(city, officer):
    receipt = reported(city, officer)
    services.receipt_erase(receipt=receipt)
    retention.retention_run()
    request = RightsRequest.objects.get()
    assert request.done_at is not None
    assert "已抹除" in request.reply
