"""Whose address the audit, the sign-in lock and the limits of public forms go by."""

import pytest
from django.core.cache import cache
from django.urls import reverse

from accounts.addresses import client_address
from accounts.limits import LIMITS, Limit
from accounts.models import AuditEvent
from members import limits
from tests import factories as make

HOPS = "203.0.113.9, 198.51.100.7"


@pytest.mark.parametrize(
    ("proxy", "meta", "address"),
    [
        (False, {"REMOTE_ADDR": "192.0.2.1", "HTTP_X_FORWARDED_FOR": HOPS}, "192.0.2.1"),
        (True, {"REMOTE_ADDR": "172.18.0.5", "HTTP_X_FORWARDED_FOR": HOPS}, "198.51.100.7"),
        (True, {"REMOTE_ADDR": "172.18.0.5", "HTTP_X_FORWARDED_FOR": "2001:db8::7"}, "2001:db8::7"),
        (True, {"REMOTE_ADDR": "172.18.0.5", "HTTP_X_FORWARDED_FOR": "unknown"}, "172.18.0.5"),
        (True, {"REMOTE_ADDR": "172.18.0.5"}, "172.18.0.5"),
        (False, {"REMOTE_ADDR": "fe80::1%eth0"}, "fe80::1"),
        (False, {"REMOTE_ADDR": "::ffff:192.0.2.1"}, "192.0.2.1"),
        (False, {"REMOTE_ADDR": ""}, ""),
    ],
)
def test_forwarded_hop_counts_behind_the_proxy_only(settings, proxy, meta, address):
    settings.BEHIND_PROXY = proxy
    assert client_address(meta) == address


def refused(client, user, **meta) -> int:
    data = {"username": user.username, "password": "wrong"}
    return client.post(reverse("accounts:sign_in"), data, **meta).status_code


@pytest.mark.django_db
def test_lock_and_audit_go_by_the_same_address(client, settings):
    settings.BEHIND_PROXY = True
    user = make.make_user(duty="system")
    for _ in range(settings.AXES_FAILURE_LIMIT):
        refused(client, user, HTTP_X_FORWARDED_FOR="198.51.100.7")
    assert refused(client, user, HTTP_X_FORWARDED_FOR="198.51.100.7") == 429
    assert refused(client, user, HTTP_X_FORWARDED_FOR="198.51.100.8") == 200  # another one behind the same proxy
    tries = AuditEvent.objects.filter(act__startswith="accounts.session").order_by("pk")
    assert [event.address for event in tries][-2:] == ["198.51.100.7", "198.51.100.8"]


@pytest.mark.django_db
def test_act_of_a_service_carries_the_address(client):
    """Services do not know the request; the audit does."""
    admin, other = make.make_user(duty="security"), make.make_user(duty="system")
    client.force_login(admin)
    data = {"username": other.username, "name": "新名", "duty": other.duty, "clearance": 3}
    assert client.post(reverse("admin:accounts_user_change", args=[other.pk]), data, REMOTE_ADDR="192.0.2.3").url
    assert AuditEvent.objects.get(act="accounts.user.change").address == "192.0.2.3"


@pytest.mark.django_db
def test_invented_header_does_not_escape_the_limit(rf, settings, monkeypatch):
    monkeypatch.setitem(LIMITS, "form_address", Limit(1, ""))
    cache.clear()
    settings.BEHIND_PROXY = False
    asked = [limits.may_post(rf.post("/", REMOTE_ADDR="192.0.2.77", HTTP_X_FORWARDED_FOR=f"192.0.2.{n}"))
             for n in range(2)]  # fmt: skip
    assert asked == [True, False]
