"""Closed months on their pages: checked each time, revised by who may, late entries marked."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from reports.models import MonthClosing, Snapshot
from reports.services import month_close
from tests import factories as make

pytestmark = pytest.mark.django_db
LIST, NEW = reverse("reports:closings"), reverse("reports:month_close")


@pytest.fixture
def last(town):
    """The last day of the month before, with the numbers of today."""
    day = timezone.localdate().replace(day=1) - timedelta(days=1)
    for row in list(Snapshot.objects.filter(breakdown="", key="")):
        row.pk, row.as_of = None, day
        row.save(force_insert=True)
    return day


@pytest.fixture
def closing(last):
    return month_close(month=last, by=None)


def page(client, closing):
    return client.get(reverse("reports:closing", args=[closing.pk]))


def test_the_page_checks_the_digest_anew(sign_in, closing, last):
    client = sign_in("city_leader")
    text = page(client, closing).content.decode()
    assert "校验通过" in text and closing.digest in text
    numbers = {**closing.numbers, "organizations": {**closing.numbers["organizations"], "SZ": {"operating": 1}}}
    tampered = MonthClosing.objects.create(
        month=closing.month, revision=2, reason="x", as_of=last, numbers=numbers, digest=closing.digest
    )
    assert "校验不一致" in page(client, tampered).content.decode()


def test_a_month_is_closed_and_revised_by_the_citys_registrar(sign_in, last):
    client = sign_in("registrar")
    assert NEW in client.get(LIST).content.decode()
    assert client.post(NEW, {"month": ""}).status_code == 422
    assert client.post(NEW, {"month": "2026-13-01"}).status_code == 422
    assert client.post(NEW, {"month": timezone.localdate().isoformat()}).status_code == 422  # not over
    closed = client.post(NEW, {"month": last.isoformat()})
    first = MonthClosing.objects.get()
    assert closed.url == reverse("reports:closing", args=[first.pk]) and first.closed_by.username == "registrar"
    again = client.post(NEW, {"month": last.isoformat()})
    assert again.status_code == 422 and "已经关账" in again.content.decode()
    revise = reverse("reports:closing_revise", args=[first.pk])
    assert client.post(revise, {"reason": "  "}).status_code == 422
    assert client.post(revise, {"reason": "理" * 201}).status_code == 422
    assert MonthClosing.objects.count() == 1
    client.post(revise, {"reason": "南山区补报三个支部"})
    second = MonthClosing.objects.get(revision=2)
    assert second.reason == "南山区补报三个支部"
    assert client.post(revise, {"reason": "再修订旧版"}).status_code == 404  # it was revised already
    text = page(client, second).content.decode()
    assert "数字没有变化" in text and "南山区补报三个支部" in text
    assert "已有更新的版次" in page(client, first).content.decode()


@pytest.mark.parametrize("who", ["city_leader", "district_leader", "officer"])
def test_others_read_and_do_not_close(sign_in, closing, who):
    client = sign_in(who)
    assert page(client, closing).status_code == 200
    assert NEW not in client.get(LIST).content.decode()
    assert client.post(NEW, {"month": "2020-01-01"}).status_code == 403
    assert client.post(reverse("reports:closing_revise", args=[closing.pk]), {"reason": "改"}).status_code == 403
    assert MonthClosing.objects.count() == 1


def test_a_districts_registrar_does_not_close_the_city(client, town, closing):
    make.make_user("registrar", town.city.nanshan, username="district_registrar")
    from accounts.models import User

    client.force_login(User.objects.get(username="district_registrar"), backend="orgs.doors.DoorBackend")
    assert client.get(NEW).status_code == 403
    assert client.post(NEW, {"month": "2020-01-01"}).status_code == 403


def test_late_entries_are_marked_and_those_out_of_scope_are_only_counted(sign_in, town, last):
    closing = month_close(month=last, by=None)
    numbers = {**closing.numbers, "entered_late": [town.branch.code, town.other_branch.code]}
    late = MonthClosing.objects.create(
        month=closing.month, revision=2, reason="补录", as_of=last, numbers=numbers, digest="x"
    )
    text = page(sign_in("district_leader"), late).content.decode()
    assert town.branch.name in text and town.other_branch.name not in text and "另有 1 个" in text
