"""The officers' pages: who sees whom, what is masked, what each act answers, what the audit says."""

import re
from urllib.parse import unquote

import pytest
from django.urls import reverse

from accounts.models import AuditEvent
from members import identity, services
from members.copies import looks, person_of
from members.models import Affiliation, Member, Registration
from tests import factories
from tests.members import make

pytestmark = pytest.mark.django_db


@pytest.fixture
def city():
    return factories.make_city()


@pytest.fixture
def officer(city):
    return factories.make_user("officer", city.yuehai, name="王五")


@pytest.fixture
def browser_of(client):
    def sign_in(user):
        client.force_login(user)
        return client

    return sign_in


def page(response) -> str:
    return re.sub(r"\s+", " ", response.content.decode())


def url(name: str, *args) -> str:
    return reverse(f"members:{name}", args=args)


def acts_of(row: Registration) -> list[tuple[str, dict]]:
    return [
        (url(f"registration_{name}", row.pk), data)
        for name, data in (
            ("take", {}), ("contact", {"outcome": "reached"}), ("verify", {"method": "document"}),
            ("refuse", {"reason": "查不到"}), ("duplicate", {}), ("unreachable", {}),
            ("reveal", {"fields_wanted": ["phone"], "purpose": "核实报到"}),
        )
    ]  # fmt: skip


# --- scope ----------------------------------------------------------------------------------------------------------


def test_the_queue_shows_the_own_guidance_station_overdue_first(city, officer, browser_of):
    soon, late, far = (make.registration(unit) for unit in (city.yuehai, city.yuehai, city.shahe))
    Registration.objects.filter(pk=late.pk).change(due_on="2025-01-01")
    response = browser_of(officer).get(url("queue"))
    assert [row["registration"].pk for row in response.context["rows"]] == [late.pk, soon.pk]
    assert "逾期" in page(response)
    assert url("registration", far.pk) not in page(response)


def test_every_page_of_another_guidance_stations_registration_is_404(city, officer, browser_of):
    row = make.registration(city.shahe)
    client = browser_of(officer)
    missing = client.get(url("registration", 999_999_999))
    assert client.get(url("registration", row.pk)).status_code == missing.status_code == 404
    for address, data in acts_of(row):
        assert client.get(address).status_code == 404
        assert client.post(address, data).status_code == 404
    row.refresh_from_db()
    assert (row.state, row.assigned_to) == ("submitted", None)


def test_a_member_of_another_guidance_station_is_404(city, officer, browser_of):
    member = make.verified(city.shahe, by=officer).member
    client = browser_of(officer)
    for name in ("detail", "member_reveal", "member_accept", "member_edit", "member_end"):
        assert client.get(url(name, member.pk)).status_code == 404
    assert url("detail", member.pk) not in page(client.get(url("list")))


@pytest.mark.parametrize("role", ["leader", "registrar", "secretary"])
def test_only_officers_open_the_queue(city, browser_of, role):
    unit = factories.make_branch(city.yuehai) if role == "secretary" else city.yuehai
    assert browser_of(factories.make_user(role, unit)).get(url("queue")).status_code == 403


# --- masks and audit ---------------------------------------------------------------------------------------------------


def test_only_the_own_lead_shows_name_and_number(city, officer, browser_of):
    mine = make.registration(city.yuehai, name="孙悟空", phone="13912340001")
    others = make.registration(city.yuehai, name="猪八戒", phone="13912340002")
    services.registration_take(registration=mine, by=officer)
    services.registration_take(registration=others, by=factories.make_user("officer", city.yuehai))
    for address in (url("queue"), url("registration", mine.pk)):
        text = page(browser_of(officer).get(address))
        assert "孙悟空" in text
        assert "tel:13912340001" in text
    for address in (url("queue"), url("registration", others.pk)):
        text = page(browser_of(officer).get(address))
        assert "猪*" in text
        assert "猪八戒" not in text
        assert "13912340002" not in text


def test_showing_leads_and_pages_leaves_one_event_each_with_the_ids(city, officer, browser_of):
    rows = [make.registration(city.yuehai) for _ in range(3)]
    services.registration_take(registration=rows[0], by=officer)
    browser_of(officer).get(url("queue"))
    shown = AuditEvent.objects.get(act="members.registration.list")
    called = AuditEvent.objects.get(act="members.registration.call")
    assert set(shown.subjects) == {row.pk for row in rows}
    assert (called.subjects, called.purpose) == ([rows[0].pk], "核实报到")


def test_the_member_list_is_masked_and_audited(city, officer, browser_of):
    member = make.person("司马相如")
    factories.make_affiliation(member, factories.make_branch(city.yuehai))
    text = page(browser_of(officer).get(url("list")))
    assert "司*" in text
    assert identity.mask_id(member.id_number) in text
    assert identity.mask_phone(member.phone_tail) in text
    for secret in ("司马相如", member.id_number, member.phone):
        assert secret not in text
    assert AuditEvent.objects.get(act="members.member.list").subjects == [member.pk]


def test_a_name_is_found_by_post_and_stands_in_no_address(city, officer, browser_of):
    branch = factories.make_branch(city.yuehai)
    for name in ("司马相如", "李四海"):
        factories.make_affiliation(make.person(name), branch)
    response = browser_of(officer).post(url("list"), {"name": "司马"})
    assert len(response.context["table"]["rows"]) == 1
    assert "司*" in page(response)


def test_organizations_outside_the_scope_are_not_named(city, officer, browser_of):
    far = factories.make_branch(city.lianhua, name="福田秘密党支部")
    row = make.verified(city.yuehai, by=officer)
    factories.make_affiliation(row.member, far)
    client = browser_of(officer)
    for address in (url("list"), url("detail", row.member.pk)):
        assert "福田秘密党支部" not in page(client.get(address))
    assert "范围以外的关系" in page(client.get(url("detail", row.member.pk)))


def test_a_reveal_states_a_purpose_shows_once_and_is_seen_on_the_page(city, officer, browser_of):
    member = make.verified(city.yuehai, by=officer, phone="13912340003").member
    client = browser_of(officer)
    refused = client.post(url("member_reveal", member.pk), {"fields_wanted": ["phone"]})
    assert refused.status_code == 422
    assert not AuditEvent.objects.filter(act="members.member.reveal").exists()
    data = {"fields_wanted": ["phone"], "purpose": "联系党员活动"}
    response = client.post(url("member_reveal", member.pk), data)
    assert "13912340003" in page(response)
    assert "no-store" in response["Cache-Control"]
    detail = page(client.get(url("detail", member.pk)))
    assert "联系党员活动" in detail
    assert "13912340003" not in detail


def test_a_reveal_of_a_registration_is_seen_there_and_at_the_member(city, officer, browser_of):
    row = make.verified(city.yuehai, by=officer)
    client = browser_of(officer)
    assert "谁看过明文" not in page(client.get(url("registration", row.pk)))
    client.post(url("registration_reveal", row.pk), {"fields_wanted": ["name"], "purpose": "组织关系核对"})
    for name, pk in (("registration", row.pk), ("detail", row.member.pk)):
        seen = page(client.get(url(name, pk)))
        assert f"{officer}：组织关系核对" in seen


def test_a_result_has_an_address_to_come_back_to_and_clear_data_has_none(city, officer, browser_of):
    row = make.registration(city.yuehai)
    client = browser_of(officer)
    sent = client.post(url("registration_contact", row.pk), {"outcome": "reached"})
    assert sent.status_code == 302
    for _ in range(2):
        assert "已记下" in page(client.get(sent.url))
    assert "已记下" not in page(client.get(url("registration_take", row.pk) + "?done=1"))
    shown = client.post(url("registration_reveal", row.pk), {"fields_wanted": ["phone"], "purpose": "核实报到"})
    assert row.phone in page(shown)
    assert row.phone not in str(dict(client.session))


def test_filters_by_relation_and_standing(city, officer, browser_of):
    branch = factories.make_branch(city.yuehai)
    on_roll = make.person(standing="probationary")
    factories.make_affiliation(on_roll, branch)
    verified = make.verified(city.yuehai, by=officer).member
    client = browser_of(officer)

    def shown(**query) -> set[str]:
        return {row["url"] for row in client.get(url("list"), query).context["table"]["rows"]}

    assert shown() == {url("detail", on_roll.pk), url("detail", verified.pk)}
    assert shown(relation="on_roll") == shown(organization=branch.pk) == {url("detail", on_roll.pk)}
    assert shown(relation="verified") == shown(standing="full") == {url("detail", verified.pk)}
    assert shown(relation="taken_in") == set()


def test_the_export_is_masked_safe_and_audited_with_everybody_on_it(city, officer, browser_of):
    member = make.person("=HYPERLINK(1)")
    factories.make_affiliation(member, factories.make_branch(city.yuehai))
    client = browser_of(officer)
    address = reverse("lists:export", args=["member"])
    assert client.post(address, {"format": "csv"}).status_code == 422
    response = client.post(address, {"purpose": "组织关系核对", "format": "csv"})
    text = response.getvalue().decode("utf-8-sig")
    assert unquote(response["Content-Disposition"]).count(f"内部-{officer.name or officer.username}") == 1
    assert "'=*" in text
    assert member.id_number not in text
    event = AuditEvent.objects.get(act="members.member.export")
    assert (event.subjects, event.purpose) == ([member.pk], "组织关系核对")
    leader = factories.make_user("leader", city.city)
    assert browser_of(leader).get(address).status_code == 403


# --- acts ----------------------------------------------------------------------------------------------------------------


def test_an_officers_whole_way_from_the_queue_to_taken_in(city, officer, browser_of):
    branch, contact = factories.make_branch(city.yuehai), make.person("赵联系")
    factories.make_affiliation(contact, branch, starts_on="2025-01-01")
    row = make.registration(city.yuehai)
    client = browser_of(officer)
    assert "已领取" in page(client.post(url("registration_take", row.pk), {"seen": ""}, follow=True))
    assert "已记下" in page(client.post(url("registration_contact", row.pk), {"outcome": "reached"}, follow=True))
    assert client.post(url("registration_verify", row.pk), {}).status_code == 422
    assert "已核实" in page(client.post(url("registration_verify", row.pk), {"method": "home_branch"}, follow=True))
    row.refresh_from_db()
    accept = url("member_accept", row.member_id)
    second = client.post(accept, {"organization": branch.pk})
    assert "赵*" in page(second)
    assert AuditEvent.objects.get(act="members.member.list").subjects == [contact.pk]
    assert not Affiliation.objects.filter(member=row.member_id).exists()
    assert "已纳管" in page(client.post(accept, {"organization": branch.pk, "contact": contact.pk}, follow=True))
    made = Affiliation.objects.get(member=row.member_id)
    assert (made.kind, made.contact) == ("activity", contact)
    assert "已结束" in page(client.post(url("affiliation_end", made.pk), follow=True))


def test_the_second_officer_is_told_what_the_first_did(city, officer, browser_of):
    row = make.registration(city.yuehai)
    services.registration_refuse(
        registration=row, reason="x", by=factories.make_user("officer", city.yuehai, name="赵六")
    )
    client = browser_of(officer)
    for address, data in acts_of(row)[:-1]:
        for response in (client.get(address), client.post(address, data)):
            assert response.status_code in (409, 422), address
            assert "已由 赵六" in page(response)


def test_a_lead_taken_by_a_colleague_in_between_is_not_taken_over_silently(city, officer, browser_of):
    row = make.registration(city.yuehai)
    services.registration_take(registration=row, by=factories.make_user("officer", city.yuehai, name="赵六"))
    response = browser_of(officer).post(url("registration_take", row.pk), {"seen": ""})
    row.refresh_from_db()
    assert response.status_code == 409
    assert "赵六 领取" in page(response)
    assert row.assigned_to.name == "赵六"


def test_elsewhere_is_said_without_where(city, officer, browser_of):
    make.registration(city.lianhua, phone=(phone := make.phone()))
    here = make.registration(city.yuehai, id_number=make.id_number(), phone=phone)
    text = page(browser_of(officer).get(url("registration", here.pk)))
    assert "已在他处报到" in text
    assert "福田" not in text
    assert "莲花" not in text


def test_an_erased_registration_has_no_page(city, officer, browser_of):
    row = make.registration(city.yuehai)
    services.registration_withdraw(registration=row)
    services.retention_run()
    assert browser_of(officer).get(url("registration", row.pk)).status_code == 404


def test_editing_and_ending_a_member(city, officer, browser_of):
    member = make.verified(city.yuehai, by=officer).member
    client = browser_of(officer)
    data = {"sex": "1", "standing": "probationary", "occupation": "rider", "workplace": "某站", "phone": "123"}
    assert client.post(url("member_edit", member.pk), data).status_code == 422
    assert client.post(url("member_edit", member.pk), data | {"phone": ""}, follow=True).status_code == 200
    member.refresh_from_db()
    assert (member.standing, member.occupation) == ("probationary", "rider")
    assert (
        client.post(url("member_end", member.pk), {"reason": "died", "ended_on": "2026-01-01"}, follow=True).status_code
        == 200
    )
    member.refresh_from_db()
    assert member.ended == "died"


def test_the_secretary_sees_the_own_roll_and_no_other(city, browser_of):
    own, other = factories.make_branch(city.yuehai), factories.make_branch(city.yuehai)
    for branch, name in ((own, "钱同志"), (other, "孙同志")):
        factories.make_affiliation(make.person(name), branch)
    text = page(browser_of(factories.make_user("secretary", own)).get(url("roll")))
    assert "钱*" in text
    assert "孙*" not in text
    assert AuditEvent.objects.get(act="members.member.list").subjects == [Member.objects.get(name="钱同志").pk]


def test_rights_requests_are_answered_once(city, officer, browser_of):
    receipt = make.submit(make.station_poster(city.yuehai))
    request = services.rights_request(receipt=receipt, kind="copy")
    client = browser_of(officer)
    assert url("rights_answer", request.pk) in page(client.get(url("rights")))
    data = {"outcome": "granted", "reply": "放在回执里了", "checked": "on"}
    assert client.post(url("rights_answer", request.pk), data, follow=True).status_code == 200
    assert client.post(url("rights_answer", request.pk), data).status_code == 422
    stranger = browser_of(factories.make_user("officer", city.shahe))
    assert stranger.get(url("rights_answer", request.pk)).status_code == 404


def test_whose_requests_were_looked_at_is_written_down_and_told_to_them(city, officer, browser_of):
    receipt = make.submit(make.station_poster(city.yuehai))
    request = services.rights_request(receipt=receipt, kind="explain", details="请说明")
    member = make.person()
    factories.make_affiliation(member, factories.make_branch(city.yuehai), starts_on="2025-01-01")
    services.rights_request_in_person(member=member, kind="object", by=officer)
    client = browser_of(officer)
    client.get(url("rights"))
    assert "请说明" in page(client.get(url("rights_answer", request.pk)))
    events = AuditEvent.objects.filter(act__startswith="members.rights.", actor=officer, act__regex="(list|read)$")
    assert list(events.order_by("pk").values_list("act", "subject_type", "subjects")) == [
        ("members.rights.list", "members.registration", [receipt.registration_id]),
        ("members.rights.list", "members.member", [member.pk]),
        ("members.rights.read", "members.registration", [receipt.registration_id]),
    ]
    told = [look["行为"] for look in looks(person_of(registration=receipt.registration))]
    assert told == ["打开您的申请", "在权利申请名单上显示（只有编号）"]


@pytest.mark.parametrize("rows", [1, 4])
def test_lists_ask_the_same_number_of_questions_whatever_they_show(
    city, officer, browser_of, rows, django_assert_max_num_queries
):
    branch = factories.make_branch(city.yuehai)
    for _ in range(rows):
        make.registration(city.yuehai)
        factories.make_affiliation(make.person(), branch)
    client = browser_of(officer)
    with django_assert_max_num_queries(14):
        client.get(url("queue"))
    with django_assert_max_num_queries(16):
        client.get(url("list"))


def test_pages_of_the_queue_reach_every_row_once(city, officer, browser_of, monkeypatch):
    from members.pages import page_of

    monkeypatch.setattr(page_of, "__kwdefaults__", page_of.__kwdefaults__ | {"size": 2})
    rows = {make.registration(city.yuehai).pk for _ in range(5)}
    client, seen, address = browser_of(officer), [], "?"
    while address:
        response = client.get(url("queue") + address)
        seen += [row["registration"].pk for row in response.context["rows"]]
        address = response.context["page"].next_url
    assert sorted(seen) == sorted(rows)
    back = client.get(url("queue") + response.context["page"].previous_url)
    assert [row["registration"].pk for row in back.context["rows"]] == seen[2:4]
    assert client.get(url("queue") + "?after=nonsense_x").status_code == 200
