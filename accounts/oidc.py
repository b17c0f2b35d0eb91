"""Signing in by the unified sign-in of government staff (政务统一认证): OpenID Connect, code flow with PKCE, state and nonce.

We ask the provider who the person is and nothing more; what it says is believed only if its token is signed (RS256 or
ES256; SM2 is not done) by a key of its published set, made for us, for this very request, and still valid. Nothing is kept
between requests but a row of the session, so a provider that turns its keys is read rightly at once.
"""

import base64
import hashlib
import json
import secrets
import time
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from django.conf import settings
from django.utils.crypto import constant_time_compare
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

LEAVING = "oidc_leaving"  # in the session, if at all: Person.leaving
ALGORITHMS = ["RS256", "ES256"]
PATIENCE = 5  # seconds
LARGEST = 1_000_000  # bytes of an answer
LONGEST_SUBJECT = 255  # OpenID Connect Core 2
LEEWAY = 60  # seconds between their clock and ours
DISCOVERY = "/.well-known/openid-configuration"
NEEDED = ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri")


class OidcError(Exception):
    """What went wrong: `reason` for the audit, the message for the person."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


def _away() -> OidcError:
    return OidcError("away", f"现在连不上{settings.OIDC_LABEL}，请用账号和密码登录，或稍后再试。")


def _untrue(reason: str) -> OidcError:
    return OidcError(
        reason, f"{settings.OIDC_LABEL}的回答没有通过核对，没有登录。请重新登录；一直如此请告诉系统管理员。"
    )


@dataclass(frozen=True)
class Person:
    """Whom the provider names. `is_strong`: what it says to have asked for counts as a second factor here. `leaving`: its
    page for signing out and the hint for it, as told now: nobody who signs out shall wait for a provider that is away."""

    issuer: str
    subject: str
    is_strong: bool
    leaving: dict[str, str]


def _ask(address: str, form: dict[str, str] | None = None) -> dict[str, Any]:
    if not address.startswith(("https://", "http://")):  # urlopen would read files too
        raise _away()
    request = Request(address, headers={"Accept": "application/json"})  # noqa: S310
    if form is not None:
        request.data = urlencode(form).encode()
        pair = f"{settings.OIDC_CLIENT_ID}:{settings.OIDC_CREDENTIAL}".encode()
        request.add_header("Authorization", f"Basic {base64.b64encode(pair).decode()}")
    try:
        with urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310
            found = json.loads(_read(answer))
    except (OSError, HTTPException, ValueError, RecursionError) as error:  # URLError is an OSError
        raise (_untrue("code") if getattr(error, "code", 0) in {400, 401, 403} else _away()) from error
    if not isinstance(found, dict):
        raise _away()
    return found


def _read(answer: HTTPResponse) -> bytes:
    """The patience of the connection is for each piece: a provider that sends one now and then would hold a thread for hours."""
    text, until = b"", time.monotonic() + PATIENCE
    while len(text) < LARGEST and (piece := answer.read1(LARGEST - len(text))):
        text += piece
        if time.monotonic() > until:
            raise TimeoutError
    return text


def _provider() -> dict[str, Any]:
    found = _ask(settings.OIDC_ISSUER.rstrip("/") + DISCOVERY)
    if any(not isinstance(found.get(name), str) for name in NEEDED):
        raise _away()
    if found["issuer"].rstrip("/") != settings.OIDC_ISSUER.rstrip("/"):
        raise _untrue("issuer")
    return found


def begin(*, back_to: str) -> tuple[str, dict[str, str]]:
    """Where the browser is sent, and what the session keeps until it comes back. Raises OidcError."""
    kept = {name: secrets.token_urlsafe(32) for name in ("state", "nonce", "verifier")}
    challenge = base64.urlsafe_b64encode(hashlib.sha256(kept["verifier"].encode()).digest()).rstrip(b"=").decode()
    query = {
        "response_type": "code", "client_id": settings.OIDC_CLIENT_ID, "redirect_uri": back_to, "scope": "openid",
        "state": kept["state"], "nonce": kept["nonce"], "code_challenge": challenge, "code_challenge_method": "S256",
    }  # fmt: skip
    address = _provider()["authorization_endpoint"]
    return f"{address}{'&' if '?' in address else '?'}{urlencode(query)}", kept


def finish(*, answer: dict[str, str], kept: dict[str, str] | None, back_to: str) -> Person:
    """Whom the provider names in the answer that the browser brings. Raises OidcError."""
    if not kept or not constant_time_compare(kept["state"], answer.get("state", "")):
        raise _untrue("state")
    if answer.get("error") or not answer.get("code"):
        raise OidcError("declined", f"{settings.OIDC_LABEL}没有让您登录。请重新登录，或用账号和密码登录。")
    provider = _provider()
    told = _ask(
        provider["token_endpoint"],
        {
            "grant_type": "authorization_code",
            "code": answer["code"],
            "redirect_uri": back_to,
            "code_verifier": kept["verifier"],
        },
    )
    id_token = told.get("id_token")
    claims = _claims(id_token if isinstance(id_token, str) else "", provider)
    if not constant_time_compare(kept["nonce"], str(claims.get("nonce", ""))):
        raise _untrue("nonce")
    return Person(provider["issuer"], str(claims["sub"]), _is_strong(claims), _leaving(provider, str(id_token)))


def _claims(id_token: str, provider: dict[str, Any]) -> dict[str, Any]:
    """Of a token that the provider signed for us and that still holds (OpenID Connect Core 3.1.3.7)."""
    try:
        keys = KeySet.import_key_set(_ask(provider["jwks_uri"]))  # type: ignore[arg-type]
        claims = jwt.decode(id_token, keys, algorithms=ALGORITHMS).claims
        jwt.JWTClaimsRegistry(
            leeway=LEEWAY,
            iss={"essential": True, "value": provider["issuer"]},
            aud={"essential": True, "value": settings.OIDC_CLIENT_ID},
            exp={"essential": True},
            iat={"essential": True},
            sub={"essential": True},
        ).validate(claims)
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise _untrue(f"token: {type(error).__name__}") from error
    is_for_several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if claims.get("azp", None if is_for_several else settings.OIDC_CLIENT_ID) != settings.OIDC_CLIENT_ID:
        raise _untrue("azp")
    if not 0 < len(claims["sub"]) <= LONGEST_SUBJECT or "\0" in claims["sub"]:
        raise _untrue("sub")
    return claims


def _is_strong(claims: dict[str, Any]) -> bool:
    methods = claims.get("amr")
    amr = {str(method) for method in methods} if isinstance(methods, list) else set()
    return str(claims.get("acr", "")) in settings.OIDC_STRONG_ACR or bool(amr & set(settings.OIDC_STRONG_AMR))


def _leaving(provider: dict[str, Any], id_token: str) -> dict[str, str]:
    address = provider.get("end_session_endpoint")
    if not isinstance(address, str) or not address.startswith(("https://", "http://")):
        return {}
    return {"address": address, "hint": id_token}


def farewell(leaving: dict[str, str], *, back_to: str) -> str:
    """Where the browser goes to sign out there too; empty where the provider has no such page. Asks nobody."""
    if not leaving:
        return ""
    address, hint = leaving["address"], leaving["hint"]
    query = {"id_token_hint": hint, "client_id": settings.OIDC_CLIENT_ID, "post_logout_redirect_uri": back_to}
    return f"{address}{'&' if '?' in address else '?'}{urlencode(query)}"
