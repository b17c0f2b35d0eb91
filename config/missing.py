"""What went wrong, told: a page for people, a sentence for programs."""

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views import defaults
from redis.exceptions import RedisError

from accounts.disks import is_disk_full

API = "/api/"
AWAY = "系统的一项后台服务暂时没有应答，这次没有办理。请过一两分钟再试。"
DATABASE_AWAY = "数据库暂时没有应答。请过一两分钟再打开看看，这次没有办成的再办一次。"
FULL = "服务器的磁盘空间不够，这次没有保存。请过一会儿再试，并告诉系统管理员。"
OURS = "系统出了问题，不是您的请求造成的。请稍后再试；再次出现时，请把时间告诉系统管理员。"


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if not request.path.startswith(API):
        return defaults.page_not_found(request, exception)
    return _sentence("没有这个地址。接口的全部地址见 /api/v1/docs/。", 404)


def server_error(request: HttpRequest) -> HttpResponse:
    """503 where Redis does not answer, 507 where a disk has no room: nothing of the act was done, and it may be tried again.
    503 where the database does not: who lost it in the middle of a commit does not know. Called while the error is being
    handled, wherever it was raised."""
    error = sys.exc_info()[1]
    if isinstance(error, RedisError):
        return _try_again(request, AWAY, 503)
    if error is not None and is_disk_full(error):
        return _try_again(request, FULL, 507)
    if isinstance(error, OperationalError | InterfaceError) and _is_away(error):
        return _try_again(request, DATABASE_AWAY, 503)
    return _sentence(OURS, 500) if request.path.startswith(API) else defaults.server_error(request)


def _is_away(error: OperationalError | InterfaceError) -> bool:
    """The server said nothing, or that it stops, starts or has no connection left; not that a statement took too long."""
    code = getattr(error.__cause__, "pgcode", None)
    return code in (None, "53300", "57P01", "57P02", "57P03")


def _try_again(request: HttpRequest, told: str, status: int) -> HttpResponse:
    is_api = request.path.startswith(API)
    answer = _sentence(told, status) if is_api else render(None, "away.html", {"told": told}, status=status)
    answer["Retry-After"] = "60"
    return answer


def _sentence(told: str, status: int) -> JsonResponse:
    return JsonResponse({"detail": told}, status=status, json_dumps_params={"ensure_ascii": False})
