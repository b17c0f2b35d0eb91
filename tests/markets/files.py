"""Registry files for tests: valid codes on demand, rows as dictionaries, any encoding."""

import csv
import io
import itertools
import json
from pathlib import Path

from django.core.management import CommandError, call_command

from markets.codes import check_digit

_numbers = itertools.count(1)
HEADER = ["统一社会信用代码", "名称", "主体类型", "所属区", "所属街道", "监管所"]


def make_code(number: int | None = None, prefix: str = "91449999MA") -> str:
    body = f"{prefix}{next(_numbers) if number is None else number:07d}"
    return body + check_digit(body)


def make_row(**more) -> dict:
    return {
        "统一社会信用代码": make_code(),
        "名称": "示范商贸有限公司",
        "主体类型": "有限责任公司",
        "所属区": "南山区",
    } | more


def to_csv(rows: list[dict], header: list[str] | None = None, **writing) -> str:
    header = header or list(dict.fromkeys(key for row in rows for key in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, header, restval="", **writing)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def write(path: Path, rows: list[dict], encoding: str = "utf-8", **more) -> Path:
    path.write_bytes(to_csv(rows, **more).encode(encoding))
    return path


def import_file(path: Path, user, *options: str, target: str = "business") -> dict:
    """What `manage.py import_file … --json` prints; for a refused file {"error": …}."""
    out = io.StringIO()
    try:
        call_command(
            "import_file", str(path), f"--target={target}", f"--user={user.username}", "--json", *options, stdout=out
        )
    except CommandError:
        return json.loads(out.getvalue())
    answer = json.loads(out.getvalue())
    parts = ("new", "changed", "unchanged", "wrong", "duplicate", "out_of_scope")
    assert answer["rows"] == sum(answer[part] for part in parts), answer
    return answer
