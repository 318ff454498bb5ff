"""The worker processes of a site."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx2

from benchmarks.processes import end, start, wait_until
from benchmarks.settings import Settings


class Worker:
    """A process under uvicorn. Its socket survives a kill, so that requests wait for the next process."""

    def __init__(self, settings: Settings, log: Path) -> None:
        self.settings = settings
        self.log = log
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port = int(self.listener.getsockname()[1])
        self.process = self.spawn()

    def spawn(self) -> subprocess.Popen[bytes]:
        fd = self.listener.fileno()
        environ = {**os.environ, **self.settings.to_environ()}
        return start([sys.executable, "-m", "benchmarks.worker", str(fd)], self.log, environ=environ, pass_fds=[fd])

    @property
    def pid(self) -> int:
        return self.process.pid

    def is_ready(self) -> bool:
        try:
            return httpx2.get(f"http://127.0.0.1:{self.port}", timeout=1, trust_env=False).is_success
        except httpx2.TransportError:
            return False

    def kill(self) -> None:
        self.process.kill()

    def restart(self) -> None:
        """Start a new process after a kill, and return when it answers."""
        self.process.wait()
        self.process = self.spawn()
        wait_until(self.is_ready, self.process, self.log)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def end(self) -> None:
        self.resume()
        end(self.process)
        self.listener.close()


@contextmanager
def serving(settings: Sequence[Settings], folder: Path) -> Iterator[list[Worker]]:
    """Run a worker with each of these settings until the block ends. Their logs are in `folder`."""
    workers: list[Worker] = []
    try:
        for number, each in enumerate(settings):
            workers.append(Worker(each, folder / f"worker{number}.log"))
        for worker in workers:
            wait_until(worker.is_ready, worker.process, worker.log)
        yield workers
    finally:
        for worker in workers:
            worker.end()
