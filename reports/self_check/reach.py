"""How far an account's postings reach, worked out anew: by SQL over parents, never by the code that the doors use.

The doors read paths and ancestor columns; this walks `parent_id` from the posted units down. Both must agree.
"""

from collections.abc import Collection
from dataclasses import dataclass

from django.db import connection
from django.utils import timezone

from accounts.labels import Clearance, label_of
from accounts.models import User
from orgs.doors import DUTY_PERMISSIONS, ROLE_PERMISSIONS

_SQL = """
WITH RECURSIVE held AS (
    SELECT p.organization_id, p.division_id FROM orgs_posting p JOIN accounts_user u ON u.id = p.user_id
    WHERE u.id = %(user)s AND u.is_active AND u.duty = 'staff' AND u.clearance >= %(label)s AND p.role = ANY(%(roles)s)
      AND p.starts_on <= %(today)s AND (p.ends_on IS NULL OR p.ends_on > %(today)s)
), posted AS (
    SELECT o.id, o.level, o.parent_id, o.district_id, o.street_id
    FROM orgs_organization o WHERE o.id IN (SELECT organization_id FROM held)
), organizations AS (
    SELECT id FROM posted
    UNION SELECT o.id FROM orgs_organization o JOIN organizations b ON o.parent_id = b.id
), branches AS (
    SELECT id FROM posted WHERE level = 4
    UNION SELECT o.id FROM orgs_organization o JOIN branches b ON o.parent_id = b.id
), divisions AS (
    SELECT d.id FROM orgs_division d WHERE d.id IN (SELECT division_id FROM held)
    UNION SELECT d.id FROM orgs_division d JOIN divisions b ON d.parent_id = b.id
), near_divisions AS (
    SELECT id FROM divisions
    UNION SELECT CASE level WHEN 2 THEN district_id ELSE street_id END FROM posted WHERE level IN (2, 3)
    UNION SELECT d.id FROM orgs_division d JOIN near_divisions b ON d.parent_id = b.id
), near_organizations AS (
    SELECT id FROM organizations
    UNION SELECT o.id FROM orgs_organization o JOIN divisions d ON d.id IN (o.district_id, o.street_id)
), above AS (
    SELECT id, parent_id FROM posted
    UNION SELECT o.id, o.parent_id FROM orgs_organization o JOIN above b ON o.id = b.parent_id
)
SELECT EXISTS (SELECT FROM posted WHERE parent_id IS NULL)
        OR EXISTS (SELECT FROM held JOIN orgs_division d ON d.id = held.division_id WHERE d.parent_id IS NULL),
    ARRAY(SELECT id FROM posted), ARRAY(SELECT id FROM organizations), ARRAY(SELECT id FROM branches),
    ARRAY(SELECT id FROM divisions), ARRAY(SELECT id FROM near_divisions WHERE id IS NOT NULL),
    ARRAY(SELECT id FROM near_organizations), ARRAY(SELECT id FROM above)
"""
SETS = ("posted", "organizations", "branches", "divisions", "near_divisions", "near_organizations", "above")


@dataclass(frozen=True)
class Reach:
    """`everything`: a posting at the city. `sets`: ids of units by what they are to the account (see _SQL), as SQL arrays."""

    everything: bool
    sets: dict[str, str]
    is_empty: bool = False


def _array(ids: Collection[int]) -> str:
    return f"ARRAY[{', '.join(map(str, sorted(ids)))}]::bigint[]"


def roles_with(permission: str) -> list[str]:
    return [role for role, permissions in ROLE_PERMISSIONS.items() if permission in permissions]


def reach_of(user: User, permission: str = "") -> Reach:
    """As far as the account holds `permission` by its postings; without one: as far as it holds anything."""
    roles = roles_with(permission) if permission else list(ROLE_PERMISSIONS)
    with connection.cursor() as cursor:
        label = label_of(permission) if permission else Clearance.INTERNAL
        cursor.execute(
            _SQL, {"user": user.pk, "roles": roles, "label": int(label), "today": timezone.localdate().isoformat()}
        )
        everything, *found = cursor.fetchone()
    sets = {name: _array(ids) for name, ids in zip(SETS, found, strict=True)}
    nothing = not everything and not any(found)
    return Reach(everything, {"user": str(int(user.pk)), **sets}, nothing)


def holds_by_duty(user: User, permission: str) -> bool:
    return user.is_active and permission in DUTY_PERMISSIONS[user.duty]
