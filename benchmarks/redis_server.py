"""A temporary Redis server."""

import shutil
import subprocess
from pathlib import Path

from benchmarks.processes import end, free_port, run, start, wait_until


class RedisServer:
    """Redis on a free port. It writes every change to disk before it answers."""

    def __init__(self, folder: Path) -> None:
        if shutil.which("redis-server") is None:
            raise SystemExit("redis-server is not installed. On Debian: apt-get install redis-server")
        self.folder = folder
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        settings = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "dir": str(self.folder),
            "appendonly": "yes",
            "appendfsync": "always",
            "save": "",
        }
        options = [word for name, value in settings.items() for word in (f"--{name}", value)]
        log = self.folder / "redis.log"
        self.process = start(["redis-server", *options], log)
        wait_until(lambda: run(["redis-cli", "-p", str(self.port), "-e", "ping"]) == 0, self.process, log)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        if self.process is not None:
            end(self.process)
