"""Filling a form for a closed month: every number as it was closed, as whoever gets the paper may see it.

The numbers are those of the monthly report (reports/monthly.py): small cells are kept back as from the widest reader,
for the form goes out of the house. What cannot be told is left empty and said; it never stops the others.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db import transaction
from django.utils import timezone

from accounts import audit
from reports import form_books, judging, metrics, monthly, words
from reports.digests import digest_of
from reports.form_books import Book
from reports.models import FilledForm, FormBinding, MonthClosing, ReportForm
from reports.tiles import fraction
from reports.words import Basis
from tables import workbooks
from tables.readers.numbers import small_number
from tables.workbooks.write import Value

What = FormBinding.What
SOURCES = "数据来源"
HEADER = ("工作表", "格子", "填的是", "指标", "口径", "单位", "数据截至", "数值", "指标的定义")
WIDTHS = (16, 8, 12, 28, 20, 28, 12, 14, 80)
OTHERWISE_SHOWN = "这一格的格式是{}，Excel 会把 {} 显示成别的样子；请把它改成“常规”格式，再上传改好的文件"


class FillRefused(ValueError):
    """The form cannot be filled; the text is for the person who asked."""


@dataclass(frozen=True)
class Told:
    """What stands in one cell: as it is written, as people read it, and why there is nothing."""

    value: Value
    shown: str
    as_of: date | None = None
    is_hidden: bool = False
    problem: str = ""


def newest_closing(first: date | None = None) -> MonthClosing | None:
    """The closing that holds for a month; without one, of the last month that was closed."""
    rows = MonthClosing.objects.defer("numbers").order_by("-month", "-revision")
    return (rows.filter(month=first) if first else rows).first()


class Filler:
    """The values of a form's cells in one closed month; all units are read at once."""

    def __init__(self, book: Book, closing: MonthClosing, bindings: Iterable[FormBinding]) -> None:
        self.book, self.closing = book, closing
        units = {binding.unit for binding in bindings if binding.what in FormBinding.NUMBERS}
        self.numbers = monthly.own_as_closed(closing, units)

    def told(self, binding: FormBinding) -> Told:
        sheet = self.book.sheet(binding.sheet)
        place = (binding.row, binding.column)
        if sheet is None:
            return Told(None, "", problem=f"报表里没有工作表「{binding.sheet}」，或者它是隐藏的")
        if reason := sheet.why_not(place):
            return Told(None, "", problem=reason.rstrip("。"))
        style, workbook = sheet.style(place), self.book.workbook
        is_date = bool(style) and small_number(style) in workbook.texts.dates
        if binding.what in FormBinding.NUMBERS:
            return self._number(binding, is_date=is_date, shows_percent=style in workbook.percents)
        return self._words(binding, is_date=is_date)

    def _words(self, binding: FormBinding, *, is_date: bool) -> Told:
        month, today = self.closing.month, timezone.localdate()
        if binding.what == What.PERIOD:
            text = f"{month.year}年{month.month}月"
            return Told(month if is_date else text, text)
        if binding.what == What.FILLED_ON:
            text = f"{today.year}年{today.month}月{today.day}日"
            return Told(today if is_date else text, text)
        text = self._of_the_month(binding) if binding.what == What.TEXT else str(binding.unit)
        return Told(text, text)

    def _of_the_month(self, binding: FormBinding) -> str:
        """Words that stand in one cell with the month, the day of filling or the unit: 统计时间：{年}年{月}月{日}日."""
        month, today, text = self.closing.month, timezone.localdate(), binding.text
        told = {
            "{年}": f"{month.year}", "{月}": f"{month.month}", "{日}": f"{monthly.last_day(month).day}",
            "{今天}": f"{today.year}年{today.month}月{today.day}日", "{单位}": str(binding.unit),
        }  # fmt: skip
        for mark, word in told.items():
            text = text.replace(mark, word)
        return text

    def _number(self, binding: FormBinding, *, is_date: bool, shows_percent: bool) -> Told:
        try:
            code, denominator, range = metrics.parse_key(binding.metric)
        except metrics.UnknownMetric as unknown:
            return Told(None, "", problem=str(unknown).rstrip("。"))
        own = self.numbers.get(binding.unit)
        if own is None:
            return Told(None, "", problem=f"「{binding.unit}」在 {self.closing.month:%Y-%m} 没有数字（可能已撤销）")
        metric = metrics.METRICS[code]
        found: int | Decimal | None
        if binding.what in (What.NUMERATOR, What.DENOMINATOR):
            parts = fraction(metric, own, Basis(denominator, range))
            found, kind = parts[binding.what == What.DENOMINATOR], metrics.COUNT
        else:
            found, kind = own.value(code, denominator, range), metric.kind
        hidden = found is None and own.is_hidden(code, denominator, range)
        shown = words.figure(found, kind, hidden=hidden)
        if found is None:
            return Told(shown, shown, own.as_of, is_hidden=hidden)
        if is_date or shows_percent and kind != metrics.RATE:
            return Told(None, "", problem=OTHERWISE_SHOWN.format("日期" if is_date else "百分数", shown))
        if binding.what == What.PERCENT and not shows_percent:
            return Told((found * 100).quantize(Decimal("0.01")), shown, own.as_of)
        return Told(found, shown, own.as_of)


# --- filling ----------------------------------------------------------------------------------------------------------


@transaction.atomic
def form_fill(*, form: ReportForm, month: date, by) -> tuple[FilledForm, bool]:
    """(the filled form, whether it is new). The same closing, file and bindings are the edition that stands already.

    Raises FillRefused: the month is not closed, nothing is bound; tables.workbooks.Refused: the file is lost.
    """
    form = ReportForm.objects.select_for_update().get(pk=form.pk)  # editions are counted one after the other
    closing = newest_closing(month)
    if closing is None:
        raise FillRefused(
            f"{month:%Y-%m} 还没有关账，填出来的数会变。请先关账（每月 1 日系统自动关上月的账），再填报。"
        )
    bindings = list(form.bindings.select_related("organization", "division"))
    if not bindings:
        raise FillRefused("这份报表还没有绑定任何格子。请先点格子，选好要填的指标。")
    for binding in bindings:
        binding.form = form
    basis = _basis(form, closing, bindings)
    kept = form.filled.filter(month=month).order_by("-edition").first()
    if kept and kept.basis == basis:
        return kept, False
    content, sources, problems = _content(form, closing, bindings)
    stored_as, digest = form_books.keep(content)
    try:
        done = FilledForm.objects.create(
            form=form, month=month, edition=kept.edition + 1 if kept else 1, closing=closing, stored_as=stored_as,
            digest=digest, size=len(content), basis=basis, sources=sources, problems=problems, filled_by=by,
        )  # fmt: skip
        audit.record(
            "reports.form.fill", by=by, subjects=[done, form],
            detail={"month": f"{month:%Y-%m}", "edition": done.edition, "digest": digest, "problems": len(problems)},
        )  # fmt: skip
    except BaseException:
        form_books.discard(stored_as)
        raise
    return done, True


def _basis(form: ReportForm, closing: MonthClosing, bindings: Sequence[FormBinding]) -> str:
    bound = [
        [one.sheet, one.row, one.column, one.what, one.metric, one.unit.code, str(one.unit), one.text]
        for one in bindings
    ]
    return digest_of(
        {"closing": closing.digest, "file": form.digest, "with_sources": form.with_sources, "bindings": sorted(bound)}
    )


def _content(form: ReportForm, closing: MonthClosing, bindings: Sequence[FormBinding]):
    """The bytes of the filled workbook, the source of each cell, and what could not be filled."""
    book = form_books.book_of(form)
    filler = Filler(book, closing, bindings)
    values: dict[str, dict] = {}
    sources, problems = [], []
    for binding in bindings:
        told = filler.told(binding)
        if told.problem:
            problems.append({"sheet": binding.sheet, "cell": binding.address, "problem": told.problem})
            if (sheet := book.sheet(binding.sheet)) is None or sheet.why_not((binding.row, binding.column)):
                continue
        values.setdefault(binding.sheet, {})[binding.row, binding.column] = told.value
        if not told.problem:
            sources.append(_source(binding, told))
    extra = _extra(form, closing, book, sources) if form.with_sources and not book.workbook.is_locked else None
    return workbooks.filled(book.workbook, book.sheets, values, extra), sources, problems


def _source(binding: FormBinding, told: Told) -> dict:
    """Where a number comes from, in plain JSON; `value` is what was written."""
    metric = judging.metric_of(binding.metric) if binding.metric else None
    unit = binding.unit if metric or binding.what == What.UNIT_NAME else None
    return {
        "sheet": binding.sheet, "cell": binding.address, "what": binding.what, "metric": binding.metric,
        "metric_name": metric.name if metric else "", "definition": metric.definition if metric else "",
        "basis": judging.basis_label(binding.metric) if metric else "",
        "unit_code": unit.code if unit else "", "unit_name": str(unit) if unit else "",
        "as_of": told.as_of.isoformat() if told.as_of else None,
        "value": told.value if isinstance(told.value, int) else str(told.value), "shown": told.shown,
        "hidden": told.is_hidden,
    }  # fmt: skip


# --- the sources, for people ------------------------------------------------------------------------------------------


def source_rows(sources: Sequence[dict]) -> list[list]:
    """In the order of HEADER."""
    return [
        [
            one["sheet"], one["cell"], What(one["what"]).label, one["metric_name"], one["basis"], one["unit_name"],
            one["as_of"] or "", one["value"] if isinstance(one["value"], int) else one["shown"], one["definition"],
        ]
        for one in sources
    ]  # fmt: skip


def _extra(form: ReportForm, closing: MonthClosing, book: Book, sources: Sequence[dict]) -> workbooks.Extra:
    taken = {sheet.name for sheet in book.sheets}
    name = next(text for text in (SOURCES, *(f"{SOURCES}{n}" for n in range(2, 100))) if text not in taken)
    head = [
        [f"{form.title} · {closing.month.year}年{closing.month.month}月 数据来源"],
        [f"数据：{closing.month:%Y-%m} 月度关账第 {closing.revision} 版，截至 {closing.as_of}，摘要 {closing.digest}"],
        ["不显示：涉及人数的小数值，或会泄露它的数；—：没有可除的数或没有填报。"],
        [],
        list(HEADER),
    ]
    return workbooks.Extra(name, WIDTHS, [*head, *source_rows(sources)])
