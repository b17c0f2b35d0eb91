"""Reads of batches. A batch is its owner's only."""

from dataclasses import dataclass

from django.db.models import Count, QuerySet

from tables.models import Batch, RowError


def own_batches(user) -> QuerySet[Batch]:
    return Batch.objects.filter(owner=user).select_related("job")


@dataclass(frozen=True)
class Reason:
    text: str
    column: str
    kind: str
    count: int


def reasons(batch: Batch, limit: int = 50) -> list[Reason]:
    """What is wrong, most frequent first. Reasons that name another row are one."""
    grouped = (
        batch.errors.exclude(kind=RowError.Kind.DUPLICATE)
        .values_list("kind", "column", "reason")
        .annotate(count=Count("pk"))
        .order_by("-count", "reason")[:limit]
    )
    found = [Reason(reason, column, kind, count) for kind, column, reason, count in grouped]
    doubled = batch.errors.filter(kind=RowError.Kind.DUPLICATE).count()
    if doubled:
        found.append(Reason("文件中前面已有同一个号码，以前一行为准", "", RowError.Kind.DUPLICATE, doubled))
    return found


def errors_page(batch: Batch, after: int, size: int, kind: str = "") -> tuple[list[RowError], bool]:
    """Errors after a row of the file in the file's order; whether more follow. A row is never cut in two."""
    errors = batch.errors.filter(row__gt=after).order_by("row", "id")
    if kind in RowError.Kind.values:
        errors = errors.filter(kind=kind)
    found = list(errors[: size + 1])
    if len(found) <= size:
        return found, False
    last = found[-1].row
    whole = [error for error in found if error.row < last]
    return whole or list(errors.filter(row=last)), True
