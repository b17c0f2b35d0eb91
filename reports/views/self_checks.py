"""权限自检: the runs, a new one, one of them, and its paper. The security administrator's alone."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.views.generic import View

from members.pages import page_of
from members.qr import public_address
from orgs.scoped import DoorMixin, ScopedMixin
from reports import printing
from reports.models import SelfCheck
from reports.self_check import making, paper
from reports.self_check.content import WORDS
from reports.self_check.forms import SelfCheckForm

HEADING = "权限自检"
NO_PAPER = "自检时这台服务器不能生成 PDF；请用“打印页”打印，内容相同。"
BADGES = {"passed": "ok", "failed": "bad", "partly": "warn", "unchecked": "warn"}


def crumbs(label: str) -> list[dict]:
    return [{"label": HEADING, "url": reverse("reports:self_checks")}, {"label": label}]


class SelfCheckList(ScopedMixin, View):
    model = SelfCheck
    permission = "reports.view_selfcheck"
    COLUMNS = ("编号", "结论", "账号", "事由", "完成时间", "发起人")

    def get(self, request: HttpRequest) -> HttpResponse:
        rows = self.get_queryset().select_related("made_by").defer("content", "paper")
        page = page_of(request, rows, "pk", descending=True)
        context = {
            "heading": HEADING,
            "subtitle": "以所选账号的身份逐项核对：看得到的都在权限范围内，范围外的一行也打不开",
            "table": {
                "caption": HEADING,
                "columns": [{"label": label} for label in self.COLUMNS],
                "rows": [{"url": row.get_absolute_url(), "cells": self._cells(row)} for row in page.rows],
            },
            "page": page,
            "total_text": f"共 {rows.count():,} 次",
            "empty_reason": "还没有自检过。建议每季度、组织架构或授权有大的变动之后，各检查一次。",
            "empty_url": reverse("reports:self_check_new"), "empty_label": "开始自检",
        }  # fmt: skip
        return render(request, "reports/self_checks.html", context)

    @staticmethod
    def _cells(row: SelfCheck) -> list[dict]:
        return [
            {"text": row.number},
            {"text": row.get_verdict_display(), "badge": BADGES[row.verdict]},
            {"text": f"{len(row.accounts)} 个"},
            {"text": row.reason},
            {"text": f"{timezone.localtime(row.made_at):%Y-%m-%d %H:%M}"},
            {"text": str(row.made_by)},
        ]


class SelfCheckNew(DoorMixin, View):
    permission = making.MAKE

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._form(SelfCheckForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        form = SelfCheckForm(request.POST)
        if not form.is_valid():
            return self._form(form, 422)
        job = making.self_check_start(
            users=form.users, reason=form.cleaned_data["reason"], by=request.user, url=request.path,
            address=public_address(request, "/").rstrip("/"),
        )  # fmt: skip
        return redirect(job)

    def _form(self, form: SelfCheckForm, status: int = 200) -> HttpResponse:
        context = {
            "heading": "开始自检", "form": form, "submit_label": "开始自检", "breadcrumbs": crumbs("开始自检"),
            "cancel_url": reverse("reports:self_checks"),
            "intro": "在后台以每个账号的权限逐表计数、逐个地址访问，只读，不留下任何改动，也不会替本人登录。"
            "您只看得到计数和结论，看不到业务数据。每个账号约需一分钟，可随时取消。",
        }  # fmt: skip
        return render(self.request, "generic/form.html", context, status=status)


class SelfCheckMixin(ScopedMixin, View):
    model = SelfCheck
    permission = "reports.view_selfcheck"
    kwargs: dict[str, Any]

    def row(self) -> SelfCheck:
        return get_object_or_404(self.get_queryset().select_related("made_by"), pk=self.kwargs["pk"])


class SelfCheckPage(SelfCheckMixin):
    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = self.row()
        accounts = [
            part | {"kind": BADGES[part["verdict"]], "word": WORDS[part["verdict"]]} for part in row.content["accounts"]
        ]
        context = {
            "heading": f"{HEADING} {row.number}",
            "breadcrumbs": crumbs(row.number),
            "check": row,
            "content": row.content,
            "state": {"text": row.get_verdict_display(), "kind": BADGES[row.verdict]},
            "is_whole": printing.is_whole(row),
            "no_pdf": NO_PAPER if row.paper is None else "",
            "accounts": accounts,
            "chosen": self._chosen(request, accounts),
            "facts": [
                ("事由", row.reason),
                ("完成", f"{timezone.localtime(row.made_at):%Y-%m-%d %H:%M} {row.made_by}"),
                ("程序版本", row.content["version"]),
                ("核验码", printing.spoken_code(row.code)),
                ("摘要（SHA-256）", row.digest),
            ],
        }  # fmt: skip
        return render(request, "reports/self_check.html", context)

    @staticmethod
    def _chosen(request: HttpRequest, accounts: list[dict]) -> dict:
        """The account of ?account=2, else the first that did not pass, else the first."""
        number = request.GET.get("account", "")
        if number.isdecimal() and 0 < int(number[:6]) <= len(accounts):
            return accounts[int(number[:6]) - 1]
        return next((part for part in accounts if part["verdict"] != "passed"), accounts[0])


class SelfCheckFile(SelfCheckMixin):
    """The paper as PDF; ?format=print, and where no PDF can be made, as the page that a browser prints."""

    def get(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        row, wanted = self.row(), request.GET.get("format", "pdf")
        if wanted == "print":
            paper.record_taken(row, format="print", by=request.user)
            answer = HttpResponse(paper.html_of(row, on_screen=True, no_pdf="" if row.paper else NO_PAPER))
        else:
            if row.paper is None:
                messages.warning(request, NO_PAPER)
                return redirect(f"{request.path}?format=print")
            paper.record_taken(row, format="pdf", by=request.user)
            answer = HttpResponse(bytes(row.paper), content_type="application/pdf")
            name = f"权限自检-{row.number}.pdf"
            answer["Content-Disposition"] = content_disposition_header(True, name) or ""
        answer["Cache-Control"] = "private, no-store"
        return answer
