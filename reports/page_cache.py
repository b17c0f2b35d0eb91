"""Finished dashboards, kept for readers of one scope while nothing they are made of has changed: the parts for all
processes, the whole page with its frame in each process, with holes for the name of whoever reads it.

The key names everything a part depends on: the postings that decide what a reader sees, the unit, the question, the day, the
settings that hide numbers and light goals, and a version that changes with the numbers, the closings, both lines of the tree,
the decisions about 对照 and the unit's goals.
So there is nothing to invalidate. The numbers' owner is the database: without the cache every page is made anew.
"""

import hashlib
import json
import re
import secrets
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.messages import get_messages
from django.core.cache import caches
from django.http import HttpRequest, HttpResponse, QueryDict
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.html import escape

from accounts.models import User
from accounts.prepared import Prepared
from orgs.doors import current_postings
from orgs.models import Division, Organization
from reports import caching, menu
from reports.selectors import Unit

KEPT_FOR = 600  # seconds: what the version cannot see (a new release of the code) is old no longer
ASKED = frozenset({"denominator", "range", "as_of", "against", "closed", "compare"})
# What of a page belongs to its reader; the marks are those of this process, so no text can hold one.
HOLES = {name: f"{name}-{secrets.token_hex(16)}" for name in ("user", "csrf_token", "opened_at")}
_HOLE = re.compile(f"({'|'.join(HOLES.values())})")

_VERSION = Prepared("dashboard_version", """
    SELECT (SELECT max(joined_at) FROM reports_lastcount), (SELECT max(id) FROM reports_snapshot),
           (SELECT max(id) FROM reports_monthclosing), (SELECT max(id) FROM orgs_organizationchange),
           (SELECT md5(string_agg(concat(g, p, m), '' ORDER BY g.id, m.id)) FROM reports_goal g
            JOIN reports_plan p ON p.id = g.plan_id LEFT JOIN reports_milestone m ON m.goal_id = g.id
            WHERE g.organization_id = $1::bigint),
           (SELECT md5(o::text) FROM orgs_organization o WHERE o.id = $1),
           (SELECT max(id) FROM reports_comparisonchoice),
           (SELECT md5(string_agg(concat_ws('|', d.code, d.name, d.parent_id, d.sort), ';' ORDER BY d.id))
            FROM orgs_division d WHERE d.level < $2::smallint OR d.id = $3::bigint)""", meets_persons=False)  # fmt: skip


def page(request: HttpRequest, unit: Unit, template: str, make: Callable[[], dict[str, Any]]) -> HttpResponse:
    """The page of `template` with the parts that `make` gives: kept, or made now. Addresses with anything else in them than
    a page asks are not kept."""
    if not set(request.GET) <= ASKED:
        return render(request, template, make())
    key = _key(request.user, unit, request.GET)

    def parts() -> dict[str, Any]:
        return caching.kept(_named(key), KEPT_FOR, make)

    if get_messages(request):  # told to one reader, once
        return render(request, template, parts())
    return HttpResponse(_filled(request, _framed(request, key, template, parts)))


def _framed(request: HttpRequest, key: list, template: str, parts: Callable[[], dict[str, Any]]) -> list[bytes]:
    """The whole page with holes for what is the reader's own, kept in this process: text, mark of a hole, text …"""
    near, asked = caches["near"], menu.asked(request, request.user)
    name = _named([key, asked.here, asked.waiting, menu.unit_name(request.user)])
    if (found := near.get(name)) is not None:
        return found
    anybody = User(name=HOLES["user"], duty=request.user.duty)
    text = render_to_string(template, {**parts(), **HOLES, "user": anybody}, request=request)
    pieces = [piece.encode() for piece in _HOLE.split(text)]
    near.set(name, pieces, KEPT_FOR)
    return pieces


def _filled(request: HttpRequest, pieces: list[bytes]) -> bytes:
    own = {"user": escape(request.user), "csrf_token": get_token(request), "opened_at": menu.now_told()}
    by_mark = {HOLES[name].encode(): value.encode() for name, value in own.items()}
    pieces[1::2] = [by_mark[mark] for mark in pieces[1::2]]
    return b"".join(pieces)


def _key(user, unit: Unit, query: QueryDict) -> list:
    pk, place = (unit.pk, None) if isinstance(unit, Organization) else (None, unit.pk)
    return [
        user.clearance,
        sorted(
            [one.role, one.organization_id or 0, one.division_id or 0, one.may_grant] for one in current_postings(user)
        ),
        [unit._meta.model_name, unit.pk],
        sorted(query.lists()),
        timezone.localdate(),
        [settings.SMALL_CELL, settings.GOAL_GREEN_WITHIN, settings.GOAL_AMBER_WITHIN],
        _VERSION.rows(pk, Division.Level.COMMUNITY.value, place),
    ]


def _named(parts: list) -> str:
    return "reports:dashboard:" + hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()
