"""What is wrong with a file's rows, gathered in a temporary table: a file may have more errors than memory."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import polars as pl
from django.db import connection

from tables.copying import copy_in
from tables.models import Batch, RowError, RowRepair
from tables.readers import Mended, place

VALUE_SHOWN = 200  # characters of a wrong cell that are kept
FLUSH = 20_000
REPAIRS_KEPT = 10_000  # of each rule; counted are all
Kind = RowError.Kind
Texts = Sequence[str] | Sequence[str | None] | pl.Series


def _shown(values: Texts) -> pl.Series:
    return pl.Series(values, dtype=pl.String).fill_null("").str.replace_all("\0", "").str.head(VALUE_SHOWN)


class Repairs:
    """Cells that were read as what they must have meant, and rows that were skipped: counted all, kept some of each rule.

    Of a personal column whoever adds them gives no values.
    """

    def __init__(self) -> None:
        self.rules: Counter[str] = Counter()
        self.kept: list[pl.DataFrame] = []
        self.count = self.skipped = 0

    def add(self, rows, column: str, before: pl.Series, after: pl.Series, rules: pl.Series) -> None:
        """One repair for each of `rows`."""
        self.count += len(rules)
        rows = pl.Series(rows, dtype=pl.Int64)
        for rule in rules.unique().to_list():
            at = (rules == rule).arg_true()
            room = max(REPAIRS_KEPT - self.rules[rule], 0)
            self.rules[rule] += len(at)
            if room:
                at = at.head(room)
                told = pl.DataFrame({"row": rows.gather(at)}).with_columns(
                    rule=pl.lit(rule), column=pl.lit(column[:60])
                )
                shown = [_shown(before.gather(at)).alias("before"), _shown(after.gather(at)).alias("after")]
                self.kept.append(told.with_columns(shown))

    def note(self, mended: Iterable[Mended], skipped: Iterable[Mended], counts: Counter[str]) -> None:
        """What the reader did before anybody judged a row; `counts` of all of it, by rule."""
        mended, skipped = list(mended), list(skipped)
        rows_skipped = sum(counts[rule] for rule in {each.rule for each in skipped})
        self.skipped += rows_skipped
        self.count += counts.total() - rows_skipped
        if mended or skipped:
            frame = pl.DataFrame([*mended, *skipped], schema=list(Mended._fields), orient="row")
            self.kept.append(frame.select("row", "rule", "column", "before", "after"))
        self.rules.update(counts)

    def each(self) -> list[dict]:
        """Those kept, in the order of the file."""
        if not self.kept:
            return []
        kept = pl.concat(self.kept).with_columns(pl.col("column").str.head(60)).sort("row", maintain_order=True)
        return kept.unique(["row", "column"], keep="first", maintain_order=True).to_dicts()

    def keep(self, batch: Batch) -> None:
        """Into the batch, in place of those of an earlier reading."""
        RowRepair.objects.filter(batch=batch).delete()
        if kept := self.each():
            frame = pl.DataFrame(kept).select("row", "column", "before", "after", "rule")
            copy_in("tables_rowrepair", frame.with_columns(batch_id=pl.lit(batch.pk)))


class Errors:
    """Errors of one reading. Lives in the running transaction; `add` takes whole columns of rows at once."""

    TABLE = "import_error"

    def __init__(self) -> None:
        self.repairs = Repairs()
        self.waiting: list[pl.DataFrame] = []
        self.count = 0
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TABLE IF EXISTS {self.TABLE}")
            cursor.execute(
                f"CREATE TEMP TABLE {self.TABLE} (row int NOT NULL, kind text NOT NULL, colname text NOT NULL, "
                "value text NOT NULL, reason text NOT NULL, suggestion text NOT NULL DEFAULT '') ON COMMIT DROP"
            )

    def add(
        self, kind: str, rows, column: str, values: Texts, reasons: Texts | str, suggestions: Texts | str = ""
    ) -> None:
        """One error for each of `rows`; `reasons` is one for all of them or one for each, and so is what the cell may
        have been meant to say."""
        frame = pl.DataFrame({"row": pl.Series(rows, dtype=pl.Int64)}).with_columns(
            kind=pl.lit(str(kind)),
            colname=pl.lit(column[:60]),
            value=_shown(values),
            reason=pl.lit(reasons) if isinstance(reasons, str) else pl.Series(reasons, dtype=pl.String),
            suggestion=(
                pl.lit(suggestions)
                if isinstance(suggestions, str)
                else pl.Series(suggestions, dtype=pl.String).fill_null("")
            ),
        )
        # A reason may quote what was sent, and the database takes no NUL.
        frame = frame.with_columns(pl.col("colname", "reason", "suggestion").str.replace_all("\0", "", literal=True))
        self.waiting.append(frame)
        self.count += frame.height
        if sum(part.height for part in self.waiting) >= FLUSH:
            self.flush()

    def rename(self, rows: Sequence[int], kind: str) -> None:
        """What was told of these rows counts as another kind."""
        self.flush()
        with connection.cursor() as cursor:
            cursor.execute(f"UPDATE {self.TABLE} SET kind = %s WHERE row = ANY(%s)", [str(kind), list(rows)])

    def flush(self) -> None:
        if self.waiting:
            copy_in(self.TABLE, pl.concat(self.waiting))
            self.waiting = []

    def suggest(self, rows: Sequence[int], column: str, suggestions: Sequence[str]) -> None:
        """What cells that were told of may have been meant to say, found when all rows were read."""
        self.flush()
        with connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE {self.TABLE} e SET suggestion = s.said FROM unnest(%s::int[], %s::text[]) s (row, said) "
                "WHERE e.row = s.row AND e.colname = %s",
                [list(rows), list(suggestions), column[:60]],
            )

    def each(self, parts: Sequence[Sequence] = ()) -> Iterator[dict]:
        """In the order of the file, as `import_file --json` prints them. With `parts` a row is told as part and its own
        number there."""
        self.flush()
        with connection.connection.cursor(name="import_errors") as cursor:  # server-side: never all in memory
            cursor.itersize = FLUSH
            cursor.execute(f"SELECT row, colname, value, reason, suggestion FROM {self.TABLE} ORDER BY row, colname")
            for number, column, value, reason, suggestion in cursor:
                part, row = place(parts, number)
                error = {"row": row, "column": column, "value": value, "reason": reason}
                yield error | ({"suggestion": suggestion} if suggestion else {}) | ({"part": part} if part else {})

    def suggested(self) -> list[tuple[int, str, str]]:
        """Row, column and proposed value of each wrong cell that has one."""
        self.flush()
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT row, colname, suggestion FROM {self.TABLE} WHERE suggestion <> '' AND kind = %s ORDER BY row",
                [str(Kind.WRONG)],
            )
            return cursor.fetchall()

    def wrong_rows(self) -> dict[int, tuple[str, str]]:
        """What stands beside each row in the file of only the wrong rows: reasons, suggestions. Duplicates are not among
        them: sent again with the mended rows they would replace the row that stands."""
        self.flush()
        said = "CASE WHEN colname = '' THEN {0} ELSE colname || '：' || {0} END"
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT row, string_agg({said.format('reason')}, '；' ORDER BY colname), COALESCE(string_agg("
                f"{said.format('suggestion')}, '；' ORDER BY colname) FILTER (WHERE suggestion <> ''), '') "
                f"FROM {self.TABLE} WHERE kind = %s GROUP BY row",
                [str(Kind.WRONG)],
            )
            return {row: (reason, suggestion) for row, reason, suggestion in cursor.fetchall()}

    def keep(self, batch: Batch) -> None:
        """Into the batch, in place of what an earlier reading found."""
        self.flush()
        self.repairs.keep(batch)
        RowError.objects.filter(batch=batch).delete()
        with connection.cursor() as cursor:
            cursor.execute(
                'INSERT INTO tables_rowerror (batch_id, "row", kind, "column", value, reason, suggestion) '
                f"SELECT %s, row, kind, colname, value, left(reason, 200), suggestion FROM {self.TABLE} ORDER BY row, colname",
                [batch.pk],
            )
