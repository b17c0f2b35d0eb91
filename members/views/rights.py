"""Requests of persons about their own data (PIPL Art. 44–50): what is open, taking one down at the window, answering."""

import io
import json
import zipfile

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.views.generic import View

from members import services
from members.copies import OWN_DATA
from members.errors import Refused
from members.forms.requests import AnswerForm, CorrectForm, InPersonForm
from members.models import Member, Registration, RightsRequest
from members.pages import page_of
from members.views.base import ActView, Link, Result, detail_url, note_shown, refused
from orgs.scoped import ScopedMixin
from tables.exports import Mark

Kind = RightsRequest.Kind
ERASED = "撤回报到和全部同意；不在名册上的，夜间抹除。在名册上的不能抹除名册，请写明理由。"
WHAT_HAPPENS = {
    Kind.COPY: "办理后，副本封存到本人的回执，只有本人能打开，保留 30 天（已撤回报到的，到撤回满 13 天）；您看不到内容。",
    Kind.CORRECT: "只填要更正的几项，其余不变。",
    Kind.ERASE: ERASED,
    Kind.WITHDRAW: ERASED,
    Kind.OBJECT: "写明是否停止或改变处理；不改变的，写明理由。",
    Kind.EXPLAIN: "用通俗的话说明处理了什么、为什么、保存多久。",
}

# Of a form that joined another's registration, whoever sent it.
JOINED = "请本人到窗口当面提出，这一件写明理由不予办理。"
JOINED_WITHDRAW = (
    "请打报到登记的电话，问清是不是本人的意思。是的，办理；不是的，写明理由不予办理；只想撤回其中一项的，"
    "不予办理，请本人在自己的回执上撤回。"
)


def note_asked(request, act: str, rows: list[RightsRequest]) -> None:
    """Whose requests were shown: of a registration, or of somebody on a roll who never reported."""
    note_shown(request, act, [row.registration for row in rows if row.registration])
    note_shown(request, act, [row.member for row in rows if row.registration is None and row.member])


class RightsList(ScopedMixin, View):
    model = RightsRequest
    permission = "members.view_rightsrequest"

    def get(self, request):
        show_done = request.GET.get("done") == "1"
        rows = self.get_queryset().select_related("registration", "member", "receipt")
        open_rows = rows.filter(done_at__isnull=True)
        shown = rows.filter(done_at__isnull=False) if show_done else open_rows
        page = page_of(request, shown, "due_on", "pk", descending=show_done)
        note_asked(request, "members.rights.list", page.rows)
        overdue = open_rows.filter(due_on__lt=timezone.localdate()).count()
        columns = [{"key": key, "label": key} for key in ("事项", "谁的", "怎样提出", "提出", "应办结", "状态")]
        context = {
            "heading": "个人信息权利申请",
            "subtitle": f"逾期 {overdue} 件，请先办" if overdue else "没有逾期的",
            "table": {"caption": "申请", "columns": columns, "rows": [self.row(row) for row in page.rows]},
            "tabs": [
                {"label": "待办", "url": "?", "current": not show_done, "count": open_rows.count()},
                {"label": "已办结", "url": "?done=1", "current": show_done},
            ],
            "page": page,
            "empty_reason": "没有这样的申请。本人在回执页面提出、或您在窗口受理后，会出现在这里。",
        }
        return render(request, "members/roll.html", context)

    def row(self, request: RightsRequest) -> dict:
        overdue = request.done_at is None and request.due_on < timezone.localdate()
        if request.done_at:
            state = {"text": request.get_outcome_display(), "badge": "ok"}
        else:
            state = {"text": "逾期", "badge": "bad"} if overdue else {"text": "待办", "badge": "warn"}
        joined = request.receipt is not None and request.receipt.is_joined
        return {
            "url": reverse("members:rights_answer", args=[request.pk]),
            "cells": [
                {"text": request.get_kind_display()},
                {"text": str(request.registration or request.member)},
                {"text": "窗口" if request.taken_by_id else "并入的回执" if joined else "回执"},
                {"text": f"{timezone.localtime(request.asked_at):%Y-%m-%d}"},
                {"text": f"{request.due_on:%Y-%m-%d}"},
                state,
            ],
        }


class InPerson(ActView):
    """The person stands at the window; a copy and the erasure need nothing else."""

    permission = "members.change_rightsrequest"
    heading, submit_label, form_class = "受理本人申请", "受理", InPersonForm

    def context(self) -> dict:
        return {"intro": "查阅复制、更正补充、删除、异议、解释说明，都可以当面提出。先看居民身份证，确认是本人。"}

    def asked(self, row) -> dict:
        raise NotImplementedError

    def do(self, row, form) -> Result:
        data = form.cleaned_data
        made = services.rights_request_in_person(
            **self.asked(row), kind=data["kind"], details=data["details"], by=self.request.user
        )
        link = Link("现在办理", reverse("members:rights_answer", args=[made.pk]))
        return Result("已受理", [made.get_kind_display(), f"{made.due_on:%Y-%m-%d} 前答复"], [link, self.back()])


class OfRegistration(InPerson):
    model = Registration

    def get_queryset(self):
        return super().get_queryset().filter(erased_at__isnull=True)

    def back(self) -> Link:
        return Link("回到报到", detail_url("registration", self.object))

    def asked(self, row) -> dict:
        return {"registration": row}


class OfMember(InPerson):
    model = Member

    def get_queryset(self):
        return super().get_queryset().filter(erased_at__isnull=True)

    def back(self) -> Link:
        return Link("回到党员", detail_url("detail", self.object))

    def asked(self, row) -> dict:
        return {"member": row}


class RightsAnswer(ActView):
    model = RightsRequest
    permission = "members.change_rightsrequest"
    heading, submit_label = "办理申请", "办结"
    template_name = "members/rights_answer.html"

    def get_object(self):
        rows = self.get_queryset().select_related("registration", "member", "receipt", "taken_by", "done_by")
        return get_object_or_404(rows, pk=self.kwargs["pk"])

    def get_form(self, data=None):
        form = CorrectForm if self.object.kind == Kind.CORRECT else AnswerForm
        return form(data, kind=self.object.kind)

    def show(self, form, status: int = 200):
        note_asked(self.request, "members.rights.read", [self.object])
        return super().show(form, status)

    def back(self) -> Link:
        return Link("回到申请", reverse("members:rights"))

    def context(self) -> dict:
        row = self.object
        return {
            "row": row,
            "is_joined": row.receipt is not None and row.receipt.is_joined,
            "joined_then": JOINED_WITHDRAW if row.kind == Kind.WITHDRAW else JOINED,
            "is_overdue": row.done_at is None and row.due_on < timezone.localdate(),
            "makes_copy": row.kind == Kind.COPY and row.taken_by_id is not None and row.done_at is None,
            "what_happens": "先制作副本交给本人，再办结。" if row.taken_by_id and row.kind == Kind.COPY
            else WHAT_HAPPENS[Kind(row.kind)],
        }  # fmt: skip

    def do(self, row, form) -> Result:
        data = form.cleaned_data
        done = services.rights_answer(
            request=row, outcome=data["outcome"], reply=data["reply"], corrections=form.corrections(),
            by=self.request.user,
        )  # fmt: skip
        return Result("已办结", [row.get_kind_display(), done.get_outcome_display()], [self.back()])


class MakeCopy(ScopedMixin, View):
    """The copy for a person at the window: a page to print and the same for a program, in one file."""

    model = RightsRequest
    permission = "members.change_rightsrequest"

    def post(self, request, pk: int):
        row = get_object_or_404(self.get_queryset().select_related("registration", "member"), pk=pk)
        try:
            copy = services.rights_copy(request=row, by=request.user)
        except Refused as error:
            return refused(request, error, [Link("回到申请", reverse("members:rights_answer", args=[pk]))])
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("我的个人信息.html", render_to_string("members/copy_file.html", {"copy": copy}))
            archive.writestr("我的个人信息.json", json.dumps(copy, ensure_ascii=False, indent=1))
        response = HttpResponse(file.getvalue(), content_type="application/zip")
        name = Mark.by(request.user, label=OWN_DATA).name(f"副本-{row.pk}")
        response["Content-Disposition"] = content_disposition_header(True, f"{name}.zip") or ""
        response["Cache-Control"] = "no-store"
        return response

    def get(self, request, pk: int):
        return redirect("members:rights_answer", pk)
