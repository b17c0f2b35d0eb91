"""Facts that every request carries: where it comes from, and that answers to the signed-in are theirs alone."""

from django.http import Http404

from accounts import addresses


class ClientAddressMiddleware:
    """Stands first: everything behind it finds the client's address in REMOTE_ADDR, axes included."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        address = request.META["REMOTE_ADDR"] = addresses.client_address(request.META)
        token = addresses.current.set(address or None)
        try:
            return self.get_response(request)
        finally:
            addresses.current.reset(token)


class NulMiddleware:
    """No row of ours has a NUL in its code, and PostgreSQL cannot even be asked for one."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if "\x00" in request.path:
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
