"""GET /api/v1/numbers/: any number that pages show, as tidy lines, to whoever may see it there."""

from django.http import Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound, PermissionDenied, ValidationError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.views import APIView

from accounts import scopes
from orgs.api_base import NOT_FOUND
from orgs.api_schema import REFUSALS, Refusal
from reports import breakdowns, metrics, tidy
from reports.behind import PERMISSION
from reports.tidy_asked import EVERY, Unreadable, asked_of
from reports.tidy_files import FORMATS, answer
from tables.exports import TYPES


class LineSerializer(serializers.Serializer):
    """One unit, one metric, one 口径, one day. `hidden`: a small cell about persons; its value is null."""

    unit_code = serializers.CharField(label="单位代码")
    unit_name = serializers.CharField(label="单位名称")
    line = serializers.ChoiceField(label="行", choices=[(tidy.OWN, "本单位"), (tidy.UNASSIGNED, "直属/待分派")])
    metric = serializers.CharField(label="指标代码")
    metric_name = serializers.CharField(label="指标")
    denominator = serializers.ChoiceField(label="分母口径", choices=list(metrics.DENOMINATORS.items()))
    range = serializers.ChoiceField(label="范围", choices=list(metrics.RANGES.items()))
    as_of = serializers.DateField(label="截至")
    value = serializers.FloatField(label="数值", allow_null=True, help_text="率为 0–1 的小数")
    measure = serializers.CharField(label="计量单位")
    numerator = serializers.IntegerField(label="分子", allow_null=True)
    denominator_value = serializers.IntegerField(label="分母", allow_null=True)
    hidden = serializers.BooleanField(label="不显示")
    breakdown = serializers.CharField(label="分类", help_text="按什么分；空：不分")
    key = serializers.CharField(label="类别代码", help_text="- 为未填")
    key_name = serializers.CharField(label="类别")


class LinesSerializer(serializers.Serializer):
    results = LineSerializer(many=True)


def _parameter(name: str, text: str, **more) -> OpenApiParameter:
    return OpenApiParameter(name, more.pop("type", OpenApiTypes.STR), description=text, **more)


PARAMETERS = [
    _parameter("organization", "党组织代码；可写多个，逗号分开。不写单位：本人岗位所在单位。"),
    _parameter("division", "区划代码；可写多个，逗号分开。"),
    _parameter("below", "1：连同直接下级和直属/待分派。", enum=["0", "1"]),
    _parameter("by", "按类别分：每个单位每个类别一行，只有经营主体的指标可以分。", enum=list(breakdowns.DIMENSIONS)),
    _parameter(
        "metric",
        "指标代码，可带口径：`代码@分母#范围`（# 在地址里写作 %23）；可写多个，逗号分开。不写：全部指标，各按下面的口径；"
        f"写 {EVERY}：全部指标的全部口径。",
    ),
    _parameter("denominator", "没有写明口径的指标用的分母；不写为 with_members（与看板相同）。",
               enum=list(metrics.DENOMINATORS)),
    _parameter("range", "没有写明口径的指标用的范围。", enum=list(metrics.RANGES)),
    _parameter("as_of", "某一天：各单位在这一天或之前最近一次的数字。", type=OpenApiTypes.DATE),
    _parameter("from", "一段日子的第一天：这段日子里每个有数字的日子。", type=OpenApiTypes.DATE),
    _parameter("to", "一段日子的最后一天；要与 from 同用。", type=OpenApiTypes.DATE),
    _parameter("format", "不写为 json。csv、xlsx 的列与 JSON 相同，列名为中文。", enum=list(FORMATS)),
]  # fmt: skip


class OnlyJson(DefaultContentNegotiation):
    """`format` is answered by the view itself; refusals are always JSON."""

    def select_renderer(self, request, renderers, format_suffix=None):
        return renderers[0], renderers[0].media_type


class NumbersView(APIView):
    """统计数字（长表）：单位 × 指标 × 口径 × 日期，一行一个数。与页面同一出处，少数不显示的规则相同。"""

    content_negotiation_class = OnlyJson

    def initial(self, request, *args, **kwargs):
        super().initial(request, *args, **kwargs)
        if not request.user.has_perm(PERMISSION):
            raise PermissionDenied(scopes.refusal(request.user))

    @extend_schema(
        operation_id="numbers_list",
        parameters=PARAMETERS,
        responses={
            200: LinesSerializer,
            (200, "text/csv"): OpenApiTypes.STR,
            (200, TYPES["xlsx"]): OpenApiTypes.BINARY,
            304: OpenApiResponse(description="没有变化（请求带了 If-None-Match，与 ETag 相同）。"),
            400: OpenApiResponse(Refusal, description="参数不认识、口径不适用，或一次要得太多；detail 说明怎么改。"),
            **{code: OpenApiResponse(Refusal, description=text) for code, text in REFUSALS.items()},
        },
    )
    def get(self, request):
        format = request.query_params.get("format") or "json"
        if format not in FORMATS:
            raise ValidationError({"detail": f"format 只能是 {'、'.join(FORMATS)}。"})
        try:
            asked = asked_of(request.query_params, request.user)
            return answer(request._request, request.user, asked, format)
        except Http404:
            raise NotFound(NOT_FOUND) from None
        except (Unreadable, metrics.UnknownMetric, tidy.TooMuch) as problem:
            raise ValidationError({"detail": str(problem)}) from problem
