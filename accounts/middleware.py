"""Facts that every request carries: where it comes from, and that answers to the signed-in are theirs alone."""

from urllib.parse import urlsplit

from django.contrib import messages
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import SimpleLazyObject
from django.utils.http import url_has_allowed_host_and_scheme
from django_htmx.http import HttpResponseClientRedirect

from accounts import addresses, opening, wall

READING = ("GET", "HEAD")
# Told to the browser with every answer, whoever made it. No page uses the camera, the microphone or where somebody is.
RULES = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), midi=(), payment=(), serial=(), usb=()",
}
LOST = "登录已经过期，刚才提交的内容没有保存。请登录，会回到原来的页面，再做一次。"


class BrowserRulesMiddleware:
    """Outermost, so that static files and refusals of Django's own middleware are told them too. A page may be stricter."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        for name, value in RULES.items():
            response.headers.setdefault(name, value)
        return response


class ClientAddressMiddleware:
    """Before all that asks: everything behind it finds the client's address in REMOTE_ADDR, axes included."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        address = request.META["REMOTE_ADDR"] = addresses.client_address(request.META)
        token = addresses.current.set(address or None)
        try:
            return self.get_response(request)
        finally:
            addresses.current.reset(token)


class PersonMiddleware(AuthenticationMiddleware):
    """Django's, but for where the person comes from: they were read together with the session."""

    def process_request(self, request):
        super().process_request(request)
        request.user = SimpleLazyObject(lambda: opening.person_of(request))


class WallMiddleware:
    """Right behind authentication: the request sees the persons of its user's districts, nobody's without a user."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        with wall.as_user(request.user):
            response = self.get_response(request)
            if response.streaming and getattr(response, "file_to_stream", None) is None:
                response.streaming_content = wall.while_read(response.streaming_content)
            return response


class NulMiddleware:
    """No row of ours has a NUL in its code, and PostgreSQL cannot even be asked for one. Nobody types it into an address."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if "\x00" in request.path or "%00" in request.META.get("QUERY_STRING", ""):
            raise Http404
        return self.get_response(request)


class SignedInMiddleware:
    """Answers to signed-in people are theirs alone: no shared cache keeps them, no back button shows them later."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        if getattr(request, "user", None) is not None and request.user.is_authenticated:
            response.headers.setdefault("Cache-Control", "private, no-store")
        return response


class SignInAgainMiddleware:
    """The session ended while somebody worked: they are told that what they sent is lost, and come back to the page it was
    sent from, for its own address takes no GET. htmx would follow the redirect and show nothing of it."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        sign_in, sent = reverse("accounts:sign_in"), request.method not in READING
        if not response.headers.get("Location", "").startswith(f"{sign_in}?") or not (sent or request.htmx):
            return response
        if sent:
            messages.error(request, LOST)
        again = redirect_to_login(self._page(request), sign_in)
        return HttpResponseClientRedirect(again.url) if request.htmx else again

    def _page(self, request) -> str:
        page = request.htmx.current_url or request.headers.get("Referer", "")
        if not url_has_allowed_host_and_scheme(page, {request.get_host()}, require_https=request.is_secure()):
            return "/"
        return urlsplit(page)._replace(scheme="", netloc="", fragment="").geturl() or "/"


class NotAllowedMiddleware:
    """Somebody who opens an address that only a button may call gets a sentence: of an empty answer browsers make their own."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code != 405 or request.method != "GET" or response.content:
            return response
        page = render(request, "405.html", status=405)
        page["Allow"] = response["Allow"]
        return page
