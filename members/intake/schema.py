"""The intake in the API's schema. The words for people are in docs/intake.md."""

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers

from members.intake import signature
from members.intake.items import BUSINESS, MAX_ITEMS
from members.intake.persons import CHANNELS, ROLES
from members.models import IntakeEvent


class SignatureScheme(OpenApiAuthenticationExtension):
    target_class = "members.intake.door.SignedByClient"
    name = "intakeSignature"

    def get_security_definition(self, auto_schema):
        return {
            "type": "apiKey",
            "in": "header",
            "name": signature.SIGNATURE_HEADER,
            "description": "HMAC 签名，见 docs/intake.md。",
        }


class ConsentRef(serializers.Serializer):
    notice_version = serializers.CharField(help_text="本人看到的告知书版本")
    given_at = serializers.DateTimeField(help_text="本人同意的时间，带时区")
    channel = serializers.CharField(help_text="、".join(f"{code} {label}" for code, label in CHANNELS.items()))
    items = serializers.ListField(
        child=serializers.CharField(), help_text="本人逐项勾选：membership、home_verify、id_number"
    )


class IntakePersonSchema(serializers.Serializer):
    name = serializers.CharField(max_length=50)
    phone = serializers.CharField(max_length=30)
    id_number = serializers.CharField(max_length=30, required=False, help_text="须另有本人对 id_number 的同意")
    standing = serializers.CharField(help_text="full 正式党员、probationary 预备党员，以本人所说为准")
    role = serializers.CharField(help_text="、".join(f"{code} {label}" for code, label in ROLES.items()))
    home_place = serializers.CharField(max_length=60, required=False)
    home_branch = serializers.CharField(max_length=100, required=False)
    consent_ref = ConsentRef()


IntakeBusinessSchema = type(
    "IntakeBusinessSchema",
    (serializers.Serializer,),
    {name: serializers.CharField(required=name in ("uscc", "name", "entity_type")) for name in BUSINESS},
)


class IntakeItem(serializers.Serializer):
    event_id = serializers.CharField(max_length=64)
    event_type = serializers.CharField(help_text="、".join(f"{kind.value} {kind.label}" for kind in IntakeEvent.Kind))
    occurred_at = serializers.DateTimeField()
    business = IntakeBusinessSchema()
    persons = IntakePersonSchema(many=True, required=False)


class IntakeRequest(serializers.Serializer):
    items = IntakeItem(many=True, help_text=f"1 到 {MAX_ITEMS} 项")


class FieldProblem(serializers.Serializer):
    field = serializers.CharField()
    message = serializers.CharField()


class PersonAnswer(serializers.Serializer):
    result = serializers.CharField(help_text="received、refused")
    code = serializers.CharField(required=False)
    message = serializers.CharField()


class IntakeResult(serializers.Serializer):
    event_id = serializers.CharField()
    result = serializers.CharField(help_text="accepted、updated、unchanged、refused")
    code = serializers.CharField(
        help_text="拒绝的：invalid、repeated、stale、out_of_scope、registered_elsewhere、hand_over；"
        "收下的：older、hand_over、hand_over_not_agreed 或空"
    )
    message = serializers.CharField()
    errors = FieldProblem(many=True)  # type: ignore[assignment]  # the answer's own word
    persons = PersonAnswer(many=True)


class IntakeAnswer(serializers.Serializer):
    results = IntakeResult(many=True, help_text="与 items 同序，一项一个")


class EventState(serializers.Serializer):
    event_id = serializers.CharField()
    event_type = serializers.CharField()
    state = serializers.CharField(help_text="已接收、已办结")
    received_at = serializers.DateTimeField()
    completed_at = serializers.DateTimeField(allow_null=True)


class MonthCount(serializers.Serializer):
    month = serializers.CharField()
    received = serializers.IntegerField()
    completed = serializers.IntegerField()


class Feedback(serializers.Serializer):
    events = EventState(many=True)
    next = serializers.CharField(allow_null=True, help_text="下一页的 after；没有更多时为空")
    months = MonthCount(many=True, allow_null=True, help_text="按月的件数，只在第一页给出")


class IntakeRefusal(serializers.Serializer):
    detail = serializers.CharField()
    code = serializers.CharField()


def header(name: str, text: str) -> OpenApiParameter:
    return OpenApiParameter(name, str, OpenApiParameter.HEADER, required=True, description=text)


SIGNED = [header(signature.KEY_HEADER, "密钥编号"), header(signature.TIME_HEADER, "Unix 时间（秒）")]
REFUSALS = {
    400: "请求体或参数不合规。", 401: "没有签名，或签名、时间戳无效。", 405: "方法不对。",
    429: "过于频繁，见 Retry-After。", 500: "本系统出错，`detail` 里有错误编号。", 503: "正在写入数据，见 Retry-After。",
}  # fmt: skip
POST_REFUSALS = {
    409: "同一个幂等键的请求正在处理，见 Retry-After。", 411: "没有写明请求体的长度。", 413: "请求体过大。",
    415: "不是 application/json。", 422: "这个幂等键已经用于另一个请求体。",
}  # fmt: skip


def refusals(texts: dict[int, str]) -> dict[int, OpenApiResponse]:
    return {code: OpenApiResponse(IntakeRefusal, description=text) for code, text in texts.items()}
