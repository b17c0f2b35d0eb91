"""Finding by name, initials and code: every way finds what a look at each name finds, in every scope, on every page."""

import random
import string
from datetime import date
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.db.models import F
from django.http import QueryDict
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from markets import search
from markets.models import Business
from markets.pinyin import initials_of_all
from markets.search import Search, folded
from markets.tables import BUSINESS_ORDERS
from orgs.listings import ORGANIZATION_LIST
from orgs.models import Posting
from tables.keyset import NEWEST, Walk, first_rows, page_of, total_text, whole
from tests import factories
from tests.markets import files

pytestmark = pytest.mark.django_db
SCOPES = ("city", "nanshan", "futian", "yuehai", "lianhua")
ALPHABET = "科技商贸店行(（）)ＡaB1 %_\\'😀"
SOME = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def fill(city, names: list[str]) -> list[Business]:
    """Rows with these names, one after the other in the four guidance stations."""
    units = [city.yuehai, city.shahe, city.lianhua, city.huafu]
    made = [
        Business(
            legacy_registration_no=f"4403{number:011d}", name=name, name_pinyin=letters, entity_type="company",
            **factories.placed(units[number % 4]),
        )
        for number, (name, letters) in enumerate(zip(names, initials_of_all(names), strict=True))
    ]  # fmt: skip
    return Business.objects.bulk_create(made)


@pytest.fixture(params=["index", "walk", "scope", "neither"])
def way(request, monkeypatch):
    """Each way for itself, whatever the numbers say; and where both give up."""
    if request.param == "neither":
        monkeypatch.setattr(Search, "if_few", lambda *args: None)
        monkeypatch.setattr(Search, "on_the_way", lambda *args: None)
    monkeypatch.setattr(search, "SMALL", 10**9 if request.param == "scope" else -1)
    monkeypatch.setattr(Search, "expected", 10**9 if request.param == "walk" else 0)
    monkeypatch.setattr(Search, "rows", 1000)
    return request.param


def wanted(rows, text: str) -> list[int]:
    """The definition, by looking at each name."""
    said = folded(text)
    letters = said.isascii() and said.isalnum()
    return sorted((r.pk for r in rows if said in folded(r.name) or letters and said in r.name_pinyin), reverse=True)


@SOME
@given(
    names=st.lists(st.text(ALPHABET, min_size=1, max_size=12), min_size=1, max_size=40),
    text=st.text(ALPHABET, min_size=2, max_size=4),
    number=st.integers(1, 12),
)
def test_each_way_finds_what_looking_at_each_name_finds(city, way, names, text, number):
    Business.objects.all().delete()
    rows = fill(city, names)
    if search.too_short(text):
        assert not Business.objects.named(text).exists()
        return
    for scope in SCOPES:
        own = Business.objects.within_postings([Posting(organization=city[scope])])
        inside = [row for row in rows if row in set(own)]
        found, walk = own.named(text), Walk(NEWEST)
        assert [row.pk for row in first_rows(found, walk, number)] == wanted(inside, text)[:number]
        assert {row.pk for row in found} == {row.pk for row in whole(found)} == set(wanted(inside, text))
        assert total_text(found, "户") == f"共 {len(wanted(inside, text)):,} 户"


@pytest.mark.parametrize("order", BUSINESS_ORDERS, ids=lambda order: order.name or "newest")
@pytest.mark.parametrize("text", [None, "科技"])
def test_pages_are_the_sorted_list_with_ties_and_unknowns_forth_and_back(city, way, order, text):
    rows = fill(city, [f"{'科技' if number % 3 else '商贸'}{number}" for number in range(70)])
    chosen = random.Random(7)
    for row in rows:
        row.registered_on = chosen.choice([None, date(2020, 1, 1), date(2021, 5, 5), date(1999, 9, 9)])
        row.employees = chosen.choice([None, 0, 3, 3, 12])
    Business.objects.bulk_update(rows, ["registered_on", "employees"])
    own = Business.objects.filter(district_committee=city.nanshan)
    listed = own.named(text) if text else own
    keyed = list(listed.annotate(order_key=order.key or F("pk")))
    expected = [r.pk for r in sorted(keyed, key=lambda r: (r.order_key, r.pk), reverse=order.descending)]
    seen, pages, address = [], [], f"order={order.name}"
    while address:
        page = page_of(listed, QueryDict(address), 7, orders=BUSINESS_ORDERS)
        pages.append([row.pk for row in page.rows])
        seen += pages[-1]
        before, address = page.previous_url.lstrip("?"), page.next_url.lstrip("?")
    assert seen == expected
    for at in range(len(pages) - 2, -1, -1):
        page = page_of(listed, QueryDict(before), 7, orders=BUSINESS_ORDERS)
        assert [row.pk for row in page.rows] == pages[at]
        before = page.previous_url.lstrip("?")
    assert before == ""


@pytest.mark.parametrize("mark", ["", "x", "1_2_3", "2020-01-01_", "2020-13-01_5", "_5", "9" * 30, "-1", "５"])
def test_a_made_up_mark_is_none(mark):
    assert [order.read_mark(mark) for order in BUSINESS_ORDERS] == [None] * 3


def test_a_mark_with_what_no_text_can_hold_is_none():
    assert ORGANIZATION_LIST.orders[0].read_mark("a\0_1") is None


# --- what people type -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "names"),
    [
        ("前海", {"前海智能（深圳）有限公司"}),
        ("智能(深圳)", {"前海智能（深圳）有限公司"}),
        ("前 海　智", {"前海智能（深圳）有限公司"}),
        ("qhzn", {"前海智能（深圳）有限公司"}),
        ("QHZN", {"前海智能（深圳）有限公司"}),
        ("ｑｈｚｎ", {"前海智能（深圳）有限公司"}),
        ("znsz", {"前海智能（深圳）有限公司"}),
        ("kfc", {"ＫＦＣ 快餐 100%_店"}),
        ("0%_", {"ＫＦＣ 快餐 100%_店"}),
        ("__", set()),
        ("%%", set()),
        ("\\\\", set()),
        ("😀乐", {"😀乐园"}),
        ("7天", {"7天酒店"}),
        ("7t", {"7天酒店"}),
        ("9527", {"9527茶餐厅"}),
        ("4488", {"4488桌球"}),
        ("深圳" * 100, set()),
        ("海", set()),
        ("海 ", set()),
    ],
)
def test_what_people_type(city, way, said, names):
    fill(city, ["前海智能（深圳）有限公司", "ＫＦＣ 快餐 100%_店", "😀乐园", "7天酒店", "9527茶餐厅", "4488桌球"])
    assert {row.name for row in first_rows(Business.objects.named(said), Walk(), 10)} == names


def test_codes_are_found_by_their_beginning_and_whole(city):
    code = files.make_code(prefix="91440300MA")
    row = factories.make_business(city.yuehai, uscc=code, name="甲店")
    old = factories.make_business(city.yuehai, legacy_registration_no="440301234567890", name="乙店")
    for said in (code[:4], code[:10].lower(), code[:17], code, f" {code} "):
        assert [*Business.objects.named(said)] == [row], said
    for said in ("4403", "440301234567890"):
        assert [*Business.objects.named(said)] == [old], said
    assert not Business.objects.named(code[:17] + "?").exists()


def test_a_common_word_is_estimated_a_rare_one_counted(city, monkeypatch):
    fill(city, ["科技店"] * 200 + ["稀有店"])
    monkeypatch.setattr(search, "SAMPLE", 100)
    monkeypatch.setattr(Search, "rows", 60_000)
    assert total_text(Business.objects.named("科技"), "户") == "约 5.9 万户"  # 99 of the newest 100
    assert total_text(Business.objects.named("稀有"), "户") == "共 1 户"


def test_common_grams_are_known_from_the_statistics(city):
    fill(city, [f"科技{letter}" for letter in string.ascii_letters * 4] + ["稀有甲乙"])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE markets_business")
        cursor.execute("SELECT gram, share FROM name_gram_shares(%s)", [["科技", "稀有", "鬯龘"]])
        shares = dict(cursor.fetchall())
    assert shares["科技"] > 0.9 and "鬯龘" not in shares
    assert Search("科技", Business.objects.all()).expected > 150
    assert Search("鬯龘", Business.objects.all()).expected == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [("甲乙", 500), ("甲乙丙", 400), ("甲乙丙丁", 250), ("甲乙丙丁戊", 0), ("ab", 90), ("AB12", 0)],
)
def test_pairs_that_share_no_character_are_expected_to_meet_by_chance(text, expected):
    asked = Search(text, Business.objects.all())
    shares = {"甲乙": 0.5, "乙丙": 0.4, "丙丁": 0.5, "ab": 0.01, "AB": 0.08, "B1": 0.9}
    vars(asked).update(rows=1000, shares=shares)  # in place of what ANALYZE and the planner say
    assert asked.expected == pytest.approx(expected)


# --- pages and the API ------------------------------------------------------------------------------------------------


@pytest.fixture
def leader(client, city):
    client.force_login(factories.make_user("leader", city.nanshan))
    return client


def test_a_list_shows_and_counts_only_the_own_scope_by_name_initials_and_code(leader, city):
    fill(city, ["近处科技", "近处科技", "远处科技", "远处科技"])  # the latter two in another district
    for said in ("科技", "ckj"):
        page = leader.get(reverse("markets:business_list"), {"q": said})
        assert page.context["total_text"] == "共 2 户"
        assert "远处" not in page.text
    page = leader.get(reverse("markets:business_list"), {"q": "远处"})
    assert page.context["total_text"] == "共 0 户" and "没有符合条件" in page.text
    assert leader.get(reverse("reports:search"), {"q": "yckj"}).text.count("远处科技") == 0


def test_one_character_is_refused_with_a_sentence(leader):
    page = leader.get(reverse("markets:business_list"), {"q": "海"})
    assert search.TOO_SHORT in page.text and not page.context["table"]["rows"]
    answer = leader.get("/api/v1/businesses/", {"q": "海"})
    assert answer.status_code == 400 and search.TOO_SHORT in answer.text


@pytest.mark.parametrize("order", ["", "youngest", "oldest", "nonsense"])
def test_a_list_is_sorted_as_chosen_and_says_so(leader, city, order):
    fill(city, ["甲店", "乙店"])
    page = leader.get(reverse("markets:business_list"), {"order": order, "q": "店铺"})
    assert page.status_code == 200 and "最新录入" in page.text and "成立日期 新→旧" in page.text
    assert [one["chosen"] for one in page.context["sort_choices"]].count(True) == 1


def test_filters_join_the_search(leader, city):
    fill(city, ["近处科技"] * 8)
    Business.objects.filter(guidance_station=city.yuehai).update(industry="I6510", status="revoked")
    street = Business.objects.filter(guidance_station=city.shahe).first().street
    for query, number in (
        ({"industry": "i65"}, 2), ({"industry": "F"}, 0), ({"state": "revoked"}, 2),
        ({"street": street.pk} if street else {"guidance_station": city.shahe.pk}, 2),
        ({"guidance_station": city.yuehai.pk, "state": "registered"}, 0),
    ):  # fmt: skip
        page = leader.get(reverse("markets:business_list"), {"q": "科技"} | query)
        assert page.context["total_text"] == f"共 {number} 户", query


def test_a_search_that_takes_too_long_says_what_to_narrow(leader, monkeypatch):
    def slow(*args, **more):
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', '20', true), pg_sleep(0)")
            cursor.execute("SELECT pg_sleep(5)")

    monkeypatch.setattr(Search, "first_rows", slow)
    page = leader.get(reverse("markets:business_list"), {"q": "科技"})
    assert page.status_code == 200 and "没有在几秒内找完" in page.text
    answer = leader.get("/api/v1/businesses/", {"q": "科技"})
    assert answer.status_code == 400 and "没有在几秒内找完" in answer.text


def test_the_api_pages_through_a_search(leader, city, way):
    fill(city, ["科技店"] * 20)
    address, seen = f"/api/v1/businesses/?{urlencode({'q': '科技', 'page_size': 3})}", []
    while address:
        answer = leader.get(address).json()
        seen.append([row["id"] for row in answer["results"]])
        back, address = answer["previous"], answer["next"]
    own = Business.objects.filter(district_committee=city.nanshan).order_by("-pk")
    assert sum(seen, []) == [row.pk for row in own]
    assert [row["id"] for row in leader.get(back).json()["results"]] == seen[-2]
