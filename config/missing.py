"""An address that is nowhere: a page for people, a sentence for programs."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views import defaults

API = "/api/"


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if not request.path.startswith(API):
        return defaults.page_not_found(request, exception)
    told = {"detail": "没有这个地址。接口的全部地址见 /api/v1/docs/。"}
    return JsonResponse(told, status=404, json_dumps_params={"ensure_ascii": False})
