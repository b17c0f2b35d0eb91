"""Saved views of a list: kept, shared with a unit, opening by themselves, never more than the own scope."""

from urllib.parse import urlencode

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import AuditEvent, User
from tables import saved
from tables.listing import listing
from tables.models import Export, SavedView
from tests import factories
from tests.at_once import at_once

pytestmark = pytest.mark.django_db
LIST = reverse("markets:business_list")
VIEWS = reverse("lists:views", args=["business"])


@pytest.fixture
def city(db):
    return factories.make_city()


def sign_in(client, role, unit):
    user = factories.make_user(role, unit)
    client.force_login(user)
    return user


def said(answer) -> str:
    return " ".join(str(message) for message in get_messages(answer.wsgi_request))


def names(answer) -> list[str]:
    return [row["cells"][0]["text"] for row in answer.context["table"]["rows"]]


def chips(client, address=LIST) -> list[str]:
    return [chip["label"] for chip in client.get(address).context["views"]["chips"]]


def test_filters_and_columns_are_kept_without_page_marks(client, city):
    user = sign_in(client, "registrar", city.nanshan)
    query = "state=dormant&cols=name&cols=employees&after=77&q="
    answer = client.post(VIEWS, {"name": " 歇业的 ", "query": query})
    view = SavedView.objects.get()
    assert (view.owner, view.table, view.name, view.unit) == (user, "business", "歇业的", None)
    assert view.query == "cols=name&cols=employees&state=dormant" and answer["Location"].endswith(f"?{view.query}")
    page = client.get(answer["Location"])
    assert [column["key"] for column in page.context["table"]["columns"]] == ["name", "employees"]
    (chip,) = page.context["views"]["chips"]
    assert chip["current"] and not chip["is_shared"]


def test_what_a_list_does_not_know_is_not_kept(client, city):
    sign_in(client, "registrar", city.nanshan)
    for query, word in (("statee=x", "statee"), ("state=nosuch", "认不出"), ("district=999999", "认不出")):
        assert word in said(client.post(VIEWS, {"name": "视图", "query": query}))
    assert "起个名称" in said(client.post(VIEWS, {"name": "  ", "query": ""}))
    assert not SavedView.objects.exists()


def test_the_same_name_replaces_and_is_taken_for_a_rename(client, city):
    sign_in(client, "registrar", city.nanshan)
    client.post(VIEWS, {"name": "甲", "query": "state=dormant"})
    client.post(VIEWS, {"name": "甲", "query": "state=revoked"})
    client.post(VIEWS, {"name": "乙", "query": ""})
    assert SavedView.objects.get(name="甲").query == "state=revoked"
    other = SavedView.objects.get(name="乙")
    answer = client.post(reverse("lists:view_change", args=[other.pk]), {"name": "甲"})
    assert "请换个名称" in said(answer)
    client.post(reverse("lists:view_change", args=[other.pk]), {"name": "丙", "is_default": "on"})
    other.refresh_from_db()
    assert (other.name, other.is_default) == ("丙", True)


def test_shared_with_the_unit_seen_by_its_people_within_their_own_scope(client, city):
    factories.make_business(city.yuehai, name="近处公司", status="dormant")
    factories.make_business(city.lianhua, name="远处公司", status="dormant")
    factories.make_business(city.yuehai, name="在业公司")
    owner = sign_in(client, "registrar", city.nanshan)
    client.post(VIEWS, {"name": "歇业", "query": "state=dormant", "unit": city.nanshan.pk})
    view = SavedView.objects.get()
    sign_in(client, "leader", city.nanshan)
    (chip,) = client.get(LIST).context["views"]["chips"]
    assert chip["label"] == "歇业" and chip["is_shared"]
    assert names(client.get(chip["url"])) == ["近处公司"]
    assert str(owner) in client.get(VIEWS).content.decode()
    assert client.post(reverse("lists:view_change", args=[view.pk]), {"name": "改"}).status_code == 404
    assert client.post(reverse("lists:view_delete", args=[view.pk])).status_code == 404
    for unit in (city.futian, city.yuehai, city.city):  # nobody of another unit, above or below, sees it
        sign_in(client, "leader", unit)
        assert chips(client) == []


def test_only_with_a_unit_of_ones_own(client, city):
    sign_in(client, "registrar", city.nanshan)
    client.post(VIEWS, {"name": "歇业", "query": "", "unit": city.futian.pk})
    assert not SavedView.objects.exists()


def test_an_ended_posting_ends_the_sharing(client, city):
    sign_in(client, "registrar", city.nanshan)
    client.post(VIEWS, {"name": "歇业", "query": "state=dormant", "unit": city.nanshan.pk})
    reader = factories.make_user("leader", city.yuehai)
    factories.Posting.objects.create(
        user=reader, role="leader", organization=city.nanshan, starts_on="2020-01-01", ends_on="2020-02-01"
    )
    client.force_login(reader)
    assert chips(client) == []


@pytest.mark.parametrize("went", ["elsewhere", "for good"])
def test_what_somebody_who_left_shared_can_be_put_away_by_those_who_stay(client, city, went):
    owner = sign_in(client, "registrar", city.nanshan)
    client.post(VIEWS, {"name": "歇业", "query": "state=dormant", "unit": city.nanshan.pk})
    view = SavedView.objects.get()
    address = reverse("lists:view_unshare", args=[view.pk])
    leader = sign_in(client, "leader", city.nanshan)
    assert "不再共享" not in client.get(VIEWS).content.decode()
    assert client.post(address).status_code == 404  # its owner is there to be asked
    if went == "elsewhere":
        factories.rewrite(owner.postings, organization=city.futian)
    else:
        factories.rewrite(User.objects.filter(pk=owner.pk), is_active=False)
    assert chips(client) == ["歇业"] and address in client.get(VIEWS).content.decode()
    secretary = factories.make_user("secretary", city.nanshan)  # who does not see this list
    for other in (factories.make_user("leader", city.yuehai), secretary):
        client.force_login(other)
        assert client.post(address).status_code == 404
    client.force_login(leader)
    assert client.get(address).status_code == 405 and "不再共享" in said(client.post(address))
    view.refresh_from_db()
    assert (view.unit, view.owner) == (None, owner) and chips(client) == []
    event = AuditEvent.objects.get(act="tables.savedview.unshare")
    assert event.actor == leader and event.units == [city.nanshan.pk] and event.detail["owner"] == owner.pk
    assert client.post(address).status_code == 404


def test_a_list_opens_with_the_own_default_and_can_be_cleared(client, city):
    factories.make_business(city.yuehai, name="歇业公司", status="dormant")
    factories.make_business(city.yuehai, name="在业公司")
    sign_in(client, "registrar", city.nanshan)
    client.post(VIEWS, {"name": "甲", "query": "state=active", "is_default": "on"})
    client.post(VIEWS, {"name": "乙", "query": "state=dormant", "is_default": "on"})
    assert [view.name for view in SavedView.objects.filter(is_default=True)] == ["乙"]
    assert names(client.get(LIST, follow=True)) == ["歇业公司"]
    page = client.get(LIST, follow=True)
    assert page.context["clear_url"].endswith("?view=all")
    assert names(client.get(page.context["clear_url"])) == ["在业公司", "歇业公司"]
    sign_in(client, "leader", city.nanshan)
    assert client.get(LIST).status_code == 200  # somebody else's default is not mine


def test_a_view_of_a_filter_that_is_gone_shows_the_rest(client, city):
    user = sign_in(client, "registrar", city.nanshan)
    factories.make_business(city.yuehai, name="歇业公司", status="dormant")
    SavedView.objects.create(owner=user, table="business", name="旧", query="gone=1&state=dormant")
    (chip,) = client.get(LIST).context["views"]["chips"]
    answer = client.get(chip["url"], follow=True)
    assert "gone" not in answer.request["QUERY_STRING"] and names(answer) == ["歇业公司"]


@pytest.mark.parametrize(("query", "left"), [("gone=1", ""), ("gone=1&state=dormant", "state=dormant")])
def test_a_default_of_which_little_is_left_still_opens(client, city, query, left):
    user = sign_in(client, "registrar", city.nanshan)
    SavedView.objects.create(owner=user, table="business", name="旧", query=query, is_default=True)
    answer = client.get(LIST, follow=True)
    assert answer.status_code == 200 and answer.request["QUERY_STRING"] == left


@pytest.mark.parametrize("query", ["state=nosuch", "guidance_station=999999", "cols=gone", "after=x&order=gone"])
def test_a_view_with_what_means_nothing_any_more_opens_with_a_sentence(client, city, query):
    """A state that is no more, an office that is not one's own, a column or an order that was taken away."""
    user = sign_in(client, "registrar", city.nanshan)
    factories.make_business(city.yuehai, name="公司")
    SavedView.objects.create(owner=user, table="business", name="旧", query=query, is_default=True)
    answer = client.get(LIST, follow=True)
    refused = query.startswith(("state", "guidance"))
    assert answer.status_code == 200 and names(answer) == ([] if refused else ["公司"])
    assert bool(answer.context["filter"].form.errors) == refused
    assert answer.context["clear_url"].endswith("?view=all")


@pytest.mark.parametrize(
    "number",
    [
        "110101199003071233",
        "11010119900307123x",
        "13812345678",
        "138 1234 5678",
        "１３８-1234-5678",
        "+86 13812345678",
        "138\u200b12345678",
    ],
)
def test_nobodys_number_is_kept_in_a_name_or_a_filter(client, city, number):
    """A view stays after an erasure, in clear, and may be shared; neither does its address say the number again."""
    sign_in(client, "registrar", city.nanshan)
    answer = client.post(VIEWS, {"name": "找人", "query": urlencode({"q": number})})
    assert "身份号码或手机号" in said(answer) and answer["Location"] == f"{LIST}?view=all"
    assert "身份号码或手机号" in said(client.post(VIEWS, {"name": f"张三 {number}", "query": "state=dormant"}))
    assert not SavedView.objects.exists()
    client.post(VIEWS, {"name": "歇业", "query": "state=dormant"})
    view = SavedView.objects.get()
    client.post(reverse("lists:view_change", args=[view.pk]), {"name": number})
    view.refresh_from_db()
    assert view.name == "歇业"
    taken = client.post(reverse("lists:export", args=["business"]) + "?" + urlencode({"q": number}), {"purpose": "试"})
    assert taken.status_code == 404 and not Export.objects.exists()


@pytest.mark.parametrize("code", ["91440300MA5EXAMPLE", "914403007084611360", "440301103456789", "440301"])
def test_codes_of_businesses_are_nobodys_number(client, city, code):
    sign_in(client, "registrar", city.nanshan)
    client.post(VIEWS, {"name": code, "query": f"q={code}"})
    assert SavedView.objects.get().query == f"q={code}"


def test_a_view_that_no_address_can_say_is_not_kept(client, city):
    """By itself it would open nothing but an error, each time."""
    sign_in(client, "registrar", city.nanshan)
    client.post(VIEWS, {"name": "列", "query": "&".join(["cols=name"] * 900)})
    assert SavedView.objects.get().query == "cols=name"
    for long in ("&".join(f"cols=c{number}" for number in range(900)), "q=" + "长" * 3000):
        answer = client.post(VIEWS, {"name": "长", "query": long, "is_default": "on"})
        assert "减少一些" in said(answer) and len(answer["Location"]) < 100 and SavedView.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_kept_twice_at_once_is_one_view_and_one_default():
    city = factories.make_city()
    user = factories.make_user("registrar", city.nanshan)

    def keep(name: str):
        return lambda: saved.view_save(
            by=User.objects.get(pk=user.pk), listing=listing("business"), name=name, query="", is_default=True
        )

    said = at_once(keep("甲"), keep("甲"), keep("乙"), keep("丙"))
    assert [type(one) for one in said] == [SavedView] * 4
    assert SavedView.objects.count() == 3 and SavedView.objects.filter(is_default=True).count() == 1


def test_deleting(client, city):
    sign_in(client, "registrar", city.nanshan)
    client.post(VIEWS, {"name": "甲", "query": ""})
    view = SavedView.objects.get()
    assert client.get(reverse("lists:view_delete", args=[view.pk])).status_code == 405
    assert "已删除" in said(client.post(reverse("lists:view_delete", args=[view.pk])))
    assert not SavedView.objects.exists()


def test_who_may_not_see_the_list_may_not_keep_views_of_it(client, city):
    sign_in(client, "secretary", factories.make_branch(city.yuehai))
    assert client.get(VIEWS).status_code == 403
    assert client.post(VIEWS, {"name": "甲", "query": ""}).status_code == 403
    assert client.get(reverse("lists:views", args=["nosuch"])).status_code == 404


def test_views_cost_two_queries_however_many(client, city):
    user = sign_in(client, "registrar", city.nanshan)
    client.get(f"{LIST}?view=all")

    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as seen:
            client.get(f"{LIST}?view=all")
        return len(seen)

    before = queries()
    for number in range(5):
        SavedView.objects.create(owner=user, table="business", name=f"视图{number}", query="q=1")
    assert queries() == before


@pytest.mark.parametrize(
    ("form", "sentence"),
    [({"name": "长" * 61}, "视图的名称最多 60 个字"), ({"name": "南山", "unit": "99999"}, "只能共享给您任职的单位")],
)
def test_what_cannot_be_kept_is_told_in_words_of_the_page(client, city, form, sentence):
    sign_in(client, "registrar", city.nanshan)
    answer = client.post(VIEWS, form | {"query": ""})
    assert sentence in said(answer) and not SavedView.objects.exists()
