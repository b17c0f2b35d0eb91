"""The leader's first page: the brief, what is due and what waits, each with where it leads."""

from datetime import date, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from members.models import Registration
from reports import brief, monthly_making, selectors, weekly, weekly_making, words
from reports.behind import PERMISSION
from reports.words import Basis
from tests import factories as make
from tests.reports.helpers import refresh
from tests.reports.making_sheets import draft
from tests.reports.test_brief import counted, told  # noqa: F401

pytestmark = pytest.mark.django_db
FRONT = reverse("reports:front")


def seen(client):
    return client.get(FRONT).context["found"]


def test_it_says_the_six_sentences_of_the_brief_and_they_lead_there(told, client):  # noqa: F811
    city, *_ = told
    leader = make.make_user("leader", city.city)
    client.force_login(leader, backend="orgs.doors.DoorBackend")
    points = brief.brief(leader, city.city, None, PERMISSION)
    found = seen(client)
    assert [(one["name"], one["value"]) for one in found.sentences] == [
        (point.name, point.value) for point in (*points.good, *points.bad)
    ]
    assert {one["word"] for one in found.sentences} == {"好", "要抓紧"}
    address, _, anchor = found.sentences[0]["url"].partition("#")
    assert f'id="{anchor}"' in client.get(address).content.decode()


@pytest.mark.parametrize("person", ["city_leader", "district_leader", "division_leader"])
def test_every_number_on_it_is_the_tiles_and_every_link_opens(sign_in, town, person):
    client = sign_in(person)
    found = seen(client)
    assert [tile["code"] for tile in found.tiles] == [
        "organization_coverage_strict", "organization_coverage", "work_coverage", "due_built_rate",
    ]  # fmt: skip
    own = selectors.for_reader(town.people[person], found.own.unit).own
    strict = found.tiles[0]  # on D4, as pages open, with D2 beside it
    assert strict["note"] == Basis().label and strict["hidden"]  # of so few with members
    assert strict["detail"].endswith(words.shown(own, strict["code"], brief.BASIS))
    assert [gap["text"] for gap in found.gaps] == [words.shown(own, code, brief.BASIS) for code in brief.GAPS]
    urls = [one["url"] for one in (*found.dues, *found.gaps, *found.tiles, *found.sentences) if one["url"]]
    assert urls and {url: client.get(url).status_code for url in urls} == dict.fromkeys(urls, 200)


def test_what_is_due_leads_to_as_many_rows(sign_in, town):
    ended = timezone.localdate() - timedelta(days=1)
    for number in range(2):
        make.make_branch(town.city.yuehai, term_starts_on=date(2020, 1, number + 1), term_ends_on=ended)
    refresh()
    client = sign_in("district_leader")
    due = next(one for one in seen(client).dues if one["label"] == "届满未换届")
    assert (due["text"], due["kind"]) == ("2", "bad") and client.get(due["url"]).context["total"] == 2


def test_small_numbers_of_persons_are_not_shown_to_the_leader(sign_in, town):
    Registration.objects.change(due_on=timezone.localdate() - timedelta(days=3))
    refresh()
    assert selectors.latest(town.city.nanshan).value("registrations_overdue") == 3
    due = next(one for one in seen(sign_in("district_leader")).dues if one["label"] == "超期未办结的报到")
    assert (due["text"], due["kind"], due["url"]) == (words.SMALL, "plain", None)


def test_a_sheet_that_waits_for_release_and_the_newest_papers_are_on_it(sign_in, town, people, settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path)
    unit, more = town.city.city, {"classification": "internal", "address": "", "by": None}
    weekly_making.document_of(unit, weekly.monday_of(timezone.localdate()), **more)
    monthly_making.document_of(unit, timezone.localdate().replace(day=1), **more)
    client = sign_in("city_leader")
    assert next(one for one in seen(client).dues if one["label"] == "待发布的评价")["text"] == "0"
    sheet = draft(town, people)
    found = seen(client)
    waiting = next(one for one in found.dues if one["label"] == "待发布的评价")
    assert (waiting["text"], waiting["kind"], waiting["url"]) == (
        "1",
        "warn",
        reverse("reports:evaluation", args=[sheet.pk]),
    )
    assert [one.kind for one in found.papers] == ["weekly", "monthly"]


def test_others_have_no_such_page_and_an_empty_city_is_told_why(sign_in, town, client):
    assert sign_in("officer").get(FRONT).status_code == 403
    assert sign_in("registrar").get(FRONT).status_code == 403
    fresh = make.make_user("leader", make.make_branch(town.city.nanshan))
    client.force_login(fresh, backend="orgs.doors.DoorBackend")
    assert "还没有统计数字" in client.get(FRONT).content.decode()
