"""The demo's accounts: one for each persona with a password, and those whose names stand on records and beside numbers."""

import secrets

from accounts.models import User
from demo.tree import Tree
from orgs.models import Organization, Posting

DISTRICT = "南山区"
GUIDANCE = "粤海指导站"
LEVELS = {1: "city", 2: "district", 3: "guidance_station", 4: "grassroots"}


def build_officers(tree: Tree, names) -> dict[int, User]:
    """An officer for each guidance station."""
    officers = _post("officer", tree.guidance_stations, names)
    return {unit.pk: user for unit, user in zip(tree.guidance_stations, officers, strict=True)}


def build_leaders(tree: Tree, names) -> None:
    """Of the districts that no persona leads: whose name stands beside a number that is theirs."""
    _post("leader", [one for one in tree.districts if not one.name.startswith(DISTRICT)], names)


def _post(role: str, units: list[Organization], names) -> list[User]:
    """One for each; without a password nobody can sign in as them."""
    users = User.objects.bulk_create(
        [User(username=f"{role}-{unit.code.lower()}", name=next(names), password="!") for unit in units]
    )
    Posting.objects.bulk_create(
        [Posting(user=user, organization=unit, role=role) for user, unit in zip(users, units, strict=True)]
    )
    return users


def build_personas(tree: Tree, branch: Organization, names) -> list[dict]:
    """The nine personas; returns what the launcher writes down so that a person or a script can sign in."""
    district = next(o for o in tree.districts if o.name.startswith(DISTRICT))
    unit = next(o for o in tree.guidance_stations if o.short_name == GUIDANCE)
    plan = [
        ("city_leader", "leader", tree.city), ("district_leader", "leader", district),
        ("registrar_city", "registrar", tree.city), ("registrar_district", "registrar", district),
        ("officer", "officer", unit), ("secretary", "secretary", branch), ("system_admin", "system", None),
        ("security_admin", "security", None), ("audit_admin", "audit", None),
    ]  # fmt: skip
    accounts = []
    for persona, role, place in plan:
        password = secrets.token_urlsafe(9)
        duty = role if place is None else User.Duty.STAFF
        user = User.objects.create_user(persona, password, name=next(names), duty=duty)
        if place is not None:
            Posting.objects.create(user=user, organization=place, role=role)
        accounts.append(
            {
                "persona": persona, "username": persona, "password": password, "role": role,
                "level": LEVELS[place.level] if place else "", "unit": place.name if place else "",
            }
        )  # fmt: skip
    return accounts
