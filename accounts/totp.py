"""Codes of the time (RFC 6238), as every authenticator app makes them: SHA-1, six digits, thirty seconds."""

import base64
import hmac
import secrets
import unicodedata
from urllib.parse import quote, urlencode

import segno
from django.utils import timezone
from django_otp.oath import hotp

ISSUER = "小个专党建工作平台"
STEP = 30  # seconds
DIGITS = 6
DRIFT = 1  # steps that a phone's clock may be off, each way


def new_secret() -> str:
    """160 random bits, base32."""
    return base64.b32encode(secrets.token_bytes(20)).decode()


def in_groups(text: str, size: int = 4) -> str:
    """For reading and typing."""
    return " ".join(text[at : at + size] for at in range(0, len(text), size))


def normalised(code: str) -> str:
    """Without blanks and dashes, in half-width signs and small letters: Chinese input methods type 全角 digits."""
    return "".join(sign for sign in unicodedata.normalize("NFKC", code).lower() if sign.isalnum())


def step_of(code: str, *, secret: str, after: int = -1) -> int | None:
    """The time step whose code this is, if it is near enough to now and later than `after`; else None."""
    key, now = base64.b32decode(secret), int(timezone.now().timestamp()) // STEP
    for step in range(max(now - DRIFT, after + 1), now + DRIFT + 1):
        if hmac.compare_digest(f"{hotp(key, step):0{DIGITS}d}".encode(), code.encode()):
            return step
    return None


def qr(secret: str, username: str) -> str:
    """The code that an app scans, as a data URI of an SVG."""
    label = quote(f"{ISSUER}:{username}", safe=":")
    query = urlencode({"secret": secret, "issuer": ISSUER, "digits": DIGITS, "period": STEP}, quote_via=quote)
    return segno.make(f"otpauth://totp/{label}?{query}", error="m", micro=False).svg_data_uri(scale=5, border=2)
