"""Whether this process makes the blind index, and digests, as the rows of its database have them.

Under another key or hash nobody would be found again: a known person would come in a second time, no receipt would open,
and no account would pass for true. So a process that would do that does not start.
"""

import hmac

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, ProgrammingError

from accounts.crypto import blind_index, index_before
from accounts.models import IndexKey

OTHER = (
    "BLIND_INDEX_KEY 或 BLIND_INDEX_HASH 与数据库里登记的不一致：按身份号码、手机号和回执码会找不到已有的人。"
    "请改回原来的值再启动；要换，按《管理员手册》“换盲索引密钥或算法”（正在换的，请核对 BLIND_INDEX_OLD_KEY 和 "
    "BLIND_INDEX_OLD_HASH 是不是换之前的值）。从备份恢复时，请用备份那时的密钥。"
)
OTHER_DIGESTS = (
    "DIGEST_KEY 或 DIGEST_HASH 与数据库里登记的不一致：账号、恢复码和同意的摘要都会对不上。没有单独设置过 DIGEST_KEY 的，"
    "它就是最初的 BLIND_INDEX_KEY；没有单独设置过 DIGEST_HASH 的，它就是最初的 BLIND_INDEX_HASH。请写明再启动。"
)

OTHER_RECEIPTS = (
    "RECEIPT_KEY 或 DIGEST_HASH 与数据库里登记的不一致：群众手里的回执会打不开。请改回原来的值再启动，公众侧和工作侧要相同："
    "没有单独设置过 RECEIPT_KEY 的，它就是最初的 BLIND_INDEX_KEY；没有单独设置过 DIGEST_HASH 的，它就是最初的 BLIND_INDEX_HASH。"
)


def fingerprint(key: bytes = b"") -> bytes:
    """Of key and hash: what they make of a constant. It says nothing about the key itself."""
    return blind_index("fingerprint", kind="index_key", key=key)


def fits(known: IndexKey) -> bool:
    """True also under the key before, while persons are brought from it to the present one (accounts/rekeying.py)."""
    ours = [fingerprint()]
    if settings.BLIND_INDEX_OLD_KEY:
        ours.append(index_before("fingerprint", kind="index_key"))
    return any(hmac.compare_digest(bytes(known.fingerprint), one) for one in ours)


def index_key_check() -> None:
    """Raises ImproperlyConfigured. Nothing is said where nothing was written down yet: before the migration, or in a
    database emptied by tests. A database that does not answer, or that is not migrated, is told of elsewhere; the public
    face has the key of receipts only, and may not look at the others."""
    shown = IndexKey.objects.only("receipts") if settings.IS_PUBLIC_FACE else IndexKey.objects.all()
    try:
        known = shown.first()
    except (OperationalError, ProgrammingError):
        return
    if known is None:
        return
    if not settings.IS_PUBLIC_FACE:
        if not fits(known):
            raise ImproperlyConfigured(OTHER)
        _must_be(known.digests, settings.DIGEST_KEY, OTHER_DIGESTS)
    _must_be(known.receipts, settings.RECEIPT_KEY, OTHER_RECEIPTS)


def _must_be(known: bytes | memoryview | None, key: bytes, else_said: str) -> None:
    if known is not None and not hmac.compare_digest(bytes(known), fingerprint(key)):
        raise ImproperlyConfigured(else_said)
