"""定期反馈: 已接收 or 已办结, page by page and as a file; never how it ended for a person."""

import csv
import io
from datetime import timedelta

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.utils import timezone

from markets.models import Business
from members import services
from members.intake import feedback
from members.models import IntakeEvent, Registration
from members.tasks import retention
from tests import factories as make
from tests.members import make as people
from tests.members.intake_tools import ask, hours_ago, item, make_client, person, results

pytestmark = pytest.mark.django_db


def states(client, sender, query="") -> dict[str, str]:
    return {event["event_id"]: event["state"] for event in ask(client, sender, query).json()["events"]}


def test_an_event_without_persons_is_done_when_its_business_is_placed(client, city, sender):
    placed, waiting = item(), item(business={"office": None, "district": "南山区"})
    results(client, sender, placed, waiting)
    assert states(client, sender) == {placed["event_id"]: "已办结", waiting["event_id"]: "已接收"}
    Business.objects.filter(guidance_station=None).update(
        guidance_station=city.yuehai, district_committee=city.nanshan, district=city.divisions["nanshan"]
    )
    assert states(client, sender)[waiting["event_id"]] == "已办结"


def test_what_is_deregistered_needs_no_place(client, sender):
    results(client, sender, sent := item(event_type="deregister", business={"office": None, "district": "南山区"}))
    assert states(client, sender) == {sent["event_id"]: "已办结"}


def end(registration: Registration, how: str) -> None:
    if how == "verified":
        services.registration_verify(registration=registration, method="document", by=None)
    elif how == "withdrawn":
        services.registration_withdraw(registration=registration)
    else:
        Registration.objects.filter(pk=registration.pk).change(
            state=how, reason="说明", decided_at=timezone.now(), duplicate_of=registration.pk
        )


def days_pass() -> None:
    """Until the due date of what was received."""
    IntakeEvent.objects.update(received_at=timezone.now() - timedelta(days=settings.REGISTRATION_DUE_DAYS, minutes=1))


ENDS = ["verified", "not_verified", "unreachable", "duplicate", "expired", "withdrawn"]


def test_every_end_of_a_registration_looks_the_same(client, sender):
    events = [item(persons=[person()]) for _ in ENDS]
    results(client, sender, *events)
    assert set(states(client, sender).values()) == {"已接收"}
    for event, how in zip(events, ENDS, strict=True):
        end(Registration.objects.get(intake_events__event_id=event["event_id"]), how)
    assert set(states(client, sender).values()) == {"已接收"}
    days_pass()
    answer = ask(client, sender).json()
    assert {event["state"] for event in answer["events"]} == {"已办结"} and len(answer["events"]) == len(ENDS)
    assert {frozenset(event) for event in answer["events"]} == {
        frozenset({"event_id", "event_type", "state", "received_at", "completed_at"})
    }
    assert len({event["completed_at"] for event in answer["events"]}) == 1  # not even the moment tells


def test_every_registration_of_an_event_must_have_ended(client, sender):
    sent = item(persons=[person(), person()])
    results(client, sender, sent)
    first, second = Registration.objects.order_by("pk")
    days_pass()
    end(first, "not_verified")
    assert states(client, sender) == {sent["event_id"]: "已接收"}
    end(second, "withdrawn")
    assert states(client, sender) == {sent["event_id"]: "已办结"}


def test_done_stays_done_until_a_correction_begins_anew(client, sender):
    sent = item()
    results(client, sender, sent)
    assert states(client, sender) == {sent["event_id"]: "已办结"}
    Business.objects.update(guidance_station=None)
    assert states(client, sender) == {sent["event_id"]: "已办结"}
    results(client, sender, {**sent, "occurred_at": hours_ago(1), "persons": [person()]})
    assert states(client, sender) == {sent["event_id"]: "已接收"}


def test_the_nightly_run_settles_too(client, sender):
    results(client, sender, item())
    retention()
    assert IntakeEvent.objects.get().completed_at is not None


def test_erasure_leaves_the_event_done(client, sender):
    sent = item(persons=[person()])
    results(client, sender, sent)
    end(Registration.objects.get(), "withdrawn")
    days_pass()
    retention()
    assert Registration.objects.get().erased_at and states(client, sender) == {sent["event_id"]: "已办结"}


def test_pages_follow_each_other_and_show_every_event_once(client, sender, monkeypatch):
    monkeypatch.setattr(feedback, "PAGE", 3)
    sent = [item() for _ in range(8)]
    results(client, sender, *sent)
    seen, after, months = [], "", []
    while True:
        page = ask(client, sender, after and f"?after={after}").json()
        seen += [event["event_id"] for event in page["events"]]
        months.append(page["months"])
        after = page["next"]
        if after is None:
            break
    assert sorted(seen) == sorted(one["event_id"] for one in sent)
    month = f"{timezone.localdate():%Y-%m}"
    assert months == [[{"month": month, "received": 8, "completed": 8}], None, None]


def test_a_change_of_state_comes_again_after_the_last_page(client, sender):
    results(client, sender, first := item(persons=[person()]), second := item())
    events = ask(client, sender).json()["events"]
    since = events[-1]["completed_at"].replace("+", "%2B")
    days_pass()
    end(Registration.objects.get(), "verified")
    assert [event["event_id"] for event in events] == [first["event_id"], second["event_id"]]
    assert states(client, sender, f"?since={since}")[first["event_id"]] == "已办结"


def test_period_narrows_and_another_client_sees_nothing(client, city, sender):
    results(client, sender, sent := item())
    assert states(client, sender, "?until=2026-01-01T00:00:00%2B08:00") == {}
    assert states(client, sender, "?since=2026-01-01T00:00:00%2B08:00") == {sent["event_id"]: "已办结"}
    assert states(client, make_client(city.city)) == {}


def rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))


def test_the_same_as_a_file(client, sender, tmp_path):
    results(client, sender, first := item(), second := item(persons=[person()]))
    month, target = f"{timezone.localdate():%Y-%m}", tmp_path / "feedback.csv"
    call_command("intake_feedback", client=sender.key_id, month=month, output=str(target))
    found = rows(target.read_text("utf-8"))
    assert found[0] == ["事项编号", "事项", "发生时间", "接收时间", "状态", "办结时间"]
    assert {row[0]: row[4] for row in found[1:]} == {first["event_id"]: "已办结", second["event_id"]: "已接收"}
    assert {row[0]: bool(row[5]) for row in found[1:]} == {first["event_id"]: True, second["event_id"]: False}
    out = io.StringIO()
    call_command("intake_feedback", client=sender.key_id, month=month, counts=True, stdout=out)
    assert rows(out.getvalue()) == [["月份", "已接收（件）", "已办结（件）"], [month, "2", "1"]]
    out = io.StringIO()
    call_command("intake_feedback", client=sender.key_id, month="2020-01", stdout=out)
    assert len(rows(out.getvalue())) == 1


@pytest.mark.parametrize("wrong", [{"client": "IKNOBODY"}, {"month": "2026-13"}, {"month": "11"}])
def test_the_command_says_what_is_wrong(sender, wrong):
    with pytest.raises(CommandError):
        call_command("intake_feedback", **{"client": sender.key_id, "month": "2026-11"} | wrong)


def test_feedback_does_not_tell_that_a_number_was_known(client, city, sender):
    """A registration that ended before is not done at once: that would say that there was one."""
    people.verified(city.lianhua, phone="13912340000", by=make.make_user("officer", city.lianhua))
    events = [item(persons=[person(phone=one)]) for one in ("13912340000", "13912340001")]
    results(client, sender, *events)
    assert set(states(client, sender).values()) == {"已接收"}
    end(Registration.objects.undecided().get(), "not_verified")
    assert set(states(client, sender).values()) == {"已接收"}
    days_pass()
    assert set(states(client, sender).values()) == {"已办结"}


def test_times_are_shown_in_local_time(client, sender):
    results(client, sender, item())
    (event,) = ask(client, sender).json()["events"]
    assert (
        event["received_at"].endswith("+08:00")
        and timedelta(0) <= timezone.now() - IntakeEvent.objects.get().received_at
    )
