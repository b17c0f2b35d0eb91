"""Read access to computed numbers; small cells are kept back as on pages."""

from django_filters import rest_framework as filters
from rest_framework import serializers

from orgs.scoped import ScopedViewSet
from reports import metrics, releases, selectors
from reports.models import Snapshot
from reports.selectors import Numbers, Unit
from reports.withheld import Withheld


def unit_of(row: Snapshot) -> Unit:
    unit = row.organization or row.division
    assert unit is not None  # snapshot_of_exactly_one_unit
    return unit


class SnapshotSerializer(serializers.ModelSerializer):
    """`counts`: code[@denominator][#range] → number; `rates`: the bare rates, over 实体运营 (0–1, 4 places).

    null: nothing to divide by, not filled, or listed in `hidden` (a small cell about persons).
    """

    unit_code = serializers.SerializerMethodField(label="单位代码")
    counts = serializers.SerializerMethodField(label="计数")
    rates = serializers.SerializerMethodField(label="比率")
    hidden = serializers.SerializerMethodField(label="不显示的小数值")

    class Meta:
        model = Snapshot
        fields = [
            "id", "organization", "division", "unit_code", "as_of", "computed_at", "breakdown", "counts", "rates",
            "hidden",
        ]  # fmt: skip

    def _released(self, row: Snapshot) -> Numbers:
        """Worked out once a row, what a day withholds once an answer; kept with the request."""
        request = self.context["request"]
        if not hasattr(request, "released_rows"):
            request.released_rows, request.withheld_on = {}, {}
        rows, days = request.released_rows, request.withheld_on
        if row.pk not in rows:
            if row.as_of not in days:
                days[row.as_of] = Withheld(row.as_of)
            numbers = selectors.numbers(row, unit_of(row))
            rows[row.pk] = releases.release_one(request.user, numbers, days[row.as_of])
        return rows[row.pk]

    def get_unit_code(self, row: Snapshot) -> str:
        return unit_of(row).code

    def get_counts(self, row: Snapshot) -> dict[str, int | None]:
        return self._released(row).counts

    def get_rates(self, row: Snapshot) -> dict[str, float | None]:
        numbers = self._released(row)
        found = {}
        for metric in metrics.METRICS.values():
            if metric.kind == metrics.RATE:
                value = numbers.value(metric.code)
                found[metric.code] = float(value) if value is not None else None
        return found

    def get_hidden(self, row: Snapshot) -> list[str]:
        return sorted(self._released(row).hidden)


class SnapshotFilter(filters.FilterSet):
    as_of = filters.DateFilter(field_name="as_of", label="截至")
    breakdown = filters.ChoiceFilter(
        choices=[("own", "本单位"), (selectors.UNASSIGNED, "直属/待分派")],
        method="by_breakdown",
        label="own 或 unassigned",
    )

    class Meta:
        model = Snapshot
        fields = ["organization", "division", "as_of", "breakdown"]

    def by_breakdown(self, queryset, name: str, value: str):
        return queryset.filter(breakdown="" if value == "own" else value)


class SnapshotViewSet(ScopedViewSet):
    """统计快照：每个单位每天一份，数字含义见统计口径。"""

    permission = "reports.view_snapshot"
    queryset = Snapshot.objects.filter(breakdown__in=["", selectors.UNASSIGNED], key="").select_related(
        "organization__parent", "division__parent"
    )
    serializer_class = SnapshotSerializer
    filterset_class = SnapshotFilter
