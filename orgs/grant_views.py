"""授权: who holds what where inside the manager's unit, a new posting, an end."""

from typing import Any

import django_filters
from django import forms
from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.generic import View

from accounts import audit
from accounts.people import signed_in
from orgs.doors import GRANT, current_postings, held_back
from orgs.grant_forms import EndForm, GrantForm, units_like, why_not_ended
from orgs.models import Posting, Role
from orgs.scoped import DoorMixin, ScopedMixin
from orgs.services import posting_end, posting_grant
from orgs.services.postings import PostingError
from tables.filters import TextFilter
from tables.keyset import page_of, total_text

COLUMNS = ("人员", "账号", "角色", "单位", "状态", "起", "止（不含）", "授予人")
STATES = [("live", "在任和将任"), ("ended", "已结束"), ("all", "全部")]


class PostingFilter(django_filters.FilterSet):
    q = TextFilter(label="人员、账号或单位", method="search")
    role = django_filters.ChoiceFilter(label="角色", choices=Role.choices, empty_label="全部")
    state = django_filters.ChoiceFilter(label="状态", choices=STATES, empty_label=None, method="by_state")

    def search(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        names = ("user__name", "user__username", "organization__name", "organization__short_name", "division__name")
        found = Q()
        for column in names:
            found |= Q(**{f"{column}__icontains": value})
        return queryset.filter(found)

    def by_state(self, queryset: Any, name: str, value: str) -> QuerySet:
        if value == "ended":
            return queryset.filter(ends_on__lte=timezone.localdate())
        return queryset if value == "all" else queryset.live()


def state_of(posting: Posting) -> tuple[str, str]:
    """In words, and the kind of badge."""
    today = timezone.localdate()
    if posting.ends_on and posting.ends_on <= today:
        return "已结束", "plain"
    if posting.starts_on > today:
        return "未开始", "info"
    return ("在任，可授权", "ok") if posting.may_grant else ("在任", "ok")


def crumbs(label: str) -> list[dict]:
    return [{"label": "授权", "url": reverse("orgs:grants")}, {"label": label, "url": ""}]


class GrantsMixin(ScopedMixin):
    model = Posting
    permission = GRANT

    def get_queryset(self):
        return super().get_queryset().select_related("user", "organization", "division", "granted_by")


class Grants(GrantsMixin, View):
    def get(self, request) -> HttpResponse:
        asked = {"state": "live", **request.GET.dict()}
        found = PostingFilter(asked, queryset=self.get_queryset(), request=request)
        rows = found.qs if found.form.is_valid() else found.queryset.none()
        page = page_of(rows, request.GET)
        managed = "、".join(str(posting.unit) for posting in current_postings(request.user) if posting.may_grant)
        context = {
            "heading": "授权",
            "subtitle": f"{managed}及以下：谁在哪里任什么职。收回后，对方下一次操作就没有权限了",
            "filter": found,
            "table": {
                "caption": "任职",
                "columns": [{"key": label, "label": label} for label in COLUMNS],
                "rows": [self._row(posting, request.user) for posting in page.rows],
            },
            "page": page,
            "total_text": total_text(rows, "项", page),
            "empty_reason": "没有符合条件的任职。请放宽筛选，或给本单位的人员授予任职。",
            "empty_url": reverse("orgs:grant_new"),
            "empty_label": "授予任职",
        }
        return render(request, "orgs/grants.html", context)

    @staticmethod
    def _row(posting: Posting, user) -> dict:
        state, badge = state_of(posting)
        may_end = not why_not_ended(posting, user)
        texts = (
            posting.user.name or posting.user.username, posting.user.username, posting.get_role_display(),
            str(posting.unit), state, f"{posting.starts_on:%Y-%m-%d}",
            f"{posting.ends_on:%Y-%m-%d}" if posting.ends_on else "长期", str(posting.granted_by or "系统"),
        )  # fmt: skip
        cells = [{"text": text} | ({"badge": badge} if text == state else {}) for text in texts]
        return {"url": reverse("orgs:grant_end", args=[posting.pk]) if may_end else None, "cells": cells}


class GrantNew(DoorMixin, View):
    permission = GRANT

    def get(self, request) -> HttpResponse:
        return self._page(GrantForm(by=request.user, initial={"unit": request.GET.get("unit", "")}))

    def post(self, request) -> HttpResponse:
        form = GrantForm(request.POST, by=request.user)
        if not form.is_valid():
            self._note_refusal(form)
            return self._page(form, 422)
        try:
            made = posting_grant(**form.asked(), may_grant=form.cleaned_data["may_grant"], by=request.user)
        except PostingError as error:  # the rights changed between the form and the write
            form.refuse(error)
            self._note_refusal(form)
            return self._page(form, 422)
        messages.success(request, f"已授予{made.user}：{made.unit}，{made.get_role_display()}。对方刷新页面即生效。")
        if told := held_back(made):
            messages.warning(request, told)
        return redirect("orgs:grants")

    def _note_refusal(self, form: forms.Form) -> None:
        """Whoever reaches for more than their own is in the audit; a box left empty reaches for nothing."""
        refused = [name for name in form.errors if not form.has_error(name, "required")]
        if refused:
            detail = {"columns": sorted(refused)}
            audit.record("orgs.posting.refuse", by=signed_in(self.request), detail=detail, succeeded=False)

    def _page(self, form: forms.Form, status: int = 200) -> HttpResponse:
        context = {
            "heading": "授予任职", "form": form, "submit_label": "授予", "cancel_url": reverse("orgs:grants"),
            "breadcrumbs": crumbs("授予任职"), "units": units_like("", signed_in(self.request)),
            "intro": "在您的单位及以下授予，不超过您本人的权限和期限。每次授予和收回都会留痕。",
        }  # fmt: skip
        return render(self.request, "orgs/grant_form.html", context, status=status)


class GrantUnits(DoorMixin, View):
    """The choices of the unit, while it is typed."""

    permission = GRANT

    def get(self, request) -> HttpResponse:
        said = request.GET.get("unit", "").strip()[:100]
        return render(request, "orgs/_unit_choices.html", {"units": units_like(said, signed_in(request))})


class GrantEnd(GrantsMixin, View):
    def get(self, request, pk: int) -> HttpResponse:
        posting = self._posting(pk)
        return self._page(posting, EndForm(posting=posting, by=request.user))

    def post(self, request, pk: int) -> HttpResponse:
        posting = self._posting(pk)
        form = EndForm(request.POST, posting=posting, by=request.user)
        if not form.is_valid():
            return self._page(posting, form, 422)
        try:
            posting_end(posting=posting, ends_on=form.cleaned_data["ends_on"], by=request.user)
        except PostingError as error:
            form.add_error("ends_on", str(error))
            return self._page(posting, form, 422)
        day = form.cleaned_data["ends_on"]
        when = "已收回，立即失效" if day <= timezone.localdate() else f"将于 {day:%Y-%m-%d} 起失效"
        messages.success(request, f"{posting.user}在{posting.unit}的任职{when}。")
        return redirect("orgs:grants")

    def _posting(self, pk: int) -> Posting:
        return get_object_or_404(self.get_queryset(), pk=pk)

    def _page(self, posting: Posting, form: forms.Form, status: int = 200) -> HttpResponse:
        context = {
            "heading": "收回任职", "form": form, "danger": True, "confirm_label": "收回",
            "breadcrumbs": crumbs("收回任职"), "cancel_url": reverse("orgs:grants"),
            "question": f"收回{posting.user}（{posting.user.username}）的任职吗？",
            "object_label": f"{posting.unit} · {posting.get_role_display()}",
            "consequences": [
                "从所填的日期起，对方不能再以这项任职查看和办理；填今天则立即失效。",
                "对方正在运行的导入、导出等任务会停下，没有写完的一概不写入。",
                "对方授予别人的任职不随之收回，需要的话请逐项收回。",
            ],
        }  # fmt: skip
        return render(self.request, "generic/confirm.html", context, status=status)
