"""gunicorn as deploy/entrypoint.sh starts it, on this test process's own database and broker number."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from django.conf import settings
from django.db import connection

from tools.embedded import die_with_parent

HOST = "127.0.0.1"


def free_port() -> int:
    with socket.socket() as free:
        free.bind((HOST, 0))
        return free.getsockname()[1]


class Server:
    """For transactional tests: other processes see only what is committed."""

    def __init__(
        self, application: str = "config.wsgi", *, workers: int = 1, threads: int = 4, **environment: str
    ) -> None:
        self.application, self.workers, self.threads = application, workers, threads
        self.port = free_port()
        server = os.environ["DATABASE_URL"].rsplit("/", 1)[0]
        self.environment = os.environ | {
            "DATABASE_URL": f"{server}/{connection.settings_dict['NAME']}",
            "DATABASE_ROLE": "web",
            "REDIS_URL": settings.REDIS_URL,
            "DJANGO_SETTINGS_MODULE": "config.settings",
            **environment,
        }
        self.environment.pop("DATABASE_OWNER_URL", None)

    def start(self) -> None:
        self.launch()
        self.wait(listening=True)

    def launch(self) -> None:
        """Without waiting: two servers start side by side."""
        command = [str(Path(sys.executable).parent / "gunicorn"), self.application, "--bind", f"{HOST}:{self.port}"]
        options = ["--no-control-socket", "--log-level", "warning", "--keep-alive", "75"]
        numbers = ["--workers", str(self.workers), "--threads", str(self.threads)]
        self.process = subprocess.Popen(
            [*command, *numbers, *options],
            env=self.environment,
            start_new_session=True,
            preexec_fn=die_with_parent(signal.SIGTERM),  # a test run that is killed leaves no server behind
        )

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.wait(listening=False)

    def wait(self, *, listening: bool) -> None:
        end = time.monotonic() + 30
        while time.monotonic() < end:
            with socket.socket() as link:
                if (link.connect_ex((HOST, self.port)) == 0) is listening:
                    return
            time.sleep(0.1)
        raise AssertionError("the server neither starts nor ends")
