"""The receipt's page: what a person sees and does without an account.

While a registration is open its page and that of a form that joined it are the same, word for word.
"""

from dataclasses import dataclass

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from members import identity, limits, qr, selectors, services
from members.copies import person_of, sections
from members.errors import Refused
from members.forms.public import ConsentStep, LaterConsentForm, RightsForm
from members.models import Consent, Draft, Notice, Receipt, Registration, RightsRequest
from members.services.requests import copy_opened

State = Registration.State


@dataclass(frozen=True)
class Standing:
    """What the page says: a badge and one sentence."""

    label: str
    kind: str
    text: str


RECEIVED = Standing(
    "已收到", "info", "您的报到已经收到。指导站的工作人员会在 15 日内与您电话联系；有进展时，本页会更新。"
)
VERIFIED = Standing("已核实", "ok", "指导站已经核实您的报到。您的组织关系没有变动。")
NOT_VERIFIED = Standing(
    "未核实", "warn", "这次没有能够核实，对您没有任何影响。您可以重新报到，或到指导站窗口当面办理。"
)
WITHDRAWN = Standing("已撤回", "warn", "您已经撤回这次报到。姓名、身份号码和手机号会在 15 日内抹除。")
_STANDINGS = {
    State.VERIFIED: VERIFIED,
    State.NOT_VERIFIED: NOT_VERIFIED,
    State.UNREACHABLE: NOT_VERIFIED,
    State.EXPIRED: NOT_VERIFIED,
    State.WITHDRAWN: WITHDRAWN,
}  # open, and 重复: like a form that joined


def standing_of(receipt: Receipt) -> Standing:
    if receipt.withdrawn_at is not None:
        return WITHDRAWN
    if receipt.is_joined:
        return RECEIVED
    return _STANDINGS.get(State(receipt.registration.state), RECEIVED)


def _no_receipt(request: HttpRequest) -> HttpResponse:
    return render(request, "members/public/no_receipt.html", status=404)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def receipt(request: HttpRequest, code: str) -> HttpResponse:
    """The status page; before an officer's entry is confirmed, the page on which the person agrees to it."""
    row = selectors.receipt_by_code(code)
    if row is not None:
        return _page(request, row, identity.normalise_code(code))
    draft = selectors.counter_draft(code)
    if draft is None:
        return _no_receipt(request)
    return _agree(request, draft, code)


def _page(request: HttpRequest, row: Receipt, code: str) -> HttpResponse:
    standing = standing_of(row)
    is_verified = standing is VERIFIED
    member = row.registration.member if is_verified else None
    consents = member is not None and selectors.has_check_in_consent(member)
    live = member.codes.filter(revoked_at__isnull=True).first() if member is not None and consents else None
    context = {
        "receipt": row,
        "code": code,
        "shown_code": identity.grouped(code),
        "standing": standing,
        "qr": qr.qr_image(qr.public_address(request, reverse("members:receipt", args=[code])), scale=5),
        "is_withdrawn": standing is WITHDRAWN,
        "items": [(item, label, _UNDO.get(item)) for item, label in Consent.Item.choices if item in row.items],
        "is_verified": is_verified,
        "has_check_in": consents,
        "consent_form": LaterConsentForm(),
        "member_code": identity.grouped(live.code) if live else "",
        "member_qr": qr.qr_image(live.code, scale=6) if live else "",
        # A joined form's withdrawal is kept as a request to the officer: the other kind has no such line.
        "requests": RightsRequest.objects.filter(receipt=row).exclude(kind="withdraw").order_by("-pk"),
        "now": timezone.now(),
    }
    return render(request, "members/public/receipt.html", context)


def _agree(request: HttpRequest, draft: Draft, code: str) -> HttpResponse:
    notice = selectors.current_notice()
    form = ConsentStep(request.POST if request.method == "POST" else None)
    error = ""
    if request.method == "POST":
        if not limits.may_post(request, receipt=code):
            return render(request, "members/public/busy.html", status=429)
        if form.is_valid():
            try:
                services.counter_confirm_by_tap(draft=draft, consents=set(form.consents()))
                return redirect("members:receipt", code=code)
            except (Refused, identity.IdentityError) as refusal:
                error = str(refusal)
    answers = services.draft_content(draft)["answers"]
    lines = [
        ("姓名", identity.mask_name(answers["name"])),
        ("手机号", identity.mask_phone(identity.phone_tail(answers["phone"]))),
        ("身份号码", identity.mask_id(answers.get("id_number", "")) or "没有填写"),
    ]
    context = {"form": form, "code": code, "notice": notice, "lines": lines, "draft": draft, "error": error}
    return render(request, "members/public/agree.html", context)


@require_http_methods(["GET", "HEAD"])
def notice(request: HttpRequest, version: str = "") -> HttpResponse:
    """What is done with personal data, for everybody to read and keep: the current version, or the one agreed to."""
    published = Notice.objects.filter(published_at__isnull=False).order_by("-published_at", "-pk")
    row = published.filter(version=version).first() if version else published.first()
    if row is None:
        raise Http404
    context = {"notice": row, "versions": published, "is_whole": services.is_as_published(row)}
    return render(request, "members/public/notice.html", context)


# --- acts -------------------------------------------------------------------------------------------------------------

_UNDO: dict[str, str] = {Consent.Item.CHECK_IN: "ungive", Consent.Item.ID_NUMBER: "ungive-number"}
_ACTS = {
    "give": lambda row: services.consent_give(receipt=row),
    "ungive": lambda row: services.consent_withdraw(receipt=row, item=Consent.Item.CHECK_IN),
    "ungive-number": lambda row: services.consent_withdraw(receipt=row, item=Consent.Item.ID_NUMBER),
    "issue": lambda row: services.member_code_issue(receipt=row),
    "reissue": lambda row: services.member_code_issue(receipt=row, anew=True),
    "revoke": lambda row: services.member_code_revoke(receipt=row),
}


@never_cache
@require_http_methods(["POST"])
def act(request: HttpRequest, code: str, name: str) -> HttpResponse:
    """The small acts of a receipt: single consents and the member code."""
    row = selectors.receipt_by_code(code)
    if row is None or name not in _ACTS:
        return _no_receipt(request)
    if not limits.may_post(request, receipt=code):
        return render(request, "members/public/busy.html", status=429)
    if name == "give" and not LaterConsentForm(request.POST).is_valid():
        return _told(request, code, "请先勾选同意；不同意也没有任何影响。")
    try:
        _ACTS[name](row)
    except Refused as refusal:
        return _told(request, code, str(refusal))
    return redirect("members:receipt", code=code)


def _told(request: HttpRequest, code: str, text: str) -> HttpResponse:
    return render(request, "members/public/told.html", {"code": code, "text": text}, status=409)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def withdraw(request: HttpRequest, code: str) -> HttpResponse:
    """Asks once, then takes the form back."""
    row = selectors.receipt_by_code(code)
    if row is None:
        return _no_receipt(request)
    if request.method == "POST":
        services.receipt_withdraw(receipt=row)
        return redirect("members:receipt", code=code)
    return render(request, "members/public/withdraw.html", {"code": code, "receipt": row})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def rights(request: HttpRequest, code: str) -> HttpResponse:
    """Ask for a copy, a correction, erasure, an explanation, or object."""
    row = selectors.receipt_by_code(code)
    if row is None:
        return _no_receipt(request)
    form = RightsForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        if not limits.may_post(request, receipt=code):
            return render(request, "members/public/busy.html", status=429)
        kind, details = form.cleaned_data["kind"], form.cleaned_data["details"]
        if kind == RightsRequest.Kind.ERASE:
            services.receipt_erase(receipt=row, details=details)
        else:
            services.rights_request(receipt=row, kind=kind, details=details)
        return redirect("members:receipt", code=code)
    return render(request, "members/public/rights.html", {"code": code, "form": form})


@never_cache
@require_http_methods(["GET", "HEAD"])
def copy(request: HttpRequest, code: str) -> HttpResponse:
    """The person's own data, masked; only once verified, so that an open page gives nothing away."""
    row = selectors.receipt_by_code(code)
    if row is None or standing_of(row) is not VERIFIED:
        return _no_receipt(request)
    kept = sections(person_of(registration=row.registration), masked=True)
    return render(request, "members/public/copy.html", {"code": code, "sections": kept})


@never_cache
@require_http_methods(["GET", "HEAD"])
def whole_copy(request: HttpRequest, code: str, pk: int) -> HttpResponse:
    """The copy that was sealed for this receipt: to read, or as a file for a program."""
    row = selectors.receipt_by_code(code)
    asked = RightsRequest.objects.filter(pk=pk, receipt=row, receipt__is_joined=False).first() if row else None
    found = copy_opened(asked, code) if asked else None
    if found is None:
        return _no_receipt(request)
    if request.GET.get("format") == "json":
        options = {"ensure_ascii": False, "indent": 1}
        response = JsonResponse(found, json_dumps_params=options)
        response["Content-Disposition"] = 'attachment; filename="my-data.json"'
        return response
    return render(request, "members/public/whole_copy.html", {"code": code, "copy": found})
