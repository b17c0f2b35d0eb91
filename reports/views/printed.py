"""月报 and 一页纸: the printed documents of one's scope, a new one, and each as page, PDF and spreadsheet."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.views.generic import View

from jobs.models import Job
from members.pages import page_of
from members.pdf import PdfUnavailable, why_no_pdf
from members.qr import public_address
from orgs.scoped import DoorMixin, ScopedMixin
from reports import monthly_making, papers, printed_making, printing, weekly, weekly_making
from reports.models import PrintedDocument
from reports.printed_forms import MonthlyForm, PrintedFilterForm, PrintForm, VoidForm
from tables.exports import TYPES

HEADING = "月报和一页纸"


def crumbs(*more: dict) -> list[dict]:
    return [{"label": HEADING, "url": reverse("reports:printed_list") if more else None}, *more]


def origin_of(document: PrintedDocument) -> str:
    """Where its numbers come from; a week's are never closed."""
    if document.kind == PrintedDocument.Kind.WEEKLY:
        return f"{document.as_of:%m-%d} 的统计"
    return f"关账第 {document.closing.revision} 版" if document.closing else "未关账"


def period_of(document: PrintedDocument) -> str:
    """2026-10, or the Monday of its week."""
    monthly = document.kind == PrintedDocument.Kind.MONTHLY
    return f"{document.period:%Y-%m}" if monthly else f"{document.period:%Y-%m-%d} 起一周"


class Filter:
    """What generic/list.html needs of a filter."""

    def __init__(self, form: PrintedFilterForm) -> None:
        self.form = form


class PrintedMixin(ScopedMixin):
    model = PrintedDocument
    permission = "reports.view_printeddocument"
    kwargs: dict[str, Any]

    def get_queryset(self):
        rows = super().get_queryset().defer("content")
        return rows.select_related("organization", "division", "made_by", "void__voided_by").defer("closing__numbers")

    def document(self) -> PrintedDocument:
        return get_object_or_404(self.get_queryset().defer(None).select_related("closing"), pk=self.kwargs["pk"])


class PrintedList(PrintedMixin, View):
    COLUMNS = ("名称", "月或周", "数据", "标识", "状态", "编号", "生成")

    def get(self, request: HttpRequest) -> HttpResponse:
        form = PrintedFilterForm(request.GET)
        rows = form.apply(self.get_queryset().select_related("closing").defer("content", "closing__numbers"))
        page = page_of(request, rows, "pk", descending=True)
        context = {
            "heading": HEADING,
            "subtitle": "每月 1 日出上月的月报，每周一出一页纸，市、各区、各指导站各一份；也可以随时出",
            "breadcrumbs": crumbs(),
            "filter": Filter(form),
            "table": {
                "caption": HEADING,
                "columns": [{"label": label} for label in self.COLUMNS],
                "rows": [{"url": row.get_absolute_url(), "cells": self._cells(row)} for row in page.rows],
            },
            "page": page,
            "total_text": f"共 {rows.count():,} 份",
            "may_print": request.user.has_perm(printed_making.PRINT),
            "empty_reason": "您的范围内还没有这样的报告。月报每月 1 日、一页纸每周一由系统生成；"
            "有权限的岗位也可以点“出月报”“出一页纸”。",
        }
        return render(request, "reports/printed_list.html", context)

    @staticmethod
    def _cells(row: PrintedDocument) -> list[dict]:
        word, kind, _ = papers.SPOKEN[printing.standing(row)]
        at = timezone.localtime(row.made_at)
        return [
            {"text": row.title},
            {"text": period_of(row)},
            {"text": origin_of(row)},
            {"text": row.get_classification_display()},
            {"text": word, "badge": kind},
            {"text": row.number},
            {"text": f"{at:%Y-%m-%d %H:%M} {row.made_by or '系统'}"},
        ]


class PrintedNew(DoorMixin, View):
    """Which unit and month; then a job, whose progress is shown."""

    permission = printed_making.PRINT
    form_class: type[PrintForm] = MonthlyForm
    heading = "出月报"
    intro = (
        "同一单位同一月份，数字没有变就还是原来那份；数字变了就另出一版，原来那份标为“已修订”。"
        f"涉及人数的数字小于 {settings.SMALL_CELL} 的，在任何单位的月报里都不显示。"
    )

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._form(self.form_class(user=request.user))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = self.form_class(request.POST, user=request.user)
        if not form.is_valid():
            return self._form(form, 422)
        data = form.cleaned_data
        return redirect(
            self.start(
                data,
                units=printed_making.units_for(request.user, form.unit, data["below"]),
                classification=data["classification"],
                address=public_address(request, "/").rstrip("/"),
                by=request.user,
                url=request.path,
            )  # fmt: skip
        )

    def start(self, data: dict, **asked) -> Job:
        return monthly_making.monthly_start(first=data["month"], **asked)

    def _form(self, form, status: int = 200) -> HttpResponse:
        context = {
            "heading": self.heading, "form": form, "submit_label": "生成", "intro": self.intro,
            "cancel_url": reverse("reports:printed_list"), "breadcrumbs": crumbs({"label": self.heading}),
        }  # fmt: skip
        return render(self.request, "generic/form.html", context, status=status)


class WeeklyNew(PrintedNew):
    """The sheet of this week, of the newest numbers."""

    form_class = PrintForm
    heading = "出一页纸"
    intro = (
        "出本周的一页纸，用最新的统计：三件好、三件差、从何时、谁负责、怎么办。系统每周一清晨已各出一份；"
        "之后数字变了再出，就是新的一版，原来那份标为“已修订”。"
    )

    def start(self, data: dict, **asked) -> Job:
        return weekly_making.weekly_start(monday=weekly.monday_of(timezone.localdate()), **asked)


class PrintedPage(PrintedMixin, View):
    """One document: what it is, whether it holds, and its files."""

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        document = self.document()
        return render(request, "reports/printed.html", self._context(request, document))

    def _context(self, request: HttpRequest, document: PrintedDocument) -> dict[str, Any]:
        standing = printing.standing(document)
        word, kind, sentence = papers.SPOKEN[standing]
        newer = PrintedDocument.objects.visible_to(request.user).superseding(document).filter(void=None)
        return {
            "heading": document.title,
            "breadcrumbs": crumbs({"label": document.number}),
            "document": document,
            "state": {"text": word, "kind": kind, "sentence": sentence},
            "void": getattr(document, "void", None),
            "newer": newer.defer("content").order_by("edition").last(),
            "later_closing": printing.later_closing(document),
            "is_whole": printing.is_whole(document),
            "no_pdf": why_no_pdf() if printing.kept_file(document, "pdf") is None else "",
            "has_book": papers.PAPERS[document.kind].book is not None,
            "summary": document.content.get("summary", []),
            "facts": self._facts(document),
            "may_void": standing != "void" and request.user.has_perm("reports.revoke_printeddocument", document),
        }

    @staticmethod
    def _facts(document: PrintedDocument) -> list[tuple]:
        file = document.files.filter(format="pdf").order_by("-pk").first()
        return [
            ("单位", document.unit),
            ("月份" if document.kind == PrintedDocument.Kind.MONTHLY else "周", period_of(document)),
            ("数据截至", f"{document.as_of:%Y-%m-%d}（{origin_of(document)}）"),
            ("标识", document.get_classification_display()),
            ("编号", document.number),
            ("版次", f"第 {document.edition} 版"),
            ("生成", f"{timezone.localtime(document.made_at):%Y-%m-%d %H:%M} {document.made_by or '系统'}"),
            ("核验码", printing.spoken_code(document.code)),
            ("摘要（SHA-256）", document.digest),
            ("PDF 文件摘要（SHA-256）", file.digest if file else None),
        ]


class PrintedPaper(PrintedMixin, View):
    """The page as it is printed; where no PDF can be made it stands in and says why."""

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        document = self.document()
        printing.record_taken(document=document, format="print", by=request.user)
        html = papers.html_of(document, on_screen=True, no_pdf=why_no_pdf(), standing=printing.standing(document))
        answer = HttpResponse(html)
        answer["Cache-Control"] = "private, no-store"
        return answer


class PrintedDownload(PrintedMixin, View):
    """?format=pdf or xlsx. Written down before the first byte leaves."""

    def get(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        document = self.document()
        format = request.GET.get("format", "pdf")
        if format == "pdf":
            try:
                content = printing.path_of(papers.pdf_of(document)).read_bytes()
            except PdfUnavailable as reason:
                messages.warning(request, str(reason))
                return redirect("reports:printed_paper", pk)
            kind = "application/pdf"
        elif format == "xlsx" and (made := papers.book_of(document)) is not None:
            content, kind = made, TYPES["xlsx"]
        else:
            raise Http404
        printing.record_taken(document=document, format=format, by=request.user)
        answer = HttpResponse(content, content_type=kind)
        name = f"{document.title}-{period_of(document)}-{document.edition:02d}.{format}"
        answer["Content-Disposition"] = content_disposition_header(True, name) or ""
        answer["Cache-Control"] = "no-store"
        return answer


class PrintedVoidAct(PrintedMixin, View):
    permission = "reports.revoke_printeddocument"

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self._page(self.document(), VoidForm())

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        document, form = self.document(), VoidForm(request.POST)
        if form.is_valid():
            try:
                printing.document_void(document=document, by=request.user, reason=form.cleaned_data["reason"])
            except printing.PrintRefused as problem:
                form.add_error("reason", str(problem))
            else:
                messages.success(request, "已作废。核验这份报告的人会看到“已作废”。")
                return redirect(document)
        return self._page(document, form, 422)

    def _page(self, document: PrintedDocument, form: VoidForm, status: int = 200) -> HttpResponse:
        context = {
            "heading": "作废报告", "form": form, "object_label": f"{document.title} {document.number}", "danger": True,
            "question": "作废后报告仍留在系统里，标明已作废和原因；扫码核验的人会看到“已作废”。作废不能取消。",
            "confirm_label": "作废", "cancel_url": document.get_absolute_url(),
            "breadcrumbs": crumbs({"label": document.number, "url": document.get_absolute_url()}, {"label": "作废"}),
        }  # fmt: skip
        return render(self.request, "generic/confirm.html", context, status=status)
