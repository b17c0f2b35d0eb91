"""Sessions on the server: limits by its own clock, polling that keeps nothing alive, re-opening, listing, ending."""

from datetime import timedelta
from importlib import import_module

import pytest
from django.conf import settings as current
from django.db import OperationalError
from django.db.models import QuerySet
from django.utils import timezone
from psycopg2.errors import DiskFull

from accounts.models import AuditEvent, Session, User
from accounts.services import factors_reset, sessions_remove_old
from jobs.models import Job
from tests import factories as make

pytestmark = pytest.mark.django_db
SIGN_IN, SESSIONS, UNLOCK = "/accounts/sign-in/", "/accounts/sessions/", "/accounts/sessions/unlock/"
PHONE = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/120 Mobile MicroMessenger/8"


@pytest.fixture
def user():
    return make.make_user(username="officer1", name="李四")


@pytest.fixture
def inside(client, user):
    client.post(SIGN_IN, {"username": "officer1", "password": make.PASSWORD}, HTTP_USER_AGENT=PHONE)
    return client


def aged(**columns):
    now = timezone.now()
    Session.objects.exclude(user=None).update(**{name: now - timedelta(minutes=m) for name, m in columns.items()})


def is_open(client) -> bool:
    return client.get("/jobs/").status_code == 200


def test_the_row_tells_whose_it_is_from_where_and_since_when(inside, user):
    row = Session.objects.get(user=user)
    assert (row.address, row.device) == ("127.0.0.1", PHONE) and row.opened_at and row.seen_at
    page = inside.get(SESSIONS).content.decode()
    assert "安卓 · 微信" in page and "就是这里" in page and row.session_key not in page


def test_a_session_nobody_uses_is_a_stranger_after_fifteen_minutes(inside):
    aged(seen_at=14)
    assert is_open(inside)
    aged(seen_at=15)
    assert not is_open(inside)
    assert inside.get("/api/v1/organizations/").status_code == 401
    assert inside.get("/admin/").status_code == 302


def test_using_it_keeps_it_and_what_pages_ask_by_themselves_does_not(inside, user):
    job = Job.objects.create(kind="x", title="x", owner=user, state="done")
    aged(seen_at=14)
    inside.get(f"/jobs/{job.pk}/progress/")
    inside.get("/accounts/sessions/state/")
    inside.get("/jobs/", HTTP_X_BACKGROUND="1")
    assert timezone.now() - Session.objects.get().seen_at > timedelta(minutes=13)
    inside.get("/jobs/")
    assert timezone.now() - Session.objects.get().seen_at < timedelta(minutes=1)


def test_no_use_carries_it_over_the_absolute_limit(inside):
    aged(opened_at=12 * 60 - 1)
    assert is_open(inside)
    aged(opened_at=12 * 60)
    assert not is_open(inside) and not Session.objects.exclude(user=None).exists()
    assert inside.post(UNLOCK, {"password": make.PASSWORD}).json() == {"gone": True}


def test_saving_the_data_changes_neither_owner_nor_times(inside, user):
    aged(opened_at=60, seen_at=5)
    before = Session.objects.values().get()
    session = import_module(current.SESSION_ENGINE).SessionStore(before["session_key"])
    session["x"] = 1
    session.save()
    after = Session.objects.values().get()
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"session_data", "expire_date"}


# --- re-opened ---


def test_an_idle_page_is_opened_by_the_password_and_goes_on(inside, user):
    aged(seen_at=20, opened_at=60)
    assert inside.get("/accounts/sessions/state/").json() == {"left": 0}
    assert "页面已锁定" in inside.get(UNLOCK).content.decode()
    key = inside.cookies["sessionid"].value
    assert "密码不正确" in inside.post(UNLOCK, {"password": "wrong"}).json()["error"]
    assert not is_open(inside)
    assert inside.post(UNLOCK, {"password": make.PASSWORD}).json() == {}
    assert is_open(inside) and inside.cookies["sessionid"].value == key
    assert timezone.now() - Session.objects.get().opened_at > timedelta(minutes=59), "the absolute limit goes on"
    assert AuditEvent.objects.filter(act="accounts.session.reopen", actor=user).count() == 1


def test_who_has_a_factor_needs_it_to_open(inside, user):
    user.passkeys.create(name="手机", credential_id=b"x", credential=b"x")
    aged(seen_at=20)
    assert "验证码" in inside.post(UNLOCK, {"password": make.PASSWORD}).json()["error"]
    assert not is_open(inside)


def test_guessing_at_the_dialog_locks_like_the_sign_in(inside):
    aged(seen_at=20)
    for _ in range(5):
        answer = inside.post(UNLOCK, {"password": "wrong"})
    assert "30 分钟" in inside.post(UNLOCK, {"password": make.PASSWORD}).json()["error"] and answer.status_code == 200
    assert not is_open(inside)


@pytest.mark.parametrize("sent", [{}, {"password": "\x00"}, {"credential": "{"}, {"password": "x" * 5000}])
def test_ugly_answers_open_nothing(inside, sent):
    aged(seen_at=20)
    assert inside.post(UNLOCK, sent).json()["error"]
    assert not is_open(inside)


def test_a_deactivated_person_opens_nothing(inside):
    aged(seen_at=20)
    make.rewrite(User.objects.all(), is_active=False)
    assert inside.post(UNLOCK, {"password": make.PASSWORD}).json() == {"gone": True}


# --- ended ---


def test_one_ends_another_or_all_others_and_never_somebody_elses(inside, user):
    other, third, stranger = (type(inside)() for _ in range(3))
    other.force_login(user)
    third.force_login(user)
    stranger.force_login(make.make_user())
    number = Session.objects.exclude(user=user).get(user__isnull=False).number
    assert inside.post(SESSIONS, {"session": str(number)}).status_code == 404
    assert inside.post(SESSIONS, {"session": "x' OR 1=1"}).status_code == 404
    first = Session.objects.get(session_key=other.session.session_key)
    inside.post(SESSIONS, {"session": str(first.number)})
    assert not is_open(other) and is_open(third)
    inside.post(SESSIONS)
    assert not is_open(third) and is_open(inside) and is_open(stranger)
    assert AuditEvent.objects.filter(act="accounts.session.end", actor=user).count() == 2


def test_the_security_administrator_ends_anybodys(inside, user):
    office = type(inside)()
    admin = make.make_user(duty=User.Duty.SECURITY)
    office.force_login(admin)
    assert "安卓" in office.get(f"/accounts/sessions/of/{user.pk}/").content.decode()
    office.post(f"/accounts/sessions/of/{user.pk}/")
    assert not is_open(inside)
    assert AuditEvent.objects.get(act="accounts.session.end").actor == admin


def test_nobody_else_sees_anybodys(inside, user):
    assert inside.get(f"/accounts/sessions/of/{user.pk}/").status_code == 403
    assert inside.post(f"/accounts/sessions/of/{user.pk}/").status_code == 403


def test_signing_out_and_resetting_the_factors_end_it_in_the_table(inside, user):
    other = type(inside)()
    other.force_login(user)
    inside.post("/accounts/sign-out/")
    assert Session.objects.filter(user=user).count() == 1
    factors_reset(user=user, reason="手机丢失", by=None)
    assert not is_open(other)


def test_a_replayed_key_of_an_ended_session_opens_nothing(inside, user):
    key = inside.cookies["sessionid"].value
    inside.post("/accounts/sign-out/")
    inside.cookies["sessionid"] = key
    assert not is_open(inside)


def test_a_posting_that_ends_ends_its_rights_with_the_next_request(client):
    city = make.make_city()
    leader = make.make_user("leader", city.nanshan)
    client.force_login(leader)
    assert client.get("/markets/").status_code == 200
    make.rewrite(leader.postings, starts_on="2020-01-01", ends_on="2020-02-01")
    assert client.get("/markets/").status_code == 403


def test_sessions_past_their_end_go_at_night_and_no_others(inside):
    now = timezone.now()
    Session.objects.create(session_key="a" * 32, session_data="", expire_date=now - timedelta(minutes=1))
    assert sessions_remove_old() == 1
    assert Session.objects.count() == 1 and is_open(inside)


def test_a_page_is_shown_where_its_use_cannot_be_written_down(inside, monkeypatch):
    """The system administrator must find out that the database's disk is full."""
    aged(seen_at=1)

    def no_room(*args, **kwargs):
        raise OperationalError("could not extend file") from DiskFull()

    monkeypatch.setattr(QuerySet, "update", no_room)
    assert is_open(inside)
