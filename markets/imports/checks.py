"""Blocks of rows judged column by column: what is right goes on as typed columns, what is wrong is told by cell.

Columns with few distinct texts (types, dates, places …) go through texts.py once for each distinct text; codes, names
and addresses are checked as whole columns.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import polars as pl

from markets import codes
from markets.imports import texts
from markets.imports.claims import Claims
from markets.imports.columns import as_told, either, replaced
from markets.imports.places import Place, Places, PlaceWrong, Scope
from markets.imports.texts import Wrong
from markets.pinyin import initials
from markets.tables import BUSINESSES
from tables.cells import BAD_TEXT, BEYOND, FORMULA_ERROR, GARBLED, SURPLUS, UNSOLVED, read, under, unreadable
from tables.doctor import SPACE, damage
from tables.errors import Errors, Kind
from tables.mapping import unnamed
from tables.readers import Block, Refused, Source

HOPELESS = 300_000  # rows: where not one of the first so many is right, the file is not what it is taken for
REMEMBERED = 200_000  # distinct texts of a column; beyond, what was learnt is forgotten and learnt again
INVISIBLE = r"[\x00-\x1f\x7f\u00a0\u00ad\u200b-\u200f\u2028-\u202e\u2060\u3000\ufeff]|  "
PLAIN_CODE = r"^[0-9A-HJ-NPQRTUWXY]{18}$"
SEPARATOR = "\x1f"
WAITING = ("待分派", "直属/待分派")


class Checker:
    """Judges the blocks of one file. `check` returns the rows that may go on, typed; `errors` holds the others."""

    def __init__(self, *, source: Source, errors: Errors, scope: Scope) -> None:
        self.source, self.errors, self.scope = source, errors, scope
        self.places = Places()
        self.learnt: dict[str, dict[str, tuple]] = {}
        self.odd: dict[str, str] = {}  # of the column looked up last: repaired texts with their rule
        self.lost: list[tuple[int, str, str, str]] = []  # row, column, digits and name where a code lost its end
        self.unread: list[tuple[int, str]] = []  # row and name where no code can be read
        self.beside: list[tuple[int, str]] = []  # row and code: codes that stand beside one that cannot be read
        self.last_said: dict[str, str] = {}  # of the rows before this block: what a merged cell may go on with
        self.zeros_lost: bool | None = None  # in the column of industry codes; known once some were seen
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
        self._surplus()
        columns: dict[str, pl.Series] = {"row": pl.Series(block.numbers, dtype=pl.Int32)}
        columns |= self._codes()
        if "predecessor" in self.source.mapping:
            columns["predecessor"] = self._code_column("predecessor")[0]
        for key in ("name", "address"):
            columns[key] = self._text(key)
        columns["name_pinyin"] = initials(columns["name"])
        columns |= self._type_and_scale()
        columns["status"] = self._learn("status", texts.status, pl.String)
        columns["industry"] = self._learn("industry", self._industry(), pl.String, mends=texts.industry_damage)
        columns["registered_on"] = self._learn(
            "registered_on", texts.date, pl.Date, mends=lambda text, _: damage(text, "date")
        )
        columns["employees"] = self._heads("employees")
        columns |= self._members()
        placed, inside = self._placed()
        columns |= placed
        out = ~self.bad & ~inside
        self._out_of_scope(out)
        self.rows += len(block)
        self.wrong += int(self.bad.sum())
        if self.wrong == self.rows >= HOPELESS:
            raise Refused(
                f"前 {self.rows:,} 行没有一行是对的，系统不再往下读。请核对文件的内容和每一列对应的项目，再重新上传。"
            )
        self.wrong_rows.append(block.numbers[self.bad])
        self.out_rows.append(block.numbers[out])
        return pl.DataFrame(columns | {"out": pl.Series(out)}).filter(pl.Series(~self.bad))

    def _surplus(self) -> None:
        beyond = np.isin(self.block.numbers, list(self.block.surplus))
        if beyond.any():
            rows = self.block.numbers[beyond]
            values = [unnamed(self.block.surplus[int(row)], BUSINESSES) for row in rows]
            self.errors.add(Kind.WRONG, rows, BEYOND, values, SURPLUS)
            self.bad |= beyond

    def cells(self, key: str) -> pl.Series:
        """A column's cells as the file has them; all None where the file has no such column."""
        at = self.source.mapping.get(key)
        return pl.Series([None] * len(self.block), dtype=pl.String) if at is None else self.block.columns[at]

    def label(self, key: str) -> str:
        return self.source.label(key) or BUSINESSES.by_key[key].label

    def _tell(self, key: str, wrong: np.ndarray, reasons, suggestions="") -> None:
        """Cells of a column that cannot be taken: the mask says which, `reasons` one for all or one for each."""
        if wrong.any():
            at = np.flatnonzero(wrong)
            values = as_told(key, self.cells(key).gather(at))
            self.errors.add(Kind.WRONG, self.block.numbers[at], self.label(key), values, reasons, suggestions)
            self.bad |= wrong

    def _mended(self, key: str, at: np.ndarray, after: pl.Series, rules: list[str] | pl.Series) -> None:
        """Cells that were read as something else than what stands in them."""
        if len(at):
            before, rules = self.cells(key).gather(at), pl.Series(rules, dtype=pl.String)
            self.errors.repairs.add(self.block.numbers[at], self.label(key), before, after, rules)

    def _above(self, key: str, at: np.ndarray) -> tuple[list[str], list[str]]:
        """For blank cells that may belong to a merged one: what stands above them, in words and as a suggestion."""
        cells = self.cells(key)
        above = cells.fill_null(strategy="forward")
        found = [above[int(each)] or self.last_said.get(key, "") for each in at]
        return [f"。如果上面是合并单元格，应是「{text[:40]}」" if text else "" for text in found], found

    # --- columns with few distinct texts -----------------------------------------------------------------------------

    def _lookup(
        self, name: str, series: pl.Series, parse: Callable, dtype, mends: Callable | None = None
    ) -> tuple[pl.Series, pl.Series]:
        """Value and reason for each cell; `parse` and `mends` see every distinct text once."""
        known = self.learnt.setdefault(name, {})
        if len(known) > REMEMBERED:
            known.clear()
        distinct = series.drop_nulls().unique().to_list()
        for text in distinct:
            if text not in known:
                value, reason = read(parse, text)
                known[text] = (value, reason, mends(text, value) if mends and value is not None else None)
        self.odd = {text: known[text][2] for text in distinct if known[text][2]}
        found = pl.DataFrame(
            {
                "text": pl.Series(distinct, dtype=pl.String),
                "value": pl.Series([known[text][0] for text in distinct], dtype=dtype),
                "reason": pl.Series([known[text][1] for text in distinct], dtype=pl.String),
            }
        )
        joined = series.alias("text").to_frame().join(found, on="text", how="left", maintain_order="left")
        return joined["value"], joined["reason"]

    def _learn(
        self, key: str, parse: Callable, dtype, *, needed: bool = False, mends: Callable | None = None
    ) -> pl.Series:
        if key not in self.source.mapping:
            return pl.Series([None] * len(self.block), dtype=dtype)
        cells = self.cells(key)
        values, reasons = self._lookup(key, cells, parse, dtype, mends)
        if self.odd:
            at = np.flatnonzero(cells.is_in(list(self.odd)).fill_null(False).to_numpy())
            rules = cells.gather(at).replace_strict(self.odd, return_dtype=pl.String)
            self._mended(key, at, values.gather(at).cast(pl.String), rules)
        wrong = reasons.is_not_null()
        if wrong.any():
            self._tell(key, wrong.to_numpy(), reasons.drop_nulls())
        if needed:
            blank = (values.is_null() & ~wrong).to_numpy()
            if blank.any():
                words, above = self._above(key, np.flatnonzero(blank))
                needs = f"「{BUSINESSES.by_key[key].label}」必须填写"
                self._tell(key, blank, [needs + word for word in words], above)
            self._remember(key)
        return values

    def _remember(self, key: str) -> None:
        said = self.cells(key).drop_nulls()
        if len(said):
            self.last_said[key] = said[-1]

    def _heads(self, key: str) -> pl.Series:
        parse = under(self.label(key), texts.head_count)
        return self._learn(key, parse, pl.Int32, mends=lambda text, _: damage(text, "integer"))

    def _industry(self) -> Callable:
        """How codes of the column are read: three digits among four-digit ones have lost their zero."""
        if self.zeros_lost is None and "industry" in self.source.mapping:
            lengths = self.cells("industry").drop_nulls().str.extract(r"^\s*([0-9]{3,4})(?:\.0)?\s*$", 1).drop_nulls()
            if len(lengths):
                self.zeros_lost = int((lengths.str.len_bytes() == 4).sum()) * 2 > len(lengths)
        return texts.industry_without_zero if self.zeros_lost else texts.industry

    # --- code, name, address -----------------------------------------------------------------------------------------

    def _codes(self) -> dict[str, pl.Series]:
        """Credit code and old number, wherever of the two columns they stand; and who claims them."""
        first, first_wrong = self._code_column("code")
        second, second_wrong = self._code_column("legacy")
        wrong = first_wrong | second_wrong
        none = first.is_null().to_numpy() & second.is_null().to_numpy() & ~wrong
        self._tell("code" if "code" in self.source.mapping else "legacy", none, "统一社会信用代码（或注册号）必须填写")
        self._unread(wrong | none, first, second)
        is_long = [series.str.len_bytes() == codes.LENGTH for series in (first, second)]
        uscc = either(first, is_long[0], second, is_long[1])
        legacy = either(first, ~is_long[0], second, ~is_long[1])
        for series, claims in ((uscc, self.claims), (legacy, self.legacy_claims)):
            claiming = series.is_not_null().to_numpy() & ~wrong
            claims.add(series.filter(pl.Series(claiming)).to_list(), self.block.numbers[claiming])
        return {"uscc": uscc, "legacy_registration_no": legacy}

    def _unread(self, mask: np.ndarray, *read: pl.Series) -> None:
        at = np.flatnonzero(mask)
        rows = self.block.numbers[at].tolist()
        self.unread += zip(rows, (texts.clean(name) or "" for name in self.cells("name").gather(at)), strict=True)
        for each in read:
            self.beside += [(row, code) for row, code in zip(rows, each.gather(at), strict=True) if code]

    def _code_column(self, key: str) -> tuple[pl.Series, np.ndarray]:
        cells = self.cells(key)
        if key not in self.source.mapping:
            return cells, np.zeros(len(cells), dtype=bool)
        plain = cells.str.contains(PLAIN_CODE).fill_null(False)
        odd = np.flatnonzero((~plain & cells.is_not_null()).to_numpy())
        if len(odd):
            cells = replaced(cells, odd, [texts.code(text) for text in cells.gather(odd).to_list()])
            plain = cells.str.contains(PLAIN_CODE).fill_null(False)
        right = np.zeros(len(cells), dtype=bool)
        at = np.flatnonzero(plain.to_numpy())
        if len(at):
            right[at] = codes.check_uscc(codes.as_matrix(cells.gather(at).to_list()))
        right[odd] |= np.array([codes.is_legacy(text or "") for text in cells.gather(odd)], bool)
        wrong = cells.is_not_null().to_numpy() & ~right
        self._mended_codes(key, odd[right[odd]], cells)
        if wrong.any():
            self._wrong_codes(key, wrong, cells)
        return cells.set(pl.Series(wrong), None) if wrong.any() else cells, wrong

    def _mended_codes(self, key: str, at: np.ndarray, cells: pl.Series) -> None:
        at = at[(self.cells(key).gather(at) != cells.gather(at)).to_numpy()]
        rules = [damage(text, "code") or SPACE for text in self.cells(key).gather(at).to_list()]
        self._mended(key, at, cells.gather(at), rules)

    def _wrong_codes(self, key: str, wrong: np.ndarray, cells: pl.Series) -> None:
        """Tells of wrong codes, with what the check digit or the registry's own row makes of them."""
        reasons, suggestions = [], []
        names = self.cells("name")
        for at in np.flatnonzero(wrong):
            code = cells[int(at)]
            meant, how = codes.proposal(code)
            if key != "predecessor" and (digits := codes.lost_digits(code)):  # nothing but the registry knows them
                meant, name = "", texts.clean(names[int(at)])
                self.lost.append((int(self.block.numbers[at]), self.label(key), digits, name or ""))
            reason = unreadable(code) or codes.code_problem(code) + (how if meant else "")
            reasons.append(reason)  # alike for many rows: they are grouped
            suggestions.append(meant)
        self._tell(key, wrong, reasons, suggestions)

    def _text(self, key: str) -> pl.Series:
        raw = self.cells(key)
        cells = raw.str.strip_chars()
        odd = np.flatnonzero(
            (raw.str.contains(INVISIBLE) | (cells.str.len_bytes() < 8) | cells.str.contains(r"^['‘’]"))
            .fill_null(False)
            .to_numpy()
        )
        if len(odd):
            cells = replaced(cells, odd, [texts.clean(text) for text in raw.gather(odd).to_list()])
            changed = (cells.gather(odd) != raw.gather(odd)).fill_null(False).to_numpy()
            rules = [damage(text, "text") if say else None for text, say in zip(raw.gather(odd), changed, strict=True)]
            told = np.array([rule is not None for rule in rules])
            self._mended(key, odd[told], cells.gather(odd[told]), [rule for rule in rules if rule])
        long = (cells.str.len_chars() > texts.too_long(key)).fill_null(False).to_numpy()
        self._tell(key, long, f"超过 {texts.too_long(key)} 个字，请缩短")
        self._tell(key, cells.str.contains(BAD_TEXT).fill_null(False).to_numpy(), GARBLED)
        self._tell(key, cells.str.contains(FORMULA_ERROR).fill_null(False).to_numpy(), UNSOLVED)
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
        full = self._heads("full_members")
        probationary = self._heads("probationary_members")
        together = self._heads("members_incl_probationary")
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
                self._tell_place(key, wrong.to_numpy(), found["reason"].filter(wrong))
            self._remember(key)
        placed = {name: found[name] for name in PLACE_SCHEMA if name not in ("wrong", "reason", "inside")}
        return placed, found["inside"].fill_null(False).to_numpy()

    def _tell_place(self, key: str, wrong: np.ndarray, reasons: pl.Series) -> None:
        """Where a row says nothing of its place, the row above may have said it for both."""
        key = next((each for each in (key, "street", "office") if each in self.source.mapping), key)
        at = np.flatnonzero(wrong)
        blank = self.cells(key).gather(at).is_null().to_list()
        words, above = self._above(key, at)
        told = [reason + (word if none else "") for reason, word, none in zip(reasons, words, blank, strict=True)]
        self._tell(key, wrong, told, [text if none else "" for text, none in zip(above, blank, strict=True)])

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
