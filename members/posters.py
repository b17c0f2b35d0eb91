"""What a public QR opens. This room names its own kinds; a room above registers the view of its kind.

register_kind("service_point", view)      # in AppConfig.ready(); view(request, poster) -> HttpResponse
"""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from members.models import Poster

PosterView = Callable[[HttpRequest, Poster], HttpResponse]
_views: dict[str, PosterView] = {}


def register_kind(kind: str, view: PosterView) -> None:
    """Say what a poster of this kind opens. The last registration of a kind stands."""
    _views[kind] = view


def view_of(kind: str) -> PosterView | None:
    return _views.get(kind)
