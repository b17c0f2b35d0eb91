"""Files of three systems in any order, against the same rules written as plain Python, one cell at a time."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from markets.models import Business, SourceDifference
from markets.sources import FILES, UNTOLD, Source, may_write
from tables.register import EFFECTS
from tests.markets import files

CELLS = {
    "name": ("名称", st.sampled_from(["甲商行", "乙商行", "丙商行"])),
    "employees": ("从业人数", st.sampled_from(["", "5", "12", "30"])),
    "registered_on": ("成立日期", st.sampled_from(["", "2020-01-02", "2021-03-04"])),
    "address": ("住所", st.sampled_from(["", "示例路一号", "示例路二号"])),
    "status": ("经营状态", st.sampled_from(["", "存续", "歇业"])),
}
STATUSES = {"存续": "active", "歇业": "dormant"}
ROW = st.fixed_dictionaries({key: values for key, (_, values) in CELLS.items()})
FILES_SENT = st.lists(st.tuples(st.sampled_from(FILES), ROW), min_size=1, max_size=5)


class Model:
    """One business by the rules."""

    def __init__(self) -> None:
        self.stands: dict[str, tuple[str, str]] = {}  # column → value, source
        self.differs: dict[tuple[str, str], str] = {}  # column, source → value

    def read(self, source: str, row: dict[str, str]) -> None:
        if not self.stands:
            self.stands["status"] = ("active", UNTOLD)
        for column, said in row.items():
            if said:
                self._cell(column, source, STATUSES.get(said, said))

    def _cell(self, column: str, source: str, said: str) -> None:
        value, holder = self.stands.get(column, ("", ""))
        if not value or holder == UNTOLD:
            self.stands[column] = (said, source)
        elif said == value:
            if may_write(column, source, holder):
                self.stands[column] = (value, source)
        elif may_write(column, source, holder):
            self.stands[column] = (said, source)
            if holder != source:
                self.differs[column, holder] = value
        else:
            self.differs[column, source] = said
        stands = self.stands[column][0]
        if said == stands:
            self.differs.pop((column, source), None)
        self.differs = {key: told for key, told in self.differs.items() if key[0] != column or told != stands}

    def provenance(self) -> dict[str, str]:
        return {column: str(source) for column, (_, source) in self.stands.items() if source != Source.REGISTRATION}


def as_text(business: Business, column: str) -> str:
    value = getattr(business, column)
    return "" if value is None else str(value)


@pytest.mark.django_db(transaction=True)  # temporary tables of hundreds of imports hold locks until it ends
@settings(max_examples=20, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sent=FILES_SENT)
def test_files_of_three_systems_in_any_order(sent, registrar, tmp_path):
    code, model = files.make_code(), Model()
    for source, cells in sent:
        row = files.make_row(统一社会信用代码=code) | {CELLS[key][0]: text for key, text in cells.items()}
        path = files.write(tmp_path / "file.csv", [row])
        before = dict(model.differs)
        answer = files.import_file(path, registrar, f"--source={source}")
        model.read(source, cells)
        anew = [key for key, value in model.differs.items() if before.get(key) != value]
        assert answer["differences"] == len(anew), sent
        assert answer["settled"] == len(before.keys() - model.differs.keys()), sent
        business = Business.objects.get(uscc=code)
        for column in CELLS:
            assert as_text(business, column) == model.stands.get(column, ("", ""))[0], (column, sent)
        ours = {key: source for key, source in business.provenance.items() if key in CELLS}
        assert ours == model.provenance(), sent
        told = SourceDifference.objects.filter(business=business, column__in=CELLS)
        assert {(d.column, d.source): d.value for d in told} == model.differs, sent
        again = files.import_file(path, registrar, f"--source={source}")
        assert not any(again[effect] for effect in EFFECTS), sent
