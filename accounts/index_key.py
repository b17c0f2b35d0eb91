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


def fingerprint() -> bytes:
    """Of key and hash: what they make of a constant. It says nothing about the key itself."""
    return blind_index("fingerprint", kind="index_key")


def is_ours() -> bool:
    """True also where nothing was written down yet: before the migration, or in a database emptied by tests."""
    known = IndexKey.objects.values_list("fingerprint", flat=True).first()
    return known is None or hmac.compare_digest(bytes(known), fingerprint())


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
