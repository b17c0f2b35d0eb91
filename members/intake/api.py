"""The two routes of the intake: events in, feedback out. Both are signed; no session and no token opens them."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.response import Response

from accounts import audit
from members.intake import feedback, receive, schema
from members.intake.door import ClientView, Refused
from members.intake.items import BadBody, moment, read_body
from members.intake.signature import IDEMPOTENCY_HEADER
from members.models import IntakeEvent
from tables.idempotency import InFlight, OtherBody, answer_once

AGAIN_SOON, AGAIN_LATER = 2, 60  # seconds
_KEY = re.compile(r"[\x21-\x7e]{1,100}")
_AFTER = re.compile(r"([0-9]{1,16})_([0-9]{1,18})")


def busy() -> Refused:
    return Refused(
        503, "busy", "本系统正在写入数据，这次没有处理；请按 Retry-After 用同一个幂等键重发。", wait=AGAIN_LATER
    )


class RegistrationsView(ClientView):
    @extend_schema(
        operation_id="intake_registrations",
        summary="登记注册采集：发送登记事项",
        request=schema.IntakeRequest,
        parameters=[*schema.SIGNED, schema.header(IDEMPOTENCY_HEADER, "每个请求一个，重发时不变")],
        responses={200: schema.IntakeAnswer, **schema.refusals(schema.REFUSALS | schema.POST_REFUSALS)},
    )
    def post(self, request) -> HttpResponse:
        """登记注册系统发来的事项，一次最多 1000 件；逐件回答，同一个幂等键只办一次。"""
        client, body = request.auth, request._request.body
        if request._request.content_type != "application/json":
            raise Refused(415, "not_json", "请求头 Content-Type 应为 application/json。")
        key = request.headers.get(IDEMPOTENCY_HEADER, "")
        if not _KEY.fullmatch(key):
            raise Refused(
                400, "no_key", f"请求头 {IDEMPOTENCY_HEADER} 必须有：1 到 100 个可见的英文字符，每个请求一个。"
            )
        try:
            raws = read_body(body)
        except BadBody as error:
            raise Refused(400, "bad_body", str(error)) from error

        def work() -> tuple[int, str]:
            results = receive.receive(client=client, raws=raws)
            return 200, json.dumps({"results": results}, ensure_ascii=False)

        try:
            answer = answer_once(key=key, body=body, work=work, scope=f"intake:{client.pk}")
        except InFlight as error:
            text = "同一个幂等键的请求正在处理，请按 Retry-After 稍后重发。"
            raise Refused(409, "in_flight", text, wait=AGAIN_SOON) from error
        except OtherBody as error:
            text = "这个幂等键已经用于另一个请求体。内容不同的请求请换一个键；重发请一字不改。"
            raise Refused(422, "other_body", text) from error
        except receive.Busy as error:
            raise busy() from error
        return HttpResponse(answer.body, status=answer.status, content_type="application/json")


class FeedbackView(ClientView):
    @extend_schema(
        operation_id="intake_feedback",
        summary="登记注册采集：定期反馈",
        parameters=[
            *schema.SIGNED,
            OpenApiParameter("since", datetime, description="状态时间不早于，带时区"),
            OpenApiParameter("until", datetime, description="状态时间早于，带时区"),
            OpenApiParameter("after", str, description="上一页回答的 next"),
        ],
        responses={200: schema.Feedback, **schema.refusals(schema.REFUSALS)},
    )
    def get(self, request) -> Response:
        """每件事项已接收还是已办结，按状态时间排列；按月的件数。不含任何人的结论。"""
        client = request.auth
        asked = _asked(request.query_params)
        try:
            feedback.settle(client)
        except receive.Busy as error:
            raise busy() from error
        events, after = feedback.page(client, **asked)
        period = {name: asked[name] for name in ("since", "until")}
        audit.record("members.intake.feedback", by=None, detail={"client": client.pk, "events": len(events)})
        return Response(
            {
                "events": [_shown(event) for event in events],
                "next": f"{_microseconds(after[0])}_{after[1]}" if after else None,
                "months": None if asked["after"] else feedback.months(client, **period),
            }
        )


def _asked(params) -> dict[str, Any]:
    """The parameters, each at most once. Raises Refused."""
    if unknown := sorted(set(params) - {"since", "until", "after"}):
        raise Refused(400, "bad_parameter", f"不认识的参数：{'、'.join(unknown)}。可用的参数：since、until、after。")
    if repeated := [name for name, values in params.lists() if len(values) > 1]:
        raise Refused(400, "bad_parameter", f"参数 {'、'.join(repeated)} 写了几次，请只写一次。")
    asked: dict[str, Any] = {"after": None}
    for name in ("since", "until"):
        asked[name] = moment(params[name]) if params.get(name) else None
        if params.get(name) and asked[name] is None:
            text = f"{name} 应为带时区的时间，如 2026-11-01T00:00:00+08:00（加号在地址里写作 %2B）。"
            raise Refused(400, "bad_parameter", text)
    if params.get("after"):
        found = _AFTER.fullmatch(params["after"])
        if not found:
            raise Refused(400, "bad_parameter", "after 应原样取自上一页回答的 next。")
        asked["after"] = (_EPOCH + timedelta(microseconds=int(found[1])), int(found[2]))
    return asked


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _microseconds(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)


def _shown(event: IntakeEvent) -> dict[str, Any]:
    times = {name: getattr(event, name) for name in ("received_at", "completed_at")}
    return {
        "event_id": event.event_id,
        "event_type": event.kind,
        "state": event.state,
        **{name: timezone.localtime(at).isoformat() if at else None for name, at in times.items()},
    }
