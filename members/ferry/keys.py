"""Who signed a file: an Ed25519 pair for each direction, the private half only where files of that direction are made.

The private half lies in a file that its owner alone may read and that only the commands open: no process that serves
knows it. The public halves of the other side are a setting (FERRY_TRUSTED), two while they are being changed.
"""

import base64
import hashlib
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from accounts.crypto import write_key

SIZE = 32
PRIVATE, PUBLIC = "ferry.key", "ferry.pub"


class BadKey(Exception):
    """The file of the key cannot be used; says why and what to do."""


def fingerprint(public: bytes) -> str:
    return hashlib.sha256(public).hexdigest()[:16]


def make_pair(folder: Path) -> tuple[Path, str]:
    """Write a new pair, never over one that is there. The private half's file and the public half. Raises BadKey, OSError."""
    private = Ed25519PrivateKey.generate()
    public = base64.b64encode(private.public_key().public_bytes_raw()).decode()
    path = folder / PRIVATE
    try:
        write_key(path, private.private_bytes_raw())
    except FileExistsError as error:
        raise BadKey(f"{path} 已经有一把私钥，没有覆盖。要换钥请指定另一个文件夹。") from error
    (folder / PUBLIC).write_text(public + "\n")
    return path, public


def read_private(path: Path) -> Ed25519PrivateKey:
    try:
        if path.stat().st_mode & 0o077:
            raise BadKey(f"私钥文件 {path} 别人也能读：请先执行 chmod 600 {path}。")
        return Ed25519PrivateKey.from_private_bytes(base64.b64decode(path.read_text("ascii").strip(), validate=True))
    except OSError as error:
        raise BadKey(
            f"打不开私钥文件 {path}：{error.strerror}。请用 ferry_keys 生成，或用 FERRY_KEY_FILE 指出它在哪里。"
        ) from error
    except ValueError as error:
        raise BadKey(f"{path} 里不是 Ed25519 私钥：请用 ferry_keys 重新生成。") from error


def is_signed(text: bytes, signature: bytes, public: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, text)
    except InvalidSignature:
        return False
    return True
