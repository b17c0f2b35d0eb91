"""Single cells of a registry file. Every function takes a cleaned text and gives its value, or raises Wrong.

They see each distinct text once (checks.py keeps what they said), so they may take their time.
"""

import re
from functools import cache

from markets import codes
from markets.models import Business
from tables.cells import EARLIEST, Wrong, clean, date, folded, head_count
from tables.doctor import LOWER, ZERO, damage

__all__ = [
    "EARLIEST",
    "Wrong",
    "clean",
    "code",
    "date",
    "entity_type",
    "folded",
    "head_count",
    "industry",
    "industry_damage",
    "industry_without_zero",
    "scale",
    "status",
    "too_long",
]

Type, Status, Scale = Business.EntityType, Business.Status, Business.Scale


def code(text: str) -> str | None:
    """As it was meant; whether it is right is asked of whole columns."""
    cleaned = clean(text)
    return codes.clean_code(cleaned) or None if cleaned else None


# --- 主体类型 -------------------------------------------------------------------------------------------------------
_TYPES: dict[str, str] = {
    "公司": Type.COMPANY, "企业": Type.OTHER, "合作社": Type.COOPERATIVE,
    "个独": Type.SOLE_PROPRIETORSHIP, "普通合伙": Type.PARTNERSHIP, "有限合伙": Type.PARTNERSHIP,
    "其他": Type.OTHER, "其它": Type.OTHER, "内资企业": Type.OTHER, "私营企业": Type.OTHER, "企业法人": Type.OTHER,
}  # fmt: skip
# The first word contained decides: 有限责任公司分公司 is a branch office, 个人独资企业分支机构 too.
_TYPE_WORDS: tuple[tuple[str, str], ...] = (
    ("个体", Type.SOLE_TRADER),
    ("合作社", Type.COOPERATIVE), ("专业合作", Type.COOPERATIVE),
    ("分公司", Type.BRANCH_OFFICE), ("分支机构", Type.BRANCH_OFFICE), ("营业部", Type.BRANCH_OFFICE),
    ("分店", Type.BRANCH_OFFICE), ("分厂", Type.BRANCH_OFFICE), ("办事处", Type.BRANCH_OFFICE),
    ("代表机构", Type.BRANCH_OFFICE), ("非法人", Type.BRANCH_OFFICE),
    ("合伙", Type.PARTNERSHIP), ("个人独资", Type.SOLE_PROPRIETORSHIP),
    ("股份有限", Type.JOINT_STOCK), ("股份公司", Type.JOINT_STOCK),
    ("有限责任", Type.COMPANY), ("有限公司", Type.COMPANY),
    ("外商", Type.OTHER), ("外资", Type.OTHER), ("中外合", Type.OTHER), ("外国(地区)", Type.OTHER),
    ("港澳台", Type.OTHER),
    ("全民所有制", Type.OTHER), ("集体所有制", Type.OTHER), ("国有企业", Type.OTHER), ("集体企业", Type.OTHER),
    ("股份合作", Type.OTHER), ("联营", Type.OTHER), ("其他企业", Type.OTHER), ("非公司", Type.OTHER),
)  # fmt: skip
_BARE = frozenset({"公司", "企业"})  # enterprises of whatever type, but no sole trader
_SCALE_TYPES = {"小型企业": Scale.SMALL, "微型企业": Scale.MICRO, "小微企业": None, "小微": None}


# 非自然人 and 非上市 deny nothing of the type; words before the type or a question do.
_NO_TYPE = re.compile("(?:非|不是|不属于|不含|未|无|原|拟)$")
_EITHER = re.compile("[/|、,;；]|或者?")
_UNSURE = re.compile("[?？]|吗|是否|待定|不详|未知|转企|转型")


def _type_in(plain: str) -> str:
    """By the first of the words that stands in a text; empty where none does, or what stands before denies it."""
    for word, kind in _TYPE_WORDS:
        before, found, _ = plain.partition(word)
        if found:
            return "" if _NO_TYPE.search(before) else kind
    return ""


def entity_type(text: str) -> tuple[str, str | None, bool]:
    """The type, the scale that the text tells, and whether it tells nothing but the scale (小型企业)."""
    plain = folded(text)
    if plain in _SCALE_TYPES:
        return Type.OTHER, _SCALE_TYPES[plain], True
    if plain in _TYPES:
        return _TYPES[plain], None, False
    parts = _EITHER.split(plain)
    kinds = {kind for part in parts if (kind := _type_in(part)) not in ("", Type.OTHER)}
    if len(kinds) > 1 or (Type.SOLE_TRADER in kinds and not _BARE.isdisjoint(parts)):
        raise Wrong("写了不止一种主体类型，请按营业执照只写一种")
    if kind := "" if _UNSURE.search(plain) else _type_in(plain):
        return kind, None, False
    raise Wrong("认不出的主体类型。请按营业执照填写，如 有限责任公司、股份有限公司、个体工商户、个人独资企业、分公司")


# --- 经营状态, 规模 -------------------------------------------------------------------------------------------------
# A text is taken whole or not at all: a word found in it may be denied (不在业), asked (正常吗) or only planned (拟吊销).
_BESIDE = (
    "企业|公司|个体工商户|个体户|经营主体|市场主体|商事主体|单位|户|登记|状态|经营|营业|中|的|已|仍|"
    r"[A-Za-z0-9.,、;:/_()\[\]【】|-]"
)
_ACTIVE = re.compile("存续|在业|开业|在营|在册|正常|营业中")
_BESIDE_ACTIVE = re.compile(f"{_ACTIVE.pattern}|{_BESIDE}")
_GONE = re.compile("(?:已|后|并|转)注销")
_BESIDE_REVOKED = re.compile(f"吊销|{_GONE.pattern}|(?:但|尚)?未注销|被|营业执照|执照|{_BESIDE}")
_DENIED = re.compile(r"^(?:不|未|非|没有?|无)(?:是|再|能|曾)?(?:存续|在业|开业|在营|在册|正常|营业|经营)")


def status(text: str) -> str:
    plain = folded(text)
    if "吊销" in plain and "吊销中" not in plain and not _BESIDE_REVOKED.sub("", plain):
        return Status.DEREGISTERED if _GONE.search(plain) else Status.REVOKED
    if plain in ("注销", "已注销", "注销企业", "注销登记", "简易注销", "正常注销", "撤销", "撤销登记", "已撤销"):
        return Status.DEREGISTERED
    if plain in ("迁出", "已迁出", "迁往市外", "迁移", "市外迁出", "迁出市外"):
        return Status.MOVED_AWAY
    if plain in ("歇业", "停业", "停业歇业", "已歇业", "已停业", "歇业备案"):
        return Status.DORMANT
    if _ACTIVE.search(plain) and not _BESIDE_ACTIVE.sub("", plain):
        return Status.ACTIVE
    if _DENIED.match(plain):
        raise Wrong("只说了不是存续（在营），没说是哪种状态。请写明 歇业、吊销、注销 或 迁出")
    raise Wrong("认不出的经营状态。可以填 存续、在业、开业、歇业、吊销、注销、迁出")


_SCALES: dict[str, str | None] = {
    "小型": Scale.SMALL, "小": Scale.SMALL, "小型企业": Scale.SMALL,
    "微型": Scale.MICRO, "微": Scale.MICRO, "微型企业": Scale.MICRO,
    # Larger than this system divides: neither small nor micro.
    "中型": Scale.UNKNOWN, "中": Scale.UNKNOWN, "中型企业": Scale.UNKNOWN,
    "大型": Scale.UNKNOWN, "大": Scale.UNKNOWN, "大型企业": Scale.UNKNOWN,
    # Says nothing, so it changes nothing.
    "未划分": None, "未知": None, "小微": None, "小微企业": None,
}  # fmt: skip


def scale(text: str) -> str | None:
    plain = folded(text)
    if plain not in _SCALES:
        raise Wrong("认不出的规模。可以填 小型、微型、中型、大型、未划分")
    return _SCALES[plain]


# --- 行业代码 -------------------------------------------------------------------------------------------------------
# GB/T 4754-2017: the last division of each section.
_SECTIONS = (
    (5, "A"), (12, "B"), (43, "C"), (46, "D"), (50, "E"), (52, "F"), (60, "G"), (62, "H"), (65, "I"), (69, "J"),
    (70, "K"), (72, "L"), (75, "M"), (79, "N"), (82, "O"), (83, "P"), (85, "Q"), (90, "R"), (96, "S"), (97, "T"),
)  # fmt: skip
_INDUSTRY = re.compile(r"^([A-T])?[-.]?([0-9]{1,4})?(\.0)?$")


def industry(text: str) -> str:
    """Section letter and digits; where only digits are given the letter follows from the division.

    A single digit has lost its zero: there is no division 1, there is 01.
    """
    found = _INDUSTRY.match(folded(text).upper())
    if not found or not (found[1] or found[2]):
        raise Wrong("行业代码应为 GB/T 4754 的字母加数字，如 F5211，或只写数字 5211")
    letter, digits = found[1] or "", found[2] or ""
    if len(digits) == 1:
        digits = "0" + digits
    if not digits:
        return letter
    section = next((each for last, each in _SECTIONS if 1 <= int(digits[:2]) <= last), "")
    if not section:
        raise Wrong("GB/T 4754 里没有这个大类，请核对行业代码")
    if letter and letter != section:
        raise Wrong(f"大类 {digits[:2]} 属于门类 {section}，不属于 {letter}，请核对行业代码")
    return section + digits


def industry_without_zero(text: str) -> str:
    """The same in a column of four-digit classes: three digits are one that has lost its zero (111 was 0111)."""
    plain = folded(text).removesuffix(".0")
    return industry("0" + plain if len(plain) == 3 and plain.isdecimal() else text)


def industry_damage(text: str, value: str) -> str | None:
    digits = folded(text).removesuffix(".0")
    if digits.isdecimal() and value[1:] == "0" + digits:
        return ZERO
    found = damage(text, "code")
    return None if found == LOWER else found


@cache
def _limits() -> dict[str, int]:
    return {name: Business._meta.get_field(name).max_length or 0 for name in ("name", "address", "entity_type_text")}


def too_long(column: str) -> int:
    """How many characters the database takes in a text column."""
    return _limits()[column]
