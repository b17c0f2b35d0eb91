"""What officers do with a registration, one after the other and at the same time."""

import threading

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import AuditEvent
from members import selectors, services
from members.errors import Conflict, Refused
from members.models import Member, Registration
from tests import factories
from tests.members import make
from tests.members.test_submit import in_parallel

pytestmark = pytest.mark.django_db


@pytest.fixture
def city():
    return factories.make_city()


@pytest.fixture
def officer(city):
    return factories.make_user("officer", city.yuehai, name="王五")


def test_taking_is_compare_and_set_and_names_who_was_faster(city, officer):
    row, colleague = make.registration(city.yuehai), factories.make_user("officer", city.yuehai, name="赵六")
    services.registration_take(registration=row, by=colleague)
    with pytest.raises(Conflict, match="赵六"):
        services.registration_take(registration=row, by=officer)
    taken = services.registration_take(registration=row, by=officer, seen_assignee=colleague.pk)
    assert taken.assigned_to == officer


@pytest.mark.parametrize(
    ("outcome", "state"),
    [("reached", "contacted"), ("later", "contacted"), ("no_answer", "submitted"), ("wrong_number", "submitted")],
)
def test_a_contact_is_logged_and_only_reaching_makes_it_contacted(city, officer, outcome, state):
    row = make.registration(city.yuehai)
    services.registration_contact(registration=row, outcome=outcome, by=officer)
    row.refresh_from_db()
    assert (row.state, row.assigned_to) == (state, officer)
    assert [log.outcome for log in row.contacts.all()] == [outcome]


def test_verifying_makes_a_member_who_is_verified_and_on_no_roll(city, officer):
    number = make.id_number()
    row = make.registration(city.yuehai, id_number=number, workplace="二楼")
    row = services.registration_verify(registration=row, method="home_branch", by=officer)
    member = selectors.with_relations(Member.objects.all()).get()
    assert (row.state, row.member, row.method, row.decided_by) == ("verified", member, "home_branch", officer)
    assert (member.name, member.id_number, member.workplace) == ("张三丰", number, "二楼")
    assert (member.is_verified, member.on_roll, member.taken_in) == (True, False, False)
    assert set(row.consents.values_list("member", flat=True)) == {member.pk}
    assert city.yuehai.pk in AuditEvent.objects.get(act="members.registration.verify").units


def test_the_same_number_joins_the_member_already_here_and_leaves_the_roll(city, officer):
    branch = factories.make_branch(city.lianhua)
    member = make.person()
    factories.make_affiliation(member, branch)
    row = make.registration(city.yuehai, id_number=member.id_number)
    row = services.registration_verify(registration=row, method="document", by=officer)
    assert row.member == member
    assert [a.organization for a in member.affiliations.all()] == [branch]
    assert branch.pk in AuditEvent.objects.get(act="members.registration.verify").units


def test_without_a_number_only_the_officer_says_who_it_is(city, officer):
    member = make.verified(city.yuehai, by=officer).member
    row = make.registration(city.yuehai, phone=make.phone())
    Registration.objects.filter(pk=row.pk).change(phone_index=bytes(member.phone_index))
    row.refresh_from_db()
    assert list(selectors.member_candidates(row, officer)) == [member]
    assert (
        services.registration_verify(registration=row, method="document", same_as=member, by=officer).member == member
    )


def test_a_member_with_another_phone_cannot_be_chosen(city, officer):
    other = make.verified(city.yuehai, by=officer).member
    with pytest.raises(Refused, match="手机号不一致"):
        services.registration_verify(
            registration=make.registration(city.yuehai), method="document", same_as=other, by=officer
        )


def test_somebody_expelled_is_not_verified_without_the_organization(city, officer):
    member = make.person(ended="expelled", ended_on="2025-01-01")
    row = make.registration(city.yuehai, id_number=member.id_number)
    with pytest.raises(Refused, match="向上级党组织核对"):
        services.registration_verify(registration=row, method="document", by=officer)


def test_somebody_who_moved_out_and_reports_again_counts_again(city, officer):
    member = make.person(ended="moved_out", ended_on="2025-01-01")
    row = make.registration(city.yuehai, id_number=member.id_number)
    assert services.registration_verify(registration=row, method="document", by=officer).member.ended == ""


def test_refusing_needs_a_reason(city, officer):
    row = make.registration(city.yuehai)
    with pytest.raises(Refused, match="原因"):
        services.registration_refuse(registration=row, reason="\u200b—", by=officer)
    assert services.registration_refuse(registration=row, reason="查不到", by=officer).state == "not_verified"


def test_unreachable_needs_an_attempt_on_record(city, officer):
    row = make.registration(city.yuehai)
    with pytest.raises(Refused, match="还没有联系记录"):
        services.registration_unreachable(registration=row, by=officer)
    services.registration_contact(registration=row, outcome="no_answer", by=officer)
    assert services.registration_unreachable(registration=row, by=officer).state == "unreachable"


def test_a_duplicate_names_the_one_that_stays(city, officer):
    first, second = make.registration(city.yuehai), make.registration(city.yuehai)
    with pytest.raises(Refused, match="与自己重复"):
        services.registration_mark_duplicate(registration=first, of=first, by=officer)
    assert services.registration_mark_duplicate(registration=second, of=first, by=officer).duplicate_of == first
    with pytest.raises(Refused, match="那一条"):
        services.registration_mark_duplicate(registration=first, of=second, by=officer)


def test_elsewhere_is_all_an_officer_learns_of_another_district(city, officer):
    there = make.registration(city.lianhua, phone=(phone := make.phone()))
    here = make.registration(city.yuehai, id_number=make.id_number(), phone=phone)
    assert selectors.is_known_elsewhere(here, officer)
    assert not selectors.duplicates_here(here, officer).exists()
    marked = services.registration_mark_duplicate(registration=here, by=officer)
    assert marked.duplicate_of == there
    nobody = make.registration(city.yuehai)
    assert not selectors.is_known_elsewhere(nobody, officer)
    with pytest.raises(Refused, match="没有找到重复"):
        services.registration_mark_duplicate(registration=nobody, by=officer)


ACTS = {
    "take": lambda row, by: services.registration_take(registration=row, by=by),
    "contact": lambda row, by: services.registration_contact(registration=row, outcome="reached", by=by),
    "verify": lambda row, by: services.registration_verify(registration=row, method="document", by=by),
    "refuse": lambda row, by: services.registration_refuse(registration=row, reason="x", by=by),
    "unreachable": lambda row, by: services.registration_unreachable(registration=row, by=by),
    "duplicate": lambda row, by: services.registration_mark_duplicate(registration=row, by=by),
}


@pytest.mark.parametrize("act", ACTS)
def test_what_is_decided_stays_decided_and_the_second_is_told(city, officer, act):
    row = make.verified(city.yuehai, by=officer)
    with pytest.raises(Conflict, match="已由 王五 于 .* 办结为“已核实”"):
        ACTS[act](row, factories.make_user("officer", city.yuehai))
    row.refresh_from_db()
    assert (row.state, row.decided_by) == ("verified", officer)


def test_what_the_person_withdrew_is_not_decided(city, officer):
    row = make.registration(city.yuehai)
    services.registration_withdraw(registration=row)
    with pytest.raises(Conflict, match="本人撤回"):
        ACTS["verify"](row, officer)


@pytest.mark.parametrize(
    ("state", "constraint"),
    [
        ("verified", "registration_verified_has_member"),
        ("not_verified", "registration_refusal_has_reason"),
        ("duplicate", "registration_duplicate_names_the_other"),
        ("withdrawn", "registration_withdrawn_has_time"),
    ],
)
def test_the_database_refuses_half_a_decision(city, state, constraint):
    row = make.registration(city.yuehai)
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Registration.objects.filter(pk=row.pk).change(state=state)


@pytest.mark.django_db(transaction=True)
def test_of_two_officers_at_once_one_decides_and_one_is_told():
    city = factories.make_city()
    officers = [factories.make_user("officer", city.yuehai, name=name) for name in ("王五", "赵六")]
    row = make.registration(city.yuehai)
    told: list[str] = []

    def decide(number: int) -> str:
        try:
            act = ACTS["verify"] if number else ACTS["refuse"]
            return act(row, officers[number]).decided_by.name
        except Conflict as conflict:
            told.append(str(conflict))
            return ""

    winners = [name for name in in_parallel(2, decide) if name]
    assert len(winners) == 1
    assert winners[0] in told[0]


@pytest.mark.django_db(transaction=True)
def test_two_registrations_of_one_number_verified_at_once_are_one_member():
    city = factories.make_city()
    officer = factories.make_user("officer", city.city)
    number = make.id_number()
    first = make.registration(city.yuehai, id_number=number)
    second = make.registration(city.lianhua)
    Registration.objects.filter(pk=second.pk).change(id_number_index=bytes(first.id_number_index))
    rows = list(Registration.objects.order_by("pk"))
    in_parallel(2, lambda n: services.registration_verify(registration=rows[n], method="document", by=officer))
    assert Member.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_control_without_the_row_lock_both_officers_decide(monkeypatch):
    """The test of two officers can fail: read the row without a lock and both win."""
    city = factories.make_city()
    officers = [factories.make_user("officer", city.yuehai) for _ in range(2)]
    row = make.registration(city.yuehai)
    gate = threading.Barrier(2)

    def unlocked(registration):
        found = Registration.objects.get(pk=registration.pk)
        gate.wait(10)
        if found.state not in Registration.OPEN:
            raise Conflict("late")
        return found

    monkeypatch.setattr(services.decide, "_lock", unlocked)
    results = in_parallel(2, lambda n: ACTS["refuse"](row, officers[n]))
    connection.close()
    assert len(results) == 2
