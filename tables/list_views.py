"""The page of a Listing, and its saved views."""

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views import View

from tables import bulk, saved
from tables.forms import SavedViewForm
from tables.keyset import Page, order_choices, page_of, total_text
from tables.listing import UNFILTERED, Exportable, Listing, NamesAPerson, Unusable, listing, units_of
from tables.lists import chooser, table_context, unknown_dropped
from tables.models import SavedView
from tables.patience import TooLong, patience


class SignedIn(View):
    def dispatch(self, request, *args, **kwargs):
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        return super().dispatch(request, *args, **kwargs)


def unusable_page(request: HttpRequest, what: Exportable, unusable: Unusable) -> HttpResponse:
    """What is asked for is not there, and why; the way back to the whole list."""
    back = what.url(QueryDict(f"{UNFILTERED}=all"))
    context = {"heading": what.title, "breadcrumbs": [{"label": what.title, "url": back}], "reason": str(unusable)}
    return render(request, "tables/unusable.html", context | {"back": back}, status=404)


class ListingView(SignedIn):
    """Something about the list that the address names; who may not see the list may not come here either."""

    listing: Listing

    def dispatch(self, request, *args, **kwargs):
        if request.user.is_authenticated:
            self.listing = self.find(kwargs.get("table", ""))
            if not request.user.has_perm(self.listing.view):
                raise PermissionDenied("您的岗位没有这项权限，请联系本单位管理员。")
        return super().dispatch(request, *args, **kwargs)

    def find(self, name: str) -> Listing:
        found = listing(name)
        if found is None:
            raise Http404
        return found


class ListPage(ListingView):
    """Filter form, saved views, column chooser, pages by key, a total that counts no further than ten thousand."""

    listing: Listing
    template_name = "generic/list.html"

    def find(self, name: str) -> Listing:
        return self.listing

    def get(self, request: HttpRequest) -> HttpResponseBase:
        asked = self.listing
        if not request.GET and (default := saved.opens_with(request.user, asked)):
            return redirect(asked.url(default))
        if answer := unknown_dropped(request, asked.known):
            return answer
        found = asked.filter(request.GET, request.user)
        rows = found.qs if found.form.is_valid() else found.queryset.none()
        columns = asked.table.chosen(request.GET.getlist("cols"))
        try:
            with patience():
                page = page_of(rows.prefetch_related(*asked.related), request.GET, orders=asked.orders)
                asked.look_up(page.rows)
                total, reason = total_text(rows, asked.unit, page), asked.empty_reason
        except TooLong:
            page, total, reason = Page(), "", asked.too_wide
        context = {
            "heading": asked.title,
            "breadcrumbs": [{"label": asked.title}],
            "filter": found,
            "clear_url": f"{request.path}?{UNFILTERED}=all",
            "table": table_context(asked.table, columns, page.rows),
            "page": page,
            "total_text": total,
            "sort_choices": order_choices(request.GET, asked.orders),
            "column_choices": chooser(asked.table, columns),
            "exports": self._exports(),
            "views": self._views(),
            "bulk": self._bulk(total) if page.rows else None,
            "empty_reason": reason,
        }
        return render(request, self.template_name, context | self.more())

    def more(self) -> dict:
        return {}

    def _exports(self) -> list[dict]:
        if not self.listing.export or not self.request.user.has_perm(self.listing.export):
            return []
        query = self.request.GET.copy()
        query.pop(UNFILTERED, None)
        address = reverse("lists:export", args=[self.listing.name])
        return [{"label": "导出", "url": f"{address}?{query.urlencode()}"}]

    def _views(self) -> dict:
        """What partials/_saved_views.html takes."""
        now = saved.canonical(self.request.GET.urlencode())
        chips = [
            {
                "label": view.name,
                "url": f"{self.request.path}?{view.query or f'{UNFILTERED}=all'}",
                "current": view.query == now,
                "is_shared": view.unit is not None,
                "is_default": view.is_default and view.owner_id == self.request.user.pk,
            }
            for view in saved.views_for(self.request.user, self.listing.name)
        ]
        address = reverse("lists:views", args=[self.listing.name])
        return {"chips": chips, "url": address, "query": now, "units": units_of(self.request.user)}

    def _bulk(self, total: str) -> dict | None:
        acts = bulk.acts_for(self.listing.name, self.request.user)
        if not acts:
            return None
        address = reverse("lists:bulk", args=[self.listing.name])
        return {"url": address, "acts": acts, "query": saved.canonical(self.request.GET.urlencode()), "total": total}


# --- saved views ------------------------------------------------------------------------------------------------------


class SavedViews(ListingView):
    """The views of one list: the own ones to change, those that others share to look at."""

    def get(self, request, table):
        seen = saved.views_for(request.user, table)
        units = dict(units_of(request.user))
        context = {
            "heading": f"{self.listing.title}的视图",
            "subtitle": "视图记住筛选、排序和显示的列；共享给单位后，单位里每个人都能用，看到的仍只是各自范围内的内容",
            "breadcrumbs": [{"label": self.listing.title, "url": reverse(self.listing.address)}, {"label": "视图"}],
            "list_url": reverse(self.listing.address),
            "own": [
                {"view": view, "form": SavedViewForm.of(view, units=units_of(request.user))}
                for view in seen
                if view.owner_id == request.user.pk
            ],
            "shared": [
                (view, units.get(view.unit), saved.has_left(view)) for view in seen if view.owner_id != request.user.pk
            ],
        }
        return render(request, "tables/views.html", context)

    def post(self, request, table):
        form = SavedViewForm(request.POST, units=units_of(request.user))
        query = request.POST.get("query", "")
        shown = saved.canonical(query)
        try:
            if not form.is_valid():
                raise saved.CannotKeep(form.first_error())
            view = saved.view_save(by=request.user, listing=self.listing, query=query, **form.cleaned_data)
            messages.success(request, f"已保存视图「{view.name}」。")
        except (saved.CannotKeep, Unusable) as cannot:
            messages.error(request, str(cannot))
            if isinstance(cannot, NamesAPerson) or len(shown) > saved.LONGEST:
                shown = ""  # not to stand in an address once more
        return redirect(f"{reverse(self.listing.address)}?{shown or f'{UNFILTERED}=all'}")


class OwnView(SignedIn):
    """Base: an own view; anybody else's answers like a missing one."""

    http_method_names = ["post", "options"]

    def get_view(self, pk: int) -> SavedView:
        return get_object_or_404(SavedView, owner=self.request.user, pk=pk)


class ChangeView(OwnView):
    def post(self, request, pk):
        view = self.get_view(pk)
        form = SavedViewForm(request.POST, units=units_of(request.user))
        try:
            if not form.is_valid():
                raise saved.CannotKeep(form.first_error())
            saved.view_change(view=view, by=request.user, **form.cleaned_data)
            messages.success(request, "已保存。")
        except saved.CannotKeep as cannot:
            messages.error(request, str(cannot))
        return redirect("lists:views", table=view.table)


class DeleteView(OwnView):
    def post(self, request, pk):
        view = self.get_view(pk)
        saved.view_delete(view=view, by=request.user)
        messages.success(request, f"已删除视图「{view.name}」。")
        return redirect("lists:views", table=view.table)


class UnshareView(SignedIn):
    """Anybody in the unit may put away what somebody who left shared with it; anything else answers like a missing one."""

    http_method_names = ["post", "options"]

    def post(self, request, pk):
        view = saved.left_behind(request.user, pk)
        if view is None:
            raise Http404
        saved.view_unshare(view=view, by=request.user)
        messages.success(request, f"视图「{view.name}」不再共享给本单位。")
        return redirect("lists:views", table=view.table)
