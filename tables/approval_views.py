"""Exports that wait for a second person's word. Who decides sees what for and how much, never a row."""

from django import forms
from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone

from accounts.own_words import KeptWordsField
from tables import approving
from tables.list_views import SignedIn
from tables.listing import exportable
from tables.models import ExportApproval
from tables.register import Cannot

SHOWN = 100
STATES = {None: ("待办理", "warn"), True: ("已批准", "ok"), False: ("未批准", "bad")}


def local(at) -> str:
    return timezone.localtime(at).strftime("%Y-%m-%d %H:%M")


class DecisionForm(forms.Form):
    decision = forms.ChoiceField(
        label="意见",
        choices=[("grant", "批准：后台开始生成文件，只有申请人能下载"), ("refuse", "不批准")],
        widget=forms.RadioSelect,
        error_messages={"required": "请选择批准或不批准。"},
    )
    reason = KeptWordsField(
        label="不批准的原因", max_length=200, required=False, help_text="不批准时必填，申请人会看到。"
    )


class ApprovalList(SignedIn):
    """What waits for this person, then what they decided."""

    COLUMNS = [
        {"key": "table", "label": "列表"},
        {"key": "owner", "label": "申请人"},
        {"key": "rows", "label": "行数", "numeric": True},
        {"key": "asked", "label": "申请时间"},
        {"key": "until", "label": "期限"},
        {"key": "state", "label": "状态"},
    ]

    def get(self, request):
        waiting = approving.waiting_for(request.user)
        decided = approving.decided_by(request.user)[: SHOWN - len(waiting[:SHOWN])]
        rows = [self._row(each, reverse("lists:approval", args=[each.pk])) for each in waiting[:SHOWN]]
        rows += [self._row(each, "") for each in decided]
        context = {
            "heading": "导出审批",
            "subtitle": f"超过行数上限的导出，由另一位有同样权限的人批准；{approving.DAYS} 天内不办理即失效",
            "breadcrumbs": [{"label": "导出审批"}],
            "total_text": f"待办理 {len(waiting)} 件",
            "table": {"columns": self.COLUMNS, "rows": rows, "caption": "导出审批"},
            "empty_reason": "没有等您批准的导出。别人申请导出很长的列表、而您的岗位管得到时，会出现在这里。",
        }
        return render(request, "generic/list.html", context)

    def _row(self, asked: ExportApproval, url: str) -> dict:
        what = exportable(asked.export.table)
        text, badge = STATES[asked.granted]
        cells = [
            {"text": what.title if what else asked.export.table},
            {"text": str(asked.export.owner)},
            {"text": f"{asked.counted:,}"},
            {"text": local(asked.export.created_at)},
            {"text": local(asked.expires_at)},
            {"text": text, "badge": badge},
        ]
        return {"url": url, "cells": cells}


class Approval(SignedIn):
    """One export to decide on; whoever may not decide it finds nothing here."""

    def get(self, request, pk):
        return self._page(self._find(pk), DecisionForm())

    def post(self, request, pk):
        asked, form = self._find(pk), DecisionForm(request.POST)
        if not form.is_valid():
            return self._page(asked, form, 422)
        try:
            if form.cleaned_data["decision"] == "grant":
                approving.export_grant(approval=asked, by=request.user)
                messages.success(request, "已批准，文件正在后台生成。")
            else:
                approving.export_refuse(approval=asked, by=request.user, reason=form.cleaned_data["reason"])
                messages.success(request, "已记下不批准，申请人会看到原因。")
        except Cannot as cannot:
            form.add_error(None, str(cannot))
            return self._page(asked, form, 422)
        return redirect("lists:approvals")

    def _find(self, pk: int) -> ExportApproval:
        asked = approving.open_approvals().filter(pk=pk).first()
        if asked is None or not approving.may_decide(self.request.user, asked.export):
            raise Http404
        return asked

    def _page(self, asked: ExportApproval, form: DecisionForm, status: int = 200):
        kept = asked.export
        what = exportable(kept.table)
        if what is None:
            raise Http404
        labels = {column.key: column.label for column in what.columns(approving.QueryDict(kept.query), True)}
        context = {
            "heading": f"导出{what.title}",
            "breadcrumbs": [{"label": "导出审批", "url": reverse("lists:approvals")}, {"label": "办理"}],
            "facts": [
                ("申请人", str(kept.owner)),
                ("用途", kept.purpose),
                ("行数", f"{asked.counted:,}"),
                ("24 小时内自行导出的本列表其他部分", f"{approving.taken_lately(kept.owner, what, kept.query):,} 行"),
                (
                    "筛选",
                    "；".join(f"{label}：{value}" for label, value in approving.filter_in_words(kept, what)) or "全部",
                ),
                ("列", "、".join(labels.get(key, key) for key in kept.columns)),
                ("格式", kept.format),
                ("申请时间", local(kept.created_at)),
                ("期限", local(asked.expires_at)),
            ],
            "form": form,
        }
        return render(self.request, "tables/approval.html", context, status=status)
