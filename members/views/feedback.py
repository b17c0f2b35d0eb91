"""定期反馈 as a file, for departments whose network has no link to ours: how many events, and a file for each system.

Counts are of events. Neither page nor file names a business or a person, and 已办结 never says how it ended.
"""

from urllib.parse import urlencode

from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.generic import View

from members.forms.staff import FeedbackForm, PeriodForm
from members.intake import feedback
from members.intake.receive import Busy
from members.models import IntakeClient
from orgs.scoped import ScopedMixin
from tables.exports import Mark
from tables.views import file_response

COLUMNS = [
    {"key": "department", "label": "来源部门"},
    {"key": "name", "label": "系统"},
    {"key": "month", "label": "月份"},
    {"key": "received", "label": "已接收（件）", "numeric": True},
    {"key": "completed", "label": "已办结（件）", "numeric": True},
    {"key": "file", "label": "反馈文件"},
]


class _Feedback(ScopedMixin, View):
    model = IntakeClient
    permission = "members.export_intakeevent"


class FeedbackCounts(_Feedback):
    """Per system and month; what came to its end is written down every night, and again for a file."""

    def get(self, request):
        form = PeriodForm(request.GET)
        context = {
            "heading": "登记事项反馈",
            "subtitle": "给没有联网的登记系统发反馈文件。按件计数，每晚核对是否办结，下载时再核对一次",
            "filter": {"form": form},
            "table": {
                "caption": "登记事项件数",
                "columns": COLUMNS,
                "rows": self.rows(form) if form.is_valid() else [],
            },
            "empty_reason": "这段时间没有登记事项。请放宽日期；还没有采集接口密钥的，请联系安全管理员签发。",
        }
        return render(request, "generic/list.html", context)

    def rows(self, form: PeriodForm) -> list[dict]:
        data = form.cleaned_data
        since, until = feedback.days_bounds(data["since"], data["until"])
        clients = self.get_queryset().order_by("source_department", "pk")
        if data["department"]:
            clients = clients.filter(source_department=data["department"])
        period = urlencode({"since": data["since"], "until": data["until"]})
        return [
            self.row(client, each, f"{reverse('members:feedback_file', args=[client.pk])}?{period}")
            for client in clients
            for each in feedback.months(client, since=since, until=until)
        ]

    def row(self, client: IntakeClient, counted: dict, url: str) -> dict:
        texts = (client.get_source_department_display(), client.name, counted["month"])
        numbers = (f"{counted['received']:,}", f"{counted['completed']:,}")
        return {"cells": [*({"text": text} for text in (*texts, *numbers)), {"text": "下载", "url": url}]}


class FeedbackFile(_Feedback):
    """Asks what for, then gives the file of one system and period; written down in the audit."""

    def get(self, request, pk: int):
        return self.show(get_object_or_404(self.get_queryset(), pk=pk), FeedbackForm())

    def post(self, request, pk: int):
        client = get_object_or_404(self.get_queryset(), pk=pk)
        form, period = FeedbackForm(request.POST), PeriodForm(request.GET)
        if not (form.is_valid() and period.is_valid()):
            return self.show(client, form, 422)
        first, last = period.cleaned_data["since"], period.cleaned_data["until"]
        since, until = feedback.days_bounds(first, last)
        try:
            pieces = feedback.take_file(client, **form.cleaned_data, since=since, until=until, by=request.user)
        except Busy:
            form.add_error(None, "正在接收这个系统发来的事项，请过一会儿再下载。")
            return self.show(client, form, 422)
        return file_response(
            pieces, Mark.by(request.user).name(f"定期反馈-{client}-{first}至{last}"), form.cleaned_data["format"]
        )

    def show(self, client: IntakeClient, form: FeedbackForm, status: int = 200):
        period = PeriodForm(self.request.GET)
        if period.is_valid():
            said = period.cleaned_data
            intro = (
                f"{client}，{said['since']} 至 {said['until']}。只有事项编号和状态，没有经营主体和人员；会记入审计。"
            )
        else:
            intro = "日期不对，请回到列表重新选择。"
        back = f"{reverse('members:feedback')}?{self.request.GET.urlencode()}"
        context = {
            "heading": "下载反馈文件",
            "breadcrumbs": [{"label": "登记事项反馈", "url": back}, {"label": "下载反馈文件", "url": None}],
            "intro": intro,
            "form": form,
            "submit_label": "下载",
            "cancel_url": back,
        }
        return render(self.request, "tables/export.html", context, status=status)
