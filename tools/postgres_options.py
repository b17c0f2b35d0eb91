"""How the embedded PostgreSQL is set: for a demo or a bench, and for tests."""

import contextlib
import os
from pathlib import Path

MB, GB = 1024**2, 1024**3


def memory() -> int:
    """Bytes that this machine has, or the container where it has fewer."""
    limits = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    with contextlib.suppress(OSError, ValueError):  # no cgroup, or no limit in it ("max")
        limits.append(int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return min(limits)


# For a machine with 4 GB or more that also runs the web server, the worker and a browser; an eighth of it holds pages.
# Minimal WAL: nobody replicates a demo, and loading a table made in the same transaction then writes no WAL.
# A statement that failed, and the row it failed on, name persons: they stay out of the log, in production too.
QUIET = {"log_min_error_statement": "panic", "log_error_verbosity": "terse"}
POSTGRES_OPTIONS = QUIET | {
    "unix_socket_directories": "",
    "timezone": "Asia/Shanghai",
    "shared_preload_libraries": "pg_stat_statements",
    "max_connections": "100",
    "shared_buffers": f"{min(max(memory() // 8, 512 * MB), 4 * GB) // MB}MB",
    "effective_cache_size": f"{max(memory() // 4, GB) // MB}MB",
    "work_mem": "64MB",
    "maintenance_work_mem": "512MB",
    "wal_buffers": "64MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "random_page_cost": "1.1",
    "jit": "off",
    "max_parallel_workers": str(os.cpu_count() or 1),
    "max_parallel_workers_per_gather": str(min(2, os.cpu_count() or 1)),
    "max_parallel_maintenance_workers": str(min(2, os.cpu_count() or 1)),
}

# For tests: a crash may lose the data.
FAST_OPTIONS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "shared_buffers": "128MB",
    "maintenance_work_mem": "64MB",
}
