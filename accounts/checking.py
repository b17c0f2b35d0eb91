"""Every night the whole chain of the audit is walked and compared with the heads that lie beside it, the codes of the rows
that the product keeps are made again, and whatever it kept the night before is looked for; what is found is an event, from
which the alarm is made (GB/T 22239-2019 8.1.4.3 c, d; 8.1.4.7 b)."""

from django.db import connection, transaction

from accounts import audit, removals, wall
from accounts.heads import BadHead, Head, files, read_head
from accounts.models import AuditEvent
from accounts.row_codes import CodedRow, records_changed
from accounts.verification import verify

ACT, RECORDS = "accounts.audit.check", "accounts.records.check"
LOCK = 7_853  # pg_advisory_xact_lock: one check of the records at a time


def audit_check() -> None:
    heads, found = _heads()
    verdict = verify(heads)
    found += [f"{finding.kind} {finding.sequence or finding.event or finding.text}" for finding in verdict.findings]
    _found(ACT, found, links=verdict.links, heads=verdict.heads)


@wall.everywhere()
@transaction.atomic
def records_check() -> tuple[list[CodedRow], removals.Looked]:
    """The records that were written past the product, and what was removed past it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
    rows = records_changed()
    looked = removals.look(rows, last(RECORDS))
    gone = [f"{name} 已不在" for name in looked.gone]
    lists = [f"{label} 的在册清单" for label in looked.false_lists]
    _found(RECORDS, [*(row.row_name for row in rows), *gone, *lists], seen=looked.codes)
    return rows, looked


def last(act: str) -> AuditEvent | None:
    """The newest check that the product made: by the code over what it found and its number, for an event can be added, and an
    older one be repeated, by anybody with the web role's password."""
    events = AuditEvent.objects.filter(act=act, detail__number__isnull=False).order_by("-detail__number")
    return next((event for event in events.iterator(chunk_size=10) if _is_ours(event)), None)


def _is_ours(event: AuditEvent) -> bool:
    told = {key: value for key, value in event.detail.items() if key != "code"}
    return removals.has_code(event, event.act, told)


def _found(act: str, found: list[str], **more: object) -> None:
    """`new` counts what the check before did not find: a row that was changed stays so for years, and must not hide others."""
    before = last(act)
    new = set(found) - set(before.detail["findings"] if before else ())
    number = before.detail["number"] + 1 if before else 1
    told = more | {"findings": found, "new": len(new), "number": number}
    audit.record(act, by=None, succeeded=not found, detail=told | {"code": removals.code_of(act, told)})


def _heads() -> tuple[list[Head], list[str]]:
    """Those that can be read, and the names of those that cannot."""
    heads, broken = [], []
    for path in files():
        try:
            heads.append(read_head(path))
        except (BadHead, OSError):
            broken.append(f"head {path.name}")
    return heads, broken
