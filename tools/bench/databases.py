"""Databases of a run: made as the owner on the servers of the environment, dropped at its end."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg2

from tools.embedded import die_with_parent, is_alive

ROOT = Path(__file__).resolve().parent.parent.parent
PREFIX = "bench"
KEPT = f"{PREFIX}_kept"


def _named(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


@contextlib.contextmanager
def connected(url: str) -> Iterator:
    """A connection in autocommit, as whoever the address names."""
    with contextlib.closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            yield cursor


class Databases:
    """`keep`: cities stay and are found again by their size; for whoever works on the bench itself."""

    def __init__(self, owner_url: str, web_url: str, keep: bool = False):
        self.owner_url, self.web_url, self.keep = owner_url, web_url, keep
        self.mine: list[str] = []

    def owner(self, name: str) -> str:
        return _named(self.owner_url, name)

    def environment(self, name: str) -> dict[str, str]:
        """For a child that works on this database as the product does: as the web role, without the owner's login."""
        found = os.environ | {
            "DATABASE_URL": _named(self.web_url, name),
            "DATABASE_ROLE": "web",
            "DJANGO_SETTINGS_MODULE": "tools.bench.settings",
        }
        found.pop("DATABASE_OWNER_URL", None)
        return found

    def create(self, label: str, template: str | None = None) -> str:
        name = f"{PREFIX}_{os.getpid()}_{label}"
        with connected(self.owner_url) as cursor:
            cursor.execute(f'CREATE DATABASE "{name}"' + (f' TEMPLATE "{template}"' if template else ""))
        self.mine.append(name)
        return name

    def drop(self, name: str) -> None:
        """Without FORCE, which may not end an autovacuum worker or a session of the web role: the plain statement sends the
        one away and waits a moment for the other."""
        with connected(self.owner_url) as cursor:
            cursor.execute(f'DROP DATABASE IF EXISTS "{name}"')
        if name in self.mine:
            self.mine.remove(name)

    def drop_mine(self) -> None:
        for name in [*self.mine]:
            self.drop(name)

    def drop_leftovers(self) -> None:
        """Of runs that were killed: their databases carry the number of a process that is no more."""
        with connected(self.owner_url) as cursor:
            cursor.execute("SELECT datname FROM pg_database WHERE datname ~ %s", [rf"^{PREFIX}_\d+_"])
            names = [name for (name,) in cursor.fetchall()]
        for name in names:
            if not is_alive(int(name.split("_")[1])):
                self.drop(name)

    def city(self, businesses: int) -> str:
        """The demo city with this many businesses, migrated, vacuumed and analyzed."""
        kept = f"{KEPT}_{businesses}"
        if self.keep and self._exists(kept):
            return kept
        name = self.create(f"city_{businesses}")
        self._manage(name, "migrate", "-v0")
        self._manage(name, "seed_demo", "--businesses", str(businesses))
        with connected(self.owner(name)) as cursor:
            cursor.execute("VACUUM (ANALYZE)")  # what autovacuum does within a minute of such a load
        if self.keep:
            with connected(self.owner_url) as cursor:
                cursor.execute(f'ALTER DATABASE "{name}" RENAME TO "{kept}"')
            self.mine.remove(name)
            return kept
        return name

    def _exists(self, name: str) -> bool:
        with connected(self.owner_url) as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
            return cursor.fetchone() is not None

    def _manage(self, name: str, *words: str) -> None:
        environment = self.environment(name) | {"DATABASE_OWNER_URL": self.owner(name)}
        subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            preexec_fn=die_with_parent(15),
        )  # fmt: skip
