"""Known holes: what the two services say is read right, and an answer that says nothing is never taken for a clean one."""

import json

import pytest

from tools import advisories
from tools.advisories import of_npm_audit, of_pip_audit

HOLE = {"id": "PYSEC-2026-1", "aliases": ["CVE-2026-1"], "fix_versions": ["1.1"], "description": "…"}
NPM_HOLE = {"title": "Prototype pollution", "url": "https://example.invalid/advisories/GHSA-1"}


def pip_audit(*packages: dict) -> str:
    return json.dumps({"dependencies": packages, "fixes": []})


def test_a_known_hole_is_named_with_what_mends_it():
    found = of_pip_audit(pip_audit({"name": "a", "version": "1.0", "vulns": [HOLE]}))
    assert found.holes == ["a 1.0: PYSEC-2026-1, mended in 1.1"] and found.is_whole
    assert found.holes[0] in str(found)


def test_a_hole_that_was_accepted_is_passed_over_by_any_of_its_names(monkeypatch):
    monkeypatch.setitem(advisories.ACCEPTED, "CVE-2026-1", "not reached")
    found = of_pip_audit(pip_audit({"name": "a", "version": "1.0", "vulns": [HOLE]}))
    assert (found.holes, found.checked) == ([], 1)


def test_a_package_that_the_service_does_not_know_counts_as_not_checked():
    found = of_pip_audit(
        pip_audit({"name": "a", "version": "1.0", "vulns": []}, {"name": "b", "skip_reason": "not found"})
    )
    assert (found.checked, found.unknown, found.is_whole) == (1, ["b"], False)
    assert "NOT CHECKED" in str(found) and "b" in str(found)


@pytest.mark.parametrize(
    "said", [None, "", "Traceback …", "[]", pip_audit(), pip_audit({"name": "a", "skip_reason": "not found"})]
)
def test_no_answer_is_not_a_clean_one(said):
    found = of_pip_audit(said)
    assert found.trouble and not found.is_whole and "NOT CHECKED" in str(found)


def test_npm_names_a_hole_once_where_another_package_leads_to_it():
    said = {
        "vulnerabilities": {"zrender": {"via": [NPM_HOLE]}, "echarts": {"via": ["zrender"]}},
        "metadata": {"dependencies": {"total": 6}},
    }
    found = of_npm_audit(json.dumps(said))
    assert (found.holes, found.checked) == (["zrender: GHSA-1, Prototype pollution"], 6)


@pytest.mark.parametrize("said", [None, "", '{"message": "405 Method Not Allowed", "error": {}}'])
def test_npm_without_advisories_is_not_a_clean_answer(said):
    assert of_npm_audit(said).trouble
