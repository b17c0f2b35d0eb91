"""Django's connection to PostgreSQL, with the second wall told where somebody is about to ask, and statements planned once.

A request costs a handful of statements, so the ones that ask nothing of the business are left out: whose districts are
shown is told only where a statement follows that may meet persons, and only if the connection was not told so already.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import InterfaceError, OperationalError
from django.db.backends.postgresql import base

from accounts import wall


class DatabaseWrapper(base.DatabaseWrapper):
    """`told`: the districts that the session in the database shows; None where a rollback may have changed them.
    `prepared`: names of the statements that it has planned (accounts/prepared.py)."""

    told: str | None = wall.NOBODY
    prepared: frozenset[str] = frozenset()
    _meets_persons = True

    def get_new_connection(self, conn_params):
        self.told, self.prepared = wall.NOBODY, frozenset()
        return super().get_new_connection(conn_params)

    def _tell(self):
        wall.tell_when_due(self)
        if self.connection is None:  # it had died
            self.ensure_connection()
            wall.tell_when_due(self)

    def create_cursor(self, name=None):
        if self._meets_persons:
            self._tell()
        return super().create_cursor(name)

    def _set_autocommit(self, autocommit):
        """Told before a transaction begins: what its rollback brings back is right."""
        if not autocommit:
            self._tell()
        super()._set_autocommit(autocommit)

    def _rollback(self):
        try:
            super()._rollback()
        finally:
            self.told = None

    def _savepoint_rollback(self, sid):
        try:
            super()._savepoint_rollback(sid)
        finally:
            self.told = None

    @contextmanager
    def without_persons(self) -> Iterator[None]:
        """For statements that meet no walled table: whatever the connection shows, they answer the same."""
        self._meets_persons = False
        try:
            yield
        finally:
            self._meets_persons = True

    def asked_first(self, ask):
        """What `ask()` gives, on a connection that may have died since it was used last: the question finds that out by
        itself, without another one before it."""
        if self.connection is None or self.in_atomic_block or self.health_check_done:
            return ask()
        self.health_check_done = True
        try:
            return ask()
        except (OperationalError, InterfaceError):
            if self.is_usable():
                raise
            self.close()
            return ask()
