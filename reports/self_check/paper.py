"""The auditor's paper of a self-check: rendered from what was kept, and verified at the public page like every paper."""

from django.template.loader import render_to_string
from django.utils.dateparse import parse_datetime

from accounts import audit
from members import qr
from members.pdf import pdf, why_no_pdf
from reports import printing
from reports.models import SelfCheck
from reports.self_check.content import addresses_of


def pdf_of(row: SelfCheck) -> bytes | None:
    """None where this machine cannot make one: the print page stands in and says why."""
    return None if why_no_pdf() else pdf(html_of(row))


def record_taken(row: SelfCheck, *, format: str, by) -> None:
    """Written down before the first byte leaves."""
    audit.record("reports.selfcheck.download", by=by, subjects=[row], detail={"format": format})


def html_of(row: SelfCheck, **more) -> str:
    content = row.content
    address = f"{content['address']}/verify/{printing.spoken_code(row.code)}/" if content["address"] else ""
    context = {
        "document": row, "content": content, "made_at": parse_datetime(content["document"]["made_at"]),
        "short_digest": row.digest[:16], "code": printing.spoken_code(row.code),
        "address": address, "qr": qr.qr_image(address, scale=4) if address else "",
        "addresses": addresses_of(content["accounts"]),
    }  # fmt: skip
    return render_to_string("reports/paper_self_check.html", context | more)
