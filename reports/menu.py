"""The left menu of the staff pages: what a person may open, and nothing else."""

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import NamedTuple

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django.utils.safestring import SafeString

from accounts.models import User
from members.models import Registration
from orgs.doors import current_postings, rights_held
from reports.models import Alarm


@dataclass(frozen=True)
class Entry:
    """One line of the menu. `also` names the pages on which it stays the current one."""

    label: str
    icon: str
    url_name: str
    permission: str = ""
    also: tuple[str, ...] = ()
    duties: tuple[str, ...] = (User.Duty.STAFF,)
    counts: str = ""  # of Asked: how many wait there
    only_ferried: bool = False  # shown only where files are carried between the two faces


QUEUE, ALARMS = "members.view_registration", "reports.view_alarm"
SEARCH = "orgs.view_organization"
ALL_DUTIES = tuple(User.Duty.values)
GROUPS: tuple[tuple[str, tuple[Entry, ...]], ...] = (
    (
        "工作台",
        (
            Entry("首页", "home", "reports:front", "reports.release_evaluation"),
            Entry("今日工作", "calendar-check", "reports:today", "members.view_registration"),
            Entry(
                "一页看懂", "bulb", "reports:brief", "reports.view_snapshot",
                also=("reports:brief_organization", "reports:brief_division"),
            ),
            Entry(
                "数据看板", "layout-dashboard", "reports:dashboard", "reports.view_snapshot",
                also=("reports:organization", "reports:division", "reports:rows", "reports:explain",
                      "reports:compare_organization", "reports:compare_division"),
            ),
            Entry("我的任务进度", "progress", "jobs:list", "reports.view_snapshot", also=("jobs:detail",)),
            Entry("导出文件", "download", "lists:exports", "markets.export_business"),
            Entry("导出审批", "checks", "lists:approvals", "markets.export_business", also=("lists:approval",)),
        ),
    ),
    (
        "组织与主体",
        (
            Entry("党组织", "sitemap", "orgs:list", "orgs.view_organization", also=("orgs:detail",)),
            Entry(
                "经营主体", "building-store", "markets:business_list", "markets.view_business",
                also=("markets:business_detail",),
            ),
            Entry(
                "专业市场", "building-warehouse", "markets:market_list", "markets.view_market",
                also=("markets:market_detail",),
            ),
            Entry("行业片区", "category", "markets:industry_area_list", "markets.view_industryarea"),
            Entry("平台企业", "building-community", "markets:platform_list", "markets.view_platform"),
            Entry("配送网点", "truck-delivery", "markets:delivery_site_list", "markets.view_deliverysite"),
            Entry("划转", "arrows-exchange", "markets:hand_over_list", "markets.view_handover"),
            Entry(
                "系统间差异", "git-compare", "markets:difference_list", "markets.view_sourcedifference",
                also=("markets:difference",),
            ),
            Entry("本次未出现", "eye-off", "markets:absence_list", "markets.view_absence"),
            Entry(
                "登记事项反馈", "send", "members:feedback", "members.export_intakeevent",
                also=("members:feedback_file",),
            ),
            Entry("数据导入", "upload", "tables:upload", "members.import_roll"),
            Entry("导入记录", "history", "tables:list", "members.import_roll", also=("tables:batch",)),
        ),
    ),
    (
        "党员与报到",
        (
            Entry(
                "报到核实", "checklist", "members:queue", QUEUE,
                also=("members:registration",), counts="waiting",
            ),
            Entry("党员", "users", "members:list", "members.view_member", also=("members:detail",)),
            Entry("三亮牌", "certificate", "members:pledges", "members.view_pledge"),
            Entry("本支部名册", "address-book", "members:roll", "members.accept_member"),
            Entry("报到码", "qrcode", "members:posters", "members.view_poster", also=("members:poster_new",)),
            Entry(
                "权利申请", "shield-check", "members:rights", "members.view_rightsrequest",
                also=("members:rights_answer",),
            ),
        ),
    ),
    (
        "服务点与签到",
        (
            Entry("签到登记", "circle-check", "stations:desk", "stations.add_checkin"),
            Entry("服务点", "map-pin", "stations:list", "stations.view_servicepoint", also=("stations:detail",)),
            Entry("签到记录", "list-check", "stations:check_in_list", "stations.view_checkin"),
        ),
    ),
    (
        "统计",
        (
            Entry(
                "目标进度", "target", "reports:goals", "reports.view_goal",
                also=("reports:goal", "reports:plan", "reports:goal_new", "reports:plan_new"),
            ),
            Entry(
                "工作评价", "trophy", "reports:evaluations", "reports.view_evaluation",
                also=("reports:evaluation", "reports:evaluation_new", "reports:evaluation_edit"),
            ),
            Entry(
                "月报和一页纸", "file-text", "reports:printed_list", "reports.view_printeddocument",
                also=("reports:printed", "reports:printed_new", "reports:printed_new_weekly", "reports:printed_check",
                      "reports:printed_void"),
            ),
            Entry(
                "一次填报", "table-shortcut", "reports:report_forms", "reports.view_reportform",
                also=("reports:report_form", "reports:report_form_new", "reports:report_form_edit",
                      "reports:report_form_cell", "reports:report_form_suggest", "reports:filled_form"),
            ),
            Entry(
                "月度关账", "calendar-stats", "reports:closings", "reports.view_monthclosing",
                also=("reports:closing", "reports:month_close", "reports:closing_revise"),
            ),
            Entry("公布数据", "news", "reports:reported", "reports.view_monthclosing"),
            Entry("数据下载", "table-export", "reports:numbers", "reports.view_snapshot"),
            Entry(
                "大屏", "device-tv", "reports:screens", "reports.view_screen",
                also=("reports:screen_new", "reports:screen_change", "reports:screen_revoke"),
            ),
            Entry(
                "下级对照", "columns", "reports:comparison_choices", "reports.decide_comparisonchoice",
                also=("reports:comparison_choose",),
            ),
            Entry("统计口径", "book", "reports:metrics", "reports.view_snapshot"),
        ),
    ),
    (
        "管理",
        (
            Entry("登记与维护", "database-edit", "admin:index", "orgs.change_organization"),
            Entry("授权", "user-check", "orgs:grants", "orgs.grant_posting", also=("orgs:grant_new", "orgs:grant_end")),
            Entry(
                "告警", "bell", "reports:alarms", "reports.view_alarm", also=("reports:alarm",), duties=ALL_DUTIES[1:],
                counts="alarms",
            ),
            Entry(
                "锁定的账号", "lock", "accounts:locks", "accounts.change_user", also=("accounts:measure",),
                duties=(User.Duty.SECURITY,),
            ),
            Entry("久未使用的账号", "user-off", "accounts:idle", "accounts.change_user", duties=(User.Duty.SECURITY,)),
            Entry("管理后台", "settings", "admin:index", duties=ALL_DUTIES[1:]),
            Entry(
                "审计记录", "history", "reports:audit", "accounts.view_auditevent", also=("reports:audit_event",),
                duties=(User.Duty.AUDIT,),
            ),
            Entry("导出文件", "download", "lists:exports", "accounts.export_auditevent", duties=(User.Duty.AUDIT,)),
            Entry(
                "导出审批", "checks", "lists:approvals", "accounts.export_auditevent", also=("lists:approval",),
                duties=(User.Duty.AUDIT,),
            ),
            Entry(
                "权限自检", "shield-search", "reports:self_checks", "reports.view_selfcheck",
                also=("reports:self_check", "reports:self_check_new"), duties=(User.Duty.SECURITY,),
            ),
            Entry("个人信息字段清单", "list-details", "reports:inventory", "accounts.view_inventory", duties=ALL_DUTIES),
            Entry("到期抹除记录", "eraser", "reports:retention", "accounts.view_retention", duties=ALL_DUTIES),
            Entry("运行状况", "heartbeat", "reports:health", "accounts.view_health", duties=(User.Duty.SYSTEM,)),
            Entry(
                "摆渡文件", "ferry", "members:ferry", "members.view_ferryfile", duties=(User.Duty.SYSTEM,),
                only_ferried=True,
            ),
            Entry("我的岗位与权限", "id-badge-2", "reports:me", duties=ALL_DUTIES),
        ),
    ),
)  # fmt: skip


class Asked(NamedTuple):
    """All that a menu depends on: two people with the same rights are shown the same one."""

    duty: str
    rights: frozenset[str]
    here: str  # name of the page
    waiting: int | None  # undecided registrations, for who may see them
    alarms: int | None  # that nobody saw to yet, for the administrator whose they are
    is_ferried: bool


def menu(request) -> dict:
    """Context processor: `menu`, `menu_html`, `may_search` (worked out only where a template shows them), `unit_name`,
    `opened_at`."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {"menu": [], "menu_html": "", "may_search": False, "unit_name": "", "opened_at": ""}
    asked_once = cache(lambda: asked(request, user))
    return {
        "menu": SimpleLazyObject(lambda: _groups(asked_once())),
        "menu_html": lambda: _html(asked_once()),
        "may_search": SimpleLazyObject(lambda: SEARCH in asked_once().rights),
        "unit_name": SimpleLazyObject(lambda: unit_name(user)),
        "opened_at": now_told(),
    }


def now_told() -> str:
    return f"{timezone.localtime():%Y-%m-%d %H:%M}"


def unit_name(user) -> str:
    """Where the person stands, for the top bar: the unit of the first posting, or the administrator's duty."""
    if user.duty != User.Duty.STAFF:
        return user.get_duty_display()
    postings = current_postings(user)
    return str(getattr(postings[0].unit, "short_name", "") or postings[0].unit) if postings else ""


def asked(request, user) -> Asked:
    rights = rights_held(user)
    waiting = Registration.objects.visible_to(user).undecided().count() if QUEUE in rights else None
    alarms = Alarm.objects.visible_to(user).filter(handled_at=None).count() if ALARMS in rights else None
    here = request.resolver_match.view_name if request.resolver_match else ""
    return Asked(user.duty, rights, here, waiting, alarms, settings.IS_FERRIED)


@lru_cache(maxsize=1024)
def _html(asked: Asked) -> SafeString:
    return render_to_string("partials/_menu.html", {"menu": _groups(asked)})


@lru_cache(maxsize=1024)
def _groups(asked: Asked) -> list[dict]:
    groups = []
    for label, entries in GROUPS:
        shown = [
            {
                "label": entry.label,
                "icon": entry.icon,
                "url": reverse(entry.url_name),
                "current": asked.here == entry.url_name or asked.here in entry.also,
                "count": getattr(asked, entry.counts) if entry.counts else None,
            }
            for entry in entries
            if asked.duty in entry.duties
            and (not entry.permission or entry.permission in asked.rights)
            and (asked.is_ferried or not entry.only_ferried)
        ]
        if shown:
            groups.append({"label": label, "entries": shown})
    return groups
