"""The page from which feedback goes out as a file: counts, the file, whose systems, and that it is written down."""

import io
from datetime import timedelta

import openpyxl
import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEvent
from members.intake import feedback
from members.intake.receive import Busy
from members.models import IntakeEvent
from tests import factories as make
from tests.members.intake_tools import item, make_client, person, results

pytestmark = pytest.mark.django_db
PAGE = "/feedback/"


@pytest.fixture
def city():
    return make.make_city()


@pytest.fixture
def sender(city):
    return make_client(city.nanshan, name="南山登记系统")


@pytest.fixture
def clerk(client, city):
    user = make.make_user("registrar", city.nanshan)
    client.force_login(user)
    return user


def body(response) -> bytes:
    return b"".join(response.streaming_content)


def take(client, sender, query: str = "", **said):
    asked = {"content": "events", "format": "csv", "purpose": "每月定期反馈"} | said
    return client.post(reverse("members:feedback_file", args=[sender.pk]) + query, asked)


def test_counts_are_of_events_by_system_and_month(client, sender, clerk):
    results(client, sender, item(), item(persons=[person()]))
    IntakeEvent.objects.update(completed_at=None)
    feedback.settle(sender)
    shown = client.get(PAGE).content.decode()
    assert all(text in shown for text in ("市场监管", "南山登记系统", f"{timezone.localdate():%Y-%m}"))
    row = client.get(PAGE).context["table"]["rows"][0]["cells"]
    assert [cell["text"] for cell in row[3:]] == ["2", "1", "下载"]
    assert f"/feedback/{sender.pk}/?since=" in row[5]["url"] and client.get(row[5]["url"]).status_code == 200


def test_the_period_and_the_department_narrow(client, sender, clerk):
    results(client, sender, item())
    long_ago = timezone.localdate() - timedelta(days=40)
    assert client.get(PAGE).context["table"]["rows"]
    for query in (f"?until={long_ago}&since={long_ago}", "?department=civil_affairs"):
        assert client.get(PAGE + query).context["table"]["rows"] == [], query
    assert client.get(f"{PAGE}?department=market_supervision").context["table"]["rows"]


@pytest.mark.parametrize(
    "query", ["?since=x", "?since=", "?since=0001-01-01", "?until=9999-12-31", "?since=2010-01-01", "?department=x"]
)
def test_a_period_that_cannot_be_is_told(client, sender, clerk, query):
    response = client.get(PAGE + query)
    assert response.status_code == 200 and response.context["table"]["rows"] == []
    assert response.context["filter"]["form"].errors
    assert take(client, sender, query).status_code == 422


def test_the_file_settles_first_names_no_business_and_is_written_down(client, sender, clerk):
    done, waiting = item(), item(persons=[person()])
    results(client, sender, done, waiting)
    response = take(client, sender)
    text = body(response).decode("utf-8-sig")
    assert response["Content-Disposition"].endswith(".csv") and response["Cache-Control"] == "no-store"
    lines = [line.split(",") for line in text.splitlines()]
    assert lines[0] == feedback.HEADINGS["events"]
    assert {line[0]: line[4] for line in lines[1:]} == {done["event_id"]: "已办结", waiting["event_id"]: "已接收"}
    for private in (done["business"]["uscc"], done["business"]["name"], waiting["persons"][0]["phone"]):
        assert private not in text
    event = AuditEvent.objects.filter(act="members.intake.feedback").latest("pk")
    assert (event.actor, event.purpose) == (clerk, "每月定期反馈")
    assert event.detail["client"] == sender.pk and event.detail["format"] == "csv"


def test_counts_as_a_workbook(client, sender, clerk):
    results(client, sender, item(), item(persons=[person()]))
    response = take(client, sender, content="months", format="xlsx")
    rows = list(openpyxl.load_workbook(io.BytesIO(body(response))).active.values)
    assert rows == [tuple(feedback.HEADINGS["months"]), (f"{timezone.localdate():%Y-%m}", 2, 1)]


def test_without_a_purpose_there_is_no_file(client, sender, clerk):
    assert take(client, sender, purpose="").status_code == 422
    assert not AuditEvent.objects.filter(act="members.intake.feedback").exists()


def test_systems_of_other_units_are_not_there(client, city, sender):
    above, beside = make_client(city.city, name="全市登记系统"), make_client(city.futian, name="福田登记系统")
    for one in (sender, above, beside):
        results(client, one, item(business={"office": "莲花监管所" if one == beside else "粤海监管所"}))
    client.force_login(make.make_user("registrar", city.nanshan))
    shown = [row["cells"][1]["text"] for row in client.get(PAGE).context["table"]["rows"]]
    assert shown == ["南山登记系统"]
    assert {take(client, one).status_code for one in (above, beside)} == {404}
    client.force_login(make.make_user("registrar", city.city))
    assert len(client.get(PAGE).context["table"]["rows"]) == 3


def test_only_registrars_send_feedback(client, city, sender):
    for role in ("officer", "leader"):
        client.force_login(make.make_user(role, city.nanshan))
        assert client.get(PAGE).status_code == take(client, sender).status_code == 403


def test_while_events_come_in_the_file_waits(client, sender, clerk, monkeypatch):
    def busy(*arguments, **named):
        raise Busy

    monkeypatch.setattr(feedback, "settle", busy)
    response = take(client, sender)
    assert response.status_code == 422 and "过一会儿" in response.content.decode()
