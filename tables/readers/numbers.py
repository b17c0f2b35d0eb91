"""A spreadsheet's numbers as the text a person would have typed."""

import datetime as dt
import math
import re

EXACT = 2**53  # above it a spreadsheet has lost digits
ZERO_1900 = dt.datetime(1899, 12, 30)  # Excel's calendar after the 29 February 1900 that it invented
ZERO_1904 = dt.datetime(1904, 1, 1)
LAST_SERIAL = 2_958_466  # the year 10000
_DATE_IDS = frozenset({*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)})
UNCALCULATED = "#未计算"  # a formula that no one has worked out yet
_NOT_FORMAT = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?![hms]+\])[^\]]*\]')


def small_number(text: str) -> int:
    """A number as XML writes it in an attribute; 0 where it is none, or of more digits than any needs."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def number_text(number: float) -> str:
    """Whole numbers without a fraction; one too long for a spreadsheet as 9.1E+17, with the digits that are left."""
    if not math.isfinite(number):
        return str(number)
    if abs(number) >= EXACT:
        mantissa, _, exponent = repr(float(number)).partition("e")
        if exponent:
            return f"{mantissa}E{exponent}"
        digits = mantissa.removesuffix(".0")
        sign, digits = ("-", digits[1:]) if digits.startswith("-") else ("", digits)
        return f"{sign}{digits[0]}.{digits[1:].rstrip('0') or '0'}E+{len(digits) - 1}"
    return str(int(number)) if number == int(number) else repr(number)


def cell_text(cell: object) -> str:
    """A cell as calamine gives it."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, int | float):
        return number_text(cell)
    if isinstance(cell, dt.datetime):
        return cell.date().isoformat()
    return cell.isoformat() if isinstance(cell, dt.date | dt.time) else str(cell)


def raw_text(raw: str) -> str:
    """A number as a workbook's XML writes it."""
    try:
        return number_text(float(raw))
    except (ValueError, OverflowError):
        return raw


def date_text(raw: str, *, from_1904: bool) -> str:
    """A number that the workbook shows as a day; below one day it is a time."""
    try:
        serial = float(raw)
    except ValueError:
        return raw
    if not 0 <= serial < LAST_SERIAL:
        return raw_text(raw)
    if from_1904:
        return (ZERO_1904 + dt.timedelta(days=serial)).date().isoformat()
    if serial < 1:
        return (ZERO_1900 + dt.timedelta(seconds=round(serial * 86_400))).time().isoformat()
    # Before the day that never was, Excel's calendar runs one day behind.
    return (ZERO_1900 + dt.timedelta(days=serial + (serial < 60))).date().isoformat()


def shows_date(format_id: int, code: str | None) -> bool:
    """Whether a number format shows a day or a time."""
    if code is None:
        return format_id in _DATE_IDS
    first = _NOT_FORMAT.sub("", code.partition(";")[0]).lower()
    return "general" not in first and any(letter in first for letter in "ymdhs年月日")
