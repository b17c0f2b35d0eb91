"""How each kind of printed document looks: the page that is printed, the PDF of it, and the spreadsheet.

All of them are rendered from what was kept of the document and from nothing else. A kind joins by an entry in PAPERS.
"""

from collections.abc import Callable
from dataclasses import dataclass

from django.template.loader import render_to_string
from django.utils.dateparse import parse_datetime

from members import pdf, qr
from reports import monthly_book, monthly_charts, printing, weekly
from reports.models import PrintedDocument, PrintedFile

SPOKEN = {
    "valid": ("有效", "ok", "本系统出过这份报告，现在有效。"),
    "closed_again": (
        "已另行关账",
        "warn",
        "本系统出过这份报告，但之后这个月另行关账，数字以新的关账为准，请向出具单位要新的月报。",
    ),
    "superseded": ("已修订", "warn", "本系统出过这份报告，但之后出了新的一版，请以新版为准。"),
    "void": ("已作废", "bad", "本系统出过这份报告，但已经作废，请不要使用。"),
}


@dataclass(frozen=True)
class Paper:
    """`template` gets `document`, `content`, `qr`, `code`, `address`, `made_at` and what `more` adds."""

    template: str
    more: Callable[[dict], dict] = lambda content: {}
    book: Callable[[PrintedDocument], bytes] | None = None


PAPERS: dict[str, Paper] = {
    PrintedDocument.Kind.MONTHLY: Paper("reports/paper_monthly.html", monthly_charts.charts, monthly_book.book),
    PrintedDocument.Kind.WEEKLY: Paper("reports/paper_weekly.html", weekly.layout),
}


def verify_address(document: PrintedDocument) -> str:
    """The public address on the paper; empty where the product did not know its own when the document was made."""
    address = document.content.get("address") or ""
    return f"{address}/verify/{printing.spoken_code(document.code)}/" if address else ""


def paper_context(document: PrintedDocument) -> dict:
    paper, address = PAPERS[document.kind], verify_address(document)
    return {
        "document": document,
        "content": document.content,
        "made_at": parse_datetime(document.content["document"]["made_at"]),
        "code": printing.spoken_code(document.code),
        "address": address,
        "qr": qr.qr_image(address, scale=4) if address else "",
        "short_digest": document.digest[:16],
        **paper.more(document.content),
    }


def html_of(document: PrintedDocument, **more) -> str:
    return render_to_string(PAPERS[document.kind].template, paper_context(document) | more)


def pdf_of(document: PrintedDocument) -> PrintedFile:
    """The kept PDF, made now where there is none. Raises members.pdf.PdfUnavailable."""
    if kept := printing.kept_file(document, "pdf"):
        return kept
    return printing.file_store(document=document, format="pdf", content=pdf.pdf(html_of(document)))


def book_of(document: PrintedDocument) -> bytes | None:
    make = PAPERS[document.kind].book
    return make(document) if make else None
