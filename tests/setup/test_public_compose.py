"""docker-compose.public.yml without an engine: its roles, commands and environments as processes. Images, volumes and nginx are
not met here."""

import base64
import http.client
import os
import re
import secrets
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from django.conf import settings

from accounts.sealed_box import key_pair
from tests.served import HOST, Server
from tests.setup.test_postgres_init import PROGRAMS, BareCluster, cluster  # noqa: F401  (a fixture)
from tests.setup.test_public_role import paths

ROOT = Path(__file__).resolve().parents[2]
SERVICES = yaml.safe_load((ROOT / "docker-compose.public.yml").read_text("utf-8"))["services"]
NAME = "party.example.gov.cn"
SEEN = {"/healthz": 200, "/verify/": 200, "/notice/": 404}  # no notice has been carried here yet


def key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def asked() -> set[str]:
    """What the file asks of its .env without a default."""
    return set(re.findall(r"\$\{(\w+):\?", (ROOT / "docker-compose.public.yml").read_text("utf-8")))


@pytest.fixture
def environment(cluster, tmp_path):  # noqa: F811
    """Of a service: what compose would tell it, with the servers of this machine in place of its own; and nothing else."""
    told = {name: secrets.token_hex(12) for name in asked()} | {
        "ALLOWED_HOSTS": NAME, "RECEIPT_KEY": key(), "FERRY_TRUSTED": key(),
        "INBOX_PUBLIC_KEY": base64.b64encode(key_pair()[0]).decode(),
    }  # fmt: skip

    def value(found: re.Match) -> str:
        return told.get(found[1]) or (found[2] or "").removeprefix(":-")

    def of(service: str) -> dict[str, str]:
        whole = {
            name: re.sub(r"\$\{(\w+)([^}]*)\}", value, str(text))
            for name, text in SERVICES[service]["environment"].items()
        }
        if "DATABASE_URL" in whole:
            assert (
                whole["DATABASE_URL"].endswith("@postgres:5432/app") and "@valkey-public:6379/0" in whole["REDIS_URL"]
            )
            whole["DATABASE_URL"] = whole["DATABASE_URL"].replace("@postgres:5432", f"@{HOST}:{cluster.port}")
            whole["REDIS_URL"] = settings.REDIS_URL
        if "FERRY_KEY_FILE" in whole:
            whole["FERRY_KEY_FILE"] = whole["FERRY_KEY_FILE"].replace("/ferry/", f"{tmp_path}/ferry/")
        return {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"} | whole

    return of


def run(service: str, environment, *command: str) -> str:
    done = subprocess.run(
        [ROOT / "deploy/entrypoint.sh", *(command or SERVICES[service]["command"])], cwd=ROOT, env=environment(service),
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def status(server: Server, path: str) -> int:
    line = http.client.HTTPConnection(HOST, server.port, timeout=30)
    line.request("GET", path, headers={"Host": NAME, "X-Forwarded-Proto": "https"})
    answer = line.getresponse()
    answer.read()
    line.close()
    return answer.status


@pytest.fixture
def face(environment, cluster):  # noqa: F811
    login = {"PGHOST": HOST, "PGPORT": str(cluster.port), "PATH": PROGRAMS}
    script = ROOT / "deploy/postgres-public-init.sh"
    done = subprocess.run([script], env=environment("postgres") | login, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "9 张表" in run("prepare", environment)
    server = Server()
    server.environment = environment("web-public") | {"DJANGO_SETTINGS_MODULE": "config.settings"}  # of the image
    server.start()
    yield server
    server.kill()


@pytest.mark.django_db
def test_it_starts_and_serves_the_public_addresses_and_no_other(face, environment, tmp_path):
    assert {path: status(face, path) for path in SEEN} == SEEN
    answered = {path for path in paths() if status(face, path) not in (404, 405)}
    assert answered == {path for path, code in SEEN.items() if code == 200}
    run("ferry", environment, "python", "manage.py", "ferry_keys", str(tmp_path / "ferry/keys"))
    made = run("ferry", environment, "python", "manage.py", "ferry_out", str(tmp_path / "ferry/out"))
    assert Path(made.strip()).name == "xgz-to-staff-000001.jsonl"


def test_the_example_names_all_that_it_asks():
    example = (ROOT / ".env.example").read_text("utf-8")
    assert {name for name in asked() if not re.search(rf"\b{name}\b", example)} == set()
