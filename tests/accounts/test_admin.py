import io
import re

import pytest
from axes.models import AccessAttempt
from django.contrib.admin.models import LogEntry
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.urls import reverse

from accounts.models import AuditEvent, User
from tests import factories as make

pytestmark = pytest.mark.django_db
Duty = User.Duty
SECRET = "A-long-enough-secret"
USERS, ADD = "/admin/accounts/user/", "/admin/accounts/user/add/"


@pytest.fixture
def security(client):
    user = make.make_user(duty=Duty.SECURITY, username="security1")
    client.force_login(user)
    return user


def fields(**more) -> dict:
    return {
        "username": "new1",
        "name": "王五",
        "duty": "staff",
        "clearance": 3,
        "password1": SECRET,
        "password2": SECRET,
        **more,
    }


def address(user: User) -> str:
    return reverse("admin:accounts_user_change", args=[user.pk])


def acts(prefix: str) -> list[tuple]:
    events = AuditEvent.objects.filter(act__startswith=prefix).order_by("pk")
    return [(event.act, event.actor_id, event.subjects, event.detail) for event in events]


# --- who sees what ---

PAGES = {
    "accounts_user": Duty.SECURITY,
    "axes_accessattempt": Duty.SECURITY,
}


@pytest.mark.parametrize("persona", [*Duty, "registrar"])
@pytest.mark.parametrize("listing", PAGES)
def test_each_list_is_one_administrators_only(client, listing, persona):
    if persona == "registrar":
        user = make.make_user("registrar", make.make_city().city)
    else:
        user = make.make_user(duty=persona)
    client.force_login(user)
    allowed = persona == PAGES[listing]
    assert client.get(reverse(f"admin:{listing}_changelist")).status_code == (200 if allowed else 403)
    index = client.get("/admin/").content.decode()
    assert (reverse(f"admin:{listing}_changelist") in index) is allowed


@pytest.mark.parametrize("path", ["auth/group", "axes/accesslog", "axes/accessfailurelog", "admin/logentry"])
def test_pages_of_the_libraries_are_gone(client, security, path):
    assert client.get(f"/admin/{path}/").status_code == 404


def test_failed_sign_ins_are_shown_in_chinese_and_cannot_be_changed(client, security):
    attempt = AccessAttempt.objects.create(
        username="officer1", ip_address="10.0.0.1", user_agent="x", path_info="/accounts/sign-in/",
        post_data="secret=1", failures_since_start=3,
    )  # fmt: skip
    page = client.get("/admin/axes/accessattempt/").content.decode()
    assert "填写的账号" in page and "officer1" in page and "登录失败" in page
    detail = client.get(f"/admin/axes/accessattempt/{attempt.pk}/change/").content.decode()
    assert "secret=1" not in detail and "10.0.0.1" in detail
    assert client.post(f"/admin/axes/accessattempt/{attempt.pk}/delete/", {"post": "yes"}).status_code == 403


# --- accounts ---


def test_an_account_is_made_with_a_hashed_password_and_audited_without_its_name(client, security):
    assert client.post(ADD, fields()).status_code == 302
    user = User.objects.get(username="new1")
    assert user.check_password(SECRET) and user.is_active and SECRET not in user.password
    assert acts("accounts.user") == [
        ("accounts.user.create", security.pk, [user.pk], {"duty": "staff", "clearance": 3})
    ]
    log = LogEntry.objects.get()
    assert "王五" not in log.object_repr + log.change_message and str(user.pk) in log.object_repr
    assert "王五" not in str(list(AuditEvent.objects.values()))


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"password2": "something-else-1"}, "两次输入的密码不一样"),
        ({"password1": "", "password2": ""}, "必填"),
        ({"password1": "short", "password2": "short"}, "密码"),
        ({"username": "new-account", "password1": "new-account", "password2": "new-account"}, "相似"),
        ({"username": "security1"}, "已存在"),
        ({"duty": "root"}, "root"),
    ],
)
def test_a_wrong_account_is_refused_with_a_reason(client, security, wrong, sentence):
    answer = client.post(ADD, fields(**wrong))
    text = re.sub(r"\s", "", answer.content.decode())
    assert answer.status_code == 200 and sentence in text
    assert "<title>有错误·" in text and "Error" not in text
    assert User.objects.count() == 1


def test_no_page_shows_a_password_or_its_hash(client, security):
    user = make.make_user()
    for page in (USERS, address(user), ADD):
        text = client.get(page).content.decode()
        assert user.password not in text and 'name="password"' not in text


def test_a_change_names_its_columns_in_the_audit_and_an_empty_password_changes_nothing(client, security):
    user = make.make_user(username="officer1", name="李四")
    change = {"username": "officer1", "name": "李四", "duty": "audit", "clearance": 3, "password1": "", "password2": ""}
    assert client.post(address(user), change).status_code == 302
    before, user = user.password, User.objects.get(pk=user.pk)
    assert (user.duty, user.is_active, user.password) == ("audit", True, before)
    detail = {"columns": ["duty"], "duty": "audit"}
    assert acts("accounts.user") == [("accounts.user.change", security.pk, [user.pk], detail)]


def test_resetting_a_password_ends_the_sessions_of_the_account_and_is_audited(client, security):
    user = make.make_user(username="officer1")
    theirs = type(client)()
    theirs.force_login(user)
    client.post(address(user), fields(username="officer1", name=""))
    user.refresh_from_db()
    assert user.check_password(SECRET)
    assert theirs.get("/jobs/").status_code == 302
    assert acts("accounts.password") == [("accounts.password.change", security.pk, [user.pk], {"tokens": 0})]
    assert acts("accounts.user") == []


def test_nobody_edits_the_own_duty_or_switches_the_own_account(client, security):
    text = client.get(address(security)).content.decode()
    assert 'name="duty"' not in text and 'name="is_active"' not in text and 'name="name"' in text
    forged = {"username": "security1", "name": "我", "duty": "audit", "clearance": 3, "password1": "", "password2": ""}
    client.post(address(security), forged)
    security.refresh_from_db()
    assert (security.name, security.duty, security.is_active) == ("我", "security", True)


def test_nobody_sets_the_own_password_where_the_present_one_is_not_asked(client, security):
    assert 'name="password1"' not in client.get(address(security)).content.decode()
    answer = client.post(address(security), fields(username="security1", name="我"), follow=True)
    assert "先输入现在的密码" in answer.content.decode()
    security.refresh_from_db()
    assert security.check_password(make.PASSWORD) and acts("accounts.password") == []


def test_the_service_refuses_the_own_duty_too():
    from accounts.services import AccountError, user_change

    user = make.make_user(duty=Duty.SECURITY)
    user.duty = Duty.AUDIT
    with pytest.raises(AccountError, match="另一位安全管理员"):
        user_change(user=user, changed=["duty"], by=user)
    user.refresh_from_db()
    assert user.duty == Duty.SECURITY


def test_accounts_are_never_deleted(client, security):
    user = make.make_user()
    assert client.post(f"/admin/accounts/user/{user.pk}/delete/", {"post": "yes"}).status_code == 403
    assert User.objects.filter(pk=user.pk).exists()


@pytest.mark.parametrize(("field", "value"), [("duty", "root"), ("username", "taken")])
def test_the_database_refuses_a_wrong_account(field, value):
    make.make_user(username="taken")
    with pytest.raises(IntegrityError), transaction.atomic():
        make.make_user(**{field: value})


# --- the first administrators ---


def bootstrap() -> str:
    out = io.StringIO()
    call_command("bootstrap_admins", stdout=out)
    return out.getvalue()


def test_the_three_administrators_are_made_once_with_passwords_of_their_own():
    text = bootstrap()
    found = dict(re.findall(r"\t(\w+)\t(\S+)", text))
    users = {user.username: user for user in User.objects.all()}
    assert {user.duty for user in users.values()} == {"system", "security", "audit"}
    assert len(set(found.values())) == 3
    assert all(users[name].check_password(password) for name, password in found.items())
    assert [act for act, *_ in acts("accounts.user")] == ["accounts.user.create"] * 3
    with pytest.raises(CommandError, match="已经有管理员"):
        bootstrap()
    assert User.objects.count() == 3


def test_one_administrator_is_enough_to_refuse_and_a_taken_name_too():
    user = make.make_user(username="audit_admin")
    with pytest.raises(CommandError, match="占用"):
        bootstrap()
    make.rewrite(User.objects.filter(pk=user.pk), username="x", duty="audit", is_active=False)
    with pytest.raises(CommandError, match="已经有管理员"):
        bootstrap()
    assert User.objects.count() == 1
