"""P7 and P8: requests a second through gunicorn, the product's page or POST against a bare view beside it."""

import contextlib
import itertools
import json
import os
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.middleware.csrf import _get_new_csrf_string
from django.urls import reverse
from django.utils import timezone

from accounts import wall
from accounts.models import User
from accounts.session_store import SessionStore
from members.identity import member_code, member_code_index
from members.models import MemberCode
from orgs.models import Posting
from stations.models import CheckIn, ServicePoint
from stations.selectors import members_to_pick
from tools.bench.client import HOST, ask, request
from tools.bench.databases import ROOT
from tools.bench.figures import median
from tools.embedded import die_with_parent, free_port, stop_process

CONNECTIONS = 8
WORKERS, THREADS = 2, 4  # as `make demo` starts it
START_PATIENCE = 60  # seconds


@wall.everywhere()  # to find the persons who check in; the server asked is a process of its own
def measure(rounds: int, seconds: float) -> dict:
    officer = User.objects.get(username="officer")
    readers = {name: signed_in(User.objects.get(username=name)) for name in ("city_leader", "officer")}
    poster = signed_in(officer)
    posts = itertools.chain(check_ins(officer))
    with served() as port:
        pages = {name: itertools.repeat(request("GET", reverse("reports:dashboard"), headers(key)))
                 for name, key in readers.items()}  # fmt: skip
        bare_page = itertools.repeat(request("GET", "/bench/page/", {}))
        body = json.dumps(next(posts)).encode()
        bare_post = itertools.repeat(request("POST", "/bench/post/", {}, body))
        path = reverse("stations:check_in")
        real_post = (request("POST", path, headers(poster), json.dumps(one).encode()) for one in posts)
        rates = alternate(
            port, rounds, seconds,
            {"bare_page": (bare_page, 200), **{name: (page, 200) for name, page in pages.items()},
             "bare_post": (bare_post, 201), "check_in": (real_post, 201)},
        )  # fmt: skip
    return {
        "dashboard": {name: rates[name] / rates["bare_page"] for name in readers},
        "check_in": rates["check_in"] / rates["bare_post"],
        "requests_per_second": rates,
        "gunicorn": f"{WORKERS} workers × {THREADS} threads, {CONNECTIONS} connections",
    }


def alternate(port: int, rounds: int, seconds: float, kinds: dict[str, tuple[Iterator[bytes], int]]) -> dict:
    """The median rate of each kind; one after the other, so that a slow moment of the machine meets all of them."""
    rates: dict[str, list[float]] = {name: [] for name in kinds}
    for requests, expected in kinds.values():
        ask(port, requests, seconds=min(1, seconds), connections=CONNECTIONS).rate(expected)  # warm
    for _ in range(rounds):
        for name, (requests, expected) in kinds.items():
            heard = ask(port, requests, seconds=seconds, connections=CONNECTIONS)
            rates[name].append(heard.rate(expected))
    return {name: median(series) for name, series in rates.items()}


def signed_in(user: User) -> str:
    """The key of a session as signing in would leave it: made, then somebody's."""
    session = SessionStore()
    session.create()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "orgs.doors.DoorBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return session.session_key or ""


def headers(session_key: str) -> dict[str, str]:
    token = _get_new_csrf_string()
    cookies = f"{settings.SESSION_COOKIE_NAME}={session_key}; {settings.CSRF_COOKIE_NAME}={token}"
    return {"Cookie": cookies, "X-CSRFToken": token}


def check_ins(officer: User) -> Iterator[dict]:
    """Check-ins by member code that were not made yet, at the open places of the officer's guidance station."""
    unit = Posting.objects.get(user=officer).organization
    places = list(ServicePoint.objects.open().filter(guidance_station=unit).order_by("pk"))
    members = list(members_to_pick(user=officer, place=places[0]))
    codes = {member.pk: code_of(member) for member in members}
    now = timezone.now()
    made = set(
        CheckIn.objects.filter(member__in=members, on=timezone.localdate(now)).values_list("member", "place", "purpose")
    )
    for purpose, place, member in itertools.product(CheckIn.Purpose.values, places, members):
        if (member.pk, place.pk, purpose) not in made:
            yield {
                "place": place.pk, "purpose": purpose, "code": codes[member.pk], "nonce": str(uuid.uuid4()),
                "occurred_at": now.isoformat(),
            }  # fmt: skip


def code_of(member) -> str:
    """A fresh member code; the receipt through which a person would ask for it is not part of a check-in."""
    code = member_code()
    MemberCode.objects.filter(member=member, revoked_at__isnull=True).update(revoked_at=timezone.now())
    MemberCode.objects.create(member=member, code=code, code_index=member_code_index(code))
    return code


@contextlib.contextmanager
def served() -> Iterator[int]:
    """gunicorn on a free port of this machine, with the bench's addresses, until the block ends."""
    port = free_port()
    process = subprocess.Popen(
        [Path(sys.executable).parent / "gunicorn", "config.wsgi", "--bind", f"{HOST}:{port}",
         "--workers", str(WORKERS), "--threads", str(THREADS), "--keep-alive", "30", "--log-level", "error",
         "--no-control-socket"],
        cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, preexec_fn=die_with_parent(15),
    )  # fmt: skip
    try:
        wait_for(port, process)
        yield port
    finally:
        stop_process(process, 15, 15)


def wait_for(port: int, process: subprocess.Popen) -> None:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a machine's proxy must not be asked
    until = time.monotonic() + START_PATIENCE
    while process.poll() is None and time.monotonic() < until:
        with contextlib.suppress(OSError), direct.open(f"http://{HOST}:{port}/bench/page/", timeout=5):
            return
        time.sleep(0.1)
    raise RuntimeError("gunicorn did not answer")
