"""Members: the list, one member, the branch's roll. Masked unless somebody says what for."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.generic import View

from members import identity, selectors
from members.filters import MemberListFilter
from members.forms.staff import FindForm
from members.member_list import LISTING, MEMBERS, masked_cells, relations_text, with_organizations
from members.models import Affiliation, Member
from members.pages import page_of
from members.views.base import note_shown
from members.views.pledges import pledge_section
from orgs.scoped import ScopedMixin

COUNT_CAP = 10_000


class MemberList(ScopedMixin, View):
    """Filters stand in the address; a name is sent by POST and does not."""

    model = Member
    permission = "members.view_member"

    def get(self, request):
        return self.show(FindForm(), self.get_queryset().current())

    def post(self, request):
        form = FindForm(request.POST)
        rows = self.get_queryset().current()
        rows = rows.filter(name__startswith=form.cleaned_data["name"].strip()) if form.is_valid() else rows.none()
        return self.show(form, rows)

    def show(self, find_form, rows) -> HttpResponse:
        request = self.request
        filterset = MemberListFilter(request.GET, queryset=rows, request=request)
        rows = filterset.qs if filterset.is_valid() else rows.none()
        count = rows[: COUNT_CAP + 1].count()
        page = page_of(request, rows.only("pk"), "pk", descending=True)
        members = self.in_full(page.rows)
        note_shown(request, "members.member.list", members)
        context = {
            "heading": "党员",
            "subtitle": "在册、已核实、已纳管分别统计，互不相加",
            "filter": filterset,
            "find_form": find_form,
            "table": member_table(members),
            "page": page,
            "total_text": f"共 {count} 人" if count <= COUNT_CAP else f"超过 {COUNT_CAP} 人",
            "exports": self.exports(),
            "empty_reason": "没有符合条件的党员。报到核实之后、或登记组织关系之后，会出现在这里。",
        }
        return render(request, "members/list.html", context)

    def exports(self) -> list[dict]:
        """Not of a list found by a phone's tail: that is for finding a person, and never the filter of a file."""
        query = self.request.GET.copy()
        if not self.request.user.has_perm(LISTING.export) or query.get("phone_tail"):
            return []
        return [{"label": "导出", "url": f"{reverse('lists:export', args=[LISTING.name])}?{query.urlencode()}"}]

    def in_full(self, rows) -> list[Member]:
        """Relations are asked of the page alone: asked together with it, they are looked up of the whole list first."""
        found = with_organizations(self.get_queryset().defer("phone"), self.request.user).in_bulk(
            [row.pk for row in rows]
        )
        return [found[row.pk] for row in rows if row.pk in found]


def member_table(members) -> dict:
    columns = [{"key": column.key, "label": column.label} for column in MEMBERS.listed()]
    rows = [
        {"url": reverse("members:detail", args=[row.pk]), "cells": [{"text": text} for text in masked_cells(row)]}
        for row in members
    ]
    return {"caption": "党员名单（部分遮盖）", "columns": columns, "rows": rows}


class MemberDetail(ScopedMixin, View):
    model = Member
    permission = "members.view_member"

    def get(self, request, pk: int):
        member = get_object_or_404(with_organizations(self.get_queryset(), request.user), pk=pk)
        note_shown(request, "members.member.read", [member])
        affiliations = Affiliation.objects.filter(member=member).select_related("organization", "contact")
        visible = affiliations.visible_to(request.user).order_by("-starts_on", "-pk")
        may_keep = request.user.has_perm("members.change_member", member)
        context = {
            "heading": identity.mask_name(member.name),
            "member": member,
            "facts": member_facts(member),
            "relations": relations_text(member),
            "affiliations": visible,
            "is_elsewhere": affiliations.live().exclude(pk__in=visible.values("pk")).exists(),
            "mask": identity.mask_name,
            "registrations": member.registrations.visible_to(request.user).order_by("-pk"),
            "lookups": selectors.lookups_of(member),
            "may_reveal": request.user.has_perm("members.reveal_member", member),
            "may_take_request": request.user.has_perm("members.change_rightsrequest") and member.erased_at is None,
            "may_accept": request.user.has_perm("members.add_affiliation") and not member.ended,
            "may_keep": may_keep,
            "may_change": may_keep and not member.ended,
            "may_end_affiliation": request.user.has_perm("members.change_affiliation"),
            "is_due_anew": selectors.is_consent_due(member),
            "pledges": pledge_section(member, request.user),
            "today": timezone.localdate(),
            "breadcrumbs": [
                {"label": "党员", "url": reverse("members:list")},
                {"label": identity.mask_name(member.name), "url": None},
            ],
        }
        return render(request, "members/detail.html", context)


def member_facts(member: Member) -> list[tuple[str, str]]:
    ended = f"{member.get_ended_display()}（{member.ended_on}）" if member.ended else ""
    facts = [
        ("身份号码", identity.mask_id(member.id_number) or "没有提供"),
        ("手机", identity.mask_phone(member.phone_tail)),
        ("性别", member.get_sex_display()),
        ("党员类别", member.get_standing_display()),
        ("关系", relations_text(member)),
        ("职业", member.get_occupation_display()),
        ("工作单位", str(member.workplace_business or member.workplace or "")),
    ]
    return facts + ([("不再计入", ended)] if ended else [])


class Roll(ScopedMixin, View):
    """本支部名册: who belongs to the secretary's organization and those below it, on the roll or taken in."""

    model = Affiliation
    permission = "members.accept_member"

    def get(self, request):
        kind = (
            request.GET.get("kind") if request.GET.get("kind") in Affiliation.Kind.values else Affiliation.Kind.FORMAL
        )
        live = self.get_queryset().live()
        rows = live.filter(kind=kind).select_related("member", "organization", "contact")
        page = page_of(request, rows, "pk")
        note_shown(request, "members.member.list", [row.member for row in page.rows])
        context = {
            "heading": "本支部名册",
            "table": _roll_table(page.rows, kind),
            "tabs": [
                {
                    "label": label,
                    "url": f"?kind={value}",
                    "current": value == kind,
                    "count": live.filter(kind=value).count(),
                }
                for value, label in Affiliation.Kind.choices
            ],
            "page": page,
            "empty_reason": "名册上还没有人。组织关系由登记人员录入；报到党员核实后，可以在党员页面纳管。",
        }
        return render(request, "members/roll.html", context)


def _roll_table(affiliations, kind: str) -> dict:
    last = "联系人" if kind == Affiliation.Kind.ACTIVITY else "党组织"
    columns = [{"key": key, "label": key} for key in ("姓名", "党员类别", "手机", "起", last)]
    rows = []
    for row in affiliations:
        contact = identity.mask_name(row.contact.name) if row.contact else "没有指定"
        texts = [
            identity.mask_name(row.member.name), row.member.get_standing_display(),
            identity.mask_phone(row.member.phone_tail), f"{row.starts_on:%Y-%m-%d}",
            contact if kind == Affiliation.Kind.ACTIVITY else str(row.organization),
        ]  # fmt: skip
        rows.append(
            {"url": reverse("members:detail", args=[row.member_id]), "cells": [{"text": text} for text in texts]}
        )
    return {"caption": "名册", "columns": columns, "rows": rows}
