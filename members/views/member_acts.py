"""What is done with a member: shown in clear for a purpose, accepted by a branch, edited, ended."""

from django.http import HttpResponse
from django.urls import reverse

from members import services
from members.forms.staff import AcceptForm, EndForm, MemberForm, RevealForm
from members.models import Affiliation, Member, Pledge
from members.views.acts import revealed
from members.views.base import ActView, Link, Result, detail_url, note_choices


def plaque_lines(member: Member) -> list[str]:
    """What an act that ends a pledge has to say."""
    hangs = Pledge.objects.filter(member=member).to_take_off().exists()
    return ["三亮牌已撤下：请今天取下牌子，再在“三亮牌”里点“已取下”。"] if hangs else []


class MemberAct(ActView):
    model = Member
    permission = "members.change_member"

    def back(self) -> Link:
        return Link("回到党员", detail_url("detail", self.object))

    def show(self, form, status: int = 200) -> HttpResponse:
        note_choices(self.request, form)
        return super().show(form, status)


class Reveal(MemberAct):
    heading, submit_label, form_class = "查看明文", "查看一次", RevealForm
    permission = "members.reveal_member"

    def context(self) -> dict:
        return {"intro": "查看的人、目的和内容会记入审计，本人可以查询。明文只显示这一次。"}

    def do(self, row, form) -> Result:
        data = form.cleaned_data
        shown = services.member_reveal(
            member=row, fields=data["fields_wanted"], purpose=data["purpose"], by=self.request.user
        )
        return revealed(shown, self.back())


class Accept(MemberAct):
    """First the branch, then who of its people keeps in touch."""

    heading, submit_label, form_class = "由党组织纳管", "下一步", AcceptForm
    permission = "members.view_member"

    def dispatch(self, request, *args, **kwargs):
        if request.user.is_authenticated and not request.user.has_perm("members.add_affiliation"):
            self.permission = "members.add_affiliation"
        return super().dispatch(request, *args, **kwargs)

    def form_arguments(self) -> dict:
        return {"user": self.request.user, "member": self.object}

    def context(self) -> dict:
        return {"intro": "纳管只是参加这个党组织的活动，组织关系不变。须由该党组织的一位党员担任联系人。"}

    def post(self, request, *args, **kwargs):
        self.object = self.get_object()
        form = self.get_form(request.POST)
        if form.is_valid() and form.cleaned_data.get("contact") is None:
            self.submit_label = "确认纳管"
            if "contact" in request.POST:
                form.add_error("contact", "请选择联系人。")
            if not form.fields["contact"].queryset.exists():
                form.add_error("organization", "这个党组织现在没有您能看到的党员可以担任联系人，请另选一个。")
            return self.show(form)
        return super().post(request, *args, **kwargs)

    def do(self, row, form) -> Result:
        affiliation = services.member_accept(
            member=row, organization=form.cleaned_data["organization"], contact=form.cleaned_data["contact"],
            by=self.request.user,
        )  # fmt: skip
        lines = [str(affiliation.organization), "组织关系没有变动。"]
        return Result("已纳管", lines, [self.back(), Link("党员名单", reverse("members:list"))])


class Edit(MemberAct):
    heading, submit_label, form_class = "修改党员信息", "保存", MemberForm

    def get_form(self, data=None):
        shown = {name: getattr(self.object, name) for name in ("sex", "standing", "occupation", "workplace")}
        return MemberForm(data, initial=shown)

    def do(self, row, form) -> Result:
        services.member_edit(member=row, by=self.request.user, **form.changes())
        return Result("已保存", plaque_lines(row), [self.back()])


class End(MemberAct):
    heading, submit_label, form_class = "不再计入", "确认", EndForm

    def context(self) -> dict:
        live = Affiliation.objects.live().filter(member=self.object).count()
        return {"preview": [f"结束 {live} 个现有的关系", "作废党员码", "撤下三亮牌", "历史和已关账月份的数字不变"]}

    def do(self, row, form) -> Result:
        data = form.cleaned_data
        services.member_end(member=row, reason=data["reason"], ended_on=data["ended_on"], by=self.request.user)
        lines = ["从这一天起不再计入。", *plaque_lines(row)]
        return Result("已办理", lines, [self.back(), Link("党员名单", reverse("members:list"))])


class EndAffiliation(ActView):
    model = Affiliation
    permission = "members.change_affiliation"
    template_name = "generic/confirm.html"
    heading, submit_label = "结束关系", "确认结束"

    def back(self) -> Link:
        return Link("回到党员", detail_url("detail", self.object.member))

    def context(self) -> dict:
        row = self.object
        return {
            "question": f"从今天起结束与“{row.organization}”的{row.get_kind_display()}关系吗？",
            "consequences": ["历史保留，今天起不再计入。"],
        }

    def do(self, row, form) -> Result:
        services.affiliation_end(affiliation=row, by=self.request.user)
        return Result("已结束", [str(row.organization), *plaque_lines(row.member)], [self.back()])
