"""Global search. Persons are looked for by a form of its own, sent by POST."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.generic import View

from accounts import limits
from orgs.scoped import DoorMixin
from reports.forms import MemberSearchForm, SearchForm
from reports.menu import SEARCH
from reports.search import search, search_members


class Search(DoorMixin, View):
    permission = SEARCH
    template_name = "reports/search.html"

    def dispatch(self, request, *args, **kwargs):
        is_asking = request.method == "POST" or request.GET.get("q")
        if is_asking and request.user.is_authenticated and not limits.within("search_person", request.user.pk):
            return self._busy(request)
        return super().dispatch(request, *args, **kwargs)

    def _busy(self, request: HttpRequest) -> HttpResponse:
        messages.error(request, "短时间内查找的次数太多，请过几分钟再查。成批的名单请用列表的筛选和导出。")
        answer = render(request, self.template_name, {"heading": "查找", "form": SearchForm()}, status=429)
        answer["Retry-After"] = str(limits.WINDOW)
        return answer

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
