"""Real servers in processes of their own."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from asgi_tiktok import TikTokAuthMiddleware
from tests.support.ports import free_port

APP = "tests.support.host:app"
COMMANDS = {
    "uvicorn": "uvicorn {app} --host 127.0.0.1 --port {port} --root-path={root_path} --log-level warning",
    "hypercorn": "hypercorn {app} --bind 127.0.0.1:{port} --root-path={root_path}",
    "granian": "granian {app} --interface asgi --host 127.0.0.1 --port {port} --url-path-prefix={root_path}",
    "daphne": "daphne {app} --bind 127.0.0.1 --port {port} --root-path={root_path} --verbosity 0",
}


class Server:
    """One server of this kind on a port of its own, started and not waited for."""

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
        """Until it answers."""
        for _ in range(600):
            assert self.process.poll() is None, self.log.read_text()
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
            except ConnectionRefusedError:
                time.sleep(0.05)
            else:
                return
        raise AssertionError(f"no answer on port {self.port}: {self.log.read_text()}")

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        finally:
            self.process.kill()


@contextmanager
def serving(kind: str, folder: Path, emulator_url: str, root_path: str = "") -> Iterator[Server]:
    server = Server(kind, folder, emulator_url, root_path)
    try:
        server.wait()
        yield server
    finally:
        server.stop()


@contextmanager
def serve_in_thread(site: TikTokAuthMiddleware, port: int) -> Iterator[None]:
    """The site under uvicorn on a loopback port, in a thread of its own."""
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
