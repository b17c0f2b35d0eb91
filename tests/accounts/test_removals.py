"""What the product keeps and somebody removes past it is missed at night; what the product removes is not."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.models import CASCADE
from django.utils import timezone

from accounts import removals, wall
from accounts.checking import ACT, RECORDS, audit_check, last, records_check
from accounts.models import AuditEvent, SeenRows
from accounts.row_codes import record_models
from members.models import Affiliation
from members.services.people import affiliation_end
from reports.health import checks
from tests import factories as make

pytestmark = pytest.mark.django_db
NAME = "党组织、党员和报到的校验码"


@pytest.fixture
def people():
    city = make.make_city()
    branch = make.make_branch(city.yuehai)
    people = [make.make_member(f"陈{n}", phone=f"1380000000{n}") for n in range(3)]
    for member in people:
        make.make_affiliation(member, branch)
    night()
    return people


def night():
    with wall.within(wall.NOBODY):
        _, looked = records_check()
    return looked.gone


def by_sql(statement, *values):
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        assert cursor.rowcount > 0


def removed_by_sql(member):
    by_sql("DELETE FROM members_affiliation WHERE member_id = %s", member.pk)
    by_sql("DELETE FROM members_member WHERE id = %s", member.pk)


def name_of(row):
    return f"{row._meta.label_lower}:{row.pk}"


def test_a_record_removed_by_sql_is_missed_until_somebody_has_looked(people, capsys):
    roll = Affiliation.objects.get(member=people[1])
    gone = [name_of(people[1]), name_of(roll)]
    removed_by_sql(people[1])
    assert sorted(night()) == sorted(night()) == sorted(gone)
    first, second = AuditEvent.objects.filter(act=RECORDS).order_by("pk")[1:]
    assert not first.succeeded and (first.detail["new"], second.detail["new"]) == (2, 0)
    told = {check.name: check for check in checks()}[NAME]
    assert told.state == "bad" and gone[0] in told.told
    with pytest.raises(SystemExit):
        call_command("verify_rows")
    out = capsys.readouterr().out
    assert all(name in out for name in gone) and "共 2 处" in out
    with pytest.raises(CommandError, match="不在被改动或删除的行里"):
        call_command("verify_rows", "--accept", name_of(people[0]), "--reason", "看过")
    call_command("verify_rows", "--accept", *gone, "--reason", "误删，已登记")
    assert not night()
    assert {check.name: check for check in checks()}.get(NAME) is None


def test_what_is_put_back_is_missed_no_more(people):
    roll = Affiliation.objects.get(member=people[0])
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMP TABLE kept ON COMMIT DROP AS SELECT * FROM members_affiliation WHERE id = %s", [roll.pk]
        )
    by_sql("DELETE FROM members_affiliation WHERE id = %s", roll.pk)
    assert night() == [name_of(roll)]
    by_sql("INSERT INTO members_affiliation SELECT * FROM kept")
    assert not night()
    assert AuditEvent.objects.filter(act=RECORDS).latest("pk").succeeded


def test_what_the_product_removes_is_not_missed(people):
    today = timezone.localdate()
    with wall.everywhere():
        first, second, third = Affiliation.objects.order_by("pk")
        affiliation_end(affiliation=first, by=None, ends_on=today - timedelta(days=9_000))
        Affiliation.objects.filter(pk__in=[second.pk, third.pk]).delete()
        assert not Affiliation.objects.exists()
        last = people[2].pk
        people[2].delete()
    assert not night()
    told = AuditEvent.objects.filter(act=removals.ACT).order_by("pk")
    assert [one.subjects for one in told] == [[first.pk], [second.pk, third.pk], [last]]


def test_what_a_rollback_keeps_is_told_by_nobody(people):
    with wall.everywhere(), transaction.atomic():
        Affiliation.objects.filter(member=people[2]).delete()
        transaction.set_rollback(True)
    assert not AuditEvent.objects.filter(act=removals.ACT).exists()
    by_sql("DELETE FROM members_affiliation WHERE member_id = %s", people[2].pk)
    assert len(night()) == 1


def test_an_event_without_the_code_hides_nothing(people):
    """The web role may add events: its password is not enough."""
    with wall.everywhere():
        Affiliation.objects.filter(member=people[0]).delete()
        people[0].delete()
    code = AuditEvent.objects.filter(act=removals.ACT, subject_type="members.member").get().detail["code"]
    removed_by_sql(people[1])
    for detail in ({}, {"code": None}, {"code": code}, {"code": "é"}):
        AuditEvent.objects.create(
            act=removals.ACT, subject_type="members.member", subjects=[people[1].pk], detail=detail
        )
    assert name_of(people[1]) in night()


def test_the_list_itself_cannot_be_changed_unseen(people, capsys):
    removed_by_sql(people[1])
    for change in (
        "UPDATE accounts_seenrows SET runs = '[]' WHERE \"table\" = 'members.member'",
        "DELETE FROM accounts_seenrows WHERE \"table\" = 'members.member'",
    ):
        by_sql(change)
        AuditEvent.objects.create(act=RECORDS, detail={"findings": [], "new": 0})  # as if no check had written one
        with pytest.raises(SystemExit):
            call_command("verify_rows")
        assert "members.member 的在册清单" in capsys.readouterr().out
        assert "members.member 的在册清单" in AuditEvent.objects.filter(act=RECORDS).latest("pk").detail["findings"]


def test_a_check_that_somebody_adds_or_repeats_is_none(people):
    """Events can be added by the web role's password and are never removed: one that cannot be read would stop every check."""
    good = AuditEvent.objects.filter(act=RECORDS).latest("pk").detail
    removed_by_sql(people[1])
    assert len(night()) == 2
    for detail in (
        good,
        {},
        [1],
        {"checked_at": "9999"},
        good | {"checked_at": "9999"},
        {"checked_at": {}, "code": []},
    ):
        AuditEvent.objects.create(act=RECORDS, detail=detail)
        AuditEvent.objects.create(act=ACT, detail=detail)
        AuditEvent.objects.create(act=removals.ACT, subject_type="members.member", subjects=[1], detail=detail)
    assert {check.name: check.state for check in checks()}[NAME] == "bad"
    audit_check()
    assert len(night()) == 2
    assert last(RECORDS).detail["new"] == 0


@pytest.mark.parametrize("runs", ['{"a": 1}', "[[1, 1000000000000000]]", "[7]"])
def test_a_list_of_which_nothing_can_be_made_stops_no_check(people, runs):
    by_sql("UPDATE accounts_seenrows SET runs = %s WHERE \"table\" = 'members.member'", runs)
    assert not night()
    assert last(RECORDS).detail["findings"] == ["members.member 的在册清单"]


def test_an_older_list_put_back_with_an_event_of_its_own_is_told(people):
    """As the owner could do it, who has every event of before to copy from."""
    old = SeenRows.objects.get(table="members.member")
    code = AuditEvent.objects.filter(act=RECORDS).latest("pk").detail["seen"]
    SeenRows.objects.filter(pk=old.pk).update(checked_at=old.checked_at - timedelta(days=1))
    old.refresh_from_db()
    code["members.member"] = removals._code_of(old)  # of yesterday, as the product wrote it then
    late = make.make_member("李某", phone="13900000000")
    night()
    by_sql("DELETE FROM members_member WHERE id = %s", late.pk)
    SeenRows.objects.filter(pk=old.pk).update(runs=old.runs, checked_at=old.checked_at)
    AuditEvent.objects.create(act=RECORDS, detail={"findings": [], "new": 0, "seen": code})
    night()
    assert "members.member 的在册清单" in AuditEvent.objects.filter(act=RECORDS).latest("pk").detail["findings"]


def test_a_false_row_may_be_removed_by_the_owner(people):
    by_sql(
        "INSERT INTO members_member SELECT (jsonb_populate_record(m, '{\"id\": 999999}')).* FROM members_member m LIMIT 1"
    )
    assert not night()
    assert "members.member:999999" in AuditEvent.objects.filter(act=RECORDS).latest("pk").detail["findings"]
    by_sql("DELETE FROM members_member WHERE id = 999999")
    assert not night()


def test_lists_are_short_and_say_every_key(people):
    runs = removals._runs({5, 1, 2, 3, 9, 8})
    assert runs == [[1, 3], [5, 5], [8, 9]] and removals._keys(runs) == {1, 2, 3, 5, 8, 9}
    assert removals._runs([]) == []
    kept = SeenRows.objects.get(table="members.member").runs
    assert kept == [[people[0].pk, people[2].pk]]


def test_no_other_row_takes_records_along():
    """A cascade removes without asking the model."""
    for model in record_models():
        assert not [field.name for field in model._meta.get_fields() if getattr(field, "remote_field", None)
                    and field.concrete and field.remote_field.on_delete is CASCADE], model  # fmt: skip
