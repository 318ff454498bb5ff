"""Serve an app with uvicorn on given sockets, and restart it when a file changes."""

import logging.config
import multiprocessing
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from multiprocessing import resource_tracker
from multiprocessing.connection import wait
from pathlib import Path

import uvicorn
from uvicorn.supervisors import ChangeReload

from asgi_tiktok.commands.app_loader import load_app
from asgi_tiktok.commands.terminal_log import log_config

REQUEST_TIMEOUT = 2  # seconds for open requests when the app stops
EXIT_TIMEOUT = 5  # seconds for the app to end when it stops
POLL_INTERVAL = 0.2  # seconds
NOT_OWN = {"__pycache__", "node_modules"}
HAS_SIGNAL_MASK = hasattr(signal, "pthread_sigmask")  # not on Windows


class Reloader(ChangeReload):  # type: ignore[misc,valid-type] # one of two classes: with or without watchfiles
    """Restarts the app when one of its own files changes.

    The process of the app gets Ctrl-C only when it can handle it. Before that, Python would print a traceback.
    """

    def startup(self) -> None:
        with ctrl_c_held():
            super().startup()

    def restart(self) -> None:
        with ctrl_c_held():
            super().restart()

    def iter_py_files(self) -> Iterator[Path]:
        """Yield the files to look at. uvicorn calls this four times in a second, unless `watchfiles` is installed."""
        for folder in self.config.reload_dirs:
            yield from own_files(folder)


def own_files(folder: Path) -> Iterator[Path]:
    """Yield the folder's Python files, without those of a virtual environment, which has thousands."""
    for path, folders, files in os.walk(folder):
        if "pyvenv.cfg" in files:
            folders.clear()
            continue
        folders[:] = [name for name in folders if not name.startswith(".") and name not in NOT_OWN]
        yield from (Path(path, name).resolve() for name in files if name.endswith(".py"))


def serve_reloading(target: str, listeners: Sequence[socket.socket], *, factory: bool = False) -> None:
    """Serve the app in a child process until Ctrl-C or SIGTERM. Must be called in the main thread."""
    config = uvicorn.Config(
        target, reload=True, workers=1, log_config=log_config("app"), timeout_graceful_shutdown=REQUEST_TIMEOUT
    )
    # The constructor has configured this process for the lines of the app.
    logging.config.dictConfig(log_config("dev"))
    server = uvicorn.Server(config)
    try:
        Reloader(config, target=partial(serve, server, factory), sockets=list(listeners)).run()
    finally:
        for child in multiprocessing.active_children():
            child.terminate()
            child.join()


@contextmanager
def ctrl_c_held() -> Iterator[None]:
    """Deliver Ctrl-C after the block. A process that is started in the block inherits this."""
    if not HAS_SIGNAL_MASK:
        yield
        return
    # Before the block, because the start of the tracker ends with the delivery of signals.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def serve(server: uvicorn.Server, factory: bool, sockets: list[socket.socket] | None) -> None:
    """Serve the app in the child process until the server is asked to exit."""
    if HAS_SIGNAL_MASK:
        # The parent gets Ctrl-C, too, and ends this process. Not SIG_IGN, which processes of the app would inherit.
        signal.signal(signal.SIGINT, lambda number, frame: None)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    server.config.app = load_app(str(server.config.app), factory=factory)
    threading.Thread(target=enforce_exit, args=(server,), name="exit", daemon=True).start()
    server.run(sockets=sockets)


def enforce_exit(server: uvicorn.Server) -> None:
    """End this process if its parent has ended, or if the app does not stop in time."""
    parent = multiprocessing.parent_process()
    while not server.should_exit:
        if parent is not None and wait([parent.sentinel], timeout=POLL_INTERVAL):
            server.should_exit = True
    time.sleep(EXIT_TIMEOUT)
    os._exit(1)
