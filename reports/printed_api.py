"""Read access to printed documents: what was put on paper, and whether the paper holds."""

from typing import Any

from django_filters import rest_framework as filters
from rest_framework import serializers

from orgs.scoped import ScopedViewSet
from reports.models import PrintedDocument


class PrintedSerializer(serializers.ModelSerializer):
    """`standing`: valid, superseded by a later edition, or void. `digest`: SHA-256 of `content` (canonical JSON)."""

    standing = serializers.SerializerMethodField(label="状态")
    voided_at = serializers.DateTimeField(source="void.voided_at", read_only=True, default=None, allow_null=True)
    voided_because = serializers.CharField(source="void.reason", read_only=True, default=None, allow_null=True)

    class Meta:
        model = PrintedDocument
        fields = [
            "id", "kind", "organization", "division", "period", "edition", "as_of", "title", "number", "classification",
            "standing", "voided_at", "voided_because", "digest", "made_at",
        ]  # fmt: skip

    def get_standing(self, document: PrintedDocument) -> str:
        if hasattr(document, "void"):
            return "void"
        newer: Any = document
        return "superseded" if newer.has_newer else "valid"


class PrintedWholeSerializer(PrintedSerializer):
    """One document with all that it says."""

    class Meta(PrintedSerializer.Meta):
        fields = [*PrintedSerializer.Meta.fields, "content"]


class PrintedFilter(filters.FilterSet):
    class Meta:
        model = PrintedDocument
        fields = ["kind", "organization", "division", "period"]


class PrintedDocumentViewSet(ScopedViewSet):
    """月报和一页纸：您的单位和下级的；列表不带内容，取一份时带全部内容和摘要。"""

    permission = "reports.view_printeddocument"
    queryset = PrintedDocument.objects.with_newer().select_related("void")
    serializer_class = PrintedSerializer
    filterset_class = PrintedFilter

    def get_queryset(self):
        rows = super().get_queryset()
        return rows if self.action == "retrieve" else rows.defer("content")

    def get_serializer_class(self):
        return PrintedWholeSerializer if self.action == "retrieve" else PrintedSerializer
