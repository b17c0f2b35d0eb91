"""What the pages of imports share: who may come in, a batch of one's own, a file as an answer."""

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.utils.http import content_disposition_header
from django.views import View

from tables import services
from tables.exports import TYPES
from tables.models import Batch
from tables.register import Cannot, sources_of, target, targets_for
from tables.selectors import own_batches

BADGES: dict[str, str] = {
    Batch.State.READING: "info",
    Batch.State.UNMAPPED: "warn",
    Batch.State.CHECKED: "warn",
    Batch.State.APPLYING: "info",
    Batch.State.APPLIED: "ok",
    Batch.State.REFUSED: "bad",
    Batch.State.CANCELLED: "plain",
    Batch.State.UNDOING: "info",
    Batch.State.UNDONE: "plain",
}


def file_response(pieces, name: str, format: str) -> StreamingHttpResponse:
    response = StreamingHttpResponse(pieces, content_type=TYPES[format])
    response["Content-Disposition"] = content_disposition_header(True, f"{name}.{format}") or ""
    response["Cache-Control"] = "no-store"
    return response


def chosen_format(request) -> str:
    return "csv" if request.GET.get("format") == "csv" else "xlsx"


class ImportView(View):
    """Signed in, and allowed to import something."""

    def dispatch(self, request, *args, **kwargs):
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        self.targets = targets_for(request.user)
        if not self.targets:
            raise PermissionDenied("您的岗位没有导入的权限，请联系本单位管理员。")
        return super().dispatch(request, *args, **kwargs)

    def get_batch(self, pk: int) -> Batch:
        batch = get_object_or_404(own_batches(self.request.user), pk=pk)
        services.batch_settle(batch)
        return batch


def title_of(batch: Batch) -> str:
    try:
        return target(batch.target).table.title
    except Cannot:
        return batch.target


def origin_of(batch: Batch) -> str:
    """Whose file, of which day, the whole or a part; empty where the target has one source only."""
    try:
        sources = dict(sources_of(target(batch.target)))
    except Cannot:
        sources = {}
    if not sources:
        return ""
    extent = "全量" if batch.is_full else "增量"
    return f"{sources.get(batch.source, batch.source)} · {batch.file_date:%Y-%m-%d} · {extent}"
