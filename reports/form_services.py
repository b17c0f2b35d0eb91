"""Keeping forms and what their cells are bound to. Whoever calls asked the door; what is wrong is told as FormRefused."""

from typing import IO, Any

from django.db import transaction

from accounts import audit
from orgs.kinds import Level
from orgs.models import Division, Organization
from reports import form_books, judging, metrics
from reports.models import FormBinding, ReportForm
from reports.selectors import Unit
from tables import workbooks
from tables.workbooks import Refused
from tables.workbooks.look import Place

What = FormBinding.What
MOST_BINDINGS = 5_000
PROBE = workbooks.Extra("数据来源", (), [])


class FormRefused(ValueError):
    """What was asked cannot be done; the text is for the person who asked."""


def units_of(form: ReportForm) -> list[Unit]:
    """Whose numbers may stand in a form: its own unit and those below, down to guidance stations or streets."""
    unit = form.unit
    if isinstance(unit, Organization):
        rows = Organization.objects.within(unit).open().exclude(level=Level.GRASSROOTS)
        return list(rows.select_related("district").order_by("path"))
    inside = [unit.pk, *unit.children.values_list("pk", flat=True)]
    below = Division.objects.filter(pk__in=inside) | Division.objects.filter(parent__in=inside)
    return list(below.exclude(level=Division.Level.COMMUNITY).distinct().order_by("level", "sort", "code"))


def _read_upload(upload: IO[bytes], name: str) -> tuple[dict, bytes]:
    """The columns that say what a form's file is, without where it lies, and its bytes."""
    try:
        book = form_books.open_book(upload)
        workbooks.filled(book.workbook, book.sheets, {}, PROBE)  # what cannot be written is told now, not in a month
        form_books.refuse_persons(book, name)
    except Refused as refused:
        raise FormRefused(str(refused)) from refused
    upload.seek(0)
    content = upload.read()
    return {"file_name": name[-200:], "size": len(content), "sheets": book.facts}, content


@transaction.atomic
def form_create(*, unit: Unit, title: str, asked_by: str, upload: IO[bytes], name: str, with_sources: bool, by):
    """Raises FormRefused, and nothing of the file is kept then."""
    columns, content = _read_upload(upload, name)
    stored_as, digest = form_books.keep(content)
    place = {"organization": unit} if isinstance(unit, Organization) else {"division": unit}
    try:
        form = ReportForm.objects.create(
            title=title, asked_by=asked_by, with_sources=with_sources, stored_as=stored_as, digest=digest,
            uploaded_by=by, **columns, **place,
        )  # fmt: skip
        audit.record("reports.form.create", by=by, subjects=[form], detail={"digest": digest})
    except BaseException:
        form_books.discard(stored_as)
        raise
    return form


@transaction.atomic
def form_change(
    *, form: ReportForm, title: str, asked_by: str, with_sources: bool, is_active: bool, by,
    upload: IO[bytes] | None = None, name: str = "",
) -> ReportForm:  # fmt: skip
    """With `upload` the file is replaced: bindings stay where they are, months that were filled stay as they were."""
    form = ReportForm.objects.select_for_update().get(pk=form.pk)
    was = {"digest": form.digest, "is_active": form.is_active}
    form.title, form.asked_by, form.with_sources, form.is_active = title, asked_by, with_sources, is_active
    if upload is not None:
        columns, content = _read_upload(upload, name)
        form.stored_as, form.digest = form_books.keep(content)
        for column, value in columns.items():
            setattr(form, column, value)
    form.save()
    now = {"digest": form.digest, "is_active": form.is_active}
    audit.record("reports.form.change", by=by, subjects=[form], detail={"was": was, "now": now})
    return form


# --- cells ------------------------------------------------------------------------------------------------------------


def check_metric(what: str, key: str) -> None:
    """Raises FormRefused where this metric cannot be written so."""
    try:
        code, _, _ = metrics.parse_key(key)
    except metrics.UnknownMetric as unknown:
        raise FormRefused(str(unknown)) from unknown
    metric = metrics.METRICS[code]
    if what != What.VALUE and metric.kind != metrics.RATE:
        raise FormRefused(f"「{metric.name}」不是率，没有{What(what).label}。请选“数值”，或换一个指标。")


def binding_columns(what: str, *, metric: str = "", unit: Unit | None = None, text: str = "") -> dict:
    """The columns of a binding: only those that its kind uses. Raises FormRefused."""
    columns: dict[str, Any] = {"what": what, "metric": "", "organization": None, "division": None, "text": ""}
    if what in FormBinding.NUMBERS:
        check_metric(what, metric)
        columns["metric"] = metric
    if what in FormBinding.NUMBERS or what == What.UNIT_NAME:
        columns["organization" if isinstance(unit, Organization) else "division"] = unit
    if what == What.TEXT:
        columns["text"] = text.strip()[:200]
        if not columns["text"]:
            raise FormRefused("请写要填的文字。")
    return columns


@transaction.atomic
def cells_bind(*, form: ReportForm, cells: dict[tuple[str, Place], dict], by) -> list[FormBinding]:
    """Bind cells, each to the columns of `binding_columns`; what they were bound to before gives way."""
    form = ReportForm.objects.select_for_update().get(pk=form.pk)
    book = form_books.book_of(form)
    units = {(type(unit), unit.pk) for unit in units_of(form)}
    bindings = []
    for (name, place), columns in cells.items():
        sheet = book.sheet(name)
        if sheet is None:
            raise FormRefused("没有这张工作表，或者它是隐藏的。")
        if reason := sheet.why_not(place):
            raise FormRefused(reason)
        unit = columns["organization"] or columns["division"]
        if unit is not None and (type(unit), unit.pk) not in units:
            raise FormRefused("只能填本单位和下级单位的数。")
        binding, _ = FormBinding.objects.update_or_create(
            form=form, sheet=name, row=place[0], column=place[1], defaults=columns | {"bound_by": by}
        )
        bindings.append(binding)
    if form.bindings.count() > MOST_BINDINGS:
        raise FormRefused(f"一份报表最多绑定 {MOST_BINDINGS:,} 格。")
    said = {str(binding): judging.label(binding.metric) if binding.metric else binding.what for binding in bindings}
    audit.record("reports.form.bind", by=by, subjects=[form], detail={"cells": said})
    return bindings


@transaction.atomic
def cell_unbind(*, binding: FormBinding, by) -> None:
    audit.record("reports.form.unbind", by=by, subjects=[binding.form], detail={"cell": str(binding)})
    binding.delete()
