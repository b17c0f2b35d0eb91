"""A process for one measurement: `python -m tools.bench.child NAME JSON` prints the answer as its last line."""

import importlib
import json
import subprocess
import sys

from tools.bench.databases import ROOT
from tools.embedded import die_with_parent

NAMES = ("loading", "usual", "coverage", "duck", "lists", "names", "web", "alike")


class MeasurementFailed(Exception):
    """The child ended with an error; the message is the end of what it said."""


def measured(name: str, environment: dict[str, str], **arguments) -> dict:
    """Run one measurement in a process of its own, on the database that the environment names."""
    done = subprocess.run(
        [sys.executable, "-m", "tools.bench.child", name, json.dumps(arguments)],
        cwd=ROOT, env=environment, capture_output=True, text=True, preexec_fn=die_with_parent(15),
    )  # fmt: skip
    if done.returncode:
        raise MeasurementFailed("\n".join(done.stderr.strip().splitlines()[-6:]))
    return json.loads(done.stdout.strip().splitlines()[-1])


def main() -> None:
    import django

    django.setup()
    name, arguments = sys.argv[1:]
    if name not in NAMES:
        sys.exit(f"no measurement {name}")
    print(json.dumps(importlib.import_module(f"tools.bench.{name}").measure(**json.loads(arguments))))


if __name__ == "__main__":
    main()
