"""Small cells: what is kept back, that no sum gives it away, and who sees all of it."""

import random
from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone

from members.models import Affiliation
from orgs.models import Organization
from reports import boards, selectors, tasks, words
from reports.models import Snapshot
from reports.releases import is_responsible
from reports.rows import NoRows, RowsNotOpen, rows
from reports.withheld import Withheld, hidden_cells, released
from reports.withheld_known import Between
from tests import factories as make
from tests.reports import builders as build
from tests.reports.helpers import coverage, refresh, today


def test_numbers_from_one_to_four_are_hidden_and_zero_is_not():
    assert released({"a": 0, "b": 3, "c": 4, "d": 50}) == {"a": 0, "b": None, "c": None, "d": 50}


def test_a_single_hidden_cell_takes_the_next_smallest_along():
    assert released({"a": 3, "b": 9, "c": 50}) == {"a": None, "b": None, "c": 50}


def test_two_hidden_cells_of_one_take_a_third_along():
    assert released({"a": 1, "b": 1, "c": 9, "d": 50}) == {"a": None, "b": None, "c": None, "d": 50}


def test_nothing_small_nothing_hidden():
    assert released({"a": 5, "b": 9, "c": 0}) == {"a": 5, "b": 9, "c": 0}


@pytest.mark.parametrize("seed", range(200))
def test_the_total_never_gives_a_small_cell_away(seed):
    """However the numbers fall, the shown cells and the shown total leave at least two cells open."""
    chance = random.Random(seed)
    values = {name: chance.choice([0, 0, 1, 2, 4, 5, 7, 30]) for name in range(chance.randint(1, 8))}
    shown = released(values)
    total = sum(values.values())
    hidden = [name for name, value in shown.items() if value is None]
    assert all(name in hidden for name, value in values.items() if 0 < value < 5)
    assert all(shown[name] == 0 for name, value in values.items() if value == 0)
    others = [value for name, value in values.items() if value and name not in hidden]
    if hidden and total >= 5 and (others or len(hidden) > 1):
        assert len(hidden) >= 2
        assert sum(values[name] for name in hidden) >= 5


@pytest.fixture
def city(db):
    city = make.make_city()
    for unit, persons in ((city.yuehai, 3), (city.shahe, 20), (city.lianhua, 30)):
        branch = make.make_branch(unit)
        for _ in range(persons):
            make.make_affiliation(make.make_member(), branch, kind=Affiliation.Kind.ACTIVITY)
    for _ in range(3):
        build.own_branch(city.yuehai, build.business(city.yuehai, full=1))
    for _ in range(20):
        build.business(city.shahe, full=1)
    refresh()
    return city


def shown(user, unit, key: str) -> dict:
    found = selectors.for_reader(user, unit)
    lines = {child.unit.code.rpartition("-")[2]: child.counts[key] for child in found.children}
    return {"own": found.own.counts[key], **lines, "rest": found.unassigned and found.unassigned.counts[key]}


def test_the_leader_of_the_district_does_not_get_the_small_cell(city):
    leader = make.make_user("leader", city.nanshan)
    assert shown(leader, city.nanshan, "members_taken_in") == {"own": 23, "yuehai": None, "shahe": None, "rest": 0}
    # every business here has a member: 23 of 23 would say it of each of the three
    assert shown(leader, city.nanshan, "with_members") == {"own": None, "yuehai": None, "shahe": None, "rest": 0}


def test_what_the_parents_table_hides_stays_hidden_one_click_further(city):
    leader = make.make_user("leader", city.city)
    for unit in (city.yuehai, city.shahe):
        own = selectors.for_reader(leader, unit).own
        assert own.value("members_taken_in") is None
        assert own.is_hidden("members_taken_in")
        assert own.value("organization_coverage", "with_members") is None
        assert own.is_hidden("organization_coverage", "with_members")
    assert selectors.for_reader(leader, city.lianhua).own.value("members_taken_in") == 30


def test_numbers_that_are_not_about_persons_are_shown(city):
    own = selectors.for_reader(make.make_user("leader", city.city), city.yuehai).own
    assert own.value("operating") == 3
    assert own.value("covered_own") == 3


def test_the_officer_of_the_guidance_station_sees_all_of_it(city):
    officer = make.make_user("officer", city.yuehai)
    assert selectors.for_reader(officer, city.yuehai).own.value("members_taken_in") == 3
    assert not is_responsible(officer, city.shahe)
    assert not is_responsible(officer, city.divisions["yuehai"])


def test_a_leader_of_the_guidance_station_gets_what_every_leader_gets(city):
    """Unless they do the officer's work too, which is a posting of its own."""
    leader = make.make_user("leader", city.yuehai)
    assert selectors.for_reader(leader, city.yuehai).own.value("members_taken_in") is None
    with pytest.raises(RowsNotOpen):
        rows("members_taken_in", city.yuehai, user=leader)
    both = make.make_user("leader", city.yuehai)
    both.postings.create(role="officer", organization=city.yuehai)
    assert selectors.for_reader(both, city.yuehai).own.value("members_taken_in") == 3
    assert rows("members_taken_in", city.yuehai, user=both).count() == 3


def test_the_command_does_not_hide(city):
    assert coverage(city.nanshan)["children"][city.yuehai.code]["members_taken_in"] == 3


def test_rows_about_persons_open_only_in_the_responsible_guidance_station(city):
    officer, leader = make.make_user("officer", city.yuehai), make.make_user("leader", city.city)
    assert rows("members_taken_in", city.yuehai, user=officer).count() == 3
    assert rows("with_members", city.yuehai, user=officer).count() == 3
    for unit in (city.yuehai, city.nanshan, city.city):
        for more in ({"code": "members_taken_in"}, {"code": "with_members"}, {"code": "registrations"}):
            with pytest.raises(RowsNotOpen):
                rows(unit=unit, user=leader, **more)
        with pytest.raises(RowsNotOpen):
            rows("covered", unit, denominator="with_members", user=leader)
    with pytest.raises(RowsNotOpen):
        rows("members_taken_in", city.shahe, user=officer)


def test_other_rows_open_to_whoever_may_see_them_and_to_nobody_else(city):
    leader, neighbour = make.make_user("leader", city.nanshan), make.make_user("leader", city.futian)
    assert rows("operating", city.nanshan, user=leader).count() == 23
    assert rows("due_not_built", city.nanshan, user=leader).count() == 0
    assert rows("operating", city.nanshan, user=neighbour).count() == 0
    with pytest.raises(NoRows):
        rows("organization_coverage", city.nanshan, user=leader)


def test_the_parts_of_a_number_do_not_give_a_small_part_away(db):
    """29 full + 1 probationary: with the sum shown, one of the two would tell the other."""
    city = make.make_city()
    branch = make.make_branch(city.yuehai)
    for number in range(30):
        standing = "full" if number else "probationary"
        make.make_affiliation(make.make_member(standing=standing), branch)
    refresh()
    own = selectors.for_reader(make.make_user("leader", city.city), city.city).own
    assert own.counts["members_distinct"] == 30
    assert own.counts["members_full"] is None
    assert own.counts["members_probationary"] is None


def test_the_other_line_does_not_give_away_what_this_one_hides(db):
    """One member waits directly under the district: by streets everything is large, by guidance stations one is not."""
    city = make.make_city()
    for unit, number in ((city.yuehai, 20), (city.shahe, 30)):
        for _ in range(number):
            build.business(unit, full=1)
    build.business(city.nanshan, full=1, street_id=city.divisions["shahe"].pk)
    refresh()
    leader = make.make_user("leader", city.city)
    assert shown(leader, city.nanshan, "with_members") == {"own": None, "yuehai": None, "shahe": None, "rest": None}
    streets = selectors.for_reader(leader, city.divisions["nanshan"]).children
    assert {line.unit.name: line.counts["with_members"] for line in streets} == {"粤海街道": None, "沙河街道": None}


def test_a_number_hidden_on_the_units_own_page_is_hidden_in_its_parents_table(db):
    """Nobody but probationary members in one guidance station: the district's page hides its sum, the city's too."""
    city = make.make_city()
    for unit, number in ((city.yuehai, 7), (city.lianhua, 40), (city.huafu, 30)):
        branch = make.make_branch(unit)
        for index in range(number):
            standing = "probationary" if unit == city.yuehai and index < 3 else "full"
            make.make_affiliation(make.make_member(standing=standing), branch)
    refresh()
    leader = make.make_user("leader", city.city)
    for child in selectors.for_reader(leader, city.city).children:
        assert child.hidden == selectors.for_reader(leader, child.unit).own.hidden


@pytest.mark.django_db
def test_a_line_over_time_keeps_back_what_the_table_of_that_day_does():
    """Else the line of a sibling gives away the small cell that its number was kept back for."""
    city, day, reader = make.make_city(), timezone.localdate(), AnonymousUser()
    Organization.objects.change(entered_at=timezone.now() - timedelta(days=9))
    yesterday = day - timedelta(days=1)
    with today(yesterday):
        refresh()
    refresh()
    for on, nanshan in ((yesterday, 3), (day, 30)):
        for unit, below, covered in ((city.nanshan, 40, nanshan), (city.futian, 40, 30), (city.city, 80, 30 + nanshan)):
            row = Snapshot.objects.get(organization=unit, as_of=on, breakdown="")
            split = dict.fromkeys(("covered", "covered_own", "work_covered"), covered)
            row.counts |= {"with_members": below} | {f"{key}@with_members": number for key, number in split.items()}
            row.save()
    table = {child.unit: child for child in selectors.for_reader(reader, city.city, yesterday).children}
    assert table[city.futian].is_hidden("covered_own", "with_members", "all")
    own = {child.unit: child for child in selectors.for_reader(reader, city.city).children}[city.futian]
    rows = boards.trend(reader, own, words.Basis(), 90)["table"]["rows"]
    assert [row[1] for row in rows] == ["75.0%", words.SMALL]


@pytest.mark.django_db
def test_the_nightly_task_works_out_every_day_for_the_lines_over_time(django_assert_num_queries):
    city, day = make.make_city(), timezone.localdate()
    with today(day - timedelta(days=1)):
        refresh()
    tasks.refresh_coverage()
    with django_assert_num_queries(1):  # the time of the day's numbers, by which the rest is found
        Withheld(day - timedelta(days=1)).keys(city.futian)


def lines_of(**counts) -> selectors.Numbers:
    """The numbers of one unit as a leader of its district gets them."""
    city = make.make_city()
    refresh()
    row = Snapshot.objects.get(organization=city.yuehai, breakdown="", as_of=timezone.localdate())
    row.counts |= counts
    row.save()
    return selectors.for_reader(make.make_user("leader", city.nanshan), city.yuehai).own


@pytest.mark.parametrize(("covered", "number", "kept_back"), [(1, 0, True), (1, 1, True), (5, 0, False), (5, 4, True)])
def test_an_open_number_of_one_does_not_name_the_member_among_its_rows(db, covered, number, kept_back):
    """One sole trader is covered by a market, and the list names it: kept back must not say that it has a member."""
    many = {"with_members#sole_traders": 9, "operating#sole_traders": 40, "covered_market#sole_traders": covered}
    own = lines_of(**many, **{"covered_market@with_members#sole_traders": number})
    assert own.is_hidden("covered_market", "with_members", "sole_traders") == kept_back


def test_hidden_parts_that_cannot_be_large_do_not_make_a_sum_safe():
    """12 = 9 shown + 1 of at most 1 + 2 of at most 2: both would be known, so the next is kept back too."""
    cells = {("u", "whole"): 12, ("u", "a"): 9, ("u", "b"): 1, ("u", "c"): 2}
    known = {("u", "b"): Between(0, 1), ("u", "c"): Between(0, 2)}
    sums = [(("u", "whole"), (("u", "a"), ("u", "b"), ("u", "c")))]
    assert hidden_cells(cells, sums, known=known) >= {("u", "a"), ("u", "b"), ("u", "c")}


def test_two_sums_together_do_not_tell_what_neither_does():
    """9 = own + joint says joint is 2 to 5, 5 = joint + other says 1 to 3: together 2 or 3."""
    own, joint, other, covered, below = ((name, "") for name in ("own", "joint", "other", "covered", "below"))
    cells = {covered: 9, own: 7, joint: 2, below: 5, other: 3}
    known = {own: Between(4, 7), joint: Between(0, 9), other: Between(2, 6)}
    hidden = hidden_cells(cells, [(covered, (own, joint)), (below, (joint, other))], known=known)
    assert {joint, other, own} < hidden


def test_a_zero_does_not_tell_the_number_it_is_part_of():
    """One sole trader is covered by an own branch, which it must be, and up to five could be by a joint one: none is."""
    covered, own, joint = ((name, "") for name in ("covered", "own", "joint"))
    known = {covered: Between(1, 6), own: Between(1, 1), joint: Between(0, 5)}
    assert joint in hidden_cells({covered: 1, own: 1, joint: 0}, [(covered, (own, joint))], known=known)


def test_five_of_one_each_are_not_told_by_their_sum():
    """Zero is shown, so five hidden ones that make five are one each; with another hidden they could be more."""
    assert released(dict.fromkeys("abcde", 1) | {"f": 40}) == dict.fromkeys("abcdef")


def test_verified_persons_and_verified_registrations_are_kept_back_together(db):
    """Nearly always they are one number under two names."""
    own = lines_of(members_verified=3, registrations_verified=6, registrations=90, registrations_submitted=84)
    assert own.is_hidden("members_verified") and own.is_hidden("registrations_verified")
