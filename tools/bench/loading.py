"""One import by the product's own command, timed from inside a process that does nothing else."""

import io
import json
import resource
import time

from django.core.management import call_command


def measure(path: str, expect: dict[str, int], dry_run: bool = False) -> dict:
    """Seconds from the call to the commit, peak memory of the process in MB, and what the command counted.

    Raises ValueError where the counts are not what the file was made for: a quick import of nothing is no figure.
    """
    said = io.StringIO()
    started = time.perf_counter()
    call_command("import_file", path, target="business", user="registrar_city", json=True, dry_run=dry_run, stdout=said)
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    counts = json.loads(said.getvalue())
    first = counts.pop("errors")[:3]
    if wrong := {name: counts.get(name) for name, number in expect.items() if counts.get(name) != number}:
        raise ValueError(f"the import counted {wrong}, expected {expect}; first errors: {first}")
    return {"seconds": seconds, "peak_mb": peak, "counts": counts}
