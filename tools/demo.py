"""The demo: servers, migrations, the demo city once per data folder, then web, workers and beat until Ctrl-C.

Run by `make demo`. Everything it starts ends with it: told from here, or by the kernel when this process is killed
(see die_with_parent).
"""

import argparse
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import unicodedata
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from devservices import NEEDED, make_folder, services, signals_as_interrupt, try_lock, write_private
from tools.embedded import HOST, StartFailed, die_with_parent, stop_process
from tools.faces import Faces, faces, serving_environment

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = Path(sys.executable).parent
SEED = 1
ANSWER_PATIENCE = 180  # seconds from the start of the web server to its first answer
STOP_PATIENCE = 15  # seconds for what an earlier, killed demo started to end
COLUMNS = {
    "persona": "身份",
    "username": "账号",
    "password": "密码",
    "role": "角色",
    "level": "级别",
    "unit": "单位",
}


# --- before anything is started -----------------------------------------------------------------------------------


def port_is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As gunicorn does: connections of an earlier run in TIME_WAIT are no obstacle, a listener is.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except PermissionError:
            raise StartFailed(f"没有权限使用端口 {port}；请换一个 1024 以上的端口：make demo PORT=8000") from None
        except OSError:
            return False
    return True


def require_free_port(port: int, patience: float) -> None:
    deadline = time.monotonic() + patience
    while not port_is_free(port):
        if time.monotonic() > deadline:
            raise StartFailed(
                f"端口 {port} 已被其他程序占用，演示没有启动。"
                f"请先停掉占用它的程序，或换一个端口：make demo PORT={port + 1 if port < 65535 else 8000}"
            )
        time.sleep(0.2)


@contextlib.contextmanager
def only_demo_of(data: Path) -> Iterator[None]:
    """One demo per data folder: two would share the note that tells scripts where it is."""
    started_at = time.monotonic()
    with (data / "demo.lock").open("a") as lock:
        while not try_lock(lock):
            # One whose make was just killed notices within a second; one without a note is stopping already.
            patience = 2 if (data / "demo.json").exists() else STOP_PATIENCE
            if time.monotonic() - started_at > patience:
                raise StartFailed(f"数据目录 {data} 上已经有一个演示在运行；请先停止它，或换一个目录：make demo DATA=…")
            time.sleep(0.2)
        yield


def require_servers(environment: dict[str, str]) -> None:
    """The user's own servers must answer: migrations, and the web server after a minute, would fail less clearly."""
    for name in NEEDED:
        address = urllib.parse.urlsplit(environment[name])
        if not address.hostname:  # a socket's file
            continue
        port = address.port or (6379 if name == "REDIS_URL" else 5432)
        try:
            socket.create_connection((address.hostname, port), timeout=5).close()
        except OSError as error:
            reason = error.strerror or error
            raise StartFailed(
                f"{name} 指向的服务器 {address.hostname}:{port} 没有应答（{reason}），演示没有启动。"
            ) from None


# --- the database -------------------------------------------------------------------------------------------------


def manage(environment: dict[str, str], *words: str) -> None:
    """Run one management command to its end."""
    process = subprocess.Popen(
        [sys.executable, "manage.py", *words], cwd=ROOT, env=environment, preexec_fn=die_with_parent(signal.SIGTERM)
    )
    try:
        code = process.wait()
    except KeyboardInterrupt:
        stop_process(process, signal.SIGTERM, 15)
        raise
    if code:
        raise StartFailed(f"manage.py {words[0]} 没有成功（退出码 {code}），演示没有启动。")


def prepare_database(data: Path, environment: dict[str, str], businesses: int) -> None:
    manage(environment, "migrate", "-v0")
    record = data / "seeded.json"
    if record.exists():
        seeded = json.loads(record.read_text("utf-8"))["businesses"]
        if seeded != businesses:
            print(f"[演示] 沿用数据目录中已有的演示城市（{seeded:,} 家经营主体）；要重新生成，请换一个 DATA。")
        return
    print(f"[演示] 首次启动，正在生成演示城市（{businesses:,} 家经营主体）……", flush=True)
    started_at = time.monotonic()
    manage(environment, "import_divisions")
    accounts = ["--accounts-file", str(data / "accounts.json")]
    manage(environment, "seed_demo", "--businesses", str(businesses), "--seed", str(SEED), *accounts)
    write_private(record, {"businesses": businesses, "seed": SEED})
    print(f"[演示] 演示城市已生成（{time.monotonic() - started_at:.0f} 秒）", flush=True)


# --- what serves --------------------------------------------------------------------------------------------------


def gunicorn(application: str, port: int, *more: str) -> list[str]:
    memory = ["--worker-tmp-dir", "/dev/shm"] if Path("/dev/shm").is_dir() else []
    return (
        # The control socket would lie in the home folder and be shared by two demos.
        ["gunicorn", application, "--bind", f"{HOST}:{port}", "--log-level=warning", "--no-control-socket"]
        # A browser keeps a connection for a minute: closing it sooner resets whatever it sends at that moment.
        + ["--timeout=120", "--graceful-timeout=5", "--keep-alive=75"]
        + ["--limit-request-line=8190"]  # as deploy/entrypoint.sh
        + [*memory, *more]
    )


Told = tuple[list[str], dict[str, str]]  # a command and its environment


def webs(port: int, environment: dict[str, str], two: Faces | None) -> dict[str, Told]:
    """What answers at the address: one process that is both faces, or both behind a front."""
    if two is None:
        return {"web": (gunicorn("config.wsgi", port, "--workers=2", "--threads=4"), serving_environment(environment))}
    return {
        "web": (gunicorn("config.wsgi", two.staff_port, "--workers=2", "--threads=4"), two.staff),
        "web-public": (gunicorn("config.wsgi", two.public_port, "--workers=1", "--threads=4"), two.public),
        "front": (gunicorn("tools.front", port, "--workers=1", "--threads=16"), two.front),
    }


def workers(data: Path, environment: dict[str, str]) -> dict[str, Told]:
    worker = ["celery", "-q", "-A", "config", "worker", "-l", "warning", "--without-gossip", "--without-mingle"]
    beat = ["celery", "-q", "-A", "config", "beat", "-l", "warning", "--pidfile=", "-s", str(data / "beat")]
    return {
        # Two queues, two workers: an import of minutes must not delay what is due within seconds.
        "worker-prompt": ([*worker, "-n", "prompt@%h", "-Q", "prompt", "-c", "1"], environment),
        "worker-long": ([*worker, "-n", "long@%h", "-Q", "long", "-c", "1"], environment),
        "beat": (beat, environment),
    }


def start_all(data: Path, port: int, environment: dict[str, str]) -> dict[str, subprocess.Popen]:
    two = faces(data, environment)
    told = webs(port, environment, two) | workers(data, two.staff if two else serving_environment(environment))
    started: dict[str, subprocess.Popen] = {}
    for name, (command, its_environment) in told.items():
        with (data / f"{name}.log").open("wb") as log:
            started[name] = subprocess.Popen(
                [PROGRAMS / command[0], *command[1:]],
                cwd=ROOT,
                env=its_environment,
                stdout=log,
                stderr=log,
                # Not SIGTERM: the broker dies too, and a worker that shuts down in order would wait for it for ever.
                preexec_fn=die_with_parent(signal.SIGKILL),
            )
    return started


def stop_all(processes: dict[str, subprocess.Popen]) -> None:
    """Ask all at once; a worker in the middle of a long job is told to drop it (the job is taken up again later)."""
    for signum, patience in ((signal.SIGTERM, 8), (signal.SIGQUIT, 5), (signal.SIGKILL, 5)):
        running = [process for process in processes.values() if process.poll() is None]
        for process in running:
            process.send_signal(signum)
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline and any(process.poll() is None for process in running):
            time.sleep(0.05)


def last_lines(log: Path) -> str:
    return "\n".join(log.read_text("utf-8", errors="replace").splitlines()[-20:])


def refuse_if_one_ended(data: Path, processes: dict[str, subprocess.Popen]) -> None:
    for name, process in processes.items():
        if process.poll() is not None:
            log = data / f"{name}.log"
            raise StartFailed(
                f"{last_lines(log)}\n[演示] {name} 意外结束（退出码 {process.returncode}），完整日志见 {log}"
            )


def wait_until_it_answers(url: str, data: Path, processes: dict[str, subprocess.Popen]) -> None:
    deadline = time.monotonic() + ANSWER_PATIENCE
    while not (answers(f"{url}/healthz") and answers(f"{url}/notice/")):  # one address of either face
        refuse_if_one_ended(data, processes)
        if time.monotonic() > deadline:
            log = data / "web.log"
            raise StartFailed(f"{last_lines(log)}\n[演示] {url}/healthz 一直没有正常应答，完整日志见 {log}")
        time.sleep(0.1)


def answers(url: str) -> bool:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a machine's proxy must not be asked
    try:
        with direct.open(url, timeout=5) as response:
            return response.status == 200
    except OSError:
        return False


# --- telling people and scripts -----------------------------------------------------------------------------------


def note_for_scripts(data: Path, url: str) -> dict:
    known = json.loads((data / "accounts.json").read_text("utf-8"))
    public = {name: f"{url}{path}" for name, path in known["public"].items()}
    return {"url": url, "accounts": known["accounts"], "public": public}


def display_width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)


def table(rows: list[dict[str, str]]) -> str:
    """A table for the terminal, where a Chinese character is two columns wide."""
    lines = [list(COLUMNS.values())] + [[str(row.get(name) or "") for name in COLUMNS] for row in rows]
    widths = [max(map(display_width, column)) for column in zip(*lines, strict=True)]
    padded = [
        [cell + " " * (width - display_width(cell)) for cell, width in zip(line, widths, strict=True)] for line in lines
    ]
    padded.insert(1, ["─" * width for width in widths])
    return "\n".join("  ".join(line).rstrip() for line in padded)


def announce(note: dict, data: Path, seconds: float) -> None:
    print(f"\n{table(note['accounts'])}\n")
    print(
        f"[演示] 地址 {note['url']} （{seconds:.1f} 秒就绪；账号与公开页地址另见 {data / 'demo.json'}；Ctrl-C 停止）",
        flush=True,
    )


# --- all of it ----------------------------------------------------------------------------------------------------


def serve(
    data: Path,
    port: int,
    environment: dict[str, str],
    servers: dict[str, subprocess.Popen],
    make: int | None,
    started_at: float,
) -> None:
    """Until a signal raises KeyboardInterrupt, one of the processes ends by itself, or make above us was killed."""
    url = f"http://{HOST}:{port}"
    note = data / "demo.json"
    processes = start_all(data, port, environment)
    try:
        wait_until_it_answers(url, data, servers | processes)
        content = note_for_scripts(data, url)
        write_private(note, content)
        announce(content, data, time.monotonic() - started_at)
        while make is None or os.getppid() == make:
            refuse_if_one_ended(data, servers | processes)
            time.sleep(0.5)
    finally:
        note.unlink(missing_ok=True)
        stop_all(processes)


def demo_settings(port: int) -> dict[str, str]:
    return {
        "DEMO": "1",
        "DEBUG": "0",
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "PYTHONUNBUFFERED": "1",
        # Cookies do not know ports: without a name of its own, a second demo would sign the first one out.
        "SESSION_COOKIE_NAME": f"sessionid_{port}",
    }


def run(data: Path, port: int, businesses: int, make: int | None = None) -> None:
    started_at = time.monotonic()
    data = make_folder(data)
    with only_demo_of(data):
        # A note that outlived its demo: that one was killed, and what it started may need a moment to end.
        note = data / "demo.json"
        require_free_port(port, patience=STOP_PATIENCE if note.exists() else 0)
        note.unlink(missing_ok=True)
        with services(data) as running:
            environment = os.environ | running.environment | demo_settings(port)
            require_servers(environment)
            prepare_database(data, environment, businesses)
            serve(data, port, environment, running.servers, make, started_at)


def port_number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise argparse.ArgumentTypeError(f"端口应是 1 到 65535 之间的数字，而不是「{text}」")
    return int(text)


def positive_number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"经营主体数量应是正整数，而不是「{text}」")
    return int(text)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make demo", description="启动演示")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--port", type=port_number, required=True)
    parser.add_argument("--businesses", type=positive_number, required=True)
    parser.add_argument("--make", type=int, help="make 的进程号：它被强行结束时，演示随之停止")
    options = parser.parse_args()
    try:
        with signals_as_interrupt():
            run(options.data, options.port, options.businesses, options.make)
    except StartFailed as failure:
        print(failure, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("[演示] 已停止。", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
