"""三亮: entered with the person present, who reads what will be shown; printed; taken down; the list of what hangs."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.generic import View

from members import selectors, services
from members.errors import Refused
from members.filters import PledgeFilter
from members.forms.staff import PledgeAgreedForm, PledgeForm, PledgePrintForm
from members.models import Member, Pledge
from members.pages import page_of
from members.tables import PLEDGES
from members.views.base import ActView, Link, Result, detail_url, note_shown, refused
from members.views.member_acts import MemberAct
from orgs.scoped import ScopedMixin
from tables.lists import table_context


def pledge_section(member: Member, user) -> dict:
    """What a member's page says of it, to whoever keeps that member there."""
    rows = list(Pledge.objects.filter(member=member).visible_to(user, "members.change_pledge").order_by("-pk"))
    live = next((row for row in rows if row.withdrawn_at is None), None)
    may_enter = live is None and not member.ended and not selectors.is_consent_due(member)
    return {
        "live": live,
        "to_take_off": [row for row in rows if row.withdrawn_at and not row.taken_off_on],
        "may_enter": may_enter and selectors.pledge_organizations(member, user).exists(),
    }


class PledgeNew(MemberAct):
    """First the words, then the person reads them as they would hang there and agrees, or does not."""

    heading, form_class = "登记三亮", PledgeForm

    def form_arguments(self) -> dict:
        return {"user": self.request.user, "member": self.object}

    def context(self) -> dict:
        return {
            "submit_label": "下一步：给本人看",
            "intro": "只在本人在场时登记。三亮是自愿的：不登记没有任何影响，随时可以撤下。牌子上没有照片、身份号码和手机号。",
        }

    def post(self, request, *args, **kwargs) -> HttpResponse:
        self.object = self.get_object()
        form = PledgeForm(request.POST, **self.form_arguments())
        if "back" in request.POST:
            return self.show(PledgeForm(initial=request.POST.dict(), **self.form_arguments()))
        if not form.is_valid():
            return self.show(form, 422)
        words = form.cleaned_data
        agreed = PledgeAgreedForm(request.POST if "seen" in request.POST else None, **self.form_arguments())
        try:
            if agreed.is_valid():
                return self.kept(words, agreed.cleaned_data["seen"]).moved(request)
            return self.to_agree(words, agreed)
        except Refused as error:
            return refused(request, error, [self.back()])

    def to_agree(self, words: dict, form: PledgeAgreedForm) -> HttpResponse:
        """What will be shown, and the tick, empty."""
        draft = services.pledge_draft(member=self.object, **words)
        seen = services.pledge_preview(pledge=draft, by=self.request.user)
        if not form.is_bound:
            form = PledgeAgreedForm(initial=words | {"seen": seen}, **self.form_arguments())
        context = {
            "heading": self.heading, "form": form, "plaque": draft, "submit_label": "本人同意，登记",
            "cancel_url": self.back().url,
            "breadcrumbs": [{"label": "回到党员", "url": self.back().url}, {"label": self.heading, "url": None}],
        }  # fmt: skip
        return render(self.request, "members/pledge_agree.html", context, status=422 if form.is_bound else 200)

    def kept(self, words: dict, seen: str) -> Result:
        pledge = services.pledge_create(agreed_to=seen, by=self.request.user, member=self.object, **words)
        lines = ["本人同意的内容已经保存，以后不能修改；要改就撤下，由本人重新同意。"]
        return Result("已登记三亮", lines, [Link("打印牌子", detail_url("pledge_print", pledge)), self.back()])


class PledgeAct(ActView):
    model = Pledge
    permission = "members.change_pledge"

    def back(self) -> Link:
        row = self.object
        if Member.objects.visible_to(self.request.user, "members.view_member").filter(pk=row.member_id).exists():
            return Link("回到党员", reverse("members:detail", args=[row.member_id]))
        return Link("回到三亮牌", reverse("members:pledges"))


class PledgePrint(PledgeAct):
    """A look at a person in clear: asked for with its purpose, as every other; the page is not kept."""

    heading, submit_label, form_class = "打印三亮牌", "打开牌子", PledgePrintForm

    def get_object(self):
        return get_object_or_404(self.get_queryset().live(), pk=self.kwargs["pk"])

    def context(self) -> dict:
        return {"intro": "打开的是本人同意公开的全部内容，姓名不遮盖。打开的人和目的会记入审计，本人可以查询。"}

    def do(self, row, form) -> HttpResponse:
        plaque = services.pledge_show(pledge=row, purpose=form.cleaned_data["purpose"], by=self.request.user)
        back = self.back()
        context = {
            "heading": "三亮牌", "plaque": plaque, "back": back,
            "breadcrumbs": [{"label": back.label, "url": back.url}, {"label": "三亮牌", "url": None}],
        }  # fmt: skip
        return render(self.request, "members/pledge_print.html", context)


class PledgeWithdraw(PledgeAct):
    template_name = "generic/confirm.html"
    heading, submit_label = "撤下三亮牌", "撤下"

    def context(self) -> dict:
        return {
            "question": "本人要撤下这块三亮牌吗？",
            "consequences": [
                "本人的同意从现在起撤回，不能再打印",
                "牌子请今天取下，取下后在“三亮牌”里点“已取下”",
                "撤下没有任何影响；以后要再挂，由本人重新同意",
            ],
            "danger": True,
        }

    def do(self, row, form) -> Result:
        services.pledge_withdraw(pledge=row, by=self.request.user)
        lines = [
            "牌子请今天取下。",
            *([f"挂牌地点：{row.place}"] if row.place else []),
            "取下后，在“三亮牌”里点“已取下”。",
        ]
        return Result("已撤下", lines, [Link("三亮牌", reverse("members:pledges")), self.back()])


class PledgeTakenOff(PledgeAct):
    """One tap on the list or the member's page."""

    http_method_names = ["post", "options"]

    def do(self, row, form) -> HttpResponse:
        services.pledge_take_off(pledge=row, by=self.request.user)
        messages.success(self.request, "已记下：牌子今天取下。")
        return redirect("members:pledges")


class PledgeList(ScopedMixin, View):
    """What hangs, and what may still hang although it ended."""

    model = Pledge
    permission = "members.view_pledge"

    def get(self, request) -> HttpResponse:
        filterset = PledgeFilter(request.GET, queryset=self.get_queryset(), request=request)
        rows = filterset.qs if filterset.is_valid() else filterset.queryset.none()
        page = page_of(request, rows.select_related("member"), "pk", descending=True)
        note_shown(request, "members.pledge.list", [row.member for row in page.rows])
        context = {
            "heading": "三亮牌",
            "subtitle": "本人单独同意才公开；不评比、不计数，不作为任何服务的条件",
            "filter": filterset,
            "table": self.table(page.rows),
            "page": page,
            "total_text": f"共 {rows.count()} 块",
            "to_take_off": self.get_queryset().to_take_off().count(),
            "empty_reason": "没有符合条件的三亮牌。本人在场并单独同意的，在党员页面登记。",
        }
        return render(request, "members/pledges.html", context)

    def table(self, rows: list[Pledge]) -> dict:
        may = self.request.user.has_perm("members.change_pledge")
        shown = table_context(PLEDGES, PLEDGES.listed(), rows)
        shown["columns"].append({"key": "act", "label": "办理"})
        for line, row in zip(shown["rows"], rows, strict=True):
            hangs = may and row.withdrawn_at is not None and row.taken_off_on is None
            act = {"text": "已取下", "post": detail_url("pledge_taken_off", row)} if hangs else {"text": ""}
            line["cells"].append(act)
        return shown
