"""Putting a document on record: its number, its verification code, its digest, its files, and its end.

What a document says is one JSON object, rendered by whoever knows its kind (the monthly report: reports/monthly.py).
A later edition of the same unit and period takes the place of the earlier one, which stays to be read.
"""

import hashlib
import secrets
import unicodedata
from datetime import date, timedelta
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction
from django.db.models import BinaryField, F, Func
from django.utils import timezone

from accounts import audit
from accounts.models import AuditSeal
from orgs.models import Organization
from reports.digests import digest_of
from reports.models import MonthClosing, PrintedDocument, PrintedFile, PrintedVoid, SelfCheck
from reports.selectors import Unit

FOLDER = "printed"
KEPT_DAYS = 800  # the files of two years and the last month; what they say, and their digests, stay for good
PRINT_LOCK = 7_806  # pg_advisory_xact_lock: editions are counted one after the other
# 30 signs that nobody takes for another on paper; 20 of them cannot be guessed (98 bits).
CODE_SIGNS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
CODE_LENGTH = 20
PREFIX = {PrintedDocument.Kind.MONTHLY: "YB", PrintedDocument.Kind.WEEKLY: "ZB"}


class PrintRefused(ValueError):
    """What was asked for cannot be printed; the text is for the person who asked."""


def is_whole(document: PrintedDocument | SelfCheck) -> bool:
    """Whether what is kept is still what was printed."""
    return digest_of(document.content) == document.digest


# --- the verification code --------------------------------------------------------------------------------------------


def new_code() -> str:
    return "".join(secrets.choice(CODE_SIGNS) for _ in range(CODE_LENGTH))


def read_code(text: str) -> str:
    """A code as somebody typed it from paper: any case and width, with or without the dashes."""
    plain = unicodedata.normalize("NFKC", text).upper()
    return "".join(sign for sign in plain if sign.isalnum())[: CODE_LENGTH + 1]


def spoken_code(code: str) -> str:
    """In groups of five, as it is printed."""
    return "-".join(code[at : at + 5] for at in range(0, len(code), 5))


# --- documents --------------------------------------------------------------------------------------------------------


def audit_head() -> dict | None:
    """The newest link of the audit chain: a sheet that names it was made after everything before it."""
    seal = AuditSeal.objects.order_by("-sequence").first()
    return {"sequence": seal.sequence, "hash": bytes(seal.hash).hex()} if seal else None


@transaction.atomic
def document_create(
    *, kind: str, unit: Unit, period: date, as_of: date, title: str, body: dict, source: str, classification: str, by,
    closing: MonthClosing | None = None,
) -> tuple[PrintedDocument, bool]:  # fmt: skip
    """(the document, whether it is new). The same source and label again is the edition that stands already.

    `body` is what the document says: plain JSON. Number, edition, time and the head of the audit chain are added to it
    here, so that the digest covers them.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [PRINT_LOCK])
    place = {"organization": unit} if isinstance(unit, Organization) else {"division": unit}
    kept = PrintedDocument.objects.filter(kind=kind, period=period, **place).order_by("-edition").first()
    if kept and (kept.source, kept.classification) == (source, classification) and not is_void(kept):
        return kept, False
    edition = kept.edition + 1 if kept else 1
    line = "Z" if isinstance(unit, Organization) else "Q"  # 组织线, 区划线: codes of the two may be alike
    day = f"{period:%Y%m}" if kind == PrintedDocument.Kind.MONTHLY else f"{period:%Y%m%d}"
    number = f"{PREFIX[PrintedDocument.Kind(kind)]}{day}-{line}{unit.code}-{edition:02d}"
    made_at = timezone.now()
    content = body | {
        "document": {
            "kind": kind, "title": title, "number": number, "edition": edition, "unit": str(unit),
            "unit_code": unit.code, "period": period.isoformat(), "as_of": as_of.isoformat(),
            "classification": PrintedDocument.Classification(classification).label,
            "made_at": made_at.isoformat(), "made_by": str(by) if by else "系统",
            "audit": audit_head(), "replaces": kept.number if kept else None,
        }
    }  # fmt: skip
    document = PrintedDocument.objects.create(
        kind=kind, period=period, edition=edition, as_of=as_of, closing=closing, title=title, number=number,
        code=new_code(), classification=classification, content=content, digest=digest_of(content), source=source,
        made_at=made_at, made_by=by, **place,
    )  # fmt: skip
    audit.record(
        "reports.printed.make", by=by, subjects=[document],
        detail={"number": number, "digest": document.digest, "classification": classification},
    )  # fmt: skip
    return document, True


def is_void(document: PrintedDocument) -> bool:
    return PrintedVoid.objects.filter(document=document).exists()


def later_closing(document: PrintedDocument) -> MonthClosing | None:
    """The newest closing of its month, where the document does not know of it."""
    if document.kind != PrintedDocument.Kind.MONTHLY:
        return None
    newest = MonthClosing.objects.filter(month=document.period).defer("numbers").order_by("-revision").first()
    return newest if newest and newest.pk != document.closing_id else None


def standing(document: PrintedDocument) -> str:
    """valid, closed_again, superseded or void: what whoever holds the paper has to know."""
    if is_void(document):
        return "void"
    if PrintedDocument.objects.superseding(document).filter(void__isnull=True).exists():
        return "superseded"
    return "closed_again" if later_closing(document) else "valid"


@transaction.atomic
def document_void(*, document: PrintedDocument, by, reason: str) -> PrintedVoid:
    """The paper does not hold any more; whoever checks it reads so, with the reason."""
    reason = reason.strip()[:200]
    if not reason:
        raise PrintRefused("请写明作废的原因，核验的人会看到已作废。")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [PRINT_LOCK])
    if is_void(document):
        raise PrintRefused("这份报告已经作废过了。")
    void = PrintedVoid.objects.create(document=document, reason=reason, voided_by=by)
    audit.record("reports.printed.void", by=by, subjects=[document], purpose=reason, detail={"number": document.number})
    return void


# --- files ------------------------------------------------------------------------------------------------------------


def path_of(file: PrintedFile) -> Path:
    return Path(settings.MEDIA_ROOT) / file.stored_as


def kept_file(document: PrintedDocument, format: str) -> PrintedFile | None:
    """The file of that format while its bytes are kept."""
    file = document.files.filter(format=format).exclude(stored_as="").first()
    return file if file and path_of(file).exists() else None


def file_store(*, document: PrintedDocument, format: str, content: bytes) -> PrintedFile:
    """Keep the bytes of a document as they were made. What was kept in that format before gives way to them."""
    name = f"{FOLDER}/{secrets.token_hex(16)}"
    path = Path(settings.MEDIA_ROOT) / name
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with transaction.atomic():
            document.files.filter(format=format).exclude(stored_as="").update(stored_as="")
            with path.open("xb") as out:
                path.chmod(0o600)
                out.write(content)
            digest = hashlib.sha256(content).hexdigest()
            file = PrintedFile.objects.create(
                document=document, format=format, digest=digest, size=len(content), stored_as=name
            )
            audit.record(
                "reports.printed.file", by=None, subjects=[document], detail={"format": format, "digest": digest}
            )
            return file
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def record_taken(*, document: PrintedDocument, format: str, by) -> None:
    """Written down before the first byte leaves."""
    audit.record("reports.printed.download", by=by, subjects=[document], detail={"format": format})


def document_with(digest: str) -> PrintedDocument | SelfCheck | None:
    """The paper of which a file was made whose bytes have this SHA-256."""
    files = PrintedFile.objects.select_related("document__organization", "document__division")
    if file := files.filter(digest=digest).order_by("pk").first():
        return file.document
    checks = SelfCheck.objects.defer("paper").annotate(
        of_paper=Func(F("paper"), function="sha256", output_field=BinaryField())
    )
    return checks.filter(of_paper=bytes.fromhex(digest)).first()


def file_digests(document: PrintedDocument | SelfCheck) -> list[str]:
    """SHA-256 of every PDF that was made of the paper: whoever holds one of these holds it unaltered."""
    if isinstance(document, PrintedDocument):
        return list(document.files.filter(format="pdf").order_by("pk").values_list("digest", flat=True))
    return [] if document.paper is None else [hashlib.sha256(document.paper).hexdigest()]


def retention() -> int:
    """Remove files older than KEPT_DAYS and what a killed worker left behind. How many."""
    before = timezone.now() - timedelta(days=KEPT_DAYS)
    PrintedFile.objects.filter(made_at__lt=before).exclude(stored_as="").update(stored_as="")
    known = set(PrintedFile.objects.exclude(stored_as="").values_list("stored_as", flat=True))
    yesterday = (timezone.now() - timedelta(days=1)).timestamp()  # younger ones may belong to work under way
    folder = Path(settings.MEDIA_ROOT) / FOLDER
    old = [
        path for path in folder.glob("*") if f"{FOLDER}/{path.name}" not in known and path.stat().st_mtime < yesterday
    ]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)
