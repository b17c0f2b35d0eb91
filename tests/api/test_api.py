"""The API as a whole: sign-in, cursor pages, strict filters, sentences in Chinese, the schema and its page."""

from base64 import b64encode
from io import StringIO
from urllib.parse import urlencode

import pytest
from django.core.management import call_command
from drf_spectacular.generators import SchemaGenerator

from accounts.models import AuditEvent
from config.api import router
from stations import services
from tests import factories as make
from tests.stations.conftest import make_person, notice, values  # noqa: F401

pytestmark = pytest.mark.django_db
ROUTES = [
    "organizations", "divisions", "businesses", "markets", "hand-overs", "members", "service-points", "check-ins",
    "snapshots", "goals", "evaluations", "printed-documents", "reported-figures", "report-forms", "filled-forms",
]  # fmt: skip


@pytest.fixture
def city():
    return make.make_city()


@pytest.fixture
def leader(city, client):
    """One who does an officer's work too: every route answers this person."""
    user = make.make_user("leader", city.city)
    user.postings.create(role="officer", organization=city.city)
    client.force_login(user)
    return user


def test_every_promised_route_is_there():
    assert {prefix for prefix, _, _ in router.registry} == set(ROUTES)


@pytest.mark.parametrize("route", ROUTES)
def test_route_answers_with_a_cursor_page(client, leader, route):
    response = client.get(f"/api/v1/{route}/")
    assert response.status_code == 200, response.content
    assert set(response.json()) == {"results", "next", "previous"}


@pytest.mark.parametrize("route", ROUTES)
def test_unknown_parameter_is_refused_in_chinese(client, leader, route):
    response = client.get(f"/api/v1/{route}/", {"naem": "x"})
    assert response.status_code == 400 and "不认识的参数：naem" in response.json()["detail"]


@pytest.mark.parametrize("route", ROUTES)
def test_missing_row_is_404_in_chinese(client, leader, route):
    response = client.get(f"/api/v1/{route}/99999999/")
    assert response.status_code == 404 and response.json()["detail"].startswith("没有这条记录")


@pytest.mark.parametrize("route", ROUTES)
def test_nobody_gets_in_without_signing_in(client, route):
    response = client.get(f"/api/v1/{route}/")
    assert response.status_code == 401 and response.json()["detail"]


@pytest.mark.parametrize("route", ROUTES)
def test_nothing_can_be_written(client, leader, route):
    assert client.post(f"/api/v1/{route}/", {}, content_type="application/json").status_code == 405


def test_pages_follow_each_other_and_show_every_row_once(client, leader, city):
    for _ in range(7):
        make.make_service_point(city.yuehai)
    url, seen = "/api/v1/service-points/?page_size=3", []
    while url:
        page = client.get(url).json()
        seen += [row["id"] for row in page["results"]]
        url = page["next"]
    assert len(seen) == 7 and seen == sorted(seen, reverse=True)


def test_page_size_has_an_upper_limit(client, leader, city):
    assert client.get("/api/v1/service-points/?page_size=100000").status_code == 200
    from orgs.api_base import NewestFirst

    assert NewestFirst.max_page_size == 500


@pytest.mark.parametrize("position", ["abc", "1.5", "-1", "٣", "9" * 19, "9" * 5000])
def test_cursor_with_a_made_up_position_is_refused(client, leader, position):
    cursor = b64encode(urlencode({"p": position}).encode()).decode()
    response = client.get("/api/v1/service-points/", {"cursor": cursor})
    assert response.status_code == 404 and "游标无效" in response.json()["detail"]


@pytest.mark.parametrize("size", ["0", "-1", "abc", "1.5", "٣", ""])
def test_page_size_that_is_no_number_of_rows_is_refused(client, leader, size):
    response = client.get("/api/v1/service-points/", {"page_size": size})
    assert response.status_code == 400 and "1 到 500" in response.json()["detail"]


def test_cursor_that_was_made_up_is_refused_in_chinese(client, leader):
    response = client.get("/api/v1/service-points/?cursor=x")
    assert response.status_code == 404 and "游标无效" in response.json()["detail"]


def test_wrong_choice_is_refused_in_chinese(client, leader):
    response = client.get("/api/v1/service-points/?kind=castle")
    assert response.status_code == 400 and "castle" in response.content.decode()


def test_check_ins_are_masked_scoped_and_audited(client, city, notice):  # noqa: F811
    rows = {}
    for unit, name in ((city.yuehai, "张三丰"), (city.lianhua, "周伯通")):
        person = make_person(unit, notice, name=name)
        rows[unit.pk], _ = services.check_in(member=person.member, place=make.make_service_point(unit), **values())
    client.force_login(make.make_user("officer", city.yuehai))
    body = client.get("/api/v1/check-ins/").json()
    assert [row["id"] for row in body["results"]] == [rows[city.yuehai.pk].pk]
    assert body["results"][0]["member_name"] == "张*"
    event = AuditEvent.objects.get(act="stations.check_in.list")
    assert event.subjects == [rows[city.yuehai.pk].member_id] and event.subject_type == "members.member"
    assert client.get(f"/api/v1/check-ins/{rows[city.lianhua.pk].pk}/").status_code == 404


def test_check_ins_by_day(client, leader, city, notice):  # noqa: F811
    person = make_person(city.yuehai, notice)
    row, _ = services.check_in(member=person.member, place=make.make_service_point(city.yuehai), **values())
    for since, count in ((row.on, 1), ("2999-01-01", 0)):
        assert len(client.get("/api/v1/check-ins/", {"on_after": since}).json()["results"]) == count


@pytest.mark.parametrize("address", ["businesses/0.5/", "nowhere/", "explain/organizations/?organization=a%00b"])
def test_an_address_that_is_nowhere_answers_in_json(client, leader, address):
    """A number with a point is no number of a row, and nothing of ours has a NUL in its code."""
    response = client.get(f"/api/v1/{address}")
    assert response.status_code == 404 and set(response.json()) == {"detail"}


def test_schema_has_no_warning(city):
    out = StringIO()
    call_command("spectacular", validate=True, fail_on_warn=True, stdout=out)
    assert all(f"/api/v1/{route}/" in out.getvalue() for route in ROUTES)


def test_schema_knows_refusals_and_empty_choices(city):
    schema = SchemaGenerator().get_schema(public=True)
    answers = schema["paths"]["/api/v1/businesses/"]["get"]["responses"]
    assert set(answers) == {"200", "400", "401", "403", "404", "429"}
    told = [set(each["responses"]) for path in schema["paths"].values() for each in path.values()]
    assert all("429" in codes for codes in told)  # a token that is refused too often, on whatever address
    token = schema["paths"]["/api/v1/token/"]["post"]["responses"]
    assert {"200", "400", "403", "429"} <= set(token)
    assert len(schema["paths"]["/api/v1/numbers/"]["get"]["responses"]["200"]["content"]) == 3  # JSON, csv, xlsx
    reason = schema["components"]["schemas"]["Business"]["properties"]["not_operating"]
    assert {"$ref": "#/components/schemas/BlankEnum"} in reason["oneOf"]


@pytest.mark.parametrize("path", ["/api/v1/schema/", "/api/v1/docs/"])
def test_schema_and_its_page_need_signing_in(client, leader, path):
    assert client.get(path).status_code == 200
    client.logout()
    assert client.get(path).status_code in (302, 401)


def test_docs_page_has_nothing_inline(client, leader):
    text = client.get("/api/v1/docs/").content.decode()
    assert "<style" not in text and "style=" not in text and "<script>" not in text
    assert client.get("/api/v1/docs/?script=").headers["Content-Type"].startswith("application/javascript")


@pytest.mark.django_db(transaction=True)
def test_docs_page_works_under_the_policy(live_server, page, client, city):
    client.force_login(make.make_user("leader", city.city))
    page.context.add_cookies(
        [{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}]
    )
    violations = []
    page.on("console", lambda message: violations.append(message.text) if "Content Security" in message.text else None)
    page.goto(f"{live_server.url}/api/v1/docs/")
    page.wait_for_selector(".opblock")
    assert page.locator(".opblock").count() >= 4 and violations == []
