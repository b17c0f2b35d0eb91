"""B = A + in − out: any two numbers are explained, and nothing is left over where nothing was lost."""

from datetime import timedelta

import pytest
from django.utils import timezone

from members.models import Registration
from orgs.models import Organization
from reports import explain_persons, metrics, selectors
from reports.explaining import Side, explain, rows_of, sides_of
from reports.withheld import hidden_cells
from stations.models import CheckIn
from tests import factories as make
from tests.reports.builders import verified
from tests.reports.helpers import LONG_AGO
from tests.reports.random_days import Days, units

pytestmark = pytest.mark.django_db
GROUPS = ("businesses", "markets", "organizations")


def number(side: Side) -> int | None:
    found = selectors.latest(side.unit, side.on)
    if found is None or found.as_of != side.on:
        return None
    return found.counts.get(metrics.count_key(side.code, side.denominator, side.range))


def a_unit(days: Days):
    return days.made.pick(*units(), *[unit for unit in units() if unit.level < 3] * 4)


def sides(days: Days, key: str) -> tuple[Side, Side]:
    """Two of one metric: other days, other units or another 口径."""
    pick = days.made.pick
    code, denominator, range = metrics.parse_key(key)
    a = Side(a_unit(days), code, denominator, range, pick(*days.on[1:]))
    metric = metrics.METRICS[code]
    other = pick("day", "day", "unit", "basis")
    if other == "day":
        return a, Side(a.unit, code, denominator, range, pick(*days.on[1:]))
    if other == "unit":
        return a, Side(a_unit(days), code, denominator, range, a.on)
    below = pick(*(metric.denominators or (denominator,)))
    return a, Side(a.unit, code, below, pick(*metric.ranges), a.on)


def test_random_pairs_are_explained_to_the_last_row():
    days = Days(201)
    keys = [
        key for key in metrics.all_keys()
        if (metric := metrics.METRICS[metrics.parse_key(key)[0]]).group in GROUPS and metric.kind == metrics.COUNT
        and not metric.sum_of
    ]  # fmt: skip
    seen, reasons = 0, set()
    for _ in range(220):
        a, b = sides(days, days.made.pick(*keys))
        if (number_a := number(a)) is None or (number_b := number(b)) is None:
            continue
        found = explain(a, b, number_a, number_b)
        assert found.adds_up, (a, b)
        assert (found.lost_a, found.lost_b) == (0, 0), (a, b, found)
        for reason in found.reasons:
            assert rows_of(a, b, reason.only).count() == reason.count, (a, b, reason)
            reasons.add(reason.key.partition(":")[0])
        seen += bool(found.reasons)
    assert seen > 25
    assert {"place", "cover", "inside"} <= reasons


def test_what_only_the_days_did_is_said_as_that():
    """Nobody touched these rows between yesterday and today."""
    city, today = make.make_city(), timezone.localdate()
    yesterday, month = today - timedelta(days=1), timezone.now() - timedelta(days=30)
    begun = today - timedelta(days=900)
    branch = make.make_branch(city.yuehai, approved_on=begun)
    Organization.objects.change(entered_at=LONG_AGO)
    Organization.objects.filter(pk=branch.pk).change(term_starts_on=begun, term_ends_on=today)
    placed = {"guidance_station": city.yuehai, "district_committee": city.nanshan}
    for state in ("submitted", "verified"):
        registration = verified(make.make_member("王五"), city.yuehai) if state == "verified" else None
        old = registration or Registration.objects.create(name="赵六", due_on=today, **placed)
        Registration.objects.filter(pk=old.pk).change(submitted_at=month, decided_at=registration and month)
    CheckIn.objects.create(
        member=make.make_member("李四"), place=make.make_service_point(city.yuehai), on=today - timedelta(days=30),
        occurred_at=month, channel="code", **make.placed(city.yuehai),
    )  # fmt: skip

    def told(code: str) -> dict[str, int | None]:
        a, b = (Side(city.yuehai, code, "operating", "all", day) for day in (yesterday, today))
        return {reason.text: reason.count for reason in explain(a, b, 0, 0).reasons}

    assert told("terms_overdue") == {"任期届满，没有换届": 1}
    assert told("terms_due_30") == {"已换届、已延期或已经届满": 1}
    assert told("registrations_30d") == {"已超出 30 天": 2}
    assert told("check_ins_30d") == {"已超出 30 天，或本人有异议": 1}


PERSONAL = [
    "members_on_roll",
    "members_taken_in",
    "members_distinct",
    "registrations",
    "with_members",
    "covered@with_members",
]


@pytest.mark.parametrize("seed", [301, 302])
def test_small_events_of_persons_are_nowhere_given_away(seed):
    """Neither by a count of one to four, nor as the one hidden among shown ones of a parent's units."""
    days = Days(seed, days=3, acts=40)
    shown = 0
    for key in PERSONAL:
        code, denominator, range = metrics.parse_key(key)
        for unit in Organization.objects.filter(level__lte=3):
            a, b = (Side(unit, code, denominator, range, on) for on in (days.on[0], days.on[-1]))
            told = explain_persons._told_in_month(a, b)  # days stand for month ends
            assert not {1, 2, 3, 4} & set(told.values()), (unit, key, told)
            shown += any(told.values())
        counted, below = explain_persons._events(a, b)
        explain_persons._add_lost(counted, a, b)
        cells, equations = explain_persons._cells(counted, below)
        hidden = hidden_cells(cells, equations)
        for whole, parts in equations:
            secret = [part for part in parts if part in hidden]
            if whole not in hidden and secret:
                assert len(secret) > 1 and sum(cells[part] for part in secret) >= 5, (key, whole)
    assert shown


def test_a_person_who_belongs_somewhere_in_two_ways_is_explained_once():
    """On a roll and verified: one person more, and nothing that cannot be put back."""
    city = make.make_city()
    branch = make.make_branch(city.yuehai)
    for _ in range(3):
        member = make.make_member()
        make.make_affiliation(member, branch)
        verified(member, city.yuehai)
    today = timezone.localdate()
    a, b = (Side(unit, "members_distinct", "operating", "all", today) for unit in (city.shahe, city.yuehai))
    found = explain(a, b, 0, 3)
    assert [(reason.came, reason.key, reason.count) for reason in found.reasons] == [(True, "place", 3)]
    assert found.adds_up and (found.lost_a, found.lost_b) == (0, 0)


def test_a_share_whose_numerator_is_a_sum_is_explained_by_every_part_of_it():
    """Of registrations too: whose two sides count verified, refused, duplicate and unreachable ones together."""
    city = make.make_city()
    for unit, state in ((city.yuehai, "not_verified"), (city.lianhua, "unreachable")):
        own = {"guidance_station": unit, "district_committee": unit.district_committee}
        Registration.objects.create(name="何某", due_on="2026-01-01", state=state, reason="查无此人", **own)
    rate, today = metrics.METRICS["registrations_closed_rate"], timezone.localdate()
    a, b = (
        sides_of(rate, Side(unit, rate.code, "operating", "all", today), "") for unit in (city.yuehai, city.lianhua)
    )
    found = explain(a, b, 1, 1)
    assert [(reason.came, reason.key, reason.count) for reason in found.reasons] == [
        (True, "place", 1),
        (False, "place", 1),
    ]
    assert found.adds_up
