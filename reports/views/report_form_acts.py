"""一次填报: uploading and changing a form, binding its cells, filling a month."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.generic import View

from orgs.scoped import DoorMixin
from reports import form_books, form_filling, form_services, form_suggesting, form_words, judging
from reports.filling_forms import CODES, BindForm, ChangeForm, FillForm, UploadForm, initial_of
from reports.form_filling import Filler, FillRefused, Told
from reports.form_services import FormRefused, binding_columns
from reports.models import FormBinding, ReportForm
from reports.views.report_forms import CHANGE, FILL, FormMixin, crumb_of, crumbs, sheet_number
from tables.workbooks import Refused, Sheet, address, read_address
from tables.workbooks.look import Place


class ReportFormNew(DoorMixin, View):
    permission = "reports.add_reportform"

    def get(self, request: HttpRequest) -> HttpResponse:
        form = UploadForm(user=request.user)
        if form.units:
            form.initial["unit"] = next(iter(form.units))
        return self._page(form)

    def post(self, request: HttpRequest) -> HttpResponse:
        form = UploadForm(request.POST, request.FILES, user=request.user)
        if form.is_valid():
            data = form.cleaned_data
            try:
                made = form_services.form_create(
                    unit=data["unit"], title=data["title"], asked_by=data["asked_by"], upload=data["file"],
                    name=data["file"].name, with_sources=data["with_sources"], by=request.user,
                )  # fmt: skip
            except FormRefused as refused:
                form.add_error("file", str(refused))
            else:
                messages.success(request, "已上传。点一个格子，选好要填的指标；也可以先看系统的建议。")
                return redirect(made)
        return self._page(form, 422)

    def _page(self, form: UploadForm, status: int = 200) -> HttpResponse:
        context = {
            "heading": "上传报表", "form": form, "submit_label": "上传", "cancel_url": reverse("reports:report_forms"),
            "breadcrumbs": crumbs({"label": "上传报表"}),
            "intro": "上传上级要的空表（或上月报过的表）。以后每月关账后，系统按您绑好的格子把数填进去，其余一字不动。",
        }  # fmt: skip
        return render(self.request, "generic/form.html", context, status=status)


class ReportFormEdit(FormMixin, View):
    permission = CHANGE

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        form = self.form_asked()
        facts = {name: getattr(form, name) for name in ("title", "asked_by", "with_sources", "is_active")}
        return self._page(form, ChangeForm(initial=facts))

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        form, sent = self.form_asked(), ChangeForm(request.POST, request.FILES)
        if sent.is_valid():
            data = dict(sent.cleaned_data)
            upload = data.pop("file")
            try:
                form_services.form_change(
                    form=form, upload=upload, name=upload.name if upload else "", by=request.user, **data
                )
            except FormRefused as refused:
                sent.add_error("file", str(refused))
            else:
                messages.success(request, "已保存。" + ("换了新的文件，请逐格核对绑定。" if upload else ""))
                return redirect(form)
        return self._page(form, sent, 422)

    def _page(self, form: ReportForm, sent: ChangeForm, status: int = 200) -> HttpResponse:
        context = {
            "heading": "修改报表", "form": sent, "cancel_url": form.get_absolute_url(),
            "breadcrumbs": crumbs(crumb_of(form), {"label": "修改"}),
        }  # fmt: skip
        return render(self.request, "generic/form.html", context, status=status)


class CellMixin(FormMixin):
    """One cell of a form, named by `sheet` (its number among those shown) and `cell` (B7)."""

    permission = CHANGE

    def cell(self, asked) -> tuple[ReportForm, form_books.Book, Sheet, Place]:
        form = self.form_asked()
        try:
            book = form_books.book_of(form)
        except Refused as refused:
            raise Http404 from refused
        number, place = sheet_number(book, asked.get("sheet", "")), read_address(asked.get("cell", ""))
        if place is None or not number:
            raise Http404
        return form, book, book.shown[number - 1], place

    @staticmethod
    def binding(form: ReportForm, sheet: Sheet, place: Place) -> FormBinding | None:
        rows = form.bindings.filter(sheet=sheet.name, row=place[0], column=place[1])
        found = rows.select_related("organization", "division").first()
        if found:
            found.form = form
        return found

    @staticmethod
    def preview(form: ReportForm, book: form_books.Book, sheet: Sheet, place: Place, columns: dict) -> dict[str, Any]:
        """What would stand in the cell for the last closed month, and what it means."""
        closing = form_filling.newest_closing()
        metric = judging.metric_of(columns["metric"]) if columns["metric"] else None
        told = None
        if closing is not None:
            row = FormBinding(form=form, sheet=sheet.name, row=place[0], column=place[1], **columns)
            told = Filler(book, closing, [row]).told(row)
        basis = judging.basis_label(columns["metric"]) if metric else ""
        return {"closing": closing, "told": told, "metric": metric, "basis": basis}


class ReportFormCell(CellMixin, View):
    """The panel of one cell: a fragment for htmx, by itself a page. POST binds it or takes its binding off."""

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        form, book, sheet, place = self.cell(request.GET)
        binding = self.binding(form, sheet, place)
        sent = BindForm(request.GET if "what" in request.GET else None, report_form=form, binding=binding)
        if "what" not in request.GET and binding is None and not sheet.why_not(place):
            self._propose(form, sheet, place, sent)
        return self._panel(form, book, sheet, place, binding, sent)

    @staticmethod
    def _propose(form: ReportForm, sheet: Sheet, place: Place, sent: BindForm) -> None:
        """Open on what the labels beside the cell suggest."""
        if found := form_suggesting.proposal_for(form, sheet, place):
            columns = binding_columns(**found.asked)
            sent.initial = initial_of(FormBinding(form=form, **columns))

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        form, book, sheet, place = self.cell(request.POST)
        binding = self.binding(form, sheet, place)
        back = f"{form.get_absolute_url()}?sheet={request.POST['sheet']}&cell={address(place)}"
        if "unbind" in request.POST:
            if binding is not None:
                form_services.cell_unbind(binding=binding, by=request.user)
                messages.success(request, f"{address(place)} 已取消绑定。")
            return redirect(back)
        sent = BindForm(request.POST, report_form=form, binding=binding)
        if sent.is_valid():
            try:
                columns = sent.cleaned_data["columns"]
                form_services.cells_bind(form=form, cells={(sheet.name, place): columns}, by=request.user)
            except FormRefused as refused:
                sent.add_error(None, str(refused))
            else:
                messages.success(request, f"{address(place)} 已绑定。")
                return redirect(back)
        return self._panel(form, book, sheet, place, binding, sent, 422)

    def _panel(
        self, form, book, sheet: Sheet, place: Place, binding, sent: BindForm, status: int = 200
    ) -> HttpResponse:
        columns = sent.cleaned_data.get("columns") if sent.is_bound and sent.is_valid() else None
        if columns is None and binding is not None and not sent.is_bound:
            columns = {name: getattr(binding, name) for name in ("what", "metric", "organization", "division", "text")}
        context: dict[str, Any] = {
            "heading": f"{sheet.name} {address(place)}",
            "breadcrumbs": crumbs(crumb_of(form), {"label": address(place)}),
            "report_form": form, "sheet_number": book.shown.index(sheet) + 1, "cell": address(place),
            "why_not": sheet.why_not(place), "binding": binding, "form": sent, "names": list(CODES),
        }  # fmt: skip
        if columns is not None:
            context["preview"] = self.preview(form, book, sheet, place, columns)
        part = self.request.headers.get("HX-Target")
        name = {"cell-preview": "reports/_cell_preview.html", "cell-panel": "reports/_cell_panel.html"}
        return render(self.request, name.get(part or "", "reports/report_form_cell.html"), context, status=status)


class ReportFormSuggest(FormMixin, View):
    """What the labels of a sheet suggest for its empty cells, each with its number; bound are those that are ticked."""

    permission = CHANGE

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        form, number, sheet, book = self._asked(request.GET)
        found = form_suggesting.proposals(form, sheet)
        bindings = [
            FormBinding(
                form=form, sheet=sheet.name, row=one.place[0], column=one.place[1], **binding_columns(**one.asked)
            )
            for one in found
        ]
        closing = form_filling.newest_closing()
        filler = Filler(book, closing, bindings) if closing else None
        rows = []
        for one, binding in zip(found, bindings, strict=True):
            told = filler.told(binding) if filler else Told(None, "—")
            rows.append(
                {
                    "cell": one.key, "label": one.label, "bound": form_words.bound_to(binding),
                    "shown": told.problem or told.shown,
                }
            )  # fmt: skip
        context = {
            "heading": "建议的绑定", "breadcrumbs": crumbs(crumb_of(form), {"label": "建议"}), "report_form": form,
            "sheet": sheet, "sheet_number": number, "rows": rows, "closing": closing,
        }  # fmt: skip
        return render(request, "reports/report_form_suggest.html", context)

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        form, number, sheet, _ = self._asked(request.POST)
        picked = set(request.POST.getlist("cell"))
        cells = {
            (sheet.name, one.place): binding_columns(**one.asked)
            for one in form_suggesting.proposals(form, sheet)
            if one.key in picked
        }
        if cells:
            form_services.cells_bind(form=form, cells=cells, by=request.user)
            messages.success(request, f"已绑定 {len(cells)} 格。")
        else:
            messages.warning(request, "没有勾选任何一格，什么也没有绑定。")
        return redirect(f"{form.get_absolute_url()}?sheet={number}")

    def _asked(self, asked) -> tuple[ReportForm, int, Sheet, form_books.Book]:
        form = self.form_asked()
        try:
            book = form_books.book_of(form)
        except Refused as refused:
            raise Http404 from refused
        number = sheet_number(book, asked.get("sheet", "1"))
        if not number:
            raise Http404
        return form, number, book.shown[number - 1], book


class ReportFormFill(FormMixin, View):
    """Fill a month now."""

    permission = FILL

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        form, sent = self.form_asked(), FillForm(request.POST)
        if not sent.is_valid():
            messages.error(request, " ".join(map(str, sent.errors["month"])))
            return redirect(form)
        try:
            done, is_new = form_filling.form_fill(form=form, month=sent.cleaned_data["month"], by=request.user)
        except (FillRefused, Refused) as refused:
            messages.error(request, str(refused))
            return redirect(form)
        messages.success(request, "已填好。" if is_new else "数字、报表和绑定都没有变，就是已有的这一版。")
        return redirect(done)
