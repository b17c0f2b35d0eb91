"""Anchors of the audit: signed files, kept outside the database, that say how far and how the chain stood.

Whoever rules the database and the seal key can rewrite events and seals alike, and the chain will follow. A head that was
handed on before (printed, mailed, on write-once media) does not change with it: `manage.py verify_audit --heads` compares.
Each file carries, for every event since the head before, a leaf of 8 bytes, so that a rewritten row is named and not
only noticed. It is signed with Ed25519 under a key made of the seal key; who keeps the file checks it with the public
key alone.
"""

import base64
import hmac
import json
import os
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.chain import links
from accounts.models import AuditSeal
from accounts.seals import AT, canonical

FOLDER = "audit-heads"
LEAF = 8  # bytes
KIND = "xgz.audit-head.1"


class BadHead(ValueError):
    """The file is no head, or not as it was signed. The message is for whoever runs the check."""


@dataclass(frozen=True)
class Head:
    """The links first … sequence, of which the last has `hash`. `leaves`: 8 bytes for each of them, base64.

    `last_at`: when the last event happened, which may be long before the file was made.
    """

    made_at: str
    last_at: str
    first: int
    sequence: int
    hash: str
    leaves: str
    public_key: str = ""
    signature: str = ""

    @property
    def made(self) -> datetime:
        return datetime.fromisoformat(self.made_at)

    @property
    def last(self) -> datetime:
        return datetime.fromisoformat(self.last_at)

    def leaf(self, sequence: int) -> bytes | None:
        """None where the file says nothing of that link."""
        if not self.first <= sequence <= self.sequence:
            return None
        at = (sequence - self.first) * LEAF
        return self._leaves[at : at + LEAF] or None

    @cached_property
    def _leaves(self) -> bytes:
        return base64.b64decode(self.leaves, validate=True)


def leaf_of(row: tuple) -> bytes:
    return hmac.digest(settings.AUDIT_SEAL_KEY, b"leaf" + canonical(row), "sha256")[:LEAF]


def _key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(hmac.digest(settings.AUDIT_SEAL_KEY, b"audit head signature", "sha256"))


def public_key() -> str:
    return _key().public_key().public_bytes_raw().hex()


def _signed_bytes(head: Head) -> bytes:
    facts = {"kind": KIND, **asdict(replace(head, signature=""))}
    return json.dumps(facts, sort_keys=True, separators=(",", ":")).encode()


def folder() -> Path:
    return Path(settings.MEDIA_ROOT) / FOLDER


def files() -> list[Path]:
    """Oldest first: names begin with the sequence."""
    return sorted(folder().glob("head-*.json"))


def read_head(path: Path) -> Head:
    """A head whose signature is good and is ours. Raises BadHead, OSError."""
    try:
        facts = json.loads(path.read_text("utf-8"))
        kind = facts.pop("kind")
        head = Head(**facts)
        signature, public = bytes.fromhex(head.signature), bytes.fromhex(head.public_key)
        head.made.astimezone(), head.last.astimezone()
        head.leaf(head.first)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadHead(f"{path.name} 不是链头文件，或内容已损坏。") from error
    if kind != KIND or head.public_key != public_key():
        raise BadHead(f"{path.name} 不是本系统签出的链头文件（签名公钥不同）。")
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, _signed_bytes(head))
    except InvalidSignature as error:
        raise BadHead(f"{path.name} 的签名不符：文件签出后被改动过。") from error
    return head


def head_export(*, by=None) -> Path | None:
    """Write down what was sealed since the last file; None if nothing was. Recorded after the file stands.

    Raises BadHead when the newest file is not as it was signed, or a link is missing: going on behind would hide that.
    """
    kept = files()
    first = read_head(kept[-1]).sequence + 1 if kept else 1
    leaves, last, last_at = bytearray(), None, timezone.now()
    with transaction.atomic():
        if not kept:  # after a retention run the chain begins later
            first = AuditSeal.objects.order_by("sequence").values_list("sequence", flat=True).first() or 1
        for link in links(first):
            if link.row is None or link.sequence != first + len(leaves) // LEAF:
                raise BadHead(f"第 {first + len(leaves) // LEAF} 号封存或它的事件已被移除。")
            leaves += leaf_of(link.row)
            last, last_at = link, link.row[AT]
    if last is None:
        return None
    head = Head(
        made_at=timezone.now().isoformat(), last_at=last_at.isoformat(), first=first, sequence=last.sequence,
        hash=last.hash.hex(), leaves=base64.b64encode(leaves).decode(),
        public_key=public_key(),
    )  # fmt: skip
    path = _write(replace(head, signature=_key().sign(_signed_bytes(head)).hex()))
    audit.record("accounts.audit.head_export", by=by, detail={"sequence": head.sequence, "hash": head.hash})
    return path


def _write(head: Head) -> Path:
    """Whole or not at all, and never over another one."""
    folder().mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder() / f"head-{head.sequence:012d}-{timezone.localtime(head.made):%Y%m%d}.json"
    fresh = path.with_suffix(f".{os.getpid()}.part")
    fresh.write_text(json.dumps({"kind": KIND, **asdict(head)}, indent=1) + "\n", "utf-8")
    fresh.chmod(0o440)
    try:
        os.link(fresh, path)
    finally:
        fresh.unlink()
    return path


def newest_head_file(*, by) -> Path:
    """The newest head, to be taken away; made now if something was sealed since. Raises BadHead, also where nothing was
    ever sealed."""
    head_export(by=by)
    if not (kept := files()):
        raise BadHead("还没有封存过任何审计事件。")
    audit.record("accounts.audit.head_download", by=by, detail={"file": kept[-1].name})
    return kept[-1]
