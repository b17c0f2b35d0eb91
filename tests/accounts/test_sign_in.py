import re
from datetime import timedelta
from ipaddress import ip_network

import pytest
from axes.models import AccessAttempt, AccessLog
from django.contrib.auth.hashers import get_hasher
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEvent, User
from accounts.services import sessions_remove_old
from tests import factories as make

pytestmark = pytest.mark.django_db
SIGN_IN = "/accounts/sign-in/"


@pytest.fixture
def user():
    return make.make_user(username="officer1", name="李四")


def sign_in(client, username="officer1", password=make.PASSWORD, **more):
    return client.post(SIGN_IN, {"username": username, "password": password}, **more)


def acts() -> list[tuple]:
    events = AuditEvent.objects.filter(act__startswith="accounts.").order_by("pk")
    return [(event.act, event.actor_id, event.subjects, event.succeeded) for event in events]


def test_the_page_asks_for_account_and_password(client):
    answer = client.get(SIGN_IN)
    page = answer.content.decode()
    assert reverse("accounts:sign_in") == SIGN_IN
    assert 'name="username"' in page and 'type="password"' in page and "账号" in page and "密码" in page
    assert "style=" not in page and "<script>" not in page


def test_signing_in_leads_on_and_is_audited(client, user):
    answer = client.post(f"{SIGN_IN}?next=/jobs/", {"username": "officer1", "password": make.PASSWORD})
    assert answer.status_code == 302 and answer.url == "/jobs/"
    assert client.get("/jobs/").status_code == 200
    assert acts() == [("accounts.session.open", user.pk, [user.pk], True)]
    assert AuditEvent.objects.get().address == "127.0.0.1"


def test_no_other_host_is_ever_led_to(client, user):
    answer = client.post(SIGN_IN, {"username": "officer1", "password": make.PASSWORD, "next": "https://evil.example/"})
    assert answer.url == "/"


def test_a_wrong_password_says_what_to_do_keeps_the_name_and_is_audited(client, user):
    answer = sign_in(client, password="wrong")
    page = answer.content.decode()
    assert answer.status_code == 200 and "账号或密码不正确" in page and 'value="officer1"' in page
    assert acts() == [("accounts.session.refuse", None, [user.pk], False)]
    assert "_auth_user_id" not in client.session


def test_what_was_typed_for_an_unknown_account_is_not_kept_in_the_audit(client, user):
    answer = sign_in(client, username="13800138000")
    assert "账号或密码不正确" in answer.content.decode()
    event = AuditEvent.objects.get()
    assert (event.act, event.subjects, event.detail) == ("accounts.session.refuse", [], {"known": False})
    assert "13800138000" not in str(vars(event))


@pytest.mark.parametrize(("address", "more"), [(SIGN_IN, {}), ("/api/v1/token/", {"content_type": "application/json"})])
def test_a_wrong_password_is_the_same_work_whoever_is_named(client, user, settings, monkeypatch, address, more):
    """The time of an answer tells what it was made of: one hash of the password, and the same statements."""
    settings.DEMO = True
    make.make_user(username="left", is_active=False)
    make.make_user(username="untaken", password_is_temporary=True, password_set_at=timezone.now() - timedelta(days=4))
    make.make_user(username="elsewhere", duty=User.Duty.AUDIT)
    settings.ADMIN_NETWORKS = [ip_network("10.12.0.0/24")]
    User.objects.create_user(username="nopassword")
    hashed, hasher = [], get_hasher("default")
    encode = hasher.encode
    monkeypatch.setattr(
        hasher, "encode", lambda password, salt, *rest: hashed.append(password) or encode(password, salt)
    )
    work = {}
    right = {"left", "untaken", "elsewhere"}  # it does not open the way in, and nothing tells that it was right
    # the first one also pays for what is kept
    for name in ("anybody", "officer1", "nopassword", "nobody", *right):
        hashed.clear()
        password = make.PASSWORD if name in right else "Wrong-Pass-123"
        with CaptureQueriesContext(connection) as queries:
            answer = client.post(address, {"username": name, "password": password}, **more)
        assert answer.status_code in (200, 400)
        plain = [re.sub(r"'[^']*'|\b\d+\b|_x\d+| VALUES .*", "?", query["sql"]) for query in queries]
        work[name] = (len(hashed), plain)
    assert work["officer1"][0] == 1
    assert [name for name in work if name != "anybody" and work[name] != work["officer1"]] == []


@pytest.mark.parametrize(("username", "password"), [("", "x"), ("officer1", ""), ("", "")])
def test_a_field_left_empty_is_no_try(client, user, username, password):
    assert "请先改好" in sign_in(client, username=username, password=password).content.decode()
    assert acts() == []


def test_a_deactivated_account_does_not_get_in(client, user):
    user.is_active = False
    user.save()
    assert "账号或密码不正确" in sign_in(client).content.decode()
    assert acts() == [("accounts.session.refuse", None, [user.pk], False)]


def test_the_session_of_a_deactivated_account_ends_with_its_next_request(client, user):
    client.force_login(user)
    assert client.get("/jobs/").status_code == 200
    user.is_active = False
    user.save()
    assert client.get("/jobs/").url.startswith(SIGN_IN)


def test_too_many_failures_lock_the_account_even_for_the_right_password(client, user, settings):
    for _ in range(settings.AXES_FAILURE_LIMIT):
        answer = sign_in(client, password="wrong")
    assert answer.status_code == 429
    answer = sign_in(client)
    assert answer.status_code == 429
    assert "请稍候再试" in answer.content.decode()
    assert acts()[-1] == ("accounts.session.lock", None, [user.pk], False)
    assert sign_in(client, REMOTE_ADDR="10.9.8.7").status_code == 302  # the owner elsewhere is not locked out


def test_a_success_forgets_the_failures_before(client, user, settings):
    for _ in range(settings.AXES_FAILURE_LIMIT - 1):
        sign_in(client, password="wrong")
    sign_in(client)
    assert not AccessAttempt.objects.exists()


def test_signing_out_is_a_post_and_audited(client, user):
    client.force_login(user)
    assert client.get(reverse("accounts:sign_out")).status_code == 405
    answer = client.post(reverse("accounts:sign_out"))
    assert answer.status_code == 302 and answer.url == SIGN_IN
    assert client.get("/jobs/").status_code == 302
    assert acts() == [("accounts.session.close", user.pk, [user.pk], True)]


def test_signing_out_twice_is_no_act(client):
    assert client.post(reverse("accounts:sign_out")).status_code == 302
    assert acts() == []


def test_answers_to_signed_in_people_are_not_kept_by_anybody(client, user):
    client.force_login(user)
    assert client.get("/jobs/")["Cache-Control"] == "private, no-store"


# --- the admin's own doors ---


def test_the_admin_has_no_sign_in_of_its_own(client, user):
    answer = client.get("/admin/login/?next=/admin/accounts/")
    assert answer.status_code == 302 and answer.url == f"{SIGN_IN}?next=/admin/accounts/"
    assert client.post("/admin/login/", {"username": "officer1", "password": make.PASSWORD}).url.startswith(SIGN_IN)
    assert "_auth_user_id" not in client.session


def test_leaving_by_the_admin_is_audited_and_its_password_page_is_ours(client, user):
    client.force_login(user)
    assert client.get("/admin/password_change/").url == reverse("accounts:password_change")
    assert client.get("/admin/login/").url == "/admin/"
    client.post("/admin/logout/")
    assert acts() == [("accounts.session.close", user.pk, [user.pk], True)]


# --- password ---


def change(client, old=make.PASSWORD, new="Another-long-secret", again=None):
    fields = {"old_password": old, "new_password1": new, "new_password2": again or new}
    return client.post(reverse("accounts:password_change"), fields)


def test_changing_the_password_keeps_this_session_ends_the_others_and_is_audited(client, user):
    elsewhere = type(client)()
    elsewhere.force_login(user)
    client.force_login(user)
    assert change(client).status_code == 302
    assert client.get("/jobs/").status_code == 200
    assert elsewhere.get("/jobs/").status_code == 302
    user.refresh_from_db()
    assert user.check_password("Another-long-secret")
    assert acts() == [("accounts.password.change", user.pk, [user.pk], True)]


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"old": "wrong"}, "现在的密码不正确"),
        ({"again": "something-else-1"}, "两次输入的新密码不一样"),
        ({"new": "short"}, "密码"),
        ({"new": "password123"}, "密码"),
        ({"new": "officer1-x2"}, "密码"),
    ],
)
def test_a_bad_new_password_is_refused_with_a_reason(client, user, fields, sentence):
    client.force_login(user)
    answer = change(client, **fields)
    assert (
        answer.status_code == 200 and sentence in answer.content.decode() and "field-error" in answer.content.decode()
    )
    user.refresh_from_db()
    assert user.check_password(make.PASSWORD)
    # A wrong present one is somebody who tries, and is written down as at the door.
    assert acts() == ([("accounts.session.refuse", None, [user.pk], False)] if "old" in fields else [])


@pytest.mark.parametrize("name", ["password_change", "tokens"])
def test_own_pages_need_a_sign_in(client, name):
    assert client.get(reverse(f"accounts:{name}")).url.startswith(SIGN_IN)


# --- a session that ended while somebody worked ---


def test_what_was_sent_too_late_is_told_as_lost_and_its_page_comes_back(client, user):
    """The address itself takes no GET: signing in would end at an empty page of the browser's own."""
    answer = client.post("/batches/7/fix/", {"row": 2}, HTTP_REFERER="http://testserver/batches/7/?kind=wrong")
    assert answer.status_code == 302 and answer.url == f"{SIGN_IN}?next=/batches/7/%3Fkind%3Dwrong"
    assert "刚才提交的内容没有保存" in client.get(answer.url).content.decode()


@pytest.mark.parametrize("referer", ["", "https://evil.example/batches/7/", "//evil.example/", "javascript:alert(1)"])
def test_what_was_sent_from_nowhere_leads_home(client, referer):
    answer = client.post("/batches/7/confirm/", HTTP_REFERER=referer)
    assert answer.url == f"{SIGN_IN}?next=/"


def test_htmx_is_told_to_go_to_the_sign_in(client):
    """It follows a redirect unseen, and would put the sign-in page nowhere: a fix would look as if it had been taken."""
    page = {"HTTP_HX_REQUEST": "true", "HTTP_HX_CURRENT_URL": "http://testserver/batches/7/"}
    answer = client.post("/batches/7/fix/", {"row": 2}, **page)
    assert answer.status_code == 200 and answer["HX-Redirect"] == f"{SIGN_IN}?next=/batches/7/"


@pytest.mark.parametrize("address", ["/markets/businesses/?q=%E7%A4%BA&cols=uscc", "/batches/?before=9"])
def test_signing_in_leads_to_the_very_list_that_was_asked_for(client, user, address):
    answer = client.get(address)
    assert client.post(answer.url, {"username": "officer1", "password": make.PASSWORD}).url == address


def test_an_address_of_a_button_says_so_where_it_is_opened(client, user):
    client.force_login(user)
    answer = client.get(reverse("accounts:sign_out"))
    assert answer.status_code == 405 and answer["Allow"] == "POST, OPTIONS"
    assert "不能直接打开" in answer.content.decode()


def test_nothing_is_kept_of_who_came_in_but_the_audit_and_of_what_was_typed_only_while_it_locks(client, user):
    sign_in(client, "13800138000", "wrong")
    sign_in(client, "13800138001", "wrong")
    sign_in(client)
    assert client.get("/accounts/sessions/").status_code == 200 and not AccessLog.objects.exists()
    AccessAttempt.objects.filter(username="13800138000").update(attempt_time=timezone.now() - timedelta(minutes=31))
    sessions_remove_old()
    assert list(AccessAttempt.objects.values_list("username", flat=True)) == ["13800138001"]
