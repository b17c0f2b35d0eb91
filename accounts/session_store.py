"""Sessions in a table that tells whose they are: listed, ended, and limited by the server's own clock."""

from datetime import timedelta

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends import db
from django.db import OperationalError, transaction
from django.utils import timezone

from accounts import opening
from accounts.disks import is_disk_full
from accounts.models import Session, User

SEEN_AGAIN = timedelta(seconds=20)  # `seen_at` is that exact and no more, so that reading writes next to nothing


class SessionStore(db.SessionStore):
    """`row`: the session as it stands in the table, `person`: whose it is; both as the request found them. `address` and
    `device` are told by the middleware."""

    row: Session | None = None
    person: User | None = None
    address: str | None = None
    device: str = ""

    @classmethod
    def get_model_class(cls):
        return Session

    def _get_session_from_db(self):
        """None also when the absolute limit has passed, whatever the browser's cookie says."""
        row, self.person = opening.read(self.session_key)
        if row and row.user_id and row.opened_at + timedelta(hours=settings.SESSION_HOURS) <= timezone.now():
            row.delete()
            row = self.person = None
        if row is None:
            self._session_key = None
        self.row = row
        return row

    def save(self, must_create=False):
        """What is known of the browser is written when somebody signs in, and not again with every change of the data."""
        if self.session_key is None:
            return self.create()
        user_id = None if must_create else self.get(SESSION_KEY)
        before = self.row.user_id if self.row and self.row.session_key == self.session_key else None
        if user_id is None or str(before) == user_id:
            super().save(must_create)
        else:
            self._begin(int(user_id), must_create)

    def _begin(self, user_id: int, must_create: bool) -> None:
        now = timezone.now()
        with transaction.atomic():
            super().save(must_create)
            Session.objects.filter(pk=self.session_key).update(
                user_id=user_id, opened_at=now, seen_at=now, address=self.address, device=self.device[:200]
            )
        self.row = Session.objects.get(pk=self.session_key)

    def is_idle(self) -> bool:
        """Nobody has done anything here for so long that the person must show again who they are."""
        return self.seconds_left() <= 0

    def seconds_left(self) -> int:
        if self.row is None or self.row.seen_at is None:
            return settings.SESSION_IDLE_MINUTES * 60
        end = self.row.seen_at + timedelta(minutes=settings.SESSION_IDLE_MINUTES)
        return int((end - timezone.now()).total_seconds())

    def touch(self) -> None:
        """The person has done something. Without room to write that down the page is shown all the same: the session only ends
        the sooner."""
        now = timezone.now()
        if self.row and self.row.seen_at and now - self.row.seen_at >= SEEN_AGAIN:
            try:
                Session.objects.filter(pk=self.row.pk).update(seen_at=now)
            except OperationalError as error:
                if not is_disk_full(error):
                    raise
            self.row.seen_at = now
