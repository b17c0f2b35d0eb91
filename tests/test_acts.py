"""Every act that the code can write into the audit has a Chinese name (accounts/acts.py).

The acts are read from the code: every text of that form, wherever it stands, and every f-string that is handed to
audit.record. What an f-string is made of is looked up: what its function is called with, both sides of a condition, what
a register holds.
"""

import ast
import itertools
import re
from collections.abc import Iterator

from django.contrib import admin

from accounts.acts import NOUNS, VERBS, WHOLE, act_name, halves, is_named
from orgs.api_base import PersonsAuditedMixin
from orgs.doors import DUTY_PERMISSIONS, ROLE_PERMISSIONS
from orgs.scoped_admin import ScopedAdmin
from reports.rights_table import spoken
from tables import bulk, listing, register
from tests.test_architecture import ORDER, python_files

FILES = [path for path in python_files(*ORDER, "demo") if "migrations" not in path.parts]
ACT = re.compile(rf"({'|'.join([*ORDER, 'demo'])})(\.[a-z_]+){{2,3}}")
NO_ACTS = {"tables.batchchange.before"}  # binds ciphertexts to their column


def subclasses(cls: type) -> set[type]:
    return {cls, *(each for below in cls.__subclasses__() for each in subclasses(below))}


def held() -> dict[str, set[str]]:
    """What stands behind a part of a name that the text around it does not tell."""
    exportables = {name: each.act for name, each in listing._exportables.items()}
    targets = {each.act for each in register.targets().values()}
    models = {model._meta.label_lower for model, by in admin.site._registry.items() if isinstance(by, ScopedAdmin)}
    inlines = {
        each.model._meta.label_lower for by in admin.site._registry.values() if isinstance(by, ScopedAdmin)
        for each in by.inlines
    }  # fmt: skip
    return {
        "what.act": set(exportables.values()),
        "kind.act": targets,
        "self.audit_act": {each.audit_act for each in subclasses(PersonsAuditedMixin) if hasattr(each, "audit_act")},
        "self.opts.app_label + self.opts.model_name": models,
        "meta.app_label + meta.model_name": inlines,
        "asked.act + act.name": {
            f"{exportables[name]}.bulk_{act}" for name, acts in bulk._acts.items() for act in acts
        },
        "noun": {"businesscoverage", "marketcoverage"},
    }


def texts(node: ast.AST) -> list[str]:
    """A literal, or both sides of a condition; nothing else is known."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    return texts(node.body) + texts(node.orelse) if isinstance(node, ast.IfExp) else []


def given(tree: ast.Module, function: ast.FunctionDef, name: str) -> list[str]:
    """What the function's parameter is given in its module, its default included."""
    names = [each.arg for each in function.args.args]
    at, from_end = names.index(name), len(names) - names.index(name)
    defaults = function.args.defaults
    found = texts(defaults[-from_end]) if from_end <= len(defaults) else []
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and ast.unparse(call.func).rpartition(".")[2] == function.name:
            place = at - (names[0] == "self")
            found += texts(call.args[place]) if place < len(call.args) else []
    return found


def expanded(tree: ast.Module, function: ast.FunctionDef, node: ast.JoinedStr) -> Iterator[str]:
    """Every text that the f-string may be."""
    known, parts = held(), node.values
    words = [ast.unparse(each.value) for each in parts if isinstance(each, ast.FormattedValue)]
    if (pair := " + ".join(words[:2])) in known:  # two parts that are one thing
        verb = texts(parts[-1].value) if isinstance(parts[-1], ast.FormattedValue) and len(words) > 2 else [""]
        tail = parts[-1].value if isinstance(parts[-1], ast.Constant) else "."
        yield from (whole if "bulk_" in whole else f"{whole}{tail}{each}" for whole in known[pair] for each in verb)
        return
    choices = []
    for part in parts:
        if isinstance(part, ast.Constant):
            choices.append([part.value])
        elif (text := ast.unparse(part.value)) in known:
            choices.append(sorted(known[text]))
        elif found := texts(part.value):
            choices.append(found)
        else:
            assert text in {each.arg for each in function.args.args}, f"{function.name}: what is {text}?"
            choices.append(given(tree, function, text))
    yield from ("".join(each) for each in itertools.product(*choices))


def acts_in_the_code() -> set[str]:
    found = set(held()["kind.act"])
    for path in FILES:
        tree = ast.parse(path.read_text("utf-8"))
        found |= {
            each.value for each in ast.walk(tree)
            if isinstance(each, ast.Constant) and isinstance(each.value, str) and ACT.fullmatch(each.value)
        }  # fmt: skip
        for function in (each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)):
            for call in (each for each in ast.walk(function) if isinstance(each, ast.Call)):
                if ast.unparse(call.func) == "audit.record" and isinstance(call.args[0], ast.JoinedStr):
                    found |= set(expanded(tree, function, call.args[0]))
    return found - NO_ACTS


def test_every_act_that_the_code_can_write_has_a_chinese_name():
    acts = acts_in_the_code()
    assert len(acts) > 150 and {"members.registration.verify", "markets.business.export_grant"} <= acts
    assert sorted(act for act in acts if not is_named(act)) == []


def test_every_word_is_still_used():
    acts = acts_in_the_code() | {"accounts.retention"}
    assert set(NOUNS) - {halves(act)[0] for act in acts} == set()
    assert set(VERBS) - {halves(act)[1] for act in acts} == set()
    assert set(WHOLE) - acts == set()


def test_an_act_is_told_in_two_words_and_an_unknown_one_by_itself():
    assert act_name("members.registration.verify") == "报到：核实"
    assert act_name("accounts.session.open") == "登录：成功"
    assert act_name("gone.away") == "gone.away"


def test_every_right_is_told_in_chinese():
    rights = frozenset().union(*ROLE_PERMISSIONS.values(), *DUTY_PERMISSIONS.values())
    assert {right for right in rights if re.search("[a-z]", "".join(spoken(right)))} == set()
