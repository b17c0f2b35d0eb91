"""Is this paper genuine? The public page behind the QR code, and for staff the comparison of a file.

Whoever has the paper has its code. The answer says no more than the paper does: unit, month, number, time, digest, and
whether it still holds; a few numbers to compare only where the paper is 公开. Any other code gets one and the same answer.
"""

import hashlib

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django.views.generic import View

from accounts import audit
from members import limits
from orgs.scoped import DoorMixin
from reports import printing, verifying
from reports.models import PrintedDocument
from reports.printed_forms import CheckForm


@never_cache
@require_safe
def verify(request: HttpRequest) -> HttpResponse:
    """Where a code is typed that could not be scanned."""
    if typed := request.GET.get("code", "").strip():
        code = printing.read_code(typed)
        return redirect("reports:verified", code) if code else _answer(request, None, typed)
    return render(request, "reports/verify.html")


@never_cache
@require_safe
def verified(request: HttpRequest, code: str) -> HttpResponse:
    if not limits.may_verify(request):
        answer = render(request, "reports/verify_busy.html", status=429)
        answer["Retry-After"] = str(limits.WINDOW)
        return answer
    return _answer(request, verifying.read(code), code)


def _answer(request: HttpRequest, paper: dict | None, typed: str) -> HttpResponse:
    if paper is None:
        answer = render(request, "reports/verify.html", {"unknown": True, "typed": typed[:40]}, status=404)
    else:
        answer = render(request, "reports/verified.html", {"paper": paper})
    answer["Referrer-Policy"] = "no-referrer"  # the code stands in the address
    answer["X-Robots-Tag"] = "noindex"
    return answer


class PrintedCheck(DoorMixin, View):
    """For staff: is this file one that was made here, byte for byte? Whoever has the file may read what it says."""

    permission = "reports.view_printeddocument"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._page(CheckForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        form = CheckForm(request.POST, request.FILES)
        if not form.is_valid():
            return self._page(form, status=422)
        digest = hashlib.sha256()
        for piece in form.cleaned_data["file"].chunks():
            digest.update(piece)
        document = printing.document_with(digest.hexdigest())
        audit.record(
            "reports.printed.check", by=request.user, subjects=[document] if isinstance(document, PrintedDocument) else [],
            detail={"digest": digest.hexdigest()}, succeeded=document is not None,
        )  # fmt: skip
        return self._page(CheckForm(), document=document, digest=digest.hexdigest())

    def _page(self, form: CheckForm, *, status: int = 200, document=None, digest: str = "") -> HttpResponse:
        context = {
            "heading": "核验文件",
            "subtitle": "收到的 PDF 是不是本系统出的、有没有改过、现在还算不算数",
            "breadcrumbs": [{"label": "月报和一页纸", "url": reverse("reports:printed_list")}, {"label": "核验文件"}],
            "form": form, "submit_label": "核验", "cancel_url": reverse("reports:printed_list"),
            "checked": bool(digest), "digest": digest, "found": verifying.said_of(document) if document else None,
        }  # fmt: skip
        if document:
            visible = type(document).objects.visible_to(self.request.user)
            context["url"] = document.get_absolute_url() if visible.filter(pk=document.pk).exists() else ""
        return render(self.request, "reports/printed_check.html", context, status=status)
