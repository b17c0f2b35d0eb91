"""Persons of an event: only by their own consent, never told apart, gone when they are erased."""

from datetime import datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import AuditEvent
from members import services
from members.models import Consent, IntakeEvent, IntakePerson, Notice, Receipt, Registration
from members.services.retention import retention_run
from tables.models import IdempotencyKey
from tests.members import make as people
from tests.members.intake_tools import ask, hours_ago, item, person, results, send

pytestmark = pytest.mark.django_db
RECEIVED = {"result": "received", "message": "已收到"}


def test_a_person_with_a_consent_opens_a_registration(client, city, sender):
    one = person(id_number=people.id_number(), home_branch="莲塘社区党支部", home_place="江西省南昌县")
    (found,) = results(client, sender, item(persons=[one]))
    assert found["persons"] == [RECEIVED]
    row = Registration.objects.get()
    assert (row.channel, row.confirmation, row.state) == ("intake", "reference", "submitted")
    assert (row.name, row.phone, row.guidance_station) == ("张三丰", one["phone"], city.yuehai)
    assert row.workplace_business.name in row.workplace and row.workplace.endswith("（法定代表人）")
    given = Consent.objects.filter(registration=row)
    assert {each.item for each in given} == {"membership", "home_verify", "id_number"}
    assert {each.given_at for each in given} == {datetime.fromisoformat(one["consent_ref"]["given_at"])}
    assert IntakePerson.objects.get().consent_channel == "办事窗口"


NO_CONSENT = [
    {"notice_version": "没有这一版"}, {"notice_version": None}, {"given_at": "2999-01-01T00:00:00+08:00"},
    {"given_at": "2001-01-01T00:00:00+08:00"}, {"given_at": "2026-11-01 10:00"}, {"channel": "传真"}, {"channel": 1},
    {"items": ["membership"]}, {"items": []}, {"items": "membership"}, {"items": ["membership", "home_verify", "all"]},
    {"more": 1},
]  # fmt: skip


@pytest.mark.parametrize("change", NO_CONSENT, ids=str)
def test_without_a_valid_consent_nothing_of_the_person_is_stored(client, sender, change):
    (found,) = results(client, sender, item(persons=[person(consent_ref=change), person()]))
    refused, taken = found["persons"]
    assert (refused["code"], taken) == ("consent_missing", RECEIVED) and "缺少本人同意凭证" in refused["message"]
    assert found["result"] == "accepted" and Registration.objects.count() == Receipt.objects.count() == 1


def test_without_consent_ref_at_all(client, sender):
    one = person()
    del one["consent_ref"]
    (found,) = results(client, sender, item(persons=[one]))
    assert found["persons"][0]["code"] == "consent_missing" and not Registration.objects.exists()


@pytest.mark.parametrize(
    "change",
    [
        {"name": " "}, {"name": 3}, {"name": "长" * 51}, {"phone": "0755-1234567"}, {"phone": None}, {"id_number": "1" * 18},
        {"standing": "applicant"}, {"standing": None}, {"role": "boss"}, {"role": ["x"]}, {"face": "x"},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_wrong_about_a_person_is_told_and_not_stored(client, sender, change):
    (found,) = results(client, sender, item(persons=[person(**change)]))
    assert found["persons"][0]["code"] == "invalid" and found["persons"][0]["message"]
    assert not Registration.objects.exists() and not IntakePerson.objects.exists()


def test_an_identity_number_needs_its_own_consent(client, sender):
    one = person(id_number=people.id_number(), consent_ref={"items": ["membership", "home_verify"]})
    assert results(client, sender, item(persons=[one]))[0]["persons"][0]["code"] == "consent_missing"
    assert not Registration.objects.exists()


def test_a_known_person_joins_and_the_answer_is_the_same(client, city, sender):
    known = people.registration(city.lianhua, phone="13912345678")
    answers = [results(client, sender, item(persons=[person(phone=one)]))[0] for one in ("13912345678", "13912345679")]
    for answer in answers:
        answer["event_id"] = ""
    assert answers[0] == answers[1]
    assert Registration.objects.count() == 2
    assert IntakePerson.objects.order_by("pk").first().registration == known


def test_who_stands_several_times_in_one_request_is_registered_once(client, sender):
    one = person(id_number=people.id_number())
    anew = {**one, "consent_ref": {**one["consent_ref"], "given_at": people.notice().published_at.isoformat()}}
    by_phone = {name: value for name, value in anew.items() if name != "id_number"}
    by_phone["consent_ref"] = {**one["consent_ref"], "given_at": hours_ago(0)}
    answers = results(client, sender, item(persons=[one]), item(persons=[one, anew]), item(persons=[by_phone]))
    assert [each["persons"] for each in answers] == [[RECEIVED], [RECEIVED, RECEIVED], [RECEIVED]]
    row = Registration.objects.get()
    assert sorted(Receipt.objects.values_list("registration", "is_joined")) == [
        (row.pk, False), (row.pk, True), (row.pk, True),
    ]  # fmt: skip
    assert IntakePerson.objects.filter(registration=row).count() == 3
    acts = AuditEvent.objects.filter(act__startswith="members.registration.")
    assert {each.act: each.detail["rows"] for each in acts} == {
        "members.registration.submit": 1, "members.registration.join": 2,
    }  # fmt: skip


def _statements(client, sender, number: int, phone: str = "") -> int:
    more = {"phone": phone} if phone else {}
    items = [item(persons=[person(**more), person()] if not phone else [person(**more)]) for _ in range(number)]
    with CaptureQueriesContext(connection) as asked:
        response = send(client, sender, items)
    assert all(one["persons"] for one in response.json()["results"])
    return len(asked)


def test_many_persons_take_hardly_more_statements_than_few(client, sender):
    _statements(client, sender, 1)  # what a process looks up once
    assert _statements(client, sender, 200) <= _statements(client, sender, 10) + 20


def test_a_known_number_takes_the_same_statements(client, city, sender):
    people.registration(city.lianhua, phone="13912345678")
    _statements(client, sender, 1)
    asked = [_statements(client, sender, 1, phone) for phone in ("13912345678", "13912345679")]
    assert asked[0] == asked[1]


def test_the_same_event_again_opens_nothing_more(client, sender):
    sent = item(persons=[person()])
    for _ in range(3):
        assert results(client, sender, sent)[0]["persons"] == [RECEIVED]
    assert Registration.objects.count() == Receipt.objects.count() == IntakePerson.objects.count() == 1


def test_a_refused_item_opens_nothing(client, sender):
    (found,) = results(client, sender, item(business={"uscc": "1"}, persons=[person()]))
    assert found["result"] == "refused" and found["persons"] == [] and not Registration.objects.exists()


def test_who_withdrew_is_not_brought_back_by_the_same_consent(client, sender):
    one = person()
    sent = item(persons=[one])
    results(client, sender, sent)
    services.registration_withdraw(registration=Registration.objects.get())
    retention_run()
    for again in (sent, item(business=sent["business"], occurred_at=hours_ago(1), persons=[one])):
        assert results(client, sender, again)[0]["persons"] == [RECEIVED]
    assert Registration.objects.get().state == "withdrawn" and Registration.objects.get().phone is None


def test_a_new_consent_after_a_withdrawal_counts(client, sender):
    one = person()
    results(client, sender, item(persons=[one]))
    services.registration_withdraw(registration=Registration.objects.get())
    anew = person(phone=one["phone"])
    results(client, sender, item(persons=[anew]))
    assert sorted(Registration.objects.values_list("state", flat=True)) == ["submitted", "withdrawn"]


def test_the_event_keeps_nothing_of_a_person(client, sender):
    sent = item(persons=[person(phone="13911112222")])
    results(client, sender, sent)
    event = IntakeEvent.objects.get()
    plain = {field.attname: str(getattr(event, field.attname)) for field in IntakeEvent._meta.concrete_fields}
    assert not any("13911112222" in text or "张三丰" in text for text in plain.values())
    digest = bytes(event.digest)
    results(client, sender, sent | {"persons": [person()]})
    assert bytes(IntakeEvent.objects.get().digest) == digest


def test_an_erasure_does_not_change_what_is_answered(client, sender):
    """Otherwise other content under the same number would ask whether somebody of that event withdrew."""
    sent = item(persons=[person()])
    other = sent | {"business": sent["business"] | {"name": "另一个名称有限公司"}}
    results(client, sender, sent)
    before = [results(client, sender, each) for each in (sent, other)]
    assert [one["code"] for (one,) in before] == ["", "stale"]
    services.registration_withdraw(registration=Registration.objects.get())
    retention_run()
    assert Registration.objects.get().erased_at
    assert [results(client, sender, each) for each in (sent, other)] == before


def test_a_new_consent_of_a_known_event_is_taken_and_the_event_waits_again(client, sender):
    sent = item(persons=[person(consent_ref={"channel": "x"})])
    results(client, sender, sent)
    assert ask(client, sender).json()["events"][0]["state"] == "已办结"  # nobody was taken
    (found,) = results(client, sender, sent | {"persons": [person()]})
    assert (found["result"], found["persons"]) == ("unchanged", [RECEIVED])
    assert ask(client, sender).json()["events"][0]["state"] == "已接收"
    received = IntakeEvent.objects.get().received_at
    results(client, sender, sent | {"persons": []})
    assert IntakeEvent.objects.get().received_at == received


def test_a_consent_a_moment_ahead_of_our_clock_counts(client, sender):
    ahead, too_far = ({"given_at": hours_ago(-minutes / 60)} for minutes in (3, 8))
    (found,) = results(client, sender, item(persons=[person(consent_ref=ahead), person(consent_ref=too_far)]))
    assert found["persons"][0] == RECEIVED and found["persons"][1]["code"] == "consent_missing"


def test_digits_in_the_place_of_a_name_are_not_answered(client, sender):
    """The answer is kept with its idempotency key."""
    sent = [item(persons=[person(**{"13911115555": 1})]), item(business={"手机13911115555": "x"}), item(p13911115555=1)]
    assert "13911115555" not in str(results(client, sender, *sent))
    stored = IdempotencyKey.objects.get()
    assert "1391111" not in stored.answer and "手机…" in stored.answer


def test_persons_are_in_neither_the_audit_nor_the_stored_answer(client, sender):
    send(client, sender, [item(persons=[person(phone="13911113333", id_number=people.id_number())])])
    told = [str(event.detail) for event in AuditEvent.objects.all()] + [IdempotencyKey.objects.get().answer]
    assert not any("13911113333" in text or "张三丰" in text for text in told)


def test_an_unpublished_notice_is_no_notice(client, sender):
    Notice.objects.create(version="草稿")
    (found,) = results(client, sender, item(persons=[person(consent_ref={"notice_version": "草稿"})]))
    assert found["persons"][0]["code"] == "consent_missing" and not Registration.objects.exists()
