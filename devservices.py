"""PostgreSQL and Valkey for a machine that has neither: from Python packages, as ordinary processes, on free ports.

    .venv/bin/python devservices.py exec --data .local/demo -- manage.py shell

starts both servers on the data folder, runs the command with DATABASE_URL, DATABASE_OWNER_URL, REDIS_URL and the
folder's own keys in its environment, and stops what it started. Where another run already serves the same folder
(a demo, say), the command joins it. Set DATABASE_URL with DATABASE_OWNER_URL, or REDIS_URL, replace the embedded
server of that kind.

Who starts the servers holds a lock on DATA/lock until it ends. The kernel frees the lock however the process dies, so
there is no stale state to judge: lock free means that whatever still runs is a leftover.
"""

import argparse
import base64
import contextlib
import fcntl
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import IO, NamedTuple, Protocol

from tools.embedded import EmbeddedPostgres, EmbeddedValkey, StartFailed, die_with_parent, stop_process

NEEDED = ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL")
JOIN_PATIENCE = 60  # seconds for another run's first start, initdb included
CHILD_PATIENCE = 25  # seconds for a command to end after it was told to


class Server(Protocol):
    process: subprocess.Popen | None
    log: Path

    def start(self) -> dict[str, str]: ...
    def stop(self) -> None: ...


class Running(NamedTuple):
    environment: dict[str, str]  # for whoever works on the data folder
    servers: dict[str, subprocess.Popen]  # those started here, by the name of their log


def say(text: str) -> None:
    """To stderr: scripts read a command's own output from stdout."""
    print(text, file=sys.stderr, flush=True)


def write_private(path: Path, content: object) -> None:
    """JSON that only its owner may read, there completely or not at all."""
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(content, file, ensure_ascii=False, indent=1)
    fresh.rename(path)


@contextlib.contextmanager
def signals_as_interrupt() -> Iterator[None]:
    """The first signal to end raises KeyboardInterrupt, later ones are ignored: cleaning up runs undisturbed.

    Where it comes in the middle of a fork or a destructor, Python drops what is raised: then it is raised once more.
    """
    endings = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup: the terminal's end is not ours
        endings.append(signal.SIGHUP)

    def interrupt(signum: int, frame: FrameType | None) -> None:
        for one in endings:
            signal.signal(one, signal.SIG_IGN)
        raise KeyboardInterrupt

    def dropped(what: "sys.UnraisableHookArgs") -> None:
        if what.exc_type is not KeyboardInterrupt:
            sys.__unraisablehook__(what)
            return
        signal.signal(signal.SIGALRM, interrupt)
        signal.setitimer(signal.ITIMER_REAL, 0.05)  # not at once: here too it would be dropped

    for one in endings:
        signal.signal(one, interrupt)
    sys.unraisablehook = dropped
    yield


def try_lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def make_folder(data: Path) -> Path:
    """The data folder, made where it is missing. A folder that holds the checkout itself is refused."""
    data = data.resolve()
    if data == Path(__file__).resolve().parent:  # DATA= (empty) would fill the checkout itself
        raise StartFailed("数据目录不能为空，也不能是项目目录本身；请写成例如 DATA=.local/demo。")
    try:
        data.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=data):
            pass
    except OSError as error:
        raise StartFailed(f"数据目录 {data} 不能使用（{error.strerror}）；请换一个可以写入的目录。") from None
    return data


def folder_settings(data: Path) -> dict[str, str]:
    """Where the folder's files lie, and its keys: made with it, because what they encrypted lies in it.

    Call it with the lock held, or after somebody who held it.
    """

    def key() -> str:
        return base64.b64encode(secrets.token_bytes(32)).decode()

    path = data / "secrets.json"
    kept = json.loads(path.read_text("utf-8")) if path.exists() else {}
    made = {
        "SECRET_KEY": secrets.token_urlsafe(50),
        "FIELD_KEYS": json.dumps([f"1:{key()}"]),
        "BLIND_INDEX_KEY": key(),
        "AUDIT_SEAL_KEY": key(),
        "RECEIPT_KEY": kept.get("BLIND_INDEX_KEY") or key(),  # a folder from before it was a key of its own
    }
    if missing := {name: value for name, value in made.items() if name not in kept}:
        kept |= missing
        write_private(path, kept)
    return kept | {"MEDIA_ROOT": str(data / "media")}


def refuse_half_a_database() -> None:
    """Migrations need the owner's login, pages the web one; one without the other would mix two databases."""
    if bool(os.environ.get("DATABASE_URL")) != bool(os.environ.get("DATABASE_OWNER_URL")):
        raise StartFailed("DATABASE_URL 和 DATABASE_OWNER_URL 必须同时设置，或者都不设置（都不设置时使用内置数据库）。")


def without_own_settings(found: dict[str, str]) -> dict[str, str]:
    """What the user set in the environment wins over what the folder offers."""
    return {name: value for name, value in found.items() if not os.environ.get(name)}


def join_or_lock(data: Path, lock: IO[str], guests: IO[str]) -> dict[str, str] | None:
    """The servers of the run that holds the lock; None when the lock is ours now."""
    deadline = time.monotonic() + JOIN_PATIENCE
    while not try_lock(lock):
        fcntl.flock(guests, fcntl.LOCK_SH)  # first say that we are coming, then look: it removes its note, then stops
        with contextlib.suppress(OSError, ValueError):
            return json.loads((data / "services.json").read_text("utf-8"))
        fcntl.flock(guests, fcntl.LOCK_UN)
        if time.monotonic() > deadline:
            raise StartFailed(f"另一个命令正在 {data} 上启动服务，但迟迟没有完成；请稍后重试。")
        time.sleep(0.1)
    return None


def joined_environment(data: Path, found: dict[str, str]) -> dict[str, str]:
    environment = without_own_settings(found | folder_settings(data))
    if missing := [name for name in NEEDED if not (environment.get(name) or os.environ.get(name))]:
        raise StartFailed(f"{data} 上正在运行的命令使用外部服务；要与它一起运行，请同样设置 {'、'.join(missing)}。")
    return environment


def wait_for_guests(note: Path, guests: IO[str]) -> None:
    """Those who joined us work on our servers."""
    if not try_lock(guests):
        say("[服务] 还有其他命令在使用数据库，等它们结束后再停止（Ctrl-C 立即停止）……")
        fcntl.flock(guests, fcntl.LOCK_EX)
    note.unlink(missing_ok=True)


@contextlib.contextmanager
def own_servers(data: Path, fast: bool, guests: IO[str]) -> Iterator[Running]:
    """Start what the environment does not already name; stop it at the end. Call with the lock held."""
    started_at = time.monotonic()
    note = data / "services.json"
    note.unlink(missing_ok=True)
    settings = folder_settings(data)
    wanted: list[Server] = []
    if not os.environ.get("DATABASE_URL"):
        wanted.append(EmbeddedPostgres(data, fast))
    if not os.environ.get("REDIS_URL"):
        wanted.append(EmbeddedValkey(data, fast))
    with contextlib.ExitStack() as running:
        found: dict[str, str] = {}
        for server in wanted:
            found |= server.start()
            running.callback(server.stop)
        running.callback(note.unlink, missing_ok=True)
        write_private(note, found)
        if wanted:
            say(f"[服务] 内置服务已就绪（{time.monotonic() - started_at:.1f} 秒）")
        processes = {server.log.stem: server.process for server in wanted if server.process}
        yield Running(without_own_settings(found | settings), processes)
        wait_for_guests(note, guests)  # on an ordinary end only: an interrupted run stops its servers at once


@contextlib.contextmanager
def services(data: Path, fast: bool = False) -> Iterator[Running]:
    """What whoever works on the data folder needs, while its servers run."""
    refuse_half_a_database()
    data = make_folder(data)
    with (data / "lock").open("a") as lock, (data / "joined").open("a") as guests:
        found = join_or_lock(data, lock, guests)
        if found is not None:
            yield Running(joined_environment(data, found), {})
        else:
            with own_servers(data, fast, guests) as running:
                yield running


def child_environment(extra: dict[str, str]) -> dict[str, str]:
    """The virtual environment's programs first, so that `-- pytest` and `-- python` mean the project's own."""
    programs = str(Path(sys.executable).parent)
    return os.environ | extra | {"PATH": f"{programs}{os.pathsep}{os.environ.get('PATH', '')}"}


def run_command(command: list[str], environment: dict[str, str]) -> int:
    if Path(command[0]).suffix == ".py":
        command = [sys.executable, *command]
    try:
        process = subprocess.Popen(
            command, env=child_environment(environment), preexec_fn=die_with_parent(signal.SIGTERM)
        )
    except FileNotFoundError:
        say(f"找不到命令：{command[0]}")
        return 127
    try:
        code = process.wait()
    except KeyboardInterrupt:
        stop_process(process, signal.SIGTERM, CHILD_PATIENCE)
        return 130
    return code if code >= 0 else 128 - code


def parse_arguments(words: list[str]) -> tuple[argparse.Namespace, list[str]]:
    split = words.index("--") if "--" in words else len(words)
    parser = argparse.ArgumentParser(description="在内置的 PostgreSQL 和 Valkey 上运行一个命令")
    parser.add_argument("mode", choices=["exec"])
    parser.add_argument("--data", type=Path, default=Path(".local/demo"), help="数据目录（默认 .local/demo）")
    parser.add_argument("--fast", action="store_true", help="用于测试：不保证断电后数据完整")
    options = parser.parse_args(words[:split])
    command = words[split + 1 :]
    if not command:
        parser.error("请在 -- 之后写上要运行的命令，例如：exec --data .local/demo -- manage.py shell")
    return options, command


def main() -> int:
    options, command = parse_arguments(sys.argv[1:])
    try:
        with signals_as_interrupt(), services(options.data, options.fast) as running:
            return run_command(command, running.environment)
    except StartFailed as failure:
        say(str(failure))
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
