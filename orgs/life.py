"""The life of an organization, and the ordered registers by which upper rooms take part in it.

Upper rooms register in AppConfig.ready():
  on_move(mover)           rows that copy ancestors of an organization follow it; one set-based UPDATE a table
  on_merge(merger)         what hangs on one organization goes over to another
  before_close(check)      a sentence why an organization cannot be closed now, or None
  describe_move(counts)    lines such as "党员 23 人" for the preview of a move, merge or closing
  detail_slot(title, …)    a fragment of another room on the organization's page, fetched by URL
  computed_about(model)    rows that were only computed about organizations: they go with one whose import is taken back
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db.models import Model

from orgs.fields import GuidancePlaced
from orgs.kinds import Level
from orgs.models import Organization, Posting


@dataclass(frozen=True)
class Move:
    """A sub-tree that has just been moved: `ids` are all its organizations, all under the given ancestors now.

    Rows keyed by (guidance_station, district_committee) of a guidance station that moved were carried by the database.
    """

    organization: Organization
    ids: tuple[int, ...]
    guidance_station_id: int | None
    district_committee_id: int | None
    by: Any


@dataclass(frozen=True)
class Merge:
    """`source` is about to be closed on `on` and merged into `target`."""

    source: Organization
    target: Organization
    on: date
    by: Any


@dataclass(frozen=True)
class Slot:
    title: str
    url_name: str
    permission: str


Mover = Callable[[Move], None]
Merger = Callable[[Merge], None]
Check = Callable[[Organization, date], str | None]
Counts = Callable[[Organization], list[str]]

_movers: list[Mover] = []
_mergers: list[Merger] = []
_checks: list[Check] = []
_counts: list[Counts] = []
_slots: list[Slot] = []
_computed: list[type[Model]] = []


def _add(register: list, entry) -> None:
    if entry not in register:
        register.append(entry)


def on_move(mover: Mover) -> Mover:
    """Called in the transaction of every move, after the tree was rewritten."""
    _add(_movers, mover)
    return mover


def on_merge(merger: Merger) -> Merger:
    """Called in the transaction of every merge, after the organizations below went over and before the closing.

    Where two guidance stations merge, their rows go over right after this: what may stand there only once is settled
    here.
    """
    _add(_mergers, merger)
    return merger


def before_close(check: Check) -> Check:
    """`check(organization, on)` gives a Chinese clause without a full stop ("还有 12 名在册党员") or None."""
    _add(_checks, check)
    return check


def describe_move(counts: Counts) -> Counts:
    """`counts(organization)` gives Chinese lines about what hangs on it and everything below; [] for nothing."""
    _add(_counts, counts)
    return counts


def detail_slot(title: str, url_name: str, permission: str) -> None:
    """A section of the organization's page: `reverse(url_name, args=[pk])` for those who hold `permission`."""
    _add(_slots, Slot(title, url_name, permission))


def computed_about(model: type[Model]) -> None:
    """A table with a key to organizations of which nothing is lost when it is computed anew."""
    _add(_computed, model)


def computed() -> tuple[type[Model], ...]:
    return tuple(_computed)


def slots() -> tuple[Slot, ...]:
    return tuple(_slots)


def run_movers(move: Move) -> None:
    for mover in _movers:
        mover(move)


def run_mergers(merge: Merge) -> None:
    for merger in _mergers:
        merger(merge)


def reasons_against_closing(organization: Organization, on: date) -> list[str]:
    reasons = []
    if below := Organization.objects.open().filter(parent=organization).count():
        reasons.append(f"下面还有 {below} 个组织，请先撤销、合并或调整到别的上级")
    if organization.level == Level.GUIDANCE_STATION:
        reasons += [f"名下还有{line}，请先划到别的指导站" for line in placed_lines(organization)]
    return reasons + [reason for check in _checks if (reason := check(organization, on))]


def consequences(organization: Organization) -> list[str]:
    """What a move, merge or closing of this organization touches, as lines with numbers."""
    lines = []
    if below := Organization.objects.open().within(organization).exclude(pk=organization.pk).count():
        lines.append(f"下级组织 {below} 个")
    subtree = Organization.objects.within(organization)
    if postings := Posting.objects.filter(organization__in=subtree, ends_on__isnull=True).count():
        lines.append(f"任职 {postings} 个")
    if organization.level == Level.GUIDANCE_STATION:
        lines += placed_lines(organization)
    return lines + [line for counts in _counts for line in counts(organization)]


def placed_models() -> list[type[GuidancePlaced]]:
    """Every table whose rows stand under a guidance station, found by the base class they share."""
    return [model for model in apps.get_models() if issubclass(model, GuidancePlaced)]


def placed_lines(guidance_station: Organization) -> list[str]:
    lines = []
    for model in placed_models():
        if count := model._default_manager.filter(guidance_station=guidance_station).count():
            told = told_persons(count, "条") if model.holds_persons else f" {count:,} 条"
            lines.append(f"{model._meta.verbose_name}{told}")
    return lines


def told_persons(count: int, unit: str) -> str:
    """How many persons hang on an organization, to follow a word; registrars see none of them, so few are not counted."""
    return f"不到 {settings.SMALL_CELL} {unit}" if count < settings.SMALL_CELL else f" {count:,} {unit}"


def carry_placed_rows(source: Organization, target: Organization) -> None:
    """All rows under one guidance station go to another; one statement a table."""
    for model in placed_models():
        model._default_manager.filter(guidance_station=source).update(
            guidance_station=target, district_committee=target.district_committee_id
        )
