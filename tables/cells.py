"""Single cells of any file: what is blank, how texts are compared, dates and whole numbers.

Every parser takes a cleaned text and gives its value, or raises Wrong. They see each distinct text once, so they may
take their time. What only the registry's files need stands in markets/imports/texts.py.
"""

import datetime as dt
import re
import unicodedata
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db import models
from django.utils import timezone

from tables.doctor import spelled_day
from tables.readers.base import STRIPPED
from tables.readers.numbers import UNCALCULATED

BLANKS = frozenset({"", "-", "--", "—", "——", "/", "\\", "无", "null", "none", "n/a", "\\n", "nan", "(空)", "（空）"})
_MARKS = r"\x00-\x08\x0e-\x1f\x7f\u00ad\u200b-\u200f\u2028-\u202e\u2060\ufeff"
_INVISIBLE = re.compile(rf"[{_MARKS}]")
UNSEEN = rf"[\s{_MARKS}]*"  # what may stand before a sign and not be seen
_SPACES = re.compile(r"[\s\u00a0\u3000]+")
_GUARD = re.compile(r"^['‘’](?=\s*[=+\-@＝＋－＠]|['‘’0-9\t\r])")
Parse = Callable[[str], Any]
EARLIEST = dt.date(1900, 1, 1)
LARGEST_NUMBER = 10_000_000
FULL_CIRCLE = 360


class Wrong(ValueError):
    """A cell that cannot be taken; the text says why and what is expected."""


def clean(text: str | None) -> str | None:
    """Without invisible characters, outer and doubled white space and an export's guard mark; None where blank."""
    if text is None:
        return None
    written = _INVISIBLE.sub("", text).strip(STRIPPED)
    unmarked = _GUARD.sub("", written)
    plain = _SPACES.sub(" ", unmarked).strip(STRIPPED)
    is_blank = plain.lower() in BLANKS and (unmarked == written or not plain)  # a guarded - is somebody's own text
    return None if is_blank else plain


def folded(text: str) -> str:
    """As texts are compared: half-width, no white space."""
    return _SPACES.sub("", unicodedata.normalize("NFKC", text))


_NAME_AND_CODE = re.compile(r"^(.+)\(([^()]+)\)$")  # as `folded` leaves it


def name_and_code(text: str) -> tuple[str, str] | None:
    """An export writes both, 名称（编号）, where several may have one name: it means exactly that one. Both folded."""
    found = _NAME_AND_CODE.match(folded(text))
    return (found[1], found[2]) if found else None


# --- 日期, 人数 -----------------------------------------------------------------------------------------------------
_DATE = re.compile(
    r"^([0-9]{4})(?:[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})[日号]?|([0-9]{2})([0-9]{2}))(?:[T ][0-9:.+Z]*)?$"
)
_SERIAL = re.compile(r"^([1-9][0-9]{4})(?:\.[0-9]+)?$")  # from 1927 on: a shorter number is more likely a year
_SERIAL_ZERO = dt.date(1899, 12, 30)  # Excel's 1900 calendar after the 29 February that it invented
_NUMBER = re.compile(r"^([+-]?(?:[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)(?:\.[0-9]+)?) ?([^0-9]?)$")
_HEADING_UNIT = re.compile(r"\(单?位?:?([万千百亿十]?)([人名个位户家摊档间口员])\)")
_IN_PARTS = re.compile(r"[0-9] +[0-9]")
PERSONS, STALLS = "人名个位", "户家个摊档间"  # units that may stand behind a count


def date(text: str) -> dt.date:
    day = _day(text)
    # Whose clock it is matters for a day only, and to ask for it takes longer than to read the text.
    if day >= dt.date.today() - dt.timedelta(days=1) and day > timezone.localdate():
        raise Wrong("晚于今天，请核对")
    return day


def _day(text: str) -> dt.date:
    plain = unicodedata.normalize("NFKC", text).replace(" ", "T", 1) if ":" in text else folded(text)
    if serial := _SERIAL.match(plain):
        day = _SERIAL_ZERO + dt.timedelta(days=int(serial[1]))
    else:
        found = _DATE.match(plain)
        written = (int(found[1]), int(found[2] or found[4]), int(found[3] or found[5])) if found else spelled_day(plain)
        if written is None:
            raise Wrong("认不出的日期，请写成 2020-01-02")
        try:
            day = dt.date(*written)
        except ValueError as error:
            raise Wrong("没有这一天") from error
    if day < EARLIEST:
        raise Wrong("早于 1900 年，请核对")
    return day


def whole_number(units: str, of: str) -> Parse:
    """A count; one of `units` may stand behind it. Blanks within are no thousands: 12 34 may be two numbers."""

    def parse(text: str) -> int:
        plain = unicodedata.normalize("NFKC", text).strip()
        found = _NUMBER.match(plain)
        if not found or found[2] and found[2] not in units:
            in_parts = "数字中间有空格，分不清是一个数还是两个，请写成一个整数，如 1234"
            raise Wrong(in_parts if _IN_PARTS.search(plain) else "应为整数，如 12")
        number = float(found[1].replace(",", ""))
        if number < 0:
            raise Wrong(f"{of}不能是负数")
        if number > LARGEST_NUMBER:  # asked first: three hundred digits are an infinity, which is no whole number
            raise Wrong(f"{of}大得不合理，请核对")
        if number != int(number):
            raise Wrong(f"{of}不能是小数")
        return int(number)

    return parse


def under(heading: str, parse: Parse) -> Parse:
    """How counts are read in a file's own column: the unit that its heading names may stand behind each of them."""
    found = _HEADING_UNIT.search(folded(heading))
    if not found:
        return parse
    large, unit = found.groups()

    def with_unit(text: str) -> int:
        if large:  # taken as it stands, twelve ten-thousands would be twelve
            raise Wrong(f"列名里的单位是「{large}{unit}」，请换算成以「{unit}」为单位的整数，并改掉列名里的单位")
        plain = folded(text)
        return parse(text.rstrip()[:-1] if plain.endswith(unit) else text)

    return with_unit


head_count = whole_number(PERSONS, "人数")


# --- what every table's cells are read with --------------------------------------------------------------------------
# What is left of a text that was read in the wrong encoding: signs for what could not be read, and Chinese as Latin letters.
BAD_TEXT = "\ufffd|锟斤拷|^[?？]+$|[À-ÖØ-öø-ÿ][\u0080-\u00ff]{3}"
_BAD_TEXT = re.compile(BAD_TEXT)
GARBLED = "文字已损坏（乱码），请用原系统重新导出，或另存为 UTF-8 编码"
UNSOLVED = "公式出错或没有算出结果，请在 Excel 里改好（或粘贴为数值）并保存后再上传"
BEYOND = "（表头之外）"  # as the column of what stands behind the header's last one
SURPLUS = (
    "表头最后一列之后还有内容，没有读入。CSV 里多半是文字里的逗号没有加引号，一格被切成了两格：请给这格文字加上引号；"
    "确是多出来的一列，请补上列名；没有用的请删去，再重新上传"
)
FORMULA_ERROR = rf"^\s*(?:#(?:N/A|REF!|VALUE!|NAME\?|DIV/0!|NUM!|NULL!|SPILL!|CALC!)|{UNCALCULATED}|Err:[0-9]{{3}})\s*$"
_FORMULA_ERROR = re.compile(FORMULA_ERROR)


def unreadable(text: str) -> str | None:
    """Why nothing can be made of a cell, whatever its column."""
    if _BAD_TEXT.search(text):
        return GARBLED
    return UNSOLVED if _FORMULA_ERROR.match(text) else None


def read(parse: Parse, text: str, *, maskable: bool = False) -> tuple[Any, str | None]:
    """(value, None) or (None, why not); a blank cell has neither, nor has a masked one: an export's stars say nothing."""
    if reason := unreadable(text):
        return None, reason
    cleaned = clean(text)
    if cleaned is None or (maskable and "*" in cleaned):
        return None, None
    try:
        return parse(cleaned), None
    except Wrong as wrong:
        return None, str(wrong)


def masked(text: str) -> str:
    """A personal cell as an error keeps it."""
    return f"{text.strip()[:1]}***" if text.strip() else ""


def text(limit: int = 200) -> Parse:
    def parse(said: str) -> str:
        if len(said) > limit:
            raise Wrong(f"超过 {limit} 个字，请缩短")
        return said

    return parse


_SCIENTIFIC = re.compile(r"^[0-9](\.[0-9]+)?E\+[0-9]+$", re.IGNORECASE)


def code(limit: int = 40) -> Parse:
    """A number that an office gave: half-width, no white space, and no .0 that a spreadsheet put behind it."""

    def parse(said: str) -> str:
        plain = folded(said)
        if _SCIENTIFIC.match(plain):
            raise Wrong("号码被表格软件改成了科学计数法，末几位已丢失。请把这一列设为文本格式，重新填写")
        if plain.endswith(".0") and plain[:-2].isdecimal():
            plain = plain[:-2]
        if len(plain) > limit:
            raise Wrong(f"超过 {limit} 个字，请缩短")
        return plain

    return parse


def choice(choices: type[models.Choices], aliases: dict[str, Any] | None = None) -> Parse:
    """By its label, its code, or what else people call it."""
    known: dict[str, Any] = {}
    for value, label in choices.choices:
        known |= {folded(str(label)).lower(): value, folded(str(value)).lower(): value}
        known |= dict.fromkeys((part.lower() for part in re.split("[/（(）)]", folded(str(label))) if part), value)
    known |= {folded(name).lower(): value for name, value in (aliases or {}).items()}

    def parse(said: str) -> Any:
        key = folded(said).lower()
        if key not in known:
            raise Wrong(f"没有这个选项，可以填：{'、'.join(str(label) for label in choices.labels)}")
        return known[key]

    return parse


def number(said: str) -> int:
    """The number by which this system calls a record."""
    plain = folded(said).removesuffix(".0")
    if not (plain.isascii() and plain.isdigit() and len(plain) < 19):
        raise Wrong("应为系统里的编号，只有数字")
    return int(plain)


def degrees(said: str) -> Decimal:
    """Latitude or longitude in degrees of WGS-84, kept to six places: a tenth of a metre. Which degrees a place may
    have, its record knows."""
    try:
        number = Decimal(folded(said).removesuffix("°"))
    except InvalidOperation as error:
        raise Wrong("应为十进制的度，如 22.543100") from error
    if not number.is_finite() or number.adjusted() > 2 or abs(number) > FULL_CIRCLE:  # abs() of 1e9999999 overflows
        raise Wrong("应为十进制的度，如 22.543100")
    return round(number, 6)


def any_date(said: str) -> dt.date:
    """A day that may lie ahead: the end of a term, a closing that is decided."""
    return _day(said)


_MOMENT = re.compile(
    r"^([0-9/.年月日-]{8,11})[ T]?([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:\.[0-9]+)?)?(Z|[+-][0-9:]{5})?$"
)


def moment(said: str) -> dt.datetime:
    """A day and a time, by the wall clock of Shanghai where no zone is given; a day alone is its beginning."""
    found = _MOMENT.match(unicodedata.normalize("NFKC", said).strip())
    if found and found[5]:
        try:
            when = dt.datetime.fromisoformat(said.replace("Z", "+00:00"))
        except ValueError as error:
            raise Wrong("认不出的时间，请写成 2020-01-02 09:30") from error
    else:
        day = _day(found[1] if found else said)
        hour, minute, second = (int(found[at] or 0) for at in (2, 3, 4)) if found else (0, 0, 0)
        if hour > 23 or minute > 59 or second > 59:
            raise Wrong("没有这个时间")
        when = timezone.make_aware(dt.datetime(day.year, day.month, day.day, hour, minute, second))
    if when > timezone.now():
        raise Wrong("晚于现在，请核对")
    return when
