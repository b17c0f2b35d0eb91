"""Tokens for the API: `Authorization: Token …`."""

from datetime import timedelta

from django.conf import settings
from django.contrib.auth import authenticate
from django.http import Http404
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema, inline_serializer
from rest_framework import serializers, status
from rest_framework.exceptions import Throttled
from rest_framework.permissions import AllowAny
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import limits, scopes, sign_ins
from accounts.services import token_create
from accounts.signing_in import SigningIn

DEMO_TOKEN = timedelta(days=7)


class Credentials(serializers.Serializer):
    username = serializers.CharField(max_length=60)
    password = serializers.CharField(max_length=128, trim_whitespace=False)


class Refusal(serializers.Serializer):
    detail = serializers.CharField()


class DemoTokenView(APIView):
    """A token for username and password, in the demo only: elsewhere tokens are made on a page after signing in."""

    authentication_classes: list = []
    permission_classes = [AllowAny]

    def initial(self, request, *args, **kwargs):
        if not settings.DEMO:
            raise Http404
        super().initial(request, *args, **kwargs)

    @extend_schema(
        request=Credentials,
        responses={
            200: inline_serializer("DemoToken", {"token": serializers.CharField()}),
            400: OpenApiResponse(
                OpenApiTypes.OBJECT, description="账号或密码不正确，或者没有填：detail 或按参数名列出原因。"
            ),
            403: OpenApiResponse(Refusal, description="岗位没有可读的数据，或者要先在网页上完成登录步骤。"),
            404: OpenApiResponse(Refusal, description="不是演示环境。"),
            415: OpenApiResponse(Refusal, description="内容不是 JSON 或表单。"),
            429: OpenApiResponse(Refusal, description="输错密码的次数太多，请稍后再试。"),
        },
        summary="用账号和密码换取令牌（仅演示环境）",
    )
    def post(self, request):
        given = Credentials(data=request.data)
        given.is_valid(raise_exception=True)
        plain_request = request._request  # axes marks the request that the middleware sees
        if sign_ins.too_many(plain_request, given.validated_data["username"]):
            raise Throttled(limits.WINDOW, "短时间内输错密码的次数太多，请稍后再试。")
        user = authenticate(request=plain_request, **given.validated_data)
        if user is None:
            sign_ins.refused(plain_request, given.validated_data["username"])
            return self._refusal(plain_request)
        if SigningIn(user, "", "").next_step:
            return Response({"detail": "请先在网页登录，完成页面上的步骤。"}, status.HTTP_403_FORBIDDEN)
        expires_at = timezone.now() + DEMO_TOKEN
        held = [key for key, _ in scopes.open_to(user)]
        if not held:
            return Response({"detail": "您的岗位没有可以由其他系统读取的数据。"}, status.HTTP_403_FORBIDDEN)
        _, plain = token_create(
            user=user, label="用密码换取", scopes=held, expires_at=expires_at, request=plain_request
        )
        return Response({"token": plain})

    def _refusal(self, request):
        if not sign_ins.locked_out(request):
            return Response({"detail": "账号或密码不正确。"}, status.HTTP_400_BAD_REQUEST)
        request.axes_locked_out = False  # else the middleware would put an HTML page in place of this answer
        return Response({"detail": "尝试次数过多，请 30 分钟后再试。"}, status.HTTP_429_TOO_MANY_REQUESTS)
