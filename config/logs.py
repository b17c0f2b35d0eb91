"""What goes into the log: no codes that open a person's page or a paper, as in that of nginx (deploy/)."""

import logging
import re

SECRET_PARTS = re.compile(r"(/r/|/verify/(?:\?code=)?|/registrations/new/)[^/\s?]+")


class WithoutCodes(logging.Filter):
    """Takes the code out of the addresses of receipts, papers and counter entries (their token leads to the receipt)."""

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        if SECRET_PARTS.search(text):
            record.msg, record.args = SECRET_PARTS.sub(r"\1…", text), ()
        return True
