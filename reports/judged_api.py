"""Read access to goals with their progress, to released evaluation sheets, and to published figures."""

from typing import Any

from django_filters import rest_framework as filters
from rest_framework import serializers

from orgs.scoped import ScopedViewSet
from reports import goal_progress, judging
from reports.goal_progress import Progress
from reports.models import Evaluation, Goal, ReportedFigure


class GoalSerializer(serializers.ModelSerializer):
    """Shares are 0–1. `light`: green, amber, red, or none where there is no number (`word` says why)."""

    metric_name = serializers.SerializerMethodField(label="指标名称")
    plan_title = serializers.CharField(source="plan.title", read_only=True)
    milestones = serializers.SerializerMethodField(label="阶段目标")
    progress = serializers.SerializerMethodField(label="进度")

    class Meta:
        model = Goal
        fields = [
            "id", "plan", "plan_title", "organization", "metric", "metric_name", "base_on", "base_value", "base_is_typed",
            "due_on", "target", "milestones", "closed_on", "progress",
        ]  # fmt: skip

    def get_metric_name(self, goal: Goal) -> str:
        return judging.label(goal.metric)

    def get_milestones(self, goal: Goal) -> list[dict[str, str]]:
        return [{"due_on": one.due_on.isoformat(), "value": str(one.value)} for one in goal.milestones.all()]

    def get_progress(self, goal: Goal) -> dict[str, Any]:
        line: Progress = self.context["progress"][goal.pk]

        def said(value) -> str | None:
            return None if value is None else str(round(value, 4))

        return {
            "as_of": line.as_of and line.as_of.isoformat(), "actual": said(line.actual), "expected": said(line.expected),
            "ahead": said(line.ahead), "light": line.light, "word": line.word,
            "reach_on": line.reach_on and line.reach_on.isoformat(),
        }  # fmt: skip


class GoalFilter(filters.FilterSet):
    running = filters.BooleanFilter(label="进行中", method="by_running")

    class Meta:
        model = Goal
        fields = ["plan", "organization", "metric"]

    def by_running(self, queryset, name: str, value: bool):
        running = {"closed_on__isnull": True, "plan__closed_on__isnull": True}
        return queryset.filter(**running) if value else queryset.exclude(**running)


class GoalViewSet(ScopedViewSet):
    """目标和进度：您的单位和下级的。"""

    permission = "reports.view_goal"
    queryset = Goal.objects.select_related("plan", "organization__parent").prefetch_related("milestones")
    serializer_class = GoalSerializer
    filterset_class = GoalFilter
    progress: dict[int, Progress] = {}

    def _look_at(self, goals: list[Goal]) -> None:
        lines = goal_progress.progress_many(goals)
        self.progress = {line.goal.pk: line for line in lines}

    def paginate_queryset(self, queryset):
        page = super().paginate_queryset(queryset)
        self._look_at(page)
        return page

    def get_object(self):
        goal = super().get_object()
        self._look_at([goal])
        return goal

    def get_serializer_context(self):
        return super().get_serializer_context() | {"progress": self.progress}


class EvaluationSerializer(serializers.ModelSerializer):
    """`sheet`: the whole sheet as it was released; `digest`: SHA-256 of its canonical JSON (sorted keys, no spaces)."""

    sheet = serializers.JSONField(source="release.sheet", read_only=True)
    digest = serializers.CharField(source="release.digest", read_only=True)
    released_at = serializers.DateTimeField(source="release.released_at", read_only=True)
    withdrawn_at = serializers.DateTimeField(
        source="release.withdrawal.withdrawn_at", read_only=True, default=None, allow_null=True
    )
    withdrawn_because = serializers.CharField(
        source="release.withdrawal.reason", read_only=True, default=None, allow_null=True
    )

    class Meta:
        model = Evaluation
        fields = [
            "id", "organization", "title", "as_of", "month", "released_at", "digest", "withdrawn_at",
            "withdrawn_because", "sheet",
        ]  # fmt: skip


class EvaluationFilter(filters.FilterSet):
    class Meta:
        model = Evaluation
        fields = ["organization"]


class EvaluationViewSet(ScopedViewSet):
    """已发布的工作评价：您的单位组织的、参评的，和下级单位组织的；草稿不在接口里。"""

    permission = "reports.view_evaluation"
    queryset = Evaluation.objects.filter(release__isnull=False).select_related("release__withdrawal")
    serializer_class = EvaluationSerializer
    filterset_class = EvaluationFilter


class ReportedFigureSerializer(serializers.ModelSerializer):
    class Meta:
        model = ReportedFigure
        fields = ["id", "place", "name", "value", "unit", "is_approximate", "as_of", "source", "metric"]


class ReportedFigureFilter(filters.FilterSet):
    class Meta:
        model = ReportedFigure
        fields = ["place", "name", "metric"]


class ReportedFigureViewSet(ScopedViewSet):
    """公布数据（非本系统计算）：别的城市和上级公布的数，带出处和日期。"""

    permission = "reports.view_reportedfigure"
    queryset = ReportedFigure.objects.all()
    serializer_class = ReportedFigureSerializer
    filterset_class = ReportedFigureFilter
