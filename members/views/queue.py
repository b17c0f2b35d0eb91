"""The officer's queue, and one registration."""

from django.http import Http404
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.generic import View

from members import identity, selectors
from members.filters import OPEN, QueueFilter
from members.forms.staff import ContactForm
from members.models import Member, Registration
from members.pages import page_of
from members.services.decide import what_happened
from members.views.base import note_shown
from orgs.scoped import ScopedMixin

LEAD_PURPOSE, LEAD_RIGHT = "核实报到", "members.verify_registration"
BADGES = {
    "submitted": "info", "contacted": "warn", "verified": "ok", "not_verified": "plain", "duplicate": "plain",
    "unreachable": "plain", "withdrawn": "plain", "expired": "bad",
}  # fmt: skip


def is_own_lead(registration: Registration, user) -> bool:
    """Whose name and number the officer sees in order to call: the own lead, while it is open and the label allows it."""
    is_open = registration.assigned_to_id == user.pk and registration.state in Registration.OPEN
    return is_open and user.is_cleared_for(LEAD_RIGHT)


def due_text(registration: Registration) -> str:
    """ "逾期 3 天", "今天到期", "11-30 到期"; empty once decided."""
    if registration.state not in Registration.OPEN:
        return ""
    days = (registration.due_on - timezone.localdate()).days
    if days < 0:
        return f"逾期 {-days} 天"
    return "今天到期" if days == 0 else f"{registration.due_on:%m-%d} 到期"


def row_of(registration: Registration, user, *, due_anew: frozenset[int] = frozenset()) -> dict:
    """`due_anew`: of the page, whose consent must be obtained anew (PIPL Art. 14(2))."""
    mine = is_own_lead(registration, user)
    where = registration.market.name if registration.market else registration.get_channel_display()
    return {
        "registration": registration,
        "mine": mine,
        "who": registration.name if mine else identity.mask_name(registration.name),
        "phone": registration.phone if mine else identity.mask_phone(registration.phone_tail),
        "what": f"{registration.get_standing_display()} · {where}",
        "due": due_text(registration),
        "is_overdue": registration.state in Registration.OPEN and registration.due_on < timezone.localdate(),
        "badge": BADGES[registration.state],
        "is_due_anew": registration.pk in due_anew,
        "assignee": "" if mine else str(registration.assigned_to or ""),
    }


def note_leads(request, registrations) -> None:
    leads = [row for row in registrations if is_own_lead(row, request.user)]
    note_shown(request, "members.registration.call", leads, purpose=LEAD_PURPOSE)


class Queue(ScopedMixin, View):
    """Registrations of the own guidance station; open ones by due date, so that what is overdue stands on top."""

    model = Registration
    permission = "members.view_registration"

    def get(self, request):
        data = request.GET.copy()
        data.setdefault("state", OPEN)
        filterset = QueueFilter(data, queryset=self.get_queryset(), request=request)
        rows = filterset.qs if filterset.is_valid() else self.get_queryset().none()
        is_open = filterset.form.cleaned_data.get("state") == OPEN if filterset.is_valid() else True
        rows = rows.select_related("market", "assigned_to")
        page = page_of(request, rows, "due_on", "pk", descending=not is_open)
        note_shown(request, "members.registration.list", page.rows)
        note_leads(request, page.rows)
        due_anew = self.get_queryset().consent_due()
        of_page = frozenset(due_anew.filter(pk__in=[row.pk for row in page.rows]).values_list("pk", flat=True))
        context = {
            "heading": "报到核实",
            "subtitle": "按应办结日期排列，逾期的在最上面",
            "filter": filterset,
            "rows": [row_of(row, request.user, due_anew=of_page) for row in page.rows],
            "due_anew": due_anew.count(),
            "page": page,
            "total_text": f"共 {rows.count()} 条",
            "may_add": request.user.has_perm("members.add_registration"),
            "empty_reason": "没有符合条件的报到。有人扫码报到后，会出现在这里；也可以换一个筛选条件。",
        }
        return render(request, "members/queue.html", context)


class RegistrationDetail(ScopedMixin, View):
    """One registration with what can be done now. Clear name and number only for whose lead it is."""

    model = Registration
    permission = "members.view_registration"

    def get(self, request, pk: int):
        rows = self.get_queryset().select_related(
            "market", "assigned_to", "decided_by", "guidance_station", "member", "duplicate_of"
        )
        row = get_object_or_404(rows, pk=pk)
        if row.erased_at is not None:
            raise Http404  # nothing of a person is left to show
        note_shown(request, "members.registration.read", [row])
        note_leads(request, [row])
        return render(request, "members/registration.html", registration_context(row, request.user))


def registration_context(row: Registration, user) -> dict:
    is_open = row.state in Registration.OPEN
    may_act = user.has_perm("members.change_registration", row)
    joined = row.receipts.filter(is_joined=True)
    is_due_anew = Registration.objects.consent_due().filter(pk=row.pk).exists()
    return {
        "row": row_of(row, user),
        "registration": row,
        "heading": f"报到 {row.pk}",
        "facts": _facts(row),
        "is_open": is_open,
        "may_act": may_act and is_open,
        "is_due_anew": is_due_anew,
        "may_ask_anew": is_due_anew and may_act,
        "may_verify": is_open and user.has_perm("members.verify_registration", row),
        "may_reveal": user.has_perm("members.verify_registration", row),
        "may_take_request": user.has_perm("members.change_rightsrequest"),
        "what_happened": "" if is_open else what_happened(row),
        "contacts": row.contacts.select_related("by"),
        "contact_form": ContactForm(),
        "consents": row.consents.select_related("notice").order_by("pk"),
        "lookups": selectors.lookups_of_registrations([row.pk]),
        "duplicates": selectors.duplicates_here(row, user) if is_open else [],
        "is_elsewhere": is_open and selectors.is_known_elsewhere(row, user),
        "joined_count": joined.count(),
        "joined_with_other_phone": joined.filter(phone_differs=True).exists(),
        "member_visible": row.member_id is not None
        and Member.objects.visible_to(user).filter(pk=row.member_id).exists(),
    }


def _facts(row: Registration) -> list[tuple[str, str]]:
    home = "本人不清楚" if row.home_unknown else f"{row.home_place} {row.home_branch}".strip()
    return [
        ("受理", str(row.guidance_station or "区直属／待分派")),
        ("身份号码", identity.mask_id(row.id_number) or "本人没有提供"),
        ("性别", row.get_sex_display()),
        ("职业", row.get_occupation_display()),
        ("工作单位或摊位", row.workplace),
        ("组织关系所在", home),
        ("来源", f"{row.get_channel_display()}，{row.get_confirmation_display()}"),
        ("报到时间", f"{timezone.localtime(row.submitted_at):%Y-%m-%d %H:%M}"),
        ("应办结日期", f"{row.due_on:%Y-%m-%d}"),
        ("经办人", str(row.assigned_to or "还没有人领取")),
    ]
