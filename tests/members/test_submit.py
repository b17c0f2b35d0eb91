"""Opening a registration: consent, one form one receipt, and nothing that tells whether a number is known."""

import threading
import uuid

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.models import AuditEvent
from members import identity, services
from members.errors import ConsentMissing, Refused
from members.models import Consent, Receipt, Registration
from tests import factories
from tests.members import make

pytestmark = pytest.mark.django_db


@pytest.fixture
def city():
    return factories.make_city()


@pytest.fixture
def poster(city):
    return make.station_poster(city.yuehai)


def test_a_market_poster_places_the_registration_under_the_market(city):
    market = factories.make_market(city.shahe)
    row = make.submit(make.market_poster(market)).registration
    assert (row.market, row.guidance_station, row.district_committee) == (market, city.shahe, city.nanshan)
    assert row.state == "submitted"
    assert row.confirmation == "self"


def test_number_and_phone_are_encrypted_and_indexed(poster):
    number, phone = make.id_number(), make.phone()
    row = make.submit(poster, id_number=number.lower(), phone=phone).registration
    row.refresh_from_db()
    assert (row.id_number, row.phone, row.phone_tail) == (number, phone, phone[-4:])
    with connection.cursor() as cursor:
        cursor.execute("SELECT id_number, phone, name FROM members_registration WHERE id = %s", [row.pk])
        assert all(text.encode() not in bytes(stored) for stored, text in zip(
            cursor.fetchone(), (number, phone, "张三丰"), strict=True))  # fmt: skip


@pytest.mark.parametrize("consents", [set(), {"membership"}, {"home_verify"}, {"id_number", "check_in"}])
def test_without_the_two_needed_consents_nothing_is_kept(poster, consents):
    with pytest.raises(ConsentMissing):
        services.registration_submit(
            form_token=uuid.uuid4(), answers=services.Answers(name="张三", phone=make.phone()), consents=consents,
            notice=make.notice(), origin=services.Origin(poster=poster),
        )  # fmt: skip
    assert not Registration.objects.exists()


def test_a_number_without_its_consent_is_refused(poster):
    with pytest.raises(ConsentMissing, match="身份号码"):
        services.registration_submit(
            form_token=uuid.uuid4(), consents=make.NEEDED, notice=make.notice(),
            answers=services.Answers(name="张三", phone=make.phone(), id_number=make.id_number()),
            origin=services.Origin(poster=poster),
        )  # fmt: skip


@pytest.mark.parametrize(
    ("channel", "confirmation"),
    [("counter", "self"), ("intake", "self"), ("poster", "sms"), ("counter", "reference"), ("intake", "reference")],
)
def test_a_row_without_the_persons_own_proof_is_refused(city, channel, confirmation):
    with pytest.raises(ConsentMissing, match="缺少本人同意凭证"):
        services.registration_submit(
            form_token=uuid.uuid4(), consents=make.NEEDED, notice=make.notice(),
            answers=services.Answers(name="张三", phone=make.phone()),
            origin=services.Origin(channel=channel, confirmation=confirmation, guidance_station=city.yuehai),
        )  # fmt: skip


def test_the_database_refuses_a_counter_entry_without_proof(poster):
    row = make.submit(poster).registration
    with pytest.raises(IntegrityError, match="registration_counter_is_confirmed"), transaction.atomic():
        Registration.objects.filter(pk=row.pk).change(channel="counter")


def test_each_tick_is_a_consent_of_its_own_to_the_version_that_was_shown(poster):
    row = make.submit(poster, id_number=make.id_number(), consents=["check_in"]).registration
    assert set(row.consents.values_list("item", flat=True)) == {"membership", "home_verify", "id_number", "check_in"}
    assert {consent.notice for consent in row.consents.all()} == {make.notice()}


def test_an_unpublished_notice_cannot_be_consented_to(poster):
    draft = make.notice().__class__(version="draft")
    with pytest.raises(Refused, match="还没有发布"):
        services.registration_submit(
            form_token=uuid.uuid4(), consents=make.NEEDED, notice=draft, origin=services.Origin(poster=poster),
            answers=services.Answers(name="张三", phone=make.phone()),
        )  # fmt: skip


def test_the_same_form_twice_is_one_registration_and_the_same_receipt(poster):
    token, phone = uuid.uuid4(), make.phone()
    first, again = (make.submit(poster, token=token, phone=phone) for _ in range(2))
    assert first == again
    assert (Registration.objects.count(), Receipt.objects.count()) == (1, 1)
    assert not again.is_joined


def test_another_form_with_the_same_number_joins_with_a_receipt_of_its_own(city, poster):
    number = make.id_number()
    first = make.submit(poster, id_number=number)
    other = make.submit(make.station_poster(city.lianhua), id_number=number.lower())
    assert (first.is_joined, other.is_joined, other.phone_differs) == (False, True, True)
    assert other.registration == first.registration
    assert first.form_token != other.form_token
    assert Registration.objects.count() == 1


def test_without_a_number_the_phone_alone_joins(poster):
    phone = make.phone()
    make.submit(poster, phone=phone, id_number=make.id_number())
    second = make.submit(poster, phone=phone)
    assert second.is_joined
    assert not second.phone_differs


def test_with_an_unknown_number_a_shared_phone_does_not_join(poster):
    phone = make.phone()
    make.submit(poster, phone=phone, id_number=make.id_number())
    assert not make.submit(poster, phone=phone, id_number=make.id_number()).is_joined


@pytest.mark.parametrize("state", ["withdrawn", "not_verified"])
def test_after_the_end_of_a_registration_one_may_report_again(poster, state):
    first = make.submit(poster, phone=(phone := make.phone())).registration
    if state == "withdrawn":
        services.registration_withdraw(registration=first)
    else:
        services.registration_refuse(registration=first, reason="查不到", by=factories.make_user())
    assert not make.submit(poster, phone=phone).is_joined


def test_a_joining_form_runs_the_same_statements_as_a_first_one(poster):
    make.notice()

    def statements(phone: str) -> list[str]:
        with CaptureQueriesContext(connection) as queries:
            make.submit(poster, phone=phone)
        texts = [query["sql"].split("(")[0][:30] for query in queries.captured_queries]
        return [text for text in texts if text.split(" ")[0] in ("INSERT", "SELECT", "UPDATE", "DELETE")]

    phone = make.phone()
    assert statements(phone) == statements(phone)


def test_submitting_is_audited_with_the_units_and_without_personal_data(city, poster):
    make.submit(poster, name="欧阳修远", phone="13912345678")
    event = AuditEvent.objects.get(act="members.registration.submit")
    assert set(event.units) == {city.yuehai.pk, city.nanshan.pk}
    assert "欧阳" not in str(event.detail)
    assert "13912345678" not in str(event.detail)


def test_one_live_consent_of_a_kind_per_registration(poster):
    row = make.submit(poster).registration
    with pytest.raises(IntegrityError, match="consent_once_while_live"), transaction.atomic():
        Consent.objects.create(registration=row, notice=make.notice(), item="membership", channel="poster")


# --- at the same time -----------------------------------------------------------------------------------------------


def in_parallel(count: int, work) -> list:
    """Run `work(number)` in threads that start together; returns results, raises what a thread raised."""
    barrier, results, errors = threading.Barrier(count), [], []

    def run(number: int) -> None:
        try:
            barrier.wait(10)
            results.append(work(number))
        except Exception as error:  # noqa: BLE001 - handed to the test
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[number]) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    if errors:
        raise errors[0]
    return results


@pytest.mark.django_db(transaction=True)
def test_the_same_form_sent_by_eight_threads_is_one_registration(city, poster):
    make.notice()
    token, phone = uuid.uuid4(), make.phone()
    receipts = in_parallel(8, lambda number: make.submit(poster, token=token, phone=phone))
    assert len({receipt.pk for receipt in receipts}) == 1
    assert (Registration.objects.count(), Receipt.objects.count()) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_eight_forms_of_one_person_are_one_registration_and_eight_receipts(city, poster):
    make.notice()
    number = make.id_number()
    receipts = in_parallel(8, lambda _: make.submit(poster, id_number=number))
    assert (Registration.objects.count(), Receipt.objects.count()) == (1, 8)
    assert sorted(receipt.is_joined for receipt in receipts) == [False] + [True] * 7


@pytest.mark.django_db(transaction=True)
def test_control_without_the_lock_the_same_race_makes_several(city, poster, monkeypatch):
    """The two tests above can fail: take the lock away and the race is lost."""
    make.notice()
    number = make.id_number()
    gate = threading.Barrier(4)
    known = services.submit._known

    def slowly(columns):
        found = known(columns)
        gate.wait(10)
        return found

    monkeypatch.setattr(services.submit, "lock_keys", lambda *keys: None)
    monkeypatch.setattr(services.submit, "_known", slowly)
    in_parallel(4, lambda _: make.submit(poster, id_number=number))
    assert Registration.objects.filter(id_number_index=identity.id_number_index(number)).count() > 1
