"""Known holes in what the product is made of, by the public advisories on Python and npm packages.

Part of `make lint`: a known hole fails it. Where nobody answers for the advisories (no network, an internal mirror) it says
what was not checked and goes on; `make advisories` fails then too. pip-audit by itself would call that "no known
vulnerabilities": a package that the service does not know is skipped.
"""

import argparse
import json
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from tools.assets import npm_command
from tools.embedded import die_with_parent

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 90  # seconds for all answers of one service; a slow one must not hold up who waits for the lint

# Advisories that do not reach us: id -> why, and until when that is to be looked at again.
ACCEPTED: dict[str, str] = {}


@dataclass
class Found:
    """What one service said. `checked`: packages that it answered for; `unknown`: those that it did not."""

    what: str
    holes: list[str] = field(default_factory=list)
    checked: int = 0
    unknown: list[str] = field(default_factory=list)
    trouble: str = ""

    @property
    def is_whole(self) -> bool:
        return not self.trouble and not self.unknown

    def __str__(self) -> str:
        if self.trouble:
            return f"{self.what}: NOT CHECKED for known holes: {self.trouble}"
        told = f"{self.what}: {self.checked} packages checked, {len(self.holes)} known holes"
        if self.unknown:
            told += f"; NOT CHECKED, unknown to the advisory service: {', '.join(self.unknown)}"
        return "\n".join([told, *(f"    {hole}" for hole in self.holes)])


def answer_of(command: list[str], **where) -> str | None:
    """What a program printed, whatever its exit code says; None when it took too long."""
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            preexec_fn=die_with_parent(signal.SIGKILL),
            **where,
        )
    except subprocess.TimeoutExpired:
        return None
    return done.stdout


def read_json(text: str | None) -> dict:
    """{} for whatever is none: a program that could not connect prints a sentence or a traceback."""
    try:
        found = json.loads(text or "")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


# --- Python ---------------------------------------------------------------------------------------------------------


def python_packages(lock: Path) -> Found:
    """One package first: a mirror that knows no advisories answers for none, and would be asked for each of them."""
    first = re.search(r"(?m)^django==\S+", lock.read_text("utf-8"))
    with tempfile.TemporaryDirectory(prefix="advisories-") as scratch:
        probe = Path(scratch) / "requirements.txt"
        probe.write_text(f"{first[0]}\n" if first else "", "utf-8")
        found = of_pip_audit(_pip_audit(probe, "--no-deps"))
    return found if found.trouble else of_pip_audit(_pip_audit(lock, "--require-hashes"))


def _pip_audit(lock: Path, *more: str) -> str | None:
    options = ["--disable-pip", "--progress-spinner", "off", "--timeout", "10", "--format", "json", *more]
    return answer_of([sys.executable, "-m", "pip_audit", "--requirement", str(lock), *options])


def of_pip_audit(text: str | None) -> Found:
    found = Found("Python")
    for package in read_json(text).get("dependencies", []):
        if "skip_reason" in package:
            found.unknown.append(package["name"])
            continue
        found.checked += 1
        for hole in package["vulns"]:
            if not ACCEPTED.keys() & {hole["id"], *hole["aliases"]}:
                mended = ", ".join(hole["fix_versions"]) or "no version yet"
                found.holes.append(f"{package['name']} {package['version']}: {hole['id']}, mended in {mended}")
    if not found.checked:
        found.trouble = "the advisory service did not answer"
    return found


# --- npm ------------------------------------------------------------------------------------------------------------


def npm_packages() -> Found:
    command, environment = npm_command()
    with tempfile.TemporaryDirectory(prefix="advisories-") as scratch:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(ROOT / name, scratch)
        options = ["--json", "--package-lock-only", "--fetch-retries=0", "--no-update-notifier"]
        return of_npm_audit(answer_of([*command, "audit", *options], cwd=scratch, env=environment))


def of_npm_audit(text: str | None) -> Found:
    said, found = read_json(text), Found("npm")
    if "vulnerabilities" not in said:
        found.trouble = "the advisory service did not answer"
        return found
    found.checked = said["metadata"]["dependencies"]["total"]
    for name, package in said["vulnerabilities"].items():
        # A text names another package of the list, by which this one is reached.
        ids = {hole["url"].rpartition("/")[2]: hole["title"] for hole in package["via"] if isinstance(hole, dict)}
        found.holes += [f"{name}: {key}, {title}" for key, title in ids.items() if key not in ACCEPTED]
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="make advisories")
    parser.add_argument("--strict", action="store_true", help="fail also when something could not be checked")
    strict = parser.parse_args().strict
    results = [python_packages(ROOT / "requirements-dev.txt"), npm_packages()]
    for found in results:
        print(found, file=sys.stderr if found.holes or not found.is_whole else sys.stdout)
    return int(any(found.holes or (strict and not found.is_whole) for found in results))


if __name__ == "__main__":
    sys.exit(main())
