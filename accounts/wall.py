"""The second wall: of which districts the database shows persons on this connection (docs/adr/0014).

The first wall is `visible_to`, which every read passes. This one is for the read that forgot it: policies of PostgreSQL on
the tables that hold persons compare a row's district committee with the setting `app.districts` of the session. Nobody
set it: no rows. It is coarse on purpose (whole districts), and no shield against somebody who runs SQL of their own.

What this thread may see is kept in Python and told to its connection before it is asked (accounts/postgres), unless that
was told the same already. A told value that a rollback takes back is told again.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import psycopg2
from django.contrib.auth import get_backends
from django.db import connection
from psycopg2.extensions import TRANSACTION_STATUS_INERROR

SETTING = "app.districts"
NOBODY, EVERYBODY = "", "all"
_shown: ContextVar[str] = ContextVar("districts", default=NOBODY)


def shown_to(user) -> str:
    """What the setting says for this person: by the backend that knows the postings, as with every other right."""
    for backend in get_backends():
        if hasattr(backend, "districts_of"):
            districts = backend.districts_of(user)
            return EVERYBODY if districts is None else _listed(districts)
    return NOBODY


def _listed(districts: Iterable[int]) -> str:
    numbers = ",".join(map(str, sorted(districts)))
    return f"{{{numbers}}}" if numbers else NOBODY


def _tell(districts: str) -> None:
    _shown.set(districts)
    if connection.connection is not None:
        tell_when_due(connection)


def tell_when_due(opened) -> None:
    """Called by the connection itself (accounts/postgres) before it is asked, too. On the driver's own cursor: this is no
    query of the page. A connection that cannot be told is used no more."""
    districts = _shown.get()
    if opened.told == districts:
        return
    raw = opened.connection
    if opened.needs_rollback or raw.get_transaction_status() == TRANSACTION_STATUS_INERROR:
        return  # the rollback that is due brings back what was told before
    try:
        with raw.cursor() as cursor:
            cursor.execute("SELECT set_config(%s, %s, false)", [SETTING, districts])
        opened.told = districts
    except psycopg2.Error:
        opened.close()


@contextmanager
def within(districts: str) -> Iterator[None]:
    """The block sees the persons of these districts, and its connection is told at once: a cursor may be open that goes on
    behind the block."""
    before = _shown.get()
    _tell(districts)
    try:
        yield
    finally:
        _tell(before)


@contextmanager
def everywhere() -> Iterator[None]:
    """The block sees persons of the whole city: what counts, what runs at night, what acts on a person as a whole (who may
    be known in two districts), and what a person does with the code of their receipt."""
    if _shown.get() == EVERYBODY:
        yield
        return
    with within(EVERYBODY):
        yield


@contextmanager
def as_user(user) -> Iterator[None]:
    """The block sees what this person's postings reach. The connection is told, of its beginning and of its end, by what is
    asked next (accounts/postgres): a page that asks nothing costs nothing."""
    before = _shown.get()
    _shown.set(shown_to(user))
    try:
        yield
    finally:
        _shown.set(before)


def become(user) -> None:
    """Until the surrounding block ends: an API call says who it is only after it has come in."""
    _tell(shown_to(user))


def count_everywhere() -> None:
    """Until the surrounding block ends: rows of businesses are about to be picked by what is known of their people, which
    must give everybody the same number, wherever those people are on a roll."""
    if _shown.get() != EVERYBODY:
        _tell(EVERYBODY)


def while_read(pieces: Iterable) -> Iterator:
    """An answer that is made while it is sent, after the request's own block has ended."""
    districts = _shown.get()

    def walled() -> Iterator:
        with within(districts):
            yield from pieces

    return walled()
