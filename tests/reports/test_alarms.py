"""告警: what becomes one, once, whoever looks and how often; and that an administrator says it was seen to."""

import threading
from datetime import timedelta

import pytest
from django.core import mail
from django.db import OperationalError, connection
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from psycopg2.errors import DiskFull

from accounts import audit, checking
from accounts.models import AuditEvent, User
from accounts.seals import seal
from accounts.services import factors_reset, user_create
from orgs.services import posting_grant
from reports import health
from reports.alarms import kinds, looking, sending
from reports.alarms.kinds import KINDS
from reports.models import Alarm, AlarmRound
from reports.tasks import alarm_retention
from reports.tasks import alarms as round_task
from tests import factories as make
from tests.at_once import somebody_waits
from tests.jobs.test_runner import wait_for
from tests.persona_alarms import alarm

pytestmark = pytest.mark.django_db
EXPORT = "markets.business.export"


@pytest.fixture
def ground(settings, tmp_path):
    """Two people and a city, all before the first round: none of that is an alarm."""
    settings.MEDIA_ROOT = str(tmp_path)
    settings.ALARM_SIGN_IN_FAILURES = settings.ALARM_REFUSALS = 3
    ground = make.make_city()
    ground.security = make.make_user(duty=User.Duty.SECURITY, username="anquan")
    ground.officer = make.make_user("officer", ground.yuehai, username="jingban")
    seal()
    looking.look()
    Alarm.objects.all().delete()
    return ground


def found() -> dict[str, list[int]]:
    """The alarms by kind, with the count of each; of what stands still only where it is asked for."""
    told: dict[str, list[int]] = {}
    for kind, count in Alarm.objects.exclude(kind="stands_still").order_by("pk").values_list("kind", "count"):
        told.setdefault(kind, []).append(count)
    return told


def round_() -> dict[str, list[int]]:
    seal()
    looking.look()
    return found()


def broken(ground, owner_role, client) -> None:
    event = AuditEvent.objects.order_by("pk").first()
    with owner_role(), connection.cursor() as cursor:
        cursor.execute("UPDATE accounts_auditevent SET act = 'accounts.session.close' WHERE id = %s", [event.pk])
    checking.audit_check()


def unsealed(ground, owner_role, client) -> None:
    event = audit.record("accounts.session.close", by=None)
    with owner_role(), connection.cursor() as cursor:
        cursor.execute("UPDATE accounts_auditevent SET at = at - interval '61 seconds' WHERE id = %s", [event.pk])


def given_rights(ground, owner_role, client) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE orgs_posting SET role = 'leader'")


def great(ground, owner_role, client) -> None:
    user_create(user=User(username="x", name="x", duty=User.Duty.AUDIT), password="x", by=ground.security)
    posting_grant(user=make.make_user(username="y"), role="leader", by=None, organization=ground.city)
    posting_grant(user=make.make_user(username="z"), role="leader", by=None, organization=ground.nanshan)  # no city


def without_factor(ground, owner_role, client) -> None:
    factors_reset(user=ground.officer, reason="手机丢了", by=ground.security)


def exported(ground, owner_role, client) -> None:
    audit.record(EXPORT, by=ground.officer, detail={"rows": 4_999})
    audit.record(EXPORT, by=ground.officer, detail={"rows": 5_000})
    audit.record(f"{EXPORT}_refuse", by=ground.officer, detail={"rows": 9})


def refused(ground, owner_role, client) -> None:
    client.force_login(ground.officer)
    for address in ("/health/", "/audit/", "/members/999999/"):
        assert client.get(address).status_code in (403, 404)


def infected(ground, owner_role, client) -> None:
    for reason in ("infected", "unchecked"):
        audit.record("accounts.upload.refuse", by=ground.officer, detail={"reason": reason}, succeeded=False)


def sign_in(client, username: str, times: int, address: str = "10.9.9.9") -> None:
    for _ in range(times):
        sent = {"username": username, "password": "wrong"}
        client.post(reverse("accounts:sign_in"), sent, REMOTE_ADDR=address)


def locked(ground, owner_role, client) -> None:
    sign_in(client, "jingban", 4, "10.9.9.1")
    sign_in(client, "jingban", 2, "10.9.9.1")


def guessed(ground, owner_role, client) -> None:
    for number in range(3):
        sign_in(client, f"nobody{number}", 1)


def stopped(ground, owner_role, client) -> None:
    """No nightly job ever ran in this database."""


# What is done, and the counts of the alarms of its kind; of other kinds there must be none but those named.
CASES = {
    "audit_broken": (broken, [1]),
    "audit_unsealed": (unsealed, [1]),
    "rows_changed": (given_rights, [1]),
    "great_rights": (great, [1, 1]),
    "factor_removed": (without_factor, [1]),
    "large_export": (exported, [2]),
    "many_refusals": (refused, [3]),
    "infected_upload": (infected, [1]),
    "account_locked": (locked, [2]),
    "many_failures": (guessed, [3]),
    "stands_still": (stopped, None),
}
BESIDES = {"account_locked": {"many_failures"}}


def test_every_kind_has_its_case():
    assert set(CASES) == set(KINDS)


@pytest.mark.parametrize("name", CASES)
def test_what_becomes_an_alarm(name, ground, owner_role, client, request):
    act, counts = CASES[name]
    act(ground, owner_role, client)
    if name == "stands_still":
        request.getfixturevalue("installed_long_ago")
        looking.look()
        told = dict(Alarm.objects.filter(kind=name).values_list("about", "text"))
        assert set(told) == {check.name for check in health.checks() if check.state == health.BAD} - {
            health.SEALING,
            health.ROWS,
        }
        assert "从来没有" in told["全部统计（每晚 01:10）"] and "refresh_coverage" in told["全部统计（每晚 01:10）"]
        return
    if name != "audit_unsealed":
        seal()
    looking.look()
    assert found().pop(name) == counts
    assert set(found()) - {name} == BESIDES.get(name, set())


@pytest.mark.parametrize("name", ["many_refusals", "many_failures"])
def test_control_one_below_the_limit_is_none(name, ground, owner_role, client, settings):
    settings.ALARM_SIGN_IN_FAILURES = settings.ALARM_REFUSALS = 4
    CASES[name][0](ground, owner_role, client)
    assert round_() == {}


def test_the_limit_is_of_one_address_within_an_hour(ground, owner_role, client):
    sign_in(client, "nobody", 2, "10.9.9.1")
    sign_in(client, "nobody", 2, "10.9.9.2")
    assert round_() == {}
    with owner_role(), connection.cursor() as cursor:
        cursor.execute("UPDATE accounts_auditevent SET at = at - interval '61 minutes' WHERE NOT succeeded")
    sign_in(client, "nobody", 1, "10.9.9.1")
    assert round_() == {}
    sign_in(client, "nobody", 2, "10.9.9.1")
    assert round_() == {"many_failures": [3]}


def test_whoever_has_many_addresses_of_one_network_is_one(ground, client):
    for number in range(2):
        sign_in(client, "nobody", 1, f"2001:db8:0:1::{number}")
        sign_in(client, "nobody", 1, f"2001:db8:0:{number + 2}::1")
    assert round_() == {}
    sign_in(client, "nobody", 1, "2001:db8:0:1:ffff::9")
    assert round_() == {"many_failures": [3]}


def test_what_crosses_the_limit_over_two_rounds_is_counted_once(ground, client):
    sign_in(client, "nobody", 2)
    assert round_() == {}
    sign_in(client, "nobody", 2)
    assert round_() == {"many_failures": [4]}
    sign_in(client, "nobody", 1)
    assert round_() == round_() == {"many_failures": [5]}


def test_the_same_is_one_alarm_until_somebody_saw_to_it(ground, owner_role, client):
    exported(ground, owner_role, client)
    assert round_() == {"large_export": [2]}
    first = Alarm.objects.get(kind="large_export")
    exported(ground, owner_role, client)
    assert round_() == {"large_export": [4]}
    assert looking.alarm_handle(alarm=first, note="核对过", by=ground.security)
    assert not looking.alarm_handle(alarm=first, note="又一次", by=ground.security)
    exported(ground, owner_role, client)
    assert round_() == {"large_export": [4, 2]}


def test_a_state_is_counted_once_and_stays_quiet_after_it_was_seen_to(ground, owner_role, client, settings):
    unsealed(ground, owner_role, client)
    for _ in range(3):
        looking.look()
    assert found() == {"audit_unsealed": [1]}
    looking.alarm_handle(alarm=Alarm.objects.get(kind="audit_unsealed"), note="正在修", by=ground.security)
    looking.look()
    assert found() == {"audit_unsealed": [1]}
    seen_to = Alarm.objects.exclude(handled_at=None)
    seen_to.update(handled_at=timezone.now() - timedelta(hours=settings.ALARM_REPEAT_HOURS, minutes=1))
    looking.look()
    assert found() == {"audit_unsealed": [1, 1]}


def test_a_row_that_was_changed_is_told_once_and_hides_no_other(ground, owner_role, client):
    broken(ground, owner_role, client)
    round_()
    checking.audit_check()
    assert round_() == {"audit_broken": [1]}
    event = AuditEvent.objects.order_by("pk")[1]
    with owner_role(), connection.cursor() as cursor:
        cursor.execute("UPDATE accounts_auditevent SET purpose = 'x' WHERE id = %s", [event.pk])
    checking.audit_check()
    assert round_() == {"audit_broken": [2]}


def test_the_first_round_leaves_alone_what_was_before(db):
    audit.record(EXPORT, by=None, detail={"rows": 9_000})
    assert round_() == {}
    audit.record(EXPORT, by=None, detail={"rows": 9_000})
    assert round_() == {"large_export": [1]}


# --- two at once ------------------------------------------------------------------------------------------------------


def two_rounds(monkeypatch) -> list[Exception]:
    """One is held in the middle while the other begins; what they raised."""
    inside, go_on, errors = threading.Event(), threading.Event(), []

    def held(span):
        first = not inside.is_set()
        inside.set()
        if first:
            assert go_on.wait(20)
        return iter(())

    monkeypatch.setitem(KINDS, "held", kinds.Kind("", User.Duty.AUDIT, held, ""))

    def run():
        try:
            looking.look()
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(2)]
    threads[0].start()
    assert inside.wait(20)
    threads[1].start()
    wait_for(lambda: somebody_waits() or not threads[1].is_alive())
    go_on.set()
    for thread in threads:
        thread.join(20)
    return errors


def test_what_was_seen_to_goes_with_the_audit_and_what_was_not_stays(ground, settings):
    ages = {"old": settings.AUDIT_KEEP_DAYS + 1, "kept": settings.AUDIT_KEEP_DAYS - 1}
    for about, days in ages.items():
        then = timezone.now() - timedelta(days=days)
        seen_to = {"handled_at": then, "handled_by": ground.security, "note": "已处理"}
        alarm("account_locked", about=about, first_at=then, last_at=then, **seen_to)
        alarm("account_locked", about=f"{about}, open", first_at=then, last_at=then)
    alarm_retention()
    assert set(Alarm.objects.values_list("about", flat=True)) == {"kept", "kept, open", "old, open"}
    assert AuditEvent.objects.get(act="accounts.retention").detail == {"job": "alarms", "alarms": 1}


@pytest.mark.django_db(transaction=True)
def test_two_rounds_at_once_find_everything_once(monkeypatch):
    looking.look()
    audit.record(EXPORT, by=None, detail={"rows": 9_000})
    seal()
    assert two_rounds(monkeypatch) == [] and found() == {"large_export": [1]}


@pytest.mark.django_db(transaction=True)
def test_control_without_the_lock_they_do_not(monkeypatch):
    looking.look()
    audit.record(EXPORT, by=None, detail={"rows": 9_000})
    seal()
    monkeypatch.setattr(QuerySet, "select_for_update", lambda rows, **_: rows)
    assert two_rounds(monkeypatch) != [] or found() != {"large_export": [1]}


@pytest.mark.django_db(transaction=True)
def test_an_act_whose_transaction_ends_late_is_not_missed():
    """Its event has the smaller number: whoever remembered numbers would be past it."""
    looking.look()
    begun, end = threading.Event(), threading.Event()

    def slow():
        from django.db import transaction

        with transaction.atomic():
            audit.record(EXPORT, by=None, detail={"rows": 9_000})
            begun.set()
            assert end.wait(20)
        connection.close()

    thread = threading.Thread(target=slow)
    thread.start()
    assert begun.wait(20)
    later = audit.record("accounts.session.close", by=None)
    round_()
    end.set()
    thread.join(20)
    assert round_() == {"large_export": [1]}
    assert AuditEvent.objects.get(act=EXPORT).pk < later.pk


# --- the page ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def three(db):
    """One alarm of each administrator."""
    return {
        duty: (make.make_user(duty=duty), alarm(kind))
        for duty, kind in (("system", "stands_still"), ("security", "account_locked"), ("audit", "large_export"))
    }


@pytest.mark.parametrize("duty", ["system", "security", "audit"])
def test_each_administrator_sees_their_own(duty, three, client):
    user, own = three[duty]
    client.force_login(user)
    page = client.get(reverse("reports:alarms")).content.decode()
    told = {other: KINDS[row.kind].label in page for other, (_, row) in three.items()}
    assert told == {other: other == duty for other in three}
    assert '<span class="menu-count num">1</span>' in page and "1 条没有处理" in page
    for other, (_, row) in three.items():
        assert client.get(row.get_absolute_url()).status_code == (200 if other == duty else 404)
        assert client.post(row.get_absolute_url(), {"note": "x"}).status_code == (302 if other == duty else 404)
    assert [row.pk for row in Alarm.objects.exclude(handled_at=None)] == [own.pk]


def test_who_saw_to_it_writes_what_was_found(three, client):
    user, own = three["audit"]
    client.force_login(user)
    page = own.get_absolute_url()
    assert client.post(page, {"note": " "}).status_code == 422
    text = client.get(page).content.decode()
    assert "去查看" in text and f"{reverse('reports:audit')}?since=" in text and "已处理" in text
    assert client.post(page, {"note": "用途和批准人都对"}).status_code == 302
    own.refresh_from_db()
    assert (own.handled_by, own.note) == (user, "用途和批准人都对")
    event = AuditEvent.objects.get(act="reports.alarm.handle")
    assert (event.actor, event.subjects) == (user, [own.pk])
    text = client.get(reverse("reports:alarms")).content.decode()
    assert "用途和批准人都对" in text and "0 条没有处理" in text and "menu-count" not in text
    assert "用途和批准人都对" in client.get(page).content.decode()
    client.post(page, {"note": "改写"})
    own.refresh_from_db()
    assert own.note == "用途和批准人都对"


@pytest.mark.parametrize("name", KINDS)
def test_where_to_look_opens_for_whom_it_is_meant(name, client):
    kind = KINDS[name]
    about = str(audit.record(EXPORT, by=None).pk) if kind.page == "reports:audit_event" else ""
    client.force_login(make.make_user(duty=kind.duty))
    row = alarm(name, about=about, text="情况如此")
    text = client.get(row.get_absolute_url()).content.decode()
    address = text.split('">去查看')[0].rsplit('href="', 1)[1].replace("&amp;", "&")
    assert client.get(address).status_code == 200 and "情况如此" in text


def test_the_round_is_told_on_the_page_of_health(ground):
    def state():
        return next(check for check in health.checks() if check.name == "告警")

    assert state().state == health.OFF
    AlarmRound.objects.update(looked_at=timezone.now() - timedelta(minutes=6))
    assert state().state == health.BAD and "最近一次巡查" in state().told


def test_where_the_database_has_no_room_for_alarms_that_is_told_and_kept_later(ground, client, settings, monkeypatch):
    settings.ALARM_MAIL_TO = ["soc@example.gov.cn"]

    def full(name, found):
        raise OperationalError("could not extend file") from DiskFull()

    exported(ground, None, client)
    seal()
    with monkeypatch.context() as patch:
        patch.setattr(looking, "_raise", full)
        for _ in range(2):
            round_task()
    (told,) = mail.outbox
    assert "磁盘满了" in told.body and "腾出空间" in told.body
    assert not Alarm.objects.exists() and AlarmRound.objects.get().looked_at > timezone.now() - timedelta(minutes=1)
    client.force_login(make.make_user(duty=User.Duty.AUDIT))
    assert "新的告警记不下来" in client.get("/alarms/").content.decode()
    monkeypatch.setattr(health, "LOOKS", ())
    round_task()
    (row,) = Alarm.objects.filter(kind="stands_still")
    assert (row.about, row.handled_at, row.owed) == ("数据库", None, []) and found()["large_export"] == [2]
    assert len(mail.outbox) == 2  # the other alarm
    assert "新的告警记不下来" not in client.get("/alarms/").content.decode()


def test_control_another_error_of_the_database_stays_one(ground, monkeypatch):
    def broken(name, found):
        raise OperationalError

    exported(ground, None, None)
    seal()
    monkeypatch.setattr(looking, "_raise", broken)
    with pytest.raises(OperationalError):
        looking.look()
    assert AlarmRound.objects.get().full_at is None


def test_a_message_about_the_full_database_that_did_not_leave_is_sent_with_the_next_round(
    ground, settings, monkeypatch
):
    settings.ALARM_MAIL_TO, settings.EMAIL_PORT = ["soc@example.gov.cn"], 1
    settings.EMAIL_BACKEND, settings.EMAIL_HOST = "django.core.mail.backends.smtp.EmailBackend", "127.0.0.1"
    AlarmRound.objects.update(full_at=timezone.now(), full_owed=["mail"])
    sending.send()
    assert AlarmRound.objects.get().full_owed == ["mail"]
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    sending.send()
    assert AlarmRound.objects.get().full_owed == [] and len(mail.outbox) == 1
