"""Ports of this machine: the one that was asked for, or else the next that is free."""

import errno
import socket
from collections.abc import Callable
from typing import TypeVar

from asgi_tiktok.errors import ConfigurationError

T = TypeVar("T")

TRIED = 20
TAKEN = (errno.EADDRINUSE, errno.EACCES)


def on_port(port: int | None, default: int, option: str, bind: Callable[[int], T]) -> T:
    """What `bind` makes of the port, or, when none was asked for, of the first that is free.

    Raises ConfigurationError, naming the command's option.
    """
    candidates = range(default, default + TRIED) if port is None else (port,)
    for candidate in candidates:
        try:
            return bind(candidate)
        except OSError as error:
            if error.errno not in TAKEN or port is not None:
                raise ConfigurationError(f"{reason(candidate, error)} Choose another with {option}.") from error
    raise ConfigurationError(
        f"The ports {candidates[0]} to {candidates[-1]} are taken. Choose another with {option}."
    )


def reason(port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} is taken by another program."
    if error.errno == errno.EACCES:
        return f"Port {port} is not for everybody to open; those above 1023 are."
    return f"Port {port} cannot be opened ({error.strerror})."


def listen(port: int) -> list[socket.socket]:
    """Sockets behind the name localhost, which is 127.0.0.1 and, where there is IPv6, also ::1."""
    listener = socket.create_server(("127.0.0.1", port))
    try:
        twin = socket.create_server(("::1", listener.getsockname()[1]), family=socket.AF_INET6)
    except OSError as error:
        if error.errno in TAKEN:
            listener.close()
            raise
        return [listener]
    return [listener, twin]
