"""Every night the whole chain of the audit is walked and compared with the heads that lie beside it; what is found is an
event, from which the alarm is made (GB/T 22239-2019 8.1.4.3 c, d)."""

from accounts import audit
from accounts.heads import BadHead, Head, files, read_head
from accounts.models import AuditEvent
from accounts.verification import verify

ACT = "accounts.audit.check"


def audit_check() -> None:
    """`new` counts what the check before did not find: a row that was changed stays so for years, and must not hide others."""
    heads, found = _heads()
    verdict = verify(heads)
    found += [f"{finding.kind} {finding.sequence or finding.event or finding.text}" for finding in verdict.findings]
    before = AuditEvent.objects.filter(act=ACT).order_by("-pk").first()
    new = set(found) - set(before.detail["findings"] if before else ())
    audit.record(
        ACT, by=None, succeeded=not found,
        detail={"links": verdict.links, "heads": verdict.heads, "findings": found, "new": len(new)},
    )  # fmt: skip


def _heads() -> tuple[list[Head], list[str]]:
    """Those that can be read, and the names of those that cannot."""
    heads, broken = [], []
    for path in files():
        try:
            heads.append(read_head(path))
        except (BadHead, OSError):
            broken.append(f"head {path.name}")
    return heads, broken
