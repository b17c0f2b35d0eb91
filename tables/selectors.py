"""Reads of batches. A batch is its owner's only."""

from dataclasses import dataclass

from django.db.models import Count, F, Max, Q, QuerySet, Sum, Window
from django.db.models.functions import RowNumber

from tables.fixes import mark
from tables.mapping import columns_of, headers_of
from tables.models import Batch, BatchConflict, RowError, RowFix
from tables.readers import said
from tables.register import target

DOUBLED = "文件中前面已有同一个号码，以前一行为准"  # reasons that each name another row are shown as one
UNSEEN = "（个人信息，不显示）"
REASONS_SHOWN = 50
LOOKED_THROUGH = 20_000  # errors, for the first rows of each reason: a million would be sorted at every look


def own_batches(user) -> QuerySet[Batch]:
    return Batch.objects.filter(owner=user).select_related("job")


@dataclass(frozen=True)
class Reason:
    """Errors of one kind, column and reason: how many, the first of them, how many of them carry a suggestion."""

    text: str
    column: str
    kind: str
    count: int
    first: list[RowError]
    suggested: int = 0

    @property
    def group(self) -> str:
        return "" if self.kind == RowError.Kind.DUPLICATE else self.text


def reasons(batch: Batch, limit: int = REASONS_SHOWN, size: int = 5) -> list[Reason]:
    """What is wrong, most frequent first, each with its first `size` errors in the file's order.

    Only the first LOOKED_THROUGH are searched for these: a rare reason may show fewer, or none.
    """
    known = batch.errors.exclude(kind=RowError.Kind.DUPLICATE).order_by()
    grouped = list(
        known.values_list("kind", "column", "reason")
        .annotate(count=Count("pk"), suggested=Count("pk", filter=~Q(suggestion="")))
        .order_by("-count", "reason")[:limit]
    )
    place = Window(RowNumber(), partition_by=["kind", "column", "reason"], order_by=["row", "id"])
    ahead = known.order_by("row", "id")[:LOOKED_THROUGH]
    told = known.filter(pk__in=ahead.values("pk"), reason__in={reason for _, _, reason, *_ in grouped})
    first: dict[tuple, list[RowError]] = {}
    for error in told.annotate(place=place).filter(place__lte=size).order_by("row", "id"):
        first.setdefault((error.kind, error.column, error.reason), []).append(error)
    found = [
        Reason(reason, column, kind, count, first.get((kind, column, reason), []), suggested)
        for kind, column, reason, count, suggested in grouped
    ]
    doubled = errors_of(batch, RowError.Kind.DUPLICATE)
    if rows := doubled.order_by().aggregate(rows=Count("row", distinct=True))["rows"]:
        found.append(Reason(DOUBLED, "", RowError.Kind.DUPLICATE, rows, list(doubled[:size])))
    return found


def errors_of(batch: Batch, kind: str = "", column: str = "", reason: str = "") -> QuerySet[RowError]:
    """The batch's errors in the file's order; of one kind, column and reason where these are given."""
    errors = batch.errors.order_by("row", "id")
    if kind in RowError.Kind.values:
        errors = errors.filter(kind=kind)
    if reason:
        errors = errors.filter(column=column, reason=reason)
    return errors


def errors_page(errors: QuerySet[RowError], after: int, size: int) -> tuple[list[RowError], bool]:
    """Errors after a row of the file; whether more follow. A row is never cut in two."""
    errors = errors.filter(row__gt=after)
    found = list(errors[: size + 1])
    if len(found) <= size:
        return found, False
    last = found[-1].row
    whole = [error for error in found if error.row < last]
    return whole or list(errors.filter(row=last)), True


class Cells:
    """What the page may say about the cells of one batch."""

    def __init__(self, batch: Batch) -> None:
        self.batch, self.table = batch, target(batch.target).table
        self.columns = {name: self.table.by_key[key] for name, key in columns_of(batch).items()}
        self.columns |= {column.label: column for column in self.columns.values()}
        self.headings = {name for header in headers_of(batch) for name in header["names"]} | set(self.columns)

    def place(self, row: int) -> str:
        return said(self.batch.parts, row)

    def can_fix(self, column: str) -> bool:
        return column in self.headings

    def is_personal(self, column: str) -> bool:
        known = self.columns.get(column)
        return bool(known and known.personal)

    def choices(self, column: str) -> tuple[str, ...]:
        known = self.columns.get(column)
        return known.choices if known else ()

    def error(self, error: RowError, fixes: dict[tuple[int, str], RowFix]) -> dict:
        personal = self.is_personal(error.column)
        fixed = fixes.get((error.row, error.column))
        begin = fixed.value if fixed else error.suggestion or error.value
        return {
            "batch": self.batch,
            "error": error,
            "place": self.place(error.row),
            "value": UNSEEN if personal else error.value,
            "begin": "" if personal else begin or "",
            "can_fix": self.can_fix(error.column),
            "choices": self.choices(error.column),
            "fix": self.fix(fixed) if fixed else None,
            "left": fixes.get((error.row, "")),
        }

    def errors(self, errors: list[RowError]) -> list[dict]:
        rows = {error.row for error in errors}
        fixes = {(fix.row, fix.column): fix for fix in RowFix.objects.filter(batch=self.batch, row__in=rows)}
        return [self.error(error, fixes) for error in errors]

    def fix(self, fix: RowFix) -> dict:
        """A personal value is never shown back."""
        said = UNSEEN if self.is_personal(fix.column) else fix.value or "（空）"
        return {"pk": fix.pk, "place": self.place(fix.row), "column": fix.column, "value": said}


def repairs_shown(batch: Batch, cells: Cells, limit: int = 50) -> list[dict]:
    """Some cells that were read as what they must have meant, and rows that were skipped, in the file's order."""
    return [{"place": cells.place(repair.row), "repair": repair} for repair in batch.repairs.all()[:limit]]


@dataclass(frozen=True)
class FixesMade:
    """What was put right: the counts, some of each, and whether the check knows of it."""

    cells: int
    rows: int
    is_pending: bool
    shown: list[dict]


def fixes_made(batch: Batch, cells: Cells, limit: int = 50) -> FixesMade:
    told = batch.fixes.aggregate(cells=Count("pk", filter=~Q(column="")), all=Count("pk"), last=Max("pk"))
    shown = [cells.fix(fix) for fix in batch.fixes.order_by("row", "column")[:limit]]
    pending = batch.plan.get("mark", [0, 0, {}]) != mark(batch)
    return FixesMade(told["cells"], told["all"] - told["cells"], pending, shown)


def written(batch: Batch) -> tuple[int, int]:
    """How many records the batch made, and how many it changed."""
    made = batch.ranges.aggregate(made=Sum(F("last") - F("first") + 1))["made"] or 0
    return made, batch.changes.exclude(before=None).count()


def conflict_counts(batch: Batch) -> list[tuple[str, int]]:
    """Why records stayed when the batch was taken back, and how many."""
    counts = dict(batch.conflicts.order_by().values_list("kind").annotate(count=Count("pk")))
    return [(label, counts[kind]) for kind, label in BatchConflict.Kind.choices if kind in counts]


def conflicts_shown(batch: Batch, conflicts: list[BatchConflict], user) -> list[dict]:
    """The records that stayed, by name where the person may see them and they are no persons."""
    kind = target(batch.target)
    model = getattr(kind, "model", None)
    link = next((column.link for column in kind.table.columns if column.link), lambda record: "")
    known = model.objects.visible_to(user).in_bulk([each.record_id for each in conflicts]) if model else {}
    return [
        {
            "id": each.record_id,
            "name": str(known[each.record_id]) if each.record_id in known else f"编号 {each.record_id}",
            "url": link(known[each.record_id]) if each.record_id in known else "",
            "reason": each.get_kind_display(),
        }
        for each in conflicts
    ]
