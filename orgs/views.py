"""Pages of organizations: the list and one organization with its history and other rooms' sections."""

from datetime import date

from django.urls import reverse
from django.views.generic import DetailView

from orgs import life
from orgs.listings import ORGANIZATION_LIST
from orgs.models import Organization
from orgs.scoped import ScopedMixin
from orgs.selectors import ancestors_of, children_of, history_of
from orgs.tables import state_badge, state_text, term_badge, term_text
from tables.list_views import ListPage

CHILDREN_SHOWN = 100


def iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


def badged(text: str, badge: str) -> dict:
    return {"text": text, "badge": badge} if badge else {"text": text}


class OrganizationListView(ListPage):
    listing = ORGANIZATION_LIST
    template_name = "orgs/list.html"

    def more(self) -> dict:
        return {"may_add": self.request.user.has_perm("orgs.add_organization")}


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
            "term": badged(term_text(row), term_badge(row)),
            "state": badged(state_text(row), state_badge(row)),
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
            facts += [("本届起", iso(row.term_starts_on)), ("任期至", term_text(row))]
            if row.extended_until:
                facts.append(("延期批复", row.extension_document))
        return facts
