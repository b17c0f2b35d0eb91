"""The receipt's page: what a person sees and does without an account. What is shown comes by members/answers.py and what
is done goes by members/inbox.py, so that the page is the same on either face."""

import base64
import json
import uuid
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.http import content_disposition_header
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts import wall
from members import answers, identity, inbox, limits, qr, sealing, selectors, services
from members.copies import OWN_DATA
from members.forms.public import AnewForm, ConsentStep, LaterConsentForm, RightsForm
from members.models import Consent, Notice
from members.services.requests import COPY
from members.taking import ACTS
from tables.exports import Mark


def on_its_way() -> str:
    if settings.IS_FERRIED:
        return "已经收到，由工作人员定时送往指导站办理，一般要几个小时；请过后再打开本页查看结果。"
    return "已经收到，正在办理；过一会儿刷新本页就能看到结果。"


def busy(request: HttpRequest) -> HttpResponse:
    response = render(request, "members/public/busy.html", status=429)
    response["Retry-After"] = str(limits.WINDOW)
    return response


def _no_receipt(request: HttpRequest) -> HttpResponse:
    """Whoever tries codes is told to wait; who has a right one behind the same address is not held up."""
    if not limits.may_miss(request):
        return busy(request)
    return render(request, "members/public/no_receipt.html", status=404)


def _sent(request: HttpRequest, code: str) -> HttpResponse:
    """Back to the receipt. Where it is not taken at once, the page says so."""
    if settings.IS_PUBLIC_FACE:
        messages.info(request, on_its_way())
    return redirect("members:receipt", code=code)


@never_cache
@wall.everywhere()
@require_http_methods(["GET", "HEAD", "POST"])
def receipt(request: HttpRequest, code: str) -> HttpResponse:
    """The status page; before an officer's entry is confirmed, the page on which the person agrees to it."""
    if (page := answers.read(code, "page")) is not None:
        return _page(request, page, identity.normalise_code(code))
    if (asked := answers.read(code, answers.AGREE)) is not None and not _is_over(asked["expires_at"]):
        return _agree(request, asked, code)
    if (refusal := answers.read(code, answers.REFUSED)) is not None:
        return _told(request, code, refusal)
    if answers.is_sent(code):
        return _waiting(request, identity.normalise_code(code))
    return _no_receipt(request)


def _is_over(text: str) -> bool:
    until = parse_datetime(text)
    return until is None or until < timezone.now()


def _codes(request: HttpRequest, code: str) -> dict[str, Any]:
    address = qr.public_address(request, reverse("members:receipt", args=[code]))
    return {"code": code, "shown_code": identity.grouped(code), "qr": qr.qr_image(address, scale=5)}


def not_yet(request: HttpRequest) -> HttpResponse:
    """What does not lie ready on the public face has been asked for; the page asks again by itself."""
    return _asking_again(render(request, "members/public/not_yet.html", {"is_ferried": settings.IS_FERRIED}), "2")


def _asking_again(response: HttpResponse, seconds: str) -> HttpResponse:
    """Where files are carried it would ask for hours."""
    if not settings.IS_FERRIED:
        response["Refresh"] = seconds
    return response


def _waiting(request: HttpRequest, code: str) -> HttpResponse:
    context = _codes(request, code) | {"is_ferried": settings.IS_FERRIED}
    return _asking_again(render(request, "members/public/waiting.html", context), "3")


def _changes(page: dict) -> list[Notice]:
    """What the person has to be asked anew, while something is still done with the registration. Asked of the notices, which
    both faces have: a change is on the page as soon as it is published. The same for a form that joined."""
    is_over = page["is_withdrawn"] or page["standing"]["kind"] not in ("info", "ok")
    return [] if is_over or not page["items"] else selectors.changes_since(page["notice"])


def _page(request: HttpRequest, page: dict, code: str) -> HttpResponse:
    member_code = page["member_code"]
    context = page | _codes(request, code) | {
        "items": [(item, label, _UNDO.get(item)) for item, label in page["items"]],
        "consent_form": LaterConsentForm(),
        "member_code": identity.grouped(member_code) if member_code else "",
        "member_qr": qr.qr_image(member_code, scale=6) if member_code else "",
        "requests": [_with_copy(one) for one in page["requests"]],
        "changes": _changes(page),
    }  # fmt: skip
    return render(request, "members/public/receipt.html", context)


def _with_copy(asked: dict) -> dict:
    until = asked["copy_until"]
    return asked | {"copy_until": until[:10] if until and not _is_over(until) else ""}


CHANGED = "告知书刚刚又有更新：请重新阅读，再决定。"


def _read(request: HttpRequest) -> Notice | None:
    """The words that were on the screen, while they are the newest."""
    notice = selectors.current_notice()
    return notice if notice and request.POST.get("version", notice.version) == notice.version else None


def _agree(request: HttpRequest, asked: dict, code: str) -> HttpResponse:
    if asked.get("is_done"):
        return render(request, "members/public/agreed.html")
    data = request.POST if request.method == "POST" else None
    form = AnewForm(data, items=asked["items"]) if "items" in asked else ConsentStep(data)
    error = ""
    if request.method == "POST":
        if not limits.may_post(request, receipt=code):
            return busy(request)
        if (notice := _read(request)) is None:
            form, error = (AnewForm(items=asked["items"]) if "items" in asked else ConsentStep()), CHANGED
        elif form.is_valid():
            try:
                said = {"code": code, "consents": form.consents(), "notice": notice.version}
                inbox.send("agree", said, key=code)
                answers.remember_sent(code)
                return _sent(request, code)
            except inbox.REFUSALS as refusal:
                error = str(refusal)
    context = {"form": form, "code": code, "notice": selectors.current_notice(), "asked": asked, "error": error}
    if "items" not in asked:
        return render(request, "members/public/agree.html", context)
    return render(request, "members/public/anew.html", context | {"changes": selectors.changes_since(asked["since"])})


@never_cache
@wall.everywhere()
@require_http_methods(["GET", "HEAD", "POST"])
def anew(request: HttpRequest, code: str) -> HttpResponse:
    """The notice changed: what did, its words, and each item to be agreed to again."""
    page = answers.read(code, "page")
    if page is None:
        return _no_receipt(request)
    changes, error = _changes(page), ""
    if not changes:
        return redirect("members:receipt", code=code)
    items = [item for item, _ in page["items"]]
    form = AnewForm(request.POST if request.method == "POST" else None, items=items)
    if request.method == "POST" and (notice := _read(request)) is None:
        form, error = AnewForm(items=items), CHANGED
    elif request.method == "POST" and notice and form.is_valid():
        return _do(request, "anew", {"code": code, "consents": form.consents(), "notice": notice.version})
    context = {"form": form, "code": code, "notice": selectors.current_notice(), "changes": changes, "error": error}
    return render(request, "members/public/anew.html", context)


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


def _do(request: HttpRequest, kind: str, content: dict) -> HttpResponse:
    """Send what the person asks for. One submission each time: the acts themselves are safe to repeat."""
    code = content["code"]
    if not limits.may_post(request, receipt=code):
        return busy(request)
    try:
        inbox.send(kind, content, key=str(uuid.uuid4()))
    except inbox.REFUSALS as refusal:
        return _told(request, code, str(refusal))
    return _sent(request, code)


@never_cache
@wall.everywhere()
@require_http_methods(["POST"])
def act(request: HttpRequest, code: str, name: str) -> HttpResponse:
    """The small acts of a receipt: single consents and the member code."""
    if name not in ACTS or name == "withdraw" or answers.read(code, "page") is None:
        return _no_receipt(request)
    if name == "give" and not LaterConsentForm(request.POST).is_valid():
        return _told(request, code, "请先勾选同意；不同意也没有任何影响。")
    return _do(request, "act", {"code": code, "name": name})


def _told(request: HttpRequest, code: str, text: str) -> HttpResponse:
    return render(request, "members/public/told.html", {"code": code, "text": text}, status=409)


@never_cache
@wall.everywhere()
@require_http_methods(["GET", "HEAD", "POST"])
def withdraw(request: HttpRequest, code: str) -> HttpResponse:
    """Asks once, then takes the form back."""
    page = answers.read(code, "page")
    if page is None:
        return _no_receipt(request)
    if request.method == "POST":
        return _do(request, "act", {"code": code, "name": "withdraw"})
    return render(request, "members/public/withdraw.html", {"code": code, "is_withdrawn": page["is_withdrawn"]})


@never_cache
@wall.everywhere()
@require_http_methods(["GET", "HEAD", "POST"])
def rights(request: HttpRequest, code: str) -> HttpResponse:
    """Ask for a copy, a correction, erasure, an explanation, or object."""
    if answers.read(code, "page") is None:
        return _no_receipt(request)
    form = RightsForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        asked = {"kind": form.cleaned_data["kind"], "details": form.cleaned_data["details"]}
        return _do(request, "rights", {"code": code, **asked})
    return render(request, "members/public/rights.html", {"code": code, "form": form})


@never_cache
@wall.everywhere()
@require_http_methods(["GET", "HEAD"])
def copy(request: HttpRequest, code: str) -> HttpResponse:
    """The person's own data, masked."""
    try:
        kept = answers.read(code, "masked")
    except answers.NotYet:
        return not_yet(request)
    if kept is None:
        return _no_receipt(request)
    return render(request, "members/public/copy.html", {"code": code, "sections": kept})


@never_cache
@wall.everywhere()
@require_http_methods(["GET", "HEAD"])
def whole_copy(request: HttpRequest, code: str, pk: int) -> HttpResponse:
    """The copy that was sealed for this receipt: to read, or as a file for a program."""
    until, sealed = (answers.read(code, "copies") or {}).get(str(pk), ("", ""))
    if not sealed or _is_over(until):
        return _no_receipt(request)
    found = json.loads(sealing.unseal(base64.b64decode(sealed), code=code, what=COPY))
    if request.GET.get("format") == "json":
        options = {"ensure_ascii": False, "indent": 1}
        response = JsonResponse(found, json_dumps_params=options)
        name = Mark(OWN_DATA, "本人", timezone.localtime()).name("我的个人信息")
        response["Content-Disposition"] = content_disposition_header(True, f"{name}.json") or ""
        return response
    return render(request, "members/public/whole_copy.html", {"code": code, "copy": found})
