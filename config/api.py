"""Every route of /api/v1/ in one list. A room's api.py holds its viewsets."""

from functools import cache

from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpResponse
from django.urls import URLPattern, URLResolver, include, path, reverse
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.permissions import IsAuthenticated
from rest_framework.renderers import BaseRenderer
from rest_framework.routers import SimpleRouter
from rest_framework.views import APIView

from accounts.api import DemoTokenView
from markets.api import BusinessViewSet, HandOverViewSet, MarketViewSet
from members.api import MemberViewSet
from members.intake.api import FeedbackView, RegistrationsView
from orgs.api import DivisionViewSet, OrganizationViewSet
from reports.api import SnapshotViewSet
from reports.explain_api import ExplainView
from reports.forms_api import FilledFormViewSet, ReportFormViewSet
from reports.judged_api import EvaluationViewSet, GoalViewSet, ReportedFigureViewSet
from reports.printed_api import PrintedDocumentViewSet
from reports.tidy_api import NumbersView
from stations.api import CheckInViewSet, ServicePointViewSet

router = SimpleRouter()
router.register("organizations", OrganizationViewSet, "organization")
router.register("divisions", DivisionViewSet, "division")
router.register("businesses", BusinessViewSet, "business")
router.register("markets", MarketViewSet, "market")
router.register("hand-overs", HandOverViewSet, "hand-over")
router.register("members", MemberViewSet, "member")
router.register("service-points", ServicePointViewSet, "service-point")
router.register("check-ins", CheckInViewSet, "check-in")
router.register("snapshots", SnapshotViewSet, "snapshot")
router.register("goals", GoalViewSet, "goal")
router.register("evaluations", EvaluationViewSet, "evaluation")
router.register("printed-documents", PrintedDocumentViewSet, "printed-document")
router.register("reported-figures", ReportedFigureViewSet, "reported-figure")
router.register("report-forms", ReportFormViewSet, "report-form")
router.register("filled-forms", FilledFormViewSet, "filled-form")


@cache
def _schema_as(renderer: type[BaseRenderer]) -> str | bytes:
    """Made once in a process: it takes a second and is the same for everybody."""
    return renderer().render(SchemaGenerator().get_schema(public=True))


class SchemaView(APIView):
    """The schema as YAML, or with `format=json` as JSON."""

    permission_classes = [IsAuthenticated]
    renderer_classes = SpectacularAPIView.renderer_classes

    @extend_schema(exclude=True)
    def get(self, request, *args, **kwargs):
        renderer = request.accepted_renderer
        return HttpResponse(_schema_as(type(renderer)), content_type=f"{renderer.media_type}; charset=utf-8")


class DocsView(LoginRequiredMixin, SpectacularSwaggerSplitView):
    """The page that shows the schema. Its script comes from its own address: the policy forbids inline scripts."""

    template_name = "api/docs.html"
    url_name = "api:schema"

    @extend_schema(exclude=True)
    def get(self, request, *args, **kwargs):
        response = super().get(request, *args, **kwargs)
        response.data.setdefault("schema_url", reverse(self.url_name))
        return response


urlpatterns: list[URLPattern | URLResolver] = [
    path("", include(router.urls)),
    path("intake/registrations", RegistrationsView.as_view(), name="intake-registrations"),
    path("intake/feedback", FeedbackView.as_view(), name="intake-feedback"),
    path("numbers/", NumbersView.as_view(), name="numbers"),
    path("explain/<str:metric>/", ExplainView.as_view(), name="explain"),
    path("token/", DemoTokenView.as_view(), name="token"),
    path("schema/", SchemaView.as_view(), name="schema"),
    path("docs/", DocsView.as_view(), name="docs"),
]
