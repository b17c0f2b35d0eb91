"""The wall: a page without a number in it, and the numbers for whoever holds the screen's key (reports/screens.py)."""

import hashlib
from functools import cache
from pathlib import Path

from django.conf import settings
from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe
from django.views.generic import View

from reports import screens
from reports.frames import frame_of
from reports.models import Screen

PARTS = ("static/js/screen.js", "static/js/screen-draw.js", "static/css/screen.css", "templates/reports/screen.html")


@cache
def release() -> str:
    """Changes with the files of the page: a screen that runs for months loads itself again after an upgrade."""
    digest = hashlib.sha256()
    for part in PARTS:
        digest.update(Path(settings.BASE_DIR, part).read_bytes())
    return digest.hexdigest()[:12]


class Wall(View):
    """The same empty page whatever number stands in the address; the key behind # never comes here."""

    http_method_names = ["get", "head"]

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        answer = render(request, "reports/screen.html", {"pk": pk, "release": release()})
        answer["Referrer-Policy"] = "no-referrer"
        answer["Cache-Control"] = "no-cache"
        return answer


class KeyView(View):
    """Answers to the key of the screen in the address: 410 with the reason where it is over, 404 for any other."""

    http_method_names = ["get", "head"]
    screen: Screen

    def dispatch(self, request: HttpRequest, *args, **kwargs) -> HttpResponseBase:
        if request.method not in ("GET", "HEAD"):
            return self.http_method_not_allowed(request, *args, **kwargs)
        screen, why = screens.screen_with(kwargs["pk"], screens.key_of(request.headers.get("Authorization", "")))
        if screen is None or why:
            answer: HttpResponseBase = JsonResponse({"refused": why}, status=410 if screen else 404)
        else:
            self.screen = screen
            answer = super().dispatch(request, *args, **kwargs)
        answer["Cache-Control"] = "private, no-store"  # the screen keeps its frame and the ETag itself
        answer["Vary"] = "Authorization"
        return answer


class Data(KeyView):
    """One frame for all pages; 304 where the screen has it already."""

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        screens.screen_seen(self.screen)
        body, etag = frame_of(self.screen)
        known = {tag.strip().removeprefix("W/") for tag in request.headers.get("If-None-Match", "").split(",")}
        answer = HttpResponse(status=304) if etag in known else HttpResponse(body, content_type="application/json")
        answer["ETag"] = etag
        answer["X-Release"] = release()
        return answer


class Shapes(KeyView):
    """The shapes of the districts, as on the dashboard."""

    def get(self, request: HttpRequest, pk: int) -> FileResponse:
        return FileResponse(settings.DISTRICTS_GEOJSON.open("rb"), content_type="application/geo+json")


@require_safe
def worker(request: HttpRequest) -> FileResponse:
    """The service worker stands under /screen/, so that it may keep the pages there and no other."""
    script = Path(settings.BASE_DIR, "static/js/screen-worker.js")
    answer = FileResponse(script.open("rb"), content_type="text/javascript; charset=utf-8")
    answer["Cache-Control"] = "no-cache"
    return answer
