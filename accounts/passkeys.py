"""Passkeys (WebAuthn): what a browser is asked, and whether its answer is true. State between the two: the session.

The domain is that of the address in use, so a passkey works at the address where it was made; an address that is a
number has none. The person is always verified by the device (fingerprint, face, PIN): a passkey alone is two factors.
"""

import json
from ipaddress import ip_address

from django.http import HttpRequest
from fido2.server import Fido2Server
from fido2.webauthn import (
    AttestedCredentialData,
    AuthenticationResponse,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialUserEntity,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from accounts import sign_ins
from accounts.models import Passkey, User
from accounts.totp import ISSUER

STATE = "passkey_state"
VERIFIED = UserVerificationRequirement.REQUIRED


class PasskeyError(ValueError):
    """The browser's answer is not true; the message is for the person."""


def domain(request: HttpRequest) -> str:
    """Of the address in use; empty where browsers allow no passkeys."""
    host = request.get_host().rsplit(":", 1)[0]
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return host
    return ""


def _server(request: HttpRequest) -> Fido2Server:
    origin = f"{request.scheme}://{request.get_host()}"
    entity = PublicKeyCredentialRpEntity(name=ISSUER, id=domain(request))
    return Fido2Server(entity, verify_origin=lambda given: given == origin)


def _kept(passkeys) -> list[AttestedCredentialData]:
    return [AttestedCredentialData(bytes(passkey.credential)) for passkey in passkeys]


def options_to_add(request: HttpRequest, user: User) -> dict:
    """What navigator.credentials.create() is given."""
    entity = PublicKeyCredentialUserEntity(
        id=str(user.pk).encode(), name=user.username, display_name=user.name or user.username
    )
    options, request.session[STATE] = _server(request).register_begin(
        entity,
        _kept(user.passkeys.all()),
        resident_key_requirement=ResidentKeyRequirement.REQUIRED,
        user_verification=VERIFIED,
    )
    return dict(options)


def options_to_use(request: HttpRequest, user: User | None) -> dict:
    """What navigator.credentials.get() is given; without a user the person chooses among the keys of the device."""
    kept = _kept(user.passkeys.all()) if user else None
    options, request.session[STATE] = _server(request).authenticate_begin(kept, user_verification=VERIFIED)
    return dict(options)


def _read(request: HttpRequest, text: str) -> tuple[dict, dict]:
    """The state, which serves once, and the browser's answer."""
    state = request.session.pop(STATE, None)
    try:
        answer = json.loads(text)
    except ValueError:
        answer = None
    if state is None or not isinstance(answer, dict):
        raise PasskeyError("这次操作已过期，请再试一次。")
    return state, answer


def added(request: HttpRequest, text: str) -> dict:
    """What is to be kept of a new passkey. Raises PasskeyError."""
    state, answer = _read(request, text)
    try:
        data = _server(request).register_complete(state, answer)
    except Exception as error:  # the library raises whatever a malformed answer makes of it
        raise PasskeyError("设备的答复没有通过核对，通行密钥没有登记。请再试一次。") from error
    kept = data.credential_data
    assert kept is not None
    return {"credential_id": kept.credential_id, "credential": bytes(kept), "sign_count": data.counter}


def used(request: HttpRequest, text: str, user: User | None) -> tuple[Passkey, int]:
    """The passkey that signed, and its count. With `user` only theirs are taken. Raises PasskeyError."""
    refusal, passkey = PasskeyError("通行密钥没有通过核对。请再试一次，或改用密码登录。"), None
    try:
        state, answer = _read(request, text)
        given = AuthenticationResponse.from_dict(answer)
        passkey = Passkey.objects.select_related("user").get(credential_id=given.raw_id)
        _server(request).authenticate_complete(state, _kept([passkey]), given)
        if not passkey.is_whole or not passkey.user.may_enter or (user is not None and passkey.user_id != user.pk):
            raise refusal
    except Exception as error:  # the library raises whatever a malformed answer makes of it
        sign_ins.passkey_refused(request, passkey)
        raise (error if isinstance(error, PasskeyError) else refusal) from None
    return passkey, given.response.authenticator_data.counter
