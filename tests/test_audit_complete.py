"""The audit leaves nothing out: a page or file that shows a person, and a line of code that writes, without an event fail.

The pages are walked as tests/test_personas.py walks them. The writes are read from the code: every function that writes to
the database must record the act itself, call something that does, or be called by nothing that does not.
"""

import ast
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from django.db import connection, transaction

from accounts.models import AuditEvent
from members.copies import LOOKS
from tests.persona_rules import Page
from tests.persona_world import PERSONAS
from tests.test_architecture import ORDER, ROOT, python_files
from tests.test_personas import RULED, rule_of, values, world  # noqa: F401  (a fixture)

pytestmark = pytest.mark.django_db
SIGN = re.compile(r"[欧何](\*|明文)|138\d{8}|\*{7}[89]000")  # the persons of the world, masked or not
BOOKKEEPING = {"accounts_session", "accounts_auditevent"}
# The officer's own entry of a moment ago, read back before it is sent: nobody's row yet.
READ_BACK = {"members:counter_confirm"}


def changes() -> Counter[str]:
    """Rows changed so far in this transaction, by table."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_xact_user_tables")
        return Counter(dict(cursor.fetchall()))


def asked(world, persona: str, page: Page, url: str) -> tuple[str, list[AuditEvent], set[str]]:  # noqa: F811
    """(what was answered, the events that it left, the tables that it wrote to)"""
    newest = AuditEvent.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    before = changes()
    with transaction.atomic():
        response = getattr(world.clients[persona], page.method)(url, page.query)
        text = b"".join(response).decode(errors="replace")
        events = list(AuditEvent.objects.filter(pk__gt=newest))
        written = set(changes() - before)
        transaction.set_rollback(True)
    world.clients[persona].cookies.pop("messages", None)
    return text if response.status_code < 400 else "", events, written - BOOKKEEPING


def unheard(world, persona: str, page: Page, url: str) -> str:  # noqa: F811
    text, events, written = asked(world, persona, page, url)
    mine = [event for event in events if event.actor_id == world.users[persona].pk and event.succeeded]
    if SIGN.search(text) and not any(event.subjects and event.act in LOOKS for event in mine):
        return f"{persona} saw a person and no event tells whom, or it is none that the person is told"
    if written and not mine:
        return f"{persona} wrote to {sorted(written)} without an event"
    return ""


@pytest.mark.parametrize("address", RULED, ids=lambda address: address.unnamed_route or address.name)
def test_what_shows_a_person_or_writes_leaves_an_event(world, address):  # noqa: F811
    page = rule_of(address)
    if address.unnamed_route or address.name in READ_BACK:
        return
    found = []
    for persona in set(PERSONAS) & page.who:
        given = values(world, persona, page, address, "near") if page.row else page.extra
        found.append(unheard(world, persona, page, address.url(**given)))
    assert not any(found), "; ".join(filter(None, found))


# --- writes in the code -----------------------------------------------------------------------------------------------

ORM = {
    "save",
    "create",
    "bulk_create",
    "bulk_update",
    "get_or_create",
    "update_or_create",
    "delete",
    "update",
    "change",
}
STATEMENT = re.compile(r"\b(INSERT INTO|UPDATE [\w{\"]|DELETE FROM)")


@dataclass
class Function:
    """What one function does, as far as its text tells."""

    name: str  # "accounts.services:user_create", "orgs.scoped_admin:ScopedAdmin.save_model"
    writes: bool = False
    records: bool = False
    names: set[str] = field(default_factory=set)  # what it uses: whole names where imports tell them, else bare ones


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports_of(tree: ast.Module) -> dict[str, str]:
    """{local name: "module" or "module:name"}, imports inside functions too."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                found[alias.asname or alias.name] = f"{node.module}:{alias.name}"
    return found


def is_orm_write(node: ast.Call) -> bool:
    if not isinstance(node.func, ast.Attribute) or node.func.attr not in ORM:
        return False
    what, on = node.func.attr, ast.unparse(node.func.value)
    if what == "update":
        return not node.args and bool(node.keywords)
    if what == "delete":
        return not node.args and on != "cache"
    if what == "save":
        return not node.args and on not in ("self", "book", "form", "super()")
    return "objects" in on or "_manager" in on or on.endswith(")")


def is_statement(node: ast.Call) -> bool:
    executes = isinstance(node.func, ast.Attribute) and node.func.attr in ("execute", "executemany", "execute_values")
    texts = [each.value for each in ast.walk(node) if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    return executes and any(STATEMENT.search(text) for text in texts)


def read(path: Path) -> list[Function]:
    module, tree = module_of(path), ast.parse(path.read_text("utf-8"))
    known, found = imports_of(tree), []
    tops = [(node, "") for node in tree.body] + [
        (node, f"{each.name}.") for each in tree.body if isinstance(each, ast.ClassDef) for node in each.body
    ]
    local = {node.name for node, owner in tops if isinstance(node, ast.FunctionDef)}
    for node, owner in tops:
        if not isinstance(node, ast.FunctionDef):
            continue
        function = Function(f"{module}:{owner}{node.name}")
        for each in ast.walk(node):
            if isinstance(each, ast.Call):
                function.writes |= is_orm_write(each) or is_statement(each)
                function.records |= ast.unparse(each.func) == "audit.record"
            if isinstance(each, ast.Name):
                function.names.add(known.get(each.id, f"{module}:{each.id}"))
            elif isinstance(each, ast.Attribute):
                base = known.get(ast.unparse(each.value), "")
                if base:
                    function.names.add(f"{base.replace(':', '.')}:{each.attr}")
                elif each.attr in local:
                    function.names.add(f"{module}:*.{each.attr}")
        found.append(function)
    return found


class House:
    """Every function of the product and who uses whom."""

    def __init__(self, functions: list[Function]) -> None:
        self.functions = {each.name: each for each in functions}
        by_end: dict[str, set[str]] = defaultdict(set)
        for name in self.functions:
            module, inner = name.split(":")
            by_end[f"{module}:{inner}"].add(name)
            by_end[f"{module}:*.{inner.rsplit('.', 1)[-1]}"].add(name)
            by_end[f"{module}:{inner.split('.')[0]}"].add(name)  # whoever names the class may do what it does
            package = module.rsplit(".", 1)[0]
            by_end[f"{package}:{inner}"].add(name)  # `from members.services import x`, told on by its __init__
        self.uses = {
            each.name: set().union(*(by_end.get(name, set()) for name in each.names)) - {each.name}
            for each in functions
        }
        self.used_by: dict[str, set[str]] = defaultdict(set)
        for name, others in self.uses.items():
            for other in others:
                self.used_by[other].add(name)
        self.recording = {name for name in self.functions if self._reaches(name, set())}

    def _reaches(self, name: str, seen: set[str]) -> bool:
        if name in seen:
            return False
        seen.add(name)
        return self.functions[name].records or any(self._reaches(other, seen) for other in self.uses[name])

    def open_ends(self, name: str, seen: frozenset[str] = frozenset()) -> set[str]:
        """From where one comes to this write without an event."""
        if name in self.recording or name in seen:
            return set()
        callers = self.used_by[name]
        if not callers:
            return {name}
        return set().union(*(self.open_ends(caller, seen | {name}) for caller in callers))


# Writes that are no act of anybody, by the beginning of their names, each with why.
NO_ACT = {
    "accounts.admin:UserAdmin._log": "Django's own log of the admin, beside the event of the service",
    "orgs.scoped_admin:QuietLogMixin._log": "likewise",
    "accounts.authentication:": "when a token was last used",
    "accounts.row_codes:CodedQuerySet.": "how a service writes rows under a code; the service leaves the event",
    "accounts.session_store:": "where a browser is signed in and when it was used; signing in and ending are events",
    "accounts.models.user:UserManager.create_user": "called by the demo and the tests; people are made by user_create",
    "jobs.lease:": "a running job's progress; its start and its end are events",
    "members.answers:": "what a receipt shows, made anew of rows whose writing is an event",
    "members.services.counter:counter_start": "a form being filled in; its sending and its submission are events",
    "members.services.counter:counter_anew": "likewise",
    "members.services.drafts:": "likewise",
    "reports.alarms.": "what the audit says, told to administrators; that one was seen to is an event",
    "reports.kept:": "what is known of the city, worked out anew",
    "reports.services:": "numbers of the day, worked out anew; closing a month is an event",
    "reports.snapshots:": "likewise",
    "reports.splitting:": "likewise",
    "markets.management.commands.fill_pinyin:": "a search column made of the name",
    # what a batch calls through a register or its target: the batch's check, application and undo are the events
    "markets.imports.told_undo:": "called by a batch",
    "markets.life:": "called by the acts of orgs/services, through the register of orgs/life.py",
    "members.imports.rolls:": "called by a batch",
    "members.services.rolls:": "called by a batch",
    "orgs.services.many:": "called by a batch",
    "tables.before_images:": "called by a batch",
    "tables.errors:": "called by a batch",
    "tables.importer:": "called by a batch",
    "tables.row_undo:": "called by a batch",
    "tables.said_again:": "called by a batch, and where batches are forgotten",
    "tables.traces:": "called by a batch",
    "tables.undo:": "called by a batch",
    "tables.services:batch_check": "the job that reads a batch, whose start and end are events",
    "tables.services:batch_settle": "a batch whose job ended without it",
    "tables.rotating:": "called by rotate_keys, through the register of accounts/rotation.py",
}


def house(*folders: str) -> House:
    files = [path for path in python_files(*folders) if "migrations" not in path.parts]
    return House([function for path in files for function in read(path)])


def is_no_act(name: str) -> bool:
    return any(name.startswith(beginning) for beginning in NO_ACT)


def test_every_write_in_the_code_is_recorded_by_itself_or_by_whoever_calls_it():
    all_of_it = house(*ORDER)
    writes = [name for name, each in all_of_it.functions.items() if each.writes]
    assert len(writes) > 150
    silent = {f"{name}, called from {end}" for name in writes for end in all_of_it.open_ends(name)}
    assert sorted(each for each in silent if not is_no_act(each)) == []


def test_every_exception_is_still_one():
    all_of_it = house(*ORDER)
    silent = [name for name, each in all_of_it.functions.items() if each.writes and all_of_it.open_ends(name)]
    assert [name for name in NO_ACT if not any(each.startswith(name) for each in silent)] == []


CONTROL = {
    "a silent service": ("def thing_make():\n    Thing.objects.create(a=1)\n", {"x:thing_make"}),
    "a silent statement": ("def f(cursor):\n    cursor.execute('DELETE FROM t')\n", {"x:f"}),
    "a view past the service": ("class V:\n    def post(self, row):\n        row.save()\n", {"x:V.post"}),
    "one of two callers is silent": (
        "def put(rows):\n    rows.update(a=1)\n\ndef bad():\n    put(1)\n\n"
        "def good(by):\n    put(1)\n    audit.record('a', by=by)\n",
        {"x:bad"},
    ),
    "recorded": ("def f():\n    row.save()\n    g()\n\ndef g():\n    audit.record('a', by=None)\n", set()),
    "no write": ("def f(known):\n    known.update(other)\n    digest.update(b'x')\n", set()),
}


@pytest.mark.parametrize("case", CONTROL)
def test_the_finder_of_silent_writes_finds(case, tmp_path, monkeypatch):
    text, expected = CONTROL[case]
    monkeypatch.setattr("tests.test_audit_complete.ROOT", tmp_path)
    (tmp_path / "x.py").write_text(text)
    found = House(read(tmp_path / "x.py"))
    assert {end for name, each in found.functions.items() if each.writes for end in found.open_ends(name)} == expected
