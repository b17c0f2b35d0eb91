from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.shortcuts import redirect, render

from tables import services
from tables.forms import UploadForm
from tables.register import Cannot, sources_of, target, tells_absent
from tables.templates import template
from tables.views.base import ImportView, chosen_format, file_response


class Upload(ImportView):
    def get(self, request):
        return self._page(UploadForm(targets=self.targets))

    def post(self, request):
        form = UploadForm(request.POST, request.FILES, targets=self.targets)
        if not form.is_valid():
            return self._page(form, status=422)
        try:
            batch = services.batch_start(by=request.user, **form.said())
        except Cannot as cannot:  # the disk is full
            form.add_error("file", str(cannot))
            return self._page(form, status=507)
        return redirect(batch.job)

    def _page(self, form, status: int = 200):
        context = {
            "heading": "数据导入",
            "subtitle": "先检查、再确认，确认之前不会写入任何内容",
            "form": form,
            "submit_label": "上传并检查",
            "targets": [{"name": each.table.name, "table": each.table} for each in self.targets],
            "with_sources": " ".join(each.table.name for each in self.targets if sources_of(each)),
            "with_extents": " ".join(each.table.name for each in self.targets if tells_absent(each)),
            "breadcrumbs": [{"label": "数据导入"}],
        }
        return render(self.request, "tables/upload.html", context, status=status)


class Template(ImportView):
    def get(self, request, **kwargs):
        try:
            chosen = target(kwargs["target"])
        except Cannot as cannot:
            raise Http404 from cannot
        if chosen not in self.targets:
            raise PermissionDenied(f"您的岗位没有导入{chosen.table.title}的权限，请联系本单位管理员。")
        format = chosen_format(request)
        pieces = template(chosen.table, format, chosen.offer(request.user))
        return file_response(pieces, f"{chosen.table.title}导入模板", format)
