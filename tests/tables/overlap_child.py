"""A registrar's own process: `python -m tests.tables.overlap_child USER PATH [held|unlocked]`.

It says "ready" and begins when told to. "held": it says "planned" once its plan is made, under the lock of imports, and
writes when told to. "unlocked": the same without that lock, to show what it is for.
"""

import sys

import django

django.setup()

from django.core.management import CommandError, call_command  # noqa: E402

from markets.imports import importer  # noqa: E402


def pause(word: str) -> None:
    print(word, flush=True)
    sys.stdin.readline()


user, path, *how = sys.argv[1:]
if how:
    importer.fault = lambda point: pause("planned") if point == "apply.planned" else None
if "unlocked" in how:
    importer.lock = lambda waiting: None
pause("ready")
try:
    call_command("import_file", path, "--target=business", f"--user={user}", "--json")
except CommandError:
    sys.exit(3)  # told in the answer
