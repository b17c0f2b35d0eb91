"""Who cancels is heard also where a file's encoding is guessed, an old workbook is read or an export is packed."""

import codecs
import gc
import io
import tempfile
import zipfile

import pytest
import xlwt
from openpyxl import Workbook, load_workbook

from jobs.listening import Cancelled, LeaseLost, listening
from tables.exports import xlsx_to
from tables.readers import open_source, text
from tables.table import Column, Table

TABLE = Table("t", "表", (Column("code", "代码", needed=True), Column("name", "名称")))
ROWS = [["代码", "名称"], *([f"{number:04d}", f"第{number}户"] for number in range(2_000))]
TEXT = "\n".join(",".join(cells) for cells in ROWS)


class StopsAt:
    """A job that its owner cancels, or another worker takes, when it asks for the n-th time."""

    def __init__(self, times: int, stops: type[Exception] = Cancelled) -> None:
        self.times, self.stops, self.asked = times, stops, 0

    def check(self) -> None:
        self.asked += 1
        if self.asked >= self.times:
            raise self.stops


@pytest.fixture
def running():
    """`running(job)`: what is done from now on is that job's work."""

    def working(job: StopsAt) -> StopsAt:
        listening.set(job)
        return job

    before = listening.set(None)
    yield working
    listening.reset(before)


def files(folder):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.csv", TEXT.encode("gb18030"))
    (folder / "a.zip").write_bytes(packed.getvalue())
    (folder / "a.csv").write_bytes(TEXT.encode("gb18030"))
    (folder / "b.csv").write_bytes(codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"))
    book, old = Workbook(), xlwt.Workbook()
    sheet, old_sheet = book.active, old.add_sheet("表")
    for at, cells in enumerate(ROWS):
        sheet.append(cells)
        for column, cell in enumerate(cells):
            old_sheet.write(at, column, cell)
    book.save(folder / "a.xlsx")
    old.save(str(folder / "a.xls"))


@pytest.mark.parametrize("stops", [Cancelled, LeaseLost])
@pytest.mark.parametrize("name", ["a.csv", "b.csv", "a.zip", "a.xlsx", "a.xls"])
def test_it_is_heard_while_a_file_is_opened(tmp_path, monkeypatch, running, name, stops):
    monkeypatch.setattr(text, "CHUNK", 4_096)
    files(tmp_path)
    calm = running(StopsAt(10**9))
    assert sum(map(len, open_source(tmp_path / name, TABLE).blocks())) == 2_000  # the control
    assert calm.asked > 2
    for times in (1, 2, calm.asked // 2):
        running(StopsAt(times, stops))
        with pytest.raises(stops):
            sum(map(len, open_source(tmp_path / name, TABLE).blocks()))


def test_it_is_heard_while_a_workbook_is_packed_and_nothing_stays_behind(tmp_path, monkeypatch, running, recwarn):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    rows = [[f"91440300MA{number:08d}", f"第{number}户"] for number in range(20_000)]
    calm = running(StopsAt(10**9))
    with tempfile.TemporaryFile() as file:
        xlsx_to(file, "表", ["代码", "名称"], rows)
        assert load_workbook(file, read_only=True).active.max_row == 20_001
    for times in (1, 2, calm.asked - 1):
        running(StopsAt(times))
        with tempfile.TemporaryFile() as file, pytest.raises(Cancelled):
            xlsx_to(file, "表", ["代码", "名称"], rows)
        gc.collect()
        assert not list(tmp_path.iterdir())
    assert not [warning for warning in recwarn if "xlsx" in str(warning.message).lower()]
