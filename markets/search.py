"""Businesses by a part of their name, of its pinyin initials, or by the beginning of a code; the same in every scope.

A text is found by the index over pairs of characters (`name_grams`, migration 0004) where few names have its rarest
pair; where many have it, by walking along the list until a page is full. Measured on 400,000 rows (PostgreSQL 18, two
busy cores): a row found by the index takes 1 to 3 µs, as each lies in another block; a row passed on the way 0.9 µs in
the whole city, where neighbours on the list are neighbours in the table, and 2.7 µs in one guidance station. A page of
50 is found on the way after 50 × rows ÷ n rows. Both take as long at about n = √(20 × rows), `few()`. Nor does the
walk go further than it takes a word of so many rows to fill a page: a word that it did not meet often enough by then is
rare here, whatever it is elsewhere, and the index finds it.
The two conditions never stand in one ordered statement of the planner's choosing: it multiplies their selectivities
and sorts what it should have walked along.
"""

import math
import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.fields.array import ArrayContains  # type: ignore[attr-defined]  # missing in the stubs
from django.db import connection
from django.db.models import F, Func, Q, QuerySet, TextField
from django.db.models.lookups import Contains

from markets import codes
from tables.keyset import NEWEST, Walk, estimate

LEAST = 2  # characters: one would be in every tenth name
LONGEST = 200
TOO_SHORT = f"请至少输入 {LEAST} 个字（或 {LEAST} 个拼音首字母）。"
# Of a credit code: who registered it, then a province; of an old registration number: a city of Guangdong.
# Nothing wider: 9158 and 9527 are names of shops.
CODE_BEGINS = re.compile(r"9[1239](1[0-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5])[0-9A-Z]{0,14}|44[0-5][0-9]{1,12}")
SMALL = 2_000  # rows of a scope that are looked through one by one
SAMPLE = 2_000  # newest rows of a scope from which the number of common names is told
ENOUGH = 50  # hits in the sample that tell it, to a seventh

NAME_GRAMS = Func(F("name"), F("name_pinyin"), function="name_grams", output_field=ArrayField(TextField()))
FOLDED_NAME = Func(F("name"), function="folded", output_field=TextField())


def folded(text: str) -> str:
    """As folded() of migration 0004 does it to names."""
    return unicodedata.normalize("NFKC", text).replace(" ", "").lower()


def grams(text: str) -> list[str]:
    return sorted({text[at : at + 2] for at in range(len(text) - 1)})


def few(rows: int) -> int:
    """So many of a scope's rows are sooner fetched by the index than met on the way."""
    return max(math.isqrt(20 * rows), 1)


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
        texts = [self.text, self.text.upper()] if _is_letters(self.text) else [self.text]
        return list(dict.fromkeys(tuple(grams(text)) for text in texts))

    def by_index(self, queryset: Any) -> Any:
        """The same rows, so that the index finds them."""
        has = Q()
        for spelling in self.spellings:
            has |= Q(ArrayContains(NAME_GRAMS, list(spelling)))
        return queryset.filter(has)

    @cached_property
    def rows(self) -> int:
        return estimate(self.scope)

    @cached_property
    def expected(self) -> float:
        """How many of the scope's rows have the rarest pair of the text, as far as ANALYZE knows; 0 where it is rare."""
        every = sorted({gram for spelling in self.spellings for gram in spelling})
        with connection.cursor() as cursor:
            cursor.execute("SELECT gram, share FROM name_gram_shares(%s)", [every])
            shares = dict(cursor.fetchall())
        return self.rows * sum(min(shares.get(gram, 0) for gram in spelling) for spelling in self.spellings)

    def first_rows(self, queryset: QuerySet, walk: Walk, number: int) -> list:
        if self.rows <= SMALL:
            return self.sorted(queryset, queryset, walk, number)
        if self.expected > few(self.rows):
            furthest = number * self.rows // few(self.rows)
            near = min(int(3 * number * self.rows / self.expected) + 1, furthest)
            for window in dict.fromkeys((near, furthest)):
                found = self.within(queryset, walk, number, window)
                if found is not None:
                    return found
        return self.sorted(queryset, self.by_index(queryset), walk, number)

    @staticmethod
    def sorted(queryset: QuerySet, found: QuerySet, walk: Walk, number: int) -> list:
        """The first of what was found. Only ids are sorted: to carry whole rows along would take twice as long."""
        ids = list(walk.sorted(found).values_list("pk", flat=True)[:number])
        return list(walk.sorted(queryset.filter(pk__in=ids))) if ids else []

    def within(self, queryset: QuerySet, walk: Walk, number: int, window: int) -> list | None:
        """The first rows if they are among the next `window` ones of the scope; else None."""
        edge = walk.along(self.scope).values_list(*walk.keys())[window - 1 : window].first()
        inside = queryset if edge is None else walk.until(queryset, edge)
        found = list(walk.along(inside)[:number])
        return found if edge is None or len(found) == number else None

    def about(self, queryset: QuerySet) -> int:
        """How many rows there are, told from the newest ones; 0 where they are few enough to be counted."""
        newest = Walk(NEWEST)
        edge = newest.along(self.scope).values_list("pk")[SAMPLE - 1 : SAMPLE].first()
        if edge is None:
            return 0
        met = newest.until(queryset, edge).order_by().count()
        return met * self.rows // SAMPLE if met >= ENOUGH else 0


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
