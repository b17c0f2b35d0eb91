"""Where each persona begins: the right first page, the officer's day, and what one may do."""

from django.contrib.auth.mixins import LoginRequiredMixin
from django.db.models import prefetch_related_objects
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.generic import TemplateView, View

from accounts.models import User
from orgs.doors import current_postings, held_back
from orgs.models import Role
from orgs.scoped import DoorMixin
from reports import brief, words
from reports.behind import own_unit
from reports.day import day_of
from reports.front import RELEASE, front_of
from reports.links import page
from reports.menu import unit_name
from reports.rights_table import duty_rows, roles_table
from reports.selectors import counted_at

# The first page of each role, the highest first for somebody who holds several.
FIRST_PAGE = (
    (Role.LEADER, "reports:front", RELEASE),
    (Role.REGISTRAR, "reports:dashboard", "reports.view_snapshot"),
    (Role.OFFICER, "reports:today", "members.view_registration"),
    (Role.SECRETARY, "members:roll", "members.accept_member"),
)


class Home(View):
    """`/`: sends everybody to the page their work begins on."""

    def get(self, request: HttpRequest) -> HttpResponse:
        if not request.user.is_authenticated:
            return redirect("accounts:sign_in")
        if request.user.duty != User.Duty.STAFF:
            return redirect("admin:index")
        held = {posting.role for posting in current_postings(request.user)}
        for role, name, right in FIRST_PAGE:
            if role in held and request.user.has_perm(right):
                return redirect(name)
        return redirect("reports:me")


class FrontPage(DoorMixin, View):
    """首页: a leader's own unit on one screen: six sentences, the leading numbers, gaps, and what is due."""

    permission = RELEASE

    def get(self, request: HttpRequest) -> HttpResponse:
        unit = own_unit(request.user)
        found = front_of(request.user, unit) if unit else None
        context = {
            "heading": str(unit),
            "unit": unit,
            "found": found,
            "opens": words.Basis(),
            "judged": brief.BASIS,
            "computed_at": timezone.localtime(counted_at(found.own)) if found else None,
            "brief_url": words.brief_page(unit) if unit else "",
            "dashboard_url": words.unit_page(unit) if unit else "",
        }
        return render(request, "reports/front.html", context)


class Today(DoorMixin, TemplateView):
    """今日工作: the officer's day, phone first."""

    permission = "members.view_registration"
    template_name = "reports/today.html"

    def get_context_data(self, **kwargs):
        user = self.request.user
        day = day_of(user)
        anew = f"，{day.consent_due} 份须重新取得同意" if day.consent_due else ""
        acts = (
            ("报到核实", "checklist", "members:queue", f"{day.waiting} 件待办{anew}", "members.view_registration"),
            ("签到登记", "circle-check", "stations:desk", "出示党员码，三步办完", "stations.add_checkin"),
            ("客流", "walk", "stations:desk", "歇脚、充电、办事，一点加一", "stations.add_footfalltally"),
            ("党员", "users", "members:list", "本站党员，脱敏显示", "members.view_member"),
            ("报到码", "qrcode", "members:posters", "打印或停用", "members.view_poster"),
        )
        return super().get_context_data(
            heading="今日工作",
            subtitle=f"{unit_name(user)} · {day.on:%Y-%m-%d}",
            day=day,
            rights_url=page("members:rights"),
            pledges_url=page("members:pledges"),
            dues=self._dues(day),
            acts=[
                {"label": label, "icon": icon, "url": page(name), "hint": hint}
                for label, icon, name, hint, right in acts
                if user.has_perm(right)
            ],
            tiles=self._tiles(day),
            **kwargs,
        )

    @staticmethod
    def _dues(day) -> list[dict]:
        queue = page("members:queue")
        return [
            {"label": "已逾期", "count": day.overdue, "kind": "bad" if day.overdue else "ok", "url": queue},
            {"label": "今天到期", "count": day.due_today, "kind": "warn" if day.due_today else "ok", "url": queue},
            {"label": "三天内到期", "count": day.due_soon, "kind": "info" if day.due_soon else "ok", "url": queue},
        ]

    @staticmethod
    def _tiles(day) -> list[dict]:
        queue, check_ins = page("members:queue"), page("stations:check_in_list")
        return [
            {
                "label": "待核实",
                "value": day.submitted,
                "unit": "件",
                "url": queue,
                "detail": f"已联系 {day.contacted} 件",
            },
            {"label": "今天核实", "value": day.verified_today, "unit": "件", "detail": "按办结时间"},
            {"label": "今天签到", "value": day.check_ins, "unit": "人次", "url": check_ins, "detail": "党员本人签到"},
            {"label": "今天客流", "value": day.footfall, "unit": "人次", "detail": "只计数，不问身份"},
        ]


class Me(LoginRequiredMixin, TemplateView):
    """我的岗位与权限: the postings one holds and the rights that come with them."""

    template_name = "reports/me.html"

    def get_context_data(self, **kwargs):
        user = self.request.user
        postings = current_postings(user)
        prefetch_related_objects(postings, "granted_by")
        return super().get_context_data(
            heading="我的岗位与权限",
            subtitle="权限由任职而来：在哪个单位任职，就管到哪个单位及以下",
            postings=postings,
            own_roles={Role(posting.role).label for posting in postings},
            roles=roles_table(),
            duty=user.get_duty_display() if user.duty != User.Duty.STAFF else "",
            duty_rows=duty_rows(user.duty),
            clearance_help=User._meta.get_field("clearance").help_text,
            held_back=list(filter(None, map(held_back, postings))),
            **kwargs,
        )
