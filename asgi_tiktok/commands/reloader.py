"""Serve an app with uvicorn on given sockets, and restart it when a file changes."""

import multiprocessing
import os
import socket
import threading
import time
from collections.abc import Sequence
from copy import deepcopy
from functools import partial
from multiprocessing.connection import wait

import uvicorn
from uvicorn.config import LOGGING_CONFIG
from uvicorn.supervisors import ChangeReload

REQUEST_TIMEOUT = 2  # seconds for open requests when the app stops
EXIT_TIMEOUT = 5  # seconds for the app to end when it stops
POLL_INTERVAL = 0.2  # seconds


def serve_reloading(target: str, listeners: Sequence[socket.socket]) -> None:
    """Serve the app in a child process until Ctrl-C or SIGTERM. Must be called in the main thread."""
    logging = deepcopy(LOGGING_CONFIG)
    # Hides the address that uvicorn prints, because `dev` prints it itself.
    logging["loggers"]["uvicorn.error"]["level"] = "WARNING"
    config = uvicorn.Config(
        target, reload=True, workers=1, log_config=logging, timeout_graceful_shutdown=REQUEST_TIMEOUT
    )
    server = uvicorn.Server(config)
    try:
        ChangeReload(config, target=partial(serve, server), sockets=list(listeners)).run()
    finally:
        for child in multiprocessing.active_children():
            child.terminate()
            child.join()


def serve(server: uvicorn.Server, sockets: list[socket.socket] | None) -> None:
    """Serve the app in the child process until the server is asked to exit."""
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
