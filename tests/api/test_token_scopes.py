"""What a token may do: what it was made for, what its owner may do now, for as long as it stands. Nothing else opens to it."""

from datetime import timedelta
from functools import partial

import pytest
from django.conf import settings
from django.forms import ModelChoiceField
from django.test import Client, RequestFactory
from django.utils import timezone

from accounts import scopes
from accounts.models import ApiToken, AuditEvent
from accounts.services import password_change, token_create, token_revoke
from config.api import router
from orgs.doors import DoorBackend
from tests import factories as make

pytestmark = pytest.mark.django_db
PERMISSIONS = {f"/api/v1/{prefix}/": view.permission for prefix, view, _ in router.registry} | {
    "/api/v1/numbers/?metric=registered": "reports.view_snapshot",
    "/api/v1/explain/organization_coverage/": "reports.view_snapshot",
}


@pytest.fixture
def city():
    return make.make_city()


@pytest.fixture
def officer(city):
    return make.make_user("officer", city.yuehai, username="officer1")


def token_of(user, *keys: str) -> tuple[ApiToken, str]:
    until = timezone.now() + timedelta(hours=1)
    return token_create(user=user, label="系统", scopes=keys, expires_at=until)


def get(plain: str, address: str = "/api/v1/organizations/", client=None):
    return (client or Client()).get(address, HTTP_AUTHORIZATION=f"Token {plain}")


def test_every_address_of_the_api_stands_in_the_list_of_choices():
    carried = scopes.permissions_of(scopes.SCOPES)
    assert set(PERMISSIONS.values()) <= carried
    assert not {perm for perm in carried if ".view_" not in perm}  # there is nothing to be written by token


@pytest.mark.parametrize("key", scopes.SCOPES)
def test_a_token_opens_what_it_was_made_for_and_nothing_else(city, key):
    """The same person may read all of it on pages."""
    owner = make.make_user("leader", city.city)
    owner.postings.create(role="officer", organization=city.city)
    ask, carried = partial(get, token_of(owner, key)[1]), scopes.permissions_of([key])
    for address, permission in PERMISSIONS.items():
        answer = ask(address)
        if permission not in carried:
            assert answer.status_code == 403 and answer.json()["detail"].startswith("这个令牌没有这项权限"), address
        else:  # numbers that were not counted yet answer with a sentence
            assert answer.status_code in {200, 400, 404}, address


@pytest.mark.parametrize("role", ["leader", "registrar"])
def test_who_sees_no_persons_is_not_offered_them(client, city, role):
    """Nor check-ins for the sake of the places, which their filters read too."""
    client.force_login(make.make_user(role, city.city))
    page = client.get("/accounts/tokens/").content.decode()
    assert "读取服务点" in page and "读取党员" not in page and "读取签到" not in page
    assert make_token(client, "check_ins").context["form"].errors["scopes"] and not ApiToken.objects.exists()


@pytest.mark.parametrize("key", scopes.SCOPES)
def test_a_choice_carries_the_rights_that_its_filters_ask_with(key):
    carried = scopes.permissions_of([key])
    for prefix, view, _ in router.registry:
        if view.permission not in carried or view.permission in scopes.permissions_of(["organizations"]) != carried:
            continue
        form = view.filterset_class(request=RequestFactory().get("/"), queryset=view.queryset.none()).form
        for name, field in form.fields.items():
            model = field.queryset.model if isinstance(field, ModelChoiceField) else None
            if hasattr(model and model.objects, "visible_to"):
                assert f"{model._meta.app_label}.view_{model._meta.model_name}" in carried, (prefix, name)


def test_rows_outside_the_scope_of_the_posting_stay_shut(city, officer):
    _, plain = token_of(officer, "businesses")
    near, far = make.make_business(city.yuehai), make.make_business(city.lianhua)
    assert [row["id"] for row in get(plain, "/api/v1/businesses/").json()["results"]] == [near.pk]
    assert get(plain, f"/api/v1/businesses/{far.pk}/").status_code == 404


def test_a_token_never_gives_more_than_its_owner_has_now(city, officer):
    _, plain = token_of(officer, *scopes.SCOPES)
    assert get(plain, "/api/v1/members/").status_code == 200
    make.rewrite(officer.postings, role="registrar")
    assert get(plain, "/api/v1/members/").status_code == 403
    assert get(plain, "/api/v1/organizations/").status_code == 200
    officer.postings.all().delete()
    assert get(plain, "/api/v1/organizations/").status_code == 403


def test_the_door_looks_for_no_other_right(city, officer):
    officer.token_permissions = scopes.permissions_of(["members"])
    assert officer.has_perm("members.view_member") and not officer.has_perm("members.reveal_member")
    assert not officer.has_perm("markets.view_business", make.make_business(city.yuehai))
    door = DoorBackend()
    assert door.has_module_perms(officer, "members") and not door.has_module_perms(officer, "stations")
    administrator = make.make_user(duty="security")
    administrator.token_permissions = officer.token_permissions
    assert not administrator.has_perm("accounts.change_user")


def test_a_choice_that_is_not_in_the_list_any_more_opens_nothing(officer):
    token, plain = token_of(officer, "members")
    make.rewrite(ApiToken.objects.filter(pk=token.pk), scopes=["everything"])
    assert get(plain, "/api/v1/members/").status_code == 403


def revoke(token):
    token_revoke(token=token, by=token.user)


def expire(token):
    make.rewrite(
        ApiToken.objects.filter(pk=token.pk),
        created_at=timezone.now() - timedelta(hours=2),
        expires_at=timezone.now() - timedelta(seconds=1),
    )


def change_password(token):
    password_change(user=token.user, password="Another-Long-1", by=token.user)


def deactivate(token):
    token.user.is_active = False
    token.user.save()


@pytest.mark.parametrize("end", [revoke, expire, change_password, deactivate])
def test_a_token_that_has_ended_is_nobody(officer, end):
    token, plain = token_of(officer, "organizations")
    assert get(plain).status_code == 200
    end(token)
    answer = get(plain)
    assert answer.status_code == 401 and answer.json()["detail"] == "令牌无效或已过期。"
    assert AuditEvent.objects.filter(act="accounts.token.refuse").count() == 1


def test_tokens_open_no_page_and_sessions_are_no_tokens(client, officer):
    _, plain = token_of(officer, *scopes.SCOPES)
    for address in ("/", "/accounts/tokens/", "/accounts/sessions/", "/organizations/", "/admin/"):
        answer = get(plain, address)
        assert answer.status_code == 302 and settings.SESSION_COOKIE_NAME not in answer.cookies, address
    stranger = Client()
    stranger.cookies[settings.SESSION_COOKIE_NAME] = plain
    assert stranger.get("/organizations/").status_code == 302
    client.force_login(officer)
    assert get(client.cookies[settings.SESSION_COOKIE_NAME].value).status_code == 401


def test_beside_a_session_it_is_the_token_that_asks(client, officer):
    token, plain = token_of(officer, "organizations")
    client.force_login(officer)
    assert client.get("/api/v1/members/").status_code == 200
    assert get(plain, "/api/v1/members/", client).status_code == 403
    revoke(token)
    assert get(plain, "/api/v1/members/", client).status_code == 401


# --- the page ---------------------------------------------------------------------------------------------------------


def make_token(client, *keys: str):
    until = timezone.localdate() + timedelta(days=5)
    return client.post(
        "/accounts/tokens/", {"action": "create", "label": "平台", "expires_on": until, "scopes": list(keys)}
    )


def test_only_what_one_has_is_to_be_chosen(client, city):
    client.force_login(make.make_user("registrar", city.nanshan))
    page = client.get("/accounts/tokens/").content.decode()
    assert "读取经营主体和市场" in page and "读取党员" not in page
    assert "members" in make_token(client, "members").context["form"].errors["scopes"][0]
    assert "至少勾选一项" in make_token(client).content.decode() and not ApiToken.objects.exists()
    page = make_token(client, "numbers", "businesses").content.decode()
    assert "读取经营主体和市场、读取统计数字" in page
    made = AuditEvent.objects.get(act="accounts.token.create")
    assert made.detail["scopes"] == ["businesses", "numbers"]


@pytest.mark.parametrize("duty", ["system", "security", "audit"])
def test_who_sees_no_business_data_makes_no_token(client, duty):
    client.force_login(make.make_user(duty=duty))
    assert "不能建立令牌" in client.get("/accounts/tokens/").content.decode()
    assert make_token(client, "organizations").status_code == 403 and not ApiToken.objects.exists()


def test_no_longer_than_the_setting(client, city, settings):
    settings.TOKEN_DAYS = 4
    client.force_login(make.make_user("leader", city.city))
    assert "最长 4 天" in make_token(client, "numbers").context["form"].errors["expires_on"][0]


def test_the_security_administrator_revokes_and_sees_no_token(client, officer):
    token, plain = token_of(officer, "numbers")
    administrator = make.make_user(duty="security")
    client.force_login(administrator)
    address = f"/accounts/tokens/of/{officer.pk}/"
    page = client.get(address).content.decode()
    assert "读取统计数字" in page and plain not in page and token.digest not in page and "建立令牌" not in page
    assert client.post(address, {"token": token.pk}).status_code == 302
    assert get(plain).status_code == 401
    event = AuditEvent.objects.get(act="accounts.token.revoke")
    assert (event.actor_id, event.subjects) == (administrator.pk, [token.pk])
    other, _ = token_of(administrator, "numbers")
    assert client.post(address, {"token": other.pk}).status_code == 404
