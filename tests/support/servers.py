"""ASGI servers: every kind in a process of its own, and uvicorn in a thread."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from tests.support.ports import free_port
from tests.support.processes import Process
from tests.support.waiting import TIMEOUT, wait_until

ROOT = Path(__file__).parents[2]
APP = "tests.support.host:app"
COMMANDS = {
    "uvicorn": "uvicorn {app} --host 127.0.0.1 --port {port} --root-path={root_path} --log-level warning",
    "hypercorn": "hypercorn {app} --bind 127.0.0.1:{port} --root-path={root_path}",
    "granian": "granian {app} --interface asgi --host 127.0.0.1 --port {port} --url-path-prefix={root_path}",
    "daphne": "daphne {app} --bind 127.0.0.1 --port {port} --root-path={root_path} --verbosity 0",
}


@contextmanager
def run_server(kind: str, folder: Path, emulator_url: str, root_path: str = "", app: str = APP) -> Iterator[str]:
    """Run a server process with an app, by default the sites of `tests.support.host`, until the end of the block.

    Args:
        kind: A key of `COMMANDS`.
        folder: Where the server keeps its output and its stores.
        emulator_url: The URL of the emulator.
        root_path: The prefix that a proxy in front of the server removes.
        app: The import string of the app.

    Yields:
        The origin of the server.
    """
    port = free_port()
    origin = f"http://localhost:{port}"
    words = COMMANDS[kind].format(app=app, port=port, root_path=root_path).split()
    # An empty root path is left out, because a server may reject it.
    command = [sys.executable, "-m", *(word for word in words if not word.endswith("="))]
    # The process runs in `folder`, where it would not find this package.
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    environ = {
        "PYTHONPATH": path,
        "EMULATOR": emulator_url,
        "FOLDER": str(folder),
        "ORIGIN": origin,
        "ROOT_PATH": root_path,
    }
    process = Process(folder, command, **environ)
    try:
        process.wait_until_listening(port)
        yield origin
    finally:
        process.end(signal.SIGTERM)


@contextmanager
def serve_in_thread(site: ASGIApp, port: int) -> Iterator[None]:
    """Run the site under uvicorn in a thread until the end of the block."""
    server = uvicorn.Server(uvicorn.Config(site, host="127.0.0.1", port=port, log_config=None, ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.started or not thread.is_alive())
        assert thread.is_alive()
        yield
    finally:
        server.should_exit = True
        thread.join(TIMEOUT)
