"""Taking a list out: a short one at once, a long one in a job, into a file that its owner fetches within a week."""

import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import islice
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.http import QueryDict
from django.urls import reverse
from django.utils import timezone

from accounts import audit
from accounts.sealed_files import create_sealed, open_sealed
from jobs.lease import interruptible
from jobs.models import Job
from jobs.rights import has_lost
from jobs.services import JobFailed, Progress, job_kind, job_start
from tables.exports import Mark, export
from tables.listing import Exportable, Unusable, exportable
from tables.models import Export
from tables.table import Column

AT_ONCE = 20_000  # rows; a longer list takes a job
FETCHED = 2_000  # rows that the server's cursor hands over at a time
KEPT_DAYS = 7
FOLDER = "exports"
NOT_ALLOWED = "您已没有导出这个列表的权限。需要的话请联系本单位管理员。"


def own_exports(user) -> QuerySet[Export]:
    return Export.objects.filter(owner=user).select_related("job", "approval", "owner")


def stored(kept: Export) -> Path:
    return Path(settings.MEDIA_ROOT) / kept.stored_as


def columns_of(kept: Export, what: Exportable) -> list[Column]:
    """The columns that were chosen when the list was asked for."""
    wanted = set(kept.columns)
    return [column for column in what.columns(QueryDict(kept.query), True) if column.key in wanted]


def keep(by, what: Exportable, query: QueryDict, chosen: dict) -> Export:
    columns = what.columns(query, chosen["columns"] == "all")
    return Export.objects.create(
        owner=by, table=what.name, purpose=chosen["purpose"], format=chosen["format"], query=query.urlencode(),
        columns=[column.key for column in columns],
    )  # fmt: skip


def _record(kept: Export, what: Exportable, act: str = "export", persons: Sequence[int] = ()) -> None:
    """With `persons`, the numbers of those whose rows are in the file, these are the event's subjects."""
    detail = {"rows": kept.rows, "columns": kept.columns, "format": kept.format}
    audit.record(
        f"{what.act}.{act}",
        by=kept.owner,
        subjects=persons or [kept],
        subject_type=what.act if persons else "",
        purpose=kept.purpose,
        detail=detail | {"export": kept.pk} if persons else detail,
    )


def streamed(rows: QuerySet, what: Exportable) -> Iterator:
    """One by one, while they are fetched and looked up by thousands."""
    found = rows.iterator(FETCHED)
    while some := list(islice(found, FETCHED)):
        what.look_up(some)
        yield from some


@transaction.atomic
def take_at_once(*, by, what: Exportable, query: QueryDict, chosen: dict, count: int) -> tuple[Iterator[bytes], str]:
    """The bytes of a short list, and what the file is called. Raises Unusable."""
    rows = what.to_export(query, by)
    persons: list[int] = []
    if what.persons:  # those who are written down, and nobody who came since
        persons = list(rows.order_by().prefetch_related(None).values_list("pk", flat=True))
        rows, count = rows.filter(pk__in=persons), len(persons)
    kept = keep(by, what, query, chosen)
    kept.rows = count
    kept.save(update_fields=["rows"])
    _record(kept, what, persons=persons)
    return export(what.title, columns_of(kept, what), streamed(rows, what), kept.format, mark_of(kept)), file_name(
        kept, what
    )


@transaction.atomic
def take_later(*, by, what: Exportable, query: QueryDict, chosen: dict, count: int) -> Job:
    kept = keep(by, what, query, chosen)
    kept.rows = count  # until the file says how many they were
    kept.save(update_fields=["rows"])
    return start(kept, what)


def start(kept: Export, what: Exportable) -> Job:
    """The job that writes the file, as its owner's."""
    by = kept.owner
    params = {"export": kept.pk, "url": what.url(QueryDict(kept.query))}
    kept.job = job_start(kind="tables.export", title=f"导出{what.title}", by=by, params=params)
    kept.save(update_fields=["job"])
    return kept.job


def mark_of(kept: Export) -> Mark:
    return Mark.by(kept.owner, kept.purpose)


def file_name(kept: Export, what: Exportable) -> str:
    """By the day on which it was asked for, which is that of its rows."""
    return replace(mark_of(kept), at=timezone.localtime(kept.created_at)).name(what.title)


def _right(params: dict) -> str:
    """That of exporting the list that is taken out."""
    what = exportable(Export.objects.values_list("table", flat=True).get(pk=params["export"]))
    return what.export if what else ""


@job_kind("tables.export", right=_right)
def run(job: Job, progress: Progress) -> dict:
    """Whole or not at all: the file gets its name when it is complete, in the transaction that records the export."""
    kept = Export.objects.select_related("owner", "approval").get(pk=job.params["export"])
    what = exportable(kept.table)
    if what is None:
        raise JobFailed("系统里已没有这个列表，没有导出。")
    if not kept.stored_as:
        if not kept.owner.has_perm(what.export):
            raise JobFailed(NOT_ALLOWED)
        _write_file(kept, what, progress)
    return {"url": f"{reverse('lists:exports')}#export-{kept.pk}", "rows": kept.rows}


def _write_file(kept: Export, what: Exportable, progress: Progress) -> None:
    name = f"{FOLDER}/{secrets.token_hex(16)}"
    path = Path(settings.MEDIA_ROOT) / name
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with transaction.atomic():
        try:
            with interruptible():
                rows = what.to_export(QueryDict(kept.query), kept.owner)
                total = rows.count()
                _must_be_as_approved(kept, total)
                counted = _Counted(streamed(rows, what), total, progress, what.persons)
                with create_sealed(path) as file:
                    for piece in export(what.title, columns_of(kept, what), counted, kept.format, mark_of(kept)):
                        file.write(piece)
                kept.stored_as, kept.rows = name, counted.done
                kept.save(update_fields=["stored_as", "rows"])
                _record(kept, what, persons=counted.persons)
        except BaseException as error:  # not of the commit: cut off there, it may hold, and the file with it
            path.unlink(missing_ok=True)
            if isinstance(error, Unusable):
                raise JobFailed(str(error)) from error
            raise


def _must_be_as_approved(kept: Export, total: int) -> None:
    """Raises JobFailed where a list that somebody let go has grown by more than a tenth since."""
    approval = getattr(kept, "approval", None)
    if approval and total > approval.counted * 1.1:
        raise JobFailed(f"批准的是 {approval.counted:,} 行，现在有 {total:,} 行，没有导出。请重新申请。")


class _Counted:
    """Rows on their way, told of."""

    def __init__(self, rows: Iterable, total: int, progress: Progress, names_persons: bool) -> None:
        self.rows, self.total, self.progress, self.done = rows, total, progress, 0
        self.names_persons, self.persons = names_persons, list[int]()

    def __iter__(self) -> Iterator:
        for self.done, row in enumerate(self.rows, 1):  # noqa: B020  the count outlives the loop
            if self.done % 500 == 0:
                self.progress(min(self.done, self.total), self.total, f"正在写入第 {self.done:,} 行")
            if self.names_persons:
                self.persons.append(row.pk)
            yield row
        self.progress(self.total, self.total, "行已写完，正在整理成文件")


def why_not_fetched(kept: Export, user) -> str:
    """Why its owner cannot have a kept file (any more); empty where they can.

    Who has left a unit since the file was asked for does not get it: it may hold that unit's rows.
    """
    what = exportable(kept.table)
    if what is None:
        return "系统里已没有这个列表"
    if not kept.stored_as or not stored(kept).exists():
        return "已过期，需要的话请重新导出"
    if not user.has_perm(what.export):
        return "您的岗位已没有导出这个列表的权限，不能下载"
    if kept.job and (not kept.job.permission or has_lost(kept.job)):
        return "导出之后您的岗位有变动，不能再下载；需要的话请重新导出"
    return ""


def fetch(*, kept: Export, what: Exportable) -> Iterator[bytes]:
    """The bytes of a kept file, written down before the first of them leaves."""
    _record(kept, what, "export_download")
    return _pieces(stored(kept))


def _pieces(path: Path) -> Iterator[bytes]:
    with open_sealed(path) as file:
        while piece := file.read(1 << 16):
            yield piece


def forget(exports: Iterable[int]) -> int:
    """Remove the kept files of these exports: somebody is erased whose row they hold, or they are old. How many."""
    held = list(Export.objects.filter(pk__in=exports).exclude(stored_as=""))
    for kept in held:
        stored(kept).unlink(missing_ok=True)
        Export.objects.filter(pk=kept.pk).update(stored_as="")
    return len(held)


def retention() -> int:
    """Remove files that were asked for more than a week ago, whenever they were made, for nothing finds them again where
    somebody is erased afterwards; and what a killed worker left behind. How many."""
    before = timezone.now() - timedelta(days=KEPT_DAYS)
    over = forget(Export.objects.filter(created_at__lt=before).values_list("pk", flat=True))
    folder = Path(settings.MEDIA_ROOT) / FOLDER
    old = [path for path in folder.glob("*") if path.stat().st_mtime < before.timestamp()]
    for path in old:
        path.unlink(missing_ok=True)
    return over + len(old)
