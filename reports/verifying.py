"""Is this paper genuine: what is said to whoever has its code, on either face.

Where a public face stands apart the same is sealed to the code, beside the answers of receipts (members/answers.py): that face
finds it by an index of the code, opens it with the code, and knows no paper otherwise.
"""

from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.dateformat import format as date_format

from accounts.models import AuditEvent
from members import answers
from reports import papers, printing
from reports.models import PrintedDocument

HEADLINES = ("organization_coverage_strict", "organization_coverage", "operating", "organizations", "service_points")
WHAT = "printed"  # bound into the sealed bytes
CHANGES = {"reports.printed.make", "reports.printed.void"}  # also of the editions before


def read(code: str) -> dict | None:
    """What the paper of this code says, and whether it holds; None where there is no such paper."""
    code = printing.read_code(code)
    if settings.IS_PUBLIC_FACE:
        return answers.opened(WHAT, code)
    document = PrintedDocument.objects.select_related("organization", "division").filter(code=code).first()
    return said_of(document) if document else None


def said_of(document: PrintedDocument) -> dict[str, Any]:
    """No more than the paper itself says, as JSON values."""
    whole = printing.is_whole(document)
    word, kind, sentence = papers.SPOKEN[printing.standing(document)]
    if not whole:
        word, kind, sentence = "核对不符", "bad", "系统里的内容与生成时的摘要不一致，请勿引用，并告诉出具单位。"
    is_monthly = document.kind == PrintedDocument.Kind.MONTHLY
    return {
        "title": document.title,
        "unit": document.content["document"]["unit"],
        "is_monthly": is_monthly,
        "period": date_format(document.period, "Y年n月" if is_monthly else "Y年n月j日起"),
        "number": document.number,
        "edition": document.edition,
        "classification": document.get_classification_display(),
        "made_at": date_format(timezone.localtime(document.made_at), "Y年n月j日 H:i"),
        "digest": document.digest,
        "state": {"text": word, "kind": kind, "sentence": sentence},
        "headlines": _headlines(document) if whole else [],
    }


def _headlines(document: PrintedDocument) -> list[dict]:
    """A few numbers to hold against the paper; never about persons, and none of an internal one."""
    if document.classification != PrintedDocument.Classification.PUBLIC:
        return []
    lines = [line for group in document.content.get("groups", []) for line in group["lines"]]
    return [line for key in HEADLINES for line in lines if line["key"] == key]


# --- for the public face ----------------------------------------------------------------------------------------------


def hear_sealed(events: list[AuditEvent]) -> None:
    """A new edition and a voiding say something of the other editions too."""
    changed = [pk for event in events if event.act in CHANGES for pk in event.subjects]
    for document in PrintedDocument.objects.filter(pk__in=changed):
        same = ("kind", "period", "organization", "division")
        _write(PrintedDocument.objects.filter(**{name: getattr(document, name) for name in same}))


def write_papers(*, missing_only: bool) -> int:
    """All of them at night; in between only where there is one that was never written."""
    rows = PrintedDocument.objects.all()
    return 0 if missing_only and answers.count(WHAT) == rows.count() else _write(rows)


def _write(rows) -> int:
    return answers.put(WHAT, {document.code: said_of(document) for document in rows})
