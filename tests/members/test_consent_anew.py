"""重新取得同意 (PIPL Art. 14(2)): the notice changed what is done, so nothing new rests on what was agreed to before."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEvent
from members import erasure_list, identity, services
from members.copies import person_of, sections
from members.errors import ConsentMissing, Refused
from members.models import Affiliation, Consent, Member, Receipt, Registration, RightsRequest
from members.services import retention
from stations import services as stations
from stations.selectors import members_to_pick
from stations.services import CheckInRefused
from tests import factories
from tests.members import make
from tests.stations.conftest import values

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_limits")]
CHANGE = "增加一项：把您的职业告诉就近的党群服务中心。"
ALL = {"id_number", "check_in"}
DUE = "须重新取得同意"


def reported(city, **answers) -> Receipt:
    return make.submit(make.station_poster(city.yuehai), consents=ALL, id_number=make.id_number(), **answers)


def verified(city, officer, **answers) -> Receipt:
    receipt = reported(city, **answers)
    services.registration_verify(registration=receipt.registration, method="document", by=officer)
    return Receipt.objects.select_related("registration__member", "notice").get(pk=receipt.pk)


def changed(version: str = "改后"):
    return make.later_notice(version, anew=True, change=CHANGE)


def url(receipt: Receipt, name: str, *more) -> str:
    return reverse(f"members:{name}", args=[identity.receipt_code(receipt.form_token), *more])


def text(response) -> str:
    return response.content.decode()


def page(receipt: Receipt) -> str:
    return text(Client().get(url(receipt, "receipt")))


def agree(receipt: Receipt, *items: str):
    return Client().post(url(receipt, "receipt_anew"), dict.fromkeys(items, "on"))


def live(receipt: Receipt) -> set[tuple[str, str]]:
    rows = receipt.registration.consents.live()
    return set(rows.values_list("item", "notice__version"))


# --- the version says it -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("said", [{"consent_anew": None}, {"change": " "}], ids=str)
def test_no_version_is_published_without_the_choice_and_the_reason(said):
    whole = dict.fromkeys(services.notice.PARTS, "写全") | {"consent_anew": True, "change": CHANGE}
    with pytest.raises(Refused, match="请先选明是否须重新取得同意"):
        services.notice_publish(version="x", **whole | said)


def test_the_choice_is_part_of_what_was_published_and_of_the_audit(client):
    notice = changed()
    assert AuditEvent.objects.filter(act="members.notice.publish").latest("pk").detail["consent_anew"] is True
    assert services.is_as_published(notice)
    for name, value in (("consent_anew", False), ("change", "别的")):
        said = getattr(notice, name)
        setattr(notice, name, value)
        assert not services.is_as_published(notice)
        setattr(notice, name, said)
    assert CHANGE in text(client.get(reverse("members:notice")))


def test_the_admin_asks_for_it_beside_the_field(city, client):
    client.force_login(factories.make_user("registrar", city.city))
    data = dict.fromkeys(services.notice.PARTS, "写全") | {"version": "x", "publish": "on"}
    address = reverse("admin:members_notice_add")
    shown = text(client.post(address, data))
    assert "选明了才能发布" in shown and "写明改了什么才能发布" in shown
    assert client.post(address, data | {"consent_anew": "True", "change": CHANGE}).status_code == 302
    notice = services.notice.Notice.objects.get()
    assert (notice.consent_anew, notice.change, notice.published_at is not None) == (True, CHANGE, True)


def test_other_words_ask_nobody(city, officer):
    receipt = reported(city)
    make.later_notice("只改电话")
    assert "请您重新决定" not in page(receipt)
    assert services.registration_verify(registration=receipt.registration, method="document", by=officer)
    assert live(receipt) == {(item, "2026-2") for item in (*make.NEEDED, *ALL)}


# --- what stops, and what does not -------------------------------------------------------------------------------------


def test_nobody_is_verified_until_they_agree_anew(city, officer, desk):
    receipt = reported(city)
    changed()
    with pytest.raises(ConsentMissing, match=DUE):
        services.registration_verify(registration=receipt.registration, method="home_branch", by=officer)
    shown = text(desk.get(reverse("members:registration", args=[receipt.registration_id])))
    assert DUE in shown and reverse("members:registration_verify", args=[receipt.registration_id]) not in shown
    assert reverse("members:registration_refuse", args=[receipt.registration_id]) in shown
    services.registration_contact(registration=receipt.registration, outcome="reached", by=officer)  # to ask them
    agree(receipt, *make.NEEDED)
    assert services.registration_verify(registration=receipt.registration, method="home_branch", by=officer)


def test_who_was_verified_stays_and_counts(city, officer, desk):
    receipt = verified(city, officer)
    branch = factories.make_branch(city.yuehai)
    contact = make.person()
    factories.make_affiliation(contact, branch, starts_on="2025-01-01")
    member = receipt.registration.member
    changed()
    assert Registration.objects.verified().count() == Member.objects.visible_to(officer).current().count() - 1 == 1
    with pytest.raises(ConsentMissing, match=DUE):
        services.member_accept(member=member, organization=branch, contact=contact, by=officer)
    with pytest.raises(ConsentMissing, match=DUE):
        services.member_reveal(member=member, fields=["id_number"], purpose="核实报到", by=officer)
    with pytest.raises(ConsentMissing, match=DUE):
        services.registration_reveal(
            registration=receipt.registration, fields=["name", "id_number"], purpose="核实报到", by=officer
        )
    assert services.member_reveal(member=member, fields=["phone"], purpose="核实报到", by=officer)  # to ask them
    shown = text(desk.get(reverse("members:detail", args=[member.pk])))
    assert DUE in shown and reverse("members:member_accept", args=[member.pk]) not in shown
    agree(receipt, *make.NEEDED, *ALL)
    assert services.member_accept(member=member, organization=branch, contact=contact, by=officer)
    assert services.member_reveal(member=member, fields=["id_number"], purpose="核实报到", by=officer)


def test_a_roll_rests_on_no_consent(city, officer):
    member = verified(city, officer).registration.member
    factories.make_affiliation(member, factories.make_branch(city.yuehai), starts_on="2025-01-01")
    other, contact = factories.make_branch(city.yuehai), make.person()
    factories.make_affiliation(contact, other, starts_on="2025-01-01")
    changed()
    assert services.member_accept(member=member, organization=other, contact=contact, by=officer)
    assert Affiliation.objects.live().formal().filter(member=member).exists()


def test_checking_in_stops_and_goes_on_with_the_same_code(city, officer):
    receipt = verified(city, officer)
    code = services.member_code_issue(receipt=receipt)
    member, place = receipt.registration.member, factories.make_service_point(city.yuehai)
    changed()
    for who in ({"member": member}, {"code": code.code}):
        with pytest.raises(CheckInRefused, match="告知书变更后须重新同意"):
            stations.check_in(place=place, **who, **values(by=officer))
    assert not members_to_pick(user=officer, place=place).exists()
    with pytest.raises(ConsentMissing, match=DUE):
        services.member_code_issue(receipt=receipt)
    with pytest.raises(ConsentMissing, match=DUE):
        services.consent_give(receipt=receipt)
    assert identity.grouped(code.code) not in page(receipt)
    agree(receipt, *make.NEEDED, "check_in")
    assert stations.check_in(place=place, code=code.code, **values(by=officer))[1]
    assert list(members_to_pick(user=officer, place=place)) == [member]
    assert identity.grouped(code.code) in page(receipt)


def test_the_code_of_who_does_not_agree_to_check_in_ends(city, officer):
    receipt = verified(city, officer)
    code = services.member_code_issue(receipt=receipt)
    changed()
    agree(receipt, *make.NEEDED)
    code.refresh_from_db()
    assert code.revoked_at is not None


# --- the person decides ------------------------------------------------------------------------------------------------


def test_the_receipt_names_the_change_and_ticks_nothing(city):
    receipt = reported(city)
    changed()
    assert CHANGE in page(receipt) and url(receipt, "receipt_anew") in page(receipt)
    shown = text(Client().get(url(receipt, "receipt_anew")))
    assert CHANGE in shown and "（改后 版）" in shown
    assert shown.count('type="checkbox"') == 4 and "checked" not in shown


def test_an_item_that_was_never_agreed_to_is_not_asked(city):
    receipt = make.submit(make.station_poster(city.yuehai))
    changed()
    assert text(Client().get(url(receipt, "receipt_anew"))).count('type="checkbox"') == 2
    agree(receipt, *make.NEEDED, *ALL)
    assert {item for item, _ in live(receipt)} == make.NEEDED


def test_what_was_agreed_before_stays_on_record_and_the_answer_stands_beside_it(city):
    receipt = reported(city)
    changed()
    assert agree(receipt, *make.NEEDED, *ALL).url == url(receipt, "receipt")
    assert live(receipt) == {(item, version) for item in (*make.NEEDED, *ALL) for version in ("2026-2", "改后")}
    assert "请您重新决定" not in page(receipt) and "改后" in page(receipt)
    event = AuditEvent.objects.get(act="members.consent.anew")
    assert (event.subjects, event.detail["notice"]) == ([receipt.registration_id], "改后")
    rows = Consent.objects.count()
    assert agree(receipt, *make.NEEDED).url == url(receipt, "receipt")  # sent again
    assert (Consent.objects.count(), AuditEvent.objects.filter(act="members.consent.anew").count()) == (rows, 1)


def test_an_optional_item_left_out_is_taken_back(city):
    receipt = reported(city)
    changed()
    agree(receipt, *make.NEEDED)
    row = Registration.objects.get()
    assert (row.id_number, row.id_number_index) == (None, None)
    assert {item for item, _ in live(receipt)} == make.NEEDED


@pytest.mark.parametrize("missing", sorted(make.NEEDED))
def test_without_a_needed_tick_nothing_is_written(city, missing):
    receipt = reported(city)
    changed()
    response = agree(receipt, *make.NEEDED - {missing})
    assert response.status_code == 200 and "要继续，需要您同意这一项" in text(response)
    assert {version for _, version in live(receipt)} == {"2026-2"} and Registration.objects.get().id_number
    with pytest.raises(ConsentMissing):
        services.receipt_renew(receipt=receipt, consents=ALL, notice=services.notice.Notice.objects.latest("pk"))


def test_words_that_changed_while_they_were_read_are_read_again(city):
    receipt = reported(city)
    changed()
    changed("再改")
    response = Client().post(url(receipt, "receipt_anew"), dict.fromkeys(make.NEEDED, "on") | {"version": "改后"})
    assert "告知书刚刚又有更新" in text(response) and "checked" not in text(response)
    assert {version for _, version in live(receipt)} == {"2026-2"}
    agree(receipt, *make.NEEDED)
    assert {version for _, version in live(receipt)} == {"2026-2", "再改"}


def test_a_second_change_asks_again(city):
    receipt = reported(city)
    changed()
    agree(receipt, *make.NEEDED)
    changed("再改")
    assert "请您重新决定" in page(receipt)


@pytest.mark.parametrize("ended", ["withdrawn", "refused"])
def test_where_nothing_is_done_any_more_nobody_is_asked(city, officer, ended):
    receipt = reported(city)
    if ended == "withdrawn":
        services.receipt_withdraw(receipt=receipt)
    else:
        services.registration_refuse(registration=receipt.registration, reason="联系后不愿意", by=officer)
    changed()
    assert "请您重新决定" not in page(receipt)
    with pytest.raises(Refused):
        services.receipt_renew(
            receipt=receipt, consents=make.NEEDED, notice=services.notice.Notice.objects.latest("pk")
        )


def test_a_joined_form_is_asked_the_same_and_proves_nothing(city):
    number = make.id_number()
    own, joined = (
        make.submit(make.station_poster(city.yuehai), consents=ALL, id_number=number, phone=make.phone()) for _ in "12"
    )
    assert (own.is_joined, joined.is_joined) == (False, True)
    changed()
    shown = []
    for receipt in (own, joined):
        code = identity.receipt_code(receipt.form_token)
        for name in ("receipt", "receipt_anew"):
            said = text(Client().get(url(receipt, name))).replace(code, "CODE").replace(identity.grouped(code), "CODE")
            shown.append(re.sub(r'csrfmiddlewaretoken" value="[^"]+|src="data:[^"]+|\d\d:\d\d 提交', "", said))
    assert shown[:2] == shown[2:]
    agree(joined, *make.NEEDED)
    assert {version for _, version in live(own)} == {"2026-2"} and Registration.objects.get().id_number == number
    assert RightsRequest.objects.get().kind == "withdraw"
    assert "请您重新决定" not in page(joined) and "请您重新决定" in page(own)


# --- what goes, and what is copied -------------------------------------------------------------------------------------


def test_both_are_copied_taken_back_and_erased(city, officer):
    receipt = verified(city, officer)
    changed()
    agree(receipt, *make.NEEDED)
    copied = {one.title: one.rows for one in sections(person_of(registration=receipt.registration), masked=False)}
    assert len(copied["同意"]) == 6  # two kept twice, two taken back
    services.receipt_withdraw(receipt=receipt)
    assert not Consent.objects.live().exists()
    retention.retention_run()
    assert Member.objects.get().erased_at and Registration.objects.get().name is None


def test_an_item_taken_back_by_not_agreeing_is_taken_back_again_after_a_restore(city, settings, tmp_path):
    settings.ERASURE_LIST = str(tmp_path / "list")
    receipt = reported(city)
    number = receipt.registration.id_number
    before = {row.pk: row.withdrawn_at for row in Consent.objects.all()}
    changed()
    agree(receipt, *make.NEEDED)
    for pk, at in before.items():
        Consent.objects.filter(pk=pk).change(withdrawn_at=at)
    Registration.objects.change(id_number=number)
    retention.erasures_replay(erasure_list.erased_read(erasure_list.path()))
    assert {item for item, _ in live(receipt)} == make.NEEDED and Registration.objects.get().id_number is None


# --- who is still to be asked ------------------------------------------------------------------------------------------


def test_officers_see_how_many_and_whom_in_their_own_scope(city, officer, desk):
    here = [reported(city) for _ in range(3)]
    make.submit(make.station_poster(city.lianhua))
    services.receipt_withdraw(receipt=here[0])
    changed()
    queue = text(desk.get(reverse("members:queue")))
    assert f"{DUE}：2 份报到" in queue and "?state=&amp;anew=on" in queue
    assert "，2 份须重新取得同意" in text(desk.get(reverse("reports:today")))
    agree(here[1], *make.NEEDED)
    listed = text(desk.get(reverse("members:queue"), {"state": "", "anew": "on"}))
    assert re.findall(r"/registrations/(\d+)/\"", listed) == [str(here[2].registration_id)]
    agree(here[2], *make.NEEDED)
    assert DUE + "：" not in text(desk.get(reverse("members:queue")))
    assert DUE not in text(desk.get(reverse("reports:today")))
