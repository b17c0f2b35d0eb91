"""The production set-up, as far as a machine without a container engine can check it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.persona_rules import FACE_PUBLIC, PUBLIC
from tests.test_personas import ALL
from tools import front
from tools.embedded import LOCALE
from tools.postgres_options import QUIET

ROOT = Path(__file__).resolve().parents[2]
ENTRYPOINT = ROOT / "deploy/entrypoint.sh"
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
SERVICES = COMPOSE["services"]
ONE_SHOT = {"migrate"}
SECRET_NAME = re.compile("PASSWORD|SECRET|_KEYS?$")
ONLY_WHILE_A_KEY_CHANGES = {
    "BLIND_INDEX_OLD_KEY",
    "BLIND_INDEX_OLD_HASH",
    "DIGEST_KEY",
    "DIGEST_HASH",
}  # empty else: there is none
KEYS = {"SECRET_KEY": "x", "FIELD_KEYS": "x", "BLIND_INDEX_KEY": "x", "AUDIT_SEAL_KEY": "x", "REDIS_URL": "x"}


def test_every_service_that_stays_has_a_health_check():
    assert {name for name, service in SERVICES.items() if "healthcheck" not in service} == ONE_SHOT
    assert all(SERVICES[name]["restart"] == "no" for name in ONE_SHOT)


@pytest.mark.parametrize("name", ["nginx", "nginx-public"])
def test_the_web_server_writes_down_no_code_that_opens_a_page(name):
    template = (ROOT / f"deploy/{name}.conf.template").read_text("utf-8")
    secret = re.compile(re.search(r'"~(\^.*)" "\$before', template)[1].replace("?<", "?P<"))
    found = secret.match("/r/ABCDEFGHIJKLMNOP/withdraw/?x=1")
    assert (found["before"], found["after"]) == ("/r/", "/withdraw/?x=1")
    assert secret.match("/verify/ABCDEFGH/")["after"] == "/" and secret.match("/verify/?code=AB-CD")["after"] == ""
    assert not secret.match("/registrations/12/") and not secret.match("/verify/")
    form = template[template.index("log_format") : template.index("upstream")]
    assert not re.search(r"\$(request|request_uri|http_referer|args|uri)\b", form)
    assert re.search(r"server \{\s+listen 80;\s+access_log \S+ without_codes;", template)
    assert "access-logfile" not in ENTRYPOINT.read_text("utf-8")  # gunicorn knows no such mask


def test_all_rooms_are_there():
    staff = {"web", "worker", "worker-long", "beat", "migrate", "valkey", "backup"}
    assert {"nginx", "postgres", "web-public", "valkey-public", *staff} == set(SERVICES)


def test_the_public_face_knows_no_key_and_no_server_of_the_staff_side():
    public, staff = SERVICES["web-public"]["environment"], SERVICES["web"]["environment"]
    assert (public["FACE"], staff["FACE"]) == ("public", "staff")
    known = [
        {
            name
            for value in environment.values()
            for name in re.findall(r"\$\{(\w+)", str(value))
            if SECRET_NAME.search(name)
        }
        for environment in (public, staff)
    ]
    assert known[0] & known[1] == {"RECEIPT_KEY"}
    assert "//public_web:" in public["DATABASE_URL"] and "@valkey-public:" in public["REDIS_URL"]
    assert "volumes" not in SERVICES["web-public"]


def test_the_proxy_gives_the_public_face_its_addresses_and_no_other():
    template = (ROOT / "deploy/nginx.conf.template").read_text("utf-8")
    to_public = re.search(r"location ~ (\S+) \{[^}]*public_face;", template)[1]
    assert to_public == front.PUBLIC.pattern  # the demo's
    for address in ALL:
        given = {"code": "X", "version": "1", "pk": "1", "name": "x"}
        if address.name in FACE_PUBLIC - {"healthz"}:
            assert re.search(to_public, address.url(**given))
        elif address.name not in PUBLIC and address.parameters == ():
            assert not re.search(to_public, address.url())


def test_the_public_side_alone_knows_no_key_that_opens_a_person_and_serves_as_its_own_role():
    services = yaml.safe_load((ROOT / "docker-compose.public.yml").read_text("utf-8"))["services"]
    logins = {
        name: one.get("environment", {}).get("DATABASE_URL", "//").split("/")[2].split(":")[0]
        for name, one in services.items()
    }
    assert {name: login for name, login in logins.items() if login} == {
        "web-public": "public_web", "prepare": "owner", "ferry": "public_ferry",
    }  # fmt: skip
    text = (ROOT / "docker-compose.public.yml").read_text("utf-8")
    assert not re.search("FIELD_KEYS|BLIND_INDEX_KEY|AUDIT_SEAL_KEY|INBOX_PRIVATE_KEY|DATABASE_OWNER_URL|migrate", text)
    assert {name for name, one in services.items() if "ports" in one} == {"nginx"}
    assert {name for name, one in services.items() if "FERRY_KEY_FILE" in one.get("environment", {})} == {"ferry"}
    for used, rest in re.findall(r"\$\{(\w+)([^}]*)\}", text):
        assert not SECRET_NAME.search(used) or rest.startswith(":?请在 .env 中设置"), used
    masks = [
        re.search(r"map \$request_uri.*?;\n\}", (ROOT / f"deploy/nginx{name}.conf.template").read_text(), re.DOTALL)[0]
        for name in ("", "-public")
    ]
    assert masks[0] == masks[1]


def test_the_workers_take_every_queue_of_the_schedule():
    from config.celery import app

    queues = {app.conf.task_default_queue} | {route["queue"] for route in app.conf.task_routes.values()}
    taken = {service["command"][1] for service in SERVICES.values() if service.get("command", [""])[0] == "worker"}
    assert taken == queues


def test_no_secret_has_a_default():
    """Each is taken from the environment, and a missing one stops the start with a sentence."""
    for name, service in SERVICES.items():
        for variable, value in service.get("environment", {}).items():
            for used, rest in re.findall(r"\$\{(\w+)([^}]*)\}", str(value)):
                if used in ONLY_WHILE_A_KEY_CHANGES:
                    assert rest == ":-", f"{name}: {used}"
                elif SECRET_NAME.search(used):
                    assert rest.startswith(":?请在 .env 中设置"), f"{name}: {used}"
            if SECRET_NAME.search(variable) or variable.endswith("_URL") and variable != "PUBLIC_URL":
                assert "${" in str(value), f"{name}: {variable} is written out"


def test_only_migrate_knows_the_owner():
    knowing = {name for name, service in SERVICES.items() if "DATABASE_OWNER_URL" in service.get("environment", {})}
    assert knowing == {"migrate"}
    for name in ("web", "web-public", "worker", "worker-long", "beat"):
        assert "OWNER_DB_PASSWORD" not in str(SERVICES[name]["environment"])


def test_only_nginx_is_reachable_from_outside():
    assert {name for name, service in SERVICES.items() if "ports" in service} == {"nginx"}


def test_data_lies_in_volumes():
    volumes = [volume for service in SERVICES.values() for volume in service.get("volumes", [])]
    used = {re.sub(r"\$\{\w+:-(\w+)\}", r"\1", volume).split(":")[0] for volume in volumes}
    assert {name for name in used if not name.startswith("./")} == set(COMPOSE["volumes"])
    assert all((ROOT / name).exists() for name in used if name.startswith("./"))


def test_the_image_that_keeps_files_makes_their_folder():
    """A volume takes owner and content from the image that mounts it first; a stranger's would leave it to root."""
    mounts = {name: service.get("volumes", []) for name, service in SERVICES.items() if "build" not in service}
    apps = {
        volume.split(":")[0]
        for service in SERVICES.values()
        if "build" in service
        for volume in service.get("volumes", [])
    }
    shared = [
        volume
        for volumes in mounts.values()
        for volume in volumes
        if volume.split(":")[0] in apps - {"${BACKUP_FOLDER"}
    ]
    assert shared == ["media:/media:nocopy"]


def test_an_image_is_built_without_asking_a_registry_for_a_builder():
    assert "syntax=" not in (ROOT / "Dockerfile").read_text("utf-8")


@pytest.mark.parametrize("name", ["nginx", "nginx-public"])
def test_the_application_is_told_the_port_that_the_browser_used(name):
    """Without it a form that is sent from another port than 80 and 443 is refused as somebody else's."""
    template = (ROOT / f"deploy/{name}.conf.template").read_text("utf-8")
    assert re.findall(r"proxy_set_header Host (\S+);", template) == ["$http_host"]


def test_the_image_gets_the_locale_of_the_embedded_server():
    assert SERVICES["postgres"]["environment"]["POSTGRES_INITDB_ARGS"] == " ".join(LOCALE).replace("=UTF-8", "=C.UTF-8")


def test_the_database_writes_no_statement_and_no_row_into_its_log():
    assert {f"{name}={value}" for name, value in QUIET.items()} <= set(SERVICES["postgres"]["command"])


def test_example_lists_every_variable():
    example = (ROOT / ".env.example").read_text("utf-8")
    settings = (ROOT / "config/settings.py").read_text("utf-8")
    read = set(re.findall(r"""(?:env(?:\.\w+)?|required|whole|lights|networks|key_ring)\(\s*"([A-Z_]+)\"""", settings))
    needed = set(re.findall(r"\$\{(\w+)", (ROOT / "docker-compose.yml").read_text("utf-8")))
    needed |= set(re.findall(r"\$\{([A-Z_]+):-", ENTRYPOINT.read_text("utf-8")))
    assert not {name for name in read | needed if not re.search(rf"\b{name}\b", example)}


def test_every_line_of_the_example_arrives():
    example = re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text("utf-8"), re.MULTILINE)
    compose = (ROOT / "docker-compose.yml").read_text("utf-8")
    assert not [name for name in example if not re.search(rf"\$\{{{name}\b", compose)]


def enter(role: str, **environment: str) -> subprocess.CompletedProcess:
    words = [str(ENTRYPOINT), *role.split()]
    return subprocess.run(
        words, env={"PATH": os.environ["PATH"], **environment}, capture_output=True, text=True, timeout=10
    )


@pytest.mark.parametrize("role", ["web", "worker prompt", "beat", "migrate"])
def test_a_missing_setting_stops_the_start_with_a_sentence(role):
    result = enter(role)
    assert result.returncode == 1
    assert "缺少环境变量" in result.stderr
    assert "SECRET_KEY" in result.stderr and "DATABASE_URL" in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("role", ["web", "worker prompt", "beat"])
def test_what_serves_refuses_the_owners_login(role):
    result = enter(role, **KEYS, ALLOWED_HOSTS="x", DATABASE_URL="x", DATABASE_OWNER_URL="x")
    assert result.returncode == 1
    assert "不得持有数据库所有者的登录" in result.stderr


@pytest.mark.parametrize("role", ["web", "worker prompt"])
@pytest.mark.parametrize("variable", ["MEDIA_ROOT", "ERASURE_LIST"])
def test_a_folder_that_cannot_be_written_stops_the_start_with_a_sentence(role, variable):
    place = {"MEDIA_ROOT": "/etc", "ERASURE_LIST": "/etc/list.jsonl"}[variable]
    servers = {"ALLOWED_HOSTS": "x", "DATABASE_URL": "x", "PATH": os.environ["PATH"]}
    with ENTRYPOINT.open() as script:
        result = subprocess.run(
            ["sh", "-s", *role.split()], env=KEYS | servers | {variable: place}, stdin=script, cwd="/", capture_output=True,
            text=True, timeout=10, user=65534 if os.geteuid() == 0 else None,
        )  # fmt: skip
    assert result.returncode == 1
    assert "不能写入文件夹 /etc" in result.stderr and len(result.stderr.splitlines()) == 1


KEY = "dGVzdHMtb25seS10ZXN0cy1vbmx5LXRlc3RzLW9ubHk="


def started_with(variable: str, value: str, code: str = "import config.settings") -> subprocess.CompletedProcess:
    keys = {"SECRET_KEY": "x", "FIELD_KEYS": f'["1:{KEY}"]', "BLIND_INDEX_KEY": KEY, "AUDIT_SEAL_KEY": KEY}
    servers = {"DATABASE_URL": "postgres://web@127.0.0.1/app", "REDIS_URL": "redis://127.0.0.1/0"}
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT, env={"PATH": os.environ["PATH"], **servers, **keys, variable: value}, capture_output=True, text=True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("FIELD_KEYS", "geheim"),
        ("FIELD_KEYS", '["geheim"]'),
        ("FIELD_KEYS", '{"1": "geheim"}'),
        ("FIELD_KEYS", "[]"),
        ("FIELD_KEYS", "7"),
        ("FIELD_KEYS", '["1:Z2VoZWlt"]'),  # valid base64, six bytes
        ("FIELD_KEYS", f'["1:{KEY}", "1:{KEY}"]'),
        ("BLIND_INDEX_KEY", "geheim!"),
        ("AUDIT_SEAL_KEY", "Z2VoZWlt"),
    ],
)
def test_a_key_that_cannot_be_one_stops_the_start_and_is_not_shown(variable, value):
    result = started_with(variable, value)
    assert result.returncode == 1
    assert f"ImproperlyConfigured: 环境变量 {variable} " in result.stderr
    assert "geheim" not in result.stderr and "Z2VoZWlt" not in result.stderr and KEY not in result.stderr


@pytest.mark.parametrize(
    "value",
    [
        "10.12.0.0/33",
        "10.12.0.7/24",
        "10.12.0",
        "10.12.0.0-10.12.0.9",
        "2001:db8::/129",
        "管理网",
        "10.12.0.0/24，10.13.0.0/24",
    ],
)
def test_a_network_that_is_none_stops_the_start_with_a_sentence(value):
    result = started_with("ADMIN_NETWORKS", f"192.0.2.1, {value}")
    assert result.returncode == 1
    assert f"ImproperlyConfigured: 环境变量 ADMIN_NETWORKS 里的“{value}”不是网段" in result.stderr


@pytest.mark.parametrize(("value", "number"), [("", 0), (" , ", 0), ("10.12.0.0/24, 2001:db8::/64,192.0.2.1,::1", 4)])
def test_networks_of_both_kinds_and_none(value, number):
    code = "from config.settings import ADMIN_NETWORKS; print(len(ADMIN_NETWORKS))"
    assert started_with("ADMIN_NETWORKS", value, code).stdout == f"{number}\n"


@pytest.mark.parametrize(
    ("variable", "value"), [("IDLE_ACCOUNT_DAYS", "3"), ("IDLE_ACCOUNT_DAYS", "-1"), ("TEMPORARY_CREDENTIAL_DAYS", "0")]
)
def test_a_number_of_days_that_helps_nobody_stops_the_start(variable, value):
    assert f"环境变量 {variable} 应为" in started_with(variable, value).stderr


@pytest.fixture
def fresh(tmp_path) -> Path:
    """A folder with what deploy/new-env.sh reads."""
    (tmp_path / "deploy").mkdir()
    shutil.copy(ROOT / "deploy/new-env.sh", tmp_path / "deploy")
    shutil.copy(ROOT / ".env.example", tmp_path)
    return tmp_path


def new_env(folder: Path, *words: str) -> subprocess.CompletedProcess:
    return subprocess.run([folder / "deploy/new-env.sh", *words], capture_output=True, text=True, timeout=30)


def test_a_new_env_has_all_that_compose_asks_for_and_the_settings_take_it(fresh):
    assert new_env(fresh, "party.example.gov.cn").returncode == 0
    made = fresh / ".env"
    assert made.stat().st_mode & 0o777 == 0o600
    lines = dict(re.findall(r"^([A-Z_]+)=(.+)$", made.read_text("utf-8"), re.MULTILINE))
    asked = set(re.findall(r"\$\{(\w+):\?", (ROOT / "docker-compose.yml").read_text("utf-8")))
    assert not asked - set(lines)
    secrets = [lines[name] for name in asked if SECRET_NAME.search(name)]
    assert len(set(secrets)) == len(secrets) >= 14
    # Quotes are for compose, which takes them off.
    given = {name: lines[name].strip("'") for name in asked} | {"PATH": os.environ["PATH"], "FACE": "staff"}
    given |= {"DATABASE_URL": "postgres://web@127.0.0.1/app", "REDIS_URL": "redis://127.0.0.1/0"}
    code = "from config import settings as s; print(s.ALLOWED_HOSTS, len(s.FIELD_KEYS))"
    started = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=given, capture_output=True, text=True)
    assert started.stdout == "['party.example.gov.cn'] 1\n", started.stderr


def test_an_env_that_stands_is_never_written_over(fresh):
    new_env(fresh, "party.example.gov.cn")
    before = (fresh / ".env").read_bytes()
    again = new_env(fresh, "party.example.gov.cn")
    assert again.returncode == 1 and "没有改动" in again.stderr
    assert (fresh / ".env").read_bytes() == before


@pytest.mark.parametrize("words", [[], ["https://party.example.gov.cn"], ["a|b"], ["a b"], ["-x"]])
def test_an_env_for_no_host_is_not_made(fresh, words):
    result = new_env(fresh, *words)
    assert result.returncode == 1 and "请写明本站的域名" in result.stderr and not (fresh / ".env").exists()


def test_any_other_command_runs_as_it_is():
    assert enter("echo ready").stdout == "ready\n"


@pytest.mark.skipif(shutil.which("docker") is None, reason="no docker client")
def test_compose_reads_the_file():
    if subprocess.run(["docker", "compose", "version"], capture_output=True).returncode:
        pytest.skip("the docker client has no compose plugin")
    required = re.findall(r"\$\{(\w+):\?", (ROOT / "docker-compose.yml").read_text("utf-8"))
    environment = os.environ | dict.fromkeys(required, "x")
    result = subprocess.run(["docker", "compose", "config", "-q"], cwd=ROOT, env=environment, capture_output=True)
    assert result.returncode == 0, result.stderr


def test_lock_files_name_no_registry_and_are_hashed():
    for name in ("requirements.txt", "requirements-dev.txt"):
        text = (ROOT / name).read_text("utf-8")
        assert "://" not in text and "--index-url" not in text and "--find-links" not in text
        pinned = re.findall(r"^\S+==\S+.*\\$", text, re.MULTILINE)
        assert len(pinned) == len(re.findall(r"^[A-Za-z0-9]\S*==", text, re.MULTILINE)) > 50
    assert '"resolved"' not in (ROOT / "package-lock.json").read_text("utf-8")
