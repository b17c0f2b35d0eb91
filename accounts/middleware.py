"""Facts about the signed-in person that every request carries."""


class SignedInMiddleware:
    """Answers to signed-in people are theirs alone: no shared cache keeps them, no back button shows them later."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        if getattr(request, "user", None) is not None and request.user.is_authenticated:
            response.headers.setdefault("Cache-Control", "private, no-store")
        return response
