"""What goes into the log: no codes that open a person's page or a paper, as in that of nginx (deploy/), and no row. An erasure
does not reach there."""

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


_SAID = r"(?:DETAIL|CONTEXT|HINT|QUERY|LINE \d+): "
_NEXT = r"\n\n(?:The above exception|During handling)"  # of a chain of exceptions
QUOTED = re.compile(rf"\n{_SAID}.*?(?={_NEXT}|\Z)|\\n{_SAID}[^\n]*", re.DOTALL)  # as text, and as repr writes it
NO_VALUE = re.compile(r"(invalid input syntax for type [\w ]+: )[^\n]*")


class WithoutRows(logging.Formatter):
    """PostgreSQL quotes the row that an error is about: "DETAIL:  Failing row contains (…)"."""

    def __init__(self, inner: logging.Formatter | None = None) -> None:
        super().__init__()
        self.inner = inner or logging.Formatter()

    def format(self, record: logging.LogRecord) -> str:
        return NO_VALUE.sub(r"\1…", QUOTED.sub("", self.inner.format(record)))


def quiet(logger: logging.Logger, **_) -> None:
    """What a library set up by itself writes as little."""
    for handler in logger.handlers:
        handler.setFormatter(WithoutRows(handler.formatter))
        handler.addFilter(WithoutCodes())
