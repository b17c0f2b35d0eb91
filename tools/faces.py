"""The demo's two faces: what each process is told, and the key pair between them."""

import base64
import json
from pathlib import Path
from typing import NamedTuple

from accounts.sealed_box import key_pair
from devservices import write_private
from tools.embedded import free_port

OF_THE_STAFF_SIDE = (
    "FIELD_KEYS", "BLIND_INDEX_KEY", "BLIND_INDEX_OLD_KEY", "DIGEST_KEY", "AUDIT_SEAL_KEY", "INBOX_PRIVATE_KEY",
    "MEDIA_ROOT",
)  # fmt: skip
LOGINS = ("DATABASE_OWNER_URL", "DATABASE_PUBLIC_URL")  # of roles that the staff side does not serve as


class Faces(NamedTuple):
    """The environment of each face, and of the front that stands before both."""

    staff: dict[str, str]
    public: dict[str, str]
    front: dict[str, str]
    staff_port: int
    public_port: int


def serving_environment(environment: dict[str, str]) -> dict[str, str]:
    """What serves never learns the owner's login."""
    return {name: value for name, value in environment.items() if name not in LOGINS}


def inbox_pair(data: Path) -> dict[str, str]:
    """Kept with the folder: what waits in its inbox is sealed with it."""
    path = data / "inbox.json"
    if not path.exists():
        public, private = (base64.b64encode(half).decode() for half in key_pair())
        write_private(path, {"INBOX_PUBLIC_KEY": public, "INBOX_PRIVATE_KEY": private})
    return json.loads(path.read_text("utf-8"))


def faces(data: Path, environment: dict[str, str]) -> Faces | None:
    """None where nobody told the public role's login: then one process is both."""
    if not (login := environment.get("DATABASE_PUBLIC_URL")):
        return None
    both = serving_environment(environment) | inbox_pair(data) | {"BEHIND_PROXY": "1"}
    server, _, number = environment["REDIS_URL"].rpartition("/")
    told = {"FACE": "public", "DATABASE_URL": login, "REDIS_URL": f"{server}/{int(number) + 1}"}
    staff_port, public_port = free_port(), free_port()
    return Faces(
        staff=both | {"FACE": "staff"},
        public={name: value for name, value in both.items() if name not in OF_THE_STAFF_SIDE} | told,
        front={"PATH": both.get("PATH", ""), "FRONT_STAFF": str(staff_port), "FRONT_PUBLIC": str(public_port)},
        staff_port=staff_port,
        public_port=public_port,
    )
