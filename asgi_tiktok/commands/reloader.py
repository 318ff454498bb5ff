"""Serve an app with uvicorn on given sockets, and restart it when a file changes."""

import logging.config
import multiprocessing
import os
import socket
import threading
import time
from collections.abc import Sequence
from functools import partial
from multiprocessing.connection import wait

import uvicorn
from uvicorn.supervisors import ChangeReload

from asgi_tiktok.commands.app_loader import load_app
from asgi_tiktok.commands.terminal_log import log_config

REQUEST_TIMEOUT = 2  # seconds for open requests when the app stops
EXIT_TIMEOUT = 5  # seconds for the app to end when it stops
POLL_INTERVAL = 0.2  # seconds


def serve_reloading(target: str, listeners: Sequence[socket.socket], *, factory: bool = False) -> None:
    """Serve the app in a child process until Ctrl-C or SIGTERM. Must be called in the main thread."""
    config = uvicorn.Config(
        target, reload=True, workers=1, log_config=log_config("app"), timeout_graceful_shutdown=REQUEST_TIMEOUT
    )
    # The constructor has configured this process for the lines of the app.
    logging.config.dictConfig(log_config("dev"))
    server = uvicorn.Server(config)
    try:
        ChangeReload(config, target=partial(serve, server, factory), sockets=list(listeners)).run()
    finally:
        for child in multiprocessing.active_children():
            child.terminate()
            child.join()


def serve(server: uvicorn.Server, factory: bool, sockets: list[socket.socket] | None) -> None:
    """Serve the app in the child process until the server is asked to exit."""
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
