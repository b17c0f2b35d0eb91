"""What every answer tells the browser: nothing inline, nothing from outside, no frame, no guessing of types."""

import os
import re
import subprocess
import sys

import pytest

from tests.persona_world import PERSONAS
from tests.test_architecture import ROOT
from tests.test_personas import RULED, ask, rule_of, values, world  # noqa: F401  (a fixture)

pytestmark = pytest.mark.django_db
INLINE = re.compile(
    r"<script(?![^>]*\b(?:src=|type=\"application/json\"))|\sstyle=|\son\w+=\"|javascript:", re.IGNORECASE
)
SECRECY = "不得存储、处理国家秘密"
KEY = "dGVzdHMtb25seS10ZXN0cy1vbmx5LXRlc3RzLW9ubHk="


# Written out by hand: what the code says could not fail here.
RULES = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), midi=(), payment=(), serial=(), usb=()",
}


def told(response) -> dict[str, str]:
    return {name: response.headers.get(name, "") for name in RULES}


@pytest.mark.parametrize("address", RULED, ids=lambda address: address.unnamed_route or address.name)
def test_answer_holds_the_rules_of_the_browser(world, address):  # noqa: F811
    page = rule_of(address)
    persona = next((each for each in PERSONAS if each in page.who), None)
    if persona is None or address.unnamed_route:
        return
    given = values(world, persona, page, address, "near") if page.row else page.extra
    response = ask(world, persona, page, address.url(**given))
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy and "unsafe" not in policy and "http" not in policy and "*" not in policy
    assert response.headers["X-Frame-Options"] == "DENY" and "frame-ancestors 'none'" in policy
    assert told(response) == RULES
    kept = response.headers.get("Cache-Control", "")
    assert response.status_code >= 300 or "private" in kept or "no-store" in kept
    if response.headers.get("Content-Type", "").startswith("text/html"):
        assert INLINE.findall(response.text_now) == []
        if "</body>" in response.text_now and response.status_code == 200 and 'class="staff"' in response.text_now:
            assert SECRECY in response.text_now


def production(*words: str, **more: str) -> subprocess.CompletedProcess:
    environment = {
        "PATH": os.environ["PATH"], "SECRET_KEY": "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        "FIELD_KEYS": f'["1:{KEY}"]', "BLIND_INDEX_KEY": KEY, "AUDIT_SEAL_KEY": KEY, "BEHIND_HTTPS": "1",
        "BEHIND_PROXY": "1", "ALLOWED_HOSTS": "party.example.gov.cn", "REDIS_URL": "redis://127.0.0.1:1/0",
        "DATABASE_URL": "postgres://web@127.0.0.1:1/app", **more,
    }  # fmt: skip
    return subprocess.run([sys.executable, *words], cwd=ROOT, env=environment, capture_output=True, text=True)


PUBLIC_FACE = {
    "FACE": "public", "FIELD_KEYS": "", "BLIND_INDEX_KEY": "", "AUDIT_SEAL_KEY": "", "RECEIPT_KEY": KEY,
    "INBOX_PUBLIC_KEY": KEY,
}  # fmt: skip


@pytest.mark.parametrize("face", [{}, PUBLIC_FACE], ids=["both", "public"])
def test_the_check_of_a_deployment_is_clean(face):
    networks = {} if face else {"ADMIN_NETWORKS": "10.12.0.0/24"}  # nobody signs in on the public face
    done = production("manage.py", "check", "--deploy", "--fail-level", "WARNING", **face, **networks)
    assert done.returncode == 0 and "no issues" in done.stdout, done.stderr


def test_the_check_of_a_deployment_asks_where_the_administrators_work():
    done = production("manage.py", "check", "--deploy", "--fail-level", "WARNING")
    assert done.returncode == 1 and "accounts.W001" in done.stderr and "1 issue" in done.stderr


def test_control_the_check_of_a_deployment_by_http_is_not():
    done = production("manage.py", "check", "--deploy", "--fail-level", "WARNING", BEHIND_HTTPS="0")
    assert done.returncode == 1 and "security.W004" in done.stderr and "security.W012" in done.stderr


def test_cookies_are_for_https_and_for_no_script():
    code = (
        "import django; django.setup(); from django.conf import settings as s;"
        "print(s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.SESSION_COOKIE_HTTPONLY, s.SESSION_COOKIE_SAMESITE)"
    )
    done = production("-c", code, DJANGO_SETTINGS_MODULE="config.settings")
    assert done.stdout.split() == ["True", "True", "True", "Lax"], done.stderr


@pytest.mark.parametrize("host", ["evil.example", "testserver.evil.example", "127.0.0.1:x"])
def test_a_host_that_is_not_ours_gets_nothing(client, host):
    assert client.get("/healthz", headers={"host": host}).status_code == 400


def a_broken_page(client, monkeypatch):
    monkeypatch.setattr("config.health.cache.set", lambda *_: 1 / 0)
    client.raise_request_exception = False
    return client.get("/healthz")


ANSWERS = {
    "static": (200, lambda client, patch: client.get("/static/css/common.css")),
    "no page": (404, lambda client, patch: client.get("/nowhere/")),
    "a NUL": (404, lambda client, patch: client.get("/verify/?code=%00")),
    "another host": (400, lambda client, patch: client.get("/healthz", headers={"host": "evil.example"})),
    "no such method": (405, lambda client, patch: client.put("/verify/")),
    "no token": (403, lambda client, patch: type(client)(enforce_csrf_checks=True).post("/accounts/sign-in/")),
    "broken": (500, a_broken_page),
    "public": (200, lambda client, patch: client.get("/verify/")),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_errors_and_files_hold_the_rules_too(name, client, monkeypatch):
    status, ask_for = ANSWERS[name]
    response = ask_for(client, monkeypatch)
    assert (response.status_code, told(response)) == (status, RULES)


def test_a_page_behind_a_code_is_stricter_and_stays_so(client):
    assert client.get("/verify/ABCDEFGH/").headers["Referrer-Policy"] == "no-referrer"


def test_no_page_uses_what_is_forbidden():
    """Whoever adds a map of the visitor's place, or a scanner by camera, opens the rule for that page."""
    used = re.compile(r"navigator\.(geolocation|mediaDevices|usb|serial)|getUserMedia|getDisplayMedia|PaymentRequest")
    scripts = [*(ROOT / "static" / "js").rglob("*.js"), *(ROOT / "templates").rglob("*.html")]
    assert len(scripts) > 100 and [path.name for path in scripts if used.search(path.read_text("utf-8"))] == []


@pytest.mark.parametrize("name", ["nginx", "nginx-public"])
def test_nginx_tells_no_version_and_what_it_answers_itself_holds_the_rules(name):
    """Empty where the application told it: a header added to an answer of its own would stand there twice."""
    template = (ROOT / f"deploy/{name}.conf.template").read_text("utf-8")
    assert template.count("server_tokens off;") == 1
    for header, variable in (("X-Content-Type-Options", "own_nosniff"), ("Referrer-Policy", "own_referrer")):
        source = f"$upstream_http_{header.lower().replace('-', '_')}"
        assert f'map {source} ${variable} {{ "" {RULES[header]}; default ""; }}' in template
        assert f"\n    add_header {header} ${variable} always;" in template
    assert template.count("add_header") == 2  # one in a location would take these away there
