"""Every door that did not open is written down: a right that was missing, a row that is nowhere or somebody else's.

For those who are signed in; what strangers get is 401, 302 or a public page. A row outside the scope and one that is
nowhere are one answer and one event: nobody who reads the audit learns the difference either.
"""

from accounts import audit

REFUSED = {403: "accounts.door.refuse", 404: "accounts.door.not_found"}
LONGEST_ID = 18  # digits that a bigint holds in any case


class RefusalMiddleware:
    """Behind authentication. The act itself was rolled back with its view, so the event has its own transaction."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        if response.status_code in REFUSED and request.resolver_match and request.user.is_authenticated:
            self._write_down(request, response.status_code)
        return response

    def _write_down(self, request, status: int) -> None:
        """The address by its name: a path may hold what somebody typed. Rows by number only."""
        found = map(str, request.resolver_match.kwargs.values())
        rows = [int(text) for text in found if text.isascii() and text.isdigit() and len(text) <= LONGEST_ID]
        name = request.resolver_match.view_name or ""
        audit.record(
            REFUSED[status], by=request.user, subjects=rows, subject_type=name[:60] if rows else "",
            detail={"method": request.method, "address": name}, succeeded=False, request=request,
        )  # fmt: skip
