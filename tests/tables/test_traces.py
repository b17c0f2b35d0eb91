"""What a batch made and saw: ranges exact to the id, bitmaps as the database reads them."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tables.models import Batch, BatchRange, Sighting
from tables.statements import fetch
from tables.traces import bitmap, ids_seen, keep_made, keep_seen, see_later
from tests import factories

pytestmark = pytest.mark.django_db


def make_batch(**more) -> Batch:
    return Batch.objects.create(target="business", owner=factories.make_user(), file_name="主体.csv", **more)


def values(ids) -> str:
    return f"SELECT unnest(ARRAY[{', '.join(map(str, ids))}]::bigint[])"


@pytest.mark.parametrize(
    ("ids", "ranges"),
    [([], []), ([5], [(5, 5)]), ([3, 1, 2], [(1, 3)]), ([1, 2, 4, 9, 10, 11], [(1, 2), (4, 4), (9, 11)])],
)
def test_ranges_are_exact_also_where_others_took_ids_in_between(ids, ranges):
    batch = make_batch()
    keep_made(batch, values(ids))
    assert sorted(BatchRange.objects.filter(batch=batch).values_list("first", "last")) == ranges


@pytest.mark.parametrize("ids", [{0}, {7}, {8}, {63}, {64}, {1, 2, 62, 63, 64, 127, 1000}, set(range(3, 70))])
@pytest.mark.parametrize(
    "made", [[], [(0, 0)], [(5, 6)], [(6, 9)], [(7, 8)], [(63, 200)], [(1000, 1000), (2000, 2048)]]
)
def test_a_bitmap_holds_what_was_seen_and_what_was_made(ids, made):
    batch = make_batch()
    keep_seen(batch, values(ids), made)
    seen = {pk for (pk,) in fetch(ids_seen("t.id = %s"), [batch.pk])}
    assert seen == ids | {pk for first, last in made for pk in range(first, last + 1)}


def test_nothing_seen_is_an_empty_bitmap():
    assert bitmap([]) == b""


@pytest.mark.parametrize(
    ("of", "later"),
    [
        ({}, True), ({"source": "survey"}, False), ({"target": "market"}, False), ({"state": "undone"}, False),
        ({"file_date": timezone.localdate() - timedelta(days=2)}, False),
    ],
)  # fmt: skip
def test_a_later_file_is_one_of_the_same_source_that_stands(of, later):
    told = make_batch(state="applied", file_date=timezone.localdate())
    Batch.objects.filter(pk=told.pk).update(**of)
    Sighting.objects.create(batch=told, ids=bitmap([], [(4, 6)]))
    batch = make_batch(file_date=timezone.localdate() - timedelta(days=1))
    assert see_later(batch, "seen_later") is later
    if later:
        assert sorted(fetch("SELECT id FROM seen_later")) == [(4,), (5,), (6,)]
