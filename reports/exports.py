"""Rows behind a number as a file: recorded with who, what for, which columns and how many."""

from collections.abc import Iterator

from django.db import transaction
from django.db.models import Model, QuerySet

from accounts import audit
from orgs.models import Organization
from reports.metrics import Metric
from reports.row_columns import columns_of
from reports.selectors import Unit
from tables.exports import export
from tables.listing import listing_of
from tables.models import Export
from tables.table import Column

MOST_ROWS = 100_000


class TooManyRows(ValueError):
    """The list is too long for one file; the message says what to do."""


@transaction.atomic
def rows_export(
    *, by, metric: Metric, unit: Unit, queryset: QuerySet, purpose: str, format: str, request=None
) -> Iterator[bytes]:
    """The bytes of a csv or xlsx of the rows behind `metric`. Raises TooManyRows."""
    number = queryset.count()
    if number > MOST_ROWS:
        raise TooManyRows(f"共 {number:,} 行，一次最多导出 {MOST_ROWS:,} 行。请到下级单位分别导出。")
    columns, related = _columns(queryset.model)
    labels = [column.label for column in columns]
    Export.objects.create(
        owner=by, table=metric.code, purpose=purpose, columns=labels, format=format, rows=number,
        query=request.GET.urlencode() if request is not None else "",
    )  # fmt: skip
    audit.record(
        "reports.rows.export", by=by, purpose=purpose, request=request,
        units=[unit.pk] if isinstance(unit, Organization) else [],
        detail={"metric": metric.code, "unit": unit.code, "rows": number, "columns": labels, "format": format},
    )  # fmt: skip
    found = queryset.prefetch_related(*related).order_by("pk")
    return export(metric.name, columns, found.iterator(chunk_size=2000), format)


def _columns(model: type[Model]) -> tuple[list[Column], tuple[str, ...]]:
    """What can be imported again, where rows like these have a list of their own; else what the page shows."""
    if (own := listing_of(model)) is not None:
        return own.table.exported(), own.related
    spec = columns_of(model)
    columns = [
        Column(f"c{index}", column.label, kind="integer" if column.numeric else "text", value=column.text)
        for index, column in enumerate(spec.columns)
    ]
    return columns, spec.related
