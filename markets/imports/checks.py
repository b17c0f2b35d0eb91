"""Blocks of rows judged column by column: what is right goes on as typed columns, what is wrong is told by cell.

Columns with few distinct texts (types, dates, places …) go through texts.py once for each distinct text; codes, names
and addresses are checked as whole columns.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl

from markets import codes
from markets.imports import texts
from markets.imports.places import Place, Places, PlaceWrong, Scope
from markets.imports.texts import Wrong
from markets.pinyin import initials
from markets.tables import BUSINESSES
from tables.errors import Errors, Kind
from tables.readers import Block, Source

REMEMBERED = 200_000  # distinct texts of a column; beyond, what was learnt is forgotten and learnt again
INVISIBLE = r"[\x00-\x1f\x7f\u00a0\u00ad\u200b-\u200f\u2028-\u202e\u2060\u3000\ufeff]|  "
GARBLED = "文字已损坏（出现 �），请用原系统重新导出，或另存为 UTF-8 编码"
PLAIN_CODE = r"^[0-9A-HJ-NPQRTUWXY]{18}$"
SEPARATOR = "\x1f"
WAITING = ("待分派", "直属/待分派")
HASH_FACTOR = np.uint64(0x9E3779B97F4A7C15)  # odd, so that no bit is lost


@dataclass
class Claims:
    """Which codes the rows read so far carry, to find duplicates when all are read. 30 bytes a row."""

    codes: list[np.ndarray] = field(default_factory=list)
    rows: list[np.ndarray] = field(default_factory=list)

    def add(self, claimed: list[str], rows: np.ndarray) -> None:
        if len(claimed):
            self.codes.append(np.array(claimed, dtype="S18"))
            self.rows.append(rows.astype(np.int32))

    def later(self) -> list[tuple[int, int, str]]:
        """Rows whose code an earlier row carries: (row, the first row with that code, the code)."""
        if not self.codes:
            return []
        claimed, rows = np.concatenate(self.codes), np.concatenate(self.rows)
        letters = claimed.view(np.uint8).reshape(-1, codes.LENGTH)
        # A hash first, because sorting numbers is an order faster than sorting texts; equal codes have equal hashes.
        mixed = np.zeros(len(letters), np.uint64)
        for at in range(codes.LENGTH):
            mixed = mixed * HASH_FACTOR + letters[:, at]
        order = np.argsort(mixed, kind="stable")
        same = mixed[order][1:] == mixed[order][:-1]
        return _later_in_runs(order, same, claimed, rows)


def _later_in_runs(order, same, claimed, rows) -> list[tuple[int, int, str]]:
    """Within each run of equal hashes: the rows that are not the first of their code."""
    ends = np.flatnonzero(same)
    members = order[np.unique(np.concatenate([ends, ends + 1]))]
    first_row: dict[bytes, int] = {}
    later = []
    for at in members[np.argsort(rows[members], kind="stable")]:
        code, row = claimed[at], int(rows[at])
        first = first_row.setdefault(code, row)
        if first != row:
            later.append((row, first, code.decode()))
    return later


class Checker:
    """Judges the blocks of one file. `check` returns the rows that may go on, typed; `errors` holds the others."""

    def __init__(self, *, source: Source, errors: Errors, scope: Scope) -> None:
        self.source, self.errors, self.scope = source, errors, scope
        self.places = Places()
        self.learnt: dict[str, dict[str, tuple]] = {}
        self.claims, self.legacy_claims = Claims(), Claims()
        self.rows = self.wrong = self.out_of_scope = 0
        self.wrong_rows: list[np.ndarray] = []
        self.out_rows: list[np.ndarray] = []

    def wrong_among(self, rows: list[int]) -> int:
        return sum(int(np.isin(part, rows).sum()) for part in self.wrong_rows)

    def out_among(self, rows: list[int]) -> int:
        return sum(int(np.isin(part, rows).sum()) for part in self.out_rows)

    # --- one block ---------------------------------------------------------------------------------------------------

    def check(self, block: Block) -> pl.DataFrame:
        self.block = block
        self.bad = np.zeros(len(block), dtype=bool)
        columns: dict[str, pl.Series] = {"row": pl.Series(block.numbers, dtype=pl.Int32)}
        columns |= self._codes()
        for key in ("name", "address"):
            columns[key] = self._text(key)
        columns["name_pinyin"] = initials(columns["name"])
        columns |= self._type_and_scale()
        columns["status"] = self._learn("status", texts.status, pl.String)
        columns["industry"] = self._learn("industry", texts.industry, pl.String)
        columns["registered_on"] = self._learn("registered_on", texts.date, pl.Date)
        columns["employees"] = self._learn("employees", texts.head_count, pl.Int32)
        columns |= self._members()
        placed, inside = self._placed()
        columns |= placed
        out = ~self.bad & ~inside
        self._out_of_scope(out)
        self.rows += len(block)
        self.wrong += int(self.bad.sum())
        self.wrong_rows.append(block.numbers[self.bad])
        self.out_rows.append(block.numbers[out])
        return pl.DataFrame(columns).filter(pl.Series(~self.bad & ~out))

    def cells(self, key: str) -> pl.Series:
        """A column's cells as the file has them; all None where the file has no such column."""
        at = self.source.mapping.get(key)
        return pl.Series([None] * len(self.block), dtype=pl.String) if at is None else self.block.columns[at]

    def label(self, key: str) -> str:
        return self.source.label(key) or BUSINESSES.by_key[key].label

    def _tell(self, key: str, wrong: np.ndarray, reasons) -> None:
        """Cells of a column that cannot be taken: the mask says which, `reasons` one for all or one for each."""
        if wrong.any():
            at = np.flatnonzero(wrong)
            values = self.cells(key).gather(at)
            self.errors.add(Kind.WRONG, self.block.numbers[at], self.label(key), values, reasons)
            self.bad |= wrong

    # --- columns with few distinct texts -----------------------------------------------------------------------------

    def _lookup(self, name: str, series: pl.Series, parse: Callable, dtype) -> tuple[pl.Series, pl.Series]:
        """Value and reason for each cell; `parse` sees every distinct text once."""
        known = self.learnt.setdefault(name, {})
        if len(known) > REMEMBERED:
            known.clear()
        distinct = series.drop_nulls().unique().to_list()
        for text in distinct:
            if text not in known:
                known[text] = _said(parse, text)
        found = pl.DataFrame(
            {
                "text": pl.Series(distinct, dtype=pl.String),
                "value": pl.Series([known[text][0] for text in distinct], dtype=dtype),
                "reason": pl.Series([known[text][1] for text in distinct], dtype=pl.String),
            }
        )
        joined = series.alias("text").to_frame().join(found, on="text", how="left", maintain_order="left")
        return joined["value"], joined["reason"]

    def _learn(self, key: str, parse: Callable, dtype, *, needed: bool = False) -> pl.Series:
        if key not in self.source.mapping:
            return pl.Series([None] * len(self.block), dtype=dtype)
        values, reasons = self._lookup(key, self.cells(key), parse, dtype)
        wrong = reasons.is_not_null()
        if wrong.any():
            self._tell(key, wrong.to_numpy(), reasons.drop_nulls())
        if needed:
            blank = (values.is_null() & ~wrong).to_numpy()
            self._tell(key, blank, f"「{BUSINESSES.by_key[key].label}」必须填写")
        return values

    # --- code, name, address -----------------------------------------------------------------------------------------

    def _codes(self) -> dict[str, pl.Series]:
        """Credit code and old number, wherever of the two columns they stand; and who claims them."""
        first, first_wrong = self._code_column("code")
        second, second_wrong = self._code_column("legacy")
        wrong = first_wrong | second_wrong
        none = first.is_null().to_numpy() & second.is_null().to_numpy() & ~wrong
        self._tell("code" if "code" in self.source.mapping else "legacy", none, "统一社会信用代码（或注册号）必须填写")
        is_long = [series.str.len_bytes() == codes.LENGTH for series in (first, second)]
        uscc = _either(first, is_long[0], second, is_long[1])
        legacy = _either(first, ~is_long[0], second, ~is_long[1])
        for series, claims in ((uscc, self.claims), (legacy, self.legacy_claims)):
            claiming = series.is_not_null().to_numpy() & ~wrong
            claims.add(series.filter(pl.Series(claiming)).to_list(), self.block.numbers[claiming])
        return {"uscc": uscc, "legacy_registration_no": legacy}

    def _code_column(self, key: str) -> tuple[pl.Series, np.ndarray]:
        cells = self.cells(key)
        if key not in self.source.mapping:
            return cells, np.zeros(len(cells), dtype=bool)
        plain = cells.str.contains(PLAIN_CODE).fill_null(False)
        odd = np.flatnonzero((~plain & cells.is_not_null()).to_numpy())
        if len(odd):
            mended = [_clean_code(text) for text in cells.gather(odd).to_list()]
            cells = _with(cells, odd, mended)
            plain = cells.str.contains(PLAIN_CODE).fill_null(False)
        right = np.zeros(len(cells), dtype=bool)
        at = np.flatnonzero(plain.to_numpy())
        if len(at):
            right[at] = codes.check_uscc(codes.as_matrix(cells.gather(at).to_list()))
        right |= cells.str.contains(r"^[0-9]{15}$").fill_null(False).to_numpy()
        wrong = cells.is_not_null().to_numpy() & ~right
        reasons = [codes.code_problem(code) for code in cells.filter(pl.Series(wrong)).to_list()]
        self._tell(key, wrong, reasons)
        return cells.set(pl.Series(wrong), None) if wrong.any() else cells, wrong

    def _text(self, key: str) -> pl.Series:
        cells = self.cells(key).str.strip_chars()
        odd = np.flatnonzero(
            (cells.str.contains(INVISIBLE) | (cells.str.len_bytes() < 8) | cells.str.contains(r"^['‘’]"))
            .fill_null(False)
            .to_numpy()
        )
        if len(odd):
            cells = _with(cells, odd, [texts.clean(text) for text in cells.gather(odd).to_list()])
        long = (cells.str.len_chars() > texts.too_long(key)).fill_null(False).to_numpy()
        self._tell(key, long, f"超过 {texts.too_long(key)} 个字，请缩短")
        garbled = cells.str.contains("�", literal=True).fill_null(False).to_numpy()
        self._tell(key, garbled, GARBLED)
        if key == "name":
            self._tell(key, cells.is_null().to_numpy(), "「名称」必须填写")
        return cells

    # --- type, scale, members ----------------------------------------------------------------------------------------

    def _type_and_scale(self) -> dict[str, pl.Series]:
        cells = self.cells("entity_type")
        kinds = self._learn("entity_type", lambda text: texts.entity_type(text)[0], pl.String, needed=True)
        told, _ = self._lookup("type's scale", cells, lambda text: texts.entity_type(text)[1], pl.String)
        only, _ = self._lookup("only scale", cells, lambda text: texts.entity_type(text)[2], pl.Boolean)
        written, _ = self._lookup("type as written", cells, lambda text: text, pl.String)
        long = (written.str.len_chars() > texts.too_long("entity_type_text")).fill_null(False).to_numpy()
        self._tell("entity_type", long & ~self.bad, f"超过 {texts.too_long('entity_type_text')} 个字，请缩短")
        scales = self._learn("scale", texts.scale, pl.String)
        said, _ = self._lookup("scale said", self.cells("scale"), lambda text: True, pl.Boolean)
        return {
            "entity_type": kinds,
            "entity_type_text": written,
            "only_scale": only.fill_null(False),
            "scale": scales.zip_with(scales.is_not_null() | said.fill_null(False), told),
        }

    def _members(self) -> dict[str, pl.Series]:
        """Head-counts of members. `heads` says whether the row carried any at all."""
        full = self._learn("full_members", texts.head_count, pl.Int32)
        probationary = self._learn("probationary_members", texts.head_count, pl.Int32)
        together = self._learn("members_incl_probationary", texts.head_count, pl.Int32)
        summed = full + probationary
        too_many = [(each > together).fill_null(False).to_numpy() for each in (full, probationary, summed)]
        self._tell("full_members", too_many[0], "正式党员数多于党员人数（含预备），请核对")
        self._tell("probationary_members", too_many[1] & ~too_many[0], "预备党员数多于党员人数（含预备），请核对")
        contradicted = too_many[2] & ~too_many[0] & ~too_many[1]
        self._tell("members_incl_probationary", contradicted, "少于正式党员数与预备党员数之和，请核对")
        return {
            "full_members": full,
            "members_incl_probationary": together.zip_with(together.is_not_null(), summed),
            "heads": full.is_not_null() | probationary.is_not_null() | together.is_not_null(),
        }

    # --- places ------------------------------------------------------------------------------------------------------

    def _placed(self) -> tuple[dict[str, pl.Series], np.ndarray]:
        keys = ("district", "street", "office", "market")
        said = pl.DataFrame({key: self.cells(key).fill_null("") for key in keys})
        joined = said.select(pl.concat_str(keys, separator=SEPARATOR))[keys[0]]
        known = self.learnt.setdefault("place", {})
        if len(known) > REMEMBERED:
            known.clear()
        distinct = joined.unique().to_list()
        for text in distinct:
            if text not in known:
                known[text] = self._find(text)
        table = pl.DataFrame([known[text] for text in distinct], schema=PLACE_SCHEMA, orient="row").with_columns(
            said=pl.Series(distinct, dtype=pl.String)
        )
        found = joined.alias("said").to_frame().join(table, on="said", how="left", maintain_order="left")
        for key in keys:
            wrong = (found["wrong"] == key).fill_null(False)
            if wrong.any():
                self._tell(key, wrong.to_numpy(), found["reason"].filter(wrong))
        placed = {name: found[name] for name in PLACE_SCHEMA if name not in ("wrong", "reason", "inside")}
        return placed, found["inside"].fill_null(False).to_numpy()

    def _find(self, said: str) -> tuple:
        district, street, office, market = (texts.clean(text) for text in said.split(SEPARATOR))
        try:
            place = self.places.find(district, street, None if office in WAITING else office)
        except PlaceWrong as wrong:
            return (*[None] * 7, False, wrong.key, str(wrong))
        if office in WAITING:  # said outright, so that no office follows from the street
            place = replace(place, guidance_station=None, by="waiting")
        market_id, blamed, reason = None, None, None
        if market:
            try:
                market_id = self.places.find_market(market, place)
            except Wrong as wrong:
                blamed, reason = "market", str(wrong)
        return (*_columns(place), market_id, self.scope.holds(place), blamed, reason)

    def _out_of_scope(self, out: np.ndarray) -> None:
        if not out.any():
            return
        self.out_of_scope += int(out.sum())
        reason = "不在您的权限范围内，请由所在区或指导站的登记人员导入"
        left = out.copy()
        for key in ("office", "street", "district"):  # the column that said where the row stands
            said = self._lookup(f"{key} said", self.cells(key), lambda text: True, pl.Boolean)[0]
            here = left & said.fill_null(False).to_numpy()
            left &= ~here
            if here.any():
                at = np.flatnonzero(here)
                values = self.cells(key).gather(at)
                self.errors.add(Kind.OUT_OF_SCOPE, self.block.numbers[at], self.label(key), values, reason)


PLACE_SCHEMA = {
    "district_committee_id": pl.Int64,
    "guidance_station_id": pl.Int64,
    "district_id": pl.Int64,
    "street_id": pl.Int64,
    "placed_by": pl.String,
    "street_said": pl.Boolean,
    "market_id": pl.Int64,
    "inside": pl.Boolean,
    "wrong": pl.String,
    "reason": pl.String,
}


def _columns(place: Place) -> tuple:
    return (place.district_committee, place.guidance_station, place.district, place.street, place.by, place.street_said)


def _said(parse: Callable, text: str) -> tuple:
    """What `parse` makes of a text: (value, None) or (None, reason); blank texts have neither."""
    if "\ufffd" in text:
        return None, GARBLED
    cleaned = texts.clean(text)
    if cleaned is None:
        return None, None
    try:
        return parse(cleaned), None
    except Wrong as wrong:
        return None, str(wrong)


def _with(cells: pl.Series, at: np.ndarray, mended: list[str | None]) -> pl.Series:
    """A copy with other texts at some places: the file's own cells are still needed to tell of errors."""
    return cells.clone().scatter(at, pl.Series(mended, dtype=pl.String))


def _clean_code(text: str) -> str | None:
    cleaned = texts.clean(text)
    return codes.clean_code(cleaned) or None if cleaned else None


def _either(first: pl.Series, takes_first: pl.Series, second: pl.Series, takes_second: pl.Series) -> pl.Series:
    """The first column's code where it is of the wanted kind, else the second's."""
    mine = first.zip_with(takes_first.fill_null(False), pl.Series([None] * len(first), dtype=pl.String))
    other = second.zip_with(takes_second.fill_null(False), pl.Series([None] * len(second), dtype=pl.String))
    return mine.zip_with(mine.is_not_null(), other)
