"""The schema as the API really answers: with its refusals, and with choices that may be empty."""

from django.core.exceptions import FieldDoesNotExist
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers

from accounts.api import Refusal

REFUSALS = {
    401: "没有登录，或令牌无效。",
    403: "岗位没有这项权限。",
    404: "没有这条记录或不在您的范围内；列表：游标无效。",
    429: "这个地址的令牌被拒绝的次数太多，请过一会儿再试。",
}
BAD_PARAMETER = "参数不认识或不正确：detail 或按参数名列出原因。"


class ReadSchema(AutoSchema):
    def get_response_serializers(self):
        responses = {code: OpenApiResponse(Refusal, description=text) for code, text in REFUSALS.items()}
        if self.view.action == "list":
            responses[400] = OpenApiResponse(OpenApiTypes.OBJECT, description=BAD_PARAMETER)
        return {200: super().get_response_serializers(), **responses}

    def _map_serializer_field(self, field, direction, bypass_extensions=False):
        """REST framework forgets on a read-only field that its column may be empty."""
        if isinstance(field, serializers.ChoiceField) and field.read_only and _may_be_empty(field):
            field.allow_blank = True
        return super()._map_serializer_field(field, direction, bypass_extensions)


def _may_be_empty(field: serializers.ChoiceField) -> bool:
    meta = getattr(field.parent, "Meta", None)
    try:
        return meta is not None and meta.model._meta.get_field(field.source).blank
    except FieldDoesNotExist:
        return False
