"""Staff pages over rows: service points and check-ins."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views import View

from accounts import audit
from members.identity import mask_name
from members.qr import qr_image
from orgs.scoped import DoorMixin, ScopedMixin
from stations import forms, posters, selectors
from stations.listings import SERVICE_POINT_LIST
from stations.models import CheckIn, ServicePoint
from tables.list_views import ListPage

PAGE = 50


def keyset(request, queryset) -> tuple[list, dict]:
    """One page by primary key, newest first, and the links to its neighbours."""
    after, before = (_key(request.GET.get(name)) for name in ("after", "before"))
    if before is not None:
        rows = list(queryset.filter(pk__gt=before).order_by("pk")[: PAGE + 1])
        newer, rows = len(rows) > PAGE, rows[:PAGE][::-1]
        older = True
    else:
        queryset = queryset if after is None else queryset.filter(pk__lt=after)
        rows = list(queryset.order_by("-pk")[: PAGE + 1])
        older, newer = len(rows) > PAGE, after is not None
        rows = rows[:PAGE]
    page = {}
    if rows and older:
        page["next_url"] = _with(request, after=rows[-1].pk)
    if rows and newer:
        page["previous_url"] = _with(request, before=rows[0].pk)
    if after is not None or before is not None:
        page["first_url"] = _with(request)
    return rows, page


def _key(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() and len(text) < 19 else None


def _with(request, **keys) -> str:
    query = request.GET.copy()
    for name in ("after", "before"):
        query.pop(name, None)
    query.update({name: str(value) for name, value in keys.items()})
    return f"{request.path}?{query.urlencode()}"


class _ListView(ScopedMixin, View):
    """Filter, one page, a table; a filter that cannot be used shows its errors and no rows, with status 400."""

    model: Any
    filter_class: Any
    heading: str
    empty_reason: str
    columns: list[dict]

    def get(self, request) -> HttpResponse:
        form = self.filter_class(request.GET, user=request.user)
        valid = form.is_valid()
        rows, page = keyset(request, form.apply(self.get_queryset())) if valid else ([], {})
        context = {
            "heading": self.heading,
            "filter": {"form": form},
            "table": {"caption": self.heading, "columns": self.columns, "rows": [self.row(row) for row in rows]},
            "page": page,
            "total_text": f"本页 {len(rows)} 条" if page else f"共 {len(rows)} 条",
            "empty_reason": self.empty_reason if valid else "筛选条件有误，没有查询。",
            **self.more(rows),
        }
        return render(request, "generic/list.html", context, status=200 if valid else 400)

    def row(self, row) -> dict:
        raise NotImplementedError

    def more(self, rows: list) -> dict:
        return {}


class ServicePointListView(ListPage):
    listing = SERVICE_POINT_LIST


class ServicePointDetailView(ScopedMixin, View):
    model = ServicePoint
    permission = "stations.view_servicepoint"

    def get(self, request, pk: int) -> HttpResponse:
        place = get_object_or_404(
            self.get_queryset().select_related("guidance_station", "organization", "poster"), pk=pk
        )
        user = request.user
        may_see_check_ins = user.has_perm("stations.view_checkin", place)
        context = {
            "heading": place.name,
            "breadcrumbs": [{"label": "服务点", "url": reverse("stations:list")}, {"label": place.name, "url": ""}],
            "place": place,
            "facts": _facts(place),
            "footfall": selectors.footfall_today(place),
            "today": selectors.check_ins_today(place) if may_see_check_ins else None,
            "may_check_in": place.closed_on is None and user.has_perm("stations.add_checkin", place),
            "may_make_poster": _may_make_poster(user, place),
            "may_see_check_ins": may_see_check_ins,
            "may_change": user.has_perm("stations.change_servicepoint", place),
        }
        return render(request, "stations/detail.html", context)


def _facts(place: ServicePoint) -> list[tuple[str, Any]]:
    position = f"{place.latitude}, {place.longitude}（WGS-84）" if place.latitude and place.longitude else None
    return [
        ("编号", place.code),
        ("类型", place.get_kind_display()),
        ("指导站", place.guidance_station or "待分派"),
        ("主办党组织", place.organization),
        ("地址", place.address),
        ("开放时间", place.hours),
        ("设施", place.facilities),
        ("坐标", position),
        ("状态", f"{place.closed_on:%Y-%m-%d} 起停用" if place.closed_on else "使用中"),
    ]


def _may_make_poster(user, place: ServicePoint) -> bool:
    may = user.has_perm("members.add_poster") and user.has_perm("stations.change_servicepoint", place)
    return may and place.closed_on is None


class PosterMakeView(DoorMixin, View):
    permission = "members.add_poster"

    def post(self, request, pk: int) -> HttpResponse:
        place = get_object_or_404(ServicePoint.objects.visible_to(request.user, "stations.change_servicepoint"), pk=pk)
        posters.poster_make(place=place, by=request.user)
        messages.success(request, "签到码已生成，可打印张贴。")
        return redirect("stations:poster", pk=place.pk)


class PosterView(ScopedMixin, View):
    """The sheet to print and hang at the place."""

    model = ServicePoint
    permission = "stations.view_servicepoint"

    def get(self, request, pk: int) -> HttpResponse:
        place = get_object_or_404(self.get_queryset().select_related("poster"), pk=pk, poster__isnull=False)
        address = posters.poster_address(request, place.poster)
        context = {"heading": f"{place.name} · 签到码", "place": place, "qr": qr_image(address), "address": address}
        return render(request, "stations/poster.html", context)


class CheckInListView(_ListView):
    """Rows about persons: masked, and every page shown is recorded with the ids of those on it."""

    model = CheckIn
    permission = "stations.view_checkin"
    filter_class = forms.CheckInFilter
    heading = "签到记录"
    empty_reason = (
        "没有符合条件的签到。党员扫服务点的码或在签到台出示党员码后，这里会出现记录；满 24 个月的记录只保留人次。"
    )
    columns = [{"key": key, "label": label} for key, label in (
        ("member", "党员"), ("purpose", "事由"), ("place", "服务点"), ("occurred_at", "时间"), ("channel", "方式"),
        ("state", "异议"),
    )]  # fmt: skip

    def get_queryset(self):
        return super().get_queryset().select_related("member", "place")

    def row(self, row: CheckIn) -> dict:
        when = f"{timezone.localtime(row.occurred_at):%Y-%m-%d %H:%M}"
        texts = [mask_name(row.member.name), row.get_purpose_display(), row.place.name, when, row.get_channel_display()]
        disputed = {"text": "本人有异议", "badge": "warn"} if row.disputed_at else {"text": "无"}
        return {"cells": [*({"text": text} for text in texts), disputed]}

    def more(self, rows: list) -> dict:
        subjects = [row.member_id for row in rows]
        audit.record(
            "stations.check_in.list",
            by=self.request.user,
            subjects=subjects,
            subject_type="members.member",
            detail={"rows": len(rows)},
        )
        return {}
