"""大屏, for the staff: which screens hang where, a new one, other pages, an end. The wall itself is in kiosk.py."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.generic import View

from members.pages import page_of
from members.qr import public_address, qr_image
from orgs.scoped import DoorMixin, ScopedMixin
from reports import screens
from reports.models import Screen
from reports.screen_forms import ScreenForm, ScreenSettingsForm

STATES = {
    "revoked": ("已停用", "plain"),
    "expired": ("已到期", "warn"),
    "closed": ("单位已撤并", "warn"),
}
HEARD_WITHIN = 300  # seconds: a screen asks four times a minute


def state_of(screen: Screen) -> tuple[str, str]:
    """In words, and the kind of badge."""
    if why := screen.refusal:
        return STATES[why]
    if screen.last_seen_at is None:
        return "还没有打开过", "info"
    silent = (timezone.now() - screen.last_seen_at).total_seconds() > HEARD_WITHIN
    return ("失去联系", "bad") if silent else ("显示中", "ok")


def crumbs(label: str) -> list[dict]:
    return [{"label": "大屏", "url": reverse("reports:screens")}, {"label": label, "url": None}]


class Screens(ScopedMixin, View):
    model = Screen
    permission = "reports.view_screen"

    def get(self, request: HttpRequest) -> HttpResponse:
        page = page_of(request, self.get_queryset().select_related("organization", "division", "created_by"), "pk")
        labels = ("安装位置", "单位", "状态", "最近取数", "页面", "有效至", "建立")
        may_add, may_change = (request.user.has_perm(f"reports.{act}_screen") for act in ("add", "change"))
        context = {
            "heading": "大屏",
            "subtitle": "挂在墙上的只读显示屏：只有汇总数，没有个人，也没有一户一户的名单",
            "table": {
                "caption": "大屏",
                "columns": [{"key": label, "label": label} for label in labels],
                "rows": [
                    {
                        "url": reverse("reports:screen_change", args=[row.pk]) if may_change else None,
                        "cells": self._cells(row),
                    }
                    for row in page.rows
                ],
            },
            "page": page,
            "total_text": f"共 {self.get_queryset().count()} 块",
            "may_add": may_add,
            "empty_reason": "您的范围内还没有大屏。建一块，把得到的地址设成那台显示终端的首页即可。",
            "empty_url": reverse("reports:screen_new") if may_add else "",
            "empty_label": "建大屏",
        }
        return render(request, "reports/screens.html", context)

    @staticmethod
    def _cells(row: Screen) -> list[dict]:
        state, kind = state_of(row)
        seen = f"{timezone.localtime(row.last_seen_at):%m-%d %H:%M}（{row.last_address}）" if row.last_seen_at else "—"
        return [
            {"text": row.name},
            {"text": str(row.unit)},
            {"text": state, "badge": kind},
            {"text": seen},
            {"text": f"{len(row.pages)} 页，每页 {row.seconds} 秒"},
            {"text": f"{timezone.localtime(row.expires_at):%Y-%m-%d}"},
            {"text": f"{row.created_by} {timezone.localtime(row.created_at):%Y-%m-%d}"},
        ]


class ScreenNew(DoorMixin, View):
    """A new screen. Its address with the key is in the answer to the form and nowhere else, so it is shown once."""

    permission = "reports.add_screen"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._form(ScreenForm(user=request.user))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = ScreenForm(request.POST, user=request.user)
        if not form.is_valid():
            return self._form(form, 422)
        data = form.cleaned_data
        screen, key = screens.screen_create(
            unit=form.unit, name=data["name"], pages=data["pages"], seconds=data["seconds"],
            expires_at=form.expires_at, by=request.user,
        )  # fmt: skip
        address = f"{public_address(request, reverse('reports:screen', args=[screen.pk]))}#{key}"
        context = {
            "heading": "大屏已建好",
            "breadcrumbs": crumbs("大屏已建好"),
            "screen": screen,
            "address": address,
            "qr": qr_image(address, scale=5),
        }
        answer = render(request, "reports/screen_made.html", context, status=201)
        answer["Cache-Control"] = "no-store"
        return answer

    def _form(self, form, status: int = 200) -> HttpResponse:
        context = {
            "heading": "建大屏", "form": form, "submit_label": "建立", "cancel_url": reverse("reports:screens"),
            "breadcrumbs": crumbs("建大屏"),
            "intro": "大屏不登录，凭一个专用地址显示所选单位的汇总数；小于 5 的个人数字不显示，随时可以停用。",
        }  # fmt: skip
        return render(self.request, "generic/form.html", context, status=status)


class ScreenChange(ScopedMixin, View):
    model = Screen
    permission = "reports.change_screen"

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        screen = self._screen(pk)
        initial = {"name": screen.name, "pages": screen.pages, "seconds": screen.seconds}
        return self._form(screen, ScreenSettingsForm(initial=initial))

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        screen = self._screen(pk)
        form = ScreenSettingsForm(request.POST)
        if not form.is_valid():
            return self._form(screen, form, 422)
        screens.screen_change(screen=screen, **form.cleaned_data, by=request.user)
        messages.success(request, f"“{screen.name}”的设置已保存，大屏下次取数（一分钟内）时生效。")
        return redirect("reports:screens")

    def _screen(self, pk: int) -> Screen:
        return get_object_or_404(self.get_queryset().select_related("organization", "division"), pk=pk)

    def _form(self, screen: Screen, form, status: int = 200) -> HttpResponse:
        may_revoke = self.request.user.has_perm("reports.revoke_screen", screen) and screen.revoked_at is None
        context = {
            "heading": screen.name, "form": form, "screen": screen, "cancel_url": reverse("reports:screens"),
            "breadcrumbs": crumbs(screen.name), "state": state_of(screen), "may_revoke": may_revoke,
            "subtitle": f"{screen.unit} · 有效至 {timezone.localtime(screen.expires_at):%Y-%m-%d}",
        }  # fmt: skip
        return render(self.request, "reports/screen_change.html", context, status=status)


class ScreenRevoke(ScopedMixin, View):
    model = Screen
    permission = "reports.revoke_screen"

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        screen = self._screen(pk)
        context = {
            "heading": "停用大屏",
            "breadcrumbs": crumbs("停用大屏"),
            "question": f"停用“{screen.name}”吗？",
            "object_label": str(screen.unit),
            "consequences": [
                "这块屏下次取数（一分钟内）时显示“此大屏已停用”，不再显示任何数字",
                "它的地址和二维码永久失效，不能恢复；要再用请另建一块",
            ],
            "danger": True,
            "confirm_label": "停用",
            "cancel_url": reverse("reports:screens"),
        }
        return render(request, "generic/confirm.html", context)

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        screen = self._screen(pk)
        if screens.screen_revoke(screen=screen, by=request.user):
            messages.success(request, f"“{screen.name}”已停用，它的地址不再有效。")
        else:
            messages.info(request, f"“{screen.name}”之前已经停用。")
        return redirect("reports:screens")

    def _screen(self, pk: int) -> Screen:
        return get_object_or_404(self.get_queryset().select_related("organization", "division"), pk=pk)
