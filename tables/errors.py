"""What is wrong with a file's rows, gathered in a temporary table: a file may have more errors than memory."""

import io
from collections.abc import Iterator, Sequence

import polars as pl
from django.db import connection

from tables.models import Batch, RowError

VALUE_SHOWN = 200  # characters of a wrong cell that are kept
FLUSH = 20_000
Kind = RowError.Kind
Texts = Sequence[str] | Sequence[str | None] | pl.Series


def copy_in(table: str, frame: pl.DataFrame) -> None:
    """COPY a frame into a table whose columns have the same names. Null cells are NULL, empty text stays empty."""
    if frame.height:
        with connection.cursor() as cursor:
            cursor.copy_expert(
                f"COPY {table} ({', '.join(frame.columns)}) FROM STDIN (FORMAT csv)",
                io.BytesIO(frame.write_csv(include_header=False).encode()),
            )


class Errors:
    """Errors of one reading. Lives in the running transaction; `add` takes whole columns of rows at once."""

    TABLE = "import_error"

    def __init__(self) -> None:
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
            value=pl.Series(values, dtype=pl.String).fill_null("").str.replace_all("\0", "").str.head(VALUE_SHOWN),
            reason=pl.lit(reasons) if isinstance(reasons, str) else pl.Series(reasons, dtype=pl.String),
            suggestion=(
                pl.lit(suggestions)
                if isinstance(suggestions, str)
                else pl.Series(suggestions, dtype=pl.String).fill_null("")
            ),
        )
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

    def each(self) -> Iterator[dict]:
        """In the order of the file, as `import_file --json` prints them."""
        self.flush()
        with connection.connection.cursor(name="import_errors") as cursor:  # server-side: never all in memory
            cursor.itersize = FLUSH
            cursor.execute(f"SELECT row, colname, value, reason FROM {self.TABLE} ORDER BY row, colname")
            for row, column, value, reason in cursor:
                yield {"row": row, "column": column, "value": value, "reason": reason}

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
        RowError.objects.filter(batch=batch).delete()
        with connection.cursor() as cursor:
            cursor.execute(
                'INSERT INTO tables_rowerror (batch_id, "row", kind, "column", value, reason, suggestion) '
                f"SELECT %s, row, kind, colname, value, left(reason, 200), suggestion FROM {self.TABLE} ORDER BY row, colname",
                [batch.pk],
            )
