"""What a request signs, with which key, and how that is checked."""

import hashlib
import hmac
import re
import time

from django.utils import timezone

from members.models import IntakeClient

CLOCK_SECONDS = 300  # how far the two clocks may stand apart; older requests are nobody's
KEY_HEADER, TIME_HEADER, SIGNATURE_HEADER = "X-Intake-Key", "X-Intake-Timestamp", "X-Intake-Signature"
IDEMPOTENCY_HEADER = "Idempotency-Key"
_SECONDS = re.compile(r"[0-9]{1,12}")


class BadSignature(Exception):
    """The text is for the other department's engineers; it is the same for an unknown key and a wrong signature."""


def signed_text(*, method: str, path: str, timestamp: str, idempotency_key: str, body: bytes, algorithm: str) -> str:
    """Five lines. `path` is everything after the host, its query too; without an Idempotency-Key its line is empty."""
    digest = hashlib.new(algorithm, body).hexdigest()
    return "\n".join([method, path, timestamp, idempotency_key, digest])


def sign(secret: str, text: str, algorithm: str) -> str:
    return hmac.new(secret.encode(), text.encode(), algorithm).hexdigest()


def client_of(*, method: str, path: str, headers, body: bytes) -> IntakeClient:
    """The client that signed this request. Raises BadSignature."""
    timestamp = headers.get(TIME_HEADER, "")
    if not _SECONDS.fullmatch(timestamp) or abs(time.time() - int(timestamp)) > CLOCK_SECONDS:
        raise BadSignature(
            f"{TIME_HEADER} 应为当前的 Unix 时间（秒），与本系统相差不超过 {CLOCK_SECONDS // 60} 分钟，请校准时钟。"
        )
    key_id = headers.get(KEY_HEADER, "").replace("\0", "?")  # which the database does not take
    client = IntakeClient.objects.filter(key_id=key_id, revoked_at__isnull=True).first()
    known = client or IntakeClient(secret="nobody's secret")  # the same work for a key that does not exist
    algorithm = known.algorithm
    text = signed_text(
        method=method, path=path, timestamp=timestamp, idempotency_key=headers.get(IDEMPOTENCY_HEADER, ""), body=body,
        algorithm=algorithm,
    )  # fmt: skip
    given = headers.get(SIGNATURE_HEADER, "").lower().encode()
    matches = [hmac.compare_digest(sign(secret, text, algorithm).encode(), given) for secret in _secrets(known)]
    if client is None or not any(matches):
        raise BadSignature("签名无效：请核对密钥编号、密钥、签名算法和参与签名的五行内容。")
    return client


def _secrets(client: IntakeClient) -> list[str]:
    former = client.former_secret if client.former_until and client.former_until > timezone.now() else None
    return [client.secret, former or client.secret]
