"""A box that whoever knows the public key can fill and only the holder of the private key can open.

X25519 with a key pair of its own for every box, HKDF-SHA-256 over both public keys, AES-256-GCM. Stored form: 4 bytes of
the recipient's fingerprint ‖ 32 bytes of the box's public key ‖ ciphertext and tag. The nonce is constant because no key
is used twice. What is filled in for one purpose (`what`) does not open as another.
"""

import hashlib
from collections.abc import Iterable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from accounts.crypto import NONCE, CannotDecrypt

FINGERPRINT, PUBLIC = 4, 32


def key_pair() -> tuple[bytes, bytes]:
    """(public, private), 32 bytes each."""
    private = X25519PrivateKey.generate()
    return private.public_key().public_bytes_raw(), private.private_bytes_raw()


def fingerprint(public: bytes) -> bytes:
    return hashlib.sha256(public).digest()[:FINGERPRINT]


def _cipher(shared: bytes, sender: bytes, recipient: bytes) -> AESGCM:
    return AESGCM(HKDF(SHA256(), 32, salt=None, info=b"sealed box" + sender + recipient).derive(shared))


def fill(data: bytes, *, recipient: bytes, what: str) -> bytes:
    own = X25519PrivateKey.generate()
    sender = own.public_key().public_bytes_raw()
    shared = own.exchange(X25519PublicKey.from_public_bytes(recipient))
    closed = _cipher(shared, sender, recipient).encrypt(bytes(NONCE), data, what.encode())
    return fingerprint(recipient) + sender + closed


def told_fingerprint(box: bytes | memoryview) -> bytes:
    """Of the key that this box is sealed to."""
    return bytes(box[:FINGERPRINT])


def fingerprint_of(private: bytes) -> bytes:
    return fingerprint(X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw())


def open_box(box: bytes | memoryview, *, privates: Iterable[bytes], what: str) -> bytes:
    """With whichever of our keys it was sealed to. Raises CannotDecrypt: changed, for another purpose, or sealed to a key
    that is none of ours (the message says which)."""
    box = bytes(box)
    ours = {fingerprint_of(private): private for private in privates}
    private = ours.get(told_fingerprint(box))
    if private is None:
        known = ", ".join(mark.hex() for mark in ours)
        raise CannotDecrypt(f"sealed to the key {told_fingerprint(box).hex()}, ours are {known}")
    own = X25519PrivateKey.from_private_bytes(private)
    recipient = own.public_key().public_bytes_raw()
    sender, closed = box[FINGERPRINT : FINGERPRINT + PUBLIC], box[FINGERPRINT + PUBLIC :]
    try:
        shared = own.exchange(X25519PublicKey.from_public_bytes(sender))
        return _cipher(shared, sender, recipient).decrypt(bytes(NONCE), closed, what.encode())
    except (InvalidTag, ValueError) as error:
        raise CannotDecrypt(what) from error
