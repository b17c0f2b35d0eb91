"""Requests of persons about their own data (PIPL Art. 44–50): what is open, and answering one."""

from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.generic import View

from members import services
from members.forms.staff import AnswerForm
from members.models import RightsRequest
from members.pages import page_of
from members.views.base import ActView, Link, Result
from orgs.scoped import ScopedMixin


class RightsList(ScopedMixin, View):
    model = RightsRequest
    permission = "members.view_rightsrequest"

    def get(self, request):
        show_done = request.GET.get("done") == "1"
        rows = self.get_queryset().select_related("registration", "receipt").filter(done_at__isnull=not show_done)
        page = page_of(request, rows, "due_on", "pk", descending=show_done)
        columns = [{"key": key, "label": key} for key in ("事项", "报到", "提出", "应办结", "状态")]
        context = {
            "heading": "个人信息权利申请",
            "subtitle": "15 日内答复本人",
            "table": {"caption": "申请", "columns": columns, "rows": [self.row(row) for row in page.rows]},
            "tabs": [
                {"label": "待办", "url": "?", "current": not show_done},
                {"label": "已办结", "url": "?done=1", "current": show_done},
            ],
            "page": page,
            "empty_reason": "没有这样的申请。本人在回执页面提出后，会出现在这里。",
        }
        return render(request, "members/roll.html", context)

    def row(self, request: RightsRequest) -> dict:
        overdue = request.done_at is None and request.due_on < timezone.localdate()
        if request.done_at:
            state = {"text": "已办结", "badge": "ok"}
        else:
            state = {"text": "逾期", "badge": "bad"} if overdue else {"text": "待办", "badge": "warn"}
        return {
            "url": None if request.done_at else reverse("members:rights_answer", args=[request.pk]),
            "cells": [
                {"text": request.get_kind_display()},
                {"text": str(request.registration)},
                {"text": f"{timezone.localtime(request.asked_at):%Y-%m-%d}"},
                {"text": f"{request.due_on:%Y-%m-%d}"},
                state,
            ],
        }


class RightsAnswer(ActView):
    model = RightsRequest
    permission = "members.change_rightsrequest"
    heading, submit_label, form_class = "办结申请", "办结", AnswerForm

    def get_object(self):
        rows = self.get_queryset().select_related("registration", "receipt")
        return get_object_or_404(rows, pk=self.kwargs["pk"])

    def back(self) -> Link:
        return Link("回到申请", reverse("members:rights"))

    def context(self) -> dict:
        row = self.object
        joined = row.receipt is not None and row.receipt.is_joined
        warning = "这张回执是并入的，不能证明持有人就是本人：请先当面核对身份。" if joined else "请先核对是本人。"
        return {
            "intro": f"{row.get_kind_display()}，{row.registration}，应于 {row.due_on:%Y-%m-%d} 前办结。{warning}",
        }

    def do(self, row, form) -> Result:
        services.rights_answer(request=row, answer=form.cleaned_data["answer"], by=self.request.user)
        return Result("已办结", [row.get_kind_display()], [self.back()])
