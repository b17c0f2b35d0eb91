"""Every address of the product, walked by every persona. A new one joins by a rule, or is listed as public, or fails.

What is asked of each address: the right personas and no others get in; a row of another district answers like a missing
row, word for word; nobody of one district reads a string planted in the other; no page shows a person's full name.
"""

import re
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse

from reports.metrics import METRICS
from reports.self_check.addresses import Address, addresses, admin_table, is_bare_admin_row
from tests import persona_world
from tests.persona_rules import EXPORTS, MISSING, NOBODY, OWN, PAGES, PUBLIC, TABLES, Page
from tests.persona_world import FAR, FAR_MARKS, FAR_NUMBER, FAR_PHONE, PERSONAS, PLAIN

pytestmark = pytest.mark.django_db
NEAR_ONLY = ("district_leader", "registrar_district", "officer", "secretary", "system_admin", "audit_admin")
SECRETS = re.compile(r'(csrfmiddlewaretoken" value="|X-CSRFToken": ")[^"]+')


def admin_part(name: str) -> tuple[str, str] | None:
    return None if name in PAGES else admin_table(name)


def rule_of(address: Address) -> Page | None:
    if address.unnamed_route == "admin/(?P<url>.*)$":
        return PAGES["admin:catch_all"]
    part = admin_part(address.name)
    if part is None:
        return PAGES.get(address.name)
    table, view = TABLES.get(part[0]), part[1]
    if table is None:
        return None
    who = {"add": table.add, "delete": NOBODY}.get(view, table.view)
    if view in ("changelist", "add"):
        return Page(who)
    return Page(who - table.without_rows, table.row, everywhere=table.everywhere)


ALL = [address for address in addresses() if not is_bare_admin_row(address)]


@pytest.fixture(scope="module")
def world(django_db_setup, django_db_blocker) -> Iterator[SimpleNamespace]:
    with django_db_blocker.unblock(), transaction.atomic():
        world = persona_world.build()
        world.clients = {}
        for persona, user in world.users.items():
            world.clients[persona] = Client(raise_request_exception=False)
            if user is not None:
                world.clients[persona].force_login(user)
        yield world
        transaction.set_rollback(True)


def ask(world, persona: str, page: Page, url: str) -> Any:
    """One request, whose effects are undone."""
    with transaction.atomic():
        response = getattr(world.clients[persona], page.method)(url, page.query)
        response.text_now = SECRETS.sub("", b"".join(response).decode(errors="replace"))
        transaction.set_rollback(True)
    world.clients[persona].cookies.pop("messages", None)  # a message would be shown by the next answer
    return response


def values(world, persona: str, page: Page, address: Address, side: str) -> dict:
    """What stands in the address for the near row, the far row, or a row that is nowhere."""
    if side == "missing":
        key = MISSING[page.key]
    else:
        key = getattr(row_of(world, persona, page, side), page.key)
    free = [name for name in address.parameters if name not in page.extra]
    return {**page.extra, **dict.fromkeys(free, key)}


def row_of(world, persona: str, page: Page, side: str) -> Any:
    if not page.row.startswith(OWN):
        return getattr(getattr(world, side), page.row)
    name = page.row.removeprefix(OWN)
    owned = world.near.own[name]
    return getattr(world.far, name) if side == "far" else owned.get(persona, getattr(world.far, name))


def test_every_address_has_a_rule_or_is_public():
    unknown = sorted(a.unnamed_route or a.name for a in ALL if a.name not in PUBLIC and rule_of(a) is None)
    assert unknown == [], "new addresses: add them to tests/persona_rules.py"


def test_every_rule_is_about_an_address_that_exists():
    names = {address.name for address in ALL} | {"admin:catch_all"}
    tables = {part[0] for address in ALL if (part := admin_part(address.name))}
    assert set(PAGES) - names == set() and PUBLIC - names == set() and set(TABLES) - tables == set()


def is_sign_in(response) -> bool:
    to_page = response.status_code == 302 and "/sign-in/" in response.url or "/login/" in getattr(response, "url", "")
    return to_page or response.status_code == 401


def leaks(persona: str, response, page: Page) -> list[str]:
    found = []
    told = response.text_now + str(dict(response.headers))
    if persona in NEAR_ONLY and (mark := FAR_MARKS.search(told)):
        found.append(f"shows the far district: {mark[0]}")
    if FAR_NUMBER in told or FAR_PHONE in told:
        found.append("shows a number of somebody's")
    if persona == "security_admin" and FAR in response.text_now:
        found.append("shows business data")
    if PLAIN in response.text_now and not page.shows_names:
        found.append("shows a full name")
    return found


def problems(world, persona: str, page: Page, address: Address) -> list[str]:
    has_row = bool(page.row)
    near = ask(world, persona, page, address.url(**values(world, persona, page, address, "near")) if has_row
               else address.url(**page.extra))  # fmt: skip
    found = leaks(persona, near, page)
    if persona == "anonymous":
        return found + ([] if is_sign_in(near) else [f"anonymous got {near.status_code}"])
    if persona not in page.who:
        # in the admin a row that is not found may be answered by a redirect to the index, before the right is asked
        refused = (
            (302, 403, 404) if address.name.startswith("admin:") and has_row else (403, 404) if has_row else (403,)
        )
        return found + ([] if near.status_code in refused else [f"without the right got {near.status_code}"])
    if near.status_code not in page.ok:
        found.append(f"with the right got {near.status_code}")
    return found + (far_problems(world, persona, page, address) if has_row else [])


def far_problems(world, persona: str, page: Page, address: Address) -> list[str]:
    far, missing = (
        ask(world, persona, page, address.url(**values(world, persona, page, address, side)))
        for side in ("far", "missing")
    )
    found = leaks(persona, far, page)
    hides_rows = not page.who <= page.everywhere  # where everybody sees every row, Django's redirect says nothing
    if missing.status_code != 404 and hides_rows:
        found.append(f"a missing row is {missing.status_code}")
    if persona in page.everywhere:
        return found + ([] if far.status_code in page.ok else [f"the far row is {far.status_code}"])
    if (far.status_code, far.text_now) != (missing.status_code, missing.text_now):
        found.append(f"the far row is {far.status_code} and not like a missing one")
    return found


RULED = [address for address in ALL if address.name not in PUBLIC and rule_of(address) is not None]


@pytest.mark.parametrize("address", RULED, ids=lambda address: address.unnamed_route or address.name)
def test_address_answers_every_persona_as_the_rule_says(world, address):
    page = rule_of(address)
    assert page is not None
    if address.unnamed_route:
        address = SimpleNamespace(
            name="admin:catch_all", parameters=address.parameters, url=lambda **given: f"/admin/{given['url']}/"
        )  # type: ignore[assignment]
    found = [f"{persona} {wrong}" for persona in PERSONAS for wrong in problems(world, persona, page, address)]
    assert not found, "; ".join(found)


@pytest.mark.parametrize("persona", ["district_leader", "registrar_district", "officer", "secretary"])
def test_rows_behind_every_number_stay_in_the_own_district(world, persona):
    page, found = Page(NOBODY), []
    for metric in METRICS:
        url = reverse("reports:rows", args=[metric])
        response = ask(world, persona, page, url)
        found += [f"{metric} {wrong}" for wrong in leaks(persona, response, page)]
        found += [f"{metric} is {response.status_code}"] if response.status_code >= 500 else []
    assert not found, "; ".join(found)


@pytest.mark.parametrize(("name", "parameters", "sent", "who"), EXPORTS, ids=[export[0] for export in EXPORTS])
def test_file_that_leaves_holds_only_the_own_district(world, name, parameters, sent, who):
    page = Page(NOBODY, method="post", query=sent)
    for persona in who:
        response = ask(world, persona, page, reverse(name, kwargs=parameters))
        assert (response.status_code, response.headers["Content-Type"].split(";")[0]) == (200, "text/csv"), persona
        assert leaks(persona, response, page) == [] and len(response.text_now.splitlines()) == 2, response.text_now


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_public_address_shows_no_person_and_never_breaks(world, name):
    address = next(address for address in ALL if address.name == name)
    known = {
        "code": world.near.receipt,
        "name": "code",
        "pk": world.near.screen.pk,
        "version": world.near.notice.version,
    }
    if name == "members:poster":
        known["code"] = world.near.poster.code
    for given in (known, {**MISSING, "name": "code", "version": "no"}):
        response = ask(world, "anonymous", Page(NOBODY), address.url(**given))
        assert response.status_code < 500 and PLAIN not in response.text_now and FAR not in response.text_now
