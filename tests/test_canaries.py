"""Side doors: what is planted in another district is searched for where tests/test_personas.py does not look.

Asked by those who belong to one district: fragments, HEAD and OPTIONS; every filter, search, order and facet with a value
of the far district, whose answer must be that to a value that is nowhere; look-ups. What is left behind in the log and in
Redis is searched too. Writes: tests/test_canary_writes.py.
"""

import logging
import re
from types import SimpleNamespace

import pytest
import redis
from django.conf import settings
from django.contrib import admin
from django.db import transaction
from django.urls import reverse

from tests.persona_rules import NOBODY, Page
from tests.persona_world import FAR, FAR_NUMBER, FAR_PHONE, PLAIN
from tests.test_personas import (  # noqa: F401  `world` is a fixture
    NEAR_ONLY,
    RULED,
    SECRETS,
    admin_part,
    ask,
    leaks,
    rule_of,
    values,
    world,
)

pytestmark = pytest.mark.django_db
STAFF_OF_ONE = [persona for persona in NEAR_ONLY if not persona.endswith("_admin")]
HALF = FAR[:3]  # found by a search, and not itself a canary where a page repeats what was asked
NOWHERE = 69999  # as long as the numbers of the world
TOKENS = re.compile(r'(?<=name="form_token" value=")[^"]+')
WAYS: tuple[tuple[str, dict[str, str]], ...] = (
    ("get", {"HX-Request": "true"}), ("get", {"Accept": "application/json"}), ("head", {}), ("options", {}),
)  # fmt: skip
PLAIN_PAGES = [
    address
    for address in RULED
    if (page := rule_of(address)) is not None and not page.row and page.method == "get" and not address.unnamed_route
]


def turns(page: Page, address, thorough: tuple, brief: tuple) -> list[tuple[str, tuple]]:
    """Who asks a page in which ways: one in every way, the others, who are shown it by the same code, in the plainest.
    By the address's name somebody else is the one."""
    personas = sorted(page.who & set(STAFF_OF_ONE))
    one = sum(map(ord, address.name)) % max(len(personas), 1)
    return [(persona, thorough if number == one else brief) for number, persona in enumerate(personas)]


def asked(world, persona: str, method: str, url: str, sent=None, **headers):  # noqa: F811
    """One request; its effects are undone. The client holds one session for each persona."""
    with transaction.atomic():
        response = getattr(world.clients[persona], method)(url, sent or {}, headers=headers)
        response.text_now = TOKENS.sub("", SECRETS.sub("", b"".join(response).decode(errors="replace")))
        transaction.set_rollback(True)
    world.clients[persona].cookies.pop("messages", None)
    return response


def named(addresses):
    return {"argvalues": addresses, "ids": [address.name for address in addresses]}


# --- other ways of asking ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", **named(PLAIN_PAGES))
def test_fragments_heads_and_options_show_nothing_of_the_far_district(world, address):  # noqa: F811
    page, found = rule_of(address), []
    assert page is not None
    url = address.url(**page.extra)
    for persona, ways in turns(page, address, WAYS, WAYS[:1]):
        for method, headers in ways:
            response = asked(world, persona, method, url, page.query if method == "get" else None, **headers)
            found += [f"{persona} {method} {wrong}" for wrong in leaks(persona, response, page)]
            found += [f"{persona} {method} is {response.status_code}"] if response.status_code >= 500 else []
    assert not found, "; ".join(found)


# --- filters, searches, orders: an oracle would answer otherwise ----------------------------------------------------------


def far_keys(world) -> dict[str, str]:  # noqa: F811
    """By the word of a parameter: the far row whose number goes there."""
    far = world.far
    return {
        "organization": far.branch.pk, "branch": far.branch.pk, "guidance_station": far.unit.pk, "unit": far.unit.pk,
        "district_committee": far.district.pk, "district": far.unit.district_id, "street": far.unit.street_id,
        "division": far.division.pk if far.division else far.unit.district_id, "market": far.market.pk,
        "business": far.business.pk, "member": far.member.pk, "place": far.place.pk,
        "instructor": far.instructor.pk, "parent": far.unit.pk, "superior": far.branch.pk, "plan": far.plan.pk,
        "industry_area": far.industry_area.pk, "owner": far.officer.pk, "assigned_to": far.officer.pk,
        "batch": far.batch.pk, "to": far.district.pk, "client": far.intake_client.pk, "goal": far.goal.pk,
    }  # fmt: skip


def same_but_for(first: str, second: str, key, other) -> bool:
    def plain(text: str, value) -> str:
        return re.sub(rf"(?<!\d){value}(?!\d)", "KEY", text)

    return plain(first, key) == plain(second, other)


def filters_of(response) -> list[str]:
    """What a page's own filter form reads, and the columns that a list of the admin may be narrowed by."""
    context = getattr(response, "context", None) or {}
    found = set()
    for name in ("filter", "form", "filterset"):
        one = context.get(name) if hasattr(context, "get") else None
        form = getattr(one, "form", one)
        found |= set(getattr(form, "fields", ()))
    changelist = context.get("cl") if hasattr(context, "get") else None
    if changelist is not None:
        found |= {f"{one.name}__id__exact" for one in changelist.opts.concrete_fields if one.remote_field}
    return sorted(found)


@pytest.mark.parametrize("address", **named(PLAIN_PAGES))
def test_a_far_value_in_a_filter_answers_like_one_that_is_nowhere(world, address):  # noqa: F811
    page, keys, found = rule_of(address), far_keys(world), []
    assert page is not None
    url = address.url(**page.extra)
    for persona in sorted(page.who & set(STAFF_OF_ONE)):
        shown = asked(world, persona, "get", url, page.query)
        names = set(filters_of(shown)) | {name for name in keys if f'name="{name}"' in shown.text_now}
        if address.name.startswith("api:"):
            names |= set(api_parameters(world, persona, url))
        for name in sorted(names):
            word = name.split("__")[0]
            if word not in keys or f'value="{keys[word]}"' in shown.text_now:
                continue  # divisions are public facts: their lists offer all of them
            far, nowhere = (
                asked(world, persona, "get", url, {**page.query, name: key}) for key in (keys[word], NOWHERE)
            )
            found += [f"{persona} ?{name} {wrong}" for wrong in leaks(persona, far, page)]
            if far.status_code != nowhere.status_code or not same_but_for(
                far.text_now, nowhere.text_now, keys[word], NOWHERE
            ):
                found.append(f"{persona} ?{name}: {far.status_code}, for a row that is nowhere {nowhere.status_code}")
            if far.headers.get("ETag") != nowhere.headers.get("ETag") and far.status_code == 200 == nowhere.status_code:
                found.append(f"{persona} ?{name}: the tags differ")
    assert not found, "; ".join(found)


def api_parameters(world, persona: str, url: str) -> list[str]:  # noqa: F811
    refused = asked(world, persona, "get", url, {"no_such_parameter": "1"})
    return re.findall(r"[a-z_]+", refused.text_now.split("可用的参数")[-1]) if refused.status_code == 400 else []


SEARCHES = ({"q": HALF}, {"search": HALF}, {"name": HALF}, {"term": HALF}, {"q": "yfjsq"}, {"q": FAR_PHONE[-4:]},
            {"phone_tail": FAR_PHONE[-4:]}, {"q": HALF, "_facets": "1"}, {"o": "1"}, {"ordering": "name"},
            {"e": "1"}, {"all": ""})  # fmt: skip


@pytest.mark.parametrize("address", **named(PLAIN_PAGES))
def test_no_search_order_or_facet_finds_the_far_district(world, address):  # noqa: F811
    page, found = rule_of(address), []
    assert page is not None
    url = address.url(**page.extra)
    for persona, queries in turns(page, address, SEARCHES, SEARCHES[:3]):
        for query in queries:
            response = asked(world, persona, "get", url, {**page.query, **query})
            text = response.text_now
            for value in query.values():  # what was asked is repeated by the page, and only that
                text = text.replace(value, "") if value else text
            told = SimpleNamespace(text_now=text, headers={} if "yfjsq" in query.values() else response.headers)
            told.headers = {key: value for key, value in dict(told.headers).items() if key != "Location"}
            found += [f"{persona} {query} {wrong}" for wrong in leaks(persona, told, page)]
            found += [f"{persona} {query} is {response.status_code}"] if response.status_code >= 500 else []
    assert not found, "; ".join(found)


def test_a_search_from_anywhere_in_the_product_finds_it_where_one_may(world):  # noqa: F811
    """The control: the same search by the city shows the canary."""
    shown = asked(world, "city_leader", "get", reverse("reports:search"), {"q": HALF})
    assert FAR in shown.text_now


def choosers() -> list[tuple[str, str, str]]:
    """Every foreign key of the admin, whether it has a search box today or not."""
    return [
        (one._meta.app_label, one._meta.model_name, field.name)
        for one in admin.site._registry
        for field in one._meta.get_fields()
        if field.concrete and field.remote_field
    ]


@pytest.mark.parametrize("persona", STAFF_OF_ONE)
def test_no_chooser_offers_a_far_row(world, persona):  # noqa: F811
    found, answered = [], 0
    for app, model, field in choosers():
        for term in ("", HALF):
            sent = {"app_label": app, "model_name": model, "field_name": field, "term": term}
            response = asked(world, persona, "get", reverse("admin:autocomplete"), sent)
            answered += response.status_code == 200
            found += [f"{sent} {wrong}" for wrong in leaks(persona, response, Page(NOBODY))]
            found += [f"{sent} is {response.status_code}"] if response.status_code >= 500 else []
    assert not found, found
    assert answered or persona == "secretary"


# --- what is left behind ----------------------------------------------------------------------------------------------------


def test_neither_the_log_nor_redis_keeps_anybody(world, caplog):  # noqa: F811
    caplog.set_level(logging.DEBUG, logger="")
    for address in PLAIN_PAGES:
        page = rule_of(address)
        assert page is not None
        for persona in page.who & {"officer", "city_leader", "secretary"}:
            ask(world, persona, page, address.url(**page.extra))
    client = world.clients["officer"]
    for pk in (world.near.member.pk, world.far.member.pk):
        client.post(
            reverse("members:member_reveal", args=[pk]), {"fields_wanted": ["name", "phone"], "purpose": "核实报到"}
        )
    client.post(reverse("members:list"), {"name": f"欧{PLAIN}"})
    secrets = (PLAIN, FAR_NUMBER, FAR_PHONE, "13800138000", "13900139000")
    told = [r.getMessage() for r in caplog.records if not r.name.startswith("django.db")]
    assert told and not [line for line in told if any(secret in line for secret in secrets)]
    with redis.Redis.from_url(settings.REDIS_URL) as store:
        for key in store.scan_iter():
            kept = repr(key) + repr(store.dump(key))
            assert not any(secret in kept or repr(secret.encode())[2:-1] in kept for secret in secrets), key
