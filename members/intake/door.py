"""Who may call the intake: the signature, the limits, what is refused and how that is written down."""

import logging
import secrets
import traceback
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, transaction
from django.http import Http404, HttpRequest
from rest_framework import status
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import APIException
from rest_framework.permissions import BasePermission
from rest_framework.views import APIView

from accounts import audit, wall
from members import limits
from members.intake import signature
from members.models import IntakeClient

logger = logging.getLogger(__name__)
SCHEME = "Intake-Signature"
MAX_BODY = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
LET_GO = 16 * MAX_BODY  # what is read, and not kept, of a body that is too large; one beyond that is cut off


class Refused(APIException):
    """Answered as {"detail", "code"}; `wait` becomes Retry-After."""

    def __init__(self, status_code: int, code: str, detail: str, *, wait: int | None = None) -> None:
        super().__init__({"detail": detail, "code": code})
        self.status_code, self.code = status_code, code
        if status_code == status.HTTP_401_UNAUTHORIZED:
            self.auth_header = SCHEME
        if wait is not None:
            self.wait = wait


class SignedByClient(BaseAuthentication):
    """request.auth is the client. There is no user: a system acts, by the right of its key alone."""

    def authenticate(self, request) -> tuple[AnonymousUser, IntakeClient]:
        plain = request._request
        read_body(plain)
        if not limits.may_send(plain.META.get("REMOTE_ADDR", "")):
            raise too_many()
        try:
            client = signature.client_of(
                method=plain.method, path=plain.get_full_path(), headers=plain.headers, body=plain.body
            )
        except signature.BadSignature as error:
            raise Refused(status.HTTP_401_UNAUTHORIZED, "bad_signature", str(error)) from error
        if not limits.may_send_as(client.pk):
            raise too_many()
        return AnonymousUser(), client

    def authenticate_header(self, request) -> str:
        return SCHEME


def read_body(plain: HttpRequest) -> None:
    """Have the whole body, before anything is answered: whoever is still sending when we hang up sees a connection
    that was reset, and no answer. Django takes a body whose length was not told for none. Raises Refused.
    """
    source = plain.META["wsgi.input"]
    try:
        if not plain.META.get("HTTP_TRANSFER_ENCODING"):
            if _length(plain) > MAX_BODY:
                _let_go(plain)
                raise too_large()
            len(plain.body)
        elif not plain.META.get("wsgi.input_terminated"):  # a server that does not put the pieces together
            raise Refused(411, "no_length", "请在请求头 Content-Length 里写明请求体的长度。")
        else:
            plain._body = source.read(MAX_BODY + 1)
            if len(plain._body) > MAX_BODY:
                _let_go(source)
                raise too_large()
    except OSError as error:
        raise Refused(400, "bad_body", "请求体没有传完整，请重发。") from error


def _length(plain: HttpRequest) -> int:
    told = plain.META.get("CONTENT_LENGTH") or "0"
    return int(told) if told.isdecimal() else MAX_BODY + 1


def _let_go(source) -> None:
    left = LET_GO
    while left > 0 and (piece := source.read(1 << 16)):
        left -= len(piece)


class IsClient(BasePermission):
    def has_permission(self, request, view) -> bool:
        return isinstance(request.auth, IntakeClient)


def too_large() -> Refused:
    return Refused(413, "too_large", f"请求体超过 {MAX_BODY // 1024 // 1024} MB，请分几次发送。")


def too_many() -> Refused:
    return Refused(429, "too_many", "请求过于频繁，请稍后再试。", wait=limits.WINDOW)


class ClientView(APIView):
    """What both views share. Every refusal is audited, but for floods: those would flood the audit too."""

    authentication_classes = [SignedByClient]
    permission_classes = [IsClient]
    http_method_names = ["get", "post", "head"]

    @wall.everywhere()
    def dispatch(self, request, *args, **kwargs):
        return super().dispatch(request, *args, **kwargs)

    def perform_content_negotiation(self, request, force=False):
        """There are answers of one type only, whatever is asked for."""
        return super().perform_content_negotiation(request, force=True)

    def http_method_not_allowed(self, request, *args, **kwargs):
        allowed = "、".join(self.allowed_methods)
        raise Refused(405, "bad_method", f"这个地址只接受 {allowed}，不接受 {request.method}。")

    def handle_exception(self, exc):
        client: Any = getattr(self.request, "_auth", None)
        who = client.pk if client else None
        if not isinstance(exc, (APIException, Http404, PermissionDenied)):
            exc = broken(exc, who)
        elif isinstance(exc, Refused) and exc.status_code != 429:
            audit.record("members.intake.refuse", by=None, detail={"code": exc.code, "client": who}, succeeded=False)
        return super().handle_exception(exc)


def broken(error: Exception, client: int | None) -> Refused:
    """What we did not foresee, as an answer that the other side can read. The log gets where it happened and of what kind
    it was, but not its message: databases and parsers quote what they were given, which may be a person's."""
    reference = secrets.token_hex(4)
    kind = type(error).__name__
    where = "".join(traceback.format_tb(error.__traceback__))
    logger.error("Intake, reference %s: %s\n%s", reference, kind, where)
    detail = {"code": "broken", "client": client, "reference": reference, "kind": kind}
    try:
        with transaction.atomic():
            audit.record("members.intake.refuse", by=None, detail=detail, succeeded=False)
    except DatabaseError:  # most likely what was broken in the first place: the log has it
        logger.error("Intake, reference %s: not in the audit", reference)
    text = f"本系统出错，这次没有处理。请稍后用同一个幂等键重发；仍然出错的，请把错误编号 {reference} 告诉平台管理员。"
    return Refused(500, "broken", text)
