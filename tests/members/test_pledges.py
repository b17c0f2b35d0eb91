"""三亮: agreed to by the person who is present, shown only while it is as agreed, ended by whatever ends it."""

import datetime
import threading
from contextlib import suppress

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from accounts.models import AuditEvent
from members import own, services
from members.copies import copy_of, person_of
from members.errors import Conflict, ConsentMissing, Refused
from members.models import Affiliation, Member, Pledge, Receipt, Registration
from members.querysets import MemberQuerySet
from members.services import pledges, retention, transfers
from orgs.services import organization_merge, organization_rename
from tests import factories
from tests.members import make
from tests.members.test_submit import in_parallel

pytestmark = pytest.mark.django_db
BEFORE = datetime.date(2025, 1, 1)
WORDS = {
    "duty": "消防安全巡查",
    "promise": "明码标价，不卖过期食品",
    "place": "华强电子市场 B12 号门口",
    "number": "粤海-012",
}


@pytest.fixture
def branch(city):
    return factories.make_branch(city.yuehai, name="华强市场联合党支部")


@pytest.fixture
def member(branch):
    one = make.person("欧阳明")
    factories.make_affiliation(one, branch, starts_on=BEFORE)
    return one


def agreed(member: Member, organization, by, **words) -> Pledge:
    """Shown to the person, who says yes."""
    words = WORDS | words
    draft = services.pledge_draft(member=member, organization=organization, **words)
    seen = services.pledge_preview(pledge=draft, by=by)
    return services.pledge_create(agreed_to=seen, by=by, member=member, organization=organization, **words)


def is_live(pledge: Pledge) -> bool:
    pledge.refresh_from_db()
    return pledge.withdrawn_at is None


# --- entering ---------------------------------------------------------------------------------------------------------


def test_what_was_agreed_to_is_kept_word_for_word_and_both_acts_are_told(member, branch, officer):
    pledge = agreed(member, branch, officer)
    assert (pledge.name, pledge.identity, pledge.organization_name) == ("欧阳明", "中共党员", "华强市场联合党支部")
    assert {name: getattr(pledge, name) for name in WORDS} == WORDS
    assert pledge.consented_at and pledge.withdrawn_at is None and pledge.taken_off_on is None
    look = AuditEvent.objects.get(act="members.pledge.preview")
    made = AuditEvent.objects.get(act="members.pledge.create")
    assert (look.subjects, look.actor, look.purpose) == ([member.pk], officer, "当面核对三亮牌")
    assert (made.subjects, made.subject_type, made.detail) == ([member.pk], "members.member", {"pledge": pledge.pk})


def test_without_the_consent_nothing_is_kept(member, branch, officer):
    with pytest.raises(ConsentMissing, match="单独同意"):
        services.pledge_create(agreed_to="", by=officer, member=member, organization=branch, **WORDS)
    assert not Pledge.objects.exists() and not AuditEvent.objects.filter(act="members.pledge.create").exists()


@pytest.mark.parametrize("changed", ["duty", "promise", "place", "number"])
def test_a_consent_is_to_what_was_shown_and_nothing_else(member, branch, officer, changed):
    seen = services.pledge_preview(
        pledge=services.pledge_draft(member=member, organization=branch, **WORDS), by=officer
    )
    with pytest.raises(Conflict, match="重新给本人看"):
        services.pledge_create(
            agreed_to=seen, by=officer, member=member, organization=branch, **WORDS | {changed: "别的"}
        )
    assert not Pledge.objects.exists()


def test_a_name_that_changed_after_it_was_shown_is_shown_again(member, branch, officer):
    seen = services.pledge_preview(
        pledge=services.pledge_draft(member=member, organization=branch, **WORDS), by=officer
    )
    services.member_edit(member=member, by=officer, name="欧阳铭")
    with pytest.raises(Conflict, match="重新给本人看"):
        services.pledge_create(agreed_to=seen, by=officer, member=member, organization=branch, **WORDS)


def test_who_is_verified_on_a_roll_or_taken_in_and_nobody_else(city, branch, member, officer):
    verified = make.verified(city.yuehai, by=officer).member
    assert agreed(verified, city.yuehai, officer, number="1").organization == city.yuehai
    taken_in = make.person("赵丽")
    services.member_accept(member=taken_in, organization=branch, contact=member, by=officer)
    assert agreed(taken_in, branch, officer, number="2")
    waiting = make.person("何待")
    Registration.objects.filter(pk=make.registration(city.yuehai).pk).change(member=waiting)
    for organization in (city.yuehai, branch):
        with pytest.raises(Refused, match="不在这个党组织"):
            agreed(waiting, organization, officer, number="3")


def test_an_organization_that_is_not_theirs_gives_no_name(city, member, officer):
    with pytest.raises(Refused, match="不在这个党组织"):
        agreed(member, factories.make_branch(city.yuehai), officer)


def test_who_ended_or_is_outside_the_scope_has_none(city, member, branch, officer):
    with pytest.raises(Refused, match="不在您的范围"):
        agreed(member, branch, factories.make_user("officer", city.lianhua))
    with pytest.raises(Refused, match="不在您的范围"):
        agreed(member, branch, factories.make_user("leader", city.city))
    verified = make.verified(city.yuehai, by=officer).member
    services.member_end(member=verified, reason="moved_out", by=officer)
    verified.refresh_from_db()
    with pytest.raises(Refused, match="不再计入"):
        agreed(verified, city.yuehai, officer)


def test_not_while_consent_has_to_be_asked_anew(city, member, branch, officer):
    verified = make.verified(city.yuehai, by=officer).member
    make.later_notice("V9", anew=True)
    with pytest.raises(ConsentMissing, match="重新取得同意"):
        agreed(verified, city.yuehai, officer)
    assert agreed(member, branch, officer)  # a roll rests on no consent


def test_one_at_a_time_and_a_number_hangs_once(city, member, branch, officer):
    first = agreed(member, branch, officer)
    with pytest.raises(Conflict, match="已经有一块三亮牌"):
        agreed(member, branch, officer, number="另一块")
    other = make.person("赵丽")
    factories.make_affiliation(other, branch)
    with pytest.raises(Conflict, match="这个牌号"):
        agreed(other, branch, officer)
    services.pledge_withdraw(pledge=first, by=officer)
    with pytest.raises(Conflict, match="没有确认取下"):
        agreed(other, branch, officer)
    services.pledge_take_off(pledge=first, by=officer)
    assert agreed(other, branch, officer) and agreed(member, branch, officer, number="")
    far = make.person("钱远")
    factories.make_affiliation(far, factories.make_branch(city.lianhua))
    roll = far.affiliations.get().organization
    with pytest.raises(Conflict, match="这个牌号"):  # of another district too, and no word of whose it is
        agreed(far, roll, factories.make_user("officer", city.lianhua))


@pytest.mark.django_db(transaction=True)
def test_of_two_officers_at_once_one_enters_and_one_is_told():
    city = factories.make_city()
    told, branch, member, officers = both_at_once(city)
    in_parallel(2, lambda number: attempt(member, branch, officers[number], told))
    assert Pledge.objects.count() == 1 and told == [pledges.ONE_LIVE]


@pytest.mark.django_db(transaction=True)
def test_control_without_lock_and_look_the_database_decides_in_the_same_words(monkeypatch):
    city = factories.make_city()
    told, branch, member, officers = both_at_once(city)
    gate = threading.Barrier(2)
    monkeypatch.setattr(MemberQuerySet, "select_for_update", lambda rows, **more: rows)
    monkeypatch.setattr(pledges, "_refuse_if_not", lambda pledge, by: gate.wait(10) if pledge.member.pk else None)
    in_parallel(2, lambda number: attempt(member, branch, officers[number], told))
    connection.close()
    assert Pledge.objects.count() == 1 and told == [pledges.ONE_LIVE]


def both_at_once(city):
    branch, member = factories.make_branch(city.yuehai), make.person()
    factories.make_affiliation(member, branch)
    return [], branch, member, [factories.make_user("officer", city.yuehai) for _ in range(2)]


def attempt(member, branch, by, told: list[str]) -> None:
    draft = services.pledge_draft(member=member, organization=branch, **WORDS)
    try:
        services.pledge_create(agreed_to=pledges.digest_of(draft), by=by, member=member, organization=branch, **WORDS)
    except Conflict as conflict:
        told.append(str(conflict))


# --- ending -----------------------------------------------------------------------------------------------------------


def left_the_roll(pledge, officer):
    services.affiliation_end(affiliation=pledge.member.affiliations.get(), by=officer)


def was_moved(pledge, officer):
    target = factories.make_branch(pledge.organization.parent)
    sent = transfers.transfer_send(member=pledge.member, target=target, by=officer)
    transfers.transfer_receive(transfer=sent, by=officer)


def was_merged(pledge, officer):
    target = factories.make_branch(pledge.organization.parent)
    organization_merge(source=pledge.organization, target=target, by=officer, on=timezone.localdate())


ENDS = {
    "本人撤下": lambda pledge, officer: services.pledge_withdraw(pledge=pledge, by=officer),
    "结束关系": left_the_roll,
    "转接": was_moved,
    "合并": was_merged,
    "不再计入": lambda pledge, officer: services.member_end(member=pledge.member, reason="died", by=officer),
    "姓名更正": lambda pledge, officer: services.member_edit(member=pledge.member, by=officer, name="欧阳铭"),
    "转正": lambda pledge, officer: services.member_edit(member=pledge.member, by=officer, standing="probationary"),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_whatever_ends_it_ends_it_at_once(member, branch, officer, end):
    pledge = agreed(member, branch, officer)
    end(pledge, officer)
    assert not is_live(pledge)
    ended = AuditEvent.objects.get(act__in=["members.pledge.end", "members.pledge.withdraw"])
    assert ended.subjects == [member.pk]
    assert list(Pledge.objects.visible_to(officer).to_take_off()) == [
        pledge
    ]  # whoever must see to the plaque still sees it


def test_other_changes_leave_it(member, branch, officer):
    pledge = agreed(member, branch, officer)
    services.member_edit(member=member, by=officer, phone=make.phone(), workplace="搬到别处")
    other = factories.make_affiliation(member, factories.make_branch(branch.parent), kind=Affiliation.Kind.ACTIVITY)
    services.affiliation_end(affiliation=other, by=officer)
    retention.retention_run()
    assert is_live(pledge)


def test_a_registration_taken_back_ends_it_on_a_roll_too(city, member, branch, officer):
    row = make.verified(city.yuehai, by=officer)
    Registration.objects.filter(pk=row.pk).change(member=member)
    pledge = agreed(member, branch, officer)
    services.receipt_withdraw(receipt=Receipt.objects.get())
    assert not is_live(pledge) and member.affiliations.live().exists()


def test_what_changed_past_the_services_ends_in_the_night(city, member, branch, officer):
    renamed = agreed(member, branch, officer)
    verified = make.verified(city.yuehai, by=officer)
    other = agreed(verified.member, city.yuehai, officer, number="")
    kept = make.verified(city.yuehai, by=officer).member
    stays = agreed(kept, city.yuehai, officer, number="3")
    Affiliation.objects.filter(member=member).change(ends_on=timezone.localdate())
    Registration.objects.filter(pk=verified.pk).change(state="unreachable")
    assert [is_live(one) for one in (renamed, other, stays)] == [True, True, True]
    with pytest.raises(Refused, match="已有变动"):
        services.pledge_show(pledge=renamed, purpose="打印挂牌", by=officer)
    retention.retention_run()
    assert [is_live(one) for one in (renamed, other, stays)] == [False, False, True]
    assert sorted(AuditEvent.objects.get(act="members.pledge.end").subjects) == sorted([member.pk, verified.member_id])


def test_an_organization_with_another_name_is_not_what_was_agreed_to(member, branch, officer):
    pledge = agreed(member, branch, officer)
    organization_rename(organization=branch, name="华强市场第二党支部", by=officer)
    retention.retention_run()
    assert not is_live(pledge)


def test_taken_down_twice_and_taken_off_twice_are_told(member, branch, officer):
    pledge = agreed(member, branch, officer)
    with pytest.raises(Refused, match="先撤下"):
        services.pledge_take_off(pledge=pledge, by=officer)
    services.pledge_withdraw(pledge=pledge, by=officer)
    with pytest.raises(Conflict, match="已经撤下"):
        services.pledge_withdraw(pledge=pledge, by=officer)
    assert services.pledge_take_off(pledge=pledge, by=officer).taken_off_on == timezone.localdate()
    with pytest.raises(Conflict, match="不用再办"):
        services.pledge_take_off(pledge=pledge, by=officer)


def test_what_ended_goes_after_a_year_whether_it_was_taken_off_or_not(member, branch, officer):
    old, fresh, live = (
        factories.make_pledge(make.person(), branch, withdrawn_at=at)
        for at in (make.days_ago(366), make.days_ago(364), None)
    )
    factories.make_affiliation(live.member, branch)
    assert retention.retention_run()["pledges"] == 1
    assert set(Pledge.objects.all()) == {fresh, live} and old.pk not in Pledge.objects.values_list("pk", flat=True)
    assert retention.retention_run()["pledges"] == 0


def test_taken_down_it_stays_down_after_a_restore(member, branch, officer, capsys):
    pledge = agreed(member, branch, officer)
    services.pledge_withdraw(pledge=pledge, by=officer)
    Pledge.objects.update(withdrawn_at=None)  # as an older backup has it
    call_command("replay_erasures")
    assert "重新撤回 1 条" in capsys.readouterr().out and not is_live(pledge)


# --- what the person sees ----------------------------------------------------------------------------------------------


def test_the_own_copy_has_the_words_and_who_looked(member, branch, officer):
    pledge = agreed(member, branch, officer)
    services.pledge_show(pledge=pledge, purpose="打印挂牌", by=officer)
    with suppress(Refused):
        services.pledge_show(pledge=pledge, purpose=" ", by=officer)
    copy = copy_of(person_of(member=member), by=officer)
    [shown] = next(one["记录"] for one in copy["信息"] if one["类别"] == "三亮")
    assert shown["牌上的姓名"] == "欧阳明" and shown["亮身份"] == "正式党员"
    assert (shown["亮职责"], shown["亮承诺"], shown["牌号"]) == (WORDS["duty"], WORDS["promise"], WORDS["number"])
    looks = {(one["行为"], one["目的"]) for one in copy["谁看过"]}
    assert looks == {("打开三亮牌（明文）", "打印挂牌"), ("给本人核对三亮牌（明文）", "当面核对三亮牌")}


def test_the_receipt_shows_it_masked(city, officer):
    row = make.verified(city.yuehai, by=officer, name="欧阳明")
    agreed(row.member, city.yuehai, officer)
    [shown] = [one["rows"] for one in own.masked(Receipt.objects.get()) if one["title"] == "三亮"]
    assert ("牌上的姓名", "欧*") in shown[0] and ("亮承诺", WORDS["promise"]) in shown[0]
