"""The limits of a session, kept by the server: how long nobody does anything (what a page asks by itself does not count),
and for the three administrators where it may be used."""

from django.contrib.auth.models import AnonymousUser

from accounts import networks

BACKGROUND = "X-Background"  # sent by our scripts with what they ask without the person


def is_background(request, view) -> bool:
    """By the header, or by the view itself: `is_background = True` on a view that only pages poll."""
    return BACKGROUND in request.headers or getattr(getattr(view, "view_class", view), "is_background", False)


class SessionLimitMiddleware:
    """Right behind authentication. An idle session answers as to a stranger, and knows whose it is for re-opening it; one
    that was carried to another network is no more."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        session = request.session
        session.address = request.META.get("REMOTE_ADDR") or None
        session.device = request.headers.get("User-Agent", "")
        request.idle_user = None
        if session.session_key and request.user.is_authenticated and not networks.lets(request.user, request):
            networks.refused(request.user, request, "session")
            session.flush()
            request.user = AnonymousUser()
        if session.session_key and request.user.is_authenticated and session.is_idle():
            request.idle_user, request.user = request.user, AnonymousUser()
        return self.get_response(request)

    def process_view(self, request, view, args, kwargs):
        if request.session.session_key and request.user.is_authenticated and not is_background(request, view):
            request.session.touch()
