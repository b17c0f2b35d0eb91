"""GET /api/v1/explain/<metric>/: why two numbers differ, as the page tells it, to whoever may see them there."""

from django.http import Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound, PermissionDenied, ValidationError
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import scopes
from orgs.api_base import NOT_FOUND
from orgs.api_schema import REFUSALS, Refusal
from reports import metrics
from reports.behind import PERMISSION
from reports.explain_asked import Asked, asked
from reports.explaining import Side


class ReasonSerializer(serializers.Serializer):
    """`only_in` a: counted in what is compared with and not in b. `count` null: kept back (少数不显示)."""

    only_in = serializers.ChoiceField(label="只在哪一边", choices=["a", "b"])
    key = serializers.CharField(label="原因代码")
    reason = serializers.CharField(label="原因")
    count = serializers.IntegerField(label="数量", allow_null=True)


class SideSerializer(serializers.Serializer):
    unit_code = serializers.CharField(label="单位代码")
    denominator = serializers.CharField(label="分母口径")
    range = serializers.CharField(label="范围")
    as_of = serializers.DateField(label="数据日期")
    count = serializers.IntegerField(label="被说明的数", allow_null=True)
    lost = serializers.IntegerField(label="不能还原的数", help_text="count − 今天还能读出的行数")


class ExplainedSerializer(serializers.Serializer):
    """b = a − Σ(only_in a) + Σ(only_in b) − a.lost + b.lost. Of a share its numerator, with of=below its denominator."""

    metric = serializers.CharField(label="指标代码")
    a = SideSerializer(label="对照")
    b = SideSerializer(label="本数")
    reasons = ReasonSerializer(many=True, label="原因")
    why_not = serializers.CharField(label="为什么没有说明", allow_blank=True)


def _parameter(name: str, text: str, **more) -> OpenApiParameter:
    return OpenApiParameter(name, more.pop("type", OpenApiTypes.STR), description=text, **more)


PARAMETERS = [
    _parameter("organization", "党组织代码；不写单位：本人岗位所在单位。"),
    _parameter("division", "区划代码。"),
    _parameter("denominator", "分母口径；不写为 with_members。", enum=list(metrics.DENOMINATORS)),
    _parameter("range", "范围。", enum=list(metrics.RANGES)),
    _parameter("as_of", "本数的日期；不写为最近一次。", type=OpenApiTypes.DATE),
    _parameter("than", "对照的日期；不写与本数相同。", type=OpenApiTypes.DATE),
    _parameter("with_organization", "对照的党组织；不写与本数相同。"),
    _parameter("with_division", "对照的区划。"),
    _parameter("with_denominator", "对照的分母口径。", enum=list(metrics.DENOMINATORS)),
    _parameter("with_range", "对照的范围。", enum=list(metrics.RANGES)),
    _parameter("of", "below：率的分母；不写：率的分子。", enum=["below"]),
]


class ExplainView(APIView):
    """差异说明：两个数为什么不同，按原因给出数量。与页面同一出处，少数不显示的规则相同。"""

    def initial(self, request, *args, **kwargs):
        super().initial(request, *args, **kwargs)
        if not request.user.has_perm(PERMISSION):
            raise PermissionDenied(scopes.refusal(request.user))

    @extend_schema(
        operation_id="explain_retrieve",
        parameters=PARAMETERS,
        responses={
            200: ExplainedSerializer,
            400: OpenApiResponse(Refusal, description="参数不认识，或口径不适用；detail 说明怎么改。"),
            **{code: OpenApiResponse(Refusal, description=text) for code, text in REFUSALS.items()},
        },
    )
    def get(self, request, metric: str) -> Response:
        known = metrics.METRICS.get(metric)
        try:
            found = asked(known, request.GET, request.user) if known else None
        except metrics.UnknownMetric as problem:
            raise ValidationError({"detail": str(problem)}) from problem
        except Http404:
            found = None
        if found is None:
            raise NotFound(NOT_FOUND)
        return Response(ExplainedSerializer(_body(found)).data)


def _body(found: Asked) -> dict:
    told = found.explained

    def side(one: Side, count: int | None, lost: int) -> dict:
        return {
            "unit_code": one.unit.code, "denominator": one.denominator, "range": one.range, "as_of": one.on,
            "count": count, "lost": lost,
        }  # fmt: skip

    return {
        "metric": found.metric.code,
        "a": side(found.a, told.a if told else None, told.lost_a if told else 0),
        "b": side(found.b, told.b if told else None, told.lost_b if told else 0),
        "reasons": [
            {"only_in": "b" if one.came else "a", "key": one.key, "reason": one.text, "count": one.count}
            for one in (told.reasons if told else ())
        ],
        "why_not": found.why_not,
    }
