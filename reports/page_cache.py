"""Finished parts of a dashboard, kept for readers of one scope while nothing they are made of has changed.

The key names everything a part depends on: the postings that decide what a reader sees, the unit, the question, the day, and
a version that changes with the numbers, the closings, both lines of the tree, the decisions about 对照 and the unit's goals.
So there is nothing to invalidate. The numbers' owner is the database: without the cache every page is made anew.
"""

import hashlib
import json
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db import connection
from django.http import QueryDict
from django.utils import timezone

from orgs.doors import current_postings
from orgs.models import Division, Organization
from reports import caching
from reports.selectors import Unit

KEPT_FOR = 600  # seconds: what the version cannot see (a new release of the code) is old no longer
ASKED = frozenset({"denominator", "range", "as_of", "against", "closed", "compare"})

_VERSION = """
    SELECT (SELECT max(joined_at) FROM reports_lastcount), (SELECT max(id) FROM reports_snapshot),
           (SELECT max(id) FROM reports_monthclosing), (SELECT max(id) FROM orgs_organizationchange),
           (SELECT md5(string_agg(concat(g, p, m), '' ORDER BY g.id, m.id)) FROM reports_goal g
            JOIN reports_plan p ON p.id = g.plan_id LEFT JOIN reports_milestone m ON m.goal_id = g.id
            WHERE g.organization_id = %s),
           (SELECT md5(o::text) FROM orgs_organization o WHERE o.id = %s),
           (SELECT max(id) FROM reports_comparisonchoice),
           (SELECT md5(string_agg(concat_ws('|', d.code, d.name, d.parent_id, d.sort), ';' ORDER BY d.id))
            FROM orgs_division d WHERE d.level < %s OR d.id = %s)"""


def kept(user, unit: Unit, query: QueryDict, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What `make` gives: kept, or made now. Addresses with anything else in them than a page asks are not kept."""
    if not set(query) <= ASKED:
        return make()
    return caching.kept(_key(user, unit, query), KEPT_FOR, make)


def _key(user, unit: Unit, query: QueryDict) -> str:
    pk, place = (unit.pk, None) if isinstance(unit, Organization) else (None, unit.pk)
    with connection.cursor() as cursor:
        cursor.execute(_VERSION, [pk, pk, Division.Level.COMMUNITY, place])
        version = cursor.fetchone()
    parts = [
        sorted([one.role, one.organization_id or 0, one.division_id or 0] for one in current_postings(user)),
        [unit._meta.model_name, unit.pk],
        sorted(query.items()),
        timezone.localdate(),
        settings.SMALL_CELL,
        version,
    ]
    return "reports:dashboard:" + hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()
