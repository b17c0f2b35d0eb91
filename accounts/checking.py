"""Every night the whole chain of the audit is walked and compared with the heads that lie beside it, and the codes of the
rows that the product keeps are made again; what is found is an event, from which the alarm is made (GB/T 22239-2019
8.1.4.3 c, d; 8.1.4.7 b)."""

from accounts import audit, wall
from accounts.heads import BadHead, Head, files, read_head
from accounts.models import AuditEvent
from accounts.row_codes import CodedRow, records_changed
from accounts.verification import verify

ACT, RECORDS = "accounts.audit.check", "accounts.records.check"


def audit_check() -> None:
    heads, found = _heads()
    verdict = verify(heads)
    found += [f"{finding.kind} {finding.sequence or finding.event or finding.text}" for finding in verdict.findings]
    _found(ACT, found, links=verdict.links, heads=verdict.heads)


@wall.everywhere()
def records_check() -> list[CodedRow]:
    """The rows that were written past the product."""
    rows = records_changed()
    _found(RECORDS, [row.row_name for row in rows])
    return rows


def _found(act: str, found: list[str], **more: int) -> None:
    """`new` counts what the check before did not find: a row that was changed stays so for years, and must not hide others."""
    before = AuditEvent.objects.filter(act=act).order_by("-pk").first()
    new = set(found) - set(before.detail["findings"] if before else ())
    audit.record(act, by=None, succeeded=not found, detail=more | {"findings": found, "new": len(new)})


def _heads() -> tuple[list[Head], list[str]]:
    """Those that can be read, and the names of those that cannot."""
    heads, broken = [], []
    for path in files():
        try:
            heads.append(read_head(path))
        except (BadHead, OSError):
            broken.append(f"head {path.name}")
    return heads, broken
