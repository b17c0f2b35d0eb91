"""What an officer does with a registration: each act a form and a result."""

from django.shortcuts import get_object_or_404
from django.urls import reverse

from members import identity, selectors, services
from members.forms.staff import ContactForm, DuplicateForm, RefuseForm, RevealForm, TakeForm, VerifyForm
from members.models import Registration
from members.services.decide import what_happened
from members.services.people import REVEALABLE
from members.views.base import ActView, Link, Result, detail_url, note_choices, refused


class RegistrationAct(ActView):
    model = Registration
    permission = "members.change_registration"
    needs_open = True

    def get_object(self):
        rows = self.get_queryset().filter(erased_at__isnull=True)
        return get_object_or_404(rows.select_related("decided_by", "assigned_to"), pk=self.kwargs["pk"])

    def back(self) -> Link:
        return Link("回到这条报到", detail_url("registration", self.object))

    def show(self, form, status: int = 200):
        if self.needs_open and self.object.state not in Registration.OPEN:
            error = services.decide.Conflict(f"没有办成：{what_happened(self.object)}")
            return refused(self.request, error, [self.back()])
        note_choices(self.request, form)
        return super().show(form, status)

    def done(self, title: str, *lines: str, **more) -> Result:
        queue = Link("回到待办", reverse("members:queue"))
        return Result(title, [line for line in lines if line], [queue, self.back()], **more)


class Take(RegistrationAct):
    heading, submit_label = "领取这条报到", "领取"
    template_name = "generic/confirm.html"

    def context(self) -> dict:
        holder = self.object.assigned_to
        question = (
            f"现在由 {holder} 经办，确定改由您经办吗？" if holder else "领取后由您联系和核实，可以看到姓名和手机号。"
        )
        return {"question": question}

    def get_form(self, data=None):
        return TakeForm(data, initial={"seen": self.object.assigned_to_id})

    def do(self, row, form) -> Result:
        services.registration_take(registration=row, by=self.request.user, seen_assignee=form.cleaned_data["seen"])
        return Result("已领取", ["现在由您联系和核实。", "打开这条报到，就能看到姓名和拨号按钮。"], [self.back()])


class Contact(RegistrationAct):
    heading, submit_label, form_class = "记下联系结果", "记下", ContactForm

    def do(self, row, form) -> Result:
        log = services.registration_contact(
            registration=row, outcome=form.cleaned_data["outcome"], by=self.request.user
        )
        return Result("已记下", [f"联系结果：{log.get_outcome_display()}"], [self.back()])


class Verify(RegistrationAct):
    heading, submit_label, form_class = "核实", "确认已核实", VerifyForm
    permission = "members.verify_registration"

    def form_arguments(self) -> dict:
        return {"candidates": selectors.member_candidates(self.object, self.request.user)}

    def context(self) -> dict:
        elsewhere = selectors.is_known_elsewhere(self.object, self.request.user)
        note = "已在他处报到。" if elsewhere else ""
        return {"intro": f"{note}核实后成为“已核实”党员；组织关系不变。"}

    def do(self, row, form) -> Result:
        row = services.registration_verify(
            registration=row,
            method=form.cleaned_data["method"],
            same_as=form.cleaned_data.get("same_as"),
            by=self.request.user,
        )
        lines = [f"方式：{row.get_method_display()}", "组织关系没有变动。", "可以接着由党支部纳管。"]
        links = [Link("看党员", detail_url("detail", row.member)), Link("回到待办", reverse("members:queue"))]
        return Result("已核实", lines, links)


class Refuse(RegistrationAct):
    heading, submit_label, form_class = "标为未核实", "标为未核实", RefuseForm
    permission = "members.verify_registration"

    def context(self) -> dict:
        return {"intro": "未核实只表示这次没有能够核实，不表示不是党员。本人看不到原因。"}

    def do(self, row, form) -> Result:
        services.registration_refuse(registration=row, reason=form.cleaned_data["reason"], by=self.request.user)
        return self.done("已标为未核实", "本人看到的是“未核实”，看不到原因。", kind="wait", icon="clock")


class Duplicate(RegistrationAct):
    heading, submit_label, form_class = "标为重复", "标为重复", DuplicateForm
    permission = "members.verify_registration"

    def form_arguments(self) -> dict:
        return {"others": selectors.duplicates_here(self.object, self.request.user)}

    def context(self) -> dict:
        elsewhere = selectors.is_known_elsewhere(self.object, self.request.user)
        if elsewhere and not selectors.duplicates_here(self.object, self.request.user).exists():
            return {"intro": "已在他处报到。标为重复后，由那一处继续办理。"}
        return {"intro": "同一个人只保留一条。请选择要保留的那一条。"}

    def do(self, row, form) -> Result:
        services.registration_mark_duplicate(registration=row, of=form.cleaned_data.get("of"), by=self.request.user)
        return self.done("已标为重复", "同一个人只计一次。", kind="wait", icon="copy")


class Unreachable(RegistrationAct):
    heading, submit_label = "标为无法联系", "标为无法联系"
    template_name = "generic/confirm.html"
    permission = "members.verify_registration"

    def context(self) -> dict:
        tries = self.object.contacts.count()
        return {"question": "确定标为无法联系吗？", "consequences": [f"已联系 {tries} 次", "本人看到的是“未核实”"]}

    def do(self, row, form) -> Result:
        services.registration_unreachable(registration=row, by=self.request.user)
        return self.done("已标为无法联系", "本人可以重新报到。", kind="wait", icon="phone-off")


class Reveal(RegistrationAct):
    heading, submit_label, form_class = "查看明文", "查看一次", RevealForm
    permission = "members.verify_registration"
    needs_open = False

    def context(self) -> dict:
        return {"intro": "查看的人、目的和内容会记入审计。明文只显示这一次。"}

    def do(self, row, form) -> Result:
        data = form.cleaned_data
        shown = services.registration_reveal(
            registration=row, fields=data["fields_wanted"], purpose=data["purpose"], by=self.request.user
        )
        return revealed(shown, self.back())


def revealed(shown: dict[str, str], back: Link) -> Result:
    facts = [
        (REVEALABLE[name], identity.grouped(value) if name == "id_number" else value or "没有")
        for name, value in shown.items()
    ]
    return Result("只显示这一次", ["离开或刷新本页后不再显示。"], [back], kind="wait", icon="eye", facts=facts)
