"""ASGI servers: every kind in a process of its own, and uvicorn in a thread."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from asgi_tiktok import TikTokAuthMiddleware
from tests.support.ports import accepts_connections, free_port
from tests.support.waiting import wait_until

APP = "tests.support.host:app"
COMMANDS = {
    "uvicorn": "uvicorn {app} --host 127.0.0.1 --port {port} --root-path={root_path} --log-level warning",
    "hypercorn": "hypercorn {app} --bind 127.0.0.1:{port} --root-path={root_path}",
    "granian": "granian {app} --interface asgi --host 127.0.0.1 --port {port} --url-path-prefix={root_path}",
    "daphne": "daphne {app} --bind 127.0.0.1 --port {port} --root-path={root_path} --verbosity 0",
}


class FrameworkServer:
    """A server process with the sites of `tests.support.host` on a free port.

    Args:
        kind: A key of `COMMANDS`.
        folder: Where the server keeps its log and its stores.
        emulator_url: The URL of the emulator.
        root_path: The prefix that a proxy in front of the server removes.
    """

    def __init__(self, kind: str, folder: Path, emulator_url: str, root_path: str = "") -> None:
        self.port = free_port()
        self.origin = f"http://localhost:{self.port}"
        self.log = folder / "server.log"
        words = COMMANDS[kind].format(app=APP, port=self.port, root_path=root_path).split()
        command = [word for word in words if not word.endswith("=")]
        environment = {
            **os.environ,
            "EMULATOR": emulator_url,
            "FOLDER": str(folder),
            "ORIGIN": self.origin,
            "ROOT_PATH": root_path,
        }
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *command], env=environment, stdout=log, stderr=subprocess.STDOUT
            )

    def wait(self) -> None:
        """Wait until the server accepts connections."""

        def is_ready() -> bool:
            assert self.process.poll() is None, self.log.read_text()
            return accepts_connections("127.0.0.1", self.port)

        wait_until(is_ready, timeout=30, explain=self.log.read_text)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        finally:
            self.process.kill()


@contextmanager
def run_server(kind: str, folder: Path, emulator_url: str, root_path: str = "") -> Iterator[FrameworkServer]:
    """Run a server process until the end of the block."""
    server = FrameworkServer(kind, folder, emulator_url, root_path)
    try:
        server.wait()
        yield server
    finally:
        server.stop()


@contextmanager
def serve_in_thread(site: TikTokAuthMiddleware, port: int) -> Iterator[None]:
    """Run the site under uvicorn in a thread until the end of the block."""
    server = uvicorn.Server(uvicorn.Config(site, host="127.0.0.1", port=port, log_config=None, ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
        yield
    finally:
        server.should_exit = True
        thread.join(timeout=10)
