"""One consent that is told twice, by file and by event, at any exactness and at once: one receipt, one registration."""

import threading
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from members import services
from members.models import Consent, IntakePerson, Notice, Receipt, Registration
from members.services import agreed, submit
from members.services.agreed import Agreement
from members.services.retention import retention_run
from tests import factories
from tests.at_once import at_once
from tests.markets import files
from tests.members import make
from tests.members.intake_tools import item, make_client, person, results


@pytest.fixture
def city(db):
    """With a notice that was published before yesterday."""
    said = dict.fromkeys(("handler", "purpose", "kinds", "retention", "rights", "sensitive", "joint", "digest"), "文字")
    said |= {"version": "2026-0", "consent_anew": False, "change": "第一版"}
    Notice.objects.create(published_at=timezone.now() - timedelta(days=30), **said)
    return factories.make_city()


@pytest.fixture
def bring(city, tmp_path):
    officer = factories.make_user("officer", city.yuehai)

    def bringing(*rows) -> dict:
        answer = files.import_file(files.write(tmp_path / "file.csv", list(rows)), officer, target="lead")
        assert "error" not in answer, answer
        return {name: answer[name] for name in ("new", "unchanged", "wrong", "duplicate") if answer[name]}

    return bringing


# A moment of yesterday that no coarser one equals.
AT = timezone.localtime().replace(hour=9, minute=28, second=15, microsecond=7) - timedelta(days=1)


def told_by_event(phone: str, at=AT) -> dict:
    return person(Notice.objects.get(), phone=phone, consent_ref={"given_at": at.isoformat()})


def told_by_file(phone: str, at=AT, form: str = "%Y-%m-%d %H:%M") -> dict:
    return {
        "姓名": "张三丰", "手机号": phone, "指导站": "粤海指导站", "告知书版本": Notice.objects.get().version,
        "同意时间": at.strftime(form), "同意方式": "办事窗口",
    }  # fmt: skip


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S"])
@pytest.mark.parametrize("file_first", [True, False])
def test_file_and_event_tell_of_one_consent(client, city, bring, form, file_first):
    sender, phone = make_client(city.city), make.phone()
    acts = [
        lambda: bring(told_by_file(phone, form=form)),
        lambda: results(client, sender, item(persons=[told_by_event(phone)]))[0]["persons"],
    ]
    answers = [act() for act in (acts if file_first else acts[::-1])]
    assert {"result": "received", "message": "已收到"} in [
        one for each in answers if isinstance(each, list) for one in each
    ]
    assert answers[0 if file_first else 1] == ({"new": 1} if file_first else {"unchanged": 1})
    assert Registration.objects.count() == Receipt.objects.count() == IntakePerson.objects.count() == 1
    assert set(Consent.objects.values_list("given_at", flat=True)) == {Receipt.objects.get().agreed_at}


@pytest.mark.parametrize("file_first", [True, False])
def test_whoever_withdrew_is_brought_back_neither_way(client, city, bring, file_first):
    sender, phone = make_client(city.city), make.phone()

    def by_file():
        bring(told_by_file(phone))

    def by_event():
        results(client, sender, item(persons=[told_by_event(phone)]))

    first, second = (by_file, by_event) if file_first else (by_event, by_file)
    first()
    services.registration_withdraw(registration=Registration.objects.get())
    retention_run()
    second()
    assert Registration.objects.get().state == "withdrawn"


def test_two_departments_tell_of_one_consent(client, city):
    one, other, phone = make_client(city.city), make_client(city.city), make.phone()
    for sender in (one, other):
        results(client, sender, item(persons=[told_by_event(phone)]))
    assert Registration.objects.count() == Receipt.objects.count() == 1 and IntakePerson.objects.count() == 2


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("09:28:15.120000", "09:28:15.120000", True),
        ("09:28:15.120000", "09:28:15.130000", False),
        ("09:28:15.120000", "09:28:15", True),
        ("09:28:15", "09:28:16", False),
        ("09:28:15", "09:28:00", True),
        ("09:28:00", "09:29:00", False),
        ("09:28:15", "00:00:00", True),
    ],
)
def test_the_less_exact_time_decides(one, other, same):
    day = "2026-11-25T{}+08:00"
    first, second = (timezone.datetime.fromisoformat(day.format(at)) for at in (one, other))
    assert Agreement("1", "v", first).is_also(second) is Agreement("1", "v", second).is_also(first) is same


def test_phones_notices_and_days_are_told_apart():
    base = Agreement("13900000000", "2026-1", AT)
    others = [
        Agreement("13900000001", "2026-1", AT), Agreement("13900000000", "2026-2", AT),
        Agreement("13900000000", "2026-1", AT - timedelta(days=1)),
    ]  # fmt: skip
    assert len({one.index for one in (base, *others)}) == len({one.token for one in (base, *others)}) == 4


# --- at once ----------------------------------------------------------------------------------------------------------


def told(city, phone: str, at) -> Receipt:
    agreement = Agreement(phone, Notice.objects.get().version, at)
    return services.registration_submit(
        form_token=agreement.token, consents=make.NEEDED, notice=Notice.objects.get(),
        answers=services.Answers(name="张三丰", phone=phone, home_unknown=True),
        origin=services.Origin(
            channel="intake", confirmation="reference", guidance_station=city.yuehai, agreement=agreement
        ),
    )  # fmt: skip


MINUTE = AT.replace(second=0, microsecond=0)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("other", [MINUTE, MINUTE + timedelta(seconds=5)], ids=["the same", "less exact"])
def test_two_at_once_make_one_receipt(city, other):
    phone = make.phone()
    got = at_once(lambda: told(city, phone, MINUTE), lambda: told(city, phone, other))
    assert len({receipt.pk for receipt in got}) == 1
    assert Registration.objects.count() == Receipt.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("other", [MINUTE, MINUTE + timedelta(seconds=5)], ids=["the same", "less exact"])
def test_control_without_the_lock(city, other, monkeypatch):
    """The race is real: without the lock there are two receipts, or the database keeps the second one out."""
    phone, gate = make.phone(), threading.Barrier(2)

    def slowly(agreements):
        found = agreed.receipts_of(agreements)
        gate.wait(10)
        return found

    monkeypatch.setattr(submit, "lock_keys", lambda *keys: None)
    monkeypatch.setattr(submit, "receipts_of", slowly)
    got = at_once(lambda: told(city, phone, MINUTE), lambda: told(city, phone, other))
    names = sorted(type(each).__name__ for each in got)
    if other == MINUTE:
        assert names == ["IntegrityError", "Receipt"] and Receipt.objects.count() == 1
    else:
        assert names == ["Receipt", "Receipt"] and Receipt.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_a_file_and_an_event_at_once(city, bring, monkeypatch):
    """Through their own doors: whichever is first, both are answered and there is one."""
    sender, phone = make_client(city.city), make.phone()
    got = at_once(
        lambda: bring(told_by_file(phone)),
        lambda: results(Client(), sender, item(persons=[told_by_event(phone)])),
    )
    assert not [each for each in got if isinstance(each, Exception)], got
    assert Registration.objects.count() == Receipt.objects.count() == 1
