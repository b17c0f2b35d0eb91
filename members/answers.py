"""What the holder of a receipt may see, for both faces: made from the rows where they are, opened from what was sealed for
the code where they are not.

    answers.part("check_ins", of_receipt)    # in AppConfig.ready(): what a page of the receipt shows, as JSON values
    answers.read(code, "check_ins")

Where a public face stands apart, whatever is written about a registration is sealed again for its receipts within a second
(the sealer of the audit tells of it), and everything every night. What is opened seldom and says much is not kept there: the
public face asks for it by the inbox (`wanted`) when the holder does, and it is gone with the next writing; where files are
carried, with the next after a day: other writings go before the next file.
"""

import json
import uuid
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from redis.exceptions import RedisError

from accounts.models import AuditEvent
from members import identity, inbox, sealing, selectors
from members.models import Answer, Draft, Receipt

WHAT = "answer"  # bound into the sealed bytes
AGREE = "agree"  # the part of an officer's entry that waits for the person's own tap
REFUSED = "refused"  # why a form that was sent did not become a registration
ASKED_AGAIN, FERRIED_AGAIN = 20, 3600  # seconds after which a part that did not come is asked for again
GIVEN = 86_400  # seconds for which a part that was asked for stays, where files are carried
WAITING = timedelta(days=7)  # so long the public face remembers that a form was sent
BATCH = 500
AT_ONCE = 50  # receipts that the sealer of the audit writes itself; more of them are a task's
_parts: dict[str, Callable[[Receipt], Any]] = {}
_kept: set[str] = set()
_agree: list[Callable[[Draft], Any]] = []
_also: list[Callable[..., int]] = []


def part(name: str, of_receipt: Callable[[Receipt], Any], *, kept: bool = False) -> None:
    """`kept`: lies ready on the public face; the others only when they are asked for."""
    _parts[name] = of_receipt
    if kept:
        _kept.add(name)


def agree_part(of_draft: Callable[[Draft], Any]) -> None:
    _agree[:] = [of_draft]


def also(writer: Callable[..., int]) -> None:
    """`writer(missing_only=…)` puts what else is sealed to a code; called with the receipts' own, returns how many."""
    _also.append(writer)


class NotYet(Exception):
    """The part was asked for, and is not there yet."""


def _as_json(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, cls=DjangoJSONEncoder)


def read(code: str, name: str) -> Any:
    """One part, as JSON values; None where there is no such receipt, or nothing of this part.

    On the public face raises NotYet for a part that does not lie ready: ask again in a moment.
    """
    if settings.IS_PUBLIC_FACE:
        stored = _stored(code)
        if "page" in stored and name in _parts.keys() - stored.keys():
            if cache.add(
                f"members:wanted:{identity.receipt_index(code).hex()}:{name}",
                1,
                FERRIED_AGAIN if settings.IS_FERRIED else ASKED_AGAIN,
            ):
                inbox.send("wanted", {"code": code, "part": name}, key=str(uuid.uuid4()))
            raise NotYet
        return stored.get(name)
    if name == AGREE:
        draft = selectors.counter_draft(code)
        return json.loads(_as_json(_agree[0](draft))) if draft else None
    receipt = selectors.receipt_by_code(code) if name in _parts else None
    return json.loads(_as_json(_parts[name](receipt))) if receipt else None


def _stored(code: str) -> dict:
    return _opened(identity.receipt_index(code), code, WHAT) or {}


def opened(what: str, code: str) -> Any:
    """What was put for this code, on the public face; None where there is nothing."""
    return _opened(identity.answer_index(what, code), code, what)


def _opened(index: bytes, code: str, what: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute("SELECT members_answer_of(%s)", [index])
        sealed = cursor.fetchone()[0]
    return json.loads(sealing.unseal(sealed, code=code, what=what)) if sealed else None


# --- forms on their way -----------------------------------------------------------------------------------------------


def _sent_key(code: str) -> str:
    return f"members:sent:{identity.receipt_index(code).hex()}"


def remember_sent(code: str) -> None:
    """The public face cannot look whether a form has arrived: it remembers that it was sent."""
    if settings.IS_PUBLIC_FACE:
        with suppress(RedisError):  # it was sent: only the page that says so waits until it has arrived
            cache.set(_sent_key(code), 1, WAITING.total_seconds())


def is_sent(code: str) -> bool:
    """Whether the form of this receipt was sent, arrived or not."""
    if settings.IS_PUBLIC_FACE:
        return bool(cache.get(_sent_key(code)))
    return selectors.receipt_by_code(code) is not None


# --- the staff side ---------------------------------------------------------------------------------------------------


def write(receipts: Iterable[Receipt]) -> int:
    """Seal anew what these receipts show. Returns how many."""
    receipts = list(receipts)
    given = cache.get_many([_given_key(one) for one in receipts]) if settings.IS_FERRIED else {}
    return _keep([_answer_of(one, _kept.union(given.get(_given_key(one), ()))) for one in receipts])


def _given_key(receipt: Receipt) -> str:
    return f"members:given:{receipt.pk}"


def _answer_of(receipt: Receipt, names: Iterable[str]) -> Answer:
    return _answer(receipt.form_token, {name: _parts[name](receipt) for name in names})


def wanted(content: dict, sent_at: datetime) -> None:
    """One more part, for the holder who opens it now (members/inbox.py)."""
    receipt = selectors.receipt_by_code(content["code"])
    if receipt is None or content["part"] not in _parts:
        return
    if settings.IS_FERRIED:
        given = cache.get(_given_key(receipt), [])
        cache.set(_given_key(receipt), [*given, content["part"]], GIVEN)
        write([receipt])
    else:
        _keep([_answer_of(receipt, _kept | {content["part"]})])


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


def put(what: str, contents: dict[str, Any]) -> int:
    """By code: seal anew what its holder may see. Returns how many."""
    return _keep(
        [
            Answer(
                what=what,
                code_index=identity.answer_index(what, code),
                sealed=sealing.seal(_as_json(content).encode(), code=code, what=what),
            )
            for code, content in contents.items()
        ]
    )


def count(what: str) -> int:
    return Answer.objects.filter(what=what).count()


def _keep(answers: list[Answer]) -> int:
    fields = ["sealed", "written_at", "ferried_in"]
    answers = sorted(answers, key=lambda one: bytes(one.code_index))  # the order of in_order
    Answer.objects.bulk_create(answers, update_conflicts=True, update_fields=fields, unique_fields=["code_index"])
    return len(answers)


def in_order(rows: QuerySet[Answer]) -> QuerySet[Answer]:
    """These, locked in the one order in which whoever writes several does: two at once never wait in a ring."""
    return Answer.objects.filter(pk__in=rows.order_by("code_index").select_for_update().values("pk"))


def write_of_code(content: dict, refusal: str) -> None:
    """After a submission: the page of the receipt that it named shows it at once, or why there is none."""
    code = content.get("code")
    if code and (receipt := selectors.receipt_by_code(code)):
        if "part" not in content:
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
    registrations, members = map(sorted, touched.values())
    if registrations or members:
        through = Q(registration__in=registrations) | Q(registration__member__in=members)
        found = list(Receipt.objects.filter(through).order_by("pk").values_list("pk", flat=True))
        if len(found) <= AT_ONCE:
            write_of(found)
        else:
            from members.tasks import answers_of  # a listener of the sealer may not stop it for minutes

            answers_of.delay(found)


def write_of(receipts: list[int]) -> int:
    return _write(Receipt.objects.filter(pk__in=receipts))


def write_all() -> int:
    """Every night: what changed by time alone. Answers of which nothing is left go."""
    kept = _write(Receipt.objects.all()) + sum(writer(missing_only=False) for writer in _also)
    gone = Answer.objects.filter(what=WHAT).exclude(code_index__in=Receipt.objects.values("code_index"))
    _end(gone.exclude(code_index__in=Draft.objects.filter(expires_at__gt=timezone.now()).values("code_index")))
    return kept


@transaction.atomic
def _end(gone: QuerySet[Answer]) -> None:
    """At once; where files are carried it is emptied, and goes once the other side has told to have the emptied one."""
    if not settings.IS_FERRIED:
        in_order(gone).delete()
        return
    from members.ferry.book import heard

    in_order(gone.filter(sealed=b"", ferried_in__lte=heard())).delete()
    in_order(gone.exclude(sealed=b"")).update(sealed=b"", ferried_in=None, written_at=timezone.now())


def write_missing() -> int:
    """Of receipts that have none yet: written in bulk, or before the two faces were set apart."""
    kept = _write(Receipt.objects.exclude(code_index__in=Answer.objects.values("code_index")))
    return kept + sum(writer(missing_only=True) for writer in _also)


def _write(rows: QuerySet[Receipt]) -> int:
    kept = last = 0
    while page := list(_receipts(rows.filter(pk__gt=last).order_by("pk"))[:BATCH]):
        kept, last = kept + write(page), page[-1].pk
    return kept


def _receipts(rows: QuerySet[Receipt]) -> QuerySet[Receipt]:
    return rows.select_related("registration__member", "notice")
