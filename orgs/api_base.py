"""What every viewset of the API has: cursor pages, filters that refuse what they do not know, answers in Chinese,
and the audit of answers that show persons."""

from collections.abc import Iterator
from typing import Any

from django.db import models
from django.forms import ModelChoiceField
from django.http import Http404
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import CursorPagination
from rest_framework.response import Response
from rest_framework.viewsets import ReadOnlyModelViewSet

from accounts import audit
from orgs.api_schema import ReadSchema

NOT_FOUND = "没有这条记录，或者它不在您的范围内。"


class NewestFirst(CursorPagination):
    """Pages by key (`results`, `next`, `previous`), newest row first; `page_size` up to 500."""

    ordering = "-id"
    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 500
    cursor_query_description = "翻页用的游标，取自上一次回答的 next 或 previous。"
    page_size_query_description = "每页行数，最多 500。"
    invalid_cursor_message = "游标无效：请从第一页重新取，不要自己拼写 cursor。"

    def decode_cursor(self, request):
        """The position is a key of ours: what is no bigint was made up, and the database would stumble over it."""
        cursor = super().decode_cursor(request)
        if cursor is not None and cursor.position is not None:
            is_key = len(cursor.position) < 20 and cursor.position.isascii() and cursor.position.isdecimal()
            if not is_key or int(cursor.position) > models.BigIntegerField.MAX_BIGINT:
                raise NotFound(self.invalid_cursor_message)
        return cursor

    def get_page_size(self, request):
        asked = request.query_params.get(self.page_size_query_param, "1")
        if not (asked.isascii() and asked.isdecimal() and asked.strip("0")):
            raise ValidationError({"detail": f"page_size 要是 1 到 {self.max_page_size} 的整数。"})
        return super().get_page_size(request)


def parameters(form) -> Iterator[str]:
    """The parameters that a filter form reads; a range has two, on_after and on_before."""
    for name, field in form.fields.items():
        suffixes = getattr(field.widget, "suffixes", None)
        yield from (f"{name}_{suffix}" for suffix in suffixes) if suffixes else (name,)


class StrictFilterBackend(DjangoFilterBackend):
    """django-filter that answers 400 to a parameter it does not know: a typo must not return everything.

    A row outside of the scope is no choice: its number answers like one that is nowhere.
    """

    def get_filterset(self, request, queryset, view):
        filterset = super().get_filterset(request, queryset, view)
        for field in filterset.form.fields.values() if filterset is not None else ():
            if isinstance(field, ModelChoiceField) and hasattr(field.queryset, "visible_to"):
                field.queryset = field.queryset.visible_to(request.user)
        return filterset

    def filter_queryset(self, request, queryset, view):
        filterset = self.get_filterset(request, queryset, view)
        known = set(parameters(filterset.form)) if filterset is not None else set()
        pages = view.paginator
        if pages is not None:
            known |= {pages.cursor_query_param, pages.page_size_query_param}
        unknown = sorted(set(request.query_params) - known - {"format"})
        if unknown:
            allowed = "、".join(sorted(known)) or "无"
            raise ValidationError({"detail": f"不认识的参数：{'、'.join(unknown)}。可用的参数：{allowed}。"})
        return super().filter_queryset(request, queryset, view)


class ChineseErrorsMixin:
    """A missing row and a row outside the scope get the same sentence."""

    def get_object(self):
        try:
            return super().get_object()  # type: ignore[misc]
        except Http404:
            raise NotFound(NOT_FOUND) from None


class PersonsAuditedMixin:
    """Records every answer that shows persons, with the ids of the members shown.

    `audit_act` is the base of the act ("members.member" gives "members.member.list" and ".read").
    """

    audit_act: str

    def shown_members(self, rows: list) -> list[int]:
        """The ids of the members in these rows; the default fits a table of members itself."""
        return [row.pk for row in rows]

    def _record(self, verb: str, rows: list) -> None:
        audit.record(
            f"{self.audit_act}.{verb}",
            by=self.request.user,  # type: ignore[attr-defined]
            subjects=self.shown_members(rows),
            subject_type="members.member",
            purpose="接口查询",
            detail={"rows": len(rows)},
        )

    def list(self: Any, request, *args, **kwargs) -> Response:
        rows = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        self._record("list", rows)
        return self.get_paginated_response(self.get_serializer(rows, many=True).data)

    def retrieve(self: Any, request, *args, **kwargs) -> Response:
        row = self.get_object()
        self._record("read", [row])
        return Response(self.get_serializer(row).data)


class ReadViewSet(ChineseErrorsMixin, ReadOnlyModelViewSet):
    schema = ReadSchema()
    pagination_class = NewestFirst
    filter_backends = [StrictFilterBackend]
