"""Which rows stand behind the number that an address asks for: for the page, and for taking all of them out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.apps import apps
from django.db.models import QuerySet
from django.http import QueryDict
from django.urls import reverse

from orgs.doors import postings_with
from orgs.models import Division, Organization
from reports import breakdowns, metrics, rows, selectors, words
from reports.row_columns import columns_of, shows_persons
from reports.sql import sources
from reports.words import Basis
from tables.listing import Unusable, listing_of, register_exportable
from tables.table import Column

PERMISSION, EXPORT_PERMISSION = selectors.SEE, "markets.export_business"
GONE = "这个数字现在没有您可以导出的名单。请回到看板重新打开。"


def unit_asked(query: QueryDict, user) -> selectors.Unit | None:
    """The unit that an address names, by default the reader's own; None where this reader may not see it."""
    for name, model in (("organization", Organization), ("division", Division)):
        if code := query.get(name):
            return model.objects.visible_to(user, PERMISSION).filter(code=code).first()
    return own_unit(user)


def own_unit(user) -> selectors.Unit | None:
    """The unit of the first posting from which numbers may be read."""
    return next((posting.unit for posting in postings_with(user, PERMISSION)), None)


def is_unassigned(query: QueryDict) -> bool:
    return query.get("part") == selectors.UNASSIGNED


def behind(
    metric: metrics.Metric, unit, basis: Basis, user, *, unassigned: bool = False, part: breakdowns.Part | None = None
) -> QuerySet:
    """The rows of a number; of a share, those of its numerator: its parts exclude each other.

    `user` None: without asking who reads, for counting only. A day without numbers of its own is read as the day
    whose numbers stand for it.
    """
    day = basis.as_of and (selectors.day_counted(unit, basis.as_of) or basis.as_of)
    asked: dict[str, Any] = {"range": basis.range, "as_of": day, "unassigned": unassigned, "part": part}
    read: Callable[..., QuerySet] = partial(rows.rows, user=user) if user is not None else rows.all_rows
    if metric.kind == metrics.COUNT:
        return read(metric.code, unit, denominator=basis.denominator, **asked)
    inside = metrics.DEFAULT_DENOMINATOR if metric.denominator else basis.denominator
    first, *others = (read(part, unit, denominator=inside, **asked) for part in metric.numerator.split("+"))
    for one in others:
        first = first | one
    return first


def model_of(metric: metrics.Metric):
    """What the rows behind a number are; None where there are none."""
    code = metric.numerator.split("+")[0] if metric.kind == metrics.RATE else metric.code
    source = metrics.METRICS[code].source
    return apps.get_model(sources.SOURCES[source].label) if source else None


@dataclass(frozen=True)
class RowsBehind:
    """The rows behind one number, taken out as any list is (tables/taking.py): however many there are."""

    metric: metrics.Metric

    export = EXPORT_PERMISSION
    act = "reports.rows"
    persons = False

    @property
    def name(self) -> str:
        return f"rows-{self.metric.code}"

    @property
    def title(self) -> str:
        return self.metric.name

    def url(self, query: QueryDict) -> str:
        return f"{reverse('reports:rows', args=[self.metric.code])}?{query.urlencode()}".rstrip("?")

    def columns(self, query: QueryDict, everything: bool) -> list[Column]:
        """What can be imported again, where rows like these have a list of their own; else what the page shows."""
        model = model_of(self.metric)
        if (own := listing_of(model)) is not None:
            return own.columns(query, everything)
        return [
            Column(f"c{index}", column.label, kind="integer" if column.numeric else "text", value=column.text)
            for index, column in enumerate(columns_of(model).columns)
        ]

    def to_export(self, query: QueryDict, user) -> QuerySet:
        unit = unit_asked(query, user)
        if unit is None:
            raise Unusable(GONE)
        try:
            basis = words.basis_of(query).fitting(self.metric)
            part = breakdowns.part_of(query)
            found = behind(self.metric, unit, basis, user, unassigned=is_unassigned(query), part=part)
        except (metrics.UnknownMetric, rows.RowsNotOpen) as refusal:
            raise Unusable(str(refusal)) from refusal
        found = found.order_by("pk")
        own = listing_of(found.model)
        return own.fetched(found, user) if own else found.prefetch_related(*columns_of(found.model).related)

    def look_up(self, rows: Sequence) -> None:
        if (own := listing_of(model_of(self.metric))) is not None:
            own.look_up(rows)


def can_be_taken(metric: metrics.Metric) -> bool:
    """Lists of persons are not taken out from here."""
    model = model_of(metric)
    return model is not None and not shows_persons(model)


def register() -> None:
    for metric in metrics.METRICS.values():
        if can_be_taken(metric):
            register_exportable(RowsBehind(metric))
