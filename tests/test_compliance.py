"""docs/compliance.md names tests, pages, commands that exist and leaves out no item: a promise whose proof is gone is none."""

import re
from pathlib import Path

import pytest
from django.core.management import get_commands
from django.urls import Resolver404, resolve

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "compliance.md").read_text(encoding="utf-8")
TESTS = sorted(set(re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", PAGE)))
ADDRESSES = sorted(set(re.findall(r"`(/[\w/-]+/)`", PAGE)))
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith(("| Art.", "| Item"))]
# Lettered items of GB/T 22239-2019 8.1.4 for level three, by control.
ITEMS = {1: "abcd", 2: "abcdefg", 3: "abcd", 4: "abcdef", 5: "", 6: "", 7: "ab", 8: "ab", 9: "abc", 10: "ab", 11: "ab"}


@pytest.mark.parametrize(("path", "function"), TESTS)
def test_a_named_test_exists(path, function):
    assert (f"def {function}(" if function else "def test_") in (ROOT / path).read_text(encoding="utf-8")


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_named_page_exists(address):
    try:
        found = resolve(address)
    except Resolver404:
        pytest.fail(f"no page at {address}")
    assert found.func.__name__ != "catch_all_view"  # the admin's, which resolves whatever begins with its address


def test_named_commands_exist():
    assert set(re.findall(r"`manage\.py (\w+)", PAGE)) <= set(get_commands())
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(re.findall(r"`make (\w+)", PAGE)) <= set(targets)


def test_every_item_has_its_line():
    told = [re.match(r"\| 8\.1\.4\.(\d+)[^|]*?([a-z]?) \|", row) for row in ROWS if row.startswith("| 8.1.4.")]
    assert [match and match.groups() for match in told] == [
        (str(control), item) for control, items in ITEMS.items() for item in items or [""]
    ]


def test_every_duty_is_proven_or_says_that_it_is_open_or_the_operators():
    unproven = [row for row in ROWS if "`tests/" not in row and "perator" not in row and "Open" not in row]
    assert [row.split("|")[1].strip() for row in unproven] == ["26"]  # nothing is there to be tested
