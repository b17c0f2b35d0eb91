"""Whether this process makes the blind index as the rows of its database have it.

Under another key or hash nobody would be found again: a known person would come in a second time, and no receipt would
open. So a process that would do that does not start.
"""

import hmac

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, ProgrammingError

from accounts.crypto import blind_index
from accounts.models import IndexKey

OTHER = (
    "BLIND_INDEX_KEY 或 BLIND_INDEX_HASH 与数据库里登记的不一致：按身份号码、手机号和回执码会找不到已有的人。"
    "请改回安装时的值再启动；从备份恢复时，请用备份那时的密钥。"
)


def fingerprint(key: bytes = b"") -> bytes:
    """Of key and hash: what they make of a constant. It says nothing about the key itself."""
    return blind_index("fingerprint", kind="index_key", key=key)


def is_ours() -> bool:
    """True also where nothing was written down yet: before the migration, or in a database emptied by tests; and under
    the key before, while persons are brought from it to the present one (accounts/rekeying.py)."""
    known = IndexKey.objects.values_list("fingerprint", flat=True).first()
    ours = [fingerprint(key) for key in (settings.BLIND_INDEX_KEY, settings.BLIND_INDEX_OLD_KEY) if key]
    return known is None or any(hmac.compare_digest(bytes(known), one) for one in ours)


def index_key_check() -> None:
    """Raises ImproperlyConfigured. A database that does not answer, or that is not migrated, is told of elsewhere; the
    public face has no such key."""
    if settings.IS_PUBLIC_FACE:
        return
    try:
        fits = is_ours()
    except (OperationalError, ProgrammingError):
        return
    if not fits:
        raise ImproperlyConfigured(OTHER)
