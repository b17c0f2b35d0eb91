"""Wall screens: what their key opens, what is in a frame and what is not, and who sets them up."""

import json
from datetime import date, timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone
from redis.exceptions import RedisError

from accounts.models import AuditEvent
from members.models import Affiliation
from orgs.models import Division
from reports import ranking, selectors, words
from reports.models import Screen, Snapshot
from reports.screens import screen_change, screen_create, screen_revoke
from tests import factories as make
from tests.reports import builders as b
from tests.reports.helpers import refresh, today

PAGES = [str(page) for page in Screen.Page]


def hung(unit, by, **more):
    values = {"name": "一楼大厅", "pages": PAGES, "seconds": 20, "expires_at": timezone.now() + timedelta(days=9)}
    return screen_create(unit=unit, by=by, **values | more)


def asked(client, screen, key, name="screen_data", **headers):
    return client.get(
        reverse(f"reports:{name}", args=[screen.pk]), headers={"authorization": f"Screen {key}", **headers}
    )


@pytest.fixture(autouse=True)
def forgetful():
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def wall(town):
    return hung(town.city.city, town.people["city_leader"])


# --- the door ---------------------------------------------------------------------------------------------------------


def test_the_key_opens_its_screens_numbers_and_shapes(client, wall):
    screen, key = wall
    frame = asked(client, screen, key).json()
    assert frame["unit"] == str(screen.unit)
    assert frame["screen"]["pages"] == PAGES
    assert asked(client, screen, key, "screen_shapes").status_code == 200
    screen.refresh_from_db()
    assert screen.last_seen_at is not None and screen.last_address == "127.0.0.1"


def test_only_the_hash_of_the_key_is_kept(wall):
    screen, key = wall
    row = json.dumps(list(Screen.objects.filter(pk=screen.pk).values()), default=str)
    assert key not in row and len(screen.digest) == 64


@pytest.mark.parametrize("header", ["", "Screen", "Screen ", "Screen nothing", "Token {key}", "{key}", "Screen {key}x"])
def test_anything_but_the_key_is_a_missing_screen(client, wall, header):
    screen, key = wall
    url = reverse("reports:screen_data", args=[screen.pk])
    answer = client.get(url, headers={"authorization": header.format(key=key)})
    missing = client.get(reverse("reports:screen_data", args=[99_999]), headers={"authorization": f"Screen {key}"})
    assert (answer.status_code, answer.content) == (missing.status_code, missing.content)
    assert answer.status_code == 404 and answer.json() == {"refused": "unknown"}


def test_the_key_of_another_unit_opens_nothing_here(client, town, wall):
    screen, _ = wall
    other, other_key = hung(town.city.futian, town.people["city_leader"])
    assert asked(client, screen, other_key).status_code == 404
    assert asked(client, other, other_key).json()["unit"] == str(town.city.futian)


def test_revoking_holds_from_the_next_question(client, town, wall):
    screen, key = wall
    assert asked(client, screen, key).status_code == 200
    assert screen_revoke(screen=screen, by=town.people["city_leader"]) is True
    assert screen_revoke(screen=screen, by=town.people["city_leader"]) is False
    answer = asked(client, screen, key)
    assert (answer.status_code, answer.json()) == (410, {"refused": "revoked"})
    assert asked(client, screen, key, "screen_shapes").status_code == 410
    assert AuditEvent.objects.filter(act="reports.screen.revoke").count() == 1


def test_an_expired_screen_and_one_of_a_closed_unit_say_why(client, town):
    closed, closed_key = hung(town.city.yuehai, town.people["city_leader"])
    type(town.city.yuehai).objects.filter(pk=town.city.yuehai.pk).change(closed_on=timezone.localdate())
    assert asked(client, closed, closed_key).json() == {"refused": "closed"}
    screen, key = hung(town.city.city, town.people["city_leader"])
    with today(timezone.localdate() + timedelta(days=10)):
        assert asked(client, screen, key).json() == {"refused": "expired"}


def test_a_refused_use_is_one_event_an_hour(client, town, wall):
    screen, key = wall
    screen_revoke(screen=screen, by=town.people["city_leader"])
    for _ in range(5):
        asked(client, screen, key)
        asked(client, screen, "made-up")
    found = AuditEvent.objects.filter(act="reports.screen.refuse", succeeded=False).order_by("pk")
    assert [(event.subjects, event.detail["why"]) for event in found] == [([screen.pk], "revoked"), ([], "unknown")]


def test_a_screen_goes_on_while_redis_is_away_and_a_revoked_one_stays_shut(client, town, wall, monkeypatch):
    def away(*args, **kwargs):
        raise RedisError("away")

    for name in ("get", "set", "add", "touch"):
        monkeypatch.setattr(cache, name, away)
    screen, key = wall
    assert asked(client, screen, key).status_code == 200
    screen_revoke(screen=screen, by=town.people["city_leader"])
    assert asked(client, screen, key).status_code == 410


def test_the_key_is_no_session_and_opens_no_other_address(client, wall):
    screen, key = wall
    header = {"authorization": f"Screen {key}"}
    answer = asked(client, screen, key)
    assert not answer.cookies and not client.cookies
    assert answer["Cache-Control"] == "private, no-store"
    for name in ("reports:dashboard", "reports:screens", "reports:districts", "admin:index"):
        assert client.get(reverse(name), headers=header).status_code == 302
    for name in ("api:snapshot-list", "api:business-list"):
        assert client.get(reverse(name), headers=header).status_code in (401, 403)
    assert client.post(reverse("reports:screen_data", args=[screen.pk]), headers=header).status_code == 405


def test_the_page_holds_no_number_and_is_the_same_for_every_screen(client, wall):
    screen, _ = wall
    page = client.get(reverse("reports:screen", args=[screen.pk]))
    nowhere = client.get(reverse("reports:screen", args=[99_999]))
    text, other = (one.content.decode() for one in (page, nowhere))
    assert text.replace(f"/screen/{screen.pk}/", "").replace(f'number="{screen.pk}"', "") == other.replace(
        "/screen/99999/", ""
    ).replace('number="99999"', "")
    assert str(screen.unit) not in text and screen.name not in text
    assert page["Referrer-Policy"] == "no-referrer" and not page.cookies


def test_the_worker_stands_under_the_screens(client):
    answer = client.get(reverse("reports:screen_worker"))
    assert answer["Content-Type"].startswith("text/javascript") and b"data.json" not in b"".join(answer)


# --- not asked for twice ----------------------------------------------------------------------------------------------


def test_an_unchanged_frame_is_304_and_a_changed_one_is_not(client, town, wall):
    screen, key = wall
    etag = asked(client, screen, key)["ETag"]
    again = asked(client, screen, key, **{"if-none-match": etag})
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", etag)
    screen_change(screen=screen, name="一楼", pages=["trend"], seconds=30, by=town.people["city_leader"])
    answer = asked(client, screen, key, **{"if-none-match": etag})
    assert answer.json()["screen"]["pages"] == ["trend"] and answer.json()["screen"]["seconds"] == 30
    b.business(town.city.yuehai)
    refresh()
    assert asked(client, screen, key, **{"if-none-match": answer["ETag"]}).status_code == 200


def test_units_never_share_what_is_kept(client, town, wall):
    screen, key = wall
    asked(client, screen, key)
    frames = {}
    for unit in (town.city.nanshan, town.city.divisions["nanshan"], Division.objects.get(level=1)):
        other, other_key = hung(unit, town.people["city_leader"])
        frames[unit] = asked(client, other, other_key).json()
    assert [frame["unit"] for frame in frames.values()] == [str(unit) for unit in frames]
    assert [frame["line"] for frame in frames.values()] == ["按党组织统计", "按区划统计", "按区划统计"]


def test_a_second_question_computes_nothing(client, wall, django_assert_max_num_queries):
    screen, key = wall
    asked(client, screen, key)
    with django_assert_max_num_queries(3):  # the screen, its newest numbers, the newest computation of that day
        asked(client, screen, key)


# --- what is in a frame -----------------------------------------------------------------------------------------------


def test_the_two_coverages_stand_together_with_their_denominators(client, town, wall):
    screen, key = wall
    overview = asked(client, screen, key).json()["pages"]["overview"]
    own = selectors.for_reader(town.people["city_leader"], town.city.city).own
    assert [one["code"] for one in overview["coverages"]] == [
        "organization_coverage_strict", "organization_coverage", "work_coverage"
    ]  # fmt: skip
    for one in overview["coverages"]:
        value = own.value(one["code"], "with_members")
        assert one["number"] == (None if value is None else float(value * 100))
        assert (one["text"] == "不显示") == own.is_hidden(one["code"], "with_members")
        assert one["beside"]["text"] == f"{own.value(one['code']) * 100:.1f}%"
        assert one["beside"]["basis"] == "D2 实体运营"


def test_no_person_no_business_and_no_address_of_a_page_is_in_a_frame(client, town):
    """Whatever stands in the rooms below carries a canary; none of it comes out, at any level of either line."""
    canary, city = "金丝雀", town.city
    branch = make.make_branch(city.yuehai, name=f"{canary}公司党支部")
    row = b.business(city.yuehai, full=6, employees=20)
    type(row).objects.filter(pk=row.pk).update(name=f"{canary}商贸有限公司")
    b.cover(branch, row)
    make.make_market(city.yuehai, name=f"{canary}市场")
    make.make_service_point(city.yuehai, name=f"{canary}驿站")
    make.make_affiliation(make.make_member(f"{canary}三"), branch)
    refresh()
    for unit in (city.city, city.nanshan, city.yuehai, Division.objects.get(level=1), city.divisions["yuehai"]):
        screen, key = hung(unit, town.people["city_leader"])
        text = asked(client, screen, key).content.decode()
        assert canary not in text
        assert row.legacy_registration_no not in text
        for word in ("/dashboard", "/rows", "http", "url", town.people["city_leader"].username, screen.digest):
            assert word not in text, (unit, word)


def test_grassroots_organizations_are_not_named(client, town):
    screen, key = hung(town.city.yuehai, town.people["city_leader"])
    frame = asked(client, screen, key).json()
    assert "areas" not in frame["pages"] and "below" not in frame["pages"]["places"]
    assert frame["screen"]["pages"] == [page for page in PAGES if page != "areas"]
    assert str(town.branch) not in json.dumps(frame, ensure_ascii=False)


@pytest.fixture
def small_city(db):
    city = make.make_city()
    for unit, persons, businesses in ((city.yuehai, 3, 3), (city.shahe, 20, 20), (city.lianhua, 30, 30)):
        branch = make.make_branch(unit)
        for _ in range(persons):
            make.make_affiliation(make.make_member(), branch, kind=Affiliation.Kind.ACTIVITY)
        for _ in range(businesses):
            b.own_branch(unit, b.business(unit, full=1))
    refresh()
    return city


def test_small_cells_are_hidden_even_on_the_wall_of_the_responsible_guidance_station(client, small_city):
    """The officer there sees them on the dashboard; who passes by the wall does not."""
    officer = make.make_user("officer", small_city.yuehai)
    assert selectors.for_reader(officer, small_city.yuehai).own.counts["with_members"] == 3
    screen, key = hung(small_city.yuehai, make.make_user("leader", small_city.yuehai))
    coverages = asked(client, screen, key).json()["pages"]["overview"]["coverages"]
    assert [(one["number"], one["text"]) for one in coverages] == [(None, "不显示")] * 3
    assert all("3" not in one["detail"] for one in coverages)


def test_units_are_compared_over_businesses_and_not_over_those_with_members(client, small_city):
    """Three of 粤海's businesses have members: the wall above puts none of D4 in order, so nothing of them is there."""
    screen, key = hung(small_city.nanshan, make.make_user("leader", small_city.nanshan))
    areas = asked(client, screen, key).json()["pages"]["areas"]
    rows = {row["name"]: row for row in areas["rows"]}
    released = selectors.for_reader(AnonymousUser(), small_city.nanshan)
    for line in (*released.children, released.own):
        texts = [words.shown(line, code, words.Basis("operating")) for code in ranking.PAIR]
        assert rows["合计" if line is released.own else words.short(line.unit)]["texts"] == texts
    assert "D2" in areas["rows_title"] and "D4" not in areas["rows_title"]


def test_units_that_may_be_compared_are_compared_and_persons_are_not(client, wall):
    screen, key = wall
    frame = asked(client, screen, key).json()
    text = json.dumps(frame, ensure_ascii=False)
    for word in ("自主报到", "签到", "党员（去重）", "在册党员", "有党员户"):
        assert word not in text
    assert [row["name"] for row in frame["pages"]["areas"]["rows"]][-1] == "合计"


def test_a_unit_without_numbers_says_so(client, db):
    city = make.make_city()
    screen, key = hung(city.city, make.make_user("leader", city.city))
    frame = asked(client, screen, key).json()
    assert "还没有统计数字" in frame["empty"] and frame["pages"] == {} and frame["screen"]["pages"] == []


def test_numbers_that_nobody_computed_for_days_are_told(client, town, wall):
    screen, key = wall
    assert asked(client, screen, key).json()["old"] == ""
    with today(timezone.localdate() + timedelta(days=3)):
        assert asked(client, screen, key).json()["old"] == "统计已 3 天没有重新计算"


def test_a_wall_of_many_units_says_how_many_it_leaves_out(town, monkeypatch):
    from reports import frames

    monkeypatch.setattr(frames, "MOST_LINES", 2)
    rows, left = frames._fitting([{"name": name} for name in "abcd"])
    assert rows == [{"name": "a"}, {"name": "d"}] and left == "（另有 2 个单位见看板）"


def test_the_clock_of_the_numbers_is_that_of_the_snapshot(client, town, wall):
    screen, key = wall
    Snapshot.objects.filter(as_of=timezone.localdate()).update(as_of=date(2026, 1, 5))
    cache.clear()
    assert asked(client, screen, key).json()["as_of"] == "2026-01-05"
