"""审计记录, for the audit administrator: the list, one event, the head of the chain. Every look is an act itself."""

import json

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import FileResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.generic import View

from accounts import audit
from accounts.acts import act_name
from accounts.heads import BadHead, newest_head_file
from accounts.models import AuditEvent
from orgs.models import Organization
from orgs.scoped import DoorMixin
from reports import audit_list
from reports.audit_subjects import kind_name
from tables.list_views import ListPage


class AuditPage(ListPage):
    listing = audit_list.LISTING
    template_name = "reports/audit.html"

    def get(self, request):
        response = super().get(request)
        if response.status_code == 200:
            self._note(request)
        return response

    def _note(self, request) -> None:
        """Which filters were set and about whom, by number: what was typed may be somebody's name."""
        form = self.listing.filter(request.GET, request.user).form
        subject = form.cleaned_data.get("subject") if form.is_valid() else None
        audit.record(
            "accounts.auditevent.list", by=request.user, subjects=[subject.pk] if subject else [],
            subject_type=subject.types[0] if subject and subject.types else "",
            detail={"filters": sorted(name for name in form.fields if request.GET.get(name))}, request=request,
        )  # fmt: skip

    def more(self) -> dict:
        return {
            "subtitle": "谁在什么时候做了什么。对象只有编号；打开、导出本页同样记入审计",
            "may_take_head": self.request.user.has_perm("accounts.export_auditevent"),
        }


class AuditEventPage(DoorMixin, View):
    permission = "accounts.view_auditevent"

    def get(self, request, pk):
        event = get_object_or_404(AuditEvent.objects.visible_to(request.user).select_related("actor", "seal"), pk=pk)
        audit.record("accounts.auditevent.read", by=request.user, subjects=[event], request=request)
        context = {
            "heading": f"审计记录 {event.pk}",
            "subtitle": act_name(event.act),
            "breadcrumbs": [{"label": audit_list.EVENTS.title, "url": audit_list.LISTING.url(request.GET)},
                            {"label": str(event.pk)}],
            "facts": _facts(event),
        }  # fmt: skip
        return render(request, "generic/detail.html", context)


def _facts(event: AuditEvent) -> list[tuple[str, str]]:
    units = Organization.objects.in_bulk(event.units)
    seal = getattr(event, "seal", None)
    return [
        ("时间", f"{timezone.localtime(event.at):%Y-%m-%d %H:%M:%S}"),
        ("操作人账号", event.actor.username if event.actor else "系统或未登录"),
        ("行为", f"{act_name(event.act)}（{event.act}）"),
        ("结果", "成功" if event.succeeded else "被拒绝或失败"),
        ("对象类型", kind_name(event.subject_type)),
        ("对象编号", "、".join(map(str, event.subjects))),
        ("涉及单位", "、".join(f"{pk}（{units[pk].code}）" if pk in units else str(pk) for pk in event.units)),
        ("目的", event.purpose),
        ("来源地址", event.address or ""),
        ("说明", json.dumps(event.detail, ensure_ascii=False) if event.detail else ""),
        ("封存序号", str(seal.sequence) if seal else "待封存"),
    ]


class AuditHead(DoorMixin, View):
    """The newest head of the chain as a file to be kept elsewhere; made now if something was sealed since the last."""

    permission = "accounts.view_auditevent"
    http_method_names = ["post", "options"]

    def post(self, request):
        if not request.user.has_perm("accounts.export_auditevent"):
            raise PermissionDenied("您的岗位没有导出审计记录的权限。")
        try:
            path = newest_head_file(by=request.user)
        except BadHead as bad:
            messages.error(request, f"{bad}没有写出新的链头，请运行 manage.py verify_audit 查明原因。")
            return redirect("reports:audit")
        return FileResponse(path.open("rb"), as_attachment=True, filename=path.name)
