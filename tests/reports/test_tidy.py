"""Numbers as files and through the API: the very numbers of the page, and nothing that the page keeps back."""

import csv
import io
import json
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.cache import cache
from django.http import QueryDict
from django.urls import reverse
from django.utils import timezone
from python_calamine import CalamineWorkbook
from rest_framework.test import APIClient

from accounts.models import AuditEvent
from members.models import Affiliation
from reports import boards, metrics, ranking, selectors, tidy, words
from reports.models import Snapshot
from reports.tidy_asked import asked_of, query_of
from reports.tidy_files import HEADER
from reports.words import Basis
from tests import factories as make
from tests.reports import builders as build
from tests.reports.helpers import refresh

pytestmark = pytest.mark.django_db
PAGE = reverse("reports:numbers")
API = "/api/v1/numbers/"


@pytest.fixture
def api(town):
    def ask(person, query: str = "", **headers):
        client = APIClient()
        client.force_authenticate(town.people[person])
        return client.get(f"{API}?{query}", headers=headers)

    return ask


def body(response) -> bytes:
    return b"".join(response.streaming_content)


def results(response) -> list[dict]:
    assert response.status_code == 200, response.content
    return json.loads(body(response))["results"]


def csv_rows(response) -> list[dict]:
    text = body(response).decode()
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))


def xlsx_rows(response) -> list[list]:
    first, *rest = CalamineWorkbook.from_filelike(io.BytesIO(body(response))).get_sheet_by_index(0).to_python()
    assert first == HEADER
    return rest


# --- one number everywhere --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("person", ["city_leader", "district_leader", "division_leader", "officer", "secretary"])
def test_every_number_in_every_basis_is_that_of_the_page_in_every_format(sign_in, town, api, person):
    client, user = sign_in(person), town.people[person]
    query = "metric=all&below=1"
    found = results(api(person, query))
    rows = csv_rows(client.get(f"{PAGE}?{query}&format=csv"))
    cells = xlsx_rows(client.get(f"{PAGE}?{query}&format=xlsx"))
    assert json.loads(body(client.get(f"{PAGE}?{query}&format=json")))["results"] == found
    asked = asked_of(QueryDict(query), user)
    released = selectors.for_reader(user, asked.units[0])
    shown = [released.own, *released.children, *([released.unassigned] if released.unassigned else [])]
    expected = [(numbers, key) for numbers in shown for key in asked.keys]
    assert len(found) == len(rows) == len(cells) == len(expected)
    for (numbers, (code, denominator, range)), line, row, cell in zip(expected, found, rows, cells, strict=True):
        value, hidden = numbers.value(code, denominator, range), numbers.is_hidden(code, denominator, range)
        assert (line["unit_code"], line["metric"], line["denominator"], line["range"]) == (
            numbers.unit.code, code, denominator, range,
        )  # fmt: skip
        assert line["hidden"] is hidden and (row["不显示"] == cell[12] == ("是" if hidden else "否"))
        if value is None:
            assert line["value"] is None and row["数值"] == "" == cell[8]
        else:
            assert line["value"] == float(value) == float(row["数值"]) == cell[8]
    assert any(line["value"] for line in found)


def test_small_cells_stay_hidden_from_the_leader_and_open_to_the_officer(town, api):
    query = f"organization={town.city.yuehai.code}&metric=registrations_submitted,members_distinct"
    hidden, _ = results(api("city_leader", query))
    assert (hidden["value"], hidden["hidden"]) == (None, True)
    own, _ = results(api("officer", query))
    assert (own["value"], own["hidden"]) == (3, False)


def test_past_days_keep_back_what_the_page_of_that_day_keeps_back():
    city = make.make_city()
    for unit, persons in ((city.yuehai, 3), (city.shahe, 20)):
        branch = make.make_branch(unit)
        for _ in range(persons):
            make.make_affiliation(make.make_member(), branch, kind=Affiliation.Kind.ACTIVITY)
    leader = make.make_user("leader", city.nanshan, username="past")
    refresh()
    yesterday = timezone.localdate() - timedelta(days=1)
    Snapshot.objects.update(as_of=yesterday)
    for _ in range(30):
        make.make_affiliation(make.make_member(), make.make_branch(city.yuehai), kind=Affiliation.Kind.ACTIVITY)
    refresh()
    query = QueryDict(f"metric=members_taken_in&below=1&from={yesterday}")
    found = {(line.unit.code, line.as_of): line for line in tidy.lines(leader, asked_of(query, leader))}
    assert found[city.shahe.code, yesterday].hidden  # else total − shown would tell the small one
    assert found[city.shahe.code, timezone.localdate()].value == 20
    for (code, day), line in found.items():
        page = selectors.for_reader(leader, line.unit, day)
        numbers = page.unassigned if line.is_unassigned else page.own
        assert line.value == numbers.value("members_taken_in"), code


def test_the_files_of_the_dashboard_hold_what_its_tables_show(sign_in, town):
    client, user, unit = sign_in("city_leader"), town.people["city_leader"], town.city.city
    context = client.get(reverse("reports:organization", args=[unit.code])).context
    released, basis = selectors.for_reader(user, unit), Basis()

    def shares(files: list[dict]) -> list[tuple[str, str]]:
        url = next(one["url"] for one in files if one["label"] == "CSV")
        return [
            (row["单位代码"], words.figure(_number(row), metrics.METRICS[row["指标代码"]].kind,
                                       hidden=row["不显示"] == "是"))
            for row in csv_rows(client.get(url))
        ]  # fmt: skip

    table = boards.children_table(released, basis)
    shown = [cell["text"] for row in [{"cells": table["own"]}, *table["rows"]] for cell in row["cells"]]
    assert [text for _, text in shares(context["table_files"])] == shown
    comparison = [text for row in context["comparison"] for text in (row["count"], *row["shares"])]
    assert [text for _, text in shares(context["comparison_files"])] == comparison
    code = ranking.chosen(unit, None)
    ranked = {line["name"]: line["texts"] for line in ranking.comparison(released, code, basis)}
    files = dict.fromkeys(ranked, ())
    for unit_code, text in shares(context["charts"]["rank"]["downloads"]):
        name = next((words.short(n.unit) for n in released.children if n.unit.code == unit_code), None)
        if name:
            files[name] += (text,)
    assert {name: list(texts) for name, texts in files.items() if texts} == {
        name: texts for name, texts in ranked.items() if name != selectors.UNASSIGNED_NAME
    }
    trend = client.get(reverse("reports:chart", args=["o", unit.code, "trend"])).json()
    newest = [text for _, text in shares(context["charts"]["trend"]["downloads"])]
    assert newest[-3:] == trend["table"]["rows"][0][1:]


def _number(row: dict):
    if row["数值"] == "":
        return None
    return Decimal(row["数值"]) if row["计量单位"] == "%" else int(row["数值"])


# --- who gets it ------------------------------------------------------------------------------------------------------


def test_a_unit_outside_the_scope_answers_like_a_missing_one(sign_in, town, api):
    far = town.city.futian.code
    for query in (f"organization={far}", "organization=NOSUCH", f"organization={town.city.yuehai.code},{far}",
                  f"division={town.city.divisions['futian'].code}"):  # fmt: skip
        response = api("district_leader", query)
        assert (response.status_code, response.json()) == (404, api("district_leader", "organization=NOSUCH").json())
        assert sign_in("district_leader").get(f"{PAGE}?{query}").status_code == 404


def test_administrators_and_strangers_are_refused(client, api, town):
    assert api("system").status_code == 403
    assert APIClient().get(API).status_code == 401
    assert client.get(PAGE).url.startswith(reverse("accounts:sign_in"))


def test_it_is_read_only(sign_in, town):
    """A session sends its token in the body: the parser is asked for before the method is refused."""
    client = sign_in("officer")
    client.get(PAGE)
    client.handler.enforce_csrf_checks = True
    sent = {"content_type": "application/x-www-form-urlencoded"}
    assert client.post(API, "x=1", **sent).status_code == 403
    assert client.post(API, f"csrfmiddlewaretoken={client.cookies['csrftoken'].value}", **sent).status_code == 405


def test_a_download_is_audited_and_an_unchanged_answer_is_not_made_again(sign_in, town):
    client = sign_in("city_leader")
    url = f"{PAGE}?metric=operating&format=csv"
    response = client.get(url)
    body(response)
    assert AuditEvent.objects.filter(act="reports.numbers.take", actor=town.people["city_leader"]).count() == 1
    assert response["Cache-Control"] == "private, no-cache" and "Cookie" in response["Vary"]
    again = client.get(url, headers={"If-None-Match": response["ETag"]})
    assert again.status_code == 304 and again["ETag"] == response["ETag"] and not again.content
    assert AuditEvent.objects.filter(act="reports.numbers.take").count() == 1


def test_the_tag_changes_with_numbers_question_and_scope(town, api):
    def tag(person, query=f"organization={town.city.yuehai.code}&metric=members_distinct"):
        return api(person, query)["ETag"]

    first = tag("city_leader")
    assert tag("city_leader") == first
    assert len({first, tag("officer"), tag("district_leader"), tag("city_leader", "metric=operating")}) == 4
    assert api("officer", f"organization={town.city.yuehai.code}&metric=members_distinct",
               **{"If-None-Match": first}).status_code == 200  # fmt: skip
    build.business(town.city.yuehai)
    refresh()
    assert tag("city_leader") != first


def test_the_tag_changes_when_a_child_is_renamed(town, api):
    query = f"organization={town.city.nanshan.code}&metric=operating&below=1"
    first = api("city_leader", query)["ETag"]
    type(town.city.yuehai).objects.filter(pk=town.city.yuehai.pk).change(name="改名后的指导站")
    assert api("city_leader", query)["ETag"] != first


# --- what is asked ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("metric=nix", "没有指标"),
        ("metric=operating@due", "口径"),
        ("metric=markets%23enterprises", "范围"),
        ("denominator=x", "口径"),
        ("below=maybe", "below"),
        ("unit=SZ", "不认识的参数"),
        ("as_of=2026-02-30", "日期"),
        ("as_of=2026-02-01&from=2026-01-01", "只用其中一种"),
        ("to=2026-02-01", "from"),
        ("from=2026-03-01&to=2026-02-01", "不能晚于"),
        ("format=pdf", "format"),
    ],
)
def test_bad_questions_get_a_sentence(api, query, said):
    response = api("city_leader", query)
    assert response.status_code == 400 and said in response.json()["detail"]


def test_the_page_tells_what_is_wrong_and_keeps_its_form(sign_in):
    response = sign_in("city_leader").get(f"{PAGE}?metric=operating&from=2026-03-01&to=2026-02-01")
    assert response.status_code == 400 and "不能晚于" in response.content.decode()
    assert "2026-03-01" in response.content.decode()


def test_too_much_at_once_is_refused_with_what_to_do(town, api, monkeypatch):
    monkeypatch.setattr(tidy, "MOST_LINES", 10)
    response = api("city_leader", "metric=all&below=1")
    assert response.status_code == 400 and "分几次取" in response.json()["detail"]
    monkeypatch.setattr(tidy, "MOST_DAYS_OF_PERSONS", 0)
    assert "涉及人数" in api("city_leader", "metric=members_distinct").json()["detail"]
    assert api("city_leader", "metric=operating").status_code == 200


def test_days_of_a_period_and_the_day_before_any(town, api):
    unit, newest = town.city.city, timezone.localdate()
    row = Snapshot.objects.get(organization=unit, as_of=newest, breakdown="", key="")
    for back in (1, 2):
        row.pk, row.as_of = None, newest - timedelta(days=back)
        row.save()
    cache.clear()
    found = results(api("city_leader", f"metric=operating&from={newest - timedelta(days=2)}&to={newest}"))
    assert [line["as_of"] for line in found] == [str(newest - timedelta(days=back)) for back in (2, 1, 0)]
    assert results(api("city_leader", "metric=operating&as_of=2020-01-01")) == []


def test_a_name_that_looks_like_a_formula_is_text(sign_in, town):
    type(town.city.shahe).objects.filter(pk=town.city.shahe.pk).change(name="=HYPERLINK(1)", short_name="")
    query = f"{PAGE}?organization={town.city.shahe.code}&metric=operating"
    client = sign_in("city_leader")
    assert csv_rows(client.get(f"{query}&format=csv"))[0]["单位名称"] == "'=HYPERLINK(1)"
    assert xlsx_rows(client.get(f"{query}&format=xlsx"))[0][1] == "'=HYPERLINK(1)"


def test_the_schema_names_the_address_and_its_parameters(town):
    client = APIClient()
    client.force_authenticate(town.people["city_leader"])
    schema = client.get("/api/v1/schema/?format=json").json()
    asked = schema["paths"]["/api/v1/numbers/"]["get"]
    assert {one["name"] for one in asked["parameters"]} >= {"organization", "metric", "from", "to", "format"}
    line = schema["components"]["schemas"]["Line"]["properties"]
    assert list(line) == [column.key for column in tidy.COLUMNS]


def test_the_query_a_link_carries_is_read_back_as_it_was_meant(town):
    unit = town.city.city
    asked = asked_of(QueryDict(query_of([unit], ["covered@due#enterprises", "operating@operating"], below=True)),
                     town.people["city_leader"])  # fmt: skip
    assert (asked.units, asked.below) == ((unit,), True)
    assert asked.keys == (("covered", "due", "enterprises"), ("operating", "operating", "all"))
