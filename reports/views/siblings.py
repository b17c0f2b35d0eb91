"""各区对照: the districts of a city side by side, where the city lets them read each other's numbers."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.generic import View

from reports import siblings, words
from reports.views.dashboard import UnitMixin, breadcrumbs


class Siblings(UnitMixin, View):
    def get(self, request: HttpRequest, **kwargs) -> HttpResponse:
        unit, (basis, problem) = self.unit(), self.basis()
        if not siblings.are_compared(unit):
            raise Http404
        context = {
            "heading": "各区对照",
            "breadcrumbs": [*breadcrumbs(request.user, unit, basis), {"label": "各区对照", "url": None}],
            "unit": unit,
            "problem": problem,
            "basis": basis,
            "found": siblings.side_by_side(unit, basis),
            "dashboard_url": words.unit_page(unit, basis),
        }
        return render(request, "reports/siblings.html", context)
