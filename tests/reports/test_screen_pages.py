"""大屏, for the staff: setting one up, the address that is shown once, other pages, an end."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEvent
from accounts.tokens import token_digest
from reports.models import Screen

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def forgetful():
    cache.clear()


def sent(town, **more) -> dict:
    day = timezone.localdate() + timedelta(days=30)
    asked = {
        "organization": town.city.nanshan.pk, "division": "", "name": "一楼大厅", "pages": ["trend", "overview"],
        "seconds": "15", "expires_on": f"{day:%Y-%m-%d}",
    }  # fmt: skip
    return asked | more


def test_a_new_screen_shows_its_address_once(sign_in, town):
    client = sign_in("district_leader")
    answer = client.post(reverse("reports:screen_new"), sent(town))
    assert answer.status_code == 201 and answer["Cache-Control"] == "no-store"
    screen, address = Screen.objects.get(), answer.context["address"]
    place, _, key = address.partition("#")
    assert place.endswith(f"/screen/{screen.pk}/") and token_digest(key) == screen.digest
    assert "data:image/svg" in answer.content.decode()
    assert (screen.organization, screen.pages, screen.seconds) == (town.city.nanshan, ["overview", "trend"], 15)
    event = AuditEvent.objects.get(act="reports.screen.create")
    assert event.actor == town.people["district_leader"] and key not in str(event.detail)
    for name, args in (("screens", []), ("screen_change", [screen.pk])):
        assert key not in client.get(reverse(f"reports:{name}", args=args)).content.decode()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"pages": []}, "请至少选择一个页面。"),
        ({"pages": ["secrets"]}, "secrets"),
        ({"seconds": "3"}, "每页至少停留 10 秒，再短就看不清了。"),
        ({"seconds": "9999"}, "每页最多停留 600 秒。"),
        ({"seconds": "一会儿"}, "请填写整数秒，如 20。"),
        ({"organization": ""}, "请选择一个党组织或一个区划，二选一。"),
        ({"expires_on": "2020-01-01"}, "有效期不能早于今天。"),
        ({"expires_on": "2099-01-01"}, "有效期最长 365 天"),
        ({"expires_on": "明天"}, "请按 2026-12-31 的格式填写日期。"),
        ({"name": ""}, "安装位置"),
    ],
)
def test_what_cannot_be_is_told_and_kept(sign_in, town, change, told):
    answer = sign_in("district_leader").post(reverse("reports:screen_new"), sent(town, **change))
    assert answer.status_code == 422 and told in answer.content.decode()
    assert not Screen.objects.exists()


def test_both_units_at_once_and_units_elsewhere_are_refused(sign_in, town):
    client, city = sign_in("district_leader"), town.city
    url = reverse("reports:screen_new")
    assert client.post(url, sent(town, division=city.divisions["nanshan"].pk)).status_code == 422
    assert client.post(url, sent(town, organization=city.futian.pk)).status_code == 422
    assert client.post(url, sent(town, organization=city.city.pk)).status_code == 422
    assert client.post(url, sent(town, organization=town.branch.pk)).status_code == 422  # its name tells a business
    assert not Screen.objects.exists()
    answer = client.post(url, sent(town, organization="", division=city.divisions["nanshan"].pk))
    assert answer.status_code == 201 and Screen.objects.get().division == city.divisions["nanshan"]


def test_settings_change_under_the_same_key(sign_in, town):
    client = sign_in("district_leader")
    client.post(reverse("reports:screen_new"), sent(town))
    screen = Screen.objects.get()
    url = reverse("reports:screen_change", args=[screen.pk])
    assert client.post(url, {"name": "二楼", "pages": [], "seconds": "60"}).status_code == 422
    assert client.post(url, {"name": "二楼", "pages": ["places"], "seconds": "60"}).status_code == 302
    changed = Screen.objects.get()
    assert (changed.name, changed.pages, changed.seconds, changed.digest) == ("二楼", ["places"], 60, screen.digest)
    assert AuditEvent.objects.filter(act="reports.screen.change").count() == 1


def test_a_screen_is_revoked_after_a_question_and_only_once(sign_in, town):
    client = sign_in("district_leader")
    client.post(reverse("reports:screen_new"), sent(town))
    screen = Screen.objects.get()
    url = reverse("reports:screen_revoke", args=[screen.pk])
    assert "不能恢复" in client.get(url).content.decode() and Screen.objects.get().revoked_at is None
    assert "已停用" in client.post(url, follow=True).content.decode()
    assert "之前已经停用" in client.post(url, follow=True).content.decode()
    revoked = Screen.objects.get()
    assert revoked.revoked_by == town.people["district_leader"]
    assert "已停用" in client.get(reverse("reports:screens")).content.decode()
    assert url not in client.get(reverse("reports:screen_change", args=[screen.pk])).content.decode()


def test_the_list_tells_which_screens_are_heard(sign_in, town):
    client = sign_in("district_leader")
    address = client.post(reverse("reports:screen_new"), sent(town)).context["address"]
    lists = reverse("reports:screens")
    assert "还没有打开过" in client.get(lists).content.decode()
    url, _, key = address.partition("#")
    client.get(f"{url.partition('testserver')[2]}data.json", headers={"authorization": f"Screen {key}"})
    assert "显示中" in client.get(lists).content.decode()
    Screen.objects.update(last_seen_at=timezone.now() - timedelta(minutes=6))
    assert "失去联系" in client.get(lists).content.decode()


def test_whoever_keeps_no_screens_has_no_entry_in_the_menu(sign_in, town):
    entry = f'href="{reverse("reports:screens")}"'
    assert entry in sign_in("city_leader").get(reverse("reports:me")).content.decode()
    for person in ("officer", "secretary", "system", "security", "audit"):
        assert entry not in sign_in(person).get(reverse("reports:me")).content.decode()
