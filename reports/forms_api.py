"""Read access to forms with what their cells are bound to, and to filled forms with the source of every number."""

from django_filters import rest_framework as filters
from rest_framework import serializers

from orgs.scoped import ScopedViewSet
from reports import judging
from reports.models import FilledForm, FormBinding, ReportForm


class BindingSerializer(serializers.ModelSerializer):
    """`metric`: key of the registry, `code[@denominator][#range]`; without a unit it speaks of the form's own."""

    cell = serializers.CharField(source="address", read_only=True, label="格子")
    metric_name = serializers.SerializerMethodField(label="指标名称")

    class Meta:
        model = FormBinding
        fields = ["sheet", "cell", "what", "metric", "metric_name", "organization", "division", "text"]

    def get_metric_name(self, binding: FormBinding) -> str:
        return judging.label(binding.metric) if binding.metric else ""


class ReportFormSerializer(serializers.ModelSerializer):
    bindings = BindingSerializer(many=True, read_only=True, label="绑定")

    class Meta:
        model = ReportForm
        fields = [
            "id", "organization", "division", "title", "asked_by", "file_name", "digest", "sheets", "is_active",
            "uploaded_at", "bindings",
        ]  # fmt: skip


class ReportFormFilter(filters.FilterSet):
    class Meta:
        model = ReportForm
        fields = ["organization", "division", "is_active"]


class ReportFormViewSet(ScopedViewSet):
    """一次填报的报表模板：您的单位和下级的，带每一格的绑定。"""

    permission = "reports.view_reportform"
    queryset = ReportForm.objects.prefetch_related("bindings")
    serializer_class = ReportFormSerializer
    filterset_class = ReportFormFilter


class FilledFormSerializer(serializers.ModelSerializer):
    """`digest`: SHA-256 of the file. `sources`: of each cell its metric, 口径, unit, day and value; `hidden` where a small
    cell was kept back. `problems`: cells that were left empty, and why."""

    sources = serializers.JSONField(read_only=True, label="数据来源")
    problems = serializers.JSONField(read_only=True, label="没有填上的")
    as_of = serializers.DateField(source="closing.as_of", read_only=True, label="数据截至")
    revision = serializers.IntegerField(source="closing.revision", read_only=True, label="关账版次")

    class Meta:
        model = FilledForm
        fields = [
            "id", "form", "month", "edition", "as_of", "revision", "digest", "size", "filled_at", "sources", "problems",
        ]  # fmt: skip


class FilledFormFilter(filters.FilterSet):
    class Meta:
        model = FilledForm
        fields = ["form", "month"]


class FilledFormViewSet(ScopedViewSet):
    """填好的报表：您的单位和下级的，带每个数的来源。文件在页面上下载。"""

    permission = "reports.view_filledform"
    queryset = FilledForm.objects.select_related("closing").defer("closing__numbers")
    serializer_class = FilledFormSerializer
    filterset_class = FilledFormFilter
