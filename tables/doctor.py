"""What spreadsheets and hands do to cells. Names the harmless damage of a cell that could be read all the same, so that
no repair is silent; and reads dates that are spelled out."""

import re
import unicodedata

INVISIBLE_RULE, MARK, SHELL, WIDE = "不可见字符", "文本标记（'）", "公式外壳", "全角字符"
POINT_ZERO, LOWER, SPACE, COMMA, UNIT = "多余的 .0", "小写字母", "多余的空格", "千分位逗号", "多余的单位"
SERIAL, WRITTEN, ZERO, OTHER = "日期序号", "日期写法", "丢失的前导零", "其他写法"
_INVISIBLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u00a0\u00ad\u200b-\u200f\u2028-\u202e\u2060\ufeff]")
_ISO = re.compile(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")
_NUMERAL = re.compile(r"^[0-9]{5}(\.[0-9]+)?$")

_DIGITS = {digit: value for value, digits in enumerate(("〇○零", *"一二三四五六七八九")) for digit in digits}
_CHINESE = re.compile(
    r"^([〇○零一二三四五六七八九]{4})年([一二三四五六七八九十]{1,2})月([一二三四五六七八九十]{1,3})[日号]?$"
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAY_MONTH = re.compile(r"^([0-9]{1,2})[-/.]?([a-z]{3,9})[-/.,]?([0-9]{4}|[0-9]{2})$")
_MONTH_DAY = re.compile(r"^([a-z]{3,9})[-/.]?([0-9]{1,2}),([0-9]{4})$")


def damage(text: str, kind: str) -> str | None:
    """The rule by which a cell was repaired that could be read; None where it stands as it should."""
    if _INVISIBLE.search(text):
        return INVISIBLE_RULE
    plain = text.strip()
    if plain.startswith(("'", "‘", "’", "`")):
        return MARK
    if kind == "text":
        return SPACE if "  " in plain or "\u3000" in plain or "\t" in plain or "\n" in plain else None
    if plain.startswith("="):
        return SHELL
    if unicodedata.normalize("NFKC", plain) != plain:
        return WIDE
    if kind == "date":
        return SERIAL if _NUMERAL.match(plain) else None if _ISO.match(plain) else WRITTEN
    if plain.endswith(".0"):
        return POINT_ZERO
    if kind == "integer":
        return COMMA if "," in plain else UNIT if not plain[-1:].isdigit() else None
    return LOWER if plain != plain.upper() else SPACE if plain != text or " " in plain else None


def spelled_day(text: str) -> tuple[int, int, int] | None:
    """Year, month and day of 二〇二〇年一月二日, 2-Jan-20 or Jan 2, 2020, written without white space."""
    if found := _CHINESE.match(text):
        year = int("".join(str(_DIGITS[digit]) for digit in found[1]))
        return year, _numeral(found[2]), _numeral(found[3])
    text = text.lower()
    if found := _DAY_MONTH.match(text):
        day, name, year = int(found[1]), found[2], int(found[3])
    elif found := _MONTH_DAY.match(text):
        day, name, year = int(found[2]), found[1], int(found[3])
    else:
        return None
    month = next((n for n, short in enumerate(_MONTHS, 1) if name.startswith(short)), 0)
    # Two digits as Excel reads them: up to 29 this century.
    return year + (0 if year > 99 else 2000 if year < 30 else 1900), month, day


def _numeral(text: str) -> int:
    """一 … 三十一; 0 for what is none."""
    tens, ten, ones = text.rpartition("十")
    if not ten:
        return _DIGITS[text] if len(text) == 1 else 0
    if len(tens) > 1 or len(ones) > 1:
        return 0
    return (_DIGITS[tens] if tens else 1) * 10 + (_DIGITS[ones] if ones else 0)
