"""The rules of the house that no single room can keep alone."""

import ast
import re
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import connection

ROOT = Path(__file__).resolve().parent.parent
ORDER = ["accounts", "jobs", "tables", "orgs", "markets", "members", "stations", "reports"]  # imports only leftwards
DEMO = "demo"  # fills every room, and no room knows it
CODE_FOLDERS = [*ORDER, "config", DEMO, "tools"]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def python_files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py") if path.is_file())


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imported_apps(path: Path) -> set[str]:
    """The first part of every module that a file imports, at its top or inside a function."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


# --- who imports whom -------------------------------------------------------------------------------------------------


def test_apps_import_leftwards_only():
    wrong = [
        f"{shown(path)}: {other}"
        for rank, app in enumerate(ORDER)
        for path in python_files(app)
        for other in sorted(imported_apps(path) & {*ORDER[rank + 1 :], "config", DEMO, "tests"})
    ]
    assert wrong == []


def test_nobody_imports_the_demo_and_the_demo_imports_no_settings():
    assert [shown(path) for path in python_files("config", "tools") if DEMO in imported_apps(path)] == []
    assert [shown(path) for path in python_files(DEMO) if "config" in imported_apps(path)] == []


def test_the_finder_of_imports_sees_deferred_ones(tmp_path):
    file = tmp_path / "x.py"
    file.write_text("import os.path\ndef f():\n    from reports.models import Snapshot\nfrom . import y\n")
    assert imported_apps(file) == {"os", "reports"}


def test_relative_imports_cannot_hide_an_app():
    climbs = [
        shown(path)
        for path in python_files(*ORDER)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.level > 1
    ]
    assert climbs == []


# --- words ------------------------------------------------------------------------------------------------------------

BARE_STATION = re.compile(r"(?i)^_*stations?$")  # guidance_station or ServicePoint: the bare word means both
# 站 that is part of a longer word: 指导站, 服务站, 驿站, 本站 …; what is left over stands alone.
BARE_STATION_ZH = re.compile(r"(?<![\u4e00-\u9fff])站(?![\u4e00-\u9fff])")


def names_in(path: Path) -> set[str]:
    """Every name that a file gives to something: variables, arguments, attributes, functions, classes, keywords."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Name):
            names.add(node.id)
        elif isinstance(node, ast.Attribute):
            names.add(node.attr)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.arg | ast.keyword):
            names.add(node.arg or "")
    return names


def test_no_name_in_code_is_the_bare_word_station():
    wrong = [
        f"{shown(path)}: {name}"
        for path in python_files(*CODE_FOLDERS)
        for name in sorted(names_in(path))
        if BARE_STATION.match(name)
    ]
    assert wrong == []


def test_no_page_says_station_alone():
    wrong = [shown(path) for path in TEMPLATES if BARE_STATION_ZH.search(path.read_text(encoding="utf-8"))]
    assert wrong == []


@pytest.mark.parametrize("text", ["<th>站</th>", "本页 站 点"])
def test_the_finder_of_the_bare_chinese_word_finds_it(text):
    assert BARE_STATION_ZH.search(text) and not BARE_STATION_ZH.search("指导站 · 服务站")


# --- sizes ------------------------------------------------------------------------------------------------------------


def budget(path: Path) -> int:
    """Lines a file may have: views and api 300, templates 150, all other code 400."""
    if path.suffix == ".html":
        return 150
    return 300 if path.stem in ("views", "api") or path.parent.name in ("views", "api") else 400


def test_files_stay_small():
    files = [path for path in python_files(*CODE_FOLDERS) if "migrations" not in path.parts] + TEMPLATES
    assert len(files) > 60
    long = {shown(path): lines for path in files if (lines := len(path.read_text().splitlines())) > budget(path)}
    assert long == {}


FUNCTION_LINES = 40


def long_functions(text: str) -> dict[str, int]:
    """Functions over the budget and their lines, from `def` to the last; decorators do not count."""
    functions = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    sizes = [(each.name, (each.end_lineno or each.lineno) - each.lineno + 1) for each in functions]
    return {name: lines for name, lines in sizes if lines > FUNCTION_LINES}


def test_functions_stay_small():
    files = [path for path in python_files(*CODE_FOLDERS) if "migrations" not in path.parts]
    assert {shown(path): found for path in files if (found := long_functions(path.read_text()))} == {}


def test_the_finder_of_long_functions_finds():
    body = "    x = 1\n"
    fits = f"def fits():\n{body * (FUNCTION_LINES - 1)}"
    method = f"class A:\n    async def long(self):\n{f'    {body}' * FUNCTION_LINES}"
    assert long_functions(fits + method) == {"long": FUNCTION_LINES + 1}


# --- models -----------------------------------------------------------------------------------------------------------

MODELS = [model for model in apps.get_models() if model._meta.app_label in ORDER]


def test_every_room_has_models_here():
    assert {model._meta.app_label for model in MODELS} == set(ORDER)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_every_model_says_what_it_is(model):
    generated = f"{model.__name__}("  # Django writes one where there is none
    assert model.__doc__ and not model.__doc__.startswith(generated)
    assert CHINESE.search(str(model._meta.verbose_name))


@pytest.mark.django_db
def test_no_migration_is_missing(capsys):
    call_command("makemigrations", check=True, dry_run=True, verbosity=1)
    assert "No changes detected" in capsys.readouterr().out


# --- the two roles ----------------------------------------------------------------------------------------------------

APPEND_ONLY = sorted(
    {
        table
        for path in python_files(*ORDER)
        if path.parent.name == "migrations"
        for table in re.findall(r"append_only\(\s*[\"'](\w+)[\"']\s*\)", path.read_text())
    }
)
MUST_BE_APPEND_ONLY = {"accounts_auditevent", "accounts_auditseal", "orgs_organizationchange", "reports_monthclosing"}


def may(privilege: str, table: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT has_table_privilege(%s, %s, %s)", [settings.DATABASE_WEB_ROLE, table, privilege])
        return cursor.fetchone()[0]


def test_what_must_stay_is_declared_append_only():
    assert set(APPEND_ONLY) >= MUST_BE_APPEND_ONLY


@pytest.mark.django_db
@pytest.mark.parametrize("table", APPEND_ONLY)
def test_the_web_role_cannot_change_what_is_append_only(table):
    assert may("SELECT", table) and may("INSERT", table)
    assert [privilege for privilege in ("UPDATE", "DELETE", "TRUNCATE") if may(privilege, table)] == []


@pytest.mark.django_db
def test_the_web_role_owns_nothing_and_truncates_nothing():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = 'public' "
            "AND relkind = 'r' AND (has_table_privilege(%s, c.oid, 'TRUNCATE') OR pg_get_userbyid(relowner) = %s)",
            [settings.DATABASE_WEB_ROLE] * 2,
        )
        assert cursor.fetchall() == []
    assert may("UPDATE", "orgs_organization")  # the question itself works


# --- the strict policy of pages ---------------------------------------------------------------------------------------

INLINE = {
    "style attribute": re.compile(r"<[^>]*\sstyle\s*=", re.I),
    "style element": re.compile(r"<style[\s>]", re.I),
    "script with a body": re.compile(r"<script(?![^>]*\s(?:src|type=\"application/json\")\b)[^>]*>", re.I),
    "event attribute": re.compile(r"<[^>]*\son\w+\s*=", re.I),
    "htmx event attribute": re.compile(r"\shx-on[:\w-]*\s*=", re.I),
    "javascript address": re.compile(r"=\s*[\"']\s*javascript:", re.I),
    "file from outside": re.compile(r"<(?:script|link|img)[^>]*(?:src|href)\s*=\s*[\"'](?:https?:)?//", re.I),
}


def inline_parts(text: str) -> list[str]:
    text = re.sub(r"\{#.*?#\}|\{% comment %\}.*?\{% endcomment %\}", "", text, flags=re.S)
    return [what for what, pattern in INLINE.items() if pattern.search(text)]


def test_templates_hold_nothing_inline_and_nothing_from_outside():
    assert {shown(path): parts for path in TEMPLATES if (parts := inline_parts(path.read_text()))} == {}


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('<p style="color:red">', "style attribute"),
        ("<style>p{}</style>", "style element"),
        ("<script>go()</script>", "script with a body"),
        ('<a href="#" onclick="go()">', "event attribute"),
        ('<a href="javascript:go()">', "javascript address"),
        ('<script src="//cdn.example/x.js"></script>', "file from outside"),
    ],
)
def test_the_finder_of_inline_parts_finds(text, what):
    assert what in inline_parts(text)
    assert inline_parts('<script src="/static/js/x.js" defer></script><p class="style">') == []


# --- locks ------------------------------------------------------------------------------------------------------------

LOCKS = re.compile(r"^([A-Z_]*LOCK(?:, [A-Z_]*LOCKS?)*) = (7_\d{3}(?:, 7_\d{3})*)", re.MULTILINE)


def test_no_two_advisory_locks_have_one_number():
    """An import once held the sealer's: nothing was sealed while it wrote."""
    found = [
        (number, shown(path))
        for path in python_files(*CODE_FOLDERS)
        for _, numbers in LOCKS.findall(path.read_text(encoding="utf-8"))
        for number in numbers.split(", ")
    ]
    taken = [number for number, _ in found]
    assert len(taken) >= 11 and {each for each in found if taken.count(each[0]) > 1} == set()
