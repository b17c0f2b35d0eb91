"""What a batch's page says of the columns of its file."""

from tables.forms import ColumnsForm
from tables.mapping import HOW, headers_of
from tables.models import Batch
from tables.register import target


def shown_headers(batch: Batch, form: ColumnsForm | None) -> list[dict]:
    """Each header with its columns in the file's order, what they became and how; with `form` also the choice of each."""
    table = target(batch.target).table
    shown = []
    for number, header in enumerate(headers_of(batch)):
        labels = {at: table.by_key[key].label for key, at in header["columns"].items() if key in table.by_key}
        columns = [
            {
                "name": name,
                "samples": header["samples"][at],
                "label": labels.get(at, ""),
                "how": HOW.get(header["how"][at], ""),
                "field": form.field_of(number, at) if form else None,
            }
            for at, name in enumerate(header["names"])
        ]
        shown.append(
            {
                "digest": header["digest"],
                "parts": list(filter(None, header["parts"])),
                "row": header["row"],
                "reason": header["reason"],
                "columns": columns,
                "mapped": len(labels),
            }
        )
    return shown


def needed_words(batch: Batch) -> str:
    """The columns that no file can do without."""
    return "、".join(target(batch.target).table.missing({}))
