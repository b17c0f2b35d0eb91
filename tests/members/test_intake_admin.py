"""Keys of the intake in the admin: issued, changed, taken back by the security administrator, each secret shown once."""

import re

import pytest
from django.urls import reverse

from accounts.models import AuditEvent, User
from members.models import IntakeClient
from tests import factories as make
from tests.members.intake_tools import item, make_client, results, send

pytestmark = pytest.mark.django_db
LIST = reverse("admin:members_intakeclient_changelist")


@pytest.fixture
def security(client, city):
    user = make.make_user(duty=User.Duty.SECURITY)
    client.force_login(user)
    return user


def secret_in(response) -> str:
    return re.search(r'id="secret"[^>]*value="([^"]+)"', response.content.decode())[1]


def test_a_key_is_issued_and_its_secret_shown_once(client, city, security):
    form = {
        "name": "民政登记",
        "source_department": "civil_affairs",
        "organization": city.nanshan.pk,
        "algorithm": "sm3",
    }
    response = client.post(reverse("admin:members_intakeclient_add"), form)
    made = IntakeClient.objects.get()
    assert secret_in(response) == made.secret and made.key_id in response.content.decode()
    assert (made.made_by, made.organization, made.algorithm) == (security, city.nanshan, "sm3")
    page = client.get(reverse("admin:members_intakeclient_change", args=[made.pk])).content.decode()
    assert made.secret not in page and made.secret not in client.get(LIST).content.decode()
    event = AuditEvent.objects.get(act="members.intake_client.issue")
    assert event.actor == security and made.secret not in str(event.detail)
    assert send(client, made, [item()]).status_code == 200


def test_changing_the_secret_is_asked_first_and_then_done(client, city, security):
    sender = make_client(city.city)
    url = reverse("admin:members_intakeclient_rotate", args=[sender.pk])
    assert "7 天" in client.get(url).content.decode()
    assert IntakeClient.objects.get().secret == sender.secret  # asking changes nothing
    fresh = secret_in(client.post(url))
    assert fresh != sender.secret and IntakeClient.objects.get().secret == fresh
    assert [send(client, sender, [item()], secret=one).status_code for one in (sender.secret, fresh)] == [200, 200]


def test_a_key_taken_back_opens_nothing_and_stays_so(client, city, security):
    sender = make_client(city.city)
    client.post(reverse("admin:members_intakeclient_revoke", args=[sender.pk]))
    assert send(client, sender, [item()]).status_code == 401
    again = client.post(reverse("admin:members_intakeclient_rotate", args=[sender.pk]), follow=True)
    assert "已经停用" in again.content.decode() and IntakeClient.objects.get().secret == sender.secret
    assert "更换密钥" not in client.get(reverse("admin:members_intakeclient_change", args=[sender.pk])).content.decode()


def test_a_grassroots_body_is_no_scope(client, city, security):
    branch = make.make_branch(city.yuehai)
    form = {"name": "x", "source_department": "tax", "organization": branch.pk, "algorithm": "sha256"}
    client.post(reverse("admin:members_intakeclient_add"), form)
    assert not IntakeClient.objects.exists()


def test_registrars_see_the_events_of_their_own_businesses_without_state(client, city):
    sent = item()
    results(client, make_client(city.city), sent)
    url = reverse("admin:members_intakeevent_changelist")
    for unit, sees in ((city.nanshan, True), (city.futian, False)):
        client.force_login(make.make_user("registrar", unit))
        page = client.get(url).content.decode()
        assert (sent["event_id"] in page) == sees and "已接收" not in page and "已办结" not in page
