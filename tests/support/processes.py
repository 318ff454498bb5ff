"""Programs that tests start in a process of their own."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from tests.support.ports import is_listening
from tests.support.waiting import TIMEOUT, wait_until

READY = "Press Ctrl-C to stop."

Start = Callable[..., "Process"]


class Process:
    """A program that runs in `folder` and writes to the files `stdout` and `stderr` there.

    After the `with` block it is ended with Ctrl-C, unless it has ended already.
    """

    def __init__(self, folder: Path, command: Sequence[str], **environ: str) -> None:
        self.stdout, self.stderr = folder / "stdout", folder / "stderr"
        with self.stdout.open("w") as stdout, self.stderr.open("w") as stderr:
            self.popen = subprocess.Popen(
                command, cwd=folder, stdout=stdout, stderr=stderr, env={**os.environ, **environ}
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self.popen.poll() is None:
            self.end()

    @property
    def output(self) -> str:
        return self.stdout.read_text() + self.stderr.read_text()

    def wait_until_ready(self) -> str:
        """Wait until `asgi-tiktok` is ready, and return its output on stdout."""
        self.wait_until(lambda: READY in self.stdout.read_text())
        return self.stdout.read_text()

    def wait_until_listening(self, port: int) -> None:
        self.wait_until(lambda: is_listening(port))

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait for the condition. Fail if the program ends before."""
        wait_until(lambda: self.popen.poll() is not None or condition())
        assert self.popen.poll() is None, self.output

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        """Send the signal and return the exit status. A program that does not end is killed, and the test fails."""
        self.popen.send_signal(number)
        try:
            return self.popen.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            raise


@contextmanager
def starting(folder: Path) -> Iterator[Start]:
    """Yield a function that starts `asgi-tiktok` in the folder. After the block, end all that still run."""
    started: list[Process] = []

    def start(*arguments: str, **environ: str) -> Process:
        started.append(Process(folder, [sys.executable, "-m", "asgi_tiktok", *arguments], **environ))
        return started[-1]

    try:
        yield start
    finally:
        for process in started:
            if process.popen.poll() is None:
                process.end(signal.SIGTERM)
