"""Is this paper genuine: what is said to whoever has its code, on either face.

The code stands on the paper, so a paper with other numbers may carry it too: the code alone proves none of them. A file is
proven by its SHA-256, which the browser works out (static/js/verify.js); of a sheet the headlines, where it is 公开.

Where a public face stands apart the same is sealed to the code, beside the answers of receipts (members/answers.py): that face
finds it by an index of the code, opens it with the code, and knows no paper otherwise.
"""

from datetime import date
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.dateformat import format as date_format

from accounts.models import AuditEvent
from members import answers
from reports import papers, printing
from reports.models import PrintedDocument, SelfCheck

HEADLINES = ("organization_coverage_strict", "organization_coverage", "operating", "organizations", "service_points")
WHAT = "printed"  # bound into the sealed bytes
CHANGES = {"reports.printed.make", "reports.printed.file", "reports.printed.void"}  # also of the editions before
CLOSED = "reports.month.close"


def read(code: str) -> dict | None:
    """What the paper of this code says, and whether it holds; None where there is no such paper."""
    code = printing.read_code(code)
    if settings.IS_PUBLIC_FACE:
        return answers.opened(WHAT, code)
    printed = PrintedDocument.objects.select_related("organization", "division").filter(code=code).first()
    document = printed or SelfCheck.objects.defer("paper").filter(code=code).first()
    return said_of(document) if document else None


def said_of(document: PrintedDocument | SelfCheck) -> dict[str, Any]:
    """No more than the paper itself says, as JSON values. A self-check is of its moment: no later one takes its place."""
    whole = printing.is_whole(document)
    printed = document if isinstance(document, PrintedDocument) else None
    word, kind, sentence = papers.SPOKEN[printing.standing(printed) if printed else "valid"]
    if not whole:
        word, kind, sentence = "核对不符", "bad", "系统里的内容与生成时的摘要不一致，请勿引用，并告诉出具单位。"
    is_monthly = printed is not None and printed.kind == PrintedDocument.Kind.MONTHLY
    return {
        "title": document.title,
        "unit": document.content["document"]["unit"],
        "is_monthly": is_monthly,
        "period": date_format(printed.period, "Y年n月" if is_monthly else "Y年n月j日起") if printed else "",
        "number": document.number,
        "edition": document.edition,
        "classification": document.get_classification_display(),
        "made_at": date_format(timezone.localtime(document.made_at), "Y年n月j日 H:i"),
        "digest": document.digest,
        "files": printing.file_digests(document) if whole else [],
        "state": {"text": word, "kind": kind, "sentence": sentence},
        "headlines": _headlines(printed) if whole and printed else [],
    }


def _headlines(document: PrintedDocument) -> list[dict]:
    """A few numbers to hold against the paper; never about persons, and none of an internal one."""
    if document.classification != PrintedDocument.Classification.PUBLIC:
        return []
    lines = [line for group in document.content.get("groups", []) for line in group["lines"]]
    return [line for key in HEADLINES for line in lines if line["key"] == key]


# --- for the public face ----------------------------------------------------------------------------------------------


def hear_sealed(events: list[AuditEvent]) -> None:
    """A new edition and a voiding say something of the other editions too, a closing of every paper of its month, a file
    that was made something of its own."""
    changed = [pk for event in events if event.act in CHANGES for pk in event.subjects]
    for document in PrintedDocument.objects.filter(pk__in=changed):
        same = ("kind", "period", "organization", "division")
        _write(PrintedDocument.objects.filter(**{name: getattr(document, name) for name in same}))
    if months := {date.fromisoformat(f"{event.detail['month']}-01") for event in events if event.act == CLOSED}:
        _write(PrintedDocument.objects.filter(kind=PrintedDocument.Kind.MONTHLY, period__in=months))
    if checks := [event.detail["self_check"] for event in events if event.act == "reports.selfcheck.make"]:
        _write(SelfCheck.objects.filter(pk__in=checks))


def write_papers(*, missing_only: bool) -> int:
    """All of them at night; in between only where there is one that was never written."""
    kinds = (PrintedDocument.objects.all(), SelfCheck.objects.defer("paper"))
    is_whole = missing_only and answers.count(WHAT) == sum(rows.count() for rows in kinds)
    return 0 if is_whole else sum(_write(rows) for rows in kinds)


def _write(rows) -> int:
    return answers.put(WHAT, {document.code: said_of(document) for document in rows})
