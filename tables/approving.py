"""A second person's word on exports above the row limit.

Who asks says what for; another person with the same right over the same units lets it go or refuses. They see the purpose,
the columns, the filter and the number of rows, never a row. A word that nobody speaks within three days is no word.
"""

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Max, QuerySet
from django.forms import Field, ModelChoiceField
from django.http import QueryDict
from django.utils import timezone

from accounts import audit
from accounts.own_words import says_something
from tables import taking
from tables.listing import Exportable, Listing, exportable
from tables.models import Export, ExportApproval
from tables.register import Cannot

DAYS = 3
LATELY = timedelta(days=1)
MOST_WAITING = 500
MOST_PERSONS = 5_000
Reach = Callable[[Any, Any, str], bool]
_reaches: list[Reach] = []


def tell_reach(reach: Reach) -> None:
    """Register who knows whether the right of one person covers every unit where another holds it."""
    _reaches.append(reach)


def limit_of(what: Exportable) -> int:
    """How many rows leave on one person's word: of persons no more than some thousands, whatever is set."""
    return min(settings.EXPORT_APPROVAL_ROWS, MOST_PERSONS) if what.persons else settings.EXPORT_APPROVAL_ROWS


def taken_lately(by, what: Exportable, query: str) -> int:
    """Rows of this list that left within a day on this person's own word by other filters, each filter once: a list that is
    taken out in parts is one list, and the same file taken again is one file."""
    alone = Export.objects.filter(
        owner=by, table=what.name, approval__isnull=True, created_at__gt=timezone.now() - LATELY
    )
    parts = alone.exclude(query=query).order_by().values("query").annotate(most=Max("rows"))
    return sum(part["most"] for part in parts)


def is_needed(count: int, what: Exportable, lately: int) -> bool:
    """`lately`: taken_lately of the same."""
    return count > 0 and count + lately > limit_of(what)


def may_decide(user, kept: Export) -> bool:
    what = exportable(kept.table)
    return (
        what is not None
        and kept.owner_id != user.pk
        and user.has_perm(what.export)
        and any(reach(user, kept.owner, what.export) for reach in _reaches)
    )


def open_approvals() -> QuerySet[ExportApproval]:
    return ExportApproval.objects.filter(granted__isnull=True, expires_at__gt=timezone.now()).select_related(
        "export__owner", "decided_by"
    )


def waiting_for(user) -> list[ExportApproval]:
    """What this person may decide now, the oldest first."""
    return [each for each in open_approvals().order_by("pk")[:MOST_WAITING] if may_decide(user, each.export)]


def decided_by(user) -> QuerySet[ExportApproval]:
    return ExportApproval.objects.filter(decided_by=user).select_related("export__owner").order_by("-decided_at")


def filter_in_words(kept: Export, what: Exportable) -> list[tuple[str, str]]:
    """The filter as (label, value), of a list that has one; else as its address says it."""
    query = QueryDict(kept.query)
    if not isinstance(what, Listing):
        return [(name, "、".join(query.getlist(name))) for name in query]
    form = what.filter(query, kept.owner).form
    form.is_valid()
    return [
        (str(field.label or name), _shown(field, form.cleaned_data.get(name)))
        for name, field in form.fields.items()
        if query.get(name)
    ]


def _shown(field: Field, value: Any) -> str:
    if isinstance(value, Iterable) and not isinstance(value, str):
        return "、".join(_shown(field, each) for each in value)
    if value is True:
        return "是"
    known = {} if isinstance(field, ModelChoiceField) else dict(getattr(field, "choices", ()))
    return str(known.get(value, value))


@transaction.atomic
def export_ask(*, by, what: Exportable, query: QueryDict, chosen: dict, count: int) -> ExportApproval:
    """Ask for an export above the limit. It begins when another person has let it go."""
    kept = taking.keep(by, what, query, chosen)
    asked = ExportApproval.objects.create(
        export=kept, asked_by=by, counted=count, expires_at=timezone.now() + timedelta(days=DAYS)
    )
    _record(asked, what, "export_ask", by)
    return asked


@transaction.atomic
def export_grant(*, approval: ExportApproval, by) -> ExportApproval:
    """Let it go: the job starts, for the one who asked. Raises Cannot."""
    decided, what = _decide(approval, by, granted=True, reason="")
    taking.start(decided.export, what)
    _record(decided, what, "export_grant", by)
    return decided


@transaction.atomic
def export_refuse(*, approval: ExportApproval, by, reason: str) -> ExportApproval:
    """Raises Cannot."""
    decided, what = _decide(approval, by, granted=False, reason=reason.strip())
    _record(decided, what, "export_refuse", by)
    return decided


def _decide(approval: ExportApproval, by, *, granted: bool, reason: str) -> tuple[ExportApproval, Exportable]:
    decided = open_approvals().select_for_update(of=("self",)).filter(pk=approval.pk).first()
    if decided is None:
        raise Cannot("这次导出已经有人办理，或已超过期限。")
    what = exportable(decided.export.table)
    if what is None or not may_decide(by, decided.export):
        raise Cannot("您现在不能批准这次导出：不能批准自己的，也不能批准您的岗位管不到的。")
    if not granted and not says_something(reason):
        raise Cannot("请写明不批准的原因，申请人会看到。")
    decided.granted, decided.reason, decided.decided_by, decided.decided_at = granted, reason, by, timezone.now()
    decided.save(update_fields=["granted", "reason", "decided_by", "decided_at"])
    return decided, what


def _record(asked: ExportApproval, what: Exportable, act: str, by) -> None:
    kept = asked.export
    audit.record(
        f"{what.act}.{act}", by=by, subjects=[kept], purpose=kept.purpose,
        detail={"rows": asked.counted, "columns": kept.columns, "format": kept.format},
    )  # fmt: skip
