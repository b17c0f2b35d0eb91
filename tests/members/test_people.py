"""Members: accepted, on a roll, ended, edited, shown in clear; what a move, merger and closing do to them."""

import datetime

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import AuditEvent
from members import services
from members.errors import Refused
from members.models import Affiliation, Member, Transfer
from members.services import transfers
from orgs import life
from orgs.kinds import Kind
from orgs.services import organization_close, organization_merge, organization_move
from tests import factories
from tests.members import make

pytestmark = pytest.mark.django_db
TODAY = timezone.localdate
BEFORE = datetime.date(2025, 1, 1)


@pytest.fixture
def city():
    return factories.make_city()


@pytest.fixture
def branch(city):
    return factories.make_branch(city.yuehai)


@pytest.fixture
def contact(branch):
    member = make.person("赵联系")
    factories.make_affiliation(member, branch, starts_on=BEFORE)
    return member


@pytest.fixture
def officer(city):
    return factories.make_user("officer", city.yuehai)


def test_a_branch_takes_in_with_a_contact_and_leaves_the_roll(city, branch, contact, officer):
    elsewhere = factories.make_branch(city.lianhua)
    member = make.person()
    roll = factories.make_affiliation(member, elsewhere, starts_on=BEFORE)
    made = services.member_accept(member=member, organization=branch, contact=contact, by=officer)
    assert (made.kind, made.contact, made.guidance_station) == ("activity", contact, city.yuehai)
    roll.refresh_from_db()
    assert roll.ends_on is None
    assert branch.pk in AuditEvent.objects.get(act="members.affiliation.accept").units


def test_the_contact_is_one_of_the_branchs_people_and_not_the_person(city, branch, contact, officer):
    member = make.person()
    with pytest.raises(Refused, match="现有的党员"):
        services.member_accept(member=member, organization=branch, contact=make.person(), by=officer)
    with pytest.raises(Refused, match="不能是本人"):
        services.member_accept(member=contact, organization=branch, contact=contact, by=officer)


def test_a_branch_outside_the_scope_does_not_take_in(city, contact, officer):
    far = factories.make_branch(city.lianhua)
    with pytest.raises(Refused, match="您范围内"):
        services.member_accept(member=make.person(), organization=far, contact=contact, by=officer)


def test_a_guidance_station_takes_nobody_in(city, contact, officer):
    with pytest.raises(Refused, match="基层党组织"):
        services.member_accept(member=make.person(), organization=city.yuehai, contact=contact, by=officer)


def test_taken_in_once_by_a_branch(branch, contact, officer):
    member = make.person()
    services.member_accept(member=member, organization=branch, contact=contact, by=officer)
    with pytest.raises(Refused, match="不用重复"):
        services.member_accept(member=member, organization=branch, contact=contact, by=officer)


def test_one_roll_at_a_time_by_service_and_by_the_database(city, branch, officer):
    member, other = make.person(), factories.make_branch(city.yuehai)
    services.affiliation_start(member=member, organization=branch, by=officer)
    with pytest.raises(Refused, match="只能有一个组织关系"):
        services.affiliation_start(member=member, organization=other, by=officer)
    with pytest.raises(IntegrityError, match="affiliation_one_formal"), transaction.atomic():
        factories.make_affiliation(member, other)


@pytest.mark.parametrize("kind", [Kind.TEMPORARY_BRANCH, Kind.FUNCTIONAL_BRANCH])
def test_temporary_and_functional_branches_hold_no_roll(city, officer, kind):
    with pytest.raises(Refused, match="不保留党员组织关系"):
        services.affiliation_start(
            member=make.person(), organization=factories.make_branch(city.yuehai, kind=kind), by=officer
        )


def test_an_affiliation_ends_half_open_and_one_of_today_never_was(branch, officer):
    old = factories.make_affiliation(make.person(), branch, starts_on=BEFORE)
    assert services.affiliation_end(affiliation=old, by=officer).ends_on == TODAY()
    assert not Affiliation.objects.live().filter(pk=old.pk).exists()
    fresh = factories.make_affiliation(make.person(), branch)
    assert services.affiliation_end(affiliation=fresh, by=officer) is None
    with pytest.raises(Refused, match="已经结束"):
        services.affiliation_end(affiliation=old, by=officer)


def test_ending_a_member_ends_relations_and_the_code(branch, officer):
    member = make.person()
    factories.make_affiliation(member, branch, starts_on=BEFORE)
    member.codes.create(code="A", code_index=b"a")
    services.member_end(member=member, reason="died", by=officer)
    member.refresh_from_db()
    assert (member.ended, member.ended_on) == ("died", TODAY())
    assert not Affiliation.objects.live().filter(member=member).exists()
    assert not member.codes.filter(revoked_at__isnull=True).exists()
    with pytest.raises(Refused, match="不再计入"):
        services.member_end(member=member, reason="died", by=officer)


def test_an_end_has_a_known_reason_and_is_not_tomorrow(officer):
    with pytest.raises(Refused):
        services.member_end(member=make.person(), reason="other", by=officer)
    with pytest.raises(Refused, match="今天之后"):
        services.member_end(
            member=make.person(), reason="died", by=officer, ended_on=TODAY() + datetime.timedelta(days=1)
        )


def test_reason_and_day_of_an_end_stand_together():
    with pytest.raises(IntegrityError, match="member_end_has_reason_and_day"), transaction.atomic():
        Member.objects.create(ended="died")
    with pytest.raises(IntegrityError, match="member_phone_tail_is_short"), transaction.atomic():
        Member.objects.create(phone_tail="12a4")


def test_an_edit_moves_the_index_with_the_phone_and_audits_names_of_columns_only(branch, officer):
    member = make.person()
    services.member_edit(member=member, by=officer, phone="139 0000 1111", occupation="rider")
    member.refresh_from_db()
    assert (member.phone, member.phone_tail, member.occupation) == ("13900001111", "1111", "rider")
    event = AuditEvent.objects.get(act="members.member.edit")
    assert event.detail == {"fields": ["occupation", "phone"]}
    with pytest.raises(Refused):
        services.member_edit(member=member, by=officer, id_number="x")


def test_revealing_needs_a_right_a_purpose_and_leaves_one_event(city, branch, contact, officer):
    shown = services.member_reveal(member=contact, fields=["phone"], purpose="联系党员活动", by=officer)
    assert shown == {"phone": contact.phone}
    event = AuditEvent.objects.get(act="members.member.reveal")
    assert (event.subjects, event.purpose, event.detail) == ([contact.pk], "联系党员活动", {"fields": ["phone"]})
    with pytest.raises(Refused, match="目的"):
        services.member_reveal(member=contact, fields=["phone"], purpose=" ", by=officer)
    for stranger in (factories.make_user("officer", city.lianhua), factories.make_user("leader", city.yuehai)):
        with pytest.raises(Refused, match="没有查看"):
            services.member_reveal(member=contact, fields=["phone"], purpose="看看", by=stranger)


# --- transfers ---------------------------------------------------------------------------------------------------------


def test_a_person_counts_at_the_origin_until_received(city, branch, contact):
    by = factories.make_user("officer", city.nanshan)
    target = factories.make_branch(city.shahe)
    sent = transfers.transfer_send(member=contact, target=target, sent_on=BEFORE, by=by)
    assert transfers.current_roll(contact).organization == branch
    transfers.transfer_receive(transfer=sent, by=by)
    assert transfers.current_roll(contact).organization == target
    with pytest.raises(Refused, match="已接收"):
        transfers.transfer_receive(transfer=sent, by=by)


def test_received_outside_the_system_is_moved_out_and_returned_stays(city, branch, contact, officer):
    sent = transfers.transfer_send(member=contact, elsewhere="某县委组织部", by=officer)
    with pytest.raises(Refused, match="还没有接收"):
        transfers.transfer_send(member=contact, elsewhere="别处", by=officer)
    transfers.transfer_return(transfer=sent, reason="材料不全", by=officer)
    assert transfers.current_roll(contact).organization == branch
    again = transfers.transfer_send(member=contact, elsewhere="某县委组织部", by=officer)
    transfers.transfer_receive(transfer=again, by=officer)
    contact.refresh_from_db()
    assert contact.ended == "moved_out"
    assert Transfer.objects.get(pk=again.pk).state == "received"


# --- the life of an organization ------------------------------------------------------------------------------------------


def test_moving_a_branch_carries_its_people(city, branch, contact):
    organization_move(organization=branch, parent=city.lianhua, by=None)
    row = contact.affiliations.get()
    assert (row.guidance_station, row.district_committee) == (city.lianhua, city.futian)


def test_a_branch_with_people_on_its_roll_stays_open(branch, contact):
    with pytest.raises(ValueError, match="还有不到 5 名在册党员"):
        organization_close(organization=branch, on=TODAY(), by=None)
    services.affiliation_end(affiliation=contact.affiliations.get(), by=None)
    organization_close(organization=branch, on=TODAY(), by=None)


def test_few_persons_are_not_counted_to_whoever_moves_what_they_hang_on(city, branch):
    """A registrar sees no persons: the preview and the refusal tell no number below the small cell."""
    for number in range(4):
        factories.make_affiliation(make.person(f"党员{number}"), branch)
    assert "在册党员不到 5 人" in life.consequences(branch)
    assert life.consequences(city.yuehai).count("党员关系不到 5 条") == 1
    factories.make_affiliation(make.person("第五"), branch)
    assert {"党员关系 5 条", "在册党员 5 人"} <= set(life.consequences(city.yuehai))
    with pytest.raises(ValueError, match="还有 5 名在册党员"):
        organization_close(organization=branch, on=TODAY(), by=None)


def test_a_merger_carries_the_roll_over_without_a_gap(city, branch, contact):
    target = factories.make_branch(city.yuehai)
    organization_merge(source=branch, target=target, on=TODAY(), by=None)
    assert [row.organization for row in Affiliation.objects.live().filter(member=contact)] == [target]
    old = contact.affiliations.get(organization=branch)
    assert old.ends_on == TODAY()


def test_an_edit_that_the_number_contradicts_is_refused(city):
    member = make.person(id_number=make.id_number(male=True), sex="1")
    with pytest.raises(Refused, match="对照居民身份证"):
        services.member_edit(member=member, by=None, sex="2")
    with pytest.raises(Refused, match="18 周岁"):
        services.member_edit(member=member, by=None, joined_on=datetime.date(1980, 1, 1))
    member.refresh_from_db()
    assert (member.sex, member.joined_on) == ("1", None)
