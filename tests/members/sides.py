"""Two databases that no line joins, and this process on either side of them."""

import base64
import contextlib
import os
from pathlib import Path

from django.db import connection, connections
from django.db.utils import ConnectionHandler

from accounts.sealed_box import key_pair
from members import ferry, inbox
from members.ferry import keys

SERVER = os.environ["DATABASE_OWNER_URL"].rsplit("@", 1)[1].rsplit("/", 1)[0]


class Sides:
    """Both databases and the keys of both directions; the staff side is this process."""

    def __init__(self, folder: Path, settings, name: str) -> None:
        self.settings, self.name, self.disk = settings, name, folder / "disk"
        self.disk.mkdir()
        public, private = key_pair()
        settings.FACE, settings.INBOX_PRIVATE_KEYS, settings.INBOX_PUBLIC_KEY = "staff", [private], public
        settings.IS_FERRIED = True
        self.key, self.trusted = {}, {}
        for face in ("public", "staff"):
            path, told = keys.make_pair(folder / face)
            self.key[face], self.trusted[face] = keys.read_private(path), [base64.b64decode(told)]
            setattr(self, f"{face}_key_file", path)
        settings.FERRY_TRUSTED = self.trusted["public"]
        settings.FERRY_KEY_FILE = str(self.staff_key_file)

    @contextlib.contextmanager
    def public(self, role: str = "public_ferry"):
        """This process as the public side, signed in as `role` there."""
        changed = {"FACE": "public", "IS_PUBLIC_FACE": True, "FERRY_TRUSTED": self.trusted["staff"],
                   "FERRY_KEY_FILE": str(self.public_key_file)}  # fmt: skip
        before = {name: getattr(self.settings, name) for name in changed}
        mine = connections["default"]
        other = {**connection.settings_dict, "NAME": self.name, "USER": role, "OPTIONS": {}}  # nobody else's role
        connections["default"] = ConnectionHandler({"default": other}).create_connection("default")
        for name, value in changed.items():
            setattr(self.settings, name, value)
        try:
            yield
        finally:
            connections["default"].close()
            connections["default"] = mine
            for name, value in before.items():
                setattr(self.settings, name, value)

    def out(self, *, whole: bool = False) -> Path:
        side = "public" if self.settings.IS_PUBLIC_FACE else "staff"
        return ferry.ferry_out(self.disk, self.key[side], whole=whole)[-1]

    def public_out(self) -> Path:
        with self.public():
            return self.out()

    def public_in(self, path: Path) -> None:
        with self.public():
            ferry.ferry_in(path)

    def turn(self) -> int:
        """There and back; how much was taken."""
        ferry.ferry_in(self.public_out())
        taken = inbox.take_all()
        self.public_in(self.out())
        return taken

    def send(self, kind: str, content: dict, key: str) -> None:
        with self.public("public_web"):
            inbox.send(kind, content, key=key)

    def waiting(self) -> list[str]:
        with self.public(), connection.cursor() as cursor:
            cursor.execute("SELECT id::text FROM members_submission ORDER BY received_at")
            return [pk for (pk,) in cursor.fetchall()]
