"""Unified social credit codes (GB 32100-2015): the alphabet, the check digit, and what is wrong with a code.

Two ways to the same answer: `code_problem` for one code on a form, `check_uscc` for millions in an import.
"""

import re
import unicodedata

import numpy as np

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # no I, O, S, V, Z: too easily taken for 1, 0, 5, U, 2
WEIGHTS = np.array([pow(3, at, 31) for at in range(17)], dtype=np.int32)  # 1, 3, 9, 27, 19, 26, 16, …
LENGTH = 18
LEGACY_LENGTH = 15
# GB/T 2260: what the third and fourth character may be; 10 are registered by the State itself, 66 by 新疆's 兵团.
PROVINCES = (
    10, 11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41, 42, 43, 44, 45, 46, 50, 51, 52, 53, 54,
    61, 62, 63, 64, 65, 66, 71, 81, 82,
)  # fmt: skip
# Table 1 of GB 32100: who registers (1st character) and what is registered (2nd). Of random texts with a right check
# digit, all but one in twenty fall through here.
KINDS = (
    "11", "12", "13", "19", "21", "29", "31", "32", "33", "34", "35", "39", "41", "49", "51", "52", "53", "59", "61",
    "62", "69", "71", "72", "79", "81", "89", "91", "92", "93", "99", "A1", "A9", "N1", "N2", "N3", "N9", "Y1",
)  # fmt: skip
FILLED_IN = tuple(digit * LEGACY_LENGTH for digit in "0123456789")  # what is typed where there is no number

_IS_PROVINCE = np.isin(np.arange(31 * 10 + 31), PROVINCES)
_VALUE = np.full(256, -1, dtype=np.int32)
for _value, _letter in enumerate(ALPHABET):
    _VALUE[ord(_letter)] = _value
_IS_KIND = np.isin(np.arange(31 * 31), [_VALUE[ord(kind[0])] * 31 + _VALUE[ord(kind[1])] for kind in KINDS])
_HIDDEN = re.compile(r"[\s\u00a0\u3000\u200b-\u200f\u2060\ufeff]+")
_WRAPPED = re.compile(r'^="?(.*?)"?$')
_SCIENTIFIC = re.compile(r"^[0-9]+(\.[0-9]+)?E\+?[0-9]+$")
_LOOKALIKES = set("IOSVZ")

_IDENTITY_NUMBER = re.compile(
    r"^[1-8][0-9]{5}(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9]{3}[0-9X]$"
)
DAMAGED = "号码被 Excel 改成了科学计数法，末几位已经丢失。请把该列设为「文本」格式后从原系统重新导出，或手工补全。"


def clean_code(text: str) -> str:
    """A code as it was meant: half-width, upper case, without white space, text marks and a spreadsheet's `.0`."""
    code = _HIDDEN.sub("", unicodedata.normalize("NFKC", text)).upper().lstrip("'‘’`")
    if code.startswith("="):
        code = _WRAPPED.sub(r"\1", code)
    code = code.strip('"')
    return code[:-2] if code.endswith(".0") and code[:-2].isdigit() else code


def check_uscc(codes: np.ndarray) -> np.ndarray:
    """For an array of shape (n, 18) of bytes: which rows are codes of GB 32100 with a right check digit."""
    values = _VALUE[codes]
    known = (values >= 0).all(axis=1) & (values[:, 2:8] < 10).all(axis=1)
    known &= _IS_KIND[values[:, 0] * 31 + values[:, 1]] & _IS_PROVINCE[values[:, 2] * 10 + values[:, 3]]
    return known & (values[:, 17] == (-(values[:, :17] @ WEIGHTS)) % 31)


def check_digit(body: str) -> str:
    """The 18th character of a code of which 17 are given."""
    values = _VALUE[np.frombuffer(body.encode(), dtype=np.uint8)]
    return ALPHABET[int(-(values @ WEIGHTS)) % 31]


def as_matrix(codes: list[str]) -> np.ndarray:
    """ASCII codes of 18 characters as bytes, one row each."""
    return np.frombuffer("".join(codes).encode("ascii"), dtype=np.uint8).reshape(-1, LENGTH)


def is_uscc(code: str) -> bool:
    return len(code) == LENGTH and code.isascii() and bool(check_uscc(as_matrix([code]))[0])


def is_legacy(code: str) -> bool:
    """An old registration number: 15 digits, not all alike. Its check digit was not always kept, so it refuses nothing."""
    return len(code) == LEGACY_LENGTH and code.isascii() and code.isdigit() and code not in FILLED_IN


def is_identity_number(text: str) -> bool:
    """Whether a text that is no code is most likely a person's identity number."""
    return _IDENTITY_NUMBER.match(clean_code(text)) is not None


def code_problem(code: str) -> str:
    """What is wrong with a cleaned code, in words that say what to do; empty when nothing is."""
    if is_uscc(code) or is_legacy(code):
        return ""
    if _SCIENTIFIC.match(code):
        return DAMAGED
    if code in FILLED_IN:
        return "注册号 15 位都是同一个数字，不是真的号码。请核对营业执照；没有旧注册号的填统一社会信用代码。"
    if len(code) != LENGTH:
        return f"信用代码应为 18 位（旧注册号 15 位数字），这里是 {len(code)} 位。请核对营业执照。"
    if letters := "、".join(sorted(set(code) & _LOOKALIKES)):
        return f"信用代码里不会有字母 {letters}（容易与数字混淆）。请核对营业执照。"
    if not set(code) <= set(ALPHABET):
        return "信用代码只能由数字和大写字母组成。请核对营业执照。"
    if is_identity_number(code):
        return "这像是身份证号码，不是信用代码。请填营业执照上的统一社会信用代码，不要把身份证号码写进这一列。"
    if not code[2:8].isdigit():
        return "信用代码第 3–8 位是登记机关区划码，只能是数字。请核对营业执照。"
    if int(code[2:4]) not in PROVINCES:
        return f"信用代码第 3、4 位是登记机关所在的省份，没有代码为 {code[2:4]} 的省份。请核对营业执照。"
    if code[:2] not in KINDS:
        return (
            f"信用代码第 1、2 位是登记部门和机构类别，没有 {code[:2]} 这一种；企业是 91，个体工商户是 92，农民专业合作社是 93。"
            "请核对营业执照。"
        )
    if code.isdigit() and code.endswith("00"):
        return "校验码不对；末位都是 0，多半被 Excel 截断过。请把该列设为「文本」格式后从原系统重新导出，或手工补全。"
    return "信用代码的校验码不对，至少有一位写错。请核对营业执照。"


BUSINESS_LEADS = (
    "91",
    "92",
    "93",
)  # enterprises, sole traders, cooperatives (GB 32100): a swap makes nothing else of one
_MEANT = str.maketrans("IOSZV", "1052U")


def proposal(code: str) -> tuple[str, str]:
    """What a wrong code may have been meant to be, where its check digit leaves one way only: the code and how it was
    found. Both empty where nothing or too much is possible."""
    if len(code) == LENGTH - 1 and set(code) <= set(ALPHABET) and code[2:8].isdigit():
        return code + check_digit(code), "如果漏的是末位，按校验规则应是建议值。"
    if len(code) == LEGACY_LENGTH - 1 and code.isascii() and code.isdigit() and _fits_legacy("0" + code):
        return "0" + code, "如果丢的是最前面的 0，应是建议值。"
    if len(code) != LENGTH:
        return "", ""
    if set(code) & _LOOKALIKES:
        meant = code.translate(_MEANT)
        return (meant, "按形近字改正且校验码吻合的是建议值。") if is_uscc(meant) else ("", "")
    swapped = {code[:at] + code[at + 1] + code[at] + code[at + 2 :] for at in range(LENGTH - 1)} - {code}
    fitting = [each for each in swapped if is_uscc(each) and each[:2] in BUSINESS_LEADS]
    return (fitting[0], "有相邻两位写反时，校验码吻合的只有建议值。") if len(fitting) == 1 else ("", "")


def _fits_legacy(number: str) -> bool:
    """Whether the check digit of an old registration number is right (ISO 7064, mod 11,10)."""
    rest = 10
    for digit in number[:-1]:
        rest = ((rest + int(digit)) % 10 or 10) * 2 % 11
    return (rest + int(number[-1])) % 10 == 1


def lost_digits(code: str) -> str:
    """The leading digits that are left of an all-digit code that a spreadsheet took for a number; empty if it did not."""
    if found := _SCIENTIFIC.match(code):
        mantissa, _, exponent = code.partition("E")
        digits = mantissa.replace(".", "").rstrip("0") if found[1] else mantissa
        return digits if int(exponent.lstrip("+")) + len(mantissa.partition(".")[0]) == LENGTH else ""
    return code[:LEGACY_LENGTH] if len(code) == LENGTH and code.isdigit() and code.endswith("000") else ""


def usual_types(code: str) -> tuple[str, ...]:
    """Entity types that the first two characters usually stand for; empty where they tell nothing.

    Usually only: a sole trader that became an enterprise by a change of its registration keeps its code
    (《个体工商户登记管理规定》第十七条, in force since 2025-07-15; 国市监注发〔2025〕58号), so an import refuses neither.
    """
    return {"92": ("sole_trader",), "93": ("cooperative",)}.get(code[:2], ())
