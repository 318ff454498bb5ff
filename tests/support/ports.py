"""Ports on the loopback interface."""

import socket


def free_port() -> int:
    """Return a port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_listening(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server accepts connections on the port."""
    try:
        socket.create_connection((host, port), timeout=2).close()
    except OSError:
        return False
    return True
