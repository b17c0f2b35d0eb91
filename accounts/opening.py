"""What a request must know before anything else, by one statement: the session, whose it is, and what the rooms above hang
on a person (orgs: the postings).

Read anew by every request, so whatever was taken from a person is gone with the next one.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

from django.conf import settings
from django.contrib import auth
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from accounts.models import Session, User
from accounts.postgres import connection
from accounts.prepared import Columns, Prepared


class Beside(NamedTuple):
    """Rows read along with a person. `joins` are outer joins on the user `u`, on the day `$3`; `keep` gets what they found,
    one entry for each row, with the columns in the order of `columns`."""

    columns: str
    joins: str
    order: str
    keep: Callable[[User, list[Sequence]], None]


_beside: list[Beside] = []


def tell_beside(beside: Beside) -> None:
    """For one room, in AppConfig.ready(): rows of two would multiply."""
    assert not _beside or _beside == [beside]
    _beside[:] = [beside]


@cache
def _statement() -> tuple[Columns, Columns, Prepared]:
    session, user = Columns(Session, "s"), Columns(User, "u")
    beside = _beside[0]
    sql = f"""
        SELECT {session.sql}, {user.sql}, {beside.columns}
        FROM accounts_session s LEFT JOIN accounts_user u ON u.id = s.user_id {beside.joins}
        WHERE s.session_key = $1::text AND s.expire_date > $2::timestamptz ORDER BY {beside.order}"""
    return session, user, Prepared("opening", sql, meets_persons=False)


def read(session_key: str) -> tuple[Session | None, User | None]:
    """The session that has not expired, and the person whose it is."""
    session, user, statement = _statement()
    rows = connection.asked_first(lambda: statement.rows(session_key, timezone.now(), timezone.localdate()))
    if not rows:
        return None, None
    ends = len(session), len(session) + len(user)
    person = user.instance(rows[0][ends[0] : ends[1]])
    if person is not None:
        _beside[0].keep(person, [row[ends[1] :] for row in rows])
    return session.instance(rows[0][: ends[0]]), person


def person_of(request):
    """Who is signed in. Anything but the plain case is Django's to judge: another key, a changed password, nobody."""
    session = request.session
    user_id = session.get(auth.SESSION_KEY)  # reads the session, and the person with it
    user = session.person
    if (
        user is not None
        and user.may_enter
        and str(user.pk) == user_id
        and session.get(auth.BACKEND_SESSION_KEY) in settings.AUTHENTICATION_BACKENDS
        and constant_time_compare(session.get(auth.HASH_SESSION_KEY, ""), user.get_session_auth_hash())
    ):
        return user
    return auth.get_user(request)
