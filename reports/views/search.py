"""Global search. Persons are looked for by a form of its own, sent by POST."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.generic import View

from orgs.scoped import DoorMixin
from reports.forms import MemberSearchForm, SearchForm
from reports.search import search, search_members


class Search(DoorMixin, View):
    permission = "orgs.view_organization"
    template_name = "reports/search.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        asked = "q" in request.GET
        form = SearchForm(request.GET if asked else None)
        sections = search(request.user, form.cleaned_data["q"]) if asked and form.is_valid() else None
        return self._answer(request, form, sections=sections, search_text=request.GET.get("q", "")[:100])

    def post(self, request: HttpRequest) -> HttpResponse:
        if not request.user.has_perm("members.view_member"):
            return self.handle_no_permission()
        members = MemberSearchForm(request.POST)
        found = None
        if members.is_valid():
            asked = {key: members.cleaned_data[key] for key in ("name", "phone_tail")}
            found = search_members(request.user, **asked, request=request)
        return self._answer(request, SearchForm(), member_form=members, found=found)

    def _answer(self, request, form, *, member_form=None, **more) -> HttpResponse:
        if member_form is None and request.user.has_perm("members.view_member"):
            member_form = MemberSearchForm()
        context = {"heading": "查找", "form": form, "member_form": member_form, **more}
        return render(request, self.template_name, context)
