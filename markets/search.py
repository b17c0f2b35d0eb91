"""Businesses by a part of their name, of its pinyin initials, or by the beginning of a code; the same in every scope.

There are two ways to the first rows of a list by name. The index over pairs of characters (`business_name_grams`) also
holds the places and states by which people narrow a search, so it leads to those rows alone that have the rarest pairs
of the text and stand where one looks: as many rows are fetched as match. Or one walks along the list until a page is
full: where n of N rows match, that takes 50 × N ÷ n rows. A row that is fetched costs about four times one that is
passed on the way with its neighbours beside it, so both take as long at about n = √(12 × N), `few()`.

Where ANALYZE knows the pairs to be frequent, the walk goes as far as should fill the page one and a half times
over, which is a short way for a frequent word. Where that did not do, the matches met so far tell how many there are
here, other filters included, and with it which of two bounded steps comes first: the index, which stops fetching at
twice `few` rows, or the walk on to where a word of `few` rows would have filled the page. So a name that is common in
one place and rare elsewhere, or that a filter makes rare, is found by the one or the other. The worst that all steps
see together is 80 × N ÷ few + 2 × few rows (and the lists of three pairs, thousands of rows to the page): 62,000 rows
of 4.28 million, 7,000 of a guidance station's 55,000. What is left are words of more than twice `few` rows of which the
newest have hardly any: all of them are fetched and sorted, within what a page may wait (tables/patience.py). Marks
that the index does not hold (industry, scale, key enterprises) have their own, and both are read to one bitmap.
The two conditions never stand in one ordered statement of the planner's choosing: it multiplies their selectivities
and sorts what it should have walked along.
"""

import math
import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.fields.array import ArrayContains  # type: ignore[attr-defined]  # missing in the stubs
from django.db import connection, transaction
from django.db.models import BigIntegerField, F, Func, Q, QuerySet, TextField, Value
from django.db.models.functions import Cast
from django.db.models.lookups import Contains

from markets import codes
from tables.keyset import NEWEST, Walk, estimate

LEAST = 2  # characters: one would be in every tenth name
TOO_SHORT = f"请至少输入 {LEAST} 个字（或 {LEAST} 个拼音首字母）。"
# Of a credit code: who registered it, then a province; of an old registration number: a city of Guangdong.
# Nothing wider: 9158 and 9527 are names of shops.
CODE_BEGINS = re.compile(r"9[1239](1[0-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5])[0-9A-Z]{0,14}|44[0-5][0-9]{1,12}")
SMALL = 2_000  # rows of a scope that are looked through one by one
RAREST = 3  # pairs of a text that the index is asked for; more leave hardly fewer rows, and each has a list to be read
SAMPLE = 2_000  # newest rows of a scope from which the number of common names is told
ENOUGH = 50  # hits in the sample that tell it, to a seventh
PLANNING = ("enable_seqscan", "enable_bitmapscan", "max_parallel_workers_per_gather")

NAME_GRAMS = Func(F("name"), F("name_pinyin"), function="name_grams", output_field=ArrayField(TextField()))
FOLDED_NAME = Func(F("name"), function="folded", output_field=TextField())


def key(pk: int) -> Cast:
    """An id as the index over names takes it: to PostgreSQL a bare number is of another type than the column."""
    return Cast(Value(pk), BigIntegerField())


@contextmanager
def planned(*, bitmaps: bool) -> Iterator[None]:
    """Statements inside read what an index leads to, by a bitmap of rows or along its order: never the whole table, in
    which the planner hopes to meet enough soon, and without helpers, which take longer to begin than the work takes."""
    now = ("off", "on" if bitmaps else "off", "0")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT " + ", ".join(f"current_setting('{name}')" for name in PLANNING))
        before = cursor.fetchone()
        change = "SELECT " + ", ".join(f"set_config('{name}', %s, true)" for name in PLANNING)
        cursor.execute(change, now)
        yield
        cursor.execute(change, before)


def folded(text: str) -> str:
    """As folded() of migration 0004 does it to names."""
    return unicodedata.normalize("NFKC", text).replace(" ", "").lower()


def grams(text: str) -> list[str]:
    return sorted({text[at : at + 2] for at in range(len(text) - 1)})


def few(rows: int) -> int:
    """So many of a scope's rows are sooner fetched by the index than met on the way."""
    return max(math.isqrt(12 * rows), 1)


def too_short(text: str) -> bool:
    return len(folded(text)) < LEAST


def condition(text: str) -> Q:
    """The one definition of what is found: name or initials contain the text."""
    within = Q(Contains(FOLDED_NAME, text))
    return within | Q(name_pinyin__contains=text) if _is_letters(text) else within


def _is_letters(text: str) -> bool:
    return text.isascii() and text.isalnum()


@dataclass(frozen=True)
class Search:
    """A folded text, and the rows among which it is looked for: a scope whose order an index carries."""

    text: str
    scope: QuerySet

    @cached_property
    def spellings(self) -> list[tuple[str, ...]]:
        """The pairs of the text as part of a name and, for letters, as initials, which the index has in capitals."""
        return [tuple(grams(text)) for text in self._texts]

    @property
    def _texts(self) -> list[str]:
        return list(dict.fromkeys([self.text, self.text.upper()] if _is_letters(self.text) else [self.text]))

    @cached_property
    def shares(self) -> dict[str, float]:
        """The share of all names that have each pair of the text, as far as ANALYZE knows; rare ones are missing."""
        every = sorted({gram for spelling in self.spellings for gram in spelling})
        with connection.cursor() as cursor:
            cursor.execute("SELECT gram, share FROM name_gram_shares(%s)", [every])
            return dict(cursor.fetchall())

    def rarest(self, spelling: tuple[str, ...]) -> list[str]:
        if len(spelling) <= RAREST:
            return list(spelling)
        return sorted(spelling, key=lambda gram: self.shares.get(gram, 0))[:RAREST]

    def by_index(self, queryset: Any) -> Any:
        """The same rows, so that the index finds them."""
        has = Q()
        for spelling in self.spellings:
            has |= Q(ArrayContains(NAME_GRAMS, self.rarest(spelling)))
        return queryset.filter(has)

    @cached_property
    def rows(self) -> int:
        return estimate(self.scope)

    @cached_property
    def expected(self) -> float:
        """How many of the scope's rows have the text, if its pairs that share no character meet by chance. Those of a word
        that everybody has are frequent one by one, so it is expected frequent all the same."""
        return self.rows * sum(self._share(text) for text in self._texts)

    def _share(self, text: str) -> float:
        tilings = [[text[at : at + 2] for at in range(begin, len(text) - 1, 2)] for begin in (0, 1)]
        return min(math.prod(self.shares.get(gram, 0) for gram in tiling) for tiling in tilings if tiling)

    def first_rows(self, queryset: QuerySet, walk: Walk, number: int) -> list:
        if self.rows <= SMALL:
            return self.sorted(queryset, queryset, walk, number)
        likely, enough = self.expected, few(self.rows)
        furthest = 3 * number * self.rows // (2 * enough)
        steps = [lambda: self.if_few(queryset, walk, number), lambda: self.on_the_way(queryset, walk, number, furthest)]
        if likely > enough:
            near = min(int(1.5 * number * self.rows / likely) + 1, furthest)
            met, filled = self.within(queryset, walk, number, near)
            if filled:
                return met
            likely = len(met) * self.rows / near
        if likely > enough:
            steps.reverse()
        found = next((found for found in (step() for step in steps) if found is not None), None)
        if found is None:
            with planned(bitmaps=True):
                found = self.sorted(queryset, self.by_index(queryset), walk, number)
        return found

    def on_the_way(self, queryset: QuerySet, walk: Walk, number: int, window: int) -> list | None:
        met, filled = self.within(queryset, walk, number, window)
        return met if filled else None

    def if_few(self, queryset: QuerySet, walk: Walk, number: int) -> list | None:
        """The first rows, if the index finds no more than twice `few`; else None."""
        most = 2 * few(self.rows)
        with planned(bitmaps=True):
            keys = list(walk.after(self.by_index(queryset)).order_by().values_list(*walk.keys())[: most + 1])
        if len(keys) > most:
            return None
        ids = [pk for *_, pk in sorted(keys, reverse=walk.down)[:number]]
        return list(walk.sorted(queryset.filter(pk__in=ids))) if ids else []

    @staticmethod
    def sorted(queryset: QuerySet, found: QuerySet, walk: Walk, number: int) -> list:
        """The first of what was found. Only ids are sorted: to carry whole rows along would take twice as long."""
        ids = list(walk.sorted(found).values_list("pk", flat=True)[:number])
        return list(walk.sorted(queryset.filter(pk__in=ids))) if ids else []

    def within(self, queryset: QuerySet, walk: Walk, number: int, window: int) -> tuple[list, bool]:
        """What the next `window` rows of the scope have, and whether these are the first rows asked for."""
        with planned(bitmaps=False):
            edge = walk.along(self.scope).values_list(*walk.keys())[window - 1 : window].first()
            inside = queryset if edge is None else walk.until(queryset, edge)
            found = list(walk.along(inside)[:number])
        return found, edge is None or len(found) == number

    def about(self, queryset: QuerySet) -> int:
        """How many rows there are, told from the newest ones; 0 where too few of these match to tell."""
        newest = Walk(NEWEST)
        with planned(bitmaps=False):
            edge = newest.along(self.scope).values_list("pk")[SAMPLE - 1 : SAMPLE].first()
            met = newest.until(queryset, edge).order_by().count() if edge else 0
        return met * self.rows // SAMPLE if met >= ENOUGH else 0

    def counted(self, queryset: QuerySet, at_most: int) -> int:
        with planned(bitmaps=True):
            return self.by_index(queryset).order_by()[:at_most].count()


def named(queryset: Any, said: str) -> Any:
    """Rows whose code is or begins with the text, or whose name or initials contain it. Short texts find nothing."""
    code = codes.clean_code(said)
    if codes.is_uscc(code) or codes.is_legacy(code):
        return queryset.filter(Q(uscc=code) | Q(legacy_registration_no=code))
    if CODE_BEGINS.fullmatch(code):
        return queryset.filter(**{f"{'uscc' if code[0] == '9' else 'legacy_registration_no'}__startswith": code})
    text = folded(said)
    if len(text) < LEAST:
        return queryset.none()
    found = queryset.filter(condition(text))
    found.search = Search(text, queryset)
    return found
