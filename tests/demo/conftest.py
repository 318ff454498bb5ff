import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from asgi_tiktok.demo import RunningDemo, run_demo

from .browsing import Browser

PATIENCE = 30  # seconds


class Process:
    """A command in a process of its own, started in `folder`."""

    def __init__(self, folder: Path, *arguments: str, **environ: str) -> None:
        self.stdout = folder / "stdout"
        self.stderr = folder / "stderr"
        command = [sys.executable, "-m", "asgi_tiktok", *arguments]
        with self.stdout.open("w") as stdout, self.stderr.open("w") as stderr:
            self.popen = subprocess.Popen(
                command, cwd=folder, stdout=stdout, stderr=stderr, env={**os.environ, **environ}
            )

    def wait_until_ready(self) -> None:
        wait_until(lambda: "Ctrl-C ends it." in self.stdout.read_text() or self.popen.poll() is not None)
        assert self.popen.poll() is None, self.stderr.read_text()

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        self.popen.send_signal(number)
        return self.popen.wait(PATIENCE)


def wait_until(ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Start `asgi-tiktok` with these arguments; whatever still runs after the test is ended."""
    started: list[Process] = []

    def start_one(*arguments: str, **environ: str) -> Process:
        started.append(Process(tmp_path, *arguments, **environ))
        return started[-1]

    yield start_one
    for process in started:
        if process.popen.poll() is None:
            process.popen.kill()
            process.popen.wait()


@pytest.fixture
def browser() -> Iterator[Browser]:
    browser = Browser()
    yield browser
    browser.close()


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[RunningDemo]:
    with run_demo(port=0, emulator_port=0, folder=tmp_path / "demo") as running:
        yield running


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port
