"""Forms that are being filled in on the public face: in its cache, a day at most, encrypted under the form's own token.

The token is in the person's browser and nowhere else (signed cookie), so what lies in the cache opens for nobody else.
"""

import hashlib
import json
import os
import uuid
from datetime import timedelta

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.core.cache import cache
from django.utils import timezone

from accounts.crypto import NONCE
from members.models import Draft


def _place(form_token: uuid.UUID) -> str:
    return f"members:draft:{hashlib.sha256(b'place' + form_token.bytes).hexdigest()}"


def _cipher(form_token: uuid.UUID) -> AESGCM:
    return AESGCM(HKDF(SHA256(), 32, salt=None, info=b"draft").derive(form_token.bytes))


def find(form_token: uuid.UUID) -> Draft | None:
    kept = cache.get(_place(form_token))
    if kept is None:
        return None
    expires_at, sealed = kept
    content = _cipher(form_token).decrypt(sealed[:NONCE], sealed[NONCE:], None).decode()
    return Draft(form_token=form_token, content=content, expires_at=expires_at)


def save(form_token: uuid.UUID, changes: dict, keep: timedelta) -> Draft:
    draft = find(form_token) or Draft(form_token=form_token, expires_at=timezone.now() + keep)
    draft.content = json.dumps((json.loads(draft.content) if draft.content else {}) | changes, ensure_ascii=False)
    nonce = os.urandom(NONCE)
    sealed = nonce + _cipher(form_token).encrypt(nonce, draft.content.encode(), None)
    left = max(1, int((draft.expires_at - timezone.now()).total_seconds()))
    cache.set(_place(form_token), (draft.expires_at, sealed), left)
    return draft


def drop(form_token: uuid.UUID) -> None:
    cache.delete(_place(form_token))
