"""现场代录: an officer writes down what a person who stands there says; the person agrees, or nothing is kept."""

import uuid

from django.conf import settings
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.generic import View

from members import identity, qr, selectors, services, sms
from members.errors import Refused
from members.forms.staff import CodeForm, CounterForm, HeardAnewForm
from members.models import Draft, Receipt, Registration
from members.views.acts import RegistrationAct
from members.views.base import Link, Result, refused
from orgs.scoped import DoorMixin


class CounterNew(DoorMixin, View):
    permission = "members.add_registration"

    def get(self, request):
        return self.show(CounterForm(user=request.user), uuid.uuid4())

    def post(self, request):
        form = CounterForm(request.POST, user=request.user)
        try:
            token = uuid.UUID(request.POST.get("form_token", ""))
        except ValueError:
            token = uuid.uuid4()
        if services.receipt_of(token) is not None:
            return redirect("members:counter_confirm", form_token=token)
        if not form.is_valid():
            return self.show(form, token, 422)
        services.counter_start(
            form_token=token,
            answers=form.answers(),
            consents=form.consents(),
            guidance_station=form.cleaned_data["guidance_station"],
            by=request.user,
        )
        return redirect("members:counter_confirm", form_token=token)

    def show(self, form, token, status: int = 200) -> HttpResponse:
        context = {
            "heading": "现场代录",
            "form": form,
            "form_token": token,
            "notice": selectors.current_notice(),
            "submit_label": "下一步：本人确认",
            "cancel_url": reverse("members:queue"),
            "breadcrumbs": [{"label": "报到核实", "url": reverse("members:queue")}, {"label": "现场代录", "url": None}],
        }
        return render(self.request, "members/counter.html", context, status=status)


class CounterConfirm(DoorMixin, View):
    """Waits for the person: the code from their phone, or their own tap. Another officer's entry is 404."""

    permission = "members.add_registration"

    def get(self, request, form_token: uuid.UUID):
        if receipt := services.receipt_of(form_token):
            return self.done(receipt)
        draft = self._draft(form_token)
        return self.agreed(draft) if services.draft_content(draft).get("is_done") else self.show(draft)

    def post(self, request, form_token: uuid.UUID):
        if receipt := services.receipt_of(form_token):
            return self.done(receipt)
        draft = self._draft(form_token)
        if "send" in request.POST:
            return self._send(draft)
        form = CodeForm(request.POST)
        if not form.is_valid():
            return self.show(draft, form=form, status=422)
        try:
            services.counter_confirm_by_code(draft=draft, code=form.cleaned_data["code"], by=request.user)
            return redirect("members:counter_confirm", form_token=form_token)  # shows what was done
        except (Refused, identity.IdentityError) as error:
            form.add_error("code", str(error))
            return self.show(draft, form=form, status=422)

    def _draft(self, form_token: uuid.UUID) -> Draft:
        draft = services.draft_find(form_token)
        if draft is None or draft.by_id != self.request.user.pk or draft.channel != Registration.Channel.COUNTER:
            raise Http404
        return draft

    def _send(self, draft: Draft) -> HttpResponse:
        try:
            shown = services.counter_send_code(draft=draft, by=self.request.user)
        except (Refused, sms.SmsUnavailable) as error:
            return self.show(draft, problem=str(error), status=409)
        return self.show(draft, sent=True, demo_code=shown)

    def show(self, draft: Draft, *, form=None, status: int = 200, **more) -> HttpResponse:
        code = identity.receipt_code(draft.form_token)
        try:
            phone = services.phone_of_draft(draft)
        except Refused as error:
            return refused(self.request, error, [Link("回到待办", reverse("members:queue"))])
        known = services.draft_content(draft).get("registration")
        new = Link("现场代录", reverse("members:counter"))
        start = Link(f"报到 {known}", reverse("members:registration", args=[known])) if known else new
        context = {
            "heading": "请本人确认",
            "draft": draft,
            "form": form or CodeForm(),
            "phone": identity.mask_phone(identity.phone_tail(phone)),
            "qr": qr.qr_image(qr.public_address(self.request, reverse("members:receipt", args=[code]))),
            "is_demo": settings.DEMO,
            "breadcrumbs": [{"label": start.label, "url": start.url}, {"label": "请本人确认", "url": None}],
        } | more
        return render(self.request, "members/counter_confirm.html", context, status=status)

    def agreed(self, draft: Draft) -> HttpResponse:
        """Anew: whoever asked was there, so it is theirs to see."""
        row = reverse("members:registration", args=[services.draft_content(draft)["registration"]])
        links = [Link("看这条报到", row), Link("回到待办", reverse("members:queue"))]
        return Result("已重新取得同意", ["本人已经确认同意。", "可以接着办理。"], links).response(self.request)

    def done(self, receipt: Receipt) -> HttpResponse:
        """Someone else's receipt is not shown; one that joined says so only where the officer may see the other."""
        registration = receipt.registration
        visible = Registration.objects.visible_to(self.request.user).filter(pk=registration.pk).exists()
        if not receipt.is_joined and (not visible or registration.assigned_to_id != self.request.user.pk):
            raise Http404
        lines = ["本人已经确认同意。"]
        links = [Link("再录一位", reverse("members:counter")), Link("回到待办", reverse("members:queue"))]
        if receipt.is_joined:
            lines.append("此前已经报到，这一次并入原来的报到。" if visible else "已在他处报到。")
        if visible:
            links.insert(0, Link("看这条报到", reverse("members:registration", args=[registration.pk])))
        facts = [("回执号", identity.grouped(identity.receipt_code(receipt.form_token)))]
        return Result("已收到", lines, links, facts=facts).response(self.request)


class CounterAnew(RegistrationAct):
    """The person of a known registration stands there, after the notice changed: each item is asked anew."""

    heading, submit_label = "当面重新取得同意", "下一步：本人确认"
    template_name = "members/counter_anew.html"
    needs_open = False

    def get_form(self, data=None):
        items = set(self.object.consents.live().values_list("item", flat=True))
        return HeardAnewForm(data, items=items)

    def show(self, form, status: int = 200) -> HttpResponse:
        if not selectors.is_consent_due(self.object):
            return redirect("members:registration", self.object.pk)
        return super().show(form, status)

    def context(self) -> dict:
        changes = selectors.changes_since(selectors.agreed_version(self.object))
        return {"notice": selectors.current_notice(), "changes": changes}

    def do(self, row, form) -> HttpResponse:
        draft = services.counter_anew(registration=row, consents=form.consents(), by=self.request.user)
        return redirect("members:counter_confirm", form_token=draft.form_token)
