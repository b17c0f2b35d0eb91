import threading
import uuid
from datetime import date, datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts import audit
from accounts.models import AuditEvent
from members.copies import Person, sections
from members.erasure import erase_elsewhere
from members.models import Consent
from stations import services
from stations.models import CheckIn, CheckInTally, ServicePoint
from tests import factories as make
from tests.stations.conftest import make_person, values

pytestmark = pytest.mark.django_db


@pytest.fixture
def place(city):
    return make.make_service_point(city.yuehai)


def test_check_in_carries_the_places_ancestors_and_is_audited(city, person, place):
    officer = make.make_user("officer", city.yuehai)
    row, created = services.check_in(member=person.member, place=place, **values(by=officer))
    kept = CheckIn.objects.get(pk=row.pk)
    assert created
    assert (kept.guidance_station_id, kept.district_committee_id) == (city.yuehai.pk, city.nanshan.pk)
    assert (kept.street_id, kept.district_id) == (place.street_id, place.district_id)
    told = AuditEvent.objects.filter(act="stations.check_in.add").values().get()
    expected = audit.record(
        "stations.check_in.add", by=officer, subjects=[row], units=[city.yuehai.pk, city.nanshan.pk],
        detail={"place": place.pk, "channel": row.channel},
    )  # fmt: skip
    same = AuditEvent.objects.filter(pk=expected.pk).values().get()
    assert {**told, "id": None, "at": None} == {**same, "id": None, "at": None}


def test_same_nonce_twice_is_one_row_and_the_same_answer(person, place):
    sent = values()
    first, created = services.check_in(member=person.member, place=place, **sent)
    again, created_again = services.check_in(member=person.member, place=place, **sent)
    assert created and not created_again and first.pk == again.pk
    assert CheckIn.objects.count() == 1 and AuditEvent.objects.filter(act="stations.check_in.add").count() == 1


def test_another_nonce_on_the_same_day_is_the_same_check_in(person, place):
    first, _ = services.check_in(member=person.member, place=place, **values())
    again, created = services.check_in(member=person.member, place=place, **values())
    assert not created and again.pk == first.pk


def test_another_purpose_is_another_check_in(person, place):
    services.check_in(member=person.member, place=place, **values())
    _, created = services.check_in(member=person.member, place=place, **values(purpose="study"))
    assert created


def test_nonce_of_another_member_is_refused(city, person, place, notice):
    sent = values()
    services.check_in(member=person.member, place=place, **sent)
    other = make_person(city.yuehai, notice, name="李四")
    with pytest.raises(services.CheckInRefused, match="刷新"):
        services.check_in(member=other.member, place=place, **sent)


def test_without_consent_nobody_is_checked_in(city, place, notice):
    person = make_person(city.yuehai, notice, consent=False)
    with pytest.raises(services.CheckInRefused, match="没有同意签到"):
        services.check_in(member=person.member, place=place, **values())
    assert not CheckIn.objects.exists()


def test_consent_taken_back_stops_the_next_check_in(person, place):
    Consent.objects.filter(pk=person.consent.pk).change(withdrawn_at=timezone.now())
    with pytest.raises(services.CheckInRefused):
        services.check_in(member=person.member, place=place, **values())


def test_consent_given_on_the_member_itself_counts(city, place, notice):
    person = make_person(city.yuehai, notice, consent=False)
    Consent.objects.create(member=person.member, notice=notice, item="check_in", channel="counter")
    assert services.check_in(member=person.member, place=place, **values())[1]


def test_withdrawn_registration_takes_its_consent_with_it(person, place):
    type(person.registration).objects.filter(pk=person.registration.pk).change(
        state="withdrawn", withdrawn_at=timezone.now()
    )
    with pytest.raises(services.CheckInRefused):
        services.check_in(member=person.member, place=place, **values())


def test_closed_place_is_refused(person, place):
    ServicePoint.objects.filter(pk=place.pk).update(closed_on="2026-01-01")
    with pytest.raises(services.CheckInRefused, match="已停用"):
        services.check_in(member=person.member, place=place, **values())


def test_somebody_who_is_no_member_any_more_is_refused(person, place):
    type(person.member).objects.filter(pk=person.member.pk).change(ended="moved_out", ended_on="2026-01-01")
    with pytest.raises(services.CheckInRefused):
        services.check_in(member=person.member, place=place, **values())


@pytest.mark.parametrize("off", [timedelta(hours=-25), timedelta(minutes=5)])
def test_device_clock_that_cannot_be_right_gives_way_to_the_servers(person, place, off):
    row, _ = services.check_in(member=person.member, place=place, **values(occurred_at=timezone.now() + off))
    assert row.occurred_at == row.received_at


def test_device_clock_within_a_day_decides_the_business_date(person, place):
    yesterday = timezone.now() - timedelta(hours=20)
    row, _ = services.check_in(member=person.member, place=place, **values(occurred_at=yesterday))
    assert row.occurred_at == yesterday and row.on == timezone.localdate(yesterday)


def test_business_date_is_shanghais():
    late = datetime.fromisoformat("2026-03-01T17:30:00+00:00")
    assert services.Moment(late, late).on == date(2026, 3, 2)


@pytest.mark.django_db(transaction=True)
def test_double_tap_at_the_same_moment_is_one_row(person, place):
    sent, answers = values(), []

    def tap():
        try:
            answers.append(services.check_in(member=person.member, place=place, **sent))
        finally:
            connection.close()

    threads = [threading.Thread(target=tap) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(created for _, created in answers) == [False, False, False, True]
    assert len({row.pk for row, _ in answers}) == 1 == CheckIn.objects.count()


def test_undo_within_ten_minutes_by_the_same_officer(city, person, place):
    officer = make.make_user("officer", city.yuehai)
    row, _ = services.check_in(member=person.member, place=place, **values(by=officer))
    services.check_in_undo(check_in=row, by=officer)
    assert not CheckIn.objects.exists() and AuditEvent.objects.filter(act="stations.check_in.undo").count() == 1


def test_undo_by_another_officer_or_too_late_is_refused(city, person, place):
    officer, other = (make.make_user("officer", city.yuehai) for _ in range(2))
    row, _ = services.check_in(member=person.member, place=place, **values(by=officer))
    with pytest.raises(services.UndoRefused):
        services.check_in_undo(check_in=row, by=other)
    CheckIn.objects.update(received_at=timezone.now() - timedelta(minutes=11))
    with pytest.raises(services.UndoRefused):
        services.check_in_undo(check_in=row, by=officer)
    assert CheckIn.objects.count() == 1 and not AuditEvent.objects.filter(act="stations.check_in.undo").exists()


def test_spoken_request_without_an_officer_is_refused_by_the_database(person, place):
    with pytest.raises(IntegrityError), transaction.atomic():
        services.check_in(member=person.member, place=place, **values(channel="spoken"))


def test_twice_on_one_day_is_refused_by_the_database(person, place):
    row, _ = services.check_in(member=person.member, place=place, **values())
    row.pk, row.nonce = None, uuid.uuid4()
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save(force_insert=True)


def test_dispute_marks_once_and_delete_leaves_nothing(person, place):
    row, _ = services.check_in(member=person.member, place=place, **values())
    services.check_in_dispute(check_in=row)
    services.check_in_dispute(check_in=row)
    assert AuditEvent.objects.filter(act="stations.check_in.dispute").count() == 1
    services.check_in_delete(check_in=row)
    services.check_in_delete(check_in=row)
    assert not CheckIn.objects.exists() and not CheckInTally.objects.exists()


def test_rows_older_than_24_months_become_counts_once(city, person, place, notice):
    other = make_person(city.yuehai, notice, name="李四")
    rows = [services.check_in(member=who.member, place=place, **values())[0] for who in (person, other)]
    kept, _ = services.check_in(member=person.member, place=place, **values(purpose="study"))
    old = services.months_before(timezone.localdate(), 24) - timedelta(days=1)
    CheckIn.objects.filter(pk__in=[row.pk for row in rows]).update(on=old)
    CheckIn.objects.filter(pk=kept.pk).update(on=old + timedelta(days=1))
    assert services.check_ins_to_counts() == 2 and services.check_ins_to_counts() == 0
    tally = CheckInTally.objects.get()
    assert (tally.place, tally.on, tally.purpose, tally.count) == (place, old, "report", 2)
    assert list(CheckIn.objects.all()) == [kept]


def test_late_old_rows_add_to_the_count(person, place):
    row, _ = services.check_in(member=person.member, place=place, **values())
    CheckIn.objects.filter(pk=row.pk).update(on="2020-01-01")
    CheckInTally.objects.create(place=place, on="2020-01-01", purpose="report", count=5)
    services.check_ins_to_counts()
    assert CheckInTally.objects.get().count == 6


@pytest.mark.parametrize(
    ("day", "earlier"), [(date(2026, 11, 22), date(2024, 11, 22)), (date(2028, 2, 29), date(2026, 2, 28))]
)
def test_months_before_ends_of_months(day, earlier):
    assert services.months_before(day, 24) == earlier


def test_erased_persons_rows_become_counts_and_the_copy_lists_them(person, place):
    services.check_in(member=person.member, place=place, **values())
    assert place.name in str(sections(Person(person.member), masked=False))
    erase_elsewhere([person.member], [person.registration])
    assert not CheckIn.objects.exists() and CheckInTally.objects.get().count == 1


def test_somebody_with_two_affiliations_is_one_row_for_the_secretary(city, person, place):
    branch = make.make_branch(city.yuehai)
    make.make_affiliation(person.member, branch)
    make.make_affiliation(person.member, branch, kind="activity")
    services.check_in(member=person.member, place=place, **values())
    assert CheckIn.objects.visible_to(make.make_user("secretary", branch)).count() == 1
    assert not CheckIn.objects.visible_to(make.make_user("secretary", make.make_branch(city.yuehai))).exists()
