"""The demo's accounts: one for each persona with a password, and the officers whose names stand on old records."""

import secrets

from accounts.models import User
from demo.tree import Tree
from orgs.models import Organization, Posting

DISTRICT = "南山区"
GUIDANCE = "粤海指导站"
LEVELS = {1: "city", 2: "district", 3: "guidance_station", 4: "grassroots"}


def build_officers(tree: Tree, names) -> dict[int, User]:
    """An officer for each guidance station; without a password nobody can sign in as them."""
    officers = User.objects.bulk_create(
        [
            User(username=f"officer-{unit.code.lower()}", name=next(names), password="!")
            for unit in tree.guidance_stations
        ]
    )
    Posting.objects.bulk_create(
        [
            Posting(user=user, organization=unit, role="officer")
            for user, unit in zip(officers, tree.guidance_stations, strict=True)
        ]
    )
    return {unit.pk: user for unit, user in zip(tree.guidance_stations, officers, strict=True)}


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
