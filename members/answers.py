"""What the holder of a receipt may see, for both faces: made from the rows where they are, opened from what was sealed for
the code where they are not.

    answers.part("check_ins", of_receipt)    # in AppConfig.ready(): what a page of the receipt shows, as JSON values
    answers.read(code, "check_ins")

Where a public face stands apart, whatever is written about a registration is sealed again for its receipts within a second
(the sealer of the audit tells of it), and everything every night.
"""

import json
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection
from django.db.models import Q
from django.utils import timezone

from accounts.models import AuditEvent
from members import identity, sealing, selectors
from members.models import Answer, Draft, Receipt

WHAT = "answer"  # bound into the sealed bytes
AGREE = "agree"  # the part of an officer's entry that waits for the person's own tap
REFUSED = "refused"  # why a form that was sent did not become a registration
WAITING = timedelta(days=7)  # so long the public face remembers that a form was sent
BATCH = 500
_parts: dict[str, Callable[[Receipt], Any]] = {}
_agree: list[Callable[[Draft], Any]] = []


def part(name: str, of_receipt: Callable[[Receipt], Any]) -> None:
    _parts[name] = of_receipt


def agree_part(of_draft: Callable[[Draft], Any]) -> None:
    _agree[:] = [of_draft]


def _as_json(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, cls=DjangoJSONEncoder)


def read(code: str, name: str) -> Any:
    """One part, as JSON values; None where there is no such receipt, or nothing of this part."""
    if settings.IS_PUBLIC_FACE:
        return _stored(code).get(name)
    if name == AGREE:
        draft = selectors.counter_draft(code)
        return json.loads(_as_json(_agree[0](draft))) if draft else None
    receipt = selectors.receipt_by_code(code) if name in _parts else None
    return json.loads(_as_json(_parts[name](receipt))) if receipt else None


def _stored(code: str) -> dict:
    with connection.cursor() as cursor:
        cursor.execute("SELECT members_answer_of(%s)", [identity.receipt_index(code)])
        sealed = cursor.fetchone()[0]
    return json.loads(sealing.unseal(sealed, code=code, what=WHAT)) if sealed else {}


# --- forms on their way -----------------------------------------------------------------------------------------------


def _sent_key(code: str) -> str:
    return f"members:sent:{identity.receipt_index(code).hex()}"


def remember_sent(code: str) -> None:
    """The public face cannot look whether a form has arrived: it remembers that it was sent."""
    if settings.IS_PUBLIC_FACE:
        cache.set(_sent_key(code), 1, WAITING.total_seconds())


def is_sent(code: str) -> bool:
    """Whether the form of this receipt was sent, arrived or not."""
    if settings.IS_PUBLIC_FACE:
        return bool(cache.get(_sent_key(code)))
    return selectors.receipt_by_code(code) is not None


# --- the staff side ---------------------------------------------------------------------------------------------------


def write(receipts: Iterable[Receipt]) -> int:
    """Seal anew what these receipts show. Returns how many."""
    return _keep([_answer(one.form_token, {name: fn(one) for name, fn in _parts.items()}) for one in receipts])


def write_draft(draft: Draft) -> None:
    """What an officer's entry asks the person to agree to."""
    if settings.FACE == "staff":
        _keep([_answer(draft.form_token, {AGREE: _agree[0](draft)})])


def _answer(form_token, content: dict) -> Answer:
    code = identity.receipt_code(form_token)
    return Answer(
        code_index=identity.receipt_index(code),
        sealed=sealing.seal(_as_json(content).encode(), code=code, what=WHAT),
    )


def _keep(answers: list[Answer]) -> int:
    fields = ["sealed", "written_at"]
    Answer.objects.bulk_create(answers, update_conflicts=True, update_fields=fields, unique_fields=["code_index"])
    return len(answers)


def write_of_code(content: dict, refusal: str) -> None:
    """After a submission: the page of the receipt that it named shows it at once, or why there is none."""
    code = content.get("code")
    if code and (receipt := selectors.receipt_by_code(code)):
        write([receipt])
    elif code and refusal:
        text = _as_json({REFUSED: refusal}).encode()
        _keep([Answer(code_index=identity.receipt_index(code), sealed=sealing.seal(text, code=code, what=WHAT))])


def hear_sealed(events: list[AuditEvent]) -> None:
    """Whatever was written about registrations and members, once it is sealed."""
    touched: dict[str, set[int]] = {"members.registration": set(), "members.member": set()}
    for event in events:
        if event.subject_type in touched and not event.act.endswith((".list", ".read", ".reveal", ".export", ".call")):
            touched[event.subject_type].update(event.subjects)
    registrations, members = touched.values()
    if registrations or members:
        through = Q(registration__in=registrations) | Q(registration__member__in=members)
        write(_receipts(Receipt.objects.filter(through)))


def write_all() -> int:
    """Every night: what changed by time alone. Answers of which nothing is left go."""
    kept = 0
    last = 0
    while page := list(_receipts(Receipt.objects.filter(pk__gt=last).order_by("pk"))[:BATCH]):
        kept, last = kept + write(page), page[-1].pk
    gone = Answer.objects.exclude(code_index__in=Receipt.objects.values("code_index"))
    gone.exclude(code_index__in=Draft.objects.filter(expires_at__gt=timezone.now()).values("code_index")).delete()
    return kept


def _receipts(rows):
    return rows.select_related("registration__member", "notice")
