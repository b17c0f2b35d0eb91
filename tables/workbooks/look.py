"""One sheet of a workbook: its cells with their texts, and where in the file each of them stands."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tables.readers.base import Refused
from tables.readers.numbers import small_number
from tables.readers.package import BROKEN, SMALL_PART, TOO_BIG, SafeParser, elements
from tables.readers.sheetxml import CELL_LIMIT, LAST_COLUMN, LAST_ROW, LETTERS, column_of, decoded
from tables.readers.xlsx import relations
from tables.workbooks.guard import UNUSUAL, SheetPart, Workbook, check_formula

CELLS_LIMIT = 100_000  # of a workbook: a form of a page has some hundred
AREAS_LIMIT = 20_000  # merged cells, columns with a style of their own
LINKS_LIMIT = 5_000
ROWS, COLUMNS = 1_000, 200  # the corner of a sheet in which cells can be filled
CROWDED = "这份表的格子多得不像报表（超过 10 万个），系统不接收。请删去多余的行、列、格式和工作表，再上传。"
BUSY = "这份表里合并的格子或链接太多，系统不接收。请取消用不着的合并和链接，再上传。"
CAPTION = (
    "这一格是 Excel 表格（“套用表格格式”）的标题行或汇总行，改了它，Excel 打开时会说文件损坏。请绑定中间的数据格；"
    "一定要填这一格，请先在 Excel 里把表格“转换为区域”，另存后重新上传。"
)
FORMULAS = frozenset({"f", "formula", "formula1", "formula2"})
_AREA = re.compile(r"^\$?([A-Z]{1,3})\$?([0-9]{1,7})(?::\$?([A-Z]{1,3})\$?([0-9]{1,7}))?$")

Place = tuple[int, int]  # row and column, both from 1


@dataclass(frozen=True)
class Area:
    """A rectangle of cells, its edges included."""

    top: int
    left: int
    bottom: int
    right: int

    def __contains__(self, place: Place) -> bool:
        return self.top <= place[0] <= self.bottom and self.left <= place[1] <= self.right

    def places(self) -> Iterator[Place]:
        """Those in the corner of the sheet that is looked at."""
        for row in range(self.top, min(self.bottom, ROWS) + 1):
            for column in range(self.left, min(self.right, COLUMNS) + 1):
                yield row, column


@dataclass
class Spot:
    """One cell as it stands in the file: bytes from `start` to `end`. `value`: the bytes of a formula's last result."""

    start: int
    end: int = 0
    style: str = ""
    kind: str = "n"
    text: str = ""
    formula: str | None = None
    value: tuple[int, int] | None = None


@dataclass
class Line:
    """One row: its element, where its start tag ends, its cells in order."""

    start: int
    end: int = 0
    inner: int = 0
    is_empty: bool = False  # written as <row/>
    style: str = ""
    is_hidden: bool = False
    columns: list[int] = field(default_factory=list)


@dataclass
class Sheet:
    """What a sheet holds. `body`: its sheetData, like a row."""

    name: str
    part: str
    is_hidden: bool
    data: bytes
    body: Line = field(default_factory=lambda: Line(-1))
    rows: dict[int, Line] = field(default_factory=dict)
    spots: dict[Place, Spot] = field(default_factory=dict)
    merged: list[Area] = field(default_factory=list)
    arrays: list[Area] = field(default_factory=list)
    anchors: dict[Place, Place] = field(default_factory=dict)  # of merged cells in the corner: the one that is shown
    computed: dict[Place, Place] = field(default_factory=dict)  # cells in the corner that one formula fills together
    captions: list[Area] = field(default_factory=list)  # heading and total rows of the table objects on it
    column_styles: list[tuple[int, int, str]] = field(default_factory=list)
    hidden_columns: list[tuple[int, int]] = field(default_factory=list)
    is_protected: bool = False

    def style(self, place: Place) -> str:
        """The style of a cell, also of one that is not written: its row's, else its column's."""
        if spot := self.spots.get(place):
            return spot.style
        row = self.rows.get(place[0])
        if row and row.style:
            return row.style
        return next((style for first, last, style in self.column_styles if first <= place[1] <= last), "")

    def why_not(self, place: Place) -> str:
        """Why a cell cannot be filled; empty where it can."""
        spot = self.spots.get(place)
        if place[0] > ROWS or place[1] > COLUMNS:
            return f"只能绑定前 {ROWS:,} 行、{COLUMNS} 列里的格子。"
        if spot and spot.formula is not None or place in self.computed:
            return "这一格是公式，Excel 自己会算，不用绑定。"
        if (first := self.anchors.get(place, place)) != place:
            return f"这一格合并在 {address(first)} 里，请绑定那一格。"
        if any(place in area for area in self.captions):
            return CAPTION
        return ""

    def hides_row(self, at: int) -> bool:
        return at in self.rows and self.rows[at].is_hidden

    def hides_column(self, at: int) -> bool:
        return any(first <= at <= last for first, last in self.hidden_columns)

    def extent(self) -> Place:
        """The last row and column that hold something."""
        filled = [place for place, spot in self.spots.items() if spot.text or spot.formula is not None]
        corners = [(area.bottom, area.right) for area in self.merged if area.bottom < LAST_ROW]
        places = filled + corners
        return (max((row for row, _ in places), default=1), max((column for _, column in places), default=1))


def address(place: Place) -> str:
    """(7, 2) is B7."""
    row, column = place
    letters = ""
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return f"{letters}{row}"


def read_address(text: str) -> Place | None:
    """B7, b7, $B$7; None for what is no cell of a sheet."""
    found = _AREA.match(text.strip().upper())
    if found is None or found[3]:
        return None
    place = (int(found[2]), column_of(found[1]) + 1)
    return place if 1 <= place[0] <= LAST_ROW and place[1] <= LAST_COLUMN else None


def _area(text: str) -> Area | None:
    found = _AREA.match(text)
    if found is None:
        return None
    top, left = int(found[2]), column_of(found[1]) + 1
    bottom, right = (int(found[4]), column_of(found[3]) + 1) if found[3] else (top, left)
    return Area(min(top, bottom), min(left, right), max(top, bottom), max(left, right))


def look_through(workbook: Workbook) -> list[Sheet]:
    """All sheets. Raises Refused: too much in them, broken, or formulas that no form may hold."""
    sheets: list[Sheet] = []
    for part in workbook.sheets:
        sheets.append(look(workbook, part))
        if sum(len(sheet.spots) for sheet in sheets) > CELLS_LIMIT:
            raise Refused(CROWDED)
        if sum(len(sheet.merged) for sheet in sheets) > AREAS_LIMIT:
            raise Refused(BUSY)
    return sheets


def look(workbook: Workbook, part: SheetPart) -> Sheet:
    """One sheet by itself; raises Refused likewise."""
    if workbook.package.getinfo(part.part).file_size > SMALL_PART:
        raise Refused(TOO_BIG)
    data = workbook.read_xml(part.part)
    sheet = Sheet(part.name, part.part, part.is_hidden, data)
    seer = _Seer(sheet)
    seer.parser.feed(data, True)
    if sheet.body.start < 0:
        raise Refused(BROKEN)
    for spot in sheet.spots.values():
        spot.text = _text(spot, workbook)
    sheet.captions = _captions(workbook, part)
    sheet.anchors, sheet.computed = _by_place(sheet.merged), _by_place(sheet.arrays)
    return sheet


def _captions(workbook: Workbook, part: SheetPart) -> list[Area]:
    """A table object names its columns once more beside the sheet, and the two have to say the same."""
    found = []
    for kind, target in relations(workbook.package, part.part).values():
        if not kind.endswith("/table") or target not in workbook.names:
            continue
        for _, each in elements(workbook.package, target, "table"):
            if area := _area(each.get("ref", "")):
                head, foot = small_number(each.get("headerRowCount", "1")), small_number(each.get("totalsRowCount", ""))
                found.append(Area(area.top, area.left, area.top + head - 1, area.right))
                found.append(Area(area.bottom - foot + 1, area.left, area.bottom, area.right))
    return found


def _by_place(areas: Sequence[Area]) -> dict[Place, Place]:
    """The first cell of the area that each cell is in. No spreadsheet lets them overlap; by the thousand that would cost."""
    found: dict[Place, Place] = {}
    for area in areas:
        for place in area.places():
            if place in found:
                raise Refused(UNUSUAL)
            found[place] = (area.top, area.left)
    return found


def _text(spot: Spot, workbook: Workbook) -> str:
    raw = spot.text
    if spot.kind == "s":
        at = int(raw) if raw.strip().isdecimal() else -1
        if not 0 <= at < len(workbook.texts.shared):
            raise Refused(BROKEN)
        return workbook.texts.shared[at] or ""
    if not raw or spot.kind not in ("n", "b"):
        return decoded(raw)
    if spot.kind == "b":
        return "FALSE" if raw == "0" else "TRUE"
    return workbook.texts.number(raw, spot.style)


class _Seer:
    """Follows a sheet's XML and notes where its rows and cells begin and end."""

    def __init__(self, sheet: Sheet) -> None:
        self.sheet, self.data = sheet, sheet.data
        self.row_number = self.column = self.links = 0
        self.row: Line | None = None
        self.spot: Spot | None = None
        self.collects = ""  # the element whose text is wanted
        self.words: list[str] = []
        self.is_aloud = False
        self.parser = SafeParser(self._start, self._end)
        self.parser.expat.CharacterDataHandler = self._characters

    @property
    def at(self) -> int:
        return self.parser.expat.CurrentByteIndex

    def _ended(self, start: int) -> tuple[int, bool]:
        """Where the element that ends now ends, and whether it is one tag only: no < stands inside a tag."""
        at = self.at
        if self.data[at - 2 : at] == b"/>" and self.data.find(b"<", start + 1, at) < 0:
            return at, True
        return self.data.index(b">", at) + 1, False

    def _start(self, name: str, each: dict[str, str]) -> None:
        if name == "c" and self.row is not None:
            self._start_cell(each)
        elif name == "row":
            self._start_row(each)
        elif name in FORMULAS or name in ("v", "t"):
            self._start_text(name, each)
        elif name == "rPh":
            self.is_aloud = True
        elif name == "sheetData":
            self.sheet.body.start = self.at
        else:
            self._note(name, each)

    def _note(self, name: str, each: dict[str, str]) -> None:
        """What stands around the cells."""
        sheet = self.sheet
        if name == "mergeCell":
            if area := _area(each.get("ref", "")):
                sheet.merged.append(area)
            if len(sheet.merged) > AREAS_LIMIT:
                raise Refused(BUSY)
        elif name == "hyperlink":
            self.links += 1
            if self.links > LINKS_LIMIT:
                raise Refused(BUSY)
        elif name == "col":
            first, last = small_number(each.get("min", "")), small_number(each.get("max", ""))
            if each.get("style"):
                sheet.column_styles.append((first, last, each["style"]))
            if each.get("hidden", "0") in ("1", "true"):
                sheet.hidden_columns.append((first, last))
            if len(sheet.column_styles) + len(sheet.hidden_columns) > AREAS_LIMIT:
                raise Refused(BUSY)
        elif name == "sheetProtection":
            sheet.is_protected = each.get("sheet", "0") in ("1", "true", "on")

    def _start_row(self, each: dict[str, str]) -> None:
        number = small_number(each.get("r", "")) or self.row_number + 1
        if self.row is not None or not self.row_number < number <= LAST_ROW:
            raise Refused(UNUSUAL)
        style = each.get("s", "") if each.get("customFormat", "0") in ("1", "true") else ""
        self.row_number, self.column = number, 0
        self.row = Line(self.at, style=style, is_hidden=each.get("hidden", "0") in ("1", "true"))
        self.sheet.rows[number] = self.row
        if len(self.sheet.rows) > CELLS_LIMIT:
            raise Refused(CROWDED)

    def _start_cell(self, each: dict[str, str]) -> None:
        found = LETTERS.match(each.get("r", ""))
        column = column_of(found[1]) + 1 if found else self.column + 1
        is_inside = self.spot is not None  # of another cell, which ends where we would not see it
        if is_inside or not self.column < column <= LAST_COLUMN or found and int(found[2]) != self.row_number:
            raise Refused(UNUSUAL)
        self.column = column
        self.spot = Spot(self.at, style=each.get("s", ""), kind=each.get("t", "n"))
        self.sheet.spots[self.row_number, column] = self.spot
        if self.row:
            self.row.columns.append(column)
        if len(self.sheet.spots) > CELLS_LIMIT:
            raise Refused(CROWDED)

    def _start_text(self, name: str, each: dict[str, str]) -> None:
        self.collects, self.words, self.begun = name, [], self.at
        if name == "f" and self.spot is not None:
            self.spot.formula = ""
            if each.get("t") in ("array", "dataTable") and (area := _area(each.get("ref", ""))):
                self.sheet.arrays.append(area)

    def _characters(self, text: str) -> None:
        if self.collects and not self.is_aloud:
            self.words.append(text)

    def _end(self, name: str) -> None:
        if name == self.collects:
            self._end_text(name)
        elif name == "rPh":
            self.is_aloud = False
        elif name == "c" and self.spot is not None:
            self.spot.end, _ = self._ended(self.spot.start)
            self.spot = None
        elif name == "row" and self.row is not None:
            self._close(self.row)
            self.row = None
        elif name == "sheetData":
            self._close(self.sheet.body)

    def _end_text(self, name: str) -> None:
        text, self.collects = "".join(self.words), ""
        if name in FORMULAS:
            check_formula(text)
        if self.spot is None:
            return
        if name == "f":
            self.spot.formula = text[:CELL_LIMIT]
        else:
            self.spot.text = (self.spot.text + text)[:CELL_LIMIT]
            if name == "v":
                self.spot.value = (self.begun, self._ended(self.begun)[0])

    def _close(self, line: Line) -> None:
        line.end, line.is_empty = self._ended(line.start)
        line.inner = self.at if not line.is_empty else line.end
