"""Taking a file: all of it, with its number in the book, in one transaction, or nothing."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.db import DataError, IntegrityError, ProgrammingError, connection

from members.ferry import book, files
from members.ferry.files import FerryRefused, Header
from members.ferry.outgoing import ARRIVED
from members.ferry.shown import Shown, all_shown
from members.models import Answer, FerryFile, Submission

BATCH = 500
LISTED = 10  # missing numbers that are told one by one


@dataclass(frozen=True)
class Taken:
    header: Header
    is_repeated: bool


def ferry_in(path: Path, *, lost: Iterable[int] = ()) -> Taken:
    """`lost`: the missing numbers of which somebody knows that they will not come. Raises FerryRefused, OSError."""
    try:
        with path.open("rb") as file:
            header = files.check(file, direction=book.incoming(), trusted=settings.FERRY_TRUSTED)
            with book.alone():
                if _is_known(header):
                    return Taken(header, is_repeated=True)
                _close_gap(header, set(lost))
                _write(file, header)
                _enter(header)
    except FerryRefused as refusal:
        book.note("members.ferry.refuse", succeeded=False, why=refusal.why)
        raise
    return Taken(header, is_repeated=False)


def _is_known(header: Header) -> bool:
    known = FerryFile.objects.filter(direction=header.direction, number=header.number).first()
    if known is None or known.digest == header.digest:
        return known is not None
    if known.is_lost:
        raise FerryRefused(
            "lost", f"第 {header.number} 号文件已经登记为遗失，它的内容随后面的文件来过了，没有再写入：这份可以销毁。"
        )
    raise FerryRefused(
        "number",
        f"第 {header.number} 号文件已经取过，但不是这一份，没有写入：对方的数据库可能恢复过，"
        "请先把这一侧的新文件送去，再让对方重新生成。",
    )


def _close_gap(header: Header, lost: set[int]) -> None:
    last = book.last(header.direction)
    if header.number <= last:
        raise FerryRefused("number", f"第 {header.number} 号文件早于已经取过的第 {last} 号，没有写入：请取更新的文件。")
    missing = range(last + 1, header.number)
    if header.whole and not lost:
        return
    if len(missing) == len(lost) and set(missing) == lost:  # a header may name any number
        FerryFile.objects.bulk_create(FerryFile(direction=header.direction, number=number) for number in missing)
        return
    if not missing:
        raise FerryRefused("lost", f"第 {header.number} 号之前没有缺号，没有写入：请去掉 --lost。")
    told = "、".join(map(str, missing)) if len(missing) <= LISTED else f"{missing[0]} 到 {missing[-1]}"
    raise FerryRefused(
        "gap",
        f"缺第 {told} 号文件，没有写入第 {header.number} 号：请先取缺的；确实找不到了，用 --lost 写明缺的每一个编号再取"
        "（后面的文件会把没送到的再带一遍，不会丢内容）。",
    )


def _enter(header: Header) -> None:
    FerryFile.objects.create(
        direction=header.direction, number=header.number, made_at=header.made_at, digest=header.digest, key=header.key,
        counts=header.counts, heard=header.heard,
    )  # fmt: skip
    book.note("members.ferry.take", number=header.number, digest=header.digest, key=header.key, rows=header.counts)


# --- writing ----------------------------------------------------------------------------------------------------------

Writer = Callable[[list[dict]], None]


def _write(file: BinaryIO, header: Header) -> None:
    writers = _public_writers() if settings.IS_PUBLIC_FACE else {Submission._meta.db_table: _submissions(header.number)}
    kept: dict[str, list] = {shown.table: [] for shown in all_shown()}
    waiting: dict[str, list[dict]] = {}
    try:
        for name, row in files.read_rows(file, header, writers):
            rows = waiting.setdefault(name, [])
            rows.append(row)
            if name in kept:
                kept[name].append(row.get("id"))
            if len(rows) == BATCH:
                writers[name](waiting.pop(name))
        for name, rows in waiting.items():
            writers[name](rows)
        if settings.IS_PUBLIC_FACE:
            for table, ids in kept.items():
                _run(f'DELETE FROM "{table}" WHERE id <> ALL(%s)', [ids])
    except (DataError, IntegrityError, ProgrammingError) as error:
        raise FerryRefused("rows", "文件里有一行写不进去，全部没有写入：请把两侧升级到同一版本。") from error


def _run(sql: str, values: list) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


def _insert(table: str, columns: tuple[str, ...], *, key: str, update: str) -> str:
    """One statement for many rows of JSON; whatever else a row says is passed over."""
    names = ", ".join(columns)
    return (
        f'INSERT INTO "{table}" ({names}) SELECT {names} FROM json_populate_recordset(NULL::"{table}", %s::json)'
        f" ON CONFLICT ({key}) DO UPDATE SET {update}"
    )


def _submissions(number: int) -> Writer:
    """What is known stays as it is, taken or not; only the mark moves, so that the public side is told again."""
    columns = ("id", "kind", "box", "received_at", "ferried_in")
    sql = _insert(Submission._meta.db_table, columns, key="id", update="ferried_in = EXCLUDED.ferried_in")
    mine = columns[:-1]
    return lambda rows: _run(
        sql, [json.dumps([{name: row.get(name) for name in mine} | {"ferried_in": number} for row in rows])]
    )


def _public_writers() -> dict[str, Writer]:
    return {
        ARRIVED: _forget,
        Answer._meta.db_table: _answers,
        **{shown.table: _of(shown) for shown in all_shown()},
    }


def _of(shown: Shown) -> Writer:
    update = ", ".join(f"{name} = EXCLUDED.{name}" for name in shown.columns[1:])
    sql = _insert(shown.table, shown.columns, key=shown.columns[0], update=update)
    return lambda rows: _run(sql, [json.dumps(rows)])


def _answers(rows: list[dict]) -> None:
    """An empty one says that there is none any more."""
    columns = ("code_index", "sealed", "written_at")
    update = "sealed = EXCLUDED.sealed, written_at = EXCLUDED.written_at"
    _run(_insert(Answer._meta.db_table, columns, key="code_index", update=update), [json.dumps(rows)])
    _run(f"DELETE FROM {Answer._meta.db_table} WHERE sealed = ''", [])


def _forget(rows: list[dict]) -> None:
    _run(f"DELETE FROM {Submission._meta.db_table} WHERE id = ANY(%s::uuid[])", [[str(row.get("id")) for row in rows]])
