"""The product's addresses and the two bare views that P7 and P8 are measured against. Only the bench knows them."""

import json
from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template import engines
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt

PAGE = """<!doctype html><title>{{ title }}</title><h1>{{ title }}</h1>
<table>{% for name, number in rows %}<tr><td>{{ name }}</td><td>{{ number }}</td></tr>{% endfor %}</table>"""
ROWS = [(f"第 {number} 行", number) for number in range(12)]


@cache
def template() -> Any:
    return engines["django"].from_string(PAGE)


def bare_page(request: HttpRequest) -> HttpResponse:
    """A template of twelve rows behind the product's middleware: no session, no query."""
    return HttpResponse(template().render({"title": "页面", "rows": ROWS}))


@csrf_exempt
def bare_post(request: HttpRequest) -> JsonResponse:
    """Parses the JSON of a check-in and answers: no session, no query, nothing written."""
    sent = json.loads(request.body)
    return JsonResponse({"id": 1, "created": True, "url": sent["nonce"]}, status=201)


urlpatterns = [path("bench/page/", bare_page), path("bench/post/", bare_post), path("", include("config.urls"))]
