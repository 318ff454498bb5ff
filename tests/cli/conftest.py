import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from asgi_tiktok.commands.developing import VARIABLES

PATIENCE = 20  # seconds
APP = """\
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from asgi_tiktok import TikTokAuthMiddleware


async def me(request):
    return JSONResponse({"version": 1, "name": request.user.display_name, "id": request.user.identity})


app = TikTokAuthMiddleware(Starlette(routes=[Route("/me", me)]))
"""


class Process:
    """`asgi-tiktok` in a process of its own."""

    def __init__(self, folder: Path, *arguments: str, **environ: str) -> None:
        self.stdout, self.stderr = folder / "stdout", folder / "stderr"
        command = [sys.executable, "-m", "asgi_tiktok", *arguments]
        with self.stdout.open("w") as stdout, self.stderr.open("w") as stderr:
            self.popen = subprocess.Popen(
                command, cwd=folder, stdout=stdout, stderr=stderr, env={**os.environ, **environ}
            )

    def wait_until_ready(self) -> str:
        """What it says once it runs."""
        wait_until(lambda: "Ctrl-C ends it." in self.stdout.read_text() or self.popen.poll() is not None)
        assert self.popen.poll() is None, self.stderr.read_text()
        return self.stdout.read_text()

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        self.popen.send_signal(number)
        return self.popen.wait(PATIENCE)


def wait_until(ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the person who runs the tests has set."""
    others = ("WEB_CONCURRENCY", "UVICORN_WORKERS", "UVICORN_ROOT_PATH", "GUNICORN_CMD_ARGS", "FORWARDED_ALLOW_IPS")
    for variable in (*VARIABLES, *others):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with an app in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "main.py").write_text(APP)
    return tmp_path


@pytest.fixture
def start(folder: Path) -> Iterator[Callable[..., Process]]:
    """Start `asgi-tiktok` in the folder; whatever still runs after the test is ended."""
    started: list[Process] = []

    def start_one(*arguments: str, **environ: str) -> Process:
        started.append(Process(folder, *arguments, **environ))
        return started[-1]

    yield start_one
    for process in started:
        if process.popen.poll() is None:
            process.popen.terminate()
            process.popen.wait()


@pytest.fixture
def visitor() -> Iterator[httpx2.Client]:
    with httpx2.Client(follow_redirects=True, timeout=PATIENCE) as client:
        yield client
