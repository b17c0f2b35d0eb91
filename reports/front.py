"""The leader's first page: what a unit's brief says in one sentence each, the leading tiles, and what is due."""

from dataclasses import dataclass

from django.urls import reverse

from orgs.kinds import Level
from orgs.models import Organization
from reports import brief, goal_progress, metrics, tiles, words
from reports.behind import PERMISSION
from reports.models import Evaluation, Goal, PrintedDocument
from reports.selectors import Numbers, Unit
from reports.words import Basis

RELEASE = "reports.release_evaluation"
DUES = (
    ("terms_overdue", "届满未换届", "bad"),
    ("terms_due_90", "90 天内届满", "warn"),
    ("registrations_overdue", "超期未办结的报到", "bad"),
)


@dataclass(frozen=True)
class Front:
    own: Numbers
    sentences: list[dict]  # {kind, word, name, value, why, where, url}
    standing: str
    tiles: list[dict]
    gaps: list[dict]  # {label, text, unit, url}
    dues: list[dict]  # {label, text, kind, url}
    papers: list[PrintedDocument]


def front_of(user, unit: Unit) -> Front | None:
    """None where nothing was counted yet."""
    found = brief.brief(user, unit, None, PERMISSION)
    if found is None:
        return None
    own = found.own
    lead = [tile for tile in tiles.groups(own, found.before, Basis())[0]["tiles"] if tile["lead"]]
    return Front(
        own, _sentences(found), found.standing, lead, [_gap(own, code) for code in brief.GAPS],
        [*(_due(own, *one) for one in DUES), *_lagging(user, unit), *_unreleased(user)], _papers(user, unit),
    )  # fmt: skip


def _sentences(found: brief.Brief) -> list[dict]:
    page = words.brief_page(found.own.unit)
    return [
        {
            "kind": kind, "word": word, "name": point.name, "value": point.value, "why": point.why,
            "where": _where(point), "url": f"{page}#{side}-{point.code}",
        }
        for side, kind, word, points in (("good", "ok", "好", found.good), ("bad", "warn", "要抓紧", found.bad))
        for point in points
    ]  # fmt: skip


def _where(point: brief.Point) -> str:
    """The part that did most of it, with who answers there; of a unit without parts who answers for it."""
    if not point.places:
        return point.who
    most = point.places[0]
    who = f"（{most.who}）" if most.who else ""
    return f"{most.name}{who} {most.share}"


def _gap(own: Numbers, code: str) -> dict:
    metric = metrics.METRICS[code]
    value = own.value(code)
    return {
        "label": metric.name, "text": words.shown(own, code, brief.BASIS), "unit": metric.unit if value else "",
        "url": words.rows_page(own.unit, code, brief.BASIS) if value else None,
    }  # fmt: skip


def _due(own: Numbers, code: str, label: str, kind: str) -> dict:
    value = own.value(code)
    text = words.shown(own, code, brief.BASIS)
    url = words.rows_page(own.unit, code, brief.BASIS) if value else None
    return {"label": label, "text": text, "kind": kind if value else "ok" if value == 0 else "plain", "url": url}


def _lagging(user, unit: Unit) -> list[dict]:
    """The running goals of the unit and the units below that lag behind their line: what the list behind it shows."""
    if not isinstance(unit, Organization):
        return []
    below = Organization.objects.within(unit)
    goals = Goal.objects.visible_to(user).filter(organization__in=below, closed_on=None, plan__closed_on=None)
    goals = list(goals.select_related("plan", "organization__parent").prefetch_related("milestones"))
    if not goals:
        return []
    behind = sum(line.light == goal_progress.RED for line in goal_progress.progress_many(goals))
    whose = (
        f"unit={unit.pk}&" if unit.level < Level.GRASSROOTS else ""
    )  # of a grassroots body all that it sees is its own
    url = f"{reverse('reports:goals')}?{whose}light={goal_progress.RED}"
    return [{"label": "落后的目标", "text": str(behind), "kind": "bad" if behind else "ok", "url": url}]


def _unreleased(user) -> list[dict]:
    """Sheets that wait for this leader's word."""
    waiting = Evaluation.objects.composed_by(user, RELEASE).filter(release=None)
    count = waiting.count()
    url = reverse("reports:evaluation", args=[waiting.get().pk]) if count == 1 else reverse("reports:evaluations")
    return [{"label": "待发布的评价", "text": str(count), "kind": "warn" if count else "ok", "url": url}]


def _papers(user, unit: Unit) -> list[PrintedDocument]:
    """The newest sheet and the newest monthly report of the unit."""
    place = {"organization" if isinstance(unit, Organization) else "division": unit}
    rows = PrintedDocument.objects.visible_to(user).filter(void=None, **place).defer("content")
    newest = (rows.filter(kind=kind).order_by("-period", "-edition").first() for kind in ("weekly", "monthly"))
    return [one for one in newest if one is not None]
