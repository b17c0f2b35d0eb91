"""告警, for each of the three administrators their own kinds; what was seen to stays readable."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.http import urlencode
from django.views.generic import View

from accounts.people import signed_in
from orgs.scoped import ScopedMixin
from reports.alarms import looking, ways
from reports.alarms.forms import HandleForm
from reports.alarms.kinds import KINDS
from reports.models import Alarm, AlarmRound

HEADING, SHOWN = "告警", 200
COLUMNS = ("发生了什么", "次数", "最早", "最近", "状态", "处理说明")


def _when(at) -> str:
    return f"{timezone.localtime(at):%Y-%m-%d %H:%M}"


def what(alarm: Alarm) -> str:
    kind = KINDS[alarm.kind]
    return f"{kind.label}：{alarm.about}" if kind.lasts and kind.page == "reports:health" else kind.label


def where(alarm: Alarm) -> str:
    """The page on which to look further; in the audit from just before the first occurrence on."""
    kind = KINDS[alarm.kind]
    if kind.page == "reports:audit_event":
        return reverse(kind.page, args=[alarm.about])
    since = {"since": f"{timezone.localtime(alarm.first_at):%Y-%m-%dT%H:%M}"} if kind.page == "reports:audit" else {}
    asked = urlencode({**since, **kind.query})
    return f"{reverse(kind.page)}?{asked}" if asked else reverse(kind.page)


class Alarms(ScopedMixin, View):
    model = Alarm
    permission = "reports.view_alarm"

    def get(self, request: HttpRequest) -> HttpResponse:
        alarms = self.get_queryset().select_related("handled_by")
        waiting = alarms.filter(handled_at=None).count()
        context = {
            "heading": HEADING,
            "subtitle": "和您职责有关的；看过、办完后请写明结果。同一件事没有处理以前只有一条，次数会增加",
            "table": {
                "caption": HEADING,
                "columns": [{"label": label, "numeric": label == "次数"} for label in COLUMNS],
                "rows": [_row(alarm) for alarm in alarms.open_first()[:SHOWN]],
            },
            "total_text": f"{waiting} 条没有处理",
            "empty_reason": "没有告警。系统每分钟巡查一次；有账号被锁定、大批量导出、审计异常等情况时，会列在这里。",
            "ways": ways.labels(ways.used()),
            "full_at": AlarmRound.objects.values_list("full_at", flat=True).first(),
        }  # fmt: skip
        return render(request, "reports/alarms.html", context)


def _row(alarm: Alarm) -> dict:
    if alarm.handled_at is None:
        state = {"text": "未处理", "badge": "bad" if KINDS[alarm.kind].is_grave else "warn"}
    else:
        state = {"text": "已处理", "badge": "ok"}
    done = f"{_when(alarm.handled_at)} {alarm.handled_by}：{alarm.note}" if alarm.handled_at else "—"
    texts = (what(alarm), str(alarm.count), _when(alarm.first_at), _when(alarm.last_at))
    return {"url": alarm.get_absolute_url(), "cells": [*({"text": text} for text in texts), state, {"text": done}]}


class AlarmPage(ScopedMixin, View):
    """One alarm: what to do, and the form that says it was done."""

    model = Alarm
    permission = "reports.view_alarm"

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self._page(get_object_or_404(self.get_queryset(), pk=pk), HandleForm())

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        alarm = get_object_or_404(self.get_queryset(), pk=pk)
        if not request.user.has_perm("reports.change_alarm"):
            raise PermissionDenied("您的岗位没有这项权限，请联系本单位管理员。")
        form = HandleForm(request.POST)
        if not form.is_valid():
            return self._page(alarm, form, 422)
        if looking.alarm_handle(alarm=alarm, note=form.cleaned_data["note"], by=signed_in(request)):
            messages.success(request, f"{what(alarm)}：已处理。再发生时会有新的告警。")
        else:
            messages.info(request, "这条告警已经有人处理过。")
        return redirect("reports:alarms")

    def _page(self, alarm: Alarm, form: HandleForm, status: int = 200) -> HttpResponse:
        context = {
            "heading": what(alarm), "breadcrumbs": [{"label": HEADING, "url": reverse("reports:alarms")}, {"label": what(alarm)}],
            "facts": _facts(alarm), "form": form if alarm.handled_at is None else None,
            "cancel_url": reverse("reports:alarms"),
        }  # fmt: skip
        return render(self.request, "reports/alarm.html", context, status=status)


def _facts(alarm: Alarm) -> list[tuple[str, str]]:
    todo = format_html('{} <a href="{}">去查看</a>', KINDS[alarm.kind].todo, where(alarm))
    facts = [("情况", alarm.text)] if alarm.text else []
    facts += [
        ("次数", str(alarm.count)),
        ("最早", _when(alarm.first_at)),
        ("最近", _when(alarm.last_at)),
        ("怎么办", todo),
    ]
    if owed := [name for name in alarm.owed if name in ways.used()]:
        why = f"（{alarm.trouble}）" if alarm.trouble else ""
        facts.append(("向外告知", f"{ways.labels(owed)}还没有送出{why}，每分钟再试一次"))
    if alarm.handled_at:
        facts.append(("处理", f"{_when(alarm.handled_at)} {alarm.handled_by}：{alarm.note}"))
    return facts
