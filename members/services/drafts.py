"""Forms that are being filled in: encrypted, a day at most, gone with the submission."""

import json
import uuid
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from members import identity
from members.models import Draft
from members.services import drafts_apart

KEEP = timedelta(hours=24)


def draft_content(draft: Draft) -> dict:
    return json.loads(draft.content) if draft.content else {}


def draft_find(form_token: uuid.UUID) -> Draft | None:
    if settings.IS_PUBLIC_FACE:
        return drafts_apart.find(form_token)
    _forget_over(form_token)
    return Draft.objects.filter(form_token=form_token).select_related("poster").first()


def _forget_over(form_token: uuid.UUID) -> None:
    """Its time is over, and whoever comes back begins anew: with nothing of what somebody typed there before, and a whole time
    again. The hourly job need not have been here."""
    Draft.objects.filter(form_token=form_token, expires_at__lte=timezone.now()).delete()


@transaction.atomic
def draft_save(*, form_token: uuid.UUID, poster=None, by=None, keep: timedelta = KEEP, **changes) -> Draft:
    """Merge `changes` (JSON values) into the draft of this form, made on the first call.

    The time it is kept runs from the first call: answering slowly never keeps a draft longer than `keep`.
    """
    if settings.IS_PUBLIC_FACE:
        return drafts_apart.save(form_token, changes, keep)
    _forget_over(form_token)
    draft, _ = Draft.objects.get_or_create(
        form_token=form_token,
        defaults={
            "code_index": identity.receipt_index(identity.receipt_code(form_token)),
            "poster": poster,
            "by": by,
            "expires_at": timezone.now() + keep,
        },
    )
    draft = Draft.objects.select_for_update().get(pk=draft.pk)
    draft.content = json.dumps(draft_content(draft) | changes, ensure_ascii=False)
    draft.save(update_fields=["content"])
    return draft


def draft_drop(form_token: uuid.UUID) -> None:
    if settings.IS_PUBLIC_FACE:
        drafts_apart.drop(form_token)
    else:
        Draft.objects.filter(form_token=form_token).delete()


def drafts_expire() -> int:
    """Remove what was not submitted in time. Returns how many."""
    return Draft.objects.filter(expires_at__lte=timezone.now()).delete()[0]
