"""The rows that make a difference, taken out as any list is."""

from dataclasses import dataclass

from django.db.models import QuerySet
from django.http import QueryDict
from django.urls import reverse

from reports import metrics
from reports.behind import GONE, RowsBehind, can_be_taken
from reports.explain_asked import asked
from reports.explaining import rows_of
from reports.row_columns import columns_of
from tables.listing import Unusable, listing_of, register_exportable


@dataclass(frozen=True)
class RowsOfDifference(RowsBehind):
    """With `only` those of one reason; without it all that differ."""

    act = "reports.explain"

    @property
    def name(self) -> str:
        return f"explain-{self.metric.code}"

    @property
    def title(self) -> str:
        return f"差异：{self.metric.name}"

    def url(self, query: QueryDict) -> str:
        return f"{reverse('reports:explain', args=[self.metric.code])}?{query.urlencode()}".rstrip("?")

    def to_export(self, query: QueryDict, user) -> QuerySet:
        try:
            found = asked(self.metric, query, user)
            if found is None or not found.open:
                raise Unusable(found.why_not if found is not None and found.why_not else GONE)
            rows = rows_of(found.counted_a, found.counted_b, query.get("only", "")).visible_to(user).order_by("pk")
        except metrics.UnknownMetric as refusal:
            raise Unusable(str(refusal)) from refusal
        own = listing_of(rows.model)
        return own.fetched(rows, user) if own else rows.prefetch_related(*columns_of(rows.model).related)


def name_of(metric: metrics.Metric) -> str | None:
    """Of the export of a metric's differences; None where its rows are persons."""
    return RowsOfDifference(metric).name if can_be_taken(metric) else None


def register() -> None:
    for metric in metrics.METRICS.values():
        if can_be_taken(metric):
            register_exportable(RowsOfDifference(metric))
