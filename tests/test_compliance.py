"""docs/compliance.md names tests and pages that exist: a promise whose proof is gone is none."""

import re
from pathlib import Path

import pytest
from django.urls import Resolver404, resolve

PAGE = (Path(__file__).parent.parent / "docs" / "compliance.md").read_text(encoding="utf-8")
TESTS = sorted(set(re.findall(r"`(tests/[\w/]+\.py)`", PAGE)))
ADDRESSES = sorted(set(re.findall(r"`(/[\w/-]+/)`", PAGE)))
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith(("| Art.", "| Control"))]


@pytest.mark.parametrize("path", TESTS)
def test_a_named_test_exists(path):
    assert "def test_" in (Path(__file__).parent.parent / path).read_text(encoding="utf-8")


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_named_page_exists(address):
    try:
        resolve(address)
    except Resolver404:
        pytest.fail(f"no page at {address}")


def test_every_duty_is_proven_or_says_that_it_is_open_or_the_operators():
    unproven = [row for row in ROWS if "`tests/" not in row and "perator" not in row and "Open" not in row]
    assert [row.split("|")[1].strip() for row in unproven] == ["26"]  # nothing is there to be tested
