"""The notice that a consent is given to. Published versions never change (a trigger sees to it)."""

import hashlib
import json
from pathlib import Path

from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.own_words import says_something
from members.errors import Refused
from members.models import Notice
from members.selectors import current_notice

PARTS = ("handler", "purpose", "kinds", "retention", "rights", "sensitive", "joint")
DEFAULT = Path(__file__).resolve().parent.parent / "data" / "notice.json"


def notice_digest(version: str, parts: dict[str, str], *, consent_anew: bool | None = None, change: str = "") -> str:
    """SHA-256 over the version, all parts in their order, and what is said of the change. A part that a version is older
    than leaves no trace."""
    said = [version, *(parts[part] for part in PARTS if parts[part])]
    if consent_anew is not None:
        said += [str(consent_anew), change]
    return hashlib.sha256(json.dumps(said, ensure_ascii=False).encode()).hexdigest()


def is_as_published(notice: Notice) -> bool:
    """Whether the words are still those that were published."""
    parts = {part: getattr(notice, part) for part in PARTS}
    return notice.digest == notice_digest(notice.version, parts, consent_anew=notice.consent_anew, change=notice.change)


def words_to_begin_with() -> dict[str, str]:
    """What a new version is written from: the parts of the newest published one, else of the product's own text."""
    newest, default = current_notice(), _default()
    return {part: getattr(newest, part) if newest else default[part] for part in PARTS}


def _default() -> dict[str, str]:
    return json.loads(DEFAULT.read_text(encoding="utf-8"))


@transaction.atomic
def notice_publish(
    *, by=None, version: str = "", consent_anew: bool | None = None, change: str = "", **parts: str
) -> Notice:
    """Publish a version of the notice; without `version` the product's default text (members/data/notice.json).

    `consent_anew`: whether purpose, manner or kinds changed, so that who agreed before is asked anew; `change` says what
    did. Publishing the same version with the same words again returns it. `by=None` is the seed. Raises Refused.
    """
    if not version:
        parts = _default()
        version, consent_anew, change = parts.pop("version"), False, "第一版。"
    change = change.strip()
    if consent_anew is None or not says_something(change):
        raise Refused("告知书还不能发布，请先选明是否须重新取得同意，写明改了什么（第一版写“第一版”）。")
    parts = {part: parts.get(part, "").strip() for part in PARTS}
    if missing := [Notice._meta.get_field(part).verbose_name for part in PARTS if not says_something(parts[part])]:
        raise Refused(f"告知书还不能发布，请先写全：{'、'.join(map(str, missing))}。")
    digest = notice_digest(version, parts, consent_anew=consent_anew, change=change)
    notice = Notice.objects.select_for_update().filter(version=version).first() or Notice(version=version)
    if notice.published_at is not None:
        if notice.digest == digest:
            return notice
        raise Refused(f"告知书 {version} 已经发布，不能再改；请另立一个新版本。")
    for name, value in {**parts, "consent_anew": consent_anew, "change": change}.items():
        setattr(notice, name, value)
    notice.digest, notice.published_at = digest, timezone.now()
    notice.save()
    detail = {"version": version, "digest": digest, "consent_anew": consent_anew}
    audit.record("members.notice.publish", by=by, subjects=[notice], detail=detail)
    return notice
