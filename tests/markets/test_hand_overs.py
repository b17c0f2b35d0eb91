"""划转: who decides, what moves, and two who decide at once."""

import threading

import pytest
from django.db import connection
from django.urls import reverse

from accounts.models import AuditEvent
from markets.hand_overs import hand_over_accept, hand_over_ask_again, hand_over_refuse, hand_over_withdraw
from markets.models import BusinessVersion, HandOver
from markets.services import CannotSave
from tests import factories


@pytest.fixture
def asked(city):
    """Futian says that a business of Nanshan stands in Lianhua."""
    business = factories.make_business(city.yuehai, name="南山登记的名称", provenance={"place": "manual"})
    return HandOver.objects.create(
        business=business, name="莲花文件里的名称", to=city.lianhua, to_district=city.divisions["futian"],
        to_street=city.divisions["lianhua"], asked_from="receiver", asked_by=factories.make_user("registrar", city.futian),
    )  # fmt: skip


@pytest.mark.django_db
def test_the_side_that_did_not_ask_decides_and_the_business_moves(city, asked):
    with pytest.raises(CannotSave, match="已经处理过"):
        hand_over_accept(hand_over=asked, by=asked.asked_by)
    holder = factories.make_user("registrar", city.nanshan)
    hand_over_accept(hand_over=asked, by=holder)
    asked.refresh_from_db()
    business = asked.business
    assert (asked.state, asked.decided_by) == ("accepted", holder)
    assert (business.guidance_station, business.district_committee) == (city.lianhua, city.futian)
    assert (business.street, business.district) == (city.divisions["lianhua"], city.divisions["futian"])
    assert business.provenance == {}
    assert BusinessVersion.objects.get().values["guidance_station_id"] == city.yuehai.pk
    moved = AuditEvent.objects.get(act="markets.business.edit")
    assert {city.yuehai.pk, city.nanshan.pk, city.lianhua.pk, city.futian.pk} <= set(moved.units)


@pytest.mark.django_db
def test_refusing_needs_a_reason(city, asked):
    holder = factories.make_user("registrar", city.yuehai)
    with pytest.raises(CannotSave, match="原因"):
        hand_over_refuse(hand_over=asked, by=holder, reason=" ")
    hand_over_refuse(hand_over=asked, by=holder, reason="仍在本所辖区经营")
    asked.refresh_from_db()
    assert (asked.state, asked.reason, asked.business.guidance_station) == ("refused", "仍在本所辖区经营", city.yuehai)


@pytest.mark.django_db
def test_the_asker_sees_no_more_than_the_own_file_said(client, city, asked):
    client.force_login(asked.asked_by)
    text = client.get(reverse("markets:hand_over_list")).content.decode()
    assert "莲花文件里的名称" in text and "南山登记的名称" not in text and "同意划转" not in text
    said = client.get(reverse("api:hand-over-list")).content.decode()
    assert "莲花文件里的名称" in said and "南山登记的名称" not in said
    client.force_login(factories.make_user("registrar", city.yuehai))
    assert "同意划转" in client.get(reverse("markets:hand_over_list")).content.decode()
    client.post(reverse("markets:hand_over_accept", args=[asked.pk]))
    asked.refresh_from_db()
    assert asked.state == "accepted"


@pytest.mark.django_db
def test_whoever_takes_no_part_sees_nothing(client, city, asked):
    client.force_login(factories.make_user("registrar", city.shahe))
    assert "莲花文件里的名称" not in client.get(reverse("markets:hand_over_list")).content.decode()
    assert client.post(reverse("markets:hand_over_accept", args=[asked.pk])).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_two_decide_at_once(city, asked):
    people = [factories.make_user("registrar", city.nanshan), factories.make_user("registrar", city.yuehai)]
    start, told = threading.Barrier(2), []

    def decide(person):
        try:
            start.wait()
            hand_over_accept(hand_over=asked, by=person)
            told.append("accepted")
        except CannotSave:
            told.append("late")
        finally:
            connection.close()

    threads = [threading.Thread(target=decide, args=[person]) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == ["accepted", "late"]
    assert BusinessVersion.objects.count() == 1


# --- the side that asked ----------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_only_the_side_that_asked_withdraws(client, city, asked):
    holder = factories.make_user("registrar", city.yuehai)
    with pytest.raises(CannotSave, match="已经处理过"):
        hand_over_withdraw(hand_over=asked, by=holder)
    client.force_login(asked.asked_by)
    assert "撤回" in client.get(reverse("markets:hand_over_list")).content.decode()
    client.post(reverse("markets:hand_over_withdraw", args=[asked.pk]))
    asked.refresh_from_db()
    assert (asked.state, asked.decided_by, asked.business.guidance_station) == (
        "withdrawn",
        asked.asked_by,
        city.yuehai,
    )
    assert AuditEvent.objects.get(act="markets.handover.withdraw").subjects == [asked.pk]
    with pytest.raises(CannotSave, match="已经处理过"):
        hand_over_accept(hand_over=asked, by=holder)


@pytest.mark.django_db
def test_what_was_refused_is_asked_again_by_hand_once_at_a_time(client, city, asked):
    holder = factories.make_user("registrar", city.yuehai)
    with pytest.raises(CannotSave):
        hand_over_ask_again(hand_over=asked, by=asked.asked_by)  # still open
    hand_over_refuse(hand_over=asked, by=holder, reason="仍在本所")
    with pytest.raises(CannotSave):
        hand_over_ask_again(hand_over=asked, by=holder)
    client.force_login(asked.asked_by)
    assert "再次发起" in client.get(reverse("markets:hand_over_list")).content.decode()
    client.post(reverse("markets:hand_over_ask_again", args=[asked.pk]))
    again = HandOver.objects.exclude(pk=asked.pk).get()
    assert (again.state, again.to, again.to_street, again.name) == ("asked", asked.to, asked.to_street, asked.name)
    assert again.asked_by == asked.asked_by
    with pytest.raises(CannotSave, match="已经处理过"):
        hand_over_ask_again(hand_over=asked, by=asked.asked_by)
    hand_over_accept(hand_over=again, by=holder)
    assert not HandOver.objects.to_ask_again_by(asked.asked_by, "markets.change_handover").exists()


@pytest.mark.django_db
def test_nobody_is_asked_for_what_is_not_registered_any_more(city, asked):
    asked.business.status = "deregistered"
    asked.business.save()
    with pytest.raises(CannotSave, match="不在册"):
        hand_over_accept(hand_over=asked, by=factories.make_user("registrar", city.yuehai))
