"""The same workbook with some cells filled: everything else stays as it is, byte for byte.

Formulas keep no results of before, and a spreadsheet works them out when it opens the file: a total beside new numbers
is never an old one.
"""

import io
import re
import zipfile
from bisect import bisect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from xml.sax.saxutils import escape, quoteattr

from tables.readers.base import Refused
from tables.readers.numbers import ZERO_1900, ZERO_1904, small_number
from tables.readers.package import BROKEN, SafeParser, local
from tables.workbooks.guard import Workbook
from tables.workbooks.look import Line, Place, Sheet, Spot, address

Value = int | Decimal | date | str | None  # None empties the cell
Splice = tuple[int, int, bytes]
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LOOKS_ESCAPED = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
_NAME = re.compile(rb"<([^\s/>]+)")
_KIND = re.compile(rb"\st\s*=\s*(?:\"[^\"]*\"|'[^']*')")
_SPANS = re.compile(rb"\sspans\s*=\s*(?:\"[^\"]*\"|'[^']*')")  # which columns a row has, were it not for us
_FULL_CALC = re.compile(rb"\sfullCalcOnLoad\s*=\s*(?:\"[^\"]*\"|'[^']*')")
TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
STRICT_MAIN = "http://purl.oclc.org/ooxml/spreadsheetml/main"
STRICT_OFFICE = "http://purl.oclc.org/ooxml/officeDocument/relationships"
SHEET_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"
BEFORE_CALC = ("sheets", "functionGroups", "externalReferences", "definedNames")  # the order of the schema


@dataclass(frozen=True)
class Extra:
    """A sheet that comes behind the form's own, of plain rows."""

    name: str
    widths: Sequence[int]
    rows: Sequence[Sequence[Value]]


def filled(
    workbook: Workbook, sheets: Sequence[Sheet], values: Mapping[str, Mapping[Place, Value]], extra: Extra | None = None
) -> bytes:
    """The workbook's bytes with these values, by sheet and place. `sheets`: all of them, as looked at."""
    parts = {sheet.part: _sheet(workbook, sheet, values.get(sheet.name, {})) for sheet in sheets}
    book = workbook.read_xml(workbook.part)
    if extra is not None:
        parts |= _added(workbook, extra, book)
    parts[workbook.part] = _book(workbook, book, extra)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        for entry in workbook.package.infolist():
            content = parts.pop(entry.filename, None)
            same = zipfile.ZipInfo(entry.filename, entry.date_time)
            same.compress_type = zipfile.ZIP_DEFLATED
            package.writestr(same, workbook.read(entry.filename) if content is None else content)
        for name, content in parts.items():
            package.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def spliced(data: bytes, splices: Sequence[Splice]) -> bytes:
    """Pieces of `data` replaced; of several at one place in their order."""
    out, at = [], 0
    for start, end, piece in sorted(splices, key=lambda one: one[:2]):
        if start < at:
            raise Refused(BROKEN)
        out += [data[at:start], piece]
        at = end
    return b"".join([*out, data[at:]])


# --- cells ------------------------------------------------------------------------------------------------------------


def cell_xml(prefix: str, place: Place, style: str, value: Value, *, from_1904: bool = False) -> bytes:
    """Texts are texts, whatever they begin with: nothing becomes a formula."""
    head = f'{prefix}c r="{address(place)}"' + (f' s="{small_number(style)}"' if style else "")
    if value is None or value == "":
        return f"<{head}/>".encode()
    if isinstance(value, date):
        zero = ZERO_1904 if from_1904 else ZERO_1900
        value = (value - zero.date()).days
    if isinstance(value, int | Decimal):
        return f"<{head}><{prefix}v>{value}</{prefix}v></{prefix}c>".encode()
    text = escape(_LOOKS_ESCAPED.sub("_x005F_", _NO_XML.sub("", value)))
    inline = f'<{prefix}is><{prefix}t xml:space="preserve">{text}</{prefix}t></{prefix}is>'
    return f'<{head} t="inlineStr">{inline}</{prefix}c>'.encode()


def _prefix(data: bytes, start: int) -> str:
    found = _NAME.match(data, start)
    name = found[1].decode() if found else ""
    return f"{name.rpartition(':')[0]}:" if ":" in name else ""


def _sheet(workbook: Workbook, sheet: Sheet, values: Mapping[Place, Value]) -> bytes:
    prefix = _prefix(sheet.data, sheet.body.start)
    made = {
        place: cell_xml(prefix, place, sheet.style(place), value, from_1904=workbook.texts.from_1904)
        for place, value in values.items()
    }
    splices = [_without_result(sheet.data, spot) for spot in sheet.spots.values() if spot.formula is not None]
    rows: dict[int, dict[int, bytes]] = {}
    for place, cell in sorted(made.items()):
        if spot := sheet.spots.get(place):
            splices.append((spot.start, spot.end, cell))
        else:
            rows.setdefault(place[0], {})[place[1]] = cell
    new: list[tuple[int, bytes]] = []
    for number, cells in rows.items():
        if row := sheet.rows.get(number):
            splices += _into_row(sheet, number, row, cells)
        else:
            new.append((number, _wrapped(f'{prefix}row r="{number}"', b"".join(cells.values()))))
    return spliced(sheet.data, splices + _into_body(sheet, new))


def _without_result(data: bytes, spot: Spot) -> Splice:
    if spot.value is None:
        return (spot.start, spot.start, b"")
    (start, end), tag_end = spot.value, data.index(b">", spot.start) + 1
    head = _KIND.sub(b"", data[spot.start : tag_end])
    return (spot.start, spot.end, head + data[tag_end:start] + data[end : spot.end])


def _wrapped(head: str, inside: bytes) -> bytes:
    return f"<{head}>".encode() + inside + f"</{head.partition(' ')[0]}>".encode()


def _opened(data: bytes, line: Line, inside: bytes) -> Splice:
    """An element of one tag, <row/>, opened for what goes into it."""
    tag = _SPANS.sub(b"", data[line.start : line.end])
    found = _NAME.match(tag)
    name = found[1] if found else b""
    return (line.start, line.end, tag[:-2].rstrip() + b">" + inside + b"</" + name + b">")


def _into_row(sheet: Sheet, number: int, row: Line, cells: Mapping[int, bytes]) -> list[Splice]:
    if row.is_empty:
        return [_opened(sheet.data, row, b"".join(cells.values()))]
    found = []
    if spans := _SPANS.search(sheet.data, row.start, sheet.data.index(b">", row.start)):
        found.append((*spans.span(), b""))
    for column, cell in cells.items():
        behind = bisect(row.columns, column)
        at = sheet.spots[number, row.columns[behind]].start if behind < len(row.columns) else row.inner
        found.append((at, at, cell))
    return found


def _into_body(sheet: Sheet, rows: Sequence[tuple[int, bytes]]) -> list[Splice]:
    if not rows:
        return []
    if sheet.body.is_empty:
        return [_opened(sheet.data, sheet.body, b"".join(row for _, row in rows))]
    found, numbers = [], list(sheet.rows)
    for number, row in rows:
        behind = bisect(numbers, number)
        at = sheet.rows[numbers[behind]].start if behind < len(numbers) else sheet.body.inner
        found.append((at, at, row))
    return found


# --- the book ---------------------------------------------------------------------------------------------------------


class _Book:
    """Where in the workbook's own part its elements stand."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.starts: dict[str, int] = {}
        self.ends: dict[str, int] = {}
        self.parser = SafeParser(self._start, self._end)
        self.ids: list[int] = []
        self.parser.feed(data, True)

    def _start(self, name: str, each: dict[str, str]) -> None:
        self.starts[name] = self.parser.expat.CurrentByteIndex
        if name == "sheet":
            self.ids.append(small_number(each.get("sheetId", "")))

    def _end(self, name: str) -> None:
        self.ends[name] = self.parser.expat.CurrentByteIndex

    def behind(self, name: str) -> int:
        """Behind an element's end tag; it holds others."""
        at = self.ends[name]
        return self.data.index(b">", at) + 1 if self.data[at : at + 2] == b"</" else at


def _is_strict(book: bytes) -> bool:
    return STRICT_MAIN.encode() in book


def _book(workbook: Workbook, data: bytes, extra: Extra | None) -> bytes:
    """Everything is worked out when the file is opened; with `extra` one sheet more."""
    found, splices = _Book(data), []
    if "calcPr" in found.starts:
        start = found.starts["calcPr"]
        tag = data[start : data.index(b">", start) + 1]
        name = _NAME.match(tag)
        head = len(name[0]) if name else 0
        splices.append((start, start + len(tag), tag[:head] + b' fullCalcOnLoad="1"' + _FULL_CALC.sub(b"", tag[head:])))
    else:
        last = max((name for name in BEFORE_CALC if name in found.ends), key=lambda name: found.ends[name])
        prefix = _prefix(data, found.starts["sheets"])
        at = found.behind(last)
        splices.append((at, at, f'<{prefix}calcPr fullCalcOnLoad="1"/>'.encode()))
    if extra is not None:
        main, office = (STRICT_MAIN, STRICT_OFFICE) if _is_strict(data) else (MAIN, OFFICE)
        sheet = (
            f'<sheet xmlns="{main}" xmlns:r="{office}" name={quoteattr(extra.name)} sheetId="{max(found.ids) + 1}"'
            f' r:id="{_new_id(workbook)}"/>'
        )
        splices.append((found.ends["sheets"], found.ends["sheets"], sheet.encode()))
    return spliced(data, splices)


def _rels(workbook: Workbook) -> str:
    folder, _, name = workbook.part.rpartition("/")
    return f"{folder}/_rels/{name}.rels".lstrip("/")


def _new_id(workbook: Workbook) -> str:
    text = workbook.read(_rels(workbook)).decode("utf-8", "replace")
    return next(name for number in range(1, 10_000) if f'"{(name := f"rIdExtra{number}")}"' not in text)


def _added(workbook: Workbook, extra: Extra, book: bytes) -> dict[str, bytes]:
    """The parts that a further sheet needs: itself, its relation, its content type."""
    strict = _is_strict(book)
    folder = f"{workbook.folder}/" if workbook.folder else ""
    part = next(name for n in range(1, 10_000) if (name := f"{folder}worksheets/extra{n}.xml") not in workbook.names)
    office = STRICT_OFFICE if strict else OFFICE
    relation = (
        f'<Relationship xmlns="{RELATIONS}" Id="{_new_id(workbook)}" Type="{office}/worksheet" Target="/{part}"/>'
    )
    kind = f'<Override xmlns="{TYPES}" PartName="/{part}" ContentType="{SHEET_TYPE}"/>'
    rels, types = _rels(workbook), "[Content_Types].xml"
    return {
        part: _extra_xml(extra, STRICT_MAIN if strict else MAIN),
        rels: _before_end(workbook.read_xml(rels), relation),
        types: _before_end(workbook.read_xml(types), kind),
    }


def _before_end(data: bytes, element: str) -> bytes:
    """Into the root, as its last child."""
    at = data.rfind(b"</")
    name = _NAME.match(b"<" + data[at + 2 :]) if at >= 0 else None
    if name is None or local(name[1].decode(errors="replace")) not in ("Types", "Relationships"):
        raise Refused(BROKEN)
    return data[:at] + element.encode() + data[at:]


def _extra_xml(extra: Extra, main: str) -> bytes:
    columns = "".join(
        f'<col min="{at}" max="{at}" width="{width}" customWidth="1"/>' for at, width in enumerate(extra.widths, 1)
    )
    rows = b"".join(
        _wrapped(
            f'row r="{number}"',
            b"".join(cell_xml("", (number, at), "", value) for at, value in enumerate(row, 1) if value is not None),
        )
        for number, row in enumerate(extra.rows, 1)
    )
    head = (
        f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<worksheet xmlns="{main}">'
        f'<sheetPr><pageSetUpPr fitToPage="1"/></sheetPr><cols>{columns}</cols>'
    )
    page = b'<pageSetup paperSize="9" fitToHeight="0" orientation="landscape"/>'  # A4, as wide as one page
    return head.encode() + b"<sheetData>" + rows + b"</sheetData>" + page + b"</worksheet>"
