"""月度关账: what was closed, by whom, whether it is untouched; closing a month and revising one."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.generic import TemplateView, View

from orgs.scoped import DoorMixin
from reports import closing, late, words
from reports.behind import own_unit
from reports.closing_forms import CloseForm, ReviseForm
from reports.models import MonthClosing
from reports.services import CloseRefused, month_close
from reports.words import Basis


class Closings(DoorMixin, TemplateView):
    """Each closed month with its digest; a revision stands beside what it revises."""

    permission = "reports.view_monthclosing"
    template_name = "reports/closings.html"

    def get_context_data(self, **kwargs):
        rows = MonthClosing.objects.select_related("closed_by").defer("numbers")
        table = {
            "caption": "月度关账",
            "columns": [
                {"label": label}
                for label in ("月份", "版次", "数据截至", "关账时间", "关账人", "修订理由", "摘要（SHA-256）")
            ],
            "rows": [
                {
                    "url": reverse("reports:closing", args=[row.pk]),
                    "cells": [{"text": text} for text in self._cells(row)],
                }
                for row in rows
            ],
        }
        return super().get_context_data(
            heading="月度关账",
            subtitle="关账后的数字不再改变；要更正只能另出一版并写明理由。摘要用来核对数字没有被动过。",
            table=table,
            total_text=f"共 {len(table['rows'])} 版",
            close_url=reverse("reports:month_close") if closing.may_close(self.request.user) else "",
            empty_reason="还没有关过账。每月初由系统关上一个月的账；也可由市级登记人员在这里关账。",
            **kwargs,
        )

    @staticmethod
    def _cells(row: MonthClosing) -> list[str]:
        return [
            f"{row.month:%Y 年 %m 月}",
            f"第 {row.revision} 版",
            f"{row.as_of:%Y-%m-%d}",
            f"{timezone.localtime(row.closed_at):%Y-%m-%d %H:%M}",
            str(row.closed_by) if row.closed_by else "系统",
            row.reason or "—",
            f"{row.digest[:16]}…",
        ]


def _crumbs(label: str) -> list[dict]:
    return [{"label": "月度关账", "url": reverse("reports:closings")}, {"label": label}]


class Closing(DoorMixin, View):
    """One edition: its digest computed anew each time it is opened, what came late, the reader's own closed numbers."""

    permission = "reports.view_monthclosing"

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = MonthClosing.objects.select_related("closed_by").filter(pk=pk).first()
        if row is None:
            raise Http404
        unit = own_unit(request.user)
        newest = not MonthClosing.objects.filter(month=row.month, revision__gt=row.revision).exists()
        context: dict[str, Any] = {
            "heading": f"{row.month:%Y 年 %m 月}关账 · 第 {row.revision} 版",
            "breadcrumbs": _crumbs(f"{row.month:%Y-%m} 第 {row.revision} 版"),
            "row": row,
            "untouched": closing.is_untouched(row),
            "late": closing.late(row, request.user),
            "late_notes": late.notes(request.user, unit, row.as_of) if unit is not None else [],
            "newest": newest,
            "changed": closing.changed_since(row, unit) if unit is not None else None,
            "unit": unit,
            "numbers_url": words.unit_page(unit, Basis(as_of=row.as_of, closed=True)) if unit is not None else "",
            "revise_url": reverse("reports:closing_revise", args=[row.pk])
            if newest and closing.may_close(request.user)
            else "",
        }
        return render(request, "reports/closing.html", context)


class _CloseMixin(DoorMixin):
    permission = closing.CLOSE

    def dispatch(self, request, *args, **kwargs):
        if request.user.is_authenticated and not closing.may_close(request.user):
            raise PermissionDenied("关账和修订由市级登记人员办理，需要更正请报市级。")
        return super().dispatch(request, *args, **kwargs)


class CloseMonth(_CloseMixin, View):
    def get(self, request: HttpRequest) -> HttpResponse:
        return self._page(CloseForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        form = CloseForm(request.POST)
        if form.is_valid():
            month = form.cleaned_data["month"]
            if MonthClosing.objects.filter(month=month.replace(day=1)).exists():
                form.add_error("month", "这个月已经关账。要更正，请打开那一版，写明理由另出一版。")
            else:
                try:
                    row = month_close(month=month, by=request.user)
                except CloseRefused as refusal:
                    form.add_error("month", str(refusal))
                else:
                    messages.success(request, "已关账，数字从此不再改变。")
                    return redirect("reports:closing", row.pk)
        return self._page(form, 422)

    def _page(self, form: CloseForm, status: int = 200) -> HttpResponse:
        context = {
            "heading": "关账", "form": form, "submit_label": "关账", "cancel_url": reverse("reports:closings"),
            "intro": "把这个月最后一次统计固定下来，关账后不能撤销。每月初系统会自动关上一个月，漏关的在这里补关。",
            "breadcrumbs": _crumbs("关账"),
        }  # fmt: skip
        return render(self.request, "generic/form.html", context, status=status)


class ReviseMonth(_CloseMixin, View):
    def row(self) -> MonthClosing:
        """The newest edition of the month: an older one is revised already."""
        row = MonthClosing.objects.defer("numbers").filter(pk=self.kwargs["pk"]).first()
        if row is None or MonthClosing.objects.filter(month=row.month, revision__gt=row.revision).exists():
            raise Http404
        return row

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self._page(self.row(), ReviseForm())

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        row, form = self.row(), ReviseForm(request.POST)
        if form.is_valid():
            reason = form.cleaned_data["reason"]
            try:
                fresh = month_close(month=row.month, by=request.user, reason=reason, revises=row.revision)
            except CloseRefused as refusal:
                form.add_error("reason", str(refusal))
            else:
                messages.success(request, f"已出第 {fresh.revision} 版；原来的版次仍可查看。")
                return redirect("reports:closing", fresh.pk)
        return self._page(row, form, 422)

    def _page(self, row: MonthClosing, form: ReviseForm, status: int = 200) -> HttpResponse:
        context = {
            "heading": f"修订 {row.month:%Y 年 %m 月}的关账", "form": form, "submit_label": f"出第 {row.revision + 1} 版",
            "cancel_url": reverse("reports:closing", args=[row.pk]), "breadcrumbs": _crumbs("修订"),
            "intro": "新一版取这个月最后一天留下的统计，并标明关账以后补录的党组织；过去的日子不重新计算，第 "
            f"{row.revision} 版原样保留。",
        }  # fmt: skip
        return render(self.request, "generic/form.html", context, status=status)
