"""A real server for the emulator, for browsers and for clients in other processes."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from asgi_tiktok.emulator.app import Emulator
from asgi_tiktok.emulator.endpoints.fault_injection import ABORT_KEY
from asgi_tiktok.emulator.world.hosts import is_loopback

__all__ = ["RunningEmulator", "listen", "run_emulator", "serving", "url_of"]

RUNNING: dict[str, Emulator] = {}
"""The emulators that this process serves, by their addresses."""


@dataclass(frozen=True, slots=True)
class RunningEmulator:
    """A running emulator.

    Attributes:
        url (str): The base URL, for example "http://127.0.0.1:8700", or the `public_url` of the emulator.
        emulator (Emulator): The emulator that is served.
        port (int): The port at which it listens. That of a `public_url` may be another one.
    """

    url: str
    emulator: Emulator
    port: int


class AbortableProtocol(H11Protocol):
    """HTTP protocol that lets the app close the connection, by calling `scope[ABORT_KEY]`."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        app = self.app

        async def abortable(scope: Scope, receive: Receive, send: Send) -> None:
            await app({**scope, ABORT_KEY: transport.abort}, receive, send)

        self.app = abortable


@contextmanager
def run_emulator(
    emulator: Emulator | None = None, *, host: str = "127.0.0.1", port: int = 0
) -> Iterator[RunningEmulator]:
    """Serve the emulator from a thread until the block ends.

    Args:
        emulator (Emulator | None): The emulator. Default: a new one.
        host (str): A loopback host. With the `public_url` of an emulator, also another address of this machine, or
            "0.0.0.0" for all of them. Any caller that reaches it can sign in as anybody. Default: "127.0.0.1".
        port (int): The port. Default: 0, a free port.

    Raises:
        ValueError: `host` is not a loopback host, and the emulator has no `public_url`.
        OSError: The port is in use.
    """
    emulator = emulator or Emulator()
    if not is_loopback(host) and emulator.public_url is None:
        raise ValueError(
            f"host={host!r} is not loopback; use localhost, because the emulator signs in anybody as anybody. In a "
            "container, also give the emulator a public_url."
        )
    with listen(host, port) as listener, serving(emulator, [listener]):
        url = emulator.public_url or url_of(host, listener)
        RUNNING[url] = emulator
        try:
            yield RunningEmulator(url, emulator, listener.getsockname()[1])
        finally:
            del RUNNING[url]


@contextmanager
def serving(app: ASGIApp, listeners: Sequence[socket.socket]) -> Iterator[None]:
    """Serve the app from a thread, on listening sockets, until the block ends."""
    config = uvicorn.Config(
        app,
        http=AbortableProtocol,
        ws="none",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=(list(listeners),), daemon=True)
    thread.start()
    try:
        wait_until_started(server, thread)
        yield
    finally:
        server.should_exit = True
        thread.join()


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on this address; port 0 means any free port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family)


def url_of(host: str, listener: socket.socket) -> str:
    """Return the URL at which the socket is reachable."""
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{listener.getsockname()[1]}"


def wait_until_started(server: uvicorn.Server, thread: threading.Thread) -> None:
    while not server.started:
        if not thread.is_alive():
            raise RuntimeError("The server stopped while it was starting.")
        time.sleep(0.005)
