"""Ports of this machine: the requested one, or the next free one."""

import errno
import socket
from collections.abc import Callable
from contextlib import ExitStack
from typing import TypeVar

from asgi_tiktok.emulator.server import listen as listen_at
from asgi_tiktok.errors import ConfigurationError

T = TypeVar("T")

MAX_TRIES = 20
UNAVAILABLE = (errno.EADDRINUSE, errno.EACCES)


def on_port(port: int | None, default: int, option: str, bind: Callable[[int], T]) -> T:
    """Return the result of `bind` for the port, or for the first free port from `default` on if `port` is None.

    Raises ConfigurationError, which names the command's option.
    """
    candidates = range(default, default + MAX_TRIES) if port is None else (port,)
    for candidate in candidates:
        try:
            return bind(candidate)
        except OSError as error:
            if error.errno not in UNAVAILABLE or port is not None:
                raise ConfigurationError(f"{reason(candidate, error)} Choose another with {option}.") from error
    raise ConfigurationError(
        f"The ports {candidates[0]} to {candidates[-1]} are in use. Choose another with {option}."
    )


def reason(port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} is in use by another program."
    if error.errno == errno.EACCES:
        return f"Port {port} needs administrator rights; ports above 1023 do not."
    return f"Port {port} cannot be opened ({error.strerror})."


def listen_on(
    port: int | None, default: int, option: str, stack: ExitStack, host: str | None = None
) -> list[socket.socket]:
    """Return sockets that listen on localhost, or on another address, until the stack is closed.

    Raises ConfigurationError as `on_port`.
    """

    def bind(candidate: int) -> list[socket.socket]:
        return listen(candidate) if host is None else [listen_at(host, candidate)]

    listeners = on_port(port, default, option, bind)
    for listener in listeners:
        stack.enter_context(listener)
    return listeners


def listen(port: int) -> list[socket.socket]:
    """Return sockets for the name localhost: 127.0.0.1, and also ::1 on a machine with IPv6."""
    listener = socket.create_server(("127.0.0.1", port))
    try:
        twin = socket.create_server(("::1", listener.getsockname()[1]), family=socket.AF_INET6)
    except OSError as error:
        if error.errno in UNAVAILABLE:
            listener.close()
            raise
        return [listener]
    return [listener, twin]
