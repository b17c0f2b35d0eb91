"""Of persons a leader gets numbers only: by no list, search, export, API or page of the admin (docs/adr/0019).

Every address is walked with rows of the own unit: an officer there reads the persons in them, a leader does not.
"""

import re

import pytest
from django.test import Client
from django.urls import reverse

from accounts import wall
from orgs.doors import ROLE_PERMISSIONS
from reports.metrics import METRICS, is_personal
from tables.listing import exported_lists
from tests import factories as make
from tests.persona_rules import NOBODY, Page
from tests.persona_world import PLAIN
from tests.test_canaries import choosers
from tests.test_personas import RULED, ask, rule_of, values, world  # noqa: F401  `world` is a fixture
from tests.test_wall import WALLED

pytestmark = pytest.mark.django_db
MASKED = re.compile(rf"[欧何]\*|{PLAIN}|\*{{7}}\d{{4}}|尾号 \d{{4}}")  # the persons of the world, as pages show them
PERSONS = ("member", "registration", "waiting", "affiliation", "check_in", "seat", "transfer", "request")
LEADERS = pytest.mark.parametrize("persona", ["city_leader", "district_leader", "leader_here"])


@pytest.fixture(autouse=True)
def leader_here(world):  # noqa: F811
    """One whose whole unit is the guidance station that these persons belong to."""
    world.users["leader_here"] = make.make_user("leader", world.near.unit)
    world.clients["leader_here"] = Client(raise_request_exception=False)
    world.clients["leader_here"].force_login(world.users["leader_here"])


def persons_in(world, response) -> list[str]:  # noqa: F811
    """What an answer tells of persons: masked names and numbers, and keys of rows, which no other table has."""
    keys = "|".join(str(getattr(side, name).pk) for side in (world.near, world.far) for name in PERSONS)
    text = response.text_now if response.status_code < 400 else ""
    return MASKED.findall(text) + re.findall(rf"(?<![0-9A-Za-z])(?:{keys})(?![0-9A-Za-z])", text)


def walked(world, persona: str) -> dict[str, list[str]]:  # noqa: F811
    """Address → what it tells of persons, where it does."""
    found = {}
    for address in RULED:
        page = rule_of(address)
        if page is None or page.method != "get" or address.unnamed_route:
            continue
        given = values(world, persona, page, address, "near") if page.row else page.extra
        found[address.name] = persons_in(world, ask(world, persona, page, address.url(**given)))
    return {name: persons for name, persons in found.items() if persons}


def test_no_right_over_a_table_of_persons_is_a_leaders():
    persons = {model._meta.model_name for model in WALLED}
    assert {right for right in ROLE_PERMISSIONS["leader"] if right.partition("_")[2] in persons} == set()


@LEADERS
def test_no_address_shows_a_leader_a_person(world, persona):  # noqa: F811
    assert walked(world, persona) == {}


def test_the_same_walk_shows_an_officer_the_own_ones(world):  # noqa: F811
    """The control."""
    assert {
        "members:list", "members:detail", "stations:check_in_list", "api:member-list", "api:check-in-list",
        "admin:members_member_changelist", "admin:members_affiliation_changelist",
    } <= set(walked(world, "officer"))  # fmt: skip


@LEADERS
def test_every_number_of_persons_ends_at_counts(world, persona):  # noqa: F811
    for metric in METRICS:
        response = ask(world, persona, Page(NOBODY), reverse("reports:rows", args=[metric]))
        assert response.status_code in (200, 400) and persons_in(world, response) == [], metric
        if is_personal(metric) and response.status_code == 200:
            assert response.context["not_open"] and not response.context.get("exports"), metric


@LEADERS
def test_no_search_finds_a_person(world, persona):  # noqa: F811
    name = f"欧{PLAIN}"
    for url, sent in (
        (reverse("reports:search"), {"name": name}), (reverse("reports:search"), {"phone_tail": "8000"}),
        (reverse("members:list"), {"name": name}),
    ):  # fmt: skip
        assert ask(world, persona, Page(NOBODY, method="post", query=sent), url).status_code == 403
    page = ask(world, persona, Page(NOBODY, query={"q": "欧明"}), reverse("reports:search"))
    assert page.status_code == 200 and page.context["member_form"] is None and persons_in(world, page) == []
    for app, model, field in choosers():
        sent = {"app_label": app, "model_name": model, "field_name": field, "term": ""}
        assert persons_in(world, ask(world, persona, Page(NOBODY, query=sent), reverse("admin:autocomplete"))) == []


@LEADERS
def test_no_file_takes_a_person_out(world, persona):  # noqa: F811
    sent = {"purpose": "区级例会通报", "format": "csv"}
    page = Page(NOBODY, method="post", query=sent)
    answers = {
        one.name: ask(world, persona, page, reverse("lists:export", args=[one.name])) for one in exported_lists()
    }
    assert answers["member"].status_code == 403 and answers["business"].status_code == 200
    assert [name for name, answer in answers.items() if persons_in(world, answer)] == []


@LEADERS
def test_the_database_keeps_them_back_too(world, persona):  # noqa: F811
    for asking, finds in ((persona, False), ("officer", True)):
        with wall.as_user(world.users[asking]):
            assert any(model._base_manager.exists() for model in WALLED) is finds
