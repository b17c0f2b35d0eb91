"""一次填报: the forms of one's scope, one form with its cells, and its filled months."""

from collections import Counter
from typing import Any

from django.contrib import messages
from django.db.models import Count, Max
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.views.generic import View

from accounts import audit
from members.pages import page_of
from orgs.scoped import ScopedMixin
from reports import form_books, form_filling, form_grid, form_words
from reports.filling_forms import FillForm
from reports.form_books import Book
from reports.models import FilledForm, FormBinding, MonthClosing, ReportForm
from tables.exports import TYPES, Mark, xlsx_pieces
from tables.workbooks import Refused, read_address
from tables.workbooks.look import Place

FETCHED = ("organization", "division", "uploaded_by")
FILL = "reports.fill_reportform"
CHANGE = "reports.change_reportform"
FILLED_SHOWN = 24
ASIDE = ("填的是", "数据截至")  # of the sources, on a phone


def crumbs(*more: dict) -> list[dict]:
    return [{"label": "一次填报", "url": reverse("reports:report_forms") if more else None}, *more]


def crumb_of(form: ReportForm) -> dict:
    return {"label": form.title, "url": form.get_absolute_url()}


def sheet_number(book: Book, text: str) -> int:
    """Which of the sheets that are shown an address means, from 1; 0 for what is none."""
    number = int(text) if text.isdecimal() and len(text) < 4 else 0
    return number if number <= len(book.shown) else 0


class FormMixin(ScopedMixin):
    model = ReportForm
    permission = "reports.view_reportform"
    kwargs: dict[str, Any]

    def get_queryset(self):
        return super().get_queryset().select_related(*FETCHED)

    def form_asked(self) -> ReportForm:
        return get_object_or_404(self.get_queryset(), pk=self.kwargs["pk"])


class ReportForms(FormMixin, View):
    """Every form of the own unit and the units below."""

    COLUMNS = ("报表名称", "填报单位", "来文单位", "已绑定", "最近填报", "状态")

    def get(self, request: HttpRequest) -> HttpResponse:
        rows = self.get_queryset().annotate(bound=Count("bindings"))
        page = page_of(request, rows, "pk", descending=True)
        newest = {row.form_id: row for row in self._filled(page.rows)}
        context = {
            "heading": "一次填报",
            "subtitle": "上级的报表上传一次、绑好格子，以后每月关账后自动填好，带数据来源",
            "breadcrumbs": crumbs(),
            "table": {
                "caption": "一次填报",
                "columns": [{"label": label} for label in self.COLUMNS],
                "rows": [
                    {"url": row.get_absolute_url(), "cells": self._cells(row, newest.get(row.pk))} for row in page.rows
                ],
            },
            "page": page,
            "total_text": f"共 {rows.count():,} 张",
            "may_add": request.user.has_perm("reports.add_reportform"),
            "empty_reason": "您的范围内还没有报表。有权限的岗位点“上传报表”，把上级要的 Excel 表传上来。",
        }
        return render(request, "reports/report_forms.html", context)

    @staticmethod
    def _filled(rows) -> list[FilledForm]:
        found = FilledForm.objects.filter(form__in=[row.pk for row in rows]).defer("sources")
        return list(found.order_by("form_id", "-month", "-edition").distinct("form_id"))

    @staticmethod
    def _cells(row: Any, filled: FilledForm | None) -> list[dict]:
        state = ("每月自动填", "ok") if row.bound else ("还没有绑定", "warn")
        if not row.is_active:
            state = ("已停用", "plain")
        return [
            {"text": row.title}, {"text": str(row.unit)}, {"text": row.asked_by or "—"},
            {"text": f"{row.bound} 格"}, {"text": f"{filled.month:%Y-%m}" if filled else "—"},
            {"text": state[0], "badge": state[1]},
        ]  # fmt: skip


class ReportFormPage(FormMixin, View):
    """A form: its sheets as tables whose cells can be bound, the bindings, the filled months."""

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        form = self.form_asked()
        bindings = list(form.bindings.select_related("organization", "division"))
        for binding in bindings:
            binding.form = form
        context: dict[str, Any] = {
            "heading": form.title,
            "breadcrumbs": crumbs({"label": form.title}),
            "report_form": form,
            "facts": self._facts(form, len(bindings)),
            "may_change": request.user.has_perm(CHANGE, form),
            "may_fill": request.user.has_perm(FILL, form),
            "filled": self._filled(form),
            "fill_form": self._fill_form(),
        }
        try:
            context |= self._sheet(form_books.book_of(form), bindings)
        except Refused as refused:
            context["lost"] = str(refused)
        return render(request, "reports/report_form.html", context)

    def _sheet(self, book: Book, bindings: list[FormBinding]) -> dict[str, Any]:
        index = sheet_number(book, self.request.GET.get("sheet", "")) or 1
        sheet = book.shown[index - 1]
        told = self._told(book, bindings)
        here: dict[Place, form_grid.Bound] = {
            (one.row, one.column): told[one] for one in bindings if one.sheet == sheet.name
        }
        counts = Counter(one.sheet for one in bindings)
        chosen = read_address(self.request.GET.get("cell", ""))
        return {
            "grid": form_grid.grid(sheet, here, chosen),
            "sheet": sheet,
            "sheet_number": index,
            "chosen": self.request.GET.get("cell", "") if chosen else "",
            "tabs": [
                {"label": one.name, "url": f"?sheet={at}", "current": one is sheet, "count": counts[one.name] or None}
                for at, one in enumerate(book.shown, 1)
            ],
            "troubles": [f"{one.sheet} {one.address}：{bound.problem}" for one, bound in told.items() if bound.problem],
            "closing": form_filling.newest_closing(),
            "is_locked": book.workbook.is_locked,
        }

    @staticmethod
    def _told(book: Book, bindings: list[FormBinding]) -> dict[FormBinding, form_grid.Bound]:
        """What would stand in each cell if the last closed month were filled now."""
        closing = form_filling.newest_closing()
        filler = form_filling.Filler(book, closing, bindings) if closing else None
        found = {}
        for binding in bindings:
            told = filler.told(binding) if filler else form_filling.Told(None, "")
            found[binding] = form_grid.Bound(form_words.bound_to(binding), told.shown, told.problem)
        return found

    @staticmethod
    def _filled(form: ReportForm) -> list[dict[str, Any]]:
        """The newest filled months; whether the month was closed again since."""
        rows = form.filled.select_related("closing", "filled_by").defer("sources", "closing__numbers")[:FILLED_SHOWN]
        months = MonthClosing.objects.filter(month__in=[row.month for row in rows])
        newest = dict(months.values_list("month").annotate(Max("revision")))
        return [{"row": row, "is_outdated": row.closing.revision < newest[row.month]} for row in rows]

    @staticmethod
    def _fill_form() -> FillForm:
        closing = form_filling.newest_closing()
        return FillForm(initial={"month": f"{closing.month:%Y-%m}"} if closing else None)

    @staticmethod
    def _facts(form: ReportForm, bound: int) -> list[tuple]:
        hidden = sum(sheet["hidden"] for sheet in form.sheets)
        return [
            ("填报单位", form.unit),
            ("来文单位", form.asked_by),
            ("已绑定", f"{bound} 格"),
            ("每月自动填报", "是" if form.is_active else "已停用"),
            (
                "原文件",
                f"{form.file_name}（{form.size / 1024:,.0f} KB{f'，隐藏的工作表 {hidden} 张' if hidden else ''}）",
            ),
            ("上传", f"{timezone.localtime(form.uploaded_at):%Y-%m-%d %H:%M} {form.uploaded_by or ''}"),
        ]


class ReportFormFile(FormMixin, View):
    """The form as it was uploaded. Written down before the first byte leaves."""

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        form = self.form_asked()
        return kept_file(request, form, form.file_name, "original")


# --- filled -----------------------------------------------------------------------------------------------------------


class FilledMixin(ScopedMixin):
    model = FilledForm
    permission = "reports.view_filledform"
    kwargs: dict[str, Any]

    def filled(self) -> FilledForm:
        rows = self.get_queryset().select_related("form__organization", "form__division", "closing", "filled_by")
        return get_object_or_404(rows.defer("closing__numbers"), pk=self.kwargs["pk"])


class FilledPage(FilledMixin, View):
    """One filled form: the file, its digest, and where each number comes from."""

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        filled = self.filled()
        newest = form_filling.newest_closing(filled.month)
        newer = filled.form.filled.filter(month=filled.month, edition__gt=filled.edition).order_by("edition").last()
        context = {
            "heading": f"{filled.form.title} {filled.month:%Y-%m}",
            "breadcrumbs": crumbs(crumb_of(filled.form), {"label": f"{filled.month:%Y-%m} 第{filled.edition}版"}),
            "filled": filled,
            "newer": newer,
            "later_closing": newest if newest and newest.pk != filled.closing_id and not newer else None,
            "hidden": sum(one["hidden"] for one in filled.sources),
            "sources": self._sources(filled),
            "facts": [
                ("填报单位", filled.form.unit),
                ("月份", f"{filled.month.year}年{filled.month.month}月"),
                ("数据", f"月度关账第 {filled.closing.revision} 版，截至 {filled.closing.as_of}"),
                ("版次", f"第 {filled.edition} 版"),
                ("填报", f"{timezone.localtime(filled.filled_at):%Y-%m-%d %H:%M} {filled.filled_by or '系统'}"),
                ("文件摘要（SHA-256）", filled.digest),
            ],
        }
        return render(request, "reports/filled_form.html", context)

    @staticmethod
    def _sources(filled: FilledForm) -> dict[str, Any]:
        """As in the file, without the definitions: those stand on the page 统计口径."""
        labels = ("格子", *form_filling.HEADER[2:-1])
        return {
            "caption": form_filling.SOURCES,
            "columns": [{"label": one, "numeric": one == "数值", "aside": one in ASIDE} for one in labels],
            "rows": [
                {"cells": [{"text": text} for text in (f"{sheet} {cell}", *more)]}
                for sheet, cell, *more, _ in form_filling.source_rows(filled.sources)
            ],
        }


class FilledFile(FilledMixin, View):
    """?part=form (the filled workbook) or sources (where its numbers come from, as a list)."""

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        filled = self.filled()
        name = f"{filled.form.title}-{filled.month:%Y%m}-{filled.edition:02d}"
        if request.GET.get("part") == "sources":
            rows = form_filling.source_rows(filled.sources)
            mark = Mark.by(request.user)
            content = b"".join(xlsx_pieces(form_filling.SOURCES, form_filling.HEADER, rows, mark))
            return download(request, filled, content, f"{mark.name(f'{name}-数据来源')}.xlsx", "sources")
        return kept_file(request, filled, f"{name}.xlsx", "form")


def kept_file(request: HttpRequest, row: ReportForm | FilledForm, name: str, part: str) -> HttpResponse:
    try:
        content = form_books.read(row.stored_as)
    except Refused as refused:
        messages.error(request, str(refused))
        return redirect(row)
    return download(request, row, content, name, part)


def download(request: HttpRequest, subject, content: bytes, name: str, part: str) -> HttpResponse:
    audit.record("reports.form.download", by=request.user, subjects=[subject], detail={"part": part})
    answer = HttpResponse(content, content_type=TYPES["xlsx"])
    answer["Content-Disposition"] = content_disposition_header(True, name) or ""
    answer["Cache-Control"] = "no-store"
    return answer
