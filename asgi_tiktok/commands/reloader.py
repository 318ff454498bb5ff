"""An app under uvicorn on sockets that listen already, started anew whenever a file changes."""

import multiprocessing
import os
import socket
import threading
import time
from collections.abc import Sequence
from copy import deepcopy
from functools import partial
from multiprocessing.connection import wait
from typing import Any

import uvicorn
from uvicorn.config import LOGGING_CONFIG
from uvicorn.supervisors import ChangeReload

GRACE = 2  # seconds for requests under way
PATIENCE = 5  # seconds for the app to end
LOOK = 0.2  # seconds between two looks at whether it is time


def serve_reloading(target: str, listeners: Sequence[socket.socket]) -> None:
    """Serve the app until Ctrl-C or SIGTERM, in a child of this process, which must be in its main thread."""
    config = uvicorn.Config(
        target, reload=True, workers=1, log_config=quiet_logging(), timeout_graceful_shutdown=GRACE
    )
    server = uvicorn.Server(config)
    try:
        ChangeReload(config, target=partial(serve, server), sockets=list(listeners)).run()
    finally:
        for child in multiprocessing.active_children():
            child.terminate()
            child.join()


def quiet_logging() -> dict[str, Any]:
    """uvicorn's, with requests and troubles; where it runs is told by us."""
    config = deepcopy(LOGGING_CONFIG)
    config["loggers"]["uvicorn.error"]["level"] = "WARNING"
    return config


def serve(server: uvicorn.Server, sockets: list[socket.socket] | None) -> None:
    """Serve until told to end, in the child."""
    threading.Thread(target=see_it_end, args=(server,), name="end", daemon=True).start()
    server.run(sockets=sockets)


def see_it_end(server: uvicorn.Server) -> None:
    """Nothing of the app outlives the command, and nothing in it holds up a reload or Ctrl-C."""
    parent = multiprocessing.parent_process()
    while not server.should_exit:
        if parent is not None and wait([parent.sentinel], timeout=LOOK):
            server.should_exit = True
    time.sleep(PATIENCE)
    os._exit(1)
