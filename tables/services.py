"""Bringing in a file: keep it, check it, show what it would do, then apply it or leave it. Each step once, in a Job."""

import secrets
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.postgres.functions import TransactionNow
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import audit
from jobs.lease import interruptible
from jobs.models import Job
from jobs.services import job_cancel, job_start
from tables import said_again
from tables.faults import fault
from tables.fixes import FixedSource, is_pending, mark, open_batch
from tables.mapping import RememberingTable, headers_shown, hide_numbers, remember, without_numbers
from tables.models import Batch, BatchChange
from tables.readers import Refused, Unmapped
from tables.register import (
    REFUSED,
    Cannot,
    Outcome,
    Progress,
    Target,
    agree,
    no_progress,
    sources_of,
    target,
    targets,
    tell_undo_over,
    tells_absent,
)
from tables.table import header_key
from tables.traces import WAITING, lock
from tables.uploads import called, keep, opened, remove_orphans
from tables.wrong_rows import EXTRAS, write_wrong_rows

UNDO_DAYS = 30
KEPT_DAYS = 7  # an upload that nobody confirmed, and the file of wrong rows
WRONG_ROWS = ".wrong"  # how the names of their files end
NOT_WRITTEN = (Batch.State.READING, Batch.State.UNMAPPED, Batch.State.CHECKED)
TOLD_OF_THE_FILE = ("plan", "mapping", "unused_columns", "parts", "problem")  # columns of a batch
NOT_READ = "文件没有读进去，已经移除。"
CHANGED_MEANWHILE = "写入时发现有人刚刚登记了同一个主体，本次没有写入任何内容。请重新确认一次。"


def stored(batch: Batch) -> Path:
    return Path(settings.MEDIA_ROOT) / batch.stored_as


def wrong_rows(batch: Batch) -> Path:
    """The file of only the wrong rows, made when the batch was read; it outlives the upload by a few days. Each reading
    makes one of its own: what the page shows and what is taken home are of the same one, whatever becomes of the next."""
    return stored(batch).with_suffix(batch.plan.get("wrong_rows") or WRONG_ROWS)


def _wrong_files(batch: Batch) -> list[Path]:
    return list(stored(batch).parent.glob(f"{stored(batch).name}{WRONG_ROWS}*"))


def batch_terms(*, kind: Target, by, source: str = "", file_date: date | None = None, is_full: bool = False) -> Batch:
    """A batch that is not saved yet: whose file it is and of which day. Raises Cannot where the terms cannot be."""
    sources = dict(sources_of(kind))
    if source and source not in sources:
        known = "、".join(f"{code}（{name}）" for code, name in sources.items())
        choose = f"可以选的有：{known}。" if known else "这种导入不分来源，请不要填写。"
        raise Cannot(f"{kind.table.title}没有「{source}」这个数据来源。{choose}")
    if is_full and not tells_absent(kind):
        raise Cannot(f"{kind.table.title}不分全量和增量：文件里没有的记录一律不作判断。请按增量导入。")
    today = timezone.localdate()
    if (file_date or today) > today:
        raise Cannot("数据日期晚于今天。请填来源系统导出这份文件的日期。")
    terms = {"source": source} if source else {}
    return Batch(target=kind.table.name, owner=by, file_date=file_date or today, is_full=is_full, **terms)


@transaction.atomic
def batch_start(*, by, target_name: str, uploads: Sequence, **terms: Any) -> Batch:
    """Take uploads in and queue their check. `terms` as in batch_terms: without a source it is the registration
    system's, without a date today's. Raises Cannot for an unknown target, and where the terms cannot be."""
    batch = batch_terms(kind=target(target_name), by=by, **terms)
    batch.file_name = called(uploads)
    batch.stored_as, batch.digest = keep(uploads)
    fault("upload.stored")
    batch.save()
    _queue(batch, "tables.check", "检查", by)
    fault("upload.queued")
    audit.record("tables.batch.start", by=by, subjects=[batch], detail={"target": target_name, "digest": batch.digest})
    return batch


def _queue(batch: Batch, kind: str, verb: str, by) -> None:
    title = f"{verb}{target(batch.target).table.title}：{batch.file_name}"
    params = {"batch": batch.pk, "url": batch.get_absolute_url()}
    batch.job = job_start(kind=kind, title=title[:200], by=by, params=params)
    batch.save(update_fields=["job"])


def judge(*, source: FixedSource, batch: Batch, write: bool, progress: Progress = no_progress) -> Outcome:
    """Judge every row of a batch's file as the batch says; with `write` also write. Needs a transaction.

    Raises Refused, or Cannot.
    """
    outcome = target(batch.target).run(source=source, by=batch.owner, batch=batch, write=write, progress=progress)
    outcome.told_by(source)
    told = {header_key(name) for name in (*EXTRAS, *target(batch.target).table.only_exported())}
    outcome.unused = [heading for heading in source.unknown if header_key(heading) not in told]
    outcome.counts["left_out"] = source.left_out
    return outcome


def batch_check(*, batch: Batch, progress: Progress = no_progress) -> None:
    """Read the file and keep counts and errors; the state becomes CHECKED, or UNMAPPED where somebody has to say which
    column is which, or REFUSED with what is the matter."""
    reading = Batch.objects.filter(pk=batch.pk, state=Batch.State.READING)
    suffix = f"{WRONG_ROWS}-{secrets.token_hex(4)}"
    try:
        with transaction.atomic(), interruptible():
            marked = mark(batch)
            source = open_batch(opened(stored(batch)), batch)
            outcome = judge(source=source, batch=batch, write=False, progress=progress)
            fault("check.judged")
            outcome.errors.keep(batch)
            rows = outcome.counts["rows"]
            heard = partial(progress, rows, rows, "正在整理有误的行")
            write_wrong_rows(source=source, errors=outcome.errors, to=stored(batch).with_suffix(suffix), heard=heard)
            reading.update(
                state=Batch.State.CHECKED,
                counts=outcome.counts,
                unused_columns=outcome.unused,
                plan_digest=outcome.digest,
                parts=source.parts,
                headers=source.headers,
                plan={
                    "mark": marked,
                    "columns": outcome.columns,
                    "samples": outcome.samples,
                    "passed_over": source.passed_over,
                    "repairs": dict(outcome.errors.repairs.rules),
                    "wrong_rows": suffix,
                },
                problem="",
            )
            fault("check.kept")
    except Refused as refused:
        reading.update(**_after_refusal(batch, refused))
    batch.refresh_from_db()
    for path in set(_wrong_files(batch)) - {wrong_rows(batch)}:  # of readings before, or of this one if it failed
        path.unlink(missing_ok=True)


def _after_refusal(batch: Batch, refused: Refused) -> dict[str, Any]:
    """What becomes of a batch whose file was not read. What may still be put right is kept, the upload with it."""
    if batch.counts:  # what was changed in the preview cannot stand; the file can
        return {"state": Batch.State.CHECKED, "problem": str(refused)}
    if isinstance(refused, Unmapped):
        table = RememberingTable.of(target(batch.target).table, batch)
        return {"state": Batch.State.UNMAPPED, "problem": "", "headers": headers_shown(refused.parts, table)}
    if batch.headers:  # what was said of its columns does not go; something else may
        return {"state": Batch.State.UNMAPPED, "problem": str(refused)}
    forget(batch)
    return {"state": Batch.State.REFUSED, "problem": str(refused)}


@transaction.atomic
def batch_recheck(*, batch: Batch, by, mapping: dict[str, Any] | None = None) -> Batch:
    """Check a batch again as it was put right since, or as the registry stands now. Raises Cannot when it is too late."""
    waiting = Batch.objects.filter(pk=batch.pk, state__in=[Batch.State.CHECKED, Batch.State.UNMAPPED])
    claimed = waiting.update(state=Batch.State.READING)
    if not claimed or not stored(batch).exists():
        raise Cannot("这一批已经写入、已放弃或正在检查，不能重新检查。")
    batch.refresh_from_db()
    if mapping is not None:
        batch.mapping = mapping
        batch.save(update_fields=["mapping"])
    _queue(batch, "tables.check", "重新检查", by)
    return batch


@transaction.atomic
def batch_confirm(*, batch: Batch, by, all_or_nothing: bool = False) -> Batch:
    """Queue the writing of a checked batch. Raises Cannot when it is not (any more) waiting for that, or not checked as
    it stands."""
    claimed = Batch.objects.filter(pk=batch.pk, state=Batch.State.CHECKED).update(
        state=Batch.State.APPLYING, all_or_nothing=all_or_nothing
    )
    if not claimed:
        raise Cannot("这一批已经确认过或已放弃，不能再次写入。")
    batch.refresh_from_db()
    if is_pending(batch):
        raise Cannot("改过之后还没有重新检查。请先点“重新检查”，看过结果再确认。")
    if all_or_nothing and (refused := sum(batch.counts[part] for part in REFUSED)):
        raise Cannot(f"还有 {refused:,} 行不能写入。请改好或选“不导入”，重新检查后再确认；或者选“只写入正确的行”。")
    remember(batch)
    _queue(batch, "tables.apply", "写入", by)
    return batch


def batch_apply(*, batch: Batch, path: Path | None = None, progress: Progress = no_progress) -> Outcome:
    """Judge the file anew, as the registry stands now, and write it: whole or not at all. `path`: a file in clear that
    was not uploaded.

    The counts that stay with the batch are those of this reading. Raises Refused, or Cannot where the plan is not the
    one that was shown, or where somebody registered the same code at the same moment.
    """
    kind = target(batch.target)
    try:
        with transaction.atomic(), interruptible() as result:
            result["url"] = batch.get_absolute_url()
            source = open_batch(path or opened(stored(batch)), batch)
            outcome = judge(source=source, batch=batch, write=True, progress=progress)
            fault("apply.written")
            agree(batch, outcome)
            outcome.errors.keep(batch)
            Batch.objects.filter(pk=batch.pk).update(
                state=Batch.State.APPLIED,
                counts=outcome.counts,
                applied_at=TransactionNow(),
            )
            audit.record(
                kind.act, by=batch.owner, subjects=[batch], units=outcome.units, detail={"counts": outcome.counts}
            )
            fault("apply.audited")
    except IntegrityError as error:
        raise Cannot(CHANGED_MEANWHILE) from error
    batch.refresh_from_db()
    return outcome


def undo_ends(batch: Batch) -> datetime | None:
    """Until when a batch can be taken back; None where it cannot (any more)."""
    if batch.state != Batch.State.APPLIED or batch.applied_at is None:
        return None
    until = batch.applied_at + timedelta(days=UNDO_DAYS)
    return until if until > timezone.now() else None


def why_not_undone(batch: Batch, by) -> str:
    """Why a written batch cannot be taken back (any more); empty where it can."""
    kind = target(batch.target)
    if not by.has_perm(kind.permission):
        return f"您没有导入{kind.table.title}的权限，不能撤销这一批。"
    if undo_ends(batch) is None:
        return f"写入已满 {UNDO_DAYS} 天，这一批不能再撤销。"
    return ""


@transaction.atomic
def batch_undo(*, batch: Batch, by) -> Batch:
    """Queue the taking back of a batch. Raises Cannot when it is too late or not (any more) written."""
    kind = target(batch.target)
    if not by.has_perm(kind.permission):
        raise Cannot(f"您没有导入{kind.table.title}的权限，不能撤销这一批。")
    first = timezone.now() - timedelta(days=UNDO_DAYS)
    applied = Batch.objects.filter(pk=batch.pk, state=Batch.State.APPLIED, applied_at__gt=first)
    if not applied.update(state=Batch.State.UNDOING):
        raise Cannot(f"只有写入未满 {UNDO_DAYS} 天的批次可以撤销；这一批已经撤销、没有写入或超过了期限。")
    batch.refresh_from_db()
    params = {"batch": batch.pk, "url": batch.get_absolute_url()}
    title = f"撤销{kind.table.title}：{batch.file_name}"
    batch.job = job_start(kind="tables.undo", title=title[:200], by=by, params=params)
    batch.save(update_fields=["job"])
    return batch


def batch_take_back(*, batch: Batch, by, progress: Progress = no_progress) -> list[int]:
    """Take back what a batch wrote: every row that nobody touched since, in one transaction. Raises Cannot.

    Returns the organizations whose numbers moved.
    """
    kind = target(batch.target)
    try:
        with transaction.atomic(), interruptible() as result:
            result["url"] = batch.get_absolute_url()
            lock(lambda: progress(0, 1, WAITING))
            fault("undo.locked")
            units = kind.undo(batch=batch, progress=progress)
            detail = {"kept": batch.conflicts.count()}
            undone = Batch.objects.filter(pk=batch.pk, state=Batch.State.UNDOING)
            undone.update(state=Batch.State.UNDONE, undone_at=TransactionNow())
            audit.record(f"{kind.act}.undo", by=by, subjects=[batch], units=units, detail=detail)
            fault("undo.audited")
    except IntegrityError as error:
        raise Cannot("撤销时有人刚刚用到其中的记录，本次没有撤销任何内容。请稍后再试。") from error
    batch.refresh_from_db()
    return units


def batch_settle(batch: Batch) -> None:
    """A batch whose job ended without its work (cancelled while it waited, failed, given up) says so."""
    job = batch.job
    if job is None or job.state not in (Job.State.CANCELLED, Job.State.FAILED):
        return
    if batch.state == Batch.State.APPLYING or (batch.state == Batch.State.READING and batch.counts):
        # nothing was written, or not checked again: it waits for a decision as before
        after = {"state": Batch.State.CHECKED}
    elif batch.state == Batch.State.UNDOING:  # nothing was taken back
        after = {"state": Batch.State.APPLIED}
    elif batch.state == Batch.State.READING and batch.headers:  # it still waits for somebody to say the columns
        after = {"state": Batch.State.UNMAPPED}
    elif batch.state == Batch.State.READING and job.state == Job.State.CANCELLED:
        after = {"state": Batch.State.CANCELLED}
    elif batch.state == Batch.State.READING:
        after = {"state": Batch.State.REFUSED, "problem": job.message}
    else:
        return
    if Batch.objects.filter(pk=batch.pk, state=batch.state, job=job).update(**after):
        if after["state"] in (Batch.State.CANCELLED, Batch.State.REFUSED):
            forget(batch, wrong=True)
        batch.refresh_from_db()


@transaction.atomic
def batch_cancel(*, batch: Batch, by) -> bool:
    """Leave a batch that is not written yet. False when it is too late."""
    left = Batch.objects.filter(pk=batch.pk, state__in=NOT_WRITTEN).update(state=Batch.State.CANCELLED)
    if left:
        if batch.job is not None:
            job_cancel(job=batch.job, by=by)
        audit.record("tables.batch.cancel", by=by, subjects=[batch])
        transaction.on_commit(lambda: forget(batch, wrong=True))
    return bool(left)


def forget(batch: Batch, *, wrong: bool = False) -> None:
    """Remove the upload; with `wrong` also the file of wrong rows."""
    if not batch.stored_as:
        return
    for path in (stored(batch), *(_wrong_files(batch) if wrong else ())):
        path.unlink(missing_ok=True)


def retention() -> int:
    """Remove uploads and files of wrong rows that are older than a week, and leave what waited that long. How many.

    Before-images go when their batch cannot be taken back any more, and files whose batch never came to be.
    """
    remove_orphans(set(Batch.objects.exclude(stored_as="").values_list("stored_as", flat=True)))
    over = timezone.now() - timedelta(days=UNDO_DAYS + 1)  # a day for an undo that was asked for at the last moment
    done = Batch.objects.filter(applied_at__lt=over).exclude(state=Batch.State.UNDOING).values("pk")
    BatchChange.objects.filter(batch__in=done)._raw_delete("default")
    said_again.forget(done)
    tell_undo_over(done)
    before = timezone.now() - timedelta(days=KEPT_DAYS)
    old = Batch.objects.filter(created_at__lt=before).exclude(stored_as="").exclude(state=Batch.State.APPLYING)
    return sum(batch_put_away(batch) for batch in old)


def batch_put_away(batch: Batch, **more: Any) -> bool:
    """Remove the file; of one about persons also what was told of it, of any other the numbers of persons in that: a column
    that slipped, a sheet called after somebody. `more`: columns of the batch that change.

    False where somebody acted on the batch since it was found: their word holds, and the file is needed.
    """
    after = Batch.State.CANCELLED if batch.state in NOT_WRITTEN else batch.state
    found = Batch.objects.filter(pk=batch.pk, state=batch.state)
    if is_personal(batch):  # what stands in the header's row may be a person's, and so may the name of a sheet
        plan = {key: value for key, value in batch.plan.items() if key not in ("samples", "passed_over", "mark")}
        more = {"plan": plan, "mapping": {}, "unused_columns": [], "parts": []} | more
        if batch.state == Batch.State.REFUSED:
            more = {"problem": NOT_READ} | more
    else:
        more = {column: without_numbers(getattr(batch, column)) for column in TOLD_OF_THE_FILE} | more
    if not found.update(state=after, stored_as="", headers=None, **more):
        return False
    if is_personal(batch):
        for rows in (batch.errors, batch.fixes, batch.repairs):  # type: ignore[attr-defined]
            rows.all().delete()
    else:
        hide_numbers(batch)
    forget(batch, wrong=True)
    return True


def is_personal(batch: Batch) -> bool:
    """Whether its file is about persons."""
    kind = targets().get(batch.target)
    return kind is not None and any(column.personal for column in kind.table.columns)
