"""The notice that a consent is given to. Published versions never change (a trigger sees to it)."""

import hashlib
import json
from pathlib import Path

from django.db import transaction
from django.utils import timezone

from accounts import audit
from members.errors import Refused
from members.models import Notice

PARTS = ("handler", "purpose", "kinds", "retention", "rights", "sensitive", "joint")
DEFAULT = Path(__file__).resolve().parent.parent / "data" / "notice.json"


def notice_digest(version: str, parts: dict[str, str]) -> str:
    """SHA-256 over the version and all parts in their order. A part that a version is older than leaves no trace."""
    text = json.dumps([version, *(parts[part] for part in PARTS if parts[part])], ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def is_as_published(notice: Notice) -> bool:
    """Whether the words are still those that were published."""
    return notice.digest == notice_digest(notice.version, {part: getattr(notice, part) for part in PARTS})


@transaction.atomic
def notice_publish(*, by=None, version: str = "", **parts: str) -> Notice:
    """Publish a version of the notice; without `version` the product's default text (members/data/notice.json).

    Publishing the same version with the same words again returns it. `by=None` is the seed. Raises Refused.
    """
    if not version:
        parts = json.loads(DEFAULT.read_text(encoding="utf-8"))
        version = parts.pop("version")
    parts = {part: parts.get(part, "").strip() for part in PARTS}
    if missing := [Notice._meta.get_field(part).verbose_name for part in PARTS if not parts[part]]:
        raise Refused(f"告知书还不能发布，请先写全：{'、'.join(map(str, missing))}。")
    digest = notice_digest(version, parts)
    notice = Notice.objects.select_for_update().filter(version=version).first() or Notice(version=version)
    if notice.published_at is not None:
        if notice.digest == digest:
            return notice
        raise Refused(f"告知书 {version} 已经发布，不能再改；请另立一个新版本。")
    for part, text in parts.items():
        setattr(notice, part, text)
    notice.digest, notice.published_at = digest, timezone.now()
    notice.save()
    audit.record("members.notice.publish", by=by, subjects=[notice], detail={"version": version, "digest": digest})
    return notice
