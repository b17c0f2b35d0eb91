"""Every file that a signed-in person sends is shown to the virus scanner before any view hears of it.

Here and not in the forms: a new form cannot forget it. Who is not signed in has no form that takes a file, and the API
reads none (tests/accounts/test_uploads.py).
"""

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts import audit, scanner


class UploadMiddleware:
    """Behind authentication and the check of forged requests, in front of the view."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

    def process_view(self, request, view, args, kwargs) -> HttpResponse | None:
        if not settings.UPLOAD_SCANNER or request.content_type != "multipart/form-data":
            return None
        if not request.user.is_authenticated:
            return None
        uploads = [upload for _, some in request.FILES.lists() for upload in some]
        return next(filter(None, (self._refusal(request, upload) for upload in uploads)), None)

    def _refusal(self, request: HttpRequest, upload: UploadedFile) -> HttpResponse | None:
        try:
            found = scanner.malware_in(upload)
        except scanner.NoAnswer:
            return self._refuse(request, upload, "unchecked", status=503)
        return self._refuse(request, upload, "infected", found=found, status=422) if found else None

    def _refuse(self, request, upload, reason: str, *, status: int, found: str = "") -> HttpResponse:
        """Neither the file nor its name is kept: people call files by other people's names."""
        page = request.resolver_match.view_name
        detail = {"reason": reason, "address": page} | ({"found": found[:100]} if found else {})
        audit.record("accounts.upload.refuse", by=request.user, detail=detail, succeeded=False, request=request)
        context = {"name": upload.name, "found": found, "again": request.get_full_path()}
        return render(request, "upload_refused.html", context, status=status)
