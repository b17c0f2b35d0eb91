"""Identity numbers, phones and codes: one normal form, one check, one mask, one blind index for each.

Whoever writes a person in bulk (the seed, an import) uses these functions, so that the same number always has the same
index. Nothing here touches the database.
"""

import base64
import datetime
import hashlib
import hmac
import re
import secrets
import unicodedata
import uuid

from django.conf import settings
from django.utils import timezone

from accounts import rekeying
from accounts.crypto import blind_index

WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CHECK_CHARACTERS = "10X98765432"
# Without 0, 1, I and O: read aloud over a counter and typed on a phone.
CODE_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
MEMBER_CODE_LENGTH = 12  # 60 bits: not to be guessed at a public page
POSTER_CODE_LENGTH = 10
ERASED = "（已抹除）"


class IdentityError(ValueError):
    """A number that cannot be right; the message is for the person who typed it."""


def _without_marks(text: str) -> str:
    if text.isascii():  # as most numbers are: nothing to look for
        return text
    return "".join(mark for mark in text if unicodedata.category(mark) != "Cf")


def _plain(text: str) -> str:
    """Full-width forms to ASCII, without spaces, hyphens and the unseen marks that come along with a copied number."""
    return re.sub(r"[\s\-‐-―]", "", _without_marks(unicodedata.normalize("NFKC", text or ""))).upper()


def clean_line(text: str) -> str:
    """One line without unseen marks (they can turn it round or hide a part of it), single spaces."""
    seen = "".join(" " if unicodedata.category(mark)[0] in "ZC" else mark for mark in _without_marks(text))
    return " ".join(seen.split())


def clean_name(text: str) -> str:
    """The same; empty without any letter."""
    line = clean_line(text)
    return line if any(mark.isalpha() for mark in line) else ""


# --- identity number (GB 11643-1999) --------------------------------------------------------------------------------


def normalise_id(text: str) -> str:
    """The one form that is stored and indexed: 18 characters, a trailing x as X."""
    return _plain(text)


def id_check_character(first17: str) -> str:
    """MOD 11-2 (GB 11643, ISO 7064) of the first 17 digits."""
    return CHECK_CHARACTERS[sum(int(digit) * weight for digit, weight in zip(first17, WEIGHTS, strict=True)) % 11]


def check_id(text: str) -> str:
    """The normalised number. Raises IdentityError with a sentence that says what to do.

    The region code is no reason to refuse (it is that of the first registration, and regions are abolished), but none begins
    with 0.
    """
    number = normalise_id(text)
    if re.fullmatch(r"[0-9]{15}", number):
        raise IdentityError("15 位的旧身份号码已经停用，请填写现在居民身份证上的 18 位号码。")
    if len(number) != 18:
        raise IdentityError(f"身份号码是 18 位，现在填了 {len(number)} 位，请对照居民身份证核对。")
    if not re.fullmatch(r"[0-9]{17}[0-9X]", number):
        raise IdentityError("身份号码只有数字，最后一位可以是 X，请核对。")
    if number[0] == "0":
        raise IdentityError("身份号码的第一位不会是 0，请对照居民身份证核对。")
    try:
        born_on = datetime.date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        raise IdentityError("身份号码第 7 至 14 位不是真实的出生日期，请核对。") from None
    if born_on > timezone.localdate():
        raise IdentityError("身份号码里的出生日期还没有到，请核对。")
    if id_check_character(number[:17]) != number[17]:
        raise IdentityError("身份号码最后一位与前面的数字对不上，请逐位核对。")
    return number


AGE_TO_JOIN = 18  # 党章 第一条: 年满十八岁


def contradicted(number: str | None, *, sex: str, joined_on: datetime.date | None) -> dict[str, str]:
    """Which facts of a member a checked number contradicts: column → what to do. Says nothing of the number itself."""
    found: dict[str, str] = {}
    if not number:
        return found
    if sex in ("1", "2") and int(number[16]) % 2 != int(sex) % 2:
        found["sex"] = "与身份号码里的性别不同，请对照居民身份证核对"
    if joined_on and joined_on.strftime("%Y%m%d") < f"{int(number[6:10]) + AGE_TO_JOIN}{number[10:14]}":
        found["joined_on"] = f"入党时按身份号码还不满 {AGE_TO_JOIN} 周岁（党章第一条），请核对入党日期和身份号码"
    return found


def id_number_index(text: str) -> bytes:
    """The blind index of an identity number, as Member and Registration keep it."""
    return rekeying.index_of(normalise_id(text), kind="id_number")


# --- phone ----------------------------------------------------------------------------------------------------------


def normalise_phone(text: str) -> str:
    """Eleven digits, without +86 or 0086, brackets and dots."""
    return re.sub(r"^(\+|00)?86(?=[0-9]{11}$)", "", re.sub(r"[().]", "", _plain(text)))


def check_phone(text: str) -> str:
    """The normalised mobile number. Raises IdentityError."""
    phone = normalise_phone(text)
    if not re.fullmatch(r"1[3-9][0-9]{9}", phone):
        raise IdentityError("请填写 11 位手机号，例如 138 开头的号码；不要填座机。")
    return phone


def phone_index(text: str) -> bytes:
    return rekeying.index_of(normalise_phone(text), kind="phone")


def phone_tail(text: str) -> str:
    """The last four digits: the only part of a phone that is kept in clear."""
    return normalise_phone(text)[-4:]


# --- masks ----------------------------------------------------------------------------------------------------------


def mask_name(name: str | None) -> str:
    """The first character and one star, whatever the length: the length of a name narrows it down."""
    return f"{name[0]}*" if name else ERASED


def mask_id(number: str | None) -> str:
    """440305********6635. Without a number: empty."""
    return f"{number[:6]}{'*' * (len(number) - 10)}{number[-4:]}" if number and len(number) > 10 else ""


def mask_phone(tail: str | None) -> str:
    """From the stored last four digits alone, so that showing a list decrypts nothing."""
    return f"*******{tail}" if tail else ""


# --- codes ----------------------------------------------------------------------------------------------------------


def _random_code(length: int) -> str:
    return "".join(secrets.choice(CODE_ALPHABET) for _ in range(length))


def normalise_code(text: str) -> str:
    return _plain(text)


def grouped(code: str) -> str:
    """ABCD EFGH JKLM, as it is shown and read aloud."""
    return " ".join(code[start : start + 4] for start in range(0, len(code), 4))


def poster_code() -> str:
    return _random_code(POSTER_CODE_LENGTH)


def member_code() -> str:
    """A fresh opaque code; says nothing about its member."""
    return _random_code(MEMBER_CODE_LENGTH)


def member_code_index(text: str) -> bytes:
    return rekeying.index_of(normalise_code(text), kind="member_code")


def receipt_code(form_token: uuid.UUID) -> str:
    """16 characters derived from the form's token: the same form gives the same receipt, and nobody can make one up."""
    digest = hmac.new(settings.RECEIPT_KEY, b"receipt-code:" + form_token.bytes, hashlib.sha256).digest()
    return base64.b32encode(digest[:10]).decode()


def receipt_index(code: str) -> bytes:
    return answer_index("receipt", code)


def answer_index(what: str, code: str) -> bytes:
    """By which both faces find what is sealed to a code, without keeping the code."""
    return blind_index(normalise_code(code), kind=what, key=settings.RECEIPT_KEY)
