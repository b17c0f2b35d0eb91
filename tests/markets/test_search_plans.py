"""How finding by name reads the table: only what an index leads to, in every scope and sort order, and within bounds."""

from datetime import date
from itertools import product

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext

from markets import search
from markets.filters import BusinessFilter
from markets.models import Business
from markets.search import Search
from markets.tables import BUSINESS_ORDERS
from orgs.models import Posting
from tables.keyset import NEWEST, Page, Walk, first_rows, page_of, total_text
from tables.listing import Asker
from tests import factories
from tests.markets.test_search import fill

pytestmark = pytest.mark.django_db
PLACES = ("district_committee", "guidance_station", "district", "street")
NOWHERE = 2**40  # the number of no unit
MARKS = {"": (500,), "youngest": ("2020-01-01", 500), "oldest": ("2020-01-01", 500)}


def plan(queryset: QuerySet, *, bitmaps: bool = True) -> str:
    """As a large table would be read: that of a test is too small to need an index."""
    sql, params = queryset.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_sort = off")
        cursor.execute(f"SET LOCAL enable_bitmapscan = {'on' if bitmaps else 'off'}")
        cursor.execute(f"EXPLAIN {sql}", params)
        return "\n".join(line for (line,) in cursor.fetchall())


@pytest.fixture
def both_sides(city):
    """Rows on both sides of each mark, none in the scope asked for: of one row any index would be as good as another."""
    units = [city.yuehai, city.shahe, city.lianhua, city.huafu]
    Business.objects.bulk_create(
        Business(
            pk=number, legacy_registration_no=f"4403{number:011d}", name="甲店", entity_type="company",
            registered_on=date(2010 + number % 20, 1, 1), **factories.placed(units[number % 4]),
        )
        for number in range(400, 600)
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE markets_business")


@pytest.mark.parametrize("order", BUSINESS_ORDERS, ids=lambda order: order.name or "newest")
def test_every_sort_order_is_an_index_in_every_scope(both_sides, order):
    for place, mark, back in product((None, *PLACES), (None, MARKS[order.name]), (False, True)):
        rows = Business.objects.filter(**{place: search.key(NOWHERE)}) if place else Business.objects.all()
        told = plan(Walk(order, mark, back).along(rows)[:50], bitmaps=False)
        assert "Index" in told and "Sort" not in told and "Filter" not in told, (place, mark, back, told)


COLUMNS = {
    ("nanshan", False): "district_committee_id", ("yuehai", False): "guidance_station_id",
    ("nanshan", True): "district_id", ("yuehai", True): "street_id",
}  # fmt: skip
NARROWED = {
    "": "", "entity_type=company": "entity_type", "state=dormant": "status", "state=not_operating": "is_operating",
}  # fmt: skip


@pytest.mark.parametrize(("scope", "division"), COLUMNS)
@pytest.mark.parametrize("by", ["posting", "filter"])
def test_the_index_of_names_takes_the_scope_and_the_filters(city, scope, division, by):
    unit, column = city.divisions[scope] if division else city[scope], COLUMNS[scope, division]
    posting, own, chosen = (
        Posting(division=unit) if division else Posting(organization=unit),
        Business.objects.all(),
        "",
    )
    if by == "posting":
        own = own.within_postings([posting])
    elif column == "district_committee_id":
        return  # no filter of the page
    else:
        chosen = f"&{column.removesuffix('_id')}={unit.pk}"
    reader = factories.make_user("leader", city.city)
    with connection.cursor() as cursor:  # an empty table is read by whatever index is smallest
        cursor.execute("RESET ROLE")
        cursor.execute(
            "SELECT indexname FROM pg_indexes WHERE tablename = 'markets_business' AND indexname ~ '^business_'"
        )
        for (name,) in cursor.fetchall():
            if name != "business_name_grams":
                cursor.execute(f"DROP INDEX {name}")
    for query, narrowed in NARROWED.items():
        asked = BusinessFilter(QueryDict(f"q=科技园&{query}{chosen}"), queryset=own, request=Asker(reader)).qs
        told = plan(asked.search.by_index(asked))
        (condition,) = [line for line in told.splitlines() if "Index Cond" in line]
        assert "@>" in condition and f"{column} = " in condition and narrowed in condition, told


@pytest.fixture
def crowd(city, monkeypatch):
    """Two thousand rows of which the oldest few are 稀客 and those of one place 粤海; the page is small, so are the bounds."""
    names = ["稀客茶馆"] * 3 + [f"{'粤海' if number % 4 == 0 else '普通'}商店" for number in range(1997)]
    fill(city, names)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE markets_business")
    monkeypatch.setattr(search, "SMALL", 0)


def statements(queryset, number=5) -> tuple[list, int]:
    with CaptureQueriesContext(connection) as seen:
        found = first_rows(queryset, Walk(NEWEST), number)
    return found, sum("markets_business" in one["sql"] and "EXPLAIN" not in one["sql"] for one in seen)


def test_a_frequent_word_fills_the_page_on_a_short_way(city, crowd):
    found, read = statements(Business.objects.named("商店"))
    assert len(found) == 5 and read == 2  # where the way ends, and what is on it


def test_a_word_that_only_the_oldest_rows_have_is_found_by_the_index(city, crowd):
    found, read = statements(Business.objects.named("稀客"))
    assert [row.name for row in found] == ["稀客茶馆"] * 3 and read == 2  # the keys, and the rows


def test_what_is_frequent_in_the_city_and_missing_here_is_given_up_soon(city, crowd):
    own = Business.objects.within_postings([Posting(organization=city.nanshan)])
    found, read = statements(own.named("粤海"))
    assert found == [] and read <= 3


def test_what_a_filter_makes_rare_is_found_by_the_index(city, crowd):
    rare = Business.objects.named("商店").order_by("pk").first()
    Business.objects.filter(pk=rare.pk).update(status="dormant")
    found, read = statements(Business.objects.named("商店").filter(status="dormant"))
    assert found == [rare] and read <= 4


def test_nothing_is_left_switched_off(city, crowd):
    def settings() -> tuple:
        with connection.cursor() as cursor:
            cursor.execute("SELECT " + ", ".join(f"current_setting('{name}')" for name in search.PLANNING))
            return cursor.fetchone()

    before = settings()
    for text in ("商店", "稀客", "粤海"):
        first_rows(Business.objects.named(text), Walk(NEWEST), 5)
        total_text(Business.objects.named(text), "户")
    assert settings() == before


def test_more_pairs_than_the_rarest_three_are_looked_at_in_the_rows(city):
    fill(city, ["前海智能科技园", "前海智能科技馆", "前海智慧科技园"])
    asked = Search("前海智能科技园", Business.objects.all())
    assert len(asked.rarest(asked.spellings[0])) == search.RAREST
    (found,) = first_rows(Business.objects.named("前海智能科技园"), Walk(NEWEST), 5)
    assert found.name == "前海智能科技园"


def test_a_search_counts_to_two_thousand_and_then_says_so(city, monkeypatch):
    fill(city, [f"{'科技' if number % 9 == 0 else '商贸'}店" for number in range(90)])
    monkeypatch.setattr(search, "SAMPLE", 20)
    monkeypatch.setattr(search, "ENOUGH", 10)
    monkeypatch.setattr("tables.keyset.FOUND_UP_TO", 9)
    monkeypatch.setattr(Search, "rows", 9_000)
    assert total_text(Business.objects.named("科技"), "户") == "9 户以上"
    assert total_text(Business.objects.named("商贸"), "户") == "约 8,100 户"  # 18 of the newest 20
    monkeypatch.setattr("tables.keyset.FOUND_UP_TO", 10)
    assert total_text(Business.objects.named("科技"), "户") == "共 10 户"


def test_one_market_is_read_by_its_own_order(city):
    market = factories.make_market(city.yuehai, code="M-1")
    rows = BusinessFilter(QueryDict("market=m-1"), queryset=Business.objects.all(), request=Asker(None)).qs
    told = plan(Walk(NEWEST).along(rows)[:50], bitmaps=False)
    assert "business_market" in told and "Sort" not in told and market.pk


# --- marks that the index over names does not hold --------------------------------------------------------------------

RARE = {
    "business_key": {"is_key": True},
    "business_industry": {"industry__startswith": "Z9"},
    "business_scale": {"scale": "small"},
    "business_name_grams": {"status": "dormant"},
}


@pytest.mark.parametrize("place", [None, *PLACES])
def test_a_common_word_under_a_rare_mark_is_found_among_the_rows_of_the_mark(city, crowd, place):
    rare = Business.objects.filter(guidance_station=city.yuehai, name__contains="商店").order_by("pk")
    rare = list(rare[:2])
    Business.objects.filter(pk__in=[row.pk for row in rare]).update(
        is_key=True, industry="Z9000", scale="small", status="dormant"
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE markets_business")
    own = Business.objects.filter(**{place: search.key(getattr(rare[0], f"{place}_id"))} if place else {})
    for index, mark in RARE.items():
        asked = own.named("商店").filter(**mark)
        found, read = statements(asked)
        assert found == rare[::-1] and read <= 4, index
        assert index in plan(asked.search.by_index(asked))


# --- totals -----------------------------------------------------------------------------------------------------------


def counted(queryset, **more) -> tuple[str, int]:
    with CaptureQueriesContext(connection) as seen:
        text = total_text(queryset, "户", exact_up_to=200, told_from=400, **more)
    return text, sum("COUNT(" in one["sql"] for one in seen)


def test_what_is_surely_more_is_not_counted(city, crowd):
    assert counted(Business.objects.all()) == ("约 2,000 户", 0)
    own = Business.objects.filter(guidance_station=search.key(city.yuehai.pk))
    assert counted(own) == ("约 500 户", 0)
    assert counted(own.filter(is_operating=True))[1] == 1  # of two conditions the planner knows less
    assert counted(own.filter(market__isnull=False)) == ("共 0 户", 1)
    with CaptureQueriesContext(connection) as heard:
        assert total_text(own, "户", told_from=501) == "共 500 户"
    assert 'ORDER BY "markets_business"."id" DESC' in heard[-1]["sql"]  # the order in which the scope's index has them


def test_a_page_that_is_the_whole_list_says_how_long_it_is(city, crowd):
    few = Business.objects.filter(guidance_station=search.key(city.yuehai.pk))
    for rows in (few[:3], few.none()):
        assert counted(few, page=Page(list(rows))) == (f"共 {len(rows)} 户", 0)
    assert counted(few, page=Page(list(few[:3]), next_url="?after=1"))[0] == "约 500 户"
    beyond = page_of(few, QueryDict("after=0"))  # nothing there, but before it
    assert counted(few, page=beyond)[0] == "约 500 户"


@pytest.mark.parametrize("roles", [["leader"], ["leader", "registrar"]])
def test_the_total_of_a_large_scope_is_told_without_counting(city, roles):
    """As in the city: what a district would count takes longer than its page."""
    fill(city, ["甲店"] * 40)
    reader = factories.make_user()
    for role in roles:
        Posting.objects.create(user=reader, role=role, organization=city.nanshan)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE markets_business")
    rows = Business.objects.visible_to(reader)
    half = rows.count() // 2
    with CaptureQueriesContext(connection) as heard:
        assert total_text(rows, "户", told_from=half).startswith("约")
    assert half and not [one for one in heard if "COUNT(" in one["sql"]]
