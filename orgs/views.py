"""Pages of organizations: the list and one organization with its history and other rooms' sections."""

from datetime import date

from django.http import HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.generic import DetailView, ListView

from orgs import life
from orgs.filters import OrganizationFilter
from orgs.models import Organization
from orgs.scoped import ScopedMixin
from orgs.selectors import ancestors_of, children_of, history_of, page_by_path

COLUMNS = [
    {"key": "name", "label": "名称"},
    {"key": "level", "label": "层级"},
    {"key": "kind", "label": "类型"},
    {"key": "parent", "label": "上级"},
    {"key": "street", "label": "所在"},
    {"key": "term", "label": "任期至"},
    {"key": "state", "label": "状态"},
]
PAGE_KEYS = ("after", "before")
CHILDREN_SHOWN = 100


def term_cell(row: Organization) -> dict:
    end = row.extended_until or row.term_ends_on
    if end is None:
        return {"text": "—"}
    if row.closed_on is None and end <= timezone.localdate():
        return {"text": f"{end} 已届满", "badge": "bad"}
    return {"text": f"{end}（延期）" if row.extended_until else f"{end}"}


def iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


def state_cell(row: Organization) -> dict:
    return {"text": f"{row.closed_on} 撤销", "badge": "plain"} if row.closed_on else {"text": "在设", "badge": "ok"}


def table_row(row: Organization) -> dict:
    place = row.street or row.district
    texts = [row.name, row.get_level_display(), row.get_kind_display(), row.parent, place]
    cells = [{"text": str(text) if text else "—"} for text in texts]
    return {"url": reverse("orgs:detail", args=[row.pk]), "cells": [*cells, term_cell(row), state_cell(row)]}


class OrganizationListView(ScopedMixin, ListView):
    model = Organization
    permission = "orgs.view_organization"
    template_name = "orgs/list.html"

    def get(self, request, *args, **kwargs):
        query = request.GET.dict()
        known = {key: value for key, value in query.items() if key in (*OrganizationFilter.base_filters, *PAGE_KEYS)}
        if known != query:  # a mistyped filter must not pass for "everything"
            query_string = "&".join(f"{key}={value}" for key, value in known.items())
            return HttpResponseRedirect(f"{request.path}?{query_string}")
        return super().get(request, *args, **kwargs)

    def get_context_data(self, **kwargs) -> dict:
        found = OrganizationFilter(self.request.GET, queryset=self.get_queryset())
        rows = found.qs if found.form.is_valid() else found.queryset.none()
        page = page_by_path(rows.select_related("parent", "district", "street"), self.request.GET.dict())
        return {
            "view": self,
            "heading": "党组织",
            "breadcrumbs": [{"label": "党组织", "url": ""}],
            "filter": found,
            "table": {"columns": COLUMNS, "rows": [table_row(row) for row in page.rows], "caption": "党组织"},
            "page": page,
            "total_text": f"共 {rows.count():,} 个",
            "empty_reason": "没有符合条件的党组织。请放宽筛选；您只看得到本单位及下级的组织。",
            "may_add": self.request.user.has_perm("orgs.add_organization"),
        }


class OrganizationDetailView(ScopedMixin, DetailView):
    model = Organization
    permission = "orgs.view_organization"
    template_name = "orgs/detail.html"

    def get_queryset(self):
        return super().get_queryset().select_related("parent", "superior", "district", "street")

    def get_context_data(self, **kwargs) -> dict:
        row, user = self.object, self.request.user
        children = list(children_of(row, user)[: CHILDREN_SHOWN + 1])
        return {
            "object": row,
            "heading": row.name,
            "breadcrumbs": self._breadcrumbs(),
            "facts": self._facts(),
            "children": children[:CHILDREN_SHOWN],
            "has_more_children": len(children) > CHILDREN_SHOWN,
            "history": history_of(row) if user.has_perm("orgs.view_organizationchange") else None,
            "may_change": row.closed_on is None and user.has_perm("orgs.change_organization", row),
            "term": term_cell(row),
            "state": state_cell(row),
            "slots": [
                {"title": slot.title, "url": reverse(slot.url_name, args=[row.pk])}
                for slot in life.slots()
                if user.has_perm(slot.permission)
            ],
        }

    def _breadcrumbs(self) -> list[dict]:
        """The way down from the city; what lies above the own scope is a name without a link."""
        above = ancestors_of(self.object)
        visible = set(self.get_queryset().filter(pk__in=[unit.pk for unit in above]).values_list("pk", flat=True))
        crumbs = [{"label": "党组织", "url": reverse("orgs:list")}]
        for unit in above:
            url = reverse("orgs:detail", args=[unit.pk]) if unit.pk in visible else ""
            crumbs.append({"label": unit.short_name or unit.name, "url": url})
        return [*crumbs, {"label": self.object.short_name or self.object.name, "url": ""}]

    def _facts(self) -> list[tuple]:
        row = self.object
        place = " ".join(str(part) for part in (row.district, row.street) if part)
        facts = [
            ("代码", row.code),
            ("层级", row.get_level_display()),
            ("类型", row.get_kind_display()),
            ("上级（指导线）", row.parent or "无"),
            ("隶属党组织", row.superior or row.superior_name),
            ("所在", place),
            ("批准成立", iso(row.approved_on)),
        ]
        if row.host_kind:
            facts.append(("依托", row.get_host_kind_display()))
        if row.capability.term_years:
            facts += [("本届起", iso(row.term_starts_on)), ("任期至", term_cell(row)["text"])]
            if row.extended_until:
                facts.append(("延期批复", row.extension_document))
        return facts
